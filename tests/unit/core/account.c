/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account between chronyd's samples and X: what is owed, to whom, and what an honest chronyd is not to be charged for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core/world.h"

static bool is_valid(const struct cbd_core *core)
{
	return (core->out.status & CLOCKBOUND_VALID) != 0;
}

/* Two sources: near A, selected, and far B with an old sample that is off by nearly all of its error. */
static void begin_with_two(struct world *world, struct cbd_core *core)
{
	struct cbd_core_config config = world_config();
	struct cbd_source_data *source = world->poll.source;
	int i;

	config.rho_ppb = 1000;
	world_init(world);
	cbd_core_init(core, &config);
	world->poll.sources = 2;
	source[0].error_ns = 100000;
	source[1] = source[0];
	source[1].id = 2;
	source[1].mark = 1000;
	source[1].state = CBD_SOURCE_SELECTABLE;
	source[1].error_ns = 1000000;
	source[1].offset_ns = source[1].first_offset_ns = 990000;
	source[1].since_s = 100;
	for (i = 0; i < 4; i++) {
		world_poll(world, core, (uint32_t)i);
		world_pass(world, SECOND);
		source[1].since_s++;
	}
	assert_true(is_valid(core) && world_is_contained(world, core));
}

/* A takes a new sample, and then is gone: B is selected, whose sample is as old as ever. */
static void go_over_to_b(struct world *world, struct cbd_core *core)
{
	struct cbd_source_data *source = world->poll.source;
	int64_t move_ns = -(world->offset_ns + world->poll.tracking.correction_ns);
	int i;

	world_pass(world, 17 * SECOND);
	world_sample(world);
	source[1].offset_ns -= move_ns;
	source[1].since_s += 18;
	world_pass(world, SECOND);
	for (i = 1; i < 5; i++) {
		world_poll(world, core, (uint32_t)i);
		world_pass(world, SECOND);
		source[1].since_s++;
	}
	assert_true(is_valid(core) && world_is_contained(world, core));
	source[0].state = CBD_SOURCE_NONSELECTABLE;
	source[1].state = CBD_SOURCE_SELECTED;
	world->poll.tracking.reference_id = 0xc0a87b02;
	world->poll.tracking.ref_time_ns = world_true_ns(world);
	world_pass(world, SECOND);
	source[1].since_s++;
	move_ns = source[1].offset_ns;
	world->poll.tracking.correction_ns += move_ns;
	source[1].offset_ns = 0;
	source[0].offset_ns -= move_ns;
	world_poll(world, core, 6);
}

