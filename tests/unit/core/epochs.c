/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epochs when a probe counts them: what is published has taken into account what its anchor read, never more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <clockbound/types.h>

#include "tests/unit/core/world.h"

#define IS_VALID(core) (((core)->out.status & CLOCKBOUND_VALID) != 0)

/* A core that stands on lines, with a probe that has counted to 70, 80 and 90. */
static void begin(struct world *world, struct cbd_core *core)
{
	world_begin(world, core);
	world->epochs = (struct cbd_epochs){
		.counter = 70, .clock = 80, .rate = 90, .rate_sum = 1000, .has_kernel = true};
	cbd_core_rehome(core, &world->epochs);
	world_pass(world, SECOND);
	world_poll(world, core, 2);
	assert_true(IS_VALID(core));
}

static void published_epochs_are_those_of_the_anchor(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world.epochs.clock = 81;
	world.epochs.rate = 95;
	world.epochs.rate_sum = 2000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_int_equal(core.out.counter_epoch, 70);
	assert_int_equal(core.out.clock_epoch, 81);
	assert_int_equal(core.out.rate_epoch, 95);
	assert_int_equal(core.out.rate_sum, 2000);
	assert_true(IS_VALID(&core));
	assert_int_equal(cbd_core_take_bumps(&core), 0);
}

static void a_step_that_moved_the_epoch_asks_for_no_bump(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world_step(&world, SECOND);
	world.epochs.clock++;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_int_equal(core.stats.steps, 1);
	assert_int_equal(core.out.clock_epoch, 81);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
}

/* Goal: the publication counts on the bump that it asks for, and on no other. */
static void a_step_that_no_program_saw_asks_for_one_bump(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world_step(&world, SECOND);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_int_equal(core.out.clock_epoch, 81);
	assert_int_equal(cbd_core_take_bumps(&core), CBD_REQUEST_BUMP_EPOCH);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
	world.epochs.clock = 81;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 4);
	assert_int_equal(core.out.clock_epoch, 81);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
}

static void a_counter_epoch_that_moved_voids_the_lines(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world.epochs.counter++;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_false(IS_VALID(&core));
	assert_int_equal(core.out.counter_epoch, 71);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
}

static void a_counter_lost_without_a_program_asks_for_a_bump(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world.asleep_ns += 5 * SECOND;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_false(IS_VALID(&core));
	assert_int_equal(core.out.counter_epoch, 71);
	assert_int_equal(cbd_core_take_bumps(&core), CBD_REQUEST_BUMP_COUNTER);
}

static void without_a_probe_the_core_counts_steps_itself(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_int_equal(core.out.clock_epoch, 0);
	world_step(&world, SECOND);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_int_equal(core.out.clock_epoch, 1);
	assert_int_equal(core.out.rate_epoch, 0);
	assert_int_equal(core.out.rate_sum, 0);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
}

/* Whoever moved the clock: the epoch says that it was moved, the status whether the bound still counts. */
static void chronyds_own_step_publishes_the_anchors_epoch_and_stays_valid(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world_step(&world, SECOND);
	world.poll.tracking.correction_ns -= SECOND; /* X stands where it was */
	world.epochs.clock = 83;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_int_equal(core.out.clock_epoch, 83);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
	assert_int_equal(core.stats.steps, 0);
	assert_true((core.out.clock_status & CLOCKBOUND_VALID) != 0);
}

static void chronyds_own_step_that_no_program_saw_asks_for_a_bump(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world_step(&world, SECOND);
	world.poll.tracking.correction_ns -= SECOND;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_int_equal(core.out.clock_epoch, 81);
	assert_int_equal(cbd_core_take_bumps(&core), CBD_REQUEST_BUMP_EPOCH);
	assert_int_equal(core.stats.steps, 0);
}

static void a_step_while_chronyd_is_silent_publishes_the_anchors_epoch(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_anchor now;

	(void)state;
	begin(&world, &core);
	world_step(&world, SECOND);
	world.epochs.clock++;
	world_pass(&world, SECOND);
	now = world_anchor(&world);
	cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
	assert_int_equal(core.stats.steps, 1);
	assert_int_equal(core.out.clock_epoch, 81);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
	assert_false((core.out.clock_status & CLOCKBOUND_VALID) != 0);
}

