/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where leap seconds can fall, and that an announced one is not forgotten. Those here move no clock of the machine, as under
 * chronyd -x or with leapsecmode ignore.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/leap.h"
#include "daemon/core/q58.h"
#include "tests/unit/core/world.h"

#define HOUR		   (3600 * CBD_NS_PER_SEC)
#define MIDNIGHT	   (12 * HOUR) /* since the world began */
#define IS_VALID(core)	   (((core)->out.status & CLOCKBOUND_VALID) != 0)
#define IS_LEAP_SAID(core) (((core)->out.status & CLOCKBOUND_REASON_LEAP) != 0)
/* 2016-12-31T23:59:60Z stood before this midnight. */
#define NEW_YEAR_2017 (INT64_C(1483228800) * CBD_NS_PER_SEC)

static void the_end_of_the_day_is_the_next_midnight(void **state)
{
	(void)state;
	assert_true(cbd_leap_end_of_day_ns(NEW_YEAR_2017 - 1) == NEW_YEAR_2017);
	assert_true(cbd_leap_end_of_day_ns(NEW_YEAR_2017 - 24 * HOUR) == NEW_YEAR_2017);
	assert_true(cbd_leap_end_of_day_ns(NEW_YEAR_2017) == NEW_YEAR_2017 + 24 * HOUR);
	assert_true(cbd_leap_end_of_day_ns(-1) == 0);
	assert_true(cbd_leap_end_of_day_ns(INT64_MAX) >= INT64_MAX - 24 * HOUR);
}

static void an_hour_around_a_months_end_is_near_it(void **state)
{
	(void)state;
	assert_true(cbd_leap_is_near_month_end(NEW_YEAR_2017));
	assert_true(cbd_leap_is_near_month_end(NEW_YEAR_2017 - HOUR));
	assert_true(cbd_leap_is_near_month_end(NEW_YEAR_2017 + HOUR - 1));
	assert_false(cbd_leap_is_near_month_end(NEW_YEAR_2017 - HOUR - 1));
	assert_false(cbd_leap_is_near_month_end(NEW_YEAR_2017 + HOUR));
	assert_false(cbd_leap_is_near_month_end(NEW_YEAR_2017 + 24 * HOUR));
}

static void one_second_give_or_take_a_tenth_can_be_a_leap(void **state)
{
	(void)state;
	assert_true(cbd_leap_is_one_second(CBD_NS_PER_SEC));
	assert_true(cbd_leap_is_one_second(-CBD_NS_PER_SEC));
	assert_false(cbd_leap_is_one_second(CBD_NS_PER_SEC / 2));
	assert_false(cbd_leap_is_one_second(2 * CBD_NS_PER_SEC));
	assert_false(cbd_leap_is_one_second(INT64_MIN));
}

/* Announced, by a sample of @before_ns before midnight, and polled a second later. */
static void announce(struct world *world, struct cbd_core *core, int64_t before_ns)
{
	world_begin(world, core);
	world_pass(world, MIDNIGHT - before_ns - world->now_ns);
	world_sample(world);
	world->poll.tracking.leap_status = 1;
	world_pass(world, SECOND);
	world_poll(world, core, 1);
	assert_true(core->leap_ns == WORLD_START_NS + MIDNIGHT);
}

/* An inserted one: true time, as POSIX counts, is one second less than all clocks have run. */
static void leap(struct world *world)
{
	world->offset_ns += SECOND;
	world->now_ns -= SECOND;
	world->lost_ticks += SECOND;
	world->frozen_ns -= SECOND;
	world->poll.tracking.leap_status = 0;
}

/* Polls once a second from @age_s seconds after the sample: not valid, since that is from before the leap second. */
static void poll_in_vain(struct world *world, struct cbd_core *core, uint32_t age_s)
{
	uint32_t i;

	for (i = 0; i < 4; i++) {
		world_poll(world, core, age_s + i);
		assert_false(IS_VALID(core));
		world_pass(world, SECOND);
	}
}

/* ... and the first that is certainly from after it is believed. */
static void ends_by_a_sample(struct world *world, struct cbd_core *core)
{
	uint32_t i;

	world_pass(world, SECOND);
	world_sample(world);
	for (i = 0; i < 10; i++) {
		world_pass(world, SECOND);
		world_poll(world, core, i + 1);
		assert_true(!IS_VALID(core) || world_is_contained(world, core));
	}
	assert_true(IS_VALID(core));
	assert_true(core->leap_ns == 0);
}

static void a_leap_second_outlives_the_daemon(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct cbd_core core;
	struct cbd_core next;
	struct world world;

	(void)state;
	announce(&world, &core, 20 * SECOND);
	page = world_left_by(&core);
	world_pass(&world, 23 * SECOND);
	leap(&world);
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	poll_in_vain(&world, &next, 24);
	assert_true(IS_LEAP_SAID(&next));
	ends_by_a_sample(&world, &next);
}

/* The same where the page's lines cannot be gone on with. */
static void a_leap_second_outlives_the_daemon_and_its_lines(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct cbd_core core;
	struct cbd_core next;
	struct world world;

	(void)state;
	announce(&world, &core, 20 * SECOND);
	page = world_left_by(&core);
	page.has_lines = false;
	page.memory = (struct cbd_memory){.leap_ns = page.memory.leap_ns};
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world.poll.tracking.leap_status = 0; /* chronyd has been started anew, too */
	world_pass(&world, SECOND);
	world_poll(&world, &next, 2);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 3);
	world_pass(&world, 5 * SECOND);
	world_sample(&world);
	world_pass(&world, 20 * SECOND);
	leap(&world);
	poll_in_vain(&world, &next, 20);
	assert_true(IS_LEAP_SAID(&next));
	ends_by_a_sample(&world, &next);
}

