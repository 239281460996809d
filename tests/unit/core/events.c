/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement when something happens to the clock, the counter or the time scale.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <clockbound/types.h>

#include "tests/unit/core/world.h"

#define STATUS(core)		 CLOCKBOUND_STATUS_OF((core)->out.status)
#define CLOCK_STATUS(core)	 CLOCKBOUND_STATUS_OF((core)->out.clock_status)
#define IS_VALID(core)		 (((core)->out.status & CLOCKBOUND_VALID) != 0)
#define IS_CLOCK_VALID(core)	 (((core)->out.clock_status & CLOCKBOUND_VALID) != 0)
#define HAS_REASON(core, reason) (((core)->out.status & CLOCKBOUND_REASON_##reason) != 0)

/* A stranger's step: counter lines hold and contain true time, clock readers are told, old samples are refused. */
static void a_strangers_step_disrupts_clock_readers_until_a_sample_from_after_it(void **state)
{
	static const int64_t sizes_ns[] = {100000000, 5 * SECOND, -5 * SECOND, 100 * SECOND, 200000};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(sizes_ns) / sizeof(sizes_ns[0]); k++) {
		struct world world;
		struct cbd_core core;
		uint32_t epoch;
		int i;

		world_begin(&world, &core);
		epoch = core.out.clock_epoch;
		world_step(&world, sizes_ns[k]);
		for (i = 2; i < 20; i++) {
			world_pass(&world, SECOND);
			world_poll(&world, &core, (uint32_t)i);
			assert_true(IS_VALID(&core));
			assert_true(world_is_contained(&world, &core));
			assert_false(IS_CLOCK_VALID(&core));
			assert_int_equal(CLOCK_STATUS(&core), CLOCKBOUND_STATUS_DISRUPTED);
			assert_int_equal(STATUS(&core), CLOCKBOUND_STATUS_FREE_RUNNING);
			assert_true(HAS_REASON(&core, STEP));
		}
		assert_int_equal(core.out.clock_epoch, epoch + 1);
		assert_int_equal(core.stats.steps, 1);
		assert_true((cbd_core_take_request(&core) & CBD_REQUEST_RESET_SOURCES) != 0);
		assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_DISRUPTED);
		world_sample(&world);
		world_pass(&world, SECOND);
		world_poll(&world, &core, 1);
		assert_true(IS_CLOCK_VALID(&core));
		assert_true(world_is_contained(&world, &core));
		assert_true(world_is_clock_contained(&world, &core));
		assert_int_equal(STATUS(&core), CLOCKBOUND_STATUS_SYNCHRONIZED);
	}
}

static void chronyds_own_step_moves_the_epoch_and_nothing_else(void **state)
{
	struct world world;
	struct cbd_core core;
	uint32_t epoch;

	(void)state;
	world_begin(&world, &core);
	world.offset_ns = 0;
	epoch = core.out.clock_epoch;
	world_step(&world, 300000000);
	world.poll.tracking.correction_ns -= 300000000; /* makestep: X stands still */
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_int_equal(core.out.clock_epoch, epoch + 1);
	assert_true(IS_CLOCK_VALID(&core));
	assert_int_equal(core.stats.steps, 0);
	assert_true(world_is_clock_contained(&world, &core));
	assert_int_equal(cbd_core_take_request(&core), 0);
}

static void a_step_that_an_update_of_chronyd_hides_is_seen_all_the_same(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	/* chronyd updates from a sample taken before the step; then the stranger steps; then we poll. */
	world_sample(&world);
	world_step(&world, 50000000);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_false(IS_CLOCK_VALID(&core));
	assert_true(HAS_REASON(&core, STEP));
	assert_true(world_is_contained(&world, &core));
}

