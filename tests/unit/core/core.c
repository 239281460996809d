/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement as a whole: what is published of which state of chronyd.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <clockbound/types.h>

#include "daemon/core/publication.h"
#include "tests/unit/core/world.h"

#define STATUS(core)		 CLOCKBOUND_STATUS_OF((core)->out.status)
#define CLOCK_STATUS(core)	 CLOCKBOUND_STATUS_OF((core)->out.clock_status)
#define IS_VALID(core)		 (((core)->out.status & CLOCKBOUND_VALID) != 0)
#define IS_CLOCK_VALID(core)	 (((core)->out.clock_status & CLOCKBOUND_VALID) != 0)
#define HAS_REASON(core, reason) (((core)->out.status & CLOCKBOUND_REASON_##reason) != 0)

static void starts_unknown_and_not_valid(void **state)
{
	struct cbd_core core;
	struct cbd_core_config config = world_config();

	(void)state;
	cbd_core_init(&core, &config);
	assert_int_equal(STATUS(&core), CLOCKBOUND_STATUS_UNKNOWN);
	assert_false(IS_VALID(&core));
	assert_true(HAS_REASON(&core, NOT_SYNCED_YET));
	assert_false(core.out.has_lines);
}

static void synchronised_polls_give_valid_lines_that_contain_true_time(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	for (i = 2; i < 60; i++) {
		world_pass(&world, SECOND);
		assert_true(world_is_contained(&world, &core));
		world_poll(&world, &core, (uint32_t)i);
		assert_int_equal(STATUS(&core), CLOCKBOUND_STATUS_SYNCHRONIZED);
		assert_true(IS_VALID(&core));
		assert_int_equal(CLOCKBOUND_REASONS_OF(core.out.status), 0);
		assert_true(world_is_contained(&world, &core));
		assert_true(world_is_clock_contained(&world, &core));
	}
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_SYNCHRONIZED);
	assert_int_equal(core.rule, CLOCKBOUND_RULE_SAMPLE);
}

static void half_width_is_sample_error_plus_growth_over_its_age_and_one_second(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_interval at;
	int64_t least_ns;

	(void)state;
	world_begin(&world, &core);
	world_sample(&world);
	world_pass(&world, 10 * SECOND);
	world_poll(&world, &core, 10);
	at = cbd_lines_at(&core.out.lines, core.out.lines.base);
	/* error + (rho + skew) * (10 + 1) s, at least; at most 3 us more for rounding, brackets and slip */
	least_ns = 200000 + 11 * 50100;
	assert_in_range((at.latest_ns - at.earliest_ns) / 2, least_ns, least_ns + 3000);
	assert_int_equal(core.terms.growth_ns / 1000, 11 * 50100 / 1000);
}

static void unreachable_chronyd_leaves_a_valid_warning_that_grows_until_void_after(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_anchor now;
	struct cbd_interval first;
	struct cbd_interval later;

	(void)state;
	world_begin(&world, &core);
	first = cbd_lines_at(&core.out.lines, core.out.lines.base);
	world_pass(&world, 500 * SECOND);
	now = world_anchor(&world);
	cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
	assert_int_equal(STATUS(&core), CLOCKBOUND_STATUS_FREE_RUNNING);
	assert_true(IS_VALID(&core));
	assert_true(HAS_REASON(&core, CHRONY_UNREACHABLE));
	assert_true(world_is_contained(&world, &core));
	later = cbd_lines_at(&core.out.lines, core.out.lines.base);
	assert_true((later.latest_ns - later.earliest_ns) - (first.latest_ns - first.earliest_ns) >=
		    2 * 500 * INT64_C(50000));
	world_pass(&world, 501 * SECOND);
	now = world_anchor(&world);
	cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
	assert_false(IS_VALID(&core));
	assert_false(IS_CLOCK_VALID(&core));
	assert_true(HAS_REASON(&core, EXPIRED));
	assert_false(core.out.has_lines);
}

static void holdover_does_not_extend_void_after(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_anchor now;
	uint64_t void_at;

	(void)state;
	world_begin(&world, &core);
	void_at = core.out.lines.base + core.out.void_after_ticks;
	world_pass(&world, 100 * SECOND);
	now = world_anchor(&world);
	cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
	assert_int_equal(core.out.lines.base + core.out.void_after_ticks, void_at);
}

