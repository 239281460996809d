/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PTP hardware clock in the judgement: narrower where it agrees, wide where it does not, alone only on lines that
 * chronyd has begun.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <clockbound/types.h>

#include "tests/unit/core/world.h"

#define PHC0 0x50484330u

/* A device that is off by @error_ns, read 400 ns wide, and thought to be within @bound_ns; 0: nobody knows. */
static void bring(struct cbd_core *core, const struct world *world, int64_t error_ns, int64_t bound_ns)
{
	struct cbd_anchor now = world_anchor(world);
	int64_t offset_ns = world_true_ns(world) + error_ns - now.raw.clock_ns;
	struct cbd_phc_reading reading = {
		.raw_ns = now.raw.clock_ns,
		.low_ns = offset_ns - 200,
		.high_ns = offset_ns + 200,
		.bound_ns = bound_ns,
		.worst_bound_ns = bound_ns,
		.widest_ns = 400,
		.has_offset = bound_ns != 0,
		.has_bound = bound_ns != 0,
		.is_failed = bound_ns == 0,
	};

	cbd_core_on_phc(core, &reading);
}

static void begin(struct world *world, struct cbd_core *core, bool is_source, bool is_followed)
{
	struct cbd_core_config config = world_config();

	config.has_phc = true;
	config.combines_phc = is_source;
	config.phc_reference_id = is_followed ? PHC0 : 0;
	world_init(world);
	if (is_followed) {
		world->poll.tracking.reference_id = PHC0;
		world->poll.source[0].reference_id = PHC0;
		world->poll.source[0].error_ns = 100;
		world->poll.tracking.root_delay_ns = 1;
	}
	cbd_core_init(core, &config);
}

static int64_t width_ns(const struct cbd_core *core)
{
	return core->out.lines.latest_ns - core->out.lines.earliest_ns;
}

static void settle(struct world *world, struct cbd_core *core, int64_t bound_ns)
{
	int i;

	for (i = 0; i < 3; i++) {
		bring(core, world, 0, bound_ns);
		world_poll(world, core, 0);
		world_pass(world, SECOND);
	}
}

static void a_device_that_agrees_narrows_the_bound(void **state)
{
	struct cbd_core core;
	struct world world;

	(void)state;
	begin(&world, &core, true, false);
	settle(&world, &core, 1000);
	assert_true(core.out.has_lines && (core.out.status & CLOCKBOUND_VALID) != 0);
	assert_true(width_ns(&core) < 2 * 1000 + 400 + 200);
	assert_true(world_is_contained(&world, &core));
	assert_int_equal(CLOCKBOUND_REASONS_OF(core.out.status), 0);
}

static void a_device_that_disagrees_widens_it_for_as_long(void **state)
{
	struct cbd_core core;
	struct world world;
	int i;

	(void)state;
	begin(&world, &core, true, false);
	settle(&world, &core, 1000);
	for (i = 0; i < 20; i++) {
		world_sample(&world);
		bring(&core, &world, 5000000, 1000);
		world_poll(&world, &core, 0);
		assert_true(core.out.status & CLOCKBOUND_REASON_INCONSISTENT);
		assert_true(width_ns(&core) >= 5000000 - 200000 - 1500);
		assert_true(world_is_contained(&world, &core));
		world_pass(&world, SECOND);
	}
	assert_int_equal(core.stats.inconsistencies, 1);
	for (i = 0; i < 6; i++) {
		world_sample(&world);
		bring(&core, &world, 0, 1000);
		world_poll(&world, &core, 0);
		world_pass(&world, SECOND);
	}
	assert_false(core.out.status & CLOCKBOUND_REASON_INCONSISTENT);
	assert_true(width_ns(&core) < 2 * 1000 + 400 + 200);
}

static void a_device_keeps_the_lines_narrow_and_alive_while_chronyd_is_away(void **state)
{
	struct cbd_anchor now;
	struct cbd_core core;
	struct world world;
	int i;

	(void)state;
	begin(&world, &core, true, false);
	settle(&world, &core, 1000);
	for (i = 0; i < 2000; i++) {
		world_pass(&world, SECOND);
		bring(&core, &world, 0, 1000);
		now = world_anchor(&world);
		cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
		assert_true(core.out.has_lines && (core.out.status & CLOCKBOUND_VALID) != 0);
		assert_true(core.out.status & CLOCKBOUND_REASON_CHRONY_UNREACHABLE);
		assert_true(width_ns(&core) < 2 * 1000 + 400 + 200);
		assert_true(world_is_contained(&world, &core));
	}
}

/* Nobody measures the oscillator meanwhile: by rho in 1000 s its course may be another. */
static void the_longer_a_device_is_alone_the_faster_the_bound_grows(void **state)
{
	struct cbd_anchor now;
	struct cbd_core core;
	struct world world;
	int64_t growth_q58;
	int i;

	(void)state;
	begin(&world, &core, true, false);
	settle(&world, &core, 1000);
	growth_q58 = core.growth_q58;
	for (i = 0; i < 2000; i++) {
		world_pass(&world, SECOND);
		bring(&core, &world, 0, 1000);
		now = world_anchor(&world);
		cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
	}
	growth_q58 = core.growth_q58 - growth_q58;
	assert_in_range(cbd_q58_to_ppb_ceil(growth_q58), 2 * 50000, 2 * 50000 + 400);
	assert_int_equal(core.terms.growth_ppb, cbd_q58_to_ppb_ceil(core.growth_q58));
	world_sample(&world);
	world_poll(&world, &core, 0); /* chronyd is back */
	assert_true(cbd_q58_to_ppb_ceil(core.growth_q58) < 51000);
}

