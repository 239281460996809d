/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenarios of oscillators: how they wander, up to the limit that is promised and beyond; see scenario.h. Their names
 * are read by CMakeLists.txt, one test each.
 */
#include "tests/sim/parts.h"
#include "tests/sim/scenario.h"

#include <clockbound/types.h>

static const struct sim_scenario scenarios[] = {
	{
		.name = "oscillator_that_walks_is_contained",
		.oscillator = {.base_ppb = -30000, .walk_ppt = 300000},
		.server = {NEAR},
	},
	{
		.name = "oscillator_that_swings_with_temperature_is_contained",
		.oscillator = {.base_ppb = 12000, .sine_ppb = 15000, .sine_period_s = 1800, .walk_ppt = 3000},
		.server = {NEAR},
	},
	{
		.name = "oscillator_that_ramps_is_contained",
		.oscillator = {.base_ppb = 5000, .ramp_ppt = 50000, .ramp_limit_ppb = 20000},
	},
	{
		.name = "oscillator_that_jumps_is_contained",
		.oscillator = {.base_ppb = 12000, .walk_ppt = 3000},
		.server = {NEAR},
		.event = {{1500, 0, SIM_JUMP, 30000}, {2500, 0, SIM_JUMP, -35000}},
		.seconds = 4000,
	},
	{
		.name = "oscillator_that_jumps_while_polls_are_rare_is_contained",
		.oscillator = {.base_ppb = 12000, .walk_ppt = 1000},
		.server = {{.path = {MS, MS, 100000, 0, 0, false, 0}, .poll_min = 8, .poll_max = 10}},
		.event = {{12000, 0, SIM_JUMP, -40000}},
		.seconds = 20000,
	},
	{
		.name = "oscillator_always_at_the_limit_is_contained_and_tight",
		AT_THE_LIMIT,
		.server = {EXTREME},
		.kill_ppm = 20000, /* so that polls come in every phase of a second */
		.tight_ns = 40000,
	},
	{
		.name = "oscillator_always_at_the_limit_under_a_chronyd_before_4_is_contained_and_tight",
		.chronyd = {.is_obstinate = true, .frequency_ppb = 1, .is_before_4 = true},
		.oscillator = {.base_ppb = 1, .flip_ppb = 49990, .flip_every_s = 300},
		.server = {EXTREME},
		.kill_ppm = 20000,
		.tight_ns = 40000,
	},
	{
		.name = "oscillator_at_the_limit_while_chronyd_is_gone_is_contained_and_tight",
		AT_THE_LIMIT,
		.server = {EXTREME},
		.event = {{400, 0, SIM_CHRONYD_STOP, 1500 * S}},
		.kill_ppm = 20000,
		.tight_ns = 40000,
	},
	{
		.name = "oscillator_at_one_limit_through_a_whole_holdover_is_contained_and_tight",
		.chronyd = {.is_obstinate = true, .frequency_ppb = 1},
		.oscillator = {.base_ppb = 1, .flip_ppb = -49997, .hz = 3000000000},
		.server = {EXTREME},
		.event = {{400, 0, SIM_CHRONYD_STOP, 1500 * S}},
		.kill_ppm = 20000,
		.tight_ns = 40000,
	},
	{
		.name = "oscillator_that_walks_without_source_data_is_contained_by_the_fallback",
		.chronyd = {.frequency_ppb = 1, .has_no_source_data = true},
		.oscillator = {.base_ppb = 12000, .walk_ppt = 3000},
		.says = CLOCKBOUND_REASON_FALLBACK,
	},
	{
		.name = "oscillator_that_jumps_after_the_last_update_is_contained_by_the_fallback",
		.chronyd = {.has_no_source_data = true},
		.server = {{.path = {20 * MS, 0, 0, 0, 0, false, 0}, .poll_min = 4, .poll_max = 6}},
		.event = {{3000, 0, SIM_SOURCES_LOST, 10000 * S}, {3001, 0, SIM_JUMP, 45000}},
		.seconds = 3500,
		.says = CLOCKBOUND_REASON_FALLBACK,
	},
	{
		.name = "oscillator_beyond_rho_is_not_promised",
		.why = "A2: the oscillator stays within rho of chronyd's estimate",
		.verdict = SIM_NOT_PROMISED,
		.chronyd = {.is_obstinate = true, .frequency_ppb = 1},
		.oscillator = {.base_ppb = 1, .flip_ppb = 120000, .flip_every_s = 300},
		.server = {EXTREME},
		.says = CLOCKBOUND_REASON_INCONSISTENT,
	},
};

const struct sim_scenario_list sim_oscillator_scenarios = {scenarios,
							   (int)(sizeof(scenarios) / sizeof(scenarios[0]))};
