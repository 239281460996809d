/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns per tick of the undisciplined clock: CLOCK_MONOTONIC_RAW against the counter over a growing baseline.
 * Kept as an interval that every bracket narrows; its half-width is part of the bound's growth. Pure.
 *
 * CLOCK_MONOTONIC_RAW is the counter times a constant (no NTP in it), so the true value is one number for
 * the life of a counter epoch, and intersecting is sound.
 */
#ifndef CBD_CORE_CALIBRATE_H
#define CBD_CORE_CALIBRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"

struct cbd_calibration {
	struct cbd_bracket first; /* start of the baseline */
	uint64_t low_q58;	  /* ns per tick, Q6.58: the true value lies in [low, high] */
	uint64_t high_q58;
	bool has_first;
	bool has_rate;
	bool is_exact; /* the "counter" is CLOCK_MONOTONIC_RAW itself: one ns per tick */
};

/* cbd_calibration_init - nothing known; @is_exact: ticks are CLOCK_MONOTONIC_RAW's ns */
void cbd_calibration_init(struct cbd_calibration *calibration, bool is_exact);

/*
 * cbd_calibration_add - takes one bracket of CLOCK_MONOTONIC_RAW
 * Returns false if it contradicts the ones before: then the counter or the raw clock has jumped, and
 * nothing may be carried over this bracket.
 */
bool cbd_calibration_add(struct cbd_calibration *calibration, const struct cbd_bracket *raw);

/* cbd_calibration_rate_q58 - the middle of what is possible; has_rate must hold */
uint64_t cbd_calibration_rate_q58(const struct cbd_calibration *calibration);

/* cbd_calibration_uncertainty_q58 - how far the true rate may lie from it, relative, rounded up */
int64_t cbd_calibration_uncertainty_q58(const struct cbd_calibration *calibration);

#endif