/* A leap second would be told by chronyd, which is not there: the lines end before one can fall. */
static void a_device_alone_does_not_renew_the_lines_up_to_the_end_of_a_month(void **state)
{
	struct cbd_anchor now;
	struct cbd_core core;
	struct world world;
	int64_t month_ns = INT64_C(1769904000) * SECOND; /* 2026-02-01T00:00:00Z */
	bool was_valid = false;

	(void)state;
	begin(&world, &core, true, false);
	world.now_ns = month_ns - WORLD_START_NS - 5400 * SECOND;
	settle(&world, &core, 1000);
	for (; world_true_ns(&world) < month_ns + 10 * SECOND; world_pass(&world, SECOND)) {
		bring(&core, &world, 0, 1000);
		now = world_anchor(&world);
		cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
		was_valid = was_valid || world_true_ns(&world) > month_ns - 4000 * SECOND;
		if (world_counter(&world) >= core.void_counter) {
			break;
		}
	}
	assert_true(was_valid);
	assert_in_range(month_ns - world_true_ns(&world), 3600 * SECOND, 3610 * SECOND);
}

static void a_device_begins_no_lines(void **state)
{
	struct cbd_anchor now;
	struct cbd_core core;
	struct world world;
	int i;

	(void)state;
	begin(&world, &core, true, false);
	for (i = 0; i < 10; i++) {
		world_pass(&world, SECOND);
		bring(&core, &world, 0, 1000);
		now = world_anchor(&world);
		cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
		assert_false(core.out.has_lines);
		assert_true(core.out.status & CLOCKBOUND_REASON_NOT_SYNCED_YET);
	}
}

static void a_device_that_only_chronyd_follows_is_no_source(void **state)
{
	struct cbd_core core;
	struct world world;

	(void)state;
	begin(&world, &core, false, true);
	settle(&world, &core, 20000);
	assert_true(core.out.status & CLOCKBOUND_VALID);
	assert_int_equal(core.out.terms.phc_ns, 20000 + 200 + 1);
	assert_true(width_ns(&core) > 2 * 20000);
}

static void a_followed_device_of_unknown_error_is_not_believed(void **state)
{
	struct cbd_core core;
	struct world world;

	(void)state;
	begin(&world, &core, false, true);
	settle(&world, &core, 0);
	assert_false(core.out.status & CLOCKBOUND_VALID);
	assert_true(core.out.status & CLOCKBOUND_REASON_PHC_FAILED);
	assert_true(core.out.status & CLOCKBOUND_REASON_NOT_SYNCED_YET);
	settle(&world, &core, 20000);
	assert_true(core.out.status & CLOCKBOUND_VALID);
	assert_false(core.out.status & CLOCKBOUND_REASON_PHC_FAILED);
	settle(&world, &core, 0);
	assert_true(core.out.status & CLOCKBOUND_VALID); /* what was proved, growing */
	assert_int_equal(CLOCKBOUND_STATUS_OF(core.out.status), CLOCKBOUND_STATUS_FREE_RUNNING);
	assert_true(core.out.status & CLOCKBOUND_REASON_PHC_FAILED);
}

static void another_source_of_chronyds_is_not_charged(void **state)
{
	struct cbd_core core;
	struct world world;

	(void)state;
	begin(&world, &core, false, true);
	world.poll.tracking.reference_id = 0xc0a87b01;
	world.poll.source[0].reference_id = 0xc0a87b01;
	settle(&world, &core, 0);
	assert_true(core.out.status & CLOCKBOUND_VALID);
	assert_int_equal(core.out.terms.phc_ns, 0);
	assert_true(core.out.status & CLOCKBOUND_REASON_PHC_FAILED); /* a warning, no failure */
}

/* Nobody has said by which name chronyd follows the device, if it does: any refclock may be it. */
static void a_refclock_that_may_be_the_device_is_charged(void **state)
{
	struct cbd_core core;
	struct world world;
	int by_tracking;

	(void)state;
	for (by_tracking = 0; by_tracking < 2; by_tracking++) {
		begin(&world, &core, true, true);
		core.config.phc_reference_id = 0;
		world.poll.source[0].mode = CBD_SOURCE_MODE_REFCLOCK;
		world.poll.tracking.is_refclock = true;
		world.poll.has_source_data = !by_tracking;
		world.poll.sources = !by_tracking;
		settle(&world, &core, 0);
		assert_false(core.out.status & CLOCKBOUND_VALID);
		assert_true(core.out.status & CLOCKBOUND_REASON_PHC_FAILED);
		settle(&world, &core, 20000);
		assert_true(core.out.status & CLOCKBOUND_VALID);
		assert_int_equal(core.out.terms.phc_ns, 20000 + 200 + 1);
		assert_true(width_ns(&core) >= 2 * 20000);
	}
}

