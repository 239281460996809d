/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far chronyd's frequency is doubted after what may have misled it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <clockbound/types.h>

#include "tests/unit/core/world.h"

#define IS_VALID(core)		 (((core)->out.status & CLOCKBOUND_VALID) != 0)
#define HAS_REASON(core, reason) (((core)->out.status & CLOCKBOUND_REASON_##reason) != 0)

/* A path whose delay changes sides looks like a change of frequency: chronyd follows, an oscillator would not. */
static void a_frequency_that_leaves_the_steady_one_is_allowed_for_as_far_as_the_path_can_mislead(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2); /* X on its line: whose hand steers the clock is known */
	assert_int_equal(cbd_q58_to_ppb(core.growth_q58) / 1000, 50);
	world_sample(&world);
	world.poll.tracking.update_interval_ns = SECOND;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(200000);
	world.poll.source[0].error_ns = 10000000; /* 10 ms over a second could be thousands of ppm */
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_in_range(cbd_q58_to_ppb(core.growth_q58), 249000, 251000);
	/* the same from a path that cannot mislead so far */
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2); /* X on its line: whose hand steers the clock is known */
	world_sample(&world);
	world.poll.tracking.update_interval_ns = 64 * SECOND;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(200000);
	world.poll.source[0].error_ns = 200000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	/* 2 * 200 us over 64 s */
	assert_in_range(cbd_q58_to_ppb(core.growth_q58), 56000, 57000);
}

/* A burst at the start, and one interval of 64 s: two samples of the burst may have made the frequency. */
static void a_path_misleads_over_the_shortest_of_the_intervals(void **state)
{
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.poll.tracking.update_interval_ns = 0;
	world.poll.source[0].error_ns = 10000000;
	for (i = 0; i < 5; i++) {
		world_poll(&world, &core, 0);
		world_pass(&world, SECOND);
		world_poll(&world, &core, 1);
		world_pass(&world, SECOND);
		world_sample(&world);
		world.poll.tracking.update_interval_ns = 2 * SECOND;
	}
	world_pass(&world, 64 * SECOND);
	world_sample(&world);
	world.poll.tracking.update_interval_ns = 64 * SECOND;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(280000);
	world_poll(&world, &core, 0);
	/* 280 ppm, less what the steady one has followed by now, and rho */
	assert_true(cbd_q58_to_ppb(core.growth_q58) >= 325000);
	assert_true((core.out.status & CLOCKBOUND_VALID) != 0);
}

/* The path had misled chronyd before there was a daemon: its first frequency is not the oscillator's. */
static void at_the_start_an_oscillator_is_taken_to_be_near_what_it_was_made_for(void **state)
{
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(150000);
	world.poll.tracking.update_interval_ns = SECOND;
	world.poll.source[0].error_ns = 10000000;
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true((core.out.status & CLOCKBOUND_VALID) != 0);
	assert_true(cbd_q58_to_ppb(core.growth_q58) >= 199000);
}

/* A frequency that was uncertain when the clock was stepped is no better a measure of what was made of it since. */
static void the_frequency_before_a_movement_is_doubted_as_far_as_it_was_then(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(70000);
	world.poll.tracking.skew_q58 = cbd_q58_from_ppb(60000);
	world.poll.tracking.update_interval_ns = SECOND;
	world_pass(&world, SECOND);
	world_sample(&world);
	world_poll(&world, &core, 0);
	assert_true(cbd_q58_to_ppb(core.growth_q58) >= 109000);
	world_step(&world, 500000000);
	world_pass(&world, SECOND);
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(90000);
	world.poll.tracking.skew_q58 = cbd_q58_from_ppb(100);
	world_poll(&world, &core, 1);
	/* 20 ppm from that one, which may have been off by 60 and more */
	assert_true(cbd_q58_to_ppb(core.doubt_q58) >= 79000);
}

/* Another chronyd, or one that has dropped its samples: what came before does not make its samples span more. */
static void another_reference_begins_to_span_anew(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_sample(&world);
	world_pass(&world, 64 * SECOND);
	world_poll(&world, &core, 1);
	world_sample(&world);
	world.poll.tracking.reference_id++;
	world.poll.tracking.update_interval_ns = SECOND;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(200000);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	/* 2 * 200 us over that second is more than it left the steady one by */
	assert_true(cbd_q58_to_ppb(core.growth_q58) >= 240000);
}

