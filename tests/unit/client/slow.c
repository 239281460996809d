/* SPDX-License-Identifier: Apache-2.0 */
/* The slow path: lines at every age, then CLOCK_REALTIME with the clock half, always an answer. */
#include "tests/unit/client/world.h"

#include <time.h>

#include <clockbound/fast.h>

#define SYNCHRONIZED (CLOCKBOUND_VALID | CLOCKBOUND_STATUS_SYNCHRONIZED)

static struct clockbound_page page;
static const clockbound_fast fast = {&page, &page.control.epochs, NULL, 0, 0, NULL};
static int changes; /* how often on_clock may still change something */

static int setup(void **state)
{
	world_page(&page);
	return world_reset(state);
}

static clockbound_interval slow_now(void)
{
	clockbound_interval interval;

	clockbound_fast_slow_now(&fast, &interval);
	assert_true(interval.earliest_ns <= interval.latest_ns);
	return interval;
}

static void lines_of_every_age_are_used_before_the_clock(void **state)
{
	clockbound_interval interval;

	(void)state;
	world_pass(INT64_C(10000000000));
	world.real_ns = 0; /* a clock that somebody set does not concern the lines */
	interval = slow_now();
	assert_int_equal(interval.source, CLOCKBOUND_SOURCE_COUNTER);
	assert_int_equal(interval.status,
			 CLOCKBOUND_VALID | CLOCKBOUND_STATUS_FREE_RUNNING | CLOCKBOUND_REASON_DAEMON_STALE);
	assert_int_equal(interval.earliest_ns, WORLD_REAL_NS - 50000 + INT64_C(10000000000) - 9537);
	assert_int_equal(interval.latest_ns, WORLD_REAL_NS + 50000 + INT64_C(10000000000) + 9536);
}

static void expired_lines_are_expired(void **state)
{
	clockbound_interval interval;

	(void)state;
	world_pass(INT64_C(1000000000000));
	interval = slow_now();
	assert_int_equal(interval.status, CLOCKBOUND_REASON_EXPIRED);
}

static void a_counter_just_behind_the_base_counts_as_the_base(void **state)
{
	clockbound_interval interval;

	(void)state;
	world.counter = WORLD_COUNTER - 65535;
	interval = slow_now();
	assert_int_equal(interval.source, CLOCKBOUND_SOURCE_COUNTER);
	assert_int_equal(interval.earliest_ns, WORLD_REAL_NS - 50000);
	assert_int_equal(interval.latest_ns, WORLD_REAL_NS + 50000);
	world.counter = WORLD_COUNTER - 65536;
	assert_int_equal(slow_now().source, CLOCKBOUND_SOURCE_CLOCK);
}

static void a_thread_stopped_between_counter_and_slot_reads_the_counter_again(void **state)
{
	(void)state;
	world.counter = WORLD_COUNTER - 200000;
	world.clock_step_ns = 100000; /* 100000 ticks behind the base the first time, not the second */
	assert_int_equal(slow_now().source, CLOCKBOUND_SOURCE_COUNTER);
	assert_int_equal(world.counter, WORLD_COUNTER);
}

static void without_lines_the_clock_answers_with_the_bound_at_its_age(void **state)
{
	clockbound_interval interval;

	(void)state;
	page.slot[0].hot.void_after = 0;
	world_pass(2000000001);
	interval = slow_now();
	assert_int_equal(interval.source, CLOCKBOUND_SOURCE_CLOCK);
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_int_equal(interval.earliest_ns, world.real_ns - 62001);
	assert_int_equal(interval.latest_ns, world.real_ns + 62001);
}

static void the_clock_half_grows_stale_and_void_by_the_monotonic_clock(void **state)
{
	clockbound_interval interval;

	(void)state;
	world.mono_ns = WORLD_MONO_NS + INT64_C(5000000000) - 1;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, SYNCHRONIZED);
	world.mono_ns++;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status,
			 CLOCKBOUND_VALID | CLOCKBOUND_STATUS_FREE_RUNNING | CLOCKBOUND_REASON_DAEMON_STALE);
	world.mono_ns = WORLD_MONO_NS + INT64_C(1000000000000) - 1;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_not_equal(clockbound_is_valid(&interval), 0);
	world.mono_ns++;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, CLOCKBOUND_REASON_EXPIRED);
}

static void a_page_that_never_had_a_bound_is_expired_only_when_its_daemon_is_late(void **state)
{
	clockbound_interval interval;

	(void)state;
	page.slot[0].clock.status = CLOCKBOUND_STATUS_UNKNOWN | CLOCKBOUND_REASON_NOT_SYNCED_YET;
	page.slot[0].clock.void_after_mono_ns = WORLD_MONO_NS;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, CLOCKBOUND_REASON_NOT_SYNCED_YET);
	world.mono_ns = WORLD_MONO_NS + INT64_C(5000000000);
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, CLOCKBOUND_REASON_NOT_SYNCED_YET | CLOCKBOUND_REASON_EXPIRED);
}

static void a_step_that_the_slot_has_not_seen_disrupts_the_clock_but_not_the_lines(void **state)
{
	clockbound_interval interval;

	(void)state;
	page.control.epochs.clock_epoch = 1;
	assert_int_equal(slow_now().status, SYNCHRONIZED);
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_STEP);
	assert_true(interval.earliest_ns <= interval.latest_ns);
}

