/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenarios of PTP hardware clocks: see scenarios.c. The device is read by daemon/source/phc.c as it is shipped.
 */
#include "tests/sim/scenario.h"

#include <clockbound/types.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

#define LAN_16S                                                                                              \
	{                                                                                                    \
		.path = {.there_ns = 100000, .back_ns = 100000, .jitter_ns = 20000}, .poll_min = 4,          \
		.poll_max = 6                                                                                \
	}
/* A refclock line without `delay`: 1 ns, and some precision. */
#define REFCLOCK(error)                                                                                      \
	{                                                                                                    \
		.is_refclock = true, .poll_min = 0, .poll_max = 1, .root_delay_ns = 1,                       \
		.root_dispersion_ns = 100, .own_error_ns = (error)                                           \
	}
/* A device within 5 us of UTC, at the limit of it now and then. */
#define GOOD .bound_ns = 5000, .swing_ns = 4990

static const struct sim_scenario scenarios[] = {
	{
		.name = "phc_beside_a_server_is_contained_and_tight",
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
		.tight_ns = 2000,
		.preempt_ppm = 200,
		.kill_ppm = 5000,
	},
	{
		.name = "phc_of_an_older_kernel_is_contained",
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true, .is_old_kernel = true},
		.event = {{500, 400, SIM_STEP, 100 * MS}},
		.preempt_ppm = 1000,
		.seconds = 6000,
	},
	{
		.name = "phc_on_tai_is_contained",
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true, .counts_tai = true},
	},
	{
		.name = "phc_at_its_limit_beside_an_oscillator_at_its_own_is_contained",
		.chronyd = {.is_obstinate = true, .frequency_ppb = 1},
		.oscillator = {.base_ppb = 1, .flip_ppb = 49990, .flip_every_s = 300},
		.server = {LAN_16S},
		.phc = {.bound_ns = 5000, .error_ns = 4999, .is_own_source = true},
		.kill_ppm = 20000,
		.tight_ns = 2000,
	},
	{
		.name = "phc_beside_a_chronyd_that_answers_late_is_contained",
		.chronyd = {.is_obstinate = true, .frequency_ppb = 1, .late_ppm = 300000},
		.oscillator = {.base_ppb = 1, .flip_ppb = 49990, .flip_every_s = 300},
		.server = {LAN_16S},
		.phc = {.bound_ns = 1000, .error_ns = 999, .is_own_source = true},
	},
	{
		.name = "phc_that_is_slewed_by_40_ppm_is_contained",
		.server = {REFCLOCK(0)},
		.phc = {.bound_ns = 1000, .is_followed = true, .is_own_source = true},
		.event = {{500, 0, SIM_JUMP, 40000},
			  {1000, 0, SIM_JUMP, -40000},
			  {1500, 0, SIM_JUMP, -40000},
			  {2000, 0, SIM_JUMP, 40000},
			  {2300, 0, SIM_CHRONYD_STOP, 200 * S},
			  {700, 700, SIM_STEP, -3 * S}},
		.preempt_ppm = 200,
	},
	{
		.name = "phc_that_is_followed_is_contained_by_its_own_bound",
		.server = {REFCLOCK(400 * US)},
		.phc = {.bound_ns = 401 * US, .error_ns = 400 * US, .is_followed = true},
		.tight_ns = 60000,
	},
	/* --phc-device without --phc-ref-id: nobody has said that chronyd's refclock is the device. */
	{
		.name = "phc_that_is_followed_and_not_named_is_contained_by_its_own_bound",
		.server = {REFCLOCK(400 * US)},
		.phc = {.bound_ns = 401 * US, .error_ns = 400 * US, .is_own_source = true},
		.tight_ns = 60000,
	},
	{
		.name = "phc_that_is_followed_and_not_named_beside_the_tracking_only_rule_is_contained",
		.chronyd = {.has_no_source_data = true},
		.server = {REFCLOCK(400 * US)},
		.phc = {.bound_ns = 401 * US, .error_ns = 400 * US, .is_own_source = true},
		.says = CLOCKBOUND_REASON_FALLBACK,
	},
	{
		.name = "phc_of_unknown_bound_that_may_be_followed_is_not_believed",
		.server = {REFCLOCK(400 * US)},
		.phc = {.bound_ns = 5000, .is_own_source = true},
		.is_chronyd_late = true,
		.event = {{0, 0, SIM_PHC_BLIND, 100000 * S}, {10, 0, SIM_CHRONYD_START, 0}},
		.says = CLOCKBOUND_REASON_PHC_FAILED,
		.valid_percent_min = -1,
	},
	{
		.name = "phc_of_unknown_bound_that_is_followed_is_not_believed",
		.server = {REFCLOCK(400 * US)},
		.phc = {.bound_ns = 5000, .is_followed = true},
		.is_chronyd_late = true,
		.event = {{0, 0, SIM_PHC_BLIND, 100000 * S}, {10, 0, SIM_CHRONYD_START, 0}},
		.says = CLOCKBOUND_REASON_PHC_FAILED,
		.valid_percent_min = -1,
	},
	{
		.name = "phc_whose_bound_is_lost_while_it_is_followed_is_contained",
		.server = {REFCLOCK(4000)},
		.phc = {.bound_ns = 4100, .error_ns = 4000, .is_followed = true, .is_own_source = true},
		.event = {{600, 500, SIM_PHC_BLIND, 200 * S}},
		.says = CLOCKBOUND_REASON_PHC_FAILED,
	},
	/* Nobody measures the oscillator: after hours its frequency is another. */
	{
		.name = "phc_alone_for_hours_beside_an_oscillator_that_ramps_is_contained",
		.server = {LAN_16S},
		.drift_ppb = 1000,
		.oscillator = {.base_ppb = 1, .ramp_ppt = 1000, .ramp_limit_ppb = 20000},
		.phc = {.bound_ns = 20000, .is_own_source = true},
		.event = {{600, 0, SIM_CHRONYD_STOP, 100000 * S}},
		.kill_ppm = 2000,
		.seconds = 9000,
	},
	{
		.name = "phc_alone_for_hours_beside_an_oscillator_that_ramps_far_is_contained",
		.server = {LAN_16S},
		.oscillator = {.base_ppb = 1, .ramp_ppt = 20000, .ramp_limit_ppb = 100000},
		.phc = {.bound_ns = 100000, .is_own_source = true},
		.event = {{600, 0, SIM_CHRONYD_STOP, 100000 * S}},
		.seconds = 9000,
	},
	{
		.name = "phc_that_goes_and_comes_back_is_contained",
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
		.event = {{300, 200, SIM_PHC_GONE, 30 * S}},
		.says = CLOCKBOUND_REASON_PHC_FAILED,
	},
	{
		.name = "phc_while_chronyd_is_gone_is_contained",
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
		/* Longer than the lines live without any proof. */
		.event = {{300, 0, SIM_CHRONYD_STOP, 2500 * S}, {900, 500, SIM_STEP, 7 * S}},
		.says = CLOCKBOUND_REASON_CHRONY_UNREACHABLE,
		.seconds = 4000,
		.valid_percent_min = 55,
	},
	{
		.name = "phc_while_the_sources_are_lost_is_contained",
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
		.event = {{300, 0, SIM_SOURCES_LOST, 2500 * S}, {1200, 0, SIM_JUMP, 15000}},
		.seconds = 4000,
	},
	{
		.name = "phc_beside_the_tracking_only_rule_is_contained",
		.chronyd = {.has_no_source_data = true},
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
		.says = CLOCKBOUND_REASON_FALLBACK,
	},
	{
		.name = "phc_that_lies_is_contained_by_the_hull",
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
		.event = {{400, 900, SIM_PHC_LIES, 900 * US}},
		.says = CLOCKBOUND_REASON_INCONSISTENT,
	},
	{
		.name = "phc_that_is_stepped_is_contained",
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
		.event = {{400, 900, SIM_PHC_LIES, 30 * MS}},
		.says = CLOCKBOUND_REASON_INCONSISTENT,
	},
	{
		.name = "phc_beside_a_server_that_lies_is_contained_by_the_hull",
		.server = {{.path = {.there_ns = 100000, .back_ns = 100000, .jitter_ns = 20000},
			    .poll_min = 4,
			    .poll_max = 4,
			    .lie_ns = 50 * MS,
			    .lie_from_s = 900,
			    .lie_for_s = 600}},
		.phc = {GOOD, .is_own_source = true},
		.says = CLOCKBOUND_REASON_INCONSISTENT,
	},
	{
		.name = "phc_that_lies_and_is_followed_is_not_promised",
		.why = "A10: the device is within its bound of UTC",
		.verdict = SIM_NOT_PROMISED,
		.server = {REFCLOCK(400 * US)},
		.phc = {.bound_ns = 5000, .error_ns = 400 * US, .is_followed = true, .is_own_source = true},
	},
	{
		.name = "phc_over_a_leap_second_is_contained",
		.start_utc_s = INT64_C(1782862200),
		.leap_at_s = 1800,
		.leap = 1,
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
		.says = CLOCKBOUND_REASON_LEAP,
	},
	{
		.name = "phc_without_a_counter_is_contained",
		.has_no_counter = true,
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
	},
	{
		.name = "phc_over_a_sleep_is_contained",
		.server = {LAN_16S},
		.phc = {GOOD, .is_own_source = true},
		.event = {{1000, 700, SIM_SLEEP, 100 * S}},
		.verdict = SIM_WINDOW,
		.why = "A3: readers do not know of a sleep until the daemon's next poll",
	},
};

const struct sim_scenario_list sim_phc_scenarios = {scenarios,
						    (int)(sizeof(scenarios) / sizeof(scenarios[0]))};
