/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the clock half is charged while the kernel slews: the rate that it is known to have, and what it may have
 * beyond that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/core.h"
#include "daemon/core/slew.h"
#include "tests/unit/core/world.h"

/* One poll a second after the last, in which the clock has gained @gained_ns; the kernel says @rate, give or take. */
static void poll_slewed(struct world *world, struct cbd_core *core, int64_t gained_ns, int64_t rate_q58,
			int64_t error_q58)
{
	world_pass(world, SECOND);
	world->offset_ns += gained_ns;
	world->poll.source[0].since_s++;
	world->poll.before = world_anchor(world);
	world->poll.before.kernel_rate_q58 = rate_q58;
	world->poll.before.kernel_rate_error_q58 = error_q58;
	world->poll.after = world->poll.before;
	cbd_core_on_poll(core, &world->poll);
}

static uint32_t drift_at(int64_t rate_q58, int64_t error_q58)
{
	struct cbd_core core;
	struct world world;

	world_begin(&world, &core);
	poll_slewed(&world, &core, 0, rate_q58, error_q58);
	return core.out.drift_ppb;
}

static void a_rate_that_is_known_is_charged(void **state)
{
	uint32_t calm = drift_at(0, 0);

	(void)state;
	assert_true(drift_at(cbd_q58_from_ppb(500000), 0) >= calm + 500000);
	assert_true(drift_at(-cbd_q58_from_ppb(500000), 0) >= calm + 500000);
}

static void a_slew_that_is_not_in_the_rate_is_charged_as_the_largest(void **state)
{
	uint32_t calm = drift_at(0, 0);

	(void)state;
	assert_true(drift_at(0, CBD_SLEW_SINGLE_Q58) >= calm + 500000);
	assert_true(drift_at(0, CBD_SLEW_LOOP_Q58) >= calm + 125000000);
}

/* An age by a clock that is a tenth slow is nine tenths of the true one, and so on. */
static void an_age_that_the_slew_makes_too_short_is_made_up_for(void **state)
{
	int permille;

	(void)state;
	for (permille = 0; permille <= 226; permille++) {
		int64_t rate = cbd_q58_from_ppb((uint32_t)permille * 1000000);
		double slow = permille / 1000.0;

		assert_true(drift_at(-rate, 0) >= slow / (1 - slow) * 1e9);
		if (permille <= 125) {
			assert_true(drift_at(0, rate) >= slow / (1 - slow) * 1e9);
		}
	}
}

/* Only the clock's reads: the lines know nothing of it. */
static void a_surprise_under_a_slew_of_unknown_rate_disrupts(void **state)
{
	struct cbd_core core;
	struct world world;

	(void)state;
	world_begin(&world, &core);
	poll_slewed(&world, &core, 500000, cbd_q58_from_ppb(500000), 0);
	assert_true((core.out.clock_status & CLOCKBOUND_REASON_SURPRISE) != 0);
	assert_true((core.out.clock_status & CLOCKBOUND_VALID) != 0);
	world_begin(&world, &core);
	poll_slewed(&world, &core, 500000, 0, CBD_SLEW_SINGLE_Q58);
	assert_true((core.out.status & CLOCKBOUND_VALID) != 0);
	assert_true((core.out.clock_status & CLOCKBOUND_VALID) == 0);
}

/* chronyd is misled and takes the clock away: the lines that are held do not follow, and the clock leaves them. */
static void a_clock_that_leaves_lines_which_are_held_is_charged(void **state)
{
	const uint32_t misled_ppb = 25000000;
	struct cbd_core core;
	struct world world;

	(void)state;
	world_begin(&world, &core);
	poll_slewed(&world, &core, 500000, cbd_q58_from_ppb(500000), 0);
	assert_true((core.out.clock_status & CLOCKBOUND_REASON_SURPRISE) != 0);
	world.poll.tracking.ref_time_ns += SECOND;
	world.poll.tracking.frequency_q58 = -cbd_q58_from_ppb(misled_ppb);
	poll_slewed(&world, &core, 0, cbd_q58_from_ppb(misled_ppb), 0);
	assert_true((core.out.clock_status & CLOCKBOUND_VALID) != 0);
	assert_true(core.out.drift_ppb >= misled_ppb);
}

/* Void lines have grown for longer than an oscillator is promised to keep its course: they cut nothing any more. */
static void what_was_void_does_not_narrow_a_new_sample(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_interval at;
	struct cbd_anchor now;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, 1100 * SECOND);
	now = world_anchor(&world);
	cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
	assert_int_equal(core.out.status & CLOCKBOUND_VALID, 0);
	/* from a source that is far away, and finds the clock 200 ms fast: no contradiction either */
	world.poll.source[0].error_ns = 300000000;
	world_sample(&world);
	world.poll.source[0].offset_ns = world.poll.source[0].first_offset_ns = -200000000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	at = cbd_lines_at(&core.out.lines, world.poll.before.real.counter);
	assert_int_not_equal(core.out.status & CLOCKBOUND_VALID, 0);
	assert_true(at.latest_ns - at.earliest_ns >= 600000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rate_that_is_known_is_charged),
		cmocka_unit_test(a_slew_that_is_not_in_the_rate_is_charged_as_the_largest),
		cmocka_unit_test(an_age_that_the_slew_makes_too_short_is_made_up_for),
		cmocka_unit_test(a_clock_that_leaves_lines_which_are_held_is_charged),
		cmocka_unit_test(a_surprise_under_a_slew_of_unknown_rate_disrupts),
		cmocka_unit_test(what_was_void_does_not_narrow_a_new_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
