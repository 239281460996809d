/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sample is believed after an event: one that is certainly from after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <clockbound/types.h>

#include "tests/unit/core/world.h"

#define IS_CLOCK_VALID(core)	 (((core)->out.clock_status & CLOCKBOUND_VALID) != 0)
#define HAS_REASON(core, reason) (((core)->out.status & CLOCKBOUND_REASON_##reason) != 0)

/* A refclock's sample is the mean of all that was read in a polling interval: half of them may be from before. */
static void a_refclocks_sample_is_from_after_an_event_only_with_all_its_readings(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].mode = 2;
	world.poll.source[0].poll_log2 = 4;
	world.offset_ns += 400000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_true(HAS_REASON(&core, SURPRISE));
	/* 16 s of readings up to now, seven of them from before: dated 8 s ago, and off by seven parts of the movement */
	world_pass(&world, 10 * SECOND);
	world_sample(&world);
	world.poll.source[0].offset_ns = 400000 * 7 / 16;
	world.poll.source[0].first_offset_ns += 400000 * 7 / 16;
	world_poll(&world, &core, 8);
	assert_true(HAS_REASON(&core, SURPRISE));
	assert_true(world_is_contained(&world, &core));
	world_pass(&world, 16 * SECOND);
	world_sample(&world);
	world_poll(&world, &core, 8);
	assert_false(HAS_REASON(&core, SURPRISE));
	assert_true(world_is_contained(&world, &core));
}

/* The counter and CLOCK_MONOTONIC_RAW go 50 ppm fast. */
static void pass_fast(struct world *world, int64_t ns)
{
	world_pass(world, ns);
	world->lost_ticks += ns / 20000;
	world->frozen_ns -= ns / 20000;
}

/*
 * Ages are told in chronyd's time, and what has passed by the counter: 3.2 ms more in 64 s. The sample is of an exchange that
 * ended just before a stranger's step.
 */
static void ages_and_what_has_passed_are_compared_in_one_time(void **state)
{
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.poll.source[0].error_ns = 10000;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(50000);
	for (i = 0; i < 4; i++) {
		world_poll(&world, &core, (uint32_t)i);
		pass_fast(&world, SECOND);
	}
	assert_int_equal(core.event.reason, 0);
	world_step(&world, 5000000);
	world_poll(&world, &core, 4);
	assert_true(HAS_REASON(&core, STEP));
	pass_fast(&world, 64 * SECOND);
	world.poll.tracking.ref_time_ns = world_true_ns(&world);
	world.poll.source[0].mark++;
	world_poll(&world, &core, 63);
	assert_true(HAS_REASON(&core, STEP));
	assert_true(world_is_contained(&world, &core));
}

/* Goal: a clock set an hour back must not cost an hour, although no age that chronyd tells is to be trusted. */
static void after_an_hour_back_the_fifth_sample_of_a_source_is_believed(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	world_step(&world, -3600 * SECOND);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	for (i = 0; i < 3; i++) {
		world_sample(&world);
		world_pass(&world, SECOND);
		world_poll(&world, &core, 1);
		world_pass(&world, SECOND);
		world_poll(&world, &core, 2); /* the same sample once more counts once */
		assert_true(HAS_REASON(&core, STEP));
		assert_false(IS_CLOCK_VALID(&core));
	}
	world_sample(&world);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_false(HAS_REASON(&core, STEP));
	assert_true(IS_CLOCK_VALID(&core));
	assert_true(world_is_contained(&world, &core));
	assert_true(world_is_clock_contained(&world, &core));
}

static void another_sources_sample_begins_that_count_anew(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	world_step(&world, -3600 * SECOND);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	for (i = 0; i < 12; i++) {
		world.poll.source[0].id = i % 4 == 3 ? 8 : 7;
		world_sample(&world);
		world_pass(&world, SECOND);
		world_poll(&world, &core, 1);
		assert_true(HAS_REASON(&core, STEP));
	}
}

static void a_second_step_begins_that_count_anew(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	world_step(&world, -3600 * SECOND);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	for (i = 0; i < 6; i++) {
		if (i == 3) {
			world_step(&world, -SECOND);
			world_pass(&world, SECOND);
			world_poll(&world, &core, 2);
		}
		world_sample(&world);
		world_pass(&world, SECOND);
		world_poll(&world, &core, 1);
		assert_true(HAS_REASON(&core, STEP));
	}
}

/* The tracking-only rule hangs on chronyd's regression, which a stranger's step puts off for minutes. */
static void after_a_step_the_fallback_waits_until_x_is_back_in_the_held_lines(void **state)
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
	world_step(&world, 100000000);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	assert_true(HAS_REASON(&core, STEP));
	/* a new reference, whose X is still 40 ms off */
	world_pass(&world, 10 * SECOND);
	world_sample(&world);
	world.poll.tracking.correction_ns += 40000000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	assert_true(HAS_REASON(&core, STEP));
	assert_true(world_is_contained(&world, &core));
	/* back inside, but it may only be crossing them */
	world_pass(&world, 10 * SECOND);
	world_sample(&world);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	assert_true(HAS_REASON(&core, STEP));
	world_pass(&world, 10 * SECOND);
	world_sample(&world);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	assert_false(HAS_REASON(&core, STEP));
	assert_true(world_is_contained(&world, &core));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refclocks_sample_is_from_after_an_event_only_with_all_its_readings),
		cmocka_unit_test(ages_and_what_has_passed_are_compared_in_one_time),
		cmocka_unit_test(after_an_hour_back_the_fifth_sample_of_a_source_is_believed),
		cmocka_unit_test(another_sources_sample_begins_that_count_anew),
		cmocka_unit_test(a_second_step_begins_that_count_anew),
		cmocka_unit_test(after_a_step_the_fallback_waits_until_x_is_back_in_the_held_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
