/* SPDX-License-Identifier: Apache-2.0 */
/* Commit wait, in a world whose time only passes when the counter is read or the library sleeps. */
#include "tests/unit/client/world.h"

#include <clockbound/fast.h>

static struct clockbound_page page;
static const clockbound_fast fast = {&page, &page.control.epochs, NULL, 0, 0, NULL};

static int setup(void **state)
{
	world_page(&page);
	(void)world_reset(state);
	world.clock_step_ns = 100;
	return 0;
}

static void an_instant_already_past_needs_no_sleep(void **state)
{
	clockbound_interval interval;

	(void)state;
	assert_int_equal(clockbound_wait_until_past(&fast, WORLD_REAL_NS - 60000, 0, &interval),
			 CLOCKBOUND_WAIT_PAST);
	assert_true(interval.earliest_ns > WORLD_REAL_NS - 60000);
	assert_int_equal(world.sleeps, 0);
}

static void a_far_instant_is_slept_towards_and_a_near_one_spun(void **state)
{
	clockbound_interval interval;
	int64_t t_ns = WORLD_REAL_NS + 300000000;

	(void)state;
	assert_int_equal(clockbound_wait_until_past(&fast, t_ns, -1, &interval), CLOCKBOUND_WAIT_PAST);
	assert_true(interval.earliest_ns > t_ns);
	assert_in_range(interval.earliest_ns - t_ns, 1, 100); /* one round of the spin too late at most */
	assert_in_range(world.sleeps, 6, 12);
	assert_in_range(world.slept_ns, 299000000, 300050000);
}

static void the_last_stretch_is_spun_without_a_sleep(void **state)
{
	(void)state;
	assert_int_equal(clockbound_wait_until_past(&fast, WORLD_REAL_NS + 49000, -1, NULL),
			 CLOCKBOUND_WAIT_PAST);
	assert_int_equal(world.sleeps, 0);
}

static void a_wait_that_would_take_longer_than_its_timeout_ends_with_it(void **state)
{
	clockbound_interval interval;
	int64_t begin_ns = world.mono_ns;

	(void)state;
	assert_int_equal(clockbound_wait_until_past(&fast, WORLD_REAL_NS + 900000000, 120000000, &interval),
			 CLOCKBOUND_WAIT_TIMEOUT);
	assert_true(interval.earliest_ns <= WORLD_REAL_NS + 900000000);
	assert_in_range(world.mono_ns - begin_ns, 120000000, 120001000);
}

static void a_timeout_of_zero_reads_once(void **state)
{
	(void)state;
	assert_int_equal(clockbound_wait_until_past(&fast, WORLD_REAL_NS, 0, NULL), CLOCKBOUND_WAIT_TIMEOUT);
	assert_int_equal(world.sleeps, 0);
	assert_int_equal(world.counter, WORLD_COUNTER + 100);
}

static void an_instant_equal_to_earliest_is_not_past(void **state)
{
	(void)state;
	world.clock_step_ns = 0;
	assert_int_equal(clockbound_wait_until_past(&fast, WORLD_REAL_NS - 50000, 0, NULL),
			 CLOCKBOUND_WAIT_TIMEOUT);
	assert_int_equal(clockbound_wait_until_past(&fast, WORLD_REAL_NS - 50001, 0, NULL),
			 CLOCKBOUND_WAIT_PAST);
}

static void without_a_valid_interval_there_is_nothing_to_wait_with(void **state)
{
	clockbound_interval interval;

	(void)state;
	page.slot[0].hot.status = CLOCKBOUND_STATUS_UNKNOWN | CLOCKBOUND_REASON_NOT_SYNCED_YET;
	assert_int_equal(clockbound_wait_until_past(&fast, WORLD_REAL_NS - 60000, -1, &interval),
			 CLOCKBOUND_WAIT_NOT_VALID);
	assert_int_equal(interval.status, CLOCKBOUND_REASON_NOT_SYNCED_YET);
}

static void a_page_that_dies_while_waiting_ends_the_wait(void **state)
{
	clockbound_interval interval;

	(void)state;
	page.slot[0].hot.short_after = 0;
	page.slot[0].hot.stale_after = 1000;
	page.slot[0].hot.void_after = 2000; /* 131 ms */
	assert_int_equal(clockbound_wait_until_past(&fast, INT64_MAX, -1, &interval),
			 CLOCKBOUND_WAIT_NOT_VALID);
	assert_int_equal(interval.status, CLOCKBOUND_REASON_EXPIRED);
	assert_in_range(world.mono_ns - WORLD_MONO_NS, 131000000, 200000000);
}

static void a_clock_that_cannot_be_read_does_not_hang_the_wait(void **state)
{
	(void)state;
	world.clock_fails = true;
	assert_int_equal(clockbound_wait_until_past(&fast, WORLD_REAL_NS + 1000000, -1, NULL),
			 CLOCKBOUND_WAIT_TIMEOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_instant_already_past_needs_no_sleep, setup),
		cmocka_unit_test_setup(a_far_instant_is_slept_towards_and_a_near_one_spun, setup),
		cmocka_unit_test_setup(the_last_stretch_is_spun_without_a_sleep, setup),
		cmocka_unit_test_setup(a_wait_that_would_take_longer_than_its_timeout_ends_with_it, setup),
		cmocka_unit_test_setup(a_timeout_of_zero_reads_once, setup),
		cmocka_unit_test_setup(an_instant_equal_to_earliest_is_not_past, setup),
		cmocka_unit_test_setup(without_a_valid_interval_there_is_nothing_to_wait_with, setup),
		cmocka_unit_test_setup(a_page_that_dies_while_waiting_ends_the_wait, setup),
		cmocka_unit_test_setup(a_clock_that_cannot_be_read_does_not_hang_the_wait, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
