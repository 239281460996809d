/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upstream's segment: never narrower than what the page says to clock readers, whatever the daemon has lived through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core/world.h"

#define HALF_DAY   (12 * 3600 * SECOND)
#define RATE_40_MS (CBD_Q58_ONE / 25) /* per second */

static void fail_a_poll(struct world *world, struct cbd_core *core, int64_t kernel_rate_q58)
{
	struct cbd_anchor now = world_anchor(world);

	now.kernel_rate_q58 = kernel_rate_q58;
	cbd_core_on_poll_failed(core, CBD_POLL_UNREACHABLE, &now);
}

/* What a client of upstream's makes of it @later_ns from now, rounded down. */
static int64_t half_width_ns(const struct world *world, const struct cbd_core *core, int64_t later_ns)
{
	const struct cbd_segment *segment = &core->out.segment;
	int64_t age_ns = world_anchor(world).coarse_ns + later_ns - segment->as_of_ns;

	return segment->bound_ns + age_ns / 1000 * (int64_t)segment->max_drift_ppb / 1000000;
}

static void assert_as_wide_as_the_page(const struct world *world, const struct cbd_core *core)
{
	int64_t later_ns;

	for (later_ns = 0; later_ns <= 100 * SECOND; later_ns += SECOND) {
		int64_t page_ns =
			core->out.bound_ns + later_ns / 1000 * (int64_t)core->out.drift_ppb / 1000000;

		/* 1 ns: half_width_ns() rounds down. */
		assert_true(half_width_ns(world, core, later_ns) + 1 >= page_ns);
	}
}

static void a_slew_that_a_failed_poll_sees_widens_it(void **state)
{
	struct world world;
	struct cbd_core core;
	int64_t as_of_ns;

	(void)state;
	world_begin(&world, &core);
	as_of_ns = core.out.segment.as_of_ns;
	assert_as_wide_as_the_page(&world, &core);
	world_pass(&world, 3 * SECOND);
	world.offset_ns += 3 * SECOND / 25;
	fail_a_poll(&world, &core, RATE_40_MS);
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_FREE_RUNNING);
	assert_int_equal(core.out.segment.as_of_ns, as_of_ns);
	assert_true(core.out.segment.max_drift_ppb >= 40000000);
	assert_true(half_width_ns(&world, &core, 0) >= world.offset_ns);
	assert_as_wide_as_the_page(&world, &core);
}

static void while_it_runs_freely_it_never_narrows(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_segment before;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	fail_a_poll(&world, &core, RATE_40_MS);
	before = core.out.segment;
	world_pass(&world, SECOND);
	fail_a_poll(&world, &core, 0);
	assert_true(core.out.segment.bound_ns >= before.bound_ns);
	assert_true(core.out.segment.max_drift_ppb >= before.max_drift_ppb);
	world_sample(&world);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_SYNCHRONIZED);
	assert_true(core.out.segment.max_drift_ppb < before.max_drift_ppb);
}

/* chronyd answers all the time, unsynchronised: upstream's FreeRunning has no end of its own. */
static void what_the_page_no_longer_bounds_is_unknown(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.tracking.leap_status = 3;
	world_pass(&world, 900 * SECOND);
	world_poll(&world, &core, 900);
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_FREE_RUNNING);
	assert_as_wide_as_the_page(&world, &core);
	world_pass(&world, 101 * SECOND);
	world_poll(&world, &core, 1001);
	assert_true((core.out.clock_status & CLOCKBOUND_VALID) == 0);
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_UNKNOWN);
}

static void void_after_comes_no_later_than_max_holdover(void **state)
{
	static const struct {
		int64_t holdover_ns;
		int64_t void_after_s;
	} cases[] = {{SECOND, 1}, {60 * SECOND, 60}, {1000 * SECOND, 1000}, {86400 * SECOND, 1000}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cbd_core_config config = world_config();
		struct world world;
		struct cbd_core core;

		config.max_holdover_ns = cases[i].holdover_ns;
		world_init(&world);
		cbd_core_init(&core, &config);
		world_poll(&world, &core, 0);
		world_pass(&world, SECOND);
		world_poll(&world, &core, 1);
		assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_SYNCHRONIZED);
		assert_int_equal(core.out.segment.void_after_ns % SECOND, 0);
		assert_int_equal(core.out.segment.void_after_ns / SECOND,
				 core.out.segment.as_of_ns / SECOND + cases[i].void_after_s);
	}
}