/* chronyd's regression goes over the step, and its skew does not admit it. Nobody but a poll without answer saw it. */
static void a_frequency_misled_by_a_step_that_no_answer_told_of_is_doubted(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_tracking synchronised;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	synchronised = world.poll.tracking;
	world.poll.tracking.leap_status = 3; /* no majority: chronyd keeps its samples */
	world.poll.tracking.stratum = 0;
	world_step(&world, 20000000);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_true(HAS_REASON(&core, STEP));
	world.poll.tracking = synchronised;
	world_pass(&world, 5 * SECOND);
	world_sample(&world);
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(300000);
	world_pass(&world, 2 * SECOND);
	world_poll(&world, &core, 2);
	assert_false(HAS_REASON(&core, STEP));
	assert_in_range(cbd_q58_to_ppb(core.growth_q58), 350000, 352000);
}

/* The clock is set by the real-time clock then, which is off by less than chronyd notices. */
static void a_frequency_misled_by_a_sleep_is_doubted(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world.asleep_ns += 3 * SECOND;
	world_step(&world, 20000000);
	for (i = 0; i < 3; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &core, (uint32_t)(3 + i));
		assert_false(IS_VALID(&core));
	}
	world_sample(&world);
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(300000);
	world_pass(&world, 2 * SECOND);
	world_poll(&world, &core, 2);
	assert_true(IS_VALID(&core));
	assert_in_range(cbd_q58_to_ppb(core.growth_q58), 350000, 352000);
}

/* A slew, that is, while chronyd has no majority: it goes on sampling all the same. */
static void a_frequency_misled_by_a_slew_while_chronyd_was_not_synchronised_is_doubted(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world.poll.tracking.leap_status = 3;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	world.offset_ns += 2000000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 4);
	assert_true(HAS_REASON(&core, SURPRISE));
	world.poll.tracking.leap_status = 0;
	world_pass(&world, 5 * SECOND);
	world_sample(&world);
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(300000);
	world_pass(&world, 2 * SECOND);
	world_poll(&world, &core, 2);
	assert_false(HAS_REASON(&core, SURPRISE));
	assert_in_range(cbd_q58_to_ppb(core.growth_q58), 350000, 352000);
}

/* Samples of a far source make the frequency; a near one is selected then, whose errors tell nothing of that. */
static void a_path_misleads_until_the_source_that_is_selected_has_made_the_frequency(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].error_ns = 20000000;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(40000);
	for (i = 0; i < 5; i++) {
		if (i == 3) {
			world.poll.tracking.reference_id++;
			world.poll.source[0].error_ns = 20000;
		}
		world_pass(&world, 16 * SECOND);
		world_sample(&world);
		world.poll.tracking.update_interval_ns = 16 * SECOND;
		world_poll(&world, &core, 0);
	}
	assert_int_equal(core.event.reason, 0);
	/* 40 ppm, less what the steady one has followed by now, and rho */
	assert_true(cbd_q58_to_ppb(core.growth_q58) >= 84000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_frequency_that_leaves_the_steady_one_is_allowed_for_as_far_as_the_path_can_mislead),
		cmocka_unit_test(a_path_misleads_over_the_shortest_of_the_intervals),
		cmocka_unit_test(at_the_start_an_oscillator_is_taken_to_be_near_what_it_was_made_for),
		cmocka_unit_test(the_frequency_before_a_movement_is_doubted_as_far_as_it_was_then),
		cmocka_unit_test(another_reference_begins_to_span_anew),
		cmocka_unit_test(a_frequency_misled_by_a_step_that_no_answer_told_of_is_doubted),
		cmocka_unit_test(a_frequency_misled_by_a_sleep_is_doubted),
		cmocka_unit_test(a_frequency_misled_by_a_slew_while_chronyd_was_not_synchronised_is_doubted),
		cmocka_unit_test(a_path_misleads_until_the_source_that_is_selected_has_made_the_frequency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