static void local_mode_is_not_synchronised_unless_allowed(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core_config config = world_config();

	(void)state;
	world_init(&world);
	world.poll.tracking.reference_id = 0x7f7f0101;
	world.poll.tracking.is_refclock = true;
	world.poll.tracking.root_delay_ns = 0;
	world.poll.tracking.root_dispersion_ns = 0;
	world.poll.sources = 0;
	cbd_core_init(&core, &config);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	assert_false(IS_VALID(&core));
	assert_true(HAS_REASON(&core, LOCAL_MODE));
	config.allow_local = true;
	cbd_core_init(&core, &config);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	assert_true(IS_VALID(&core));
}

static void unsynchronised_constants_are_never_a_bound(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core_config config = world_config();

	(void)state;
	world_init(&world);
	world.poll.tracking.leap_status = 3;
	world.poll.tracking.stratum = 0;
	world.poll.tracking.root_delay_ns = SECOND;
	world.poll.tracking.root_dispersion_ns = SECOND;
	cbd_core_init(&core, &config);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_false(IS_VALID(&core));
	assert_true(HAS_REASON(&core, UNSYNCHRONISED));
	assert_true(HAS_REASON(&core, NOT_SYNCED_YET));
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_UNKNOWN);
}

static void samples_that_exclude_each_other_give_their_hull_until_three_agree(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin(&world, &core);
	for (i = 0; i < 4; i++) {
		world_sample(&world);
		world.poll.source[0].first_offset_ns += 30000000;
		world.poll.source[0].offset_ns = 30000000; /* the source lies by 30 ms from here on */
		world_pass(&world, SECOND);
		world_poll(&world, &core, 1);
		if (i < 3) {
			assert_true(HAS_REASON(&core, INCONSISTENT));
			assert_true(world_is_contained(&world, &core));
			world_pass(&world, SECOND);
			world_poll(&world, &core, 2); /* asked again: the verdict stands */
			assert_true(HAS_REASON(&core, INCONSISTENT));
			assert_true(world_is_contained(&world, &core));
		}
	}
	assert_false(HAS_REASON(&core, INCONSISTENT));
	assert_int_equal(core.stats.inconsistencies, 1);
}

static void a_combined_source_that_excludes_the_selected_one_gives_the_hull(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_interval at;

	(void)state;
	world_begin(&world, &core);
	world_sample(&world);
	world.poll.sources = 2;
	world.poll.source[1] = world.poll.source[0];
	world.poll.source[1].state = CBD_SOURCE_UNSELECTED;
	world.poll.source[1].offset_ns = 40000000;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(HAS_REASON(&core, INCONSISTENT));
	at = cbd_lines_at(&core.out.lines, core.out.lines.base);
	assert_true(at.latest_ns - at.earliest_ns > 40000000);
	assert_true(world_is_contained(&world, &core));
}

static void without_source_data_the_fallback_is_named(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core_config config = world_config();

	(void)state;
	world_init(&world);
	world.poll.has_source_data = false;
	world.poll.sources = 0;
	cbd_core_init(&core, &config);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 0);
	assert_true(IS_VALID(&core));
	assert_true(HAS_REASON(&core, FALLBACK));
	assert_int_equal(core.out.terms.rule, CLOCKBOUND_RULE_TRACKING);
	assert_true(world_is_contained(&world, &core));
}

static void sources_lost_is_a_stale_chronyd_and_does_not_renew_void_after(void **state)
{
	struct world world;
	struct cbd_core core;
	uint64_t void_at;

	(void)state;
	world_begin(&world, &core);
	void_at = core.out.lines.base + core.out.void_after_ticks;
	world_pass(&world, 8 * 64 * SECOND + 10 * SECOND);
	world_poll(&world, &core, 8 * 64 + 11);
	assert_true(HAS_REASON(&core, CHRONY_STALE));
	assert_int_equal(STATUS(&core), CLOCKBOUND_STATUS_FREE_RUNNING);
	assert_true(IS_VALID(&core));
	assert_int_equal(core.out.lines.base + core.out.void_after_ticks, void_at);
	assert_true(world_is_contained(&world, &core));
}