/* Less than a stranger's slew is told from, and hidden in an update: it is owed to whom it may concern. */
static void what_an_update_hides_is_owed_to_the_old_sample_of_another_source(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin_with_two(&world, &core);
	world.offset_ns += 300000;
	world.poll.tracking.ref_time_ns = world_true_ns(&world);
	world.poll.source[0].mark++;
	world.poll.source[0].first_offset_ns = world.poll.source[0].offset_ns = -300000;
	world_poll(&world, &core, 0);
	assert_int_equal(core.event.reason, 0);
	go_over_to_b(&world, &core);
	assert_true(core.terms.off_line_ns >= 300000);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

/* Whatever age chronyd tells of it: the lines are held until B has another. */
static void after_a_strangers_slew_the_old_sample_of_another_source_is_not_believed(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin_with_two(&world, &core);
	world.offset_ns += 200000;
	world_poll(&world, &core, 4);
	assert_true(core.out.status & CLOCKBOUND_REASON_SURPRISE);
	go_over_to_b(&world, &core);
	assert_true(core.out.status & CLOCKBOUND_REASON_CHRONY_STALE);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
	world_pass(&world, SECOND);
	world.poll.source[1].since_s = 0;
	world_poll(&world, &core, 7);
	assert_true(core.out.status & CLOCKBOUND_REASON_CHRONY_STALE);
	world.poll.source[1].mark++;
	world.poll.source[1].offset_ns = world.poll.source[1].first_offset_ns =
		-(world.offset_ns + world.poll.tracking.correction_ns);
	world_poll(&world, &core, 8);
	assert_false(core.out.status & CLOCKBOUND_REASON_CHRONY_STALE);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

static void nor_is_it_after_one_while_chronyd_was_not_synchronised(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin_with_two(&world, &core);
	world.poll.tracking.leap_status = 3;
	world_poll(&world, &core, 4);
	world_pass(&world, SECOND);
	world.poll.source[1].since_s++;
	world.offset_ns += 200000;
	world_poll(&world, &core, 5);
	world.poll.tracking.leap_status = 0;
	go_over_to_b(&world, &core);
	assert_true(core.out.status & CLOCKBOUND_REASON_CHRONY_STALE);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

/*
 * Stepped back while nobody looked, chronyd tells of its old sample that it is young: younger than the next daemon. The
 * machine had slept meanwhile, so that nothing tells the step back from the time slept.
 */
static void after_a_restart_a_sample_made_young_by_a_step_back_is_not_believed(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	uint32_t i;

	(void)state;
	world_begin(&world, &core);
	page = world_left_by(&core);
	world_sample(&world);
	world.asleep_ns += 20 * SECOND;
	world_step(&world, 20 * SECOND);
	world_step(&world, -3 * SECOND);
	world_pass(&world, 20 * SECOND);
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	for (i = 0; i < 5; i++) {
		world_poll(&world, &next, 0);
		assert_false(is_valid(&next));
		world_pass(&world, SECOND);
	}
	/* nor, if it is of the exchange before, the next */
	for (i = 0; i < 2; i++) {
		world_sample(&world);
		world_pass(&world, 2 * SECOND);
		world_poll(&world, &next, 2);
		assert_int_equal(is_valid(&next), i == 1);
	}
	assert_true(world_is_contained(&world, &next));
}

/* What chronyd corrected before is in X's line, and in its sample: nobody has moved the clock since. */
static void a_restart_owes_nothing_for_what_chronyd_had_corrected(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	uint32_t i;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.poll.tracking.correction_ns = -3000000;
	world.poll.source[0].offset_ns = world.poll.source[0].first_offset_ns = 3000000;
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	world_pass(&world, SECOND);
	world_sample(&world);
	world_pass(&world, SECOND / 2);
	for (i = 0; i < 6; i++) {
		world_poll(&world, &core, i);
		world_pass(&world, SECOND);
	}
	page = world_left_by(&core);
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	for (i = 6; i < 8; i++) {
		world_poll(&world, &next, i);
		world_pass(&world, SECOND);
	}
	assert_int_equal(next.event.reason, 0);
	assert_true(cbd_account_owed_ns(&next.account) < 1000);
	assert_true(is_valid(&next) && world_is_contained(&world, &next));
}

/* chronyd's first update steps the clock, as makestep says: nobody else's hand, and no update was missed before it. */
static void the_step_of_the_first_update_is_chronyds(void **state)
{
	const int64_t step_ns = -3600 * SECOND;
	struct cbd_core_config config = world_config();
	struct cbd_tracking good;
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.offset_ns = -step_ns;
	good = world.poll.tracking;
	world.poll.tracking = (struct cbd_tracking){.leap_status = 3};
	world.poll.source[0].state = CBD_SOURCE_NONSELECTABLE;
	for (i = 0; i < 5; i++) {
		world_poll(&world, &core, CBD_SINCE_NEVER);
		world_pass(&world, SECOND);
	}
	world.poll.source[0].mark++;
	world.poll.source[0].state = CBD_SOURCE_SELECTED;
	world.poll.source[0].first_offset_ns = step_ns;
	world.poll.source[0].offset_ns = 0;
	world_step(&world, step_ns);
	good.ref_time_ns = world_true_ns(&world) - 700 * INT64_C(1000000);
	good.correction_ns = 0;
	good.update_interval_ns = 0; /* the first */
	world.poll.tracking = good;
	world_poll(&world, &core, 0);
	assert_int_equal(core.event.reason & CLOCKBOUND_REASON_STEP, 0);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

/* The counter is lost, and with it a line that a former daemon left: the next update is measured from a new one. */
static void an_inherited_line_goes_with_its_counter(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct cbd_tracking good;
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	uint32_t i;

	(void)state;
	world_begin(&world, &core);
	page = world_left_by(&core);
	good = world.poll.tracking;
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world.poll.tracking.leap_status = 3;
	world.poll.source[0].state = CBD_SOURCE_NONSELECTABLE;
	world.asleep_ns += 10 * SECOND;
	world.offset_ns = -5000000;
	for (i = 0; i < 20; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &next, 2 + i);
	}
	world.poll.tracking = good;
	world.poll.tracking.ref_time_ns = world_true_ns(&world);
	world.poll.tracking.correction_ns = 5000000;
	world.poll.source[0].state = CBD_SOURCE_SELECTED;
	world.poll.source[0].mark++;
	world.poll.source[0].first_offset_ns = 5000000;
	world.poll.source[0].offset_ns = 0;
	world_pass(&world, SECOND);
	world_poll(&world, &next, 0);
	assert_int_equal(next.event.reason, 0);
	assert_true(is_valid(&next) && world_is_contained(&world, &next));
}

/* Tracking alone: what was owed before an update is forgotten when it is certainly from before. */
static void without_source_data_nothing_is_owed_for_ever(void **state)
{
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.poll.sources = 0;
	world.poll.has_source_data = false;
	for (i = 0; i < 1000; i++) {
		world_pass(&world, 16 * SECOND);
		world.poll.tracking.ref_time_ns = world_true_ns(&world) - SECOND;
		world.poll.tracking.update_interval_ns = 16 * SECOND;
		world.poll.before = world_anchor(&world);
		world.poll.before.kernel_rate_q58 = cbd_q58_from_ppb(20000);
		world_pass(&world, 50000);
		world.poll.after = world_anchor(&world);
		cbd_core_on_poll(&core, &world.poll);
	}
	assert_true(cbd_account_owed_ns(&core.account) < 1000);
}

/* There is no account then, and the correction that is left tells: chronyd is to drop what it measured before. */
static void without_source_data_a_strangers_step_at_an_update_is_still_his(void **state)
{
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.poll.sources = 0;
	world.poll.has_source_data = false;
	for (i = 0; i < 5; i++) {
		world_poll(&world, &core, 0);
		world_pass(&world, SECOND);
	}
	(void)cbd_core_take_request(&core);
	world_step(&world, 5 * SECOND);
	world.poll.tracking.ref_time_ns = world_true_ns(&world);
	world.poll.tracking.correction_ns = -4 * SECOND;
	world_poll(&world, &core, 0);
	assert_true(core.out.status & CLOCKBOUND_REASON_STEP);
	assert_true(cbd_core_take_request(&core) & CBD_REQUEST_RESET_SOURCES);
}

/* chronyd -x on a clock that is five hours off: floats of the wire tell its correction to 2 ms, and each one anew. */
static void quanta_of_a_clock_that_is_hours_off_are_nobodys_doing(void **state)
{
	struct world world;
	struct cbd_core core;
	int64_t noise_ns;
	int i;

	(void)state;
	world_begin(&world, &core);
	for (i = 0; i < 40; i++) {
		world_pass(&world, SECOND);
		if (i % 4 == 0) {
			world.offset_ns = 17000 * SECOND;
			world_sample(&world);
			noise_ns = i % 8 == 0 ? 1400000 : -1400000;
			world.poll.tracking.correction_ns += noise_ns;
			world.poll.tracking.correction_quantum_ns = 1500000;
			world.poll.source[0].first_offset_ns = i == 0 ? -17000 * SECOND + noise_ns : 0;
			world.poll.source[0].offset_ns = 0;
			world.poll.source[0].offset_quantum_ns = 1;
		}
		world_poll(&world, &core, (uint32_t)(i % 4));
		if (i >= 12) {
			assert_int_equal(core.event.reason & CLOCKBOUND_REASON_SURPRISE, 0);
		}
	}
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

/*
 * Between two daemons chronyd takes 900 us off its sample and X; then it is not synchronised, and the new daemon looks
 * on; then a stranger gives X the 900 us again. X is where the former daemon had left it, and its sample is not.
 */
static void what_is_moved_after_a_restart_is_not_set_off_against_what_was_moved_before(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	uint32_t i;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.poll.source[0].error_ns = 1000000;
	world.poll.tracking.correction_ns = 900000;
	world.poll.source[0].offset_ns = world.poll.source[0].first_offset_ns = -900000;
	for (i = 0; i < 3; i++) {
		world_poll(&world, &core, i);
		world_pass(&world, SECOND);
	}
	page = world_left_by(&core);
	world_sample(&world);
	world.poll.source[0].error_ns = 200000;
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world.poll.tracking.leap_status = 3;
	for (i = 1; i < 5; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &next, i);
	}
	world.poll.tracking.leap_status = 0;
	world.offset_ns += 900000;
	for (i = 5; i < 8; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &next, i);
		assert_true(is_valid(&next) && world_is_contained(&world, &next));
	}
}

/* chronyc doffset, between Tracking's answer and Source_Data's: X and the sample moved, and ref_time did not. */
static void a_poll_in_the_course_of_which_x_was_moved_is_thrown_away(void **state)
{
	struct world world;
	struct cbd_core core;
	uint32_t i;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world.poll.source[0].offset_ns -= 550000;
	world_poll(&world, &core, 2);
	assert_true((core.out.status & CLOCKBOUND_REASON_SLIP) != 0);
	assert_true(world_is_contained(&world, &core));
	world.poll.tracking.correction_ns += 550000;
	for (i = 3; i < 6; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &core, i);
		assert_true(world_is_contained(&world, &core));
	}
}

/* The same with a sample that is new, and has brought no update: only Tracking, asked for again, tells. */
static void nor_is_one_believed_whose_second_tracking_shows_another_x(void **state)
{
	struct world world;
	struct cbd_core core;
	uint32_t i;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world.poll.source[0].mark++;
	world.poll.source[0].offset_ns = -550000;
	world.poll.again = world.poll.tracking;
	world.poll.again.correction_ns += 550000;
	world_poll(&world, &core, 0);
	assert_true((core.out.status & CLOCKBOUND_REASON_SLIP) != 0);
	assert_true(world_is_contained(&world, &core));
	world.poll.tracking.correction_ns += 550000;
	world.poll.again = world.poll.tracking;
	for (i = 1; i < 4; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &core, i);
		assert_int_equal(core.out.status & CLOCKBOUND_REASON_SLIP, 0);
		assert_true(world_is_contained(&world, &core));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_update_hides_is_owed_to_the_old_sample_of_another_source),
		cmocka_unit_test(after_a_strangers_slew_the_old_sample_of_another_source_is_not_believed),
		cmocka_unit_test(nor_is_it_after_one_while_chronyd_was_not_synchronised),
		cmocka_unit_test(after_a_restart_a_sample_made_young_by_a_step_back_is_not_believed),
		cmocka_unit_test(a_restart_owes_nothing_for_what_chronyd_had_corrected),
		cmocka_unit_test(the_step_of_the_first_update_is_chronyds),
		cmocka_unit_test(an_inherited_line_goes_with_its_counter),
		cmocka_unit_test(what_is_moved_after_a_restart_is_not_set_off_against_what_was_moved_before),
		cmocka_unit_test(without_source_data_nothing_is_owed_for_ever),
		cmocka_unit_test(without_source_data_a_strangers_step_at_an_update_is_still_his),
		cmocka_unit_test(quanta_of_a_clock_that_is_hours_off_are_nobodys_doing),
		cmocka_unit_test(a_poll_in_the_course_of_which_x_was_moved_is_thrown_away),
		cmocka_unit_test(nor_is_one_believed_whose_second_tracking_shows_another_x),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
