/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Movements of the clock in disguise: while nobody looked, under an update or a restart of chronyd's, or in a sample that
 * does not know of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core/world.h"

static void restart(struct cbd_core *next, const struct cbd_core *core, struct world *world, uint32_t age_s)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page = world_left_by(core);

	cbd_core_init(next, &config);
	cbd_core_inherit(next, &page);
	world_pass(world, SECOND);
	world_poll(world, next, age_s + 1);
	world_pass(world, SECOND);
	world_poll(world, next, age_s + 2);
}

static void fail_poll(struct world *world, struct cbd_core *core)
{
	struct cbd_anchor now = world_anchor(world);

	cbd_core_on_poll_failed(core, CBD_POLL_UNREACHABLE, &now);
}

static bool is_valid(const struct cbd_core *core)
{
	return (core->out.status & CLOCKBOUND_VALID) != 0;
}

/* as a_slew_while_no_daemon_ran_is_seen_by_the_next, but the last poll of the former daemon had no answer. */
static void a_slew_while_no_daemon_ran_after_a_failed_poll(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, 4 * SECOND);
	world_poll(&world, &core, 5);
	world_pass(&world, SECOND);
	fail_poll(&world, &core);
	world.offset_ns += 900000;
	restart(&next, &core, &world, 7);
	assert_true(!is_valid(&next) || world_is_contained(&world, &next));
}

/* no majority; a stranger slews meanwhile; another source is selected whose sample is from before the slew. */
static void a_slew_while_chronyd_is_unsynchronised(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_tracking good;
	struct cbd_source_data *source = &world.poll.source[0];
	int i;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	good = world.poll.tracking;
	world.poll.tracking.leap_status = 3;
	world.poll.tracking.stratum = 0;
	world.poll.tracking.reference_id = 0;
	world.poll.tracking.ref_time_ns = 0;
	source->state = CBD_SOURCE_FALSETICKER;
	source->id = 2; /* its sample comes now */
	source->mark = 1000;
	source->error_ns = 50000;
	for (i = 0; i < 4; i++) {
		world_pass(&world, SECOND);
		world.offset_ns += i == 1 ? 400000 : 0;
		world_poll(&world, &core, (uint32_t)i + 1);
	}
	world.poll.tracking = good;
	world.poll.tracking.reference_id = 0xc0a87b02;
	world.poll.tracking.ref_time_ns += 2 * SECOND;
	source->state = CBD_SOURCE_SELECTED;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 5);
	assert_true(!is_valid(&core) || world_is_contained(&world, &core));
}

/* chronyd -r is restarted in the middle of its slew: what was left is discarded, its samples are loaded again. */
static void reloaded_samples(uint64_t mark, int64_t left_ns)
{
	struct world world;
	struct cbd_core core;
	struct cbd_source_data *source = &world.poll.source[0];

	world_begin(&world, &core);
	/* The clock is left_ns slow, and chronyd knows: X is true time. */
	world.offset_ns = -left_ns;
	source->error_ns = 50000;
	world_pass(&world, SECOND);
	world_sample(&world);
	world_pass(&world, 2 * SECOND);
	world_poll(&world, &core, 2);
	world_pass(&world, SECOND);
	world_sample(&world); /* a second sample: nothing to correct beyond what is being corrected */
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	world_pass(&world, 4 * SECOND);
	world_poll(&world, &core, 5);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
	world.poll.tracking.correction_ns = 0;	      /* SYS_Generic_Finalise() */
	world.poll.tracking.ref_time_ns -= 300000000; /* fuzzed anew */
	source->mark += mark;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 6);
	assert_true(!is_valid(&core) || world_is_contained(&world, &core));
}

static void samples_that_chronyd_reloads_with_another_mark(void **state)
{
	(void)state;
	reloaded_samples(1, 400000);
}

static void samples_that_chronyd_reloads_with_the_same_mark(void **state)
{
	(void)state;
	reloaded_samples(0, 400000);
}

/* The same mark: nothing limits the size, but an empty intersection. */
static void samples_that_chronyd_reloads_after_a_long_slew(void **state)
{
	(void)state;
	reloaded_samples(0, 600000);
}

