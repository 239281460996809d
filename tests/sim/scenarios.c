/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios. Each states what differs from the quiet world (scenario.h), and what must come out. CMake reads them. */
#include "tests/sim/parts.h"
#include "tests/sim/scenario.h"

#include <clockbound/types.h>

/* 2026-06-30T23:30:00Z: half an hour before a leap second could be. */
#define LEAP_EVE INT64_C(1782862200)
#define LEAP_AT	 1800

static const struct sim_scenario scenarios[] = {
	{
		.name = "quiet_world_is_contained",
		.preempt_ppm = 200,
	},
	{
		.name = "near_server_is_contained_within_microseconds",
		.server = {NEAR},
	},
	{
		.name = "far_server_is_contained",
		.server = {WAN},
		.seconds = 6000,
	},
	{
		.name = "delay_all_on_one_way_is_contained",
		.server = {ONE_WAY},
	},
	{
		.name = "delay_that_changes_sides_is_contained",
		.server = {{.path = {10 * MS, 10 * MS, 0, 0, 0, true, 0}, .poll_min = 2, .poll_max = 4}},
	},
	{
		.name = "routes_that_change_while_the_daemon_is_restarted_are_contained",
		.kill_ppm = 100000,
		.server = {REROUTED},
	},
	{
		.name = "bursts_on_the_path_are_contained",
		.server = {BURSTY},
	},
	{
		.name = "only_source_that_lies_is_not_promised",
		.why = "A1: the source was honest at the sample",
		.verdict = SIM_NOT_PROMISED,
		.server = {LIAR(900, 0)},
		.says = CLOCKBOUND_REASON_INCONSISTENT,
	},
	{
		.name = "only_source_that_lies_once_is_contained_by_the_hull",
		.server = {LIAR(900, 16)},
		.says = CLOCKBOUND_REASON_INCONSISTENT,
	},
	{
		.name = "only_source_that_lies_for_two_samples_is_contained_by_the_hull",
		.server = {LIAR(900, 30)},
		.says = CLOCKBOUND_REASON_INCONSISTENT,
	},
	{
		.name = "refclock_with_a_hidden_bias_is_not_promised",
		.why = "A1: a refclock's delay and dispersion are what its owner configured",
		.verdict = SIM_NOT_PROMISED,
		.server = {REFCLOCK(500, 400000)},
	},
	{
		.name = "refclock_without_bias_is_contained",
		.server = {REFCLOCK(1000, 300)},
	},
	{
		.name = "one_liar_of_three_servers_is_contained",
		.oscillator = {.base_ppb = 12000, .sine_ppb = 10000, .sine_period_s = 1885},
		.server = {LAN,
			   {.path = {MS, 2 * MS, 100000, 0, 0, false, 0}, .poll_min = 4, .poll_max = 6},
			   LIAR(60, 0)},
	},
	{
		.name = "three_honest_servers_combined_are_contained",
		.oscillator = {.base_ppb = 12000, .walk_ppt = 10000},
		.server = {{.path = {2 * MS, 0, 100000, 0, 0, false, 0}, .poll_min = 4, .poll_max = 6},
			   {.path = {0, 2 * MS, 100000, 0, 0, false, 0}, .poll_min = 4, .poll_max = 6},
			   {.path = {MS, MS, 100000, 0, 0, false, 0}, .poll_min = 4, .poll_max = 6}},
		.event = {{1500, 0, SIM_JUMP, 25000}},
	},
	{
		.name = "no_majority_leaves_the_lines_in_holdover",
		.server = {LAN, LIAR(1000, 0)},
		.says = CLOCKBOUND_REASON_UNSYNCHRONISED,
		.valid_percent_min = 30,
	},
	{
		.name = "step_of_100_ms_is_contained",
		.event = {{600, 300, SIM_STEP, 100 * MS}},
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "step_of_5_s_is_contained",
		.event = {{600, 300, SIM_STEP, 5 * S}},
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "step_of_minus_5_s_is_contained",
		.event = {{600, 300, SIM_STEP, -5 * S}},
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "step_of_100_s_is_contained",
		.event = {{600, 300, SIM_STEP, 100 * S}},
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "steps_with_a_chronyd_that_cannot_reset_are_contained",
		.chronyd = {.is_before_4 = true},
		.event = {{600, 400, SIM_STEP, -5 * S}, {800, 400, SIM_STEP, 3 * S}},
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "small_steps_with_a_chronyd_that_cannot_reset_are_contained",
		.chronyd = {.is_before_4 = true},
		.server = {LAN_1S},
		.event = {{600, 90, SIM_STEP, -MS}, {800, 110, SIM_STEP, MS}},
	},
	{
		.name = "steps_that_chronyd_undoes_by_a_step_are_contained",
		.chronyd = {.makestep_ns = S},
		.event = {{600, 200, SIM_STEP, 3 * S}},
	},
	{
		.name = "clock_that_is_far_off_at_the_start_is_slewed_and_contained",
		.clock_offset_ns = -40 * MS,
		.server = {NEAR},
		.event = {{900, 0, SIM_CHRONYD_STOP, 20 * S}},
	},
	{
		.name = "clock_that_is_far_off_at_the_start_is_stepped_and_contained",
		.clock_offset_ns = 20 * S,
		.chronyd = {.makestep_ns = S, .makestep_limit = 3},
	},
	{
		.name = "stranger_who_slews_the_clock_is_contained",
		.event = {{600, 200, SIM_RATE, 200000}, {700, 300, SIM_RATE, -40000000}},
		.says = CLOCKBOUND_REASON_SURPRISE,
	},
	{
		.name = "chronyd_that_hangs_in_a_slew_is_contained",
		.clock_offset_ns = 500 * MS,
		.server = {NEAR},
		.event = {{8, 100, SIM_CHRONYD_HANG, 60 * S}},
		.seconds = 1000,
	},
	{
		.name = "chronyd_that_only_watches_is_contained",
		.clock_offset_ns = 30 * MS,
		.chronyd = {.is_foreign = true},
		.event = {{900, 400, SIM_RATE, 5000}, {1500, 0, SIM_RATE, -2000000}},
	},
	{
		.name = "clock_of_another_rate_that_chronyd_only_watches_is_contained",
		.chronyd = {.is_foreign = true, .is_obstinate = true, .frequency_ppb = 1},
		.oscillator = {.base_ppb = -40000, .flip_ppb = -49990, .flip_every_s = 300},
		.server = {EXTREME},
		.clock_rate_ppb = 40000,
	},
	{
		.name = "steps_of_a_clock_that_chronyd_only_watches_are_contained",
		.chronyd = {.is_foreign = true},
		.event = {{900, 400, SIM_STEP, -300 * MS}},
	},
	{
		.name = "chronyd_that_answers_slowly_while_it_slews_is_contained",
		.clock_offset_ns = 300 * MS,
		.chronyd = {.answer_ns = 8 * MS, .late_ppm = 20000, .lost_ppm = 20000},
		.server = {NEAR},
		.event = {{300, 200, SIM_CHRONYD_RESET, 0}, {400, 200, SIM_STEP, 80 * MS}},
		.valid_percent_min = 30,
	},
	{
		.name = "long_slew_from_the_start_with_late_answers_is_contained",
		.clock_offset_ns = 20 * S,
		.chronyd = {.frequency_ppb = 12000, .late_ppm = 200000},
		.server = {{.path = {10000, 10000, 100, 0, 0, false, 0}, .poll_min = 1, .poll_max = 1}},
		.seconds = 300,
	},
	{
		.name = "chronyd_that_is_preempted_at_its_own_slews_is_contained",
		.clock_offset_ns = 100 * MS,
		.chronyd = {.is_slow_to_act = true},
		.server = {NEAR},
		.event = {{400, 300, SIM_STEP, 50 * MS}},
	},
	{
		.name = "chronyd_that_hangs_and_is_restarted_is_contained",
		.chronyd = {.makestep_ns = S, .makestep_limit = 3},
		.event = {{500, 200, SIM_CHRONYD_HANG, 20 * S}, {600, 300, SIM_CHRONYD_STOP, 30 * S}},
		.says = CLOCKBOUND_REASON_CHRONY_UNREACHABLE,
	},
	{
		.name = "chronyd_that_starts_late_is_waited_for",
		.is_chronyd_late = true,
		.event = {{600, 0, SIM_CHRONYD_START, 0}},
		.says = CLOCKBOUND_REASON_NOT_SYNCED_YET,
	},
	{
		.name = "chronyd_gone_for_good_ends_at_void_after",
		.event = {{500, 0, SIM_CHRONYD_STOP, 100000 * S}},
		.says = CLOCKBOUND_REASON_EXPIRED,
		.valid_percent_min = 30,
	},
	{
		.name = "sources_lost_end_at_void_after",
		.event = {{500, 0, SIM_SOURCES_LOST, 4000 * S}},
		.says = CLOCKBOUND_REASON_CHRONY_STALE | CLOCKBOUND_REASON_EXPIRED,
		.seconds = 6000,
		.valid_percent_min = 20,
	},
	{
		.name = "local_mode_is_never_believed",
		.event = {{500, 500, SIM_LOCAL, 200 * S}, {800, 0, SIM_STEP, 300 * MS}},
		.says = CLOCKBOUND_REASON_LOCAL_MODE,
	},
	{
		.name = "source_data_that_comes_and_goes_is_contained",
		.event = {{500, 100, SIM_SOURCE_REFUSED, 50 * S}},
		.says = CLOCKBOUND_REASON_FALLBACK,
	},
	{
		.name = "steps_without_source_data_are_contained",
		.chronyd = {.has_no_source_data = true},
		.event = {{600, 300, SIM_STEP, 100 * MS}},
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "correction_forgotten_by_a_makestep_command_is_contained",
		.chronyd = {.cannot_step = true, .forgets = true},
		.clock_offset_ns = 20 * MS,
		.server = {NEAR},
		.event = {{300, 200, SIM_STEP, 10 * MS}, {305, 100, SIM_MAKESTEP, 0}},
	},
	{
		.name = "correction_forgotten_at_the_first_updates_is_contained",
		.chronyd =
			{.cannot_step = true, .forgets = true, .makestep_ns = 100 * MS, .makestep_limit = 3},
		.clock_offset_ns = 2 * S,
		.seconds = 600,
		.valid_percent_min = -1, /* X is never right */
	},
	{
		.name = "daemon_paused_in_mid_publication_is_contained",
		.pause_ppm = 100000,
		.preempt_ppm = 2000,
		.server = {NEAR},
		.oscillator = {.base_ppb = 12000, .walk_ppt = 10000},
	},
	{
		.name = "daemon_killed_in_mid_publication_is_contained",
		.kill_ppm = 100000,
		.pause_ppm = 20000,
		.preempt_ppm = 5000,
		.server = {NEAR},
		.oscillator = {.base_ppb = 12000, .walk_ppt = 10000},
	},
	{
		.name = "reader_interrupted_by_a_daemon_that_dies_is_contained",
		.kill_ppm = 300000,
		.preempt_ppm = 200000,
		.server = {NEAR},
	},
	{
		.name = "daemon_stopped_for_minutes_is_contained",
		AT_THE_LIMIT,
		.server = {EXTREME},
		.event = {{500, 300, SIM_DAEMON_PAUSE, 100 * S}, {600, 300, SIM_DAEMON_KILL, 150 * S}},
		.says = CLOCKBOUND_REASON_DAEMON_STALE,
	},
	{
		.name = "daemon_stopped_until_the_page_is_dead_is_contained",
		.event = {{500, 0, SIM_DAEMON_KILL, 1500 * S}},
		.says = CLOCKBOUND_REASON_EXPIRED,
		.seconds = 4000,
		.valid_percent_min = 40,
	},
	{
		.name = "everybody_killed_and_stepped_at_once_is_contained",
		.chronyd = {.makestep_ns = S, .makestep_limit = 3, .lost_ppm = 5000, .late_ppm = 5000},
		.kill_ppm = 20000,
		.pause_ppm = 10000,
		.preempt_ppm = 2000,
		.server = {LAN, BURSTY, WAN},
		.event = {{400, 250, SIM_STEP, -700 * MS},
			  {450, 300, SIM_CHRONYD_STOP, 15 * S},
			  {500, 200, SIM_DAEMON_KILL, 20 * S},
			  {550, 300, SIM_CHRONYD_HANG, 5 * S},
			  {600, 350, SIM_STEP, 2 * S}},
		.valid_percent_min = 30,
	},
	{
		.name = "sleep_voids_the_lines",
		.why = "until the daemon's next poll nobody has told the readers that the machine slept",
		.verdict = SIM_WINDOW,
		.event = {{600, 400, SIM_SLEEP, 120 * S}},
		.says = CLOCKBOUND_REASON_COUNTER_LOST,
	},
	{
		.name = "sleep_that_resets_the_counter_voids_the_lines",
		.why = "until the daemon's next poll nobody has told the readers that the machine slept",
		.verdict = SIM_WINDOW,
		.event = {{600, 400, SIM_SLEEP_RESET, 30 * S}},
		.says = CLOCKBOUND_REASON_COUNTER_LOST,
	},
	{
		.name = "clocksource_lost_voids_the_lines",
		.why = "until the daemon's next poll nobody has told the readers that the kernel left it",
		.verdict = SIM_WINDOW,
		.event = {{900, 0, SIM_CLOCKSOURCE, 26000000}},
		.says = CLOCKBOUND_REASON_COUNTER_LOST,
	},
	{
		.name = "migration_that_nobody_tells_is_not_promised",
		.why = "the counter is one clock for the life of an epoch; only VMClock tells of a migration",
		.verdict = SIM_NOT_PROMISED,
		.event = {{900, 600, SIM_MIGRATE, -2600000}, {1100, 600, SIM_MIGRATE, 130000000}},
	},
	{
		.name = "cores_whose_counters_differ_a_little_are_contained",
		.skew_ticks = 200,
		.server = {NEAR},
	},
	{
		.name = "machine_without_a_counter_is_contained",
		.has_no_counter = true,
		.event = {{900, 400, SIM_STEP, 50 * MS}},
	},
	{
		.name = "slow_counter_is_contained",
		.oscillator = {.base_ppb = -20000, .walk_ppt = 3000, .hz = 19200000},
		.server = {NEAR},
	},
	{
		.name = "counter_of_one_gigahertz_is_contained",
		.oscillator = {.base_ppb = 40000, .walk_ppt = 3000, .hz = 1000000000},
		.server = {NEAR},
	},
	{
		.name = "step_while_no_daemon_runs_after_the_clocksource_was_lost_is_contained",
		.verdict = SIM_WINDOW,
		.why = "A3: until a poll has seen it, counter readers do not know",
		.event = {{500, 0, SIM_CLOCKSOURCE, 26000000},
			  {900, 0, SIM_DAEMON_KILL, 4 * S},
			  {902, 0, SIM_STEP, 300 * MS}},
		.seconds = 1200,
	},
	{
		.name = "sleep_while_no_daemon_runs_after_the_clocksource_was_lost_is_contained",
		.verdict = SIM_WINDOW,
		.why = "A3: until a poll has seen it, counter readers do not know",
		.event = {{500, 0, SIM_CLOCKSOURCE, 26000000},
			  {900, 0, SIM_DAEMON_KILL, 4 * S},
			  {902, 0, SIM_SLEEP, 3 * S}},
		.seconds = 1200,
	},
	{
		.name = "slew_while_the_daemon_is_dead_and_chronyd_hangs_is_contained",
		.event = {{505, 150, SIM_CHRONYD_HANG, 6 * S},
			  {507, 150, SIM_DAEMON_KILL, 3 * S},
			  {508, 150, SIM_RATE, 3000000}},
	},
	{
		.name = "correction_forward_that_is_forgotten_at_the_first_updates_is_contained",
		.chronyd =
			{.cannot_step = true, .forgets = true, .makestep_ns = 100 * MS, .makestep_limit = 3},
		.clock_offset_ns = -1800 * MS,
		.seconds = 600,
		.valid_percent_min = -1,
	},
	{
		.name = "correction_forward_that_is_forgotten_under_a_server_asked_each_second_is_contained",
		.chronyd =
			{.cannot_step = true, .forgets = true, .makestep_ns = 100 * MS, .makestep_limit = 3},
		.clock_offset_ns = -2300 * MS,
		.server = {LAN_1S},
		.seconds = 600,
		.valid_percent_min = -1,
	},
	{
		.name = "leap_second_inserted_is_contained",
		.start_utc_s = LEAP_EVE,
		.leap_at_s = LEAP_AT,
		.leap = 1,
		.says = CLOCKBOUND_REASON_LEAP,
	},
	{
		.name = "leap_second_deleted_is_contained",
		.start_utc_s = LEAP_EVE,
		.leap_at_s = LEAP_AT,
		.leap = -1,
		.says = CLOCKBOUND_REASON_LEAP,
	},
	{
		.name = "leap_second_while_the_daemon_is_stopped_is_contained",
		.start_utc_s = LEAP_EVE,
		.leap_at_s = LEAP_AT,
		.leap = 1,
		.event = {{1700, 0, SIM_DAEMON_KILL, 300 * S}},
	},
	{
		.name = "leap_second_that_chronyd_does_not_announce_is_not_promised",
		.why = "a leap second is announced before it falls",
		.verdict = SIM_NOT_PROMISED,
		.start_utc_s = LEAP_EVE,
		.leap_at_s = LEAP_AT,
		.leap = 1,
		.is_leap_secret = true,
		.says = CLOCKBOUND_REASON_LEAP,
	},
};

const struct sim_scenario_list sim_scenarios = {scenarios, (int)(sizeof(scenarios) / sizeof(scenarios[0]))};
