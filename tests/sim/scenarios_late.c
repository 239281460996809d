/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenarios of samples that are old when they come, and of steps that undo each other; see scenario.h. Their names are
 * read by CMakeLists.txt, one test each.
 */
#include "tests/sim/parts.h"
#include "tests/sim/scenario.h"

#include <clockbound/types.h>

#define INTERLEAVED                                                                                          \
	{                                                                                                    \
		.path = {100000, 100000, 20000, 0, 0, false, 0}, .poll_min = 4, .poll_max = 4,               \
		.is_interleaved = true                                                                       \
	}
/* GPS without a pulse a second: 0.19 s to both sides. */
#define NMEA                                                                                                 \
	{                                                                                                    \
		.is_refclock = true, .poll_min = 4, .poll_max = 4, .averages = 4, .root_delay_ns = 400 * MS, \
		.root_dispersion_ns = MS, .noise_ns = 190 * MS                                               \
	}

static const struct sim_scenario scenarios[] = {
	{
		.name = "interleaved_server_is_contained",
		.server = {INTERLEAVED},
		.valid_percent_min = 90,
	},
	{
		.name = "interleaved_server_far_away_is_contained",
		.server = {{.path = {30 * MS, 30 * MS, 60 * MS, 0, 0, false, 0},
			    .poll_min = 6,
			    .poll_max = 6,
			    .is_interleaved = true}},
		.seconds = 10000,
		.valid_percent_min = 90,
	},
	{
		.name = "steps_beside_an_interleaved_server_are_contained",
		.server = {INTERLEAVED, NEAR},
		.event = {{600, 300, SIM_STEP, -3 * MS}, {700, 300, SIM_SOURCE_LOST, 60 * S}},
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "refclock_that_averages_is_contained",
		.server = {NMEA},
		.seconds = 6000,
		.valid_percent_min = 90,
	},
	{
		.name = "step_beside_a_refclock_that_averages_is_contained",
		.server = {NMEA},
		.event = {{1500, 700, SIM_STEP, 900 * MS}},
		.seconds = 6000,
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "steps_that_undo_each_other_within_a_poll_are_not_promised",
		.why = "A12: nobody steps the clock and back again between two polls",
		.verdict = SIM_NOT_PROMISED,
		.server = {{.path = {20 * MS, 0, 10000, 0, 0, false, 0}, .poll_min = 0, .poll_max = 1}},
		.event = {{600, 50, SIM_STEP_UNDONE, -3 * MS}},
	},
};

const struct sim_scenario_list sim_late_scenarios = {scenarios,
						     (int)(sizeof(scenarios) / sizeof(scenarios[0]))};
