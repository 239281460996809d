/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenarios of machines that are moved to another host, or restored, and go on as if nothing had happened; see
 * scenario.h. Their names are read by CMakeLists.txt, one test each.
 */
#include "tests/sim/scenario.h"

#include <clockbound/types.h>

#define S INT64_C(1000000000)

static const struct sim_scenario scenarios[] = {
	{
		.name = "move_that_vmclock_tells_is_contained_for_strict_readers",
		.has_vmclock = true,
		.reads_strictly = true,
		.event = {{600, 200, SIM_MOVE, 10 * S}, {700, 300, SIM_MOVE, 1000000}},
		.says = CLOCKBOUND_REASON_MIGRATED,
	},
	{
		.name = "move_in_the_middle_of_a_poll_is_contained_for_strict_readers",
		.has_vmclock = true,
		.reads_strictly = true,
		.move_ppm = 20000,
		.says = CLOCKBOUND_REASON_MIGRATED,
		.valid_percent_min = 20,
	},
	{
		.name = "moves_while_the_daemon_is_stopped_or_dead_are_contained_for_strict_readers",
		.has_vmclock = true,
		.reads_strictly = true,
		.event = {{500, 250, SIM_DAEMON_PAUSE, 30 * S},
			  {510, 250, SIM_MOVE, 10 * S},
			  {600, 250, SIM_DAEMON_KILL, 30 * S},
			  {610, 250, SIM_MOVE, 10 * S}},
		.says = CLOCKBOUND_REASON_MIGRATED,
		.valid_percent_min = 30,
	},
	{
		.name = "moves_of_a_machine_that_is_killed_and_preempted_are_contained_for_strict_readers",
		.has_vmclock = true,
		.reads_strictly = true,
		.chronyd = {.makestep_ns = S, .makestep_limit = 3, .lost_ppm = 5000, .late_ppm = 5000},
		.kill_ppm = 20000,
		.pause_ppm = 10000,
		.preempt_ppm = 20000,
		.event = {{400, 150, SIM_MOVE, 3 * S},
			  {450, 300, SIM_CHRONYD_STOP, 15 * S},
			  {600, 350, SIM_STEP, 2 * S},
			  {700, 200, SIM_MOVE, 30 * S}},
		.move_ppm = 3000,
		.says = CLOCKBOUND_REASON_MIGRATED,
		.valid_percent_min = 20,
	},
	{
		.name = "move_to_a_host_with_another_oscillator_is_contained_for_strict_readers",
		.has_vmclock = true,
		.reads_strictly = true,
		.server = {{.path = {.there_ns = 100000, .back_ns = 100000, .jitter_ns = 20000},
			    .poll_min = 6,
			    .poll_max = 10}},
		.oscillator = {.base_ppb = 50000},
		.event = {{600, 0, SIM_MOVE, 10 * S}, {601, 0, SIM_JUMP, -100000}},
		.says = CLOCKBOUND_REASON_MIGRATED,
	},
	{
		.name = "move_that_vmclock_tells_is_contained_for_lax_readers_once_the_daemon_has_looked",
		.why = "until the daemon has looked at VMClock nobody has told those who do not look "
		       "themselves",
		.verdict = SIM_WINDOW,
		.has_vmclock = true,
		.event = {{600, 200, SIM_MOVE, 10 * S}},
		.says = CLOCKBOUND_REASON_MIGRATED,
	},
	{
		.name = "move_without_a_vmclock_is_not_promised",
		.why = "the counter is one clock for the life of an epoch; only VMClock tells of a migration",
		.verdict = SIM_NOT_PROMISED,
		.event = {{600, 400, SIM_MOVE, 10 * S}},
	},
};

const struct sim_scenario_list sim_vm_scenarios = {scenarios,
						   (int)(sizeof(scenarios) / sizeof(scenarios[0]))};
