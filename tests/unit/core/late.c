/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Samples that are old when they come (interleaved mode, refclocks), that come when all is over, and what updates that no
 * poll saw may hide.
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

static bool has_reason(const struct cbd_core *core, uint32_t reason)
{
	return (core->out.status & reason) != 0;
}

/*
 * X is 2.2 ms off, within the error of its sample. Two updates between two polls: the first puts X right, the second, 20 ms
 * later, finds nothing to do; then a stranger takes it 2.2 ms off again. ref_time is the sample's, moved back by 0.8 s.
 */
static void a_step_is_not_hidden_by_an_update_that_was_missed(void **state)
{
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.offset_ns = 2200000;
	world.poll.source[0].error_ns = 3000000;
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
	world_pass(&world, SECOND);
	world.poll.tracking.correction_ns = -2200000;
	world.poll.tracking.ref_time_ns = world_true_ns(&world) - SECOND * 17 / 10;
	world.poll.tracking.update_interval_ns = 20000000;
	world.poll.source[0].mark = 3;
	world.poll.source[0].error_ns = 200000;
	world_step(&world, 2200000);
	world_poll(&world, &core, 0);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_STEP));
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

/*
 * A's sample moves X by 45 us, B's by 15 us back; then a stranger's slew moves it by 62 us. B has only seen its own update,
 * of which 17 us are missing; A has seen them all.
 */
static void a_slew_is_not_hidden_by_an_update_of_another_source(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_source_data *b = &world.poll.source[1];

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].id = 1;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world.poll.sources = 2;
	*b = world.poll.source[0];
	b->id = 2;
	b->mark = 100;
	b->state = CBD_SOURCE_UNSELECTED;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_int_equal(core.event.reason, 0);
	world_pass(&world, SECOND);
	world.poll.source[0].state = CBD_SOURCE_UNSELECTED;
	world.poll.source[0].mark++;
	world.poll.source[0].first_offset_ns = -45000;
	world.poll.source[0].offset_ns = -15000;
	b->state = CBD_SOURCE_SELECTED;
	b->mark++;
	b->since_s = 0;
	b->first_offset_ns = 45000;
	b->offset_ns = 30000;
	b->error_ns = 20000;
	world.poll.tracking.reference_id++;
	world.poll.tracking.ref_time_ns = world_true_ns(&world);
	world.poll.tracking.update_interval_ns = SECOND / 2;
	world.poll.tracking.correction_ns = -30000;
	world.offset_ns += 62000;
	world_poll(&world, &core, 0);
	assert_int_equal(core.event.reason, 0);
	assert_true(core.terms.off_line_ns >= 62000);
}

/* B's sample of the exchange before the step comes when A's have long ended the event. */
static void a_sample_from_before_that_comes_late_is_not_believed(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_source_data *b = &world.poll.source[1];
	int i;

	(void)state;
	world_begin(&world, &core);
	world.poll.sources = 2;
	*b = world.poll.source[0];
	world.poll.source[0].id = 1;
	b->id = 2;
	b->reference_id = 7;
	b->state = CBD_SOURCE_NONSELECTABLE;
	b->mark = 100;
	b->since_s = 60;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_step(&world, -2700000);
	for (i = 0; i < 8; i++) {
		world_pass(&world, 4 * SECOND);
		world_sample(&world);
		world.poll.tracking.update_interval_ns = 4 * SECOND;
		b->since_s += 4;
		world_pass(&world, SECOND);
		world_poll(&world, &core, 1);
	}
	assert_int_equal(core.event.reason, 0);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
	world_pass(&world, SECOND);
	world.poll.source[0].state = CBD_SOURCE_NONSELECTABLE;
	b->state = CBD_SOURCE_SELECTED;
	b->mark++;
	b->since_s = 45;
	b->first_offset_ns = b->offset_ns = 2700000;
	world.poll.tracking.reference_id = 7;
	world_poll(&world, &core, 2);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_CHRONY_STALE));
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