static void the_short_intervals_of_a_burst_do_not_make_a_slow_source_stale(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.tracking.update_interval_ns = 2 * SECOND;
	world.poll.source[0].poll_log2 = 6;
	world_sample(&world);
	world_pass(&world, 60 * SECOND);
	world_poll(&world, &core, 60);
	assert_int_equal(STATUS(&core), CLOCKBOUND_STATUS_SYNCHRONIZED);
	assert_false(HAS_REASON(&core, CHRONY_STALE));
}

static void without_a_counter_the_clock_half_is_valid_and_the_lines_are_void(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core_config config = world_config();

	(void)state;
	config.has_counter = false;
	world_init(&world);
	cbd_core_init(&core, &config);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_false(core.out.has_lines);
	assert_true(IS_CLOCK_VALID(&core));
	assert_true(world_is_clock_contained(&world, &core));
}

static void a_restarted_daemon_goes_on_with_the_lines_of_the_page(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page = {.has_lines = true};
	struct cbd_anchor now;

	(void)state;
	world_begin(&world, &core);
	page.lines = core.out.lines;
	page.void_after_ticks = core.out.void_after_ticks;
	page.void_after_mono_ns = core.out.void_after_mono_ns;
	page.counter_epoch = 7;
	page.clock_epoch = 8;
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world_pass(&world, 3 * SECOND);
	now = world_anchor(&world);
	cbd_core_on_poll_failed(&next, CBD_POLL_UNREACHABLE, &now);
	assert_int_equal(next.out.counter_epoch, 7);
	assert_int_equal(next.out.clock_epoch, 8);
	assert_true(IS_VALID(&next));
	assert_true(world_is_contained(&world, &next));
	world_pass(&world, SECOND);
	world_poll(&world, &next, 5);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 6);
	assert_true(IS_VALID(&next));
	assert_int_equal(STATUS(&next), CLOCKBOUND_STATUS_SYNCHRONIZED);
	assert_true(world_is_contained(&world, &next));
}

static void lines_of_a_page_from_before_a_sleep_are_not_taken_over(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core next;
	struct cbd_core_config config = world_config();
	struct cbd_inheritance page = {.has_lines = true};

	(void)state;
	world_begin(&world, &core);
	page.lines = core.out.lines;
	page.void_after_ticks = core.out.void_after_ticks;
	page.void_after_mono_ns = core.out.void_after_mono_ns;
	world.asleep_ns = 30 * SECOND;
	cbd_core_init(&next, &config);
	cbd_core_inherit(&next, &page);
	world_pass(&world, SECOND);
	world_poll(&world, &next, 3);
	assert_false(IS_VALID(&next));
}

static void start_up_skew_of_a_million_ppm_saturates(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_core_config config = world_config();

	(void)state;
	world_init(&world);
	world.poll.tracking.skew_q58 = CBD_Q58_ONE;
	world.poll.tracking.root_dispersion_ns = 1000 * SECOND;
	world.poll.source[0].error_ns = 1000 * SECOND;
	cbd_core_init(&core, &config);
	world_poll(&world, &core, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 1);
	assert_true(IS_VALID(&core));
	assert_true(world_is_contained(&world, &core));
	assert_true(core.out.lines.earliest_ns <= core.out.lines.latest_ns);
	assert_true(core.out.lines.earliest_rate < core.out.lines.latest_rate);
}

/* One poll, 1 s after the last, without adjtimex; CLOCK_MONOTONIC_RAW is read @late_ns after the clock. */
static void poll_without_rate(struct world *world, struct cbd_core *core, int64_t late_ns)
{
	world->poll.source[0].since_s++;
	world->poll.before = world_anchor(world);
	world->poll.before.has_kernel_rate = false;
	world->poll.before.raw.counter += (uint64_t)late_ns;
	world->poll.before.raw.clock_ns += late_ns;
	world->poll.after = world->poll.before;
	cbd_core_on_poll(core, &world->poll);
}

static void where_adjtimex_is_refused_the_rate_is_measured_although_the_daemon_is_preempted(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_core core;
	struct world world;
	int i;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	for (i = 0; i < 2; i++) {
		poll_without_rate(&world, &core, i == 1 ? 30000 : 1000);
		world_pass(&world, SECOND);
		world.offset_ns += 40000; /* another hand gives the clock 40 ppm, and chronyd -x agrees */
	}
	assert_in_range(cbd_q58_to_ppb_ceil(core.growth_q58), 90000, 92000);
}

