/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counter calibration: see calibrate.h. Formula: docs/MATH.md, "The counter's rate".
 */
#include "daemon/core/calibrate.h"

#include "daemon/core/q58.h"

__extension__ typedef unsigned __int128 u128;

/* A reading of CLOCK_MONOTONIC_RAW is cut to whole ns, and the kernel's own product is cut once more. */
#define RAW_READ_ERROR_NS 2

void cbd_calibration_init(struct cbd_calibration *calibration, bool is_exact)
{
	*calibration = (struct cbd_calibration){.is_exact = is_exact};
	if (is_exact) {
		calibration->low_q58 = (uint64_t)CBD_Q58_ONE;
		calibration->high_q58 = (uint64_t)CBD_Q58_ONE;
		calibration->has_rate = true;
	}
}

/* ns / ticks as Q6.58, saturated */
static uint64_t quotient(uint64_t ns, uint64_t ticks, bool is_up)
{
	u128 scaled = (u128)ns << CLOCKBOUND_RATE_SHIFT;

	if (is_up) {
		scaled += ticks - 1;
	}
	scaled /= ticks;
	return scaled > UINT64_MAX ? UINT64_MAX : (uint64_t)scaled;
}

bool cbd_calibration_add(struct cbd_calibration *calibration, const struct cbd_bracket *raw)
{
	const struct cbd_bracket *first = &calibration->first;
	uint64_t ticks = raw->counter - first->counter;
	uint64_t slack = raw->half_ticks + first->half_ticks;
	int64_t ns = cbd_ns_sub(raw->clock_ns, first->clock_ns);
	uint64_t low;
	uint64_t high;

	if (calibration->is_exact) {
		return true;
	}
	if (!calibration->has_first) {
		calibration->first = *raw;
		calibration->has_first = true;
		return true;
	}
	if (raw->counter < first->counter || ns < 0 || ticks > INT64_MAX || slack > INT64_MAX) {
		return false;
	}
	if (ticks <= slack || ns <= RAW_READ_ERROR_NS) {
		return true; /* too close to the start to say anything */
	}
	low = quotient((uint64_t)ns - RAW_READ_ERROR_NS, ticks + slack, false);
	high = quotient((uint64_t)ns + RAW_READ_ERROR_NS, ticks - slack, true);
	if (calibration->has_rate) {
		low = low > calibration->low_q58 ? low : calibration->low_q58;
		high = high < calibration->high_q58 ? high : calibration->high_q58;
	}
	if (low > high) {
		return false;
	}
	calibration->low_q58 = low;
	calibration->high_q58 = high;
	calibration->has_rate = true;
	return true;
}

uint64_t cbd_calibration_rate_q58(const struct cbd_calibration *calibration)
{
	return calibration->low_q58 + (calibration->high_q58 - calibration->low_q58) / 2;
}

int64_t cbd_calibration_uncertainty_q58(const struct cbd_calibration *calibration)
{
	uint64_t half = (calibration->high_q58 - calibration->low_q58 + 1) / 2;
	u128 relative = (u128)half << CLOCKBOUND_RATE_SHIFT;

	if (calibration->low_q58 == 0) {
		return CBD_Q58_ONE;
	}
	relative = (relative + calibration->low_q58 - 1) / calibration->low_q58;
	return relative > (u128)CBD_Q58_ONE ? CBD_Q58_ONE : (int64_t)relative;
}