/* One update of an interleaved source or a refclock: the sample comes now, and is as old as an interval. */
static void take_late(struct world *world, struct cbd_core *core, uint32_t age_s, int64_t move_ns)
{
	struct cbd_source_data *source = &world->poll.source[0];

	world_pass(world, 16 * SECOND);
	world->poll.tracking.ref_time_ns = world_true_ns(world) - age_s * SECOND;
	world->poll.tracking.update_interval_ns = 16 * SECOND;
	world->poll.tracking.correction_ns += move_ns;
	source->mark++;
	source->first_offset_ns = source->offset_ns + move_ns;
	world_poll(world, core, age_s);
}

static void an_update_by_a_sample_that_is_old_when_it_comes_is_chronyds_own(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].error_ns = 20000000;
	world.poll.source[0].id = 1;
	for (i = 0; i < 10; i++) {
		take_late(&world, &core, 30, i % 2 == 0 ? 3000000 : -3000000);
		if (i > 1) {
			assert_int_equal(core.event.reason, 0);
			assert_true(cbd_account_owed_ns(&core.account) < 10000);
		}
	}
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

static void a_contradiction_ends_by_samples_that_are_old_when_they_come(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].id = 1;
	take_late(&world, &core, 30, 0);
	world.poll.source[0].offset_ns = 50000000; /* it lies once */
	take_late(&world, &core, 30, 0);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_INCONSISTENT));
	world.poll.source[0].offset_ns = 0;
	for (i = 0; i < 6; i++) {
		take_late(&world, &core, 30, 0);
	}
	assert_false(has_reason(&core, CLOCKBOUND_REASON_INCONSISTENT));
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

/*
 * A refclock's signal is gone for a while, and the clock is stepped: its next sample is the mean of what was read before and
 * after. By its age it is from after, but half of it is not.
 */
/*
 * A peer's exchange lasts from our packet to its own, an interval of 64 s at most: the clock was stepped in the middle of this
 * one, and half of the step is in its offset.
 */
static void a_peers_exchange_may_have_begun_before_the_event(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].mode = CBD_SOURCE_MODE_PEER;
	world.poll.source[0].poll_log2 = 6;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_pass(&world, SECOND);
	world_step(&world, 400000);
	world_poll(&world, &core, 3);
	assert_true((core.out.status & CLOCKBOUND_REASON_STEP) != 0);
	world_pass(&world, 40 * SECOND);
	world_sample(&world);
	world.poll.tracking.correction_ns = -200000;
	world_poll(&world, &core, 0);
	assert_true((core.out.status & CLOCKBOUND_REASON_STEP) != 0);
	assert_true(world_is_contained(&world, &core));
	world_pass(&world, 130 * SECOND);
	world_sample(&world);
	world_poll(&world, &core, 0);
	assert_int_equal(core.event.reason, 0);
	assert_true(world_is_contained(&world, &core));
}

static void a_refclocks_first_sample_after_an_event_is_not_believed(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].id = 1;
	world.poll.source[0].mode = CBD_SOURCE_MODE_REFCLOCK;
	world.poll.source[0].poll_log2 = 1;
	world_pass(&world, SECOND);
	world_step(&world, 40000000);
	world_poll(&world, &core, 3);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_STEP));
	world_pass(&world, 40 * SECOND);
	world_sample(&world);
	world.poll.source[0].offset_ns = 20000000;
	world.poll.source[0].first_offset_ns += 20000000;
	world_poll(&world, &core, 14);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_STEP));
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
	world_pass(&world, 2 * SECOND);
	world_sample(&world);
	world_poll(&world, &core, 1);
	assert_int_equal(core.event.reason, 0);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