/* chronyd steered the clock, and is started again with -x, the kernel's rate staying at 12 ppm: f is 0 then. */
static void a_chronyd_that_only_watches_from_now_on(void **state)
{
	struct world world;
	struct cbd_core core;
	const int64_t rate_q58 = cbd_q58_from_ppb(30000);
	struct cbd_core_config config = world_config();
	int valid = 0;
	int i;

	(void)state;
	/* the oscillator is 30 ppm slow; chronyd's f = -30 ppm, the kernel's rate +30 ppm: the clock is right. */
	world_init(&world);
	cbd_core_init(&core, &config);
	for (i = 0; i < 6000; i++) {
		bool is_watching = i >= 1000;

		world_pass(&world, SECOND);
		world.lost_ticks -= 30000; /* per second: the counter is 30 ppm slow */
		world.frozen_ns += 30000;
		if (i % 16 == 0) {
			world_sample(&world);
		}
		world.poll.tracking.frequency_q58 = is_watching ? 0 : -rate_q58;
		if (i == 1000) {
			world_sample(&world);
		}
		world.poll.source[0].since_s = (uint32_t)(i % 16);
		world.poll.before = world_anchor(&world);
		world.poll.before.kernel_rate_q58 = rate_q58;
		/* MONOTONIC is right, as REALTIME */
		world.poll.before.mono_ns = 3 * SECOND + world.now_ns;
		world_pass(&world, 50000);
		world.lost_ticks -= 1; /* 1.5 */
		world.frozen_ns += 1;
		world.poll.after = world_anchor(&world);
		world.poll.after.kernel_rate_q58 = rate_q58;
		world.poll.after.mono_ns = 3 * SECOND + world.now_ns;
		cbd_core_on_poll(&core, &world.poll);
		if (i == 999) {
			assert_true(is_valid(&core));
		}
		valid += i >= 3000 && is_valid(&core);
	}
	assert_true(valid > 1500);
}

/* chronyd -x; the other hand's 500 ppm end while no daemon runs: X runs 500 ppm slow until chronyd notices. */
static void poll_at_rate(struct world *world, struct cbd_core *core, uint32_t since_s, int64_t rate_q58)
{
	world->poll.source[0].since_s = since_s;
	world->poll.before = world_anchor(world);
	world->poll.before.kernel_rate_q58 = rate_q58;
	world_pass(world, 50000);
	world->poll.after = world_anchor(world);
	world->poll.after.kernel_rate_q58 = rate_q58;
	cbd_core_on_poll(core, &world->poll);
}

static void the_other_hand_stops_slewing_while_no_daemon_runs(void **state)
{
	const int64_t rate_q58 = cbd_q58_from_ppb(500000);
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	int i;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	world.poll.tracking.frequency_q58 = rate_q58;
	for (i = 0; i < 40; i++) {
		world.offset_ns = i * 500000;
		if (i % 16 == 0) {
			world_sample(&world);
			world.poll.source[0].first_offset_ns = 0;
		}
		world.poll.tracking.correction_ns = -world.offset_ns;
		poll_at_rate(&world, &core, (uint32_t)(i % 16), rate_q58);
		if (i < 39) {
			world_pass(&world, SECOND - 50000);
		}
	}
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
	page = world_left_by(&core);
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world_pass(&world, 5 * SECOND);
	world.poll.tracking.correction_ns -= 5 * 500000;
	poll_at_rate(&world, &next, 13, 0);
	world_pass(&world, SECOND / 10);
	world.poll.tracking.correction_ns -= 50000;
	poll_at_rate(&world, &next, 13, 0);
	assert_true(!is_valid(&next) || world_is_contained(&world, &next));
}

/* after a short sleep chronyd's regression is wrong; no source is selected at this poll (SRC_WAITS_UPDATE). */
static void no_source_is_selected_after_a_sleep(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	world.asleep_ns += 3 * SECOND;
	world_step(&world, 20000000);
	for (i = 0; i < 5; i++) {
		world_pass(&world, SECOND);
		world_poll(&world, &core, (uint32_t)(3 + i));
		assert_false(is_valid(&core));
	}
	/* An update from old and new samples: 6 % of the 20 ms are found. Then another source is waited for. */
	world.poll.tracking.ref_time_ns = world_true_ns(&world);
	world.poll.tracking.correction_ns = -1200000;
	world.poll.source[0].state = CBD_SOURCE_SELECTABLE;
	world.poll.source[0].mark++;
	world.poll.source[0].first_offset_ns = -20000000;
	world.poll.source[0].offset_ns = -18800000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(!is_valid(&core) || world_is_contained(&world, &core));
}

/* chronyd up to 4.6 fails to step a clock that is 1.8 s slow: its sample is then from the future. */
static void a_correction_forgotten_forward(uint32_t first_since)
{
	struct cbd_core_config config = world_config();
	struct world world;
	struct cbd_core core;
	struct cbd_tracking good;
	int i;

	world_init(&world);
	cbd_core_init(&core, &config);
	world.offset_ns = -1800 * INT64_C(1000000);
	good = world.poll.tracking;
	world.poll.tracking.leap_status = 3;
	world.poll.tracking.stratum = 0;
	world.poll.tracking.reference_id = 0;
	world.poll.sources = 0;
	for (i = 0; i < 4; i++) {
		world_poll(&world, &core, 0);
		world_pass(&world, SECOND / 5);
	}
	world.poll.tracking = good;
	world.poll.tracking.frequency_q58 = cbd_q58_from_ppb(12000);
	world.poll.tracking.ref_time_ns = world_true_ns(&world); /* moved along by the step that failed */
	world.poll.sources = 1;
	world.poll.source[0].first_offset_ns = -world.offset_ns;
	world.poll.source[0].offset_ns = 0;
	world_poll(&world, &core, first_since);
	assert_true(!is_valid(&core) || world_is_contained(&world, &core));
	for (i = 0; i < 20; i++) {
		world_pass(&world, SECOND / 5);
		world.offset_ns -= 2401; /* the clock runs as chronyd says: 12 ppm slow, poll included */
		world_poll(&world, &core, i < 4 ? UINT32_MAX : (uint32_t)(i - 4) / 5);
		assert_true(!is_valid(&core) || world_is_contained(&world, &core));
	}
}