/* A stranger slews: 400 us in a second, and CLOCK_MONOTONIC with it. */
static void slew(struct world *world, struct cbd_core *core)
{
	world->offset_ns += 400000;
	world_pass(world, SECOND);
	world_poll(world, core, 3);
	assert_true((core->out.status & CLOCKBOUND_REASON_SURPRISE) != 0);
}

static void without_a_probe_the_core_counts_a_strangers_rate_itself(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	slew(&world, &core);
	assert_int_equal(core.out.rate_epoch, 1);
	assert_int_equal(core.out.clock_epoch, 0);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
}

static void a_strangers_rate_publishes_the_anchors_epoch(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world.epochs.rate = 92;
	world.epochs.rate_sum = 5000;
	slew(&world, &core);
	assert_int_equal(core.out.rate_epoch, 92);
	assert_int_equal(core.out.rate_sum, 5000);
	assert_int_equal(core.out.clock_epoch, 80);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
}

/* The number is the kernel's: one that the core made up would name a change that readers cannot look up. */
static void a_strangers_rate_that_no_program_saw_moves_no_epoch(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	slew(&world, &core);
	assert_int_equal(core.out.rate_epoch, 90);
	assert_int_equal(cbd_core_take_bumps(&core), 0);
}

/* A daemon that goes on with what @core published, under a home that was seeded with 65536 and says @counter now. */
static void restart(struct cbd_core *next, const struct cbd_core *core, struct world *world, uint32_t counter)
{
	const struct cbd_core_config config = world_config();
	const struct cbd_inheritance page = {
		.lines = core->out.lines,
		.void_after_ticks = core->out.void_after_ticks,
		.void_after_mono_ns = core->out.void_after_mono_ns,
		.step_ns = core->out.step_ns,
		.status = core->out.status,
		.clock_status = core->out.clock_status,
		.terms = core->out.terms,
		.memory = core->out.memory,
		.counter_epoch = 65536,
		.clock_epoch = 1048576,
		.rate_epoch = 1048576,
		.has_lines = true,
	};

	world->epochs = (struct cbd_epochs){
		.counter = counter, .clock = 1048576, .rate = 1048576, .has_kernel = true};
	cbd_core_init(next, &config);
	cbd_core_rehome(next, &world->epochs);
	cbd_core_inherit(next, &page);
	world_pass(world, SECOND);
	world_poll(world, next, 3);
}

static void inherited_lines_hold_under_a_new_home(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	begin(&world, &core);
	restart(&next, &core, &world, 65536);
	assert_true(next.is_settling);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 4);
	assert_true(IS_VALID(&next));
	assert_int_equal(next.out.counter_epoch, 65536);
	assert_int_equal(next.out.clock_epoch, 1048576);
	assert_int_equal(cbd_core_take_bumps(&next), 0);
}

static void a_counter_that_moved_since_the_home_began_voids_inherited_lines(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	begin(&world, &core);
	restart(&next, &core, &world, 65537);
	assert_false(next.is_settling);
	assert_false(IS_VALID(&next));
	assert_int_equal(next.out.counter_epoch, 65537);
	assert_int_equal(cbd_core_take_bumps(&next), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_epochs_are_those_of_the_anchor),
		cmocka_unit_test(a_step_that_moved_the_epoch_asks_for_no_bump),
		cmocka_unit_test(a_step_that_no_program_saw_asks_for_one_bump),
		cmocka_unit_test(a_counter_epoch_that_moved_voids_the_lines),
		cmocka_unit_test(a_counter_lost_without_a_program_asks_for_a_bump),
		cmocka_unit_test(without_a_probe_the_core_counts_steps_itself),
		cmocka_unit_test(chronyds_own_step_publishes_the_anchors_epoch_and_stays_valid),
		cmocka_unit_test(chronyds_own_step_that_no_program_saw_asks_for_a_bump),
		cmocka_unit_test(a_step_while_chronyd_is_silent_publishes_the_anchors_epoch),
		cmocka_unit_test(without_a_probe_the_core_counts_a_strangers_rate_itself),
		cmocka_unit_test(a_strangers_rate_publishes_the_anchors_epoch),
		cmocka_unit_test(a_strangers_rate_that_no_program_saw_moves_no_epoch),
		cmocka_unit_test(inherited_lines_hold_under_a_new_home),
		cmocka_unit_test(a_counter_that_moved_since_the_home_began_voids_inherited_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
