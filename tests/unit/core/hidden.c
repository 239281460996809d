/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Movements of the clock that hide in something else: in each other, in chronyd's change of frequency, in a time when it had
 * nothing selected.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core/world.h"

static bool has_reason(const struct cbd_core *core, uint32_t reason)
{
	return (core->out.status & reason) != 0;
}

/* A sample came, of X as it was before all that, and chronyd had nothing to take off it. */
static void take_idle(struct world *world)
{
	struct cbd_source_data *source = &world->poll.source[0];

	world->poll.tracking.ref_time_ns = world_true_ns(world);
	source->mark++;
	source->first_offset_ns = source->offset_ns = 0;
}

static void a_step_that_a_slew_nearly_undoes_is_not_chronyds(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_pass(&world, SECOND);
	world_step(&world, 320000);
	world.offset_ns -= 425000;
	take_idle(&world);
	world_poll(&world, &core, 0);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_STEP));
	assert_true(world_is_contained(&world, &core));
}

/* A fast change of frequency, that is, makes the account of a sample a second old as coarse as the step. */
static void a_step_beside_a_large_change_of_frequency_is_not_certainly_chronyds(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_pass(&world, SECOND);
	world_step(&world, -1280000);
	take_idle(&world);
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(498000);
	world_poll(&world, &core, 1);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_STEP));
	assert_true(world_is_contained(&world, &core));
}

/*
 * chronyd hung for 50 s, while a stranger slewed the clock by 12 ms; its change of frequency by 340 ppm takes 17 ms off the
 * sample from before, and moves X by nothing.
 */
static void a_slew_does_not_hide_in_a_change_of_frequency(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_pass(&world, 50 * SECOND);
	world.offset_ns += 12000000;
	take_idle(&world);
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(340000);
	world.poll.source[0].offset_ns = -17000000;
	world_poll(&world, &core, 50);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_SURPRISE));
	assert_true(world_is_contained(&world, &core));
	/* the same without the stranger is in order */
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_pass(&world, 50 * SECOND);
	take_idle(&world);
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(340000);
	world.poll.source[0].offset_ns = -17000000;
	world_poll(&world, &core, 50);
	assert_int_equal(core.event.reason, 0);
}

/*
 * X gained 1 ms a second until chronyd noticed, by a sample 0.6 s old which it calls a second old: what the change of frequency
 * takes off it is known to 1 ms. A stranger's slew since the sample may hide in that.
 */
static void what_may_hide_in_a_change_of_frequency_is_owed(void **state)
{
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;

	(void)state;
	world_init(&world);
	world.poll.tracking.frequency_q58 = -cbd_q58_from_ppb(1000000);
	world.poll.tracking.skew_q58 = cbd_q58_from_ppb(1500000);
	cbd_core_init(&core, &config);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world.offset_ns = 1000000;
	world_poll(&world, &core, 1);
	assert_true(world_is_contained(&world, &core));
	world_pass(&world, SECOND);
	world.offset_ns = -873000;
	take_idle(&world);
	world.poll.tracking.frequency_q58 = 0;
	world.poll.tracking.skew_q58 = cbd_q58_from_ppb(100);
	world.poll.source[0].first_offset_ns = -1400000;
	world_poll(&world, &core, 1);
	assert_int_not_equal(core.out.status & CLOCKBOUND_VALID, 0);
	assert_true(world_is_contained(&world, &core));
}

/* chronyd updates while it says that it is not synchronised, and loses 15 ms of its correction over a step that failed. */
static void what_an_unsynchronised_chronyd_forgets_is_owed(void **state)
{
	struct world world;
	struct cbd_core core;
	uint32_t i;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world.poll.tracking.leap_status = 3;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	world_pass(&world, SECOND);
	take_idle(&world);
	world.offset_ns = 15000000;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(1000);
	world_poll(&world, &core, 0);
	world.poll.tracking.leap_status = 0;
	for (i = 1; i < 4; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &core, i);
		assert_true(has_reason(&core, CLOCKBOUND_REASON_SURPRISE));
		assert_true(world_is_contained(&world, &core));
	}
}

static void what_moved_while_no_daemon_ran_is_owed_whatever_is_selected_then(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	int i;

	(void)state;
	world_begin(&world, &core);
	page = world_left_by(&core);
	world_pass(&world, 50 * SECOND);
	world.offset_ns += 6300000;
	take_idle(&world);
	world.poll.source[0].state = CBD_SOURCE_FALSETICKER;
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	for (i = 0; i < 2; i++) {
		world_poll(&world, &next, 20);
		world_pass(&world, SECOND);
	}
	assert_true(cbd_account_owed_ns(&next.account) >= 6300000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_that_a_slew_nearly_undoes_is_not_chronyds),
		cmocka_unit_test(a_step_beside_a_large_change_of_frequency_is_not_certainly_chronyds),
		cmocka_unit_test(a_slew_does_not_hide_in_a_change_of_frequency),
		cmocka_unit_test(what_may_hide_in_a_change_of_frequency_is_owed),
		cmocka_unit_test(what_an_unsynchronised_chronyd_forgets_is_owed),
		cmocka_unit_test(what_moved_while_no_daemon_ran_is_owed_whatever_is_selected_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