static void a_leap_second_outlives_a_disruption_by_hand(void **state)
{
	struct cbd_core core;
	struct cbd_anchor now;
	struct world world;
	uint32_t i;

	(void)state;
	announce(&world, &core, 60 * SECOND);
	now = world_anchor(&world);
	cbd_core_force(&core, true, &now);
	for (i = 0; i < 30; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &core, 2 + i);
	}
	world_sample(&world);
	world_pass(&world, 32 * SECOND);
	leap(&world);
	world_poll(&world, &core, 32);
	now = world_anchor(&world);
	cbd_core_force(&core, false, &now);
	world_pass(&world, SECOND);
	poll_in_vain(&world, &core, 33);
	ends_by_a_sample(&world, &core);
}

static void a_leap_second_outlives_the_counter(void **state)
{
	struct cbd_core core;
	struct cbd_anchor now;
	struct world world;
	int i;

	(void)state;
	announce(&world, &core, 20 * SECOND);
	world_pass(&world, 3 * SECOND);
	world.asleep_ns += 3 * SECOND;
	world_poll(&world, &core, 4);
	assert_false(IS_VALID(&core));
	world_pass(&world, 5 * SECOND);
	world_poll(&world, &core, 9);
	world_pass(&world, SECOND);
	world_sample(&world);
	for (i = 0; i < 3; i++) {
		world_pass(&world, 5 * SECOND);
		now = world_anchor(&world);
		cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
	}
	leap(&world);
	poll_in_vain(&world, &core, 15);
	ends_by_a_sample(&world, &core);
}

/* Without lines, too, a sample that is certainly from before it is as good as any. */
static void before_a_leap_second_lines_are_drawn_anew(void **state)
{
	struct cbd_core core;
	struct world world;

	(void)state;
	announce(&world, &core, 60 * SECOND);
	world.asleep_ns += 3 * SECOND;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_false(IS_VALID(&core));
	world_pass(&world, 3 * SECOND);
	world_poll(&world, &core, 5);
	world_pass(&world, SECOND);
	world_sample(&world);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(IS_VALID(&core));
	assert_true(core.leap_ns == WORLD_START_NS + MIDNIGHT);
}

/* X passes midnight early and chronyd says that no leap second is due: it is, by the lines. */
static void a_stranger_who_takes_the_clock_over_midnight_withdraws_no_leap_second(void **state)
{
	struct cbd_core core;
	struct world world;
	uint32_t i;

	(void)state;
	announce(&world, &core, 20 * SECOND);
	world_pass(&world, 14 * SECOND);
	world_step(&world, 8 * SECOND);
	world_poll(&world, &core, 15);
	world.poll.tracking.leap_status = 0;
	for (i = 0; i < 2; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &core, 16 + i);
		assert_true(core.leap_ns == WORLD_START_NS + MIDNIGHT);
		assert_true(core.out.void_after_ticks < 5 * SECOND);
	}
	/* The stranger's step is undone, and over; chronyd announces again at its next update only. */
	world_step(&world, -8 * SECOND);
	world_sample(&world);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(core.leap_ns == WORLD_START_NS + MIDNIGHT);
}

static void a_stranger_who_steps_by_a_second_is_no_leap_second_that_was(void **state)
{
	struct cbd_core core;
	struct world world;

	(void)state;
	announce(&world, &core, 60 * SECOND);
	world_step(&world, -SECOND);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_true(core.leap_ns == WORLD_START_NS + MIDNIGHT);
}

static void two_calm_updates_withdraw_a_leap_second(void **state)
{
	struct cbd_core core;
	struct world world;

	(void)state;
	announce(&world, &core, HOUR);
	world.poll.tracking.leap_status = 0;
	world_pass(&world, SECOND);
	world_sample(&world);
	world_poll(&world, &core, 0);
	assert_true(core.leap_ns != 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(core.leap_ns != 0);
	world_pass(&world, SECOND);
	world_sample(&world);
	world_poll(&world, &core, 0);
	assert_true(core.leap_ns == 0);
}

/* The second before midnight is left out: from its beginning on true time is a second more than the lines have. */
static void a_deleted_leap_second_falls_a_second_before_midnight(void **state)
{
	struct cbd_core core;
	struct world world;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, MIDNIGHT - 20 * SECOND - world.now_ns);
	world_sample(&world);
	world.poll.tracking.leap_status = 2;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(IS_VALID(&core));
	world_pass(&world, MIDNIGHT - SECOND - world.now_ns);
	assert_true(world_counter(&world) - core.out.lines.base >= core.out.void_after_ticks);
	world_poll(&world, &core, 20);
	assert_false(IS_VALID(&core));
	assert_true(IS_LEAP_SAID(&core));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_the_day_is_the_next_midnight),
		cmocka_unit_test(an_hour_around_a_months_end_is_near_it),
		cmocka_unit_test(one_second_give_or_take_a_tenth_can_be_a_leap),
		cmocka_unit_test(a_leap_second_outlives_the_daemon),
		cmocka_unit_test(a_leap_second_outlives_the_daemon_and_its_lines),
		cmocka_unit_test(a_leap_second_outlives_a_disruption_by_hand),
		cmocka_unit_test(a_leap_second_outlives_the_counter),
		cmocka_unit_test(before_a_leap_second_lines_are_drawn_anew),
		cmocka_unit_test(a_stranger_who_takes_the_clock_over_midnight_withdraws_no_leap_second),
		cmocka_unit_test(a_stranger_who_steps_by_a_second_is_no_leap_second_that_was),
		cmocka_unit_test(two_calm_updates_withdraw_a_leap_second),
		cmocka_unit_test(a_deleted_leap_second_falls_a_second_before_midnight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
