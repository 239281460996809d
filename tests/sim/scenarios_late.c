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

/* GPS with a pulse a second and nothing else, and a server that tells which second it is. */
#define PULSE                                                                                                \
	{                                                                                                    \
		.is_refclock = true, .is_pulse = true, .poll_min = 4, .poll_max = 4, .averages = 4,          \
		.root_delay_ns = 1, .root_dispersion_ns = 2000, .noise_ns = 500                              \
	}
#define FAR                                                                                                  \
	{                                                                                                    \
		.path = {2 * MS, 2 * MS, 100000, 0, 0, false, 0}, .poll_min = 9, .poll_max = 9               \
	}
/* A pulse that chronyd reads half a second after it was stamped. */
#define LATE                                                                                                 \
	{                                                                                                    \
		.is_refclock = true, .late_ns = 500 * MS, .poll_min = 0, .poll_max = 1, .root_delay_ns = 1,  \
		.root_dispersion_ns = 2000                                                                   \
	}
#define PEER                                                                                                 \
	{                                                                                                    \
		.path = {50 * MS, 50 * MS, 100000, 0, 0, false, 0}, .poll_min = 6, .poll_max = 6,            \
		.is_peer = true                                                                              \
	}

static const struct sim_scenario scenarios[] = {
	{
		.name = "step_beside_a_pulse_is_contained",
		.server = {FAR, PULSE},
		.event = {{5000, 0, SIM_STEP, 2 * S}},
		.seconds = 12000,
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "step_beside_a_pulse_of_a_chronyd_that_drops_nothing_is_contained",
		.server = {FAR, PULSE},
		.chronyd = {.is_before_4 = true},
		.event = {{5000, 0, SIM_STEP, 2 * S}},
		.seconds = 12000,
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "step_beside_a_pulse_while_the_daemon_is_dead_is_contained",
		.server = {FAR, PULSE},
		.event = {{5000, 0, SIM_DAEMON_KILL, 10 * S}, {5003, 0, SIM_STEP, 2 * S}},
		.seconds = 12000,
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "steps_beside_the_only_refclock_are_contained",
		.server = {{.is_refclock = true,
			    .poll_min = 4,
			    .poll_max = 4,
			    .averages = 4,
			    .root_delay_ns = 1,
			    .root_dispersion_ns = 2000,
			    .noise_ns = 500}},
		.chronyd = {.makestep_ns = MS},
		.event = {{1500, 1000, SIM_STEP, 2 * S}, {2000, 1000, SIM_CHRONYD_STOP, 5 * S}},
		.seconds = 6000,
		.valid_percent_min = 90,
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "sleep_beside_a_pulse_is_contained",
		.why = "A3: until a poll has seen that the machine slept, counter readers do not know",
		.verdict = SIM_WINDOW,
		.server = {FAR, PULSE},
		.event = {{2990, 0, SIM_SLEEP, 3 * S}},
		.seconds = 9000,
		.valid_percent_min = -1,
	},
	{
		.name = "stamps_that_are_read_late_are_contained",
		.server = {LATE},
		.clock_offset_ns = 20 * MS,
	},
	{
		.name = "steps_beside_stamps_that_are_read_late_are_contained",
		.server = {LATE},
		.event = {{600, 200, SIM_STEP, 20 * MS}},
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "peer_is_contained",
		.server = {PEER},
		.event = {{3000, 300, SIM_STEP, 200 * MS}},
		.seconds = 9000,
		.says = CLOCKBOUND_REASON_STEP,
	},
	{
		.name = "sleep_beside_a_peer_is_contained",
		.why = "A3: until a poll has seen that the machine slept, counter readers do not know",
		.verdict = SIM_WINDOW,
		.server = {PEER},
		.event = {{2990, 700, SIM_SLEEP, 3 * S}},
		.seconds = 9000,
		.valid_percent_min = -1,
	},
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