/* The update moves X by -300 us, the stranger steps by +300 us: X seems to have stood still. */
static void a_step_that_an_update_cancels_is_seen_all_the_same(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.offset_ns = 300000;
	world.poll.tracking.correction_ns = 0; /* X is 300 us ahead, and chronyd is about to find out */
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_pass(&world, SECOND);
	world_sample(&world);
	world_step(&world, 300000);
	world_poll(&world, &core, 0);
	assert_true(HAS_REASON(&core, STEP));
	assert_false(IS_CLOCK_VALID(&core));
	assert_true(world_is_contained(&world, &core));
}

/* A step that is taken off the samples and was never made, whoever is to blame. */
static void a_correction_that_was_not_made_is_not_believed(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.tracking.ref_time_ns = world_true_ns(&world);
	world.poll.source[0].mark++;
	world.poll.source[0].first_offset_ns = -2 * SECOND;
	world.poll.source[0].offset_ns = 0;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(HAS_REASON(&core, SURPRISE));
	assert_true(world_is_contained(&world, &core));
}

static void a_clock_slewed_by_a_stranger_widens_the_bound(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.offset_ns += 400000; /* 400 us in a second, and CLOCK_MONOTONIC with it: no step */
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_true(HAS_REASON(&core, SURPRISE));
	assert_true(IS_VALID(&core));
	assert_true(world_is_contained(&world, &core));
	assert_true(world_is_clock_contained(&world, &core));
	world_sample(&world);
	world_pass(&world, 5 * SECOND);
	world_poll(&world, &core, 2);
	assert_false(HAS_REASON(&core, SURPRISE));
	assert_true(world_is_contained(&world, &core));
}

/* chronyd's update falls between the step and the poll, and has found half of it: X moves by the other half. */
static void a_step_that_an_update_has_half_found_is_a_strangers(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core_config config = world_config();

	(void)state;
	world_init(&world);
	world.poll.has_source_data = false;
	world.poll.sources = 0;
	cbd_core_init(&core, &config);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_sample(&world);
	world_step(&world, 100000000);
	world.poll.tracking.correction_ns -= 54000000;
	world_poll(&world, &core, 0);
	assert_true(HAS_REASON(&core, STEP));
	assert_true(world_is_contained(&world, &core));
}

static void a_poll_during_which_the_clock_moved_is_thrown_away(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_sample(&world);
	world_pass(&world, SECOND);
	world.poll.before = world_anchor(&world);
	world.offset_ns += 2000000;
	world_pass(&world, 50000);
	world.poll.after = world_anchor(&world);
	cbd_core_on_poll(&core, &world.poll);
	assert_true(HAS_REASON(&core, SLIP));
	assert_int_equal(core.stats.slips, 1);
	assert_true((cbd_core_take_request(&core) & CBD_REQUEST_POLL_AGAIN) != 0);
}

static void sleep_of_the_machine_voids_the_lines_and_old_samples(void **state)
{
	struct world world;
	struct cbd_core core;
	uint32_t epoch;

	(void)state;
	world_begin(&world, &core);
	epoch = core.out.counter_epoch;
	world.asleep_ns += 60 * SECOND;
	world.offset_ns -= 60 * SECOND;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_int_equal(core.out.counter_epoch, epoch + 1);
	assert_false(IS_VALID(&core));
	assert_false(IS_CLOCK_VALID(&core));
	assert_false(core.out.has_lines);
	assert_true(HAS_REASON(&core, COUNTER_LOST));
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_false(IS_VALID(&core)); /* the sample is from before */
	world_sample(&world);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_false(IS_VALID(&core)); /* it may be from before: since_sample is cut to whole seconds */
	world_sample(&world);
	world_pass(&world, 2 * SECOND);
	world_poll(&world, &core, 2);
	assert_true(IS_VALID(&core));
	assert_true(world_is_contained(&world, &core));
}

static void a_counter_that_went_back_voids_the_lines(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.lost_ticks -= 100 * SECOND;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_false(IS_VALID(&core));
	assert_true(HAS_REASON(&core, COUNTER_LOST));
}

