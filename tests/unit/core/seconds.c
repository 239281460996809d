/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refclocks that do not tell which second it is: after X was moved they say what X says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core/world.h"

/* A core that stands on lines of a refclock; beside it there is a server, which has no sample. */
static void begin(struct world *world, struct cbd_core *core)
{
	world_begin_refclock(world, core);
	world->poll.source[1] = (struct cbd_source_data){
		.id = 2,
		.state = CBD_SOURCE_NONSELECTABLE,
		.offset_quantum_ns = 1,
		.error_ns = 300000,
		.since_s = CBD_SINCE_NEVER,
	};
	world->poll.sources = 2;
}

/* A pulse: it says that X is right, to a second. */
static void pulse(struct world *world, struct cbd_core *core)
{
	world_pass(world, 4 * SECOND);
	world->poll.tracking.ref_time_ns = world_true_ns(world);
	world->poll.source[0].mark++;
	world->poll.source[0].first_offset_ns = world->poll.source[0].offset_ns = 0;
	world_poll(world, core, 0);
	assert_true(world_is_contained(world, core));
}

static bool is_over(const struct cbd_core *core)
{
	return core->event.reason == 0;
}

/* Stepped by @ns, with so many pulses since that each rule for samples after an event is content. */
static void step_and_pulse(struct world *world, struct cbd_core *core, int64_t ns)
{
	int i;

	begin(world, core);
	world_pass(world, SECOND);
	world_step(world, ns);
	world_poll(world, core, 3);
	assert_false(is_over(core));
	(void)cbd_core_take_request(core);
	for (i = 0; i < 8; i++) {
		pulse(world, core);
	}
}

static void a_pulse_is_not_believed_after_a_step_by_seconds(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	step_and_pulse(&world, &core, 2 * SECOND);
	assert_false(is_over(&core));
	assert_int_not_equal(cbd_core_take_request(&core) & CBD_REQUEST_RESET_SOURCES, 0);
}

/* Where X is within half a second a pulse tells the second, too: and then it says how far X is off. */
static void it_is_after_a_small_step(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	begin(&world, &core);
	world_pass(&world, SECOND);
	world_step(&world, 300000000);
	world_poll(&world, &core, 3);
	assert_false(is_over(&core));
	for (i = 0; i < 2; i++) {
		world_pass(&world, 4 * SECOND);
		world_sample(&world);
		world_poll(&world, &core, 0);
	}
	assert_true(is_over(&core));
	assert_true(world_is_contained(&world, &core));
}

static void a_server_that_was_asked_since_tells_the_second(void **state)
{
	struct cbd_source_data *server;
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	step_and_pulse(&world, &core, 2 * SECOND);
	server = &world.poll.source[1];
	/* it finds X wrong by the step: the pulse is not confirmed */
	server->since_s = 0;
	server->mark = 70;
	server->offset_ns = server->first_offset_ns = -2 * SECOND;
	pulse(&world, &core);
	assert_false(is_over(&core));
	/* who stepped the clock steps it back; chronyd had not selected the server */
	world_step(&world, -2 * SECOND);
	pulse(&world, &core);
	for (i = 0; i < 2; i++) {
		server->mark++;
		server->offset_ns = server->first_offset_ns = 0;
		assert_false(is_over(&core));
		pulse(&world, &core);
	}
	assert_true(is_over(&core));
}

/* After a reset there are no samples, and chronyd is not synchronised: who sets it right then knows the second. */
static void after_a_reset_refclocks_are_believed(void **state)
{
	struct cbd_source_data *refclock;
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	step_and_pulse(&world, &core, 2 * SECOND);
	refclock = &world.poll.source[0];
	for (i = 0; i < 2; i++) {
		world_pass(&world, SECOND);
		world.poll.tracking.leap_status = 3;
		refclock->state = CBD_SOURCE_NONSELECTABLE;
		world_poll(&world, &core, CBD_SINCE_NEVER);
	}
	world.poll.tracking.leap_status = 0;
	world.poll.tracking.update_interval_ns = 0;
	refclock->state = CBD_SOURCE_SELECTED;
	world_pass(&world, 4 * SECOND);
	world_step(&world, -2 * SECOND);
	world.poll.tracking.ref_time_ns = world_true_ns(&world);
	refclock->mark++;
	refclock->first_offset_ns = -2 * SECOND;
	world_poll(&world, &core, 0);
	for (i = 0; i < 3; i++) {
		pulse(&world, &core);
	}
	assert_true(is_over(&core));
}

/* Not synchronised, but with the samples that it had: by them it may select the refclock again, and take pulses by X. */
static void without_a_reset_they_are_not(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	step_and_pulse(&world, &core, 2 * SECOND);
	world_pass(&world, SECOND);
	world.poll.tracking.leap_status = 3;
	world_poll(&world, &core, 5);
	world.poll.tracking.leap_status = 0;
	for (i = 0; i < 8; i++) {
		pulse(&world, &core);
	}
	assert_false(is_over(&core));
}

static void a_reset_is_asked_for_three_times_at_most(void **state)
{
	struct world world;
	struct cbd_core core;
	int asked = 0;
	int i;

	(void)state;
	step_and_pulse(&world, &core, 2 * SECOND);
	(void)cbd_core_take_request(&core);
	for (i = 0; i < 200; i++) {
		pulse(&world, &core);
		asked += (cbd_core_take_request(&core) & CBD_REQUEST_RESET_SOURCES) != 0;
	}
	assert_int_equal(asked, 2); /* after the first */
	assert_false(is_over(&core));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pulse_is_not_believed_after_a_step_by_seconds),
		cmocka_unit_test(it_is_after_a_small_step),
		cmocka_unit_test(a_server_that_was_asked_since_tells_the_second),
		cmocka_unit_test(after_a_reset_refclocks_are_believed),
		cmocka_unit_test(without_a_reset_they_are_not),
		cmocka_unit_test(a_reset_is_asked_for_three_times_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