/* Readers take the status as written for 5 s, whatever void-after is. */
static void before_a_leap_second_it_is_unknown_in_time(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.tracking.leap_status = 1;
	world_pass(&world, HALF_DAY - 60 * SECOND - world.now_ns);
	world_sample(&world);
	world_poll(&world, &core, 0);
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_SYNCHRONIZED);
	assert_true(core.out.segment.void_after_ns - core.out.segment.as_of_ns <= 60 * SECOND);
	world_pass(&world, 56 * SECOND);
	world_poll(&world, &core, 56);
	assert_true((core.out.clock_status & CLOCKBOUND_VALID) != 0);
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_UNKNOWN);
}

/* A daemon that goes on with what @core left, without @has_page with its segment alone. */
static void restart(struct cbd_core *next, const struct cbd_core *core, bool has_page)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page = world_left_by(core);

	cbd_core_init(next, &config);
	if (has_page) {
		cbd_core_inherit(next, &page);
	}
	cbd_core_inherit_segment(next, &core->out.segment);
}

static void it_outlives_the_daemon_while_chronyd_is_away(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	restart(&next, &core, true);
	world_pass(&world, 2 * SECOND);
	fail_a_poll(&world, &next, RATE_40_MS);
	assert_int_equal(next.out.segment.status, CLOCKBOUND_STATUS_FREE_RUNNING);
	assert_int_equal(next.out.segment.as_of_ns, core.out.segment.as_of_ns);
	assert_int_equal(next.out.segment.void_after_ns, core.out.segment.void_after_ns);
	assert_as_wide_as_the_page(&world, &next);
	world_pass(&world, 4 * SECOND);
	fail_a_poll(&world, &next, 0);
	assert_int_equal(next.out.segment.status, CLOCKBOUND_STATUS_UNKNOWN);
	assert_int_equal(next.out.segment.as_of_ns, core.out.segment.as_of_ns);
	assert_true(next.out.segment.bound_ns >= core.out.segment.bound_ns);
}

static void a_poll_before_the_counter_is_measured_does_not_end_it(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	restart(&next, &core, true);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 2);
	assert_true(next.is_settling);
	world_pass(&world, SECOND);
	fail_a_poll(&world, &next, 0);
	assert_int_equal(next.out.segment.status, CLOCKBOUND_STATUS_FREE_RUNNING);
	assert_as_wide_as_the_page(&world, &next);
}

static void without_the_page_its_figures_stand_and_its_status_does_not(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	restart(&next, &core, false);
	world_pass(&world, SECOND);
	fail_a_poll(&world, &next, 0);
	assert_int_equal(next.out.segment.status, CLOCKBOUND_STATUS_UNKNOWN);
	assert_int_equal(next.out.segment.as_of_ns, core.out.segment.as_of_ns);
	assert_int_equal(next.out.segment.bound_ns, core.out.segment.bound_ns);
}

static void one_from_another_boot_does_not_outlive_the_first_event(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	core.out.segment.as_of_ns += 1000 * SECOND;
	core.out.segment.void_after_ns += 1000 * SECOND;
	restart(&next, &core, true);
	world_pass(&world, SECOND);
	fail_a_poll(&world, &next, 0);
	assert_int_equal(next.out.segment.status, CLOCKBOUND_STATUS_UNKNOWN);
	assert_int_equal(next.out.segment.as_of_ns, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 3);
	assert_int_equal(next.out.segment.status, CLOCKBOUND_STATUS_SYNCHRONIZED);
	assert_as_wide_as_the_page(&world, &next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slew_that_a_failed_poll_sees_widens_it),
		cmocka_unit_test(while_it_runs_freely_it_never_narrows),
		cmocka_unit_test(what_the_page_no_longer_bounds_is_unknown),
		cmocka_unit_test(void_after_comes_no_later_than_max_holdover),
		cmocka_unit_test(before_a_leap_second_it_is_unknown_in_time),
		cmocka_unit_test(it_outlives_the_daemon_while_chronyd_is_away),
		cmocka_unit_test(a_poll_before_the_counter_is_measured_does_not_end_it),
		cmocka_unit_test(without_the_page_its_figures_stand_and_its_status_does_not),
		cmocka_unit_test(one_from_another_boot_does_not_outlive_the_first_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