static void an_announced_leap_second_clamps_void_after_to_the_end_of_the_day(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_interval at;
	uint64_t void_at;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, 12 * 3600 * SECOND - 200 * SECOND);
	world_sample(&world);
	world.poll.tracking.leap_status = 1;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(IS_VALID(&core));
	void_at = core.out.lines.base + core.out.void_after_ticks;
	at = cbd_lines_at(&core.out.lines, void_at);
	assert_true(at.latest_ns <= WORLD_START_NS + 12 * 3600 * SECOND);
	assert_true(at.latest_ns > WORLD_START_NS + 12 * 3600 * SECOND - SECOND);
	assert_true(core.out.void_after_mono_ns < core.out.as_of_mono_ns + 200 * SECOND);
	/* Over the end of the day: nothing is known until a sample from after it. */
	world_pass(&world, 205 * SECOND);
	world_poll(&world, &core, 206);
	assert_false(IS_VALID(&core));
	assert_true(HAS_REASON(&core, LEAP));
	world_pass(&world, 30 * SECOND);
	world.offset_ns -= SECOND; /* POSIX time repeats a second: true time, as POSIX counts, is one less */
	world.now_ns -= SECOND;
	world.lost_ticks += SECOND;
	world.poll.tracking.leap_status = 0;
	world_poll(&world, &core, 236);
	assert_false(IS_VALID(&core));
}

/* X is 100 ms ahead, within what its sample admits, and past the midnight that is 50 ms off: the leap second is at that one. */
static void a_leap_second_is_due_at_the_midnight_that_is_not_certainly_over(void **state)
{
	const int64_t midnight_ns = WORLD_START_NS + 12 * 3600 * SECOND;
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.offset_ns = 100000000;
	world.poll.tracking.leap_status = 1;
	world.poll.source[0].error_ns = 150000000;
	world_pass(&world, 12 * 3600 * SECOND - SECOND - 50000000);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND - 50000);
	world_poll(&world, &core, 1);
	assert_true(core.leap_ns == midnight_ns);
	world_pass(&world, 60000000);
	assert_true(!IS_VALID(&core) || core.out.void_after_ticks < 50000000);
}

/* Nor is what the sample says certain any more: it is a quarter of an hour old, and 10 ms of error have become 60. */
static void so_it_is_when_only_the_samples_age_makes_that_midnight_possible(void **state)
{
	const int64_t midnight_ns = WORLD_START_NS + 12 * 3600 * SECOND;
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.offset_ns = 50000000;
	world.poll.tracking.leap_status = 1;
	world.poll.source[0].error_ns = 10000000;
	world_pass(&world, 12 * 3600 * SECOND - SECOND - 30000000);
	world_poll(&world, &core, 999);
	world_pass(&world, SECOND - 50000);
	world_poll(&world, &core, 1000);
	assert_true(core.leap_ns == midnight_ns);
	world_pass(&world, 40000000);
	assert_true(!IS_VALID(&core) || core.out.void_after_ticks < 30000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leap_second_is_due_at_the_midnight_that_is_not_certainly_over),
		cmocka_unit_test(so_it_is_when_only_the_samples_age_makes_that_midnight_possible),
		cmocka_unit_test(a_strangers_step_disrupts_clock_readers_until_a_sample_from_after_it),
		cmocka_unit_test(chronyds_own_step_moves_the_epoch_and_nothing_else),
		cmocka_unit_test(a_step_that_an_update_of_chronyd_hides_is_seen_all_the_same),
		cmocka_unit_test(a_step_that_an_update_cancels_is_seen_all_the_same),
		cmocka_unit_test(a_correction_that_was_not_made_is_not_believed),
		cmocka_unit_test(a_clock_slewed_by_a_stranger_widens_the_bound),
		cmocka_unit_test(a_step_that_an_update_has_half_found_is_a_strangers),
		cmocka_unit_test(a_poll_during_which_the_clock_moved_is_thrown_away),
		cmocka_unit_test(sleep_of_the_machine_voids_the_lines_and_old_samples),
		cmocka_unit_test(a_counter_that_went_back_voids_the_lines),
		cmocka_unit_test(an_announced_leap_second_clamps_void_after_to_the_end_of_the_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
