/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon that starts on a page which a former one left: what may be published before the counter is measured.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core/world.h"

static void a_poll_before_the_counter_is_measured_leaves_the_page_alone(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct cbd_core core;
	struct cbd_core next;
	struct world world;

	(void)state;
	world_begin(&world, &core);
	page = world_left_by(&core);
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 3);
	assert_true(next.is_settling);
	assert_int_equal(cbd_core_take_request(&next) & CBD_REQUEST_POLL_AGAIN, CBD_REQUEST_POLL_AGAIN);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 4);
	assert_false(next.is_settling);
	assert_int_equal(next.out.segment.status, CLOCKBOUND_STATUS_SYNCHRONIZED);
}

static void a_failed_poll_is_published_even_then(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct cbd_anchor now;
	struct cbd_core core;
	struct cbd_core next;
	struct world world;

	(void)state;
	world_begin(&world, &core);
	page = world_left_by(&core);
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 3);
	assert_true(next.is_settling);
	world_pass(&world, SECOND);
	now = world_anchor(&world);
	cbd_core_on_poll_failed(&next, CBD_POLL_UNREACHABLE, &now);
	assert_false(next.is_settling);
}

/* A daemon that goes on with what @core published, up to its first judged poll. */
static void restart(struct cbd_core *next, const struct cbd_core *core, struct world *world,
		    uint32_t sample_age_s)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page = world_left_by(core);

	cbd_core_init(next, &config);
	cbd_core_inherit(next, &page);
	world_pass(world, SECOND);
	world_poll(world, next, sample_age_s + 1);
	world_pass(world, SECOND);
	world_poll(world, next, sample_age_s + 2);
}

static void a_contradiction_outlives_the_daemon(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	world_sample(&world);
	world.poll.source[0].first_offset_ns += 5000000;
	world.poll.source[0].offset_ns = 5000000; /* the source lies from here on */
	world_pass(&world, 5 * SECOND);
	world_poll(&world, &core, 5);
	assert_true((core.out.status & CLOCKBOUND_REASON_INCONSISTENT) != 0);
	restart(&next, &core, &world, 5);
	assert_true((next.out.status & CLOCKBOUND_REASON_INCONSISTENT) != 0);
	assert_true(world_is_contained(&world, &next));
}

static void a_held_step_outlives_the_daemon(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	world_step(&world, 300000);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	restart(&next, &core, &world, 2);
	assert_true((next.out.status & CLOCKBOUND_REASON_STEP) != 0);
	assert_true((next.out.clock_status & CLOCKBOUND_VALID) == 0);
	assert_true(world_is_contained(&world, &next));
	world_sample(&world);
	world_pass(&world, 3 * SECOND);
	world_poll(&world, &next, 0);
	assert_true((next.out.clock_status & CLOCKBOUND_VALID) != 0);
	assert_true(world_is_contained(&world, &next));
}

static void a_step_while_no_daemon_ran_is_seen_by_the_next(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	world_step(&world, 300000);
	restart(&next, &core, &world, 2);
	assert_true((next.out.status & CLOCKBOUND_REASON_STEP) != 0);
	assert_true((next.out.clock_status & CLOCKBOUND_VALID) == 0);
	assert_true(world_is_contained(&world, &next));
}

/* No step: CLOCK_MONOTONIC went along. The sample is from before, and X is not where it was. */
static void a_slew_while_no_daemon_ran_is_seen_by_the_next(void **state)
{
	static const int64_t sizes_ns[] = {600000, -600000, 900000, 1500000};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(sizes_ns) / sizeof(sizes_ns[0]); k++) {
		struct world world;
		struct cbd_core core;
		struct cbd_core next;

		world_begin(&world, &core);
		world_pass(&world, 4 * SECOND);
		world_poll(&world, &core, 5);
		world.offset_ns += sizes_ns[k];
		restart(&next, &core, &world, 6);
		assert_true(world_is_contained(&world, &next));
		/* the same after an update that no daemon saw either */
		world_begin(&world, &core);
		world_sample(&world);
		world.offset_ns += sizes_ns[k];
		restart(&next, &core, &world, 0);
		assert_true(world_is_contained(&world, &next));
	}
}

static void what_the_fallback_drew_does_not_narrow_a_proof_after_a_restart(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct cbd_interval at;

	(void)state;
	world_begin(&world, &core);
	page = world_left_by(&core);
	page.terms.rule = CLOCKBOUND_RULE_TRACKING;
	page.lines.earliest_ns = world_true_ns(&world) + 100; /* the fallback missed */
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 3);
	world_sample(&world);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 1);
	assert_int_equal(next.out.terms.rule, CLOCKBOUND_RULE_SAMPLE);
	assert_true(world_is_contained(&world, &next));
	at = cbd_lines_at(&next.out.lines, next.out.lines.base);
	assert_true(at.latest_ns - at.earliest_ns >= 400000);
}

static void the_clock_half_goes_on_growing_with_chronyd_away(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct cbd_anchor now;

	(void)state;
	world_begin(&world, &core);
	page = world_left_by(&core);
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world_pass(&world, SECOND);
	now = world_anchor(&world);
	cbd_core_on_poll_failed(&next, CBD_POLL_UNREACHABLE, &now);
	assert_true((next.out.clock_status & CLOCKBOUND_VALID) != 0);
	assert_true(next.out.drift_ppb >= config.rho_ppb);
}

static void without_an_inheritance_the_first_poll_is_published(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_core core;
	struct world world;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world_poll(&world, &core, 1);
	assert_false(core.is_settling);
}

/* A path misleads chronyd's frequency; the next daemon must not take it for the oscillator's. */
static void a_frequency_that_was_misled_is_not_taken_for_the_steady_one_by_the_next_daemon(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct cbd_core core;
	struct cbd_core next;
	struct world world;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world_sample(&world);
	world.poll.tracking.update_interval_ns = SECOND;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(200000);
	world.poll.source[0].error_ns = 10000000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	page = world_left_by(&core);
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 1);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 1);
	assert_false(next.is_settling);
	assert_true(cbd_q58_to_ppb(next.growth_q58) >= 249000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_poll_before_the_counter_is_measured_leaves_the_page_alone),
		cmocka_unit_test(a_failed_poll_is_published_even_then),
		cmocka_unit_test(a_contradiction_outlives_the_daemon),
		cmocka_unit_test(a_held_step_outlives_the_daemon),
		cmocka_unit_test(a_step_while_no_daemon_ran_is_seen_by_the_next),
		cmocka_unit_test(a_slew_while_no_daemon_ran_is_seen_by_the_next),
		cmocka_unit_test(what_the_fallback_drew_does_not_narrow_a_proof_after_a_restart),
		cmocka_unit_test(the_clock_half_goes_on_growing_with_chronyd_away),
		cmocka_unit_test(
			a_frequency_that_was_misled_is_not_taken_for_the_steady_one_by_the_next_daemon),
		cmocka_unit_test(without_an_inheritance_the_first_poll_is_published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