/* Under chronyd -x any rate of the kernel's is X's too. Two looks in quick succession do not tell it. */
static void where_the_clocks_rate_is_neither_told_nor_measured_the_largest_is_allowed_for(void **state)
{
	struct cbd_core_config config = world_config();
	struct cbd_core core;
	struct world world;

	(void)state;
	world_init(&world);
	cbd_core_init(&core, &config);
	poll_without_rate(&world, &core, 0);
	world_pass(&world, SECOND / 25);
	poll_without_rate(&world, &core, 0);
	assert_true(core.out.has_lines);
	assert_true(cbd_q58_to_ppb_ceil(core.growth_q58) >= 111000000);
}

/* What chronyd says is left to X is less than there was at the anchor, by what the clock moved until he said so. */
static void what_the_clock_slips_while_chronyd_answers_is_in_the_clock_readers_bound(void **state)
{
	struct cbd_anchor now;
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	now = world_anchor(&world);
	core.agreement.lines.base = now.real.counter;
	core.agreement.lines.earliest_ns = now.real.clock_ns - 1000000;
	core.agreement.lines.latest_ns = now.real.clock_ns + 500000;
	core.correction_ns = -600000;
	core.terms.slip_ns = 300000;
	cbd_publication_fill(&core, &now);
	assert_true(core.out.bound_ns >= 500000 + 600000 + 300000);
	core.agreement.lines.earliest_ns = now.real.clock_ns - 500000;
	core.agreement.lines.latest_ns = now.real.clock_ns + 1000000;
	core.correction_ns = 600000;
	cbd_publication_fill(&core, &now);
	assert_true(core.out.bound_ns >= 500000 + 600000 + 300000);
}

static void without_a_selected_source_what_stands_runs_on_freely(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	world.poll.source[0].state = CBD_SOURCE_UNSELECTED;
	world_pass(&world, SECOND);
	world_poll(&world, &core, 2);
	assert_true(HAS_REASON(&core, CHRONY_STALE));
	assert_int_equal(STATUS(&core), CLOCKBOUND_STATUS_FREE_RUNNING);
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_FREE_RUNNING);
	assert_true(IS_VALID(&core));
	assert_true(world_is_contained(&world, &core));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_unknown_and_not_valid),
		cmocka_unit_test(synchronised_polls_give_valid_lines_that_contain_true_time),
		cmocka_unit_test(half_width_is_sample_error_plus_growth_over_its_age_and_one_second),
		cmocka_unit_test(unreachable_chronyd_leaves_a_valid_warning_that_grows_until_void_after),
		cmocka_unit_test(holdover_does_not_extend_void_after),
		cmocka_unit_test(local_mode_is_not_synchronised_unless_allowed),
		cmocka_unit_test(unsynchronised_constants_are_never_a_bound),
		cmocka_unit_test(samples_that_exclude_each_other_give_their_hull_until_three_agree),
		cmocka_unit_test(a_combined_source_that_excludes_the_selected_one_gives_the_hull),
		cmocka_unit_test(without_source_data_the_fallback_is_named),
		cmocka_unit_test(sources_lost_is_a_stale_chronyd_and_does_not_renew_void_after),
		cmocka_unit_test(the_short_intervals_of_a_burst_do_not_make_a_slow_source_stale),
		cmocka_unit_test(without_a_counter_the_clock_half_is_valid_and_the_lines_are_void),
		cmocka_unit_test(a_restarted_daemon_goes_on_with_the_lines_of_the_page),
		cmocka_unit_test(lines_of_a_page_from_before_a_sleep_are_not_taken_over),
		cmocka_unit_test(start_up_skew_of_a_million_ppm_saturates),
		cmocka_unit_test(
			where_the_clocks_rate_is_neither_told_nor_measured_the_largest_is_allowed_for),
		cmocka_unit_test(what_the_clock_slips_while_chronyd_answers_is_in_the_clock_readers_bound),
		cmocka_unit_test(without_a_selected_source_what_stands_runs_on_freely),
		cmocka_unit_test(
			where_adjtimex_is_refused_the_rate_is_measured_although_the_daemon_is_preempted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