/* The event is over when the daemon is restarted; the sample that was not believed stays what it was. */
static void a_sample_from_before_is_not_believed_by_the_next_daemon_either(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	struct cbd_source_data *b = &world.poll.source[1];
	uint32_t i;

	(void)state;
	world_begin(&world, &core);
	world.poll.sources = 2;
	*b = world.poll.source[0];
	world.poll.source[0].id = 1;
	b->id = 2;
	b->state = CBD_SOURCE_UNSELECTED;
	b->mark = 100;
	world_step(&world, -2700000);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_pass(&world, 10 * SECOND);
	world_sample(&world);
	world_poll(&world, &core, 0);
	assert_int_equal(core.event.reason, 0);
	world.poll.source[0].state = CBD_SOURCE_NONSELECTABLE;
	b->state = CBD_SOURCE_SELECTED;
	b->since_s = 13;
	for (i = 0; i < 2; i++) { /* as the selected one, and as one that only its age tells of */
		page = world_left_by(&core);
		cbd_core_init(&next, &config);
		cbd_core_inherit(&next, &page);
		world_pass(&world, SECOND);
		world_poll(&world, &next, 2);
		world_pass(&world, SECOND);
		world_poll(&world, &next, 3);
		assert_true(has_reason(&next, CLOCKBOUND_REASON_CHRONY_STALE));
		assert_true(is_valid(&next) && world_is_contained(&world, &next));
		world_poll(&world, &core, 3);
	}
}

/*
 * chronyd has taken off its samples what never was, and off the exchange under way, which comes next: whatever its error
 * says, it is off by that.
 */
static void after_a_false_account_the_first_sample_is_not_believed(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].id = 1;
	world.poll.tracking.ref_time_ns = world_true_ns(&world);
	world.poll.source[0].mark++;
	world.poll.source[0].first_offset_ns = 800000000;
	world.poll.source[0].offset_ns = 0;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_SURPRISE));
	world_pass(&world, 3 * SECOND);
	world_sample(&world);
	world.poll.source[0].offset_ns = world.poll.source[0].first_offset_ns = 400000000;
	world_poll(&world, &core, 0);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_SURPRISE));
	world_pass(&world, 3 * SECOND);
	world_sample(&world);
	world_poll(&world, &core, 0);
	assert_int_equal(core.event.reason, 0);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
}

/* A stranger's step of 5 us, with which X goes: less than X may be read off its line, and no hand of chronyd's. */
static void a_step_below_what_x_is_read_by_is_not_chronyds(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world_step(&world, 5000);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_true(has_reason(&core, CLOCKBOUND_REASON_STEP));
	/* chronyd's own leaves X where it was */
	world_begin(&world, &core);
	world_step(&world, 5000);
	world.poll.tracking.correction_ns = -5000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_int_equal(core.event.reason, 0);
}

/* The regression of a source that is asked once a minute remembers a movement for an hour, whatever another one does. */
static void a_frequency_is_doubted_until_the_slowest_source_has_forgotten(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_source_data *b = &world.poll.source[1];
	int i;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].id = 1;
	world.poll.sources = 2;
	*b = world.poll.source[0];
	b->id = 2;
	b->poll_log2 = 6;
	b->state = CBD_SOURCE_UNSELECTED;
	world_step(&world, 20000);
	for (i = 0; i < 100; i++) {
		world_pass(&world, SECOND);
		world_sample(&world);
		world.poll.tracking.update_interval_ns = SECOND;
		world_poll(&world, &core, 0);
	}
	assert_true(core.memory.doubt_updates > 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_is_not_hidden_by_an_update_that_was_missed),
		cmocka_unit_test(a_slew_is_not_hidden_by_an_update_of_another_source),
		cmocka_unit_test(a_sample_from_before_that_comes_late_is_not_believed),
		cmocka_unit_test(an_update_by_a_sample_that_is_old_when_it_comes_is_chronyds_own),
		cmocka_unit_test(a_contradiction_ends_by_samples_that_are_old_when_they_come),
		cmocka_unit_test(a_peers_exchange_may_have_begun_before_the_event),
		cmocka_unit_test(a_refclocks_first_sample_after_an_event_is_not_believed),
		cmocka_unit_test(a_sample_from_before_is_not_believed_by_the_next_daemon_either),
		cmocka_unit_test(after_a_false_account_the_first_sample_is_not_believed),
		cmocka_unit_test(a_step_below_what_x_is_read_by_is_not_chronyds),
		cmocka_unit_test(a_frequency_is_doubted_until_the_slowest_source_has_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