static void step_while_reading(int clock)
{
	if (clock == CLOCK_REALTIME && changes-- > 0) {
		world.real_ns += 1000000000;
		page.control.epochs.clock_epoch++;
		page.slot[0].clock.clock_epoch++;
		page.slot[0].clock.bound_ns = 70000;
	}
}

static void a_step_while_reading_makes_it_read_again(void **state)
{
	clockbound_interval interval;

	(void)state;
	world.on_clock = step_while_reading;
	changes = 1;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_int_equal(interval.latest_ns, WORLD_REAL_NS + 1000000000 + 70000);
}

static void steps_without_end_are_disrupted_within_bounded_rounds(void **state)
{
	clockbound_interval interval;

	(void)state;
	world.on_clock = step_while_reading;
	changes = 1000;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_STEP);
	assert_true(changes > 900);
}

static void pause_between_the_clocks(int clock)
{
	if (clock == CLOCK_MONOTONIC) {
		world_pass(1000000000);
	}
}

static void a_pause_between_the_two_clocks_only_widens(void **state)
{
	clockbound_interval interval;

	(void)state;
	world.on_clock = pause_between_the_clocks;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_int_equal(interval.earliest_ns, WORLD_REAL_NS - 61000);
	assert_int_equal(interval.latest_ns, WORLD_REAL_NS + 61000);
}

static void a_clock_that_cannot_be_read_is_not_valid_with_a_reason(void **state)
{
	clockbound_interval interval;

	(void)state;
	world.clock_fails = true;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, CLOCKBOUND_REASON_INCONSISTENT);
	assert_int_equal(interval.earliest_ns, INT64_MIN);
	assert_int_equal(interval.latest_ns, INT64_MAX);
}

static void a_processor_that_cannot_read_the_counter_is_answered_from_the_clock(void **state)
{
	const clockbound_fast blind = {&page, &page.control.epochs, NULL, 1, 0, NULL};
	clockbound_interval interval;

	(void)state;
	assert_int_equal(clockbound_fast_now(&blind, &interval), CLOCKBOUND_FAST_CANNOT);
	assert_int_equal(clockbound_fast_now_relaxed(&blind, &interval), CLOCKBOUND_FAST_CANNOT);
	clockbound_interval_now(&blind, &interval);
	assert_int_equal(interval.source, CLOCKBOUND_SOURCE_CLOCK);
	assert_int_equal(interval.status & CLOCKBOUND_VALID, CLOCKBOUND_VALID);
	clockbound_interval_now(&fast, &interval);
	assert_int_equal(interval.source, CLOCKBOUND_SOURCE_COUNTER);
}

static void a_clock_half_of_unbounded_drift_is_not_valid(void **state)
{
	clockbound_interval interval;

	(void)state;
	page.slot[0].clock.drift_ppb = UINT32_MAX - 1;
	page.slot[1].clock.drift_ppb = UINT32_MAX - 1;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status & CLOCKBOUND_VALID, CLOCKBOUND_VALID);
	page.slot[0].clock.drift_ppb = UINT32_MAX;
	page.slot[1].clock.drift_ppb = UINT32_MAX;
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status & CLOCKBOUND_VALID, 0);
	assert_int_equal(CLOCKBOUND_STATUS_OF(interval.status), CLOCKBOUND_STATUS_UNKNOWN);
}

static void a_retired_page_says_so_and_still_answers(void **state)
{
	clockbound_interval interval;

	(void)state;
	page.control.epochs.flags = CLOCKBOUND_EPOCH_RETIRED;
	assert_int_equal(slow_now().status, SYNCHRONIZED | CLOCKBOUND_REASON_RETIRED);
	clockbound_fast_clock_now(&fast, &interval);
	assert_int_equal(interval.status, SYNCHRONIZED | CLOCKBOUND_REASON_RETIRED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lines_of_every_age_are_used_before_the_clock, setup),
		cmocka_unit_test_setup(expired_lines_are_expired, setup),
		cmocka_unit_test_setup(a_counter_just_behind_the_base_counts_as_the_base, setup),
		cmocka_unit_test_setup(a_thread_stopped_between_counter_and_slot_reads_the_counter_again,
				       setup),
		cmocka_unit_test_setup(without_lines_the_clock_answers_with_the_bound_at_its_age, setup),
		cmocka_unit_test_setup(the_clock_half_grows_stale_and_void_by_the_monotonic_clock, setup),
		cmocka_unit_test_setup(a_page_that_never_had_a_bound_is_expired_only_when_its_daemon_is_late,
				       setup),
		cmocka_unit_test_setup(a_step_that_the_slot_has_not_seen_disrupts_the_clock_but_not_the_lines,
				       setup),
		cmocka_unit_test_setup(a_step_while_reading_makes_it_read_again, setup),
		cmocka_unit_test_setup(steps_without_end_are_disrupted_within_bounded_rounds, setup),
		cmocka_unit_test_setup(a_pause_between_the_two_clocks_only_widens, setup),
		cmocka_unit_test_setup(a_clock_that_cannot_be_read_is_not_valid_with_a_reason, setup),
		cmocka_unit_test_setup(a_processor_that_cannot_read_the_counter_is_answered_from_the_clock,
				       setup),
		cmocka_unit_test_setup(a_clock_half_of_unbounded_drift_is_not_valid, setup),
		cmocka_unit_test_setup(a_retired_page_says_so_and_still_answers, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