static void a_correction_forgotten_forward_with_a_sample_a_second_ahead(void **state)
{
	(void)state;
	a_correction_forgotten_forward(UINT32_MAX);
}

static void a_correction_forgotten_forward_with_a_sample_two_seconds_ahead(void **state)
{
	(void)state;
	a_correction_forgotten_forward(UINT32_MAX - 1);
}

/* the machine slept while no daemon ran, and the page had no lines: saved counter values must be void. */
static void a_sleep_while_no_daemon_ran_moves_the_counter_epoch_of_a_void_page(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page;
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	page = world_left_by(&core);
	page.has_lines = false;
	page.counter_epoch = 7;
	page.suspend_ns = world.asleep_ns;
	page.status = CLOCKBOUND_STATUS_UNKNOWN | CLOCKBOUND_REASON_STEP;
	page.clock_status = page.status;
	world.asleep_ns += 30 * SECOND;
	world.lost_ticks -= 100 * SECOND;
	world_step(&world, 30 * SECOND);
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world_poll(&world, &next, 3);
	assert_int_not_equal(next.out.counter_epoch, 7);
}

/* two updates and a step between two polls: the first update's move hides the step. */
static void a_step_that_an_update_before_the_last_one_cancels(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].error_ns = 50000;
	world_sample(&world);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	world_sample(&world);	  /* a sample that says: 200 us; chronyd has not moved X by it yet */
	world.offset_ns = 200000; /* (as after a stranger's slew that was a SURPRISE and is over) */
	world.poll.source[0].first_offset_ns = 0;
	world_pass(&world, 5 * SECOND);
	world_poll(&world, &core, 4); /* SURPRISE */
	world_sample(&world);
	world.poll.tracking.correction_ns = 0;
	world.poll.source[0].first_offset_ns = -200000;
	world.poll.source[0].offset_ns = -200000;
	world_pass(&world, 2 * SECOND);
	world_poll(&world, &core, 0);
	assert_true(is_valid(&core) && world_is_contained(&world, &core));
	world_pass(&world, SECOND / 4);
	world_sample(&world); /* X moves by -200 us */
	world_pass(&world, SECOND / 4);
	world_sample(&world);				     /* nothing left to correct */
	world.poll.tracking.update_interval_ns = SECOND / 4; /* chronyd tells of the two */
	world_step(&world, 200000);
	world_pass(&world, SECOND / 2);
	world_poll(&world, &core, 0);
	assert_true(!is_valid(&core) || world_is_contained(&world, &core));
}

/* a slew that was charged to one source's sample is not charged to another's, which is as old. */
static void a_charge_that_a_change_of_source_forgets(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;

	(void)state;
	world_begin(&world, &core);
	world_pass(&world, 4 * SECOND);
	world_poll(&world, &core, 5);
	world.offset_ns += 700000;
	restart(&next, &core, &world, 6);
	assert_true(is_valid(&next) && world_is_contained(&world, &next));
	world.poll.tracking.reference_id = 0xc0a87b02;
	world.poll.tracking.ref_time_ns += 3 * SECOND;
	world.poll.source[0].id = 2;
	world.poll.source[0].mark = 2000;
	world.poll.source[0].error_ns = 50000;
	world_pass(&world, SECOND);
	world_poll(&world, &next, 7); /* younger than the lines' last sample, older than the slew */
	assert_true(!is_valid(&next) || world_is_contained(&world, &next));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slew_while_no_daemon_ran_after_a_failed_poll),
		cmocka_unit_test(a_slew_while_chronyd_is_unsynchronised),
		cmocka_unit_test(samples_that_chronyd_reloads_with_another_mark),
		cmocka_unit_test(samples_that_chronyd_reloads_with_the_same_mark),
		cmocka_unit_test(samples_that_chronyd_reloads_after_a_long_slew),
		cmocka_unit_test(a_chronyd_that_only_watches_from_now_on),
		cmocka_unit_test(the_other_hand_stops_slewing_while_no_daemon_runs),
		cmocka_unit_test(no_source_is_selected_after_a_sleep),
		cmocka_unit_test(a_correction_forgotten_forward_with_a_sample_a_second_ahead),
		cmocka_unit_test(a_correction_forgotten_forward_with_a_sample_two_seconds_ahead),
		cmocka_unit_test(a_sleep_while_no_daemon_ran_moves_the_counter_epoch_of_a_void_page),
		cmocka_unit_test(a_step_that_an_update_before_the_last_one_cancels),
		cmocka_unit_test(a_charge_that_a_change_of_source_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
