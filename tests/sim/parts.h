/* SPDX-License-Identifier: Apache-2.0 */
/* Servers, refclocks and oscillators that scenarios are put together from. */
#ifndef TESTS_SIM_PARTS_H
#define TESTS_SIM_PARTS_H

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

/* Servers. */
#define NEAR                                                                                                 \
	{                                                                                                    \
		.path = {10000, 10000, 100, 0, 0, false, 0}, .poll_min = 4, .poll_max = 6                    \
	}
#define LAN                                                                                                  \
	{                                                                                                    \
		.path = {100000, 100000, 20000, 0, 0, false, 0}, .poll_min = 4, .poll_max = 6                \
	}
#define LAN_1S                                                                                               \
	{                                                                                                    \
		.path = {100000, 100000, 20000, 0, 0, false, 0}, .poll_min = 1, .poll_max = 1                \
	}
#define WAN                                                                                                  \
	{                                                                                                    \
		.path = {12 * MS, 9 * MS, MS, 0, 0, false, 0}, .poll_min = 6, .poll_max = 8,                 \
		.root_delay_ns = 5 * MS, .root_dispersion_ns = 2 * MS, .own_error_ns = MS                    \
	}
#define ONE_WAY                                                                                              \
	{                                                                                                    \
		.path = {20 * MS, 0, 50000, 0, 0, false, 0}, .poll_min = 4, .poll_max = 6                    \
	}
#define EXTREME                                                                                              \
	{                                                                                                    \
		.path = {50000, 50000, 0, 0, 0, true, 0}, .poll_min = 4, .poll_max = 4                       \
	}
#define REROUTED                                                                                             \
	{                                                                                                    \
		.path = {5 * MS, 5 * MS, 0, 0, 0, false, .phase_s = 40}, .poll_min = 0, .poll_max = 0        \
	}
#define BURSTY                                                                                               \
	{                                                                                                    \
		.path = {2 * MS, 2 * MS, 100000, 250000, 80 * MS, false, 0}, .poll_min = 4, .poll_max = 6    \
	}

/* Servers that are wrong by 50 ms for a while, and refclocks with their configured dispersion and their true error. */
#define LIAR(from, lasting)                                                                                  \
	{                                                                                                    \
		.path = {100000, 100000, 20000, 0, 0, false, 0}, .poll_min = 4, .poll_max = 4,               \
		.lie_ns = 50 * MS, .lie_from_s = (from), .lie_for_s = (lasting)                              \
	}
#define REFCLOCK(dispersion, error)                                                                          \
	{                                                                                                    \
		.is_refclock = true, .poll_min = 2, .poll_max = 4, .root_delay_ns = 1000,                    \
		.root_dispersion_ns = (dispersion), .own_error_ns = (error)                                  \
	}

/* An estimator that never learns, and an oscillator always as far from it as rho allows. */
#define AT_THE_LIMIT                                                                                         \
	.chronyd = {.is_obstinate = true, .frequency_ppb = 1},                                               \
	.oscillator = {.base_ppb = 1, .flip_ppb = 49990, .flip_every_s = 300}

#endif