static void a_refclock_of_another_name_and_a_server_are_not_charged(void **state)
{
	struct cbd_core core;
	struct world world;
	int is_server;

	(void)state;
	for (is_server = 0; is_server < 2; is_server++) {
		begin(&world, &core, true, true);
		core.config.phc_reference_id = is_server ? 0 : PHC0 + 1;
		world.poll.source[0].mode = is_server ? 0 : CBD_SOURCE_MODE_REFCLOCK;
		world.poll.tracking.is_refclock = !is_server;
		settle(&world, &core, 0);
		assert_true(core.out.status & CLOCKBOUND_VALID);
		assert_int_equal(core.out.terms.phc_ns, 0);
	}
}

static void a_step_of_the_clock_does_not_concern_the_device(void **state)
{
	struct cbd_core core;
	struct world world;
	int i;

	(void)state;
	begin(&world, &core, true, false);
	settle(&world, &core, 1000);
	world_step(&world, 3 * SECOND);
	for (i = 0; i < 50; i++) {
		bring(&core, &world, 0, 1000);
		world_poll(&world, &core, (uint32_t)i + 1);
		assert_true(core.out.status & CLOCKBOUND_VALID);
		assert_true(core.out.status & CLOCKBOUND_REASON_STEP);
		assert_true(width_ns(&core) < 2 * 1000 + 400 + 200);
		assert_true(world_is_contained(&world, &core));
		world_pass(&world, SECOND);
	}
}

/* A poll that chronyd took its time for: the device is read 0.9 s after the first anchor. */
static void poll_slowly(struct world *world, struct cbd_core *core)
{
	world->poll.before = world_anchor(world);
	world_pass(world, SECOND * 9 / 10);
	world->poll.after = world_anchor(world);
	bring(core, world, 0, 1000);
	cbd_core_on_poll(core, &world->poll);
}

static void a_device_alone_is_carried_as_the_lines_run_and_not_by_chronyds_latest_word(void **state)
{
	struct cbd_core core;
	struct world world;
	int i;

	(void)state;
	begin(&world, &core, true, false);
	settle(&world, &core, 1000);
	world.poll.tracking.leap_status = 3;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(300000);
	bring(&core, &world, 0, 0);
	world_poll(&world, &core, 0);
	world_pass(&world, 60 * SECOND);
	for (i = 0; i < 5; i++) {
		poll_slowly(&world, &core);
		assert_true(core.out.status & CLOCKBOUND_VALID);
		assert_true(world_is_contained(&world, &core));
		assert_false(core.out.status & CLOCKBOUND_REASON_INCONSISTENT);
		world_pass(&world, SECOND / 10);
	}
}

/* CLOCK_MONOTONIC_RAW, which the reading is measured against, stood still meanwhile. */
static void a_reading_from_before_a_sleep_proves_nothing_after_it(void **state)
{
	struct cbd_core core;
	struct world world;
	int i;

	(void)state;
	begin(&world, &core, true, false);
	settle(&world, &core, 1000);
	world_pass(&world, 60 * SECOND);
	world.asleep_ns += 60 * SECOND;
	world.frozen_ns += 60 * SECOND;
	world.stepped_ns += 60 * SECOND;
	world.lost_ticks -= 60 * SECOND;
	for (i = 0; i < 8; i++) {
		world_sample(&world);
		world_poll(&world, &core, 0);
		world_pass(&world, SECOND);
	}
	assert_true(core.out.status & CLOCKBOUND_VALID);
	assert_true(world_is_contained(&world, &core));
	assert_int_equal(core.stats.inconsistencies, 0);
	assert_false(core.out.status & CLOCKBOUND_REASON_INCONSISTENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_that_agrees_narrows_the_bound),
		cmocka_unit_test(a_device_that_disagrees_widens_it_for_as_long),
		cmocka_unit_test(a_device_keeps_the_lines_narrow_and_alive_while_chronyd_is_away),
		cmocka_unit_test(the_longer_a_device_is_alone_the_faster_the_bound_grows),
		cmocka_unit_test(a_device_alone_does_not_renew_the_lines_up_to_the_end_of_a_month),
		cmocka_unit_test(a_device_begins_no_lines),
		cmocka_unit_test(a_device_that_only_chronyd_follows_is_no_source),
		cmocka_unit_test(a_followed_device_of_unknown_error_is_not_believed),
		cmocka_unit_test(another_source_of_chronyds_is_not_charged),
		cmocka_unit_test(a_refclock_that_may_be_the_device_is_charged),
		cmocka_unit_test(a_refclock_of_another_name_and_a_server_are_not_charged),
		cmocka_unit_test(a_step_of_the_clock_does_not_concern_the_device),
		cmocka_unit_test(a_device_alone_is_carried_as_the_lines_run_and_not_by_chronyds_latest_word),
		cmocka_unit_test(a_reading_from_before_a_sleep_proves_nothing_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
