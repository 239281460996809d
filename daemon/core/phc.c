/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PTP hardware clocks as evidence: see phc.h. Proofs: docs/MATH.md, "PTP hardware clocks".
 */
#include "daemon/core/phc.h"

#include "daemon/core/mutate.h"
#include "daemon/core/q58.h"

/* Farther than this from whole seconds it is neither UTC nor TAI, but a clock that nobody has set. */
#define SCALE_BLUR_NS (CBD_NS_PER_SEC / 10)
/* A reading this far from the anchor belongs to another poll. */
#define CARRY_MAX_NS (10 * CBD_NS_PER_SEC)
/* The anchor's raw clock is cut to whole ns and carried to 2 ns, f * distance is rounded by less than 1. */
#define ROUNDING_NS 4

enum cbd_phc_scale cbd_phc_scale(int64_t ahead_ns, int32_t tai_s)
{
	if (cbd_ns_abs(ahead_ns) < SCALE_BLUR_NS) {
		return CBD_PHC_SCALE_UTC;
	}
	if (tai_s != 0 && cbd_ns_abs(cbd_ns_sub(ahead_ns, tai_s * CBD_NS_PER_SEC)) < SCALE_BLUR_NS) {
		return CBD_PHC_SCALE_TAI;
	}
	return CBD_PHC_SCALE_UNKNOWN;
}

/* CLOCK_MONOTONIC_RAW at the anchor's own instant, which is that of its CLOCK_REALTIME bracket; to 2 ns. */
static int64_t raw_at(const struct cbd_anchor *anchor, uint64_t rate_q58)
{
	uint64_t at = anchor->real.counter;
	uint64_t from = anchor->raw.counter;

	if (at >= from) {
		return cbd_ns_add(anchor->raw.clock_ns, cbd_ticks_to_ns_ceil(at - from, rate_q58));
	}
	return cbd_ns_sub(anchor->raw.clock_ns, cbd_ticks_to_ns_ceil(from - at, rate_q58));
}

/* By how much less than @distance_ns true time moved, at 1 - f; to 1 ns. */
static int64_t steered(int64_t distance_ns, int64_t frequency_q58)
{
	int64_t ns = cbd_q58_growth_ns(distance_ns, cbd_ns_abs(frequency_q58));

	return (distance_ns < 0) == (frequency_q58 < 0) ? ns : -ns;
}

bool cbd_phc_interval(const struct cbd_phc_reading *reading, const struct cbd_anchor *anchor,
		      const struct cbd_phc_carry *carry, struct cbd_interval *interval)
{
	int64_t raw_ns = raw_at(anchor, carry->rate_q58);
	int64_t distance_ns = cbd_ns_sub(raw_ns, reading->raw_ns);
	int64_t centre_ns;
	int64_t half_ns;

	if (!reading->has_offset || !reading->has_bound || reading->bound_ns <= 0 ||
	    reading->low_ns > reading->high_ns || cbd_ns_abs(distance_ns) > CARRY_MAX_NS) {
		return false;
	}
	centre_ns = cbd_ns_sub(raw_ns, steered(distance_ns, carry->frequency_q58));
	/* The way between the anchor's two brackets is carried at the measured rate, whose error is in the growth. */
	half_ns = cbd_ns_add(cbd_ns_abs(distance_ns), cbd_ns_abs(cbd_ns_sub(raw_ns, anchor->raw.clock_ns)));
	half_ns = cbd_q58_growth_ns(half_ns, CBD_MUTANT(PHC_NO_GROWTH, 0, carry->growth_q58));
	half_ns = cbd_ns_add(half_ns, cbd_ticks_to_ns_ceil(anchor->raw.half_ticks, carry->rate_q58));
	half_ns = cbd_ns_add(half_ns, CBD_MUTANT(PHC_PERFECT, 0, reading->bound_ns));
	half_ns = cbd_ns_add(half_ns, ROUNDING_NS);
	interval->earliest_ns = cbd_ns_sub(cbd_ns_add(centre_ns, reading->low_ns), half_ns);
	interval->latest_ns = cbd_ns_add(cbd_ns_add(centre_ns, reading->high_ns), half_ns);
	return true;
}

bool cbd_phc_combine(struct cbd_interval *interval, const struct cbd_interval *phc)
{
	if (cbd_interval_meets(interval, phc)) {
		*interval = cbd_interval_intersect(interval, phc);
		return false;
	}
	*interval = CBD_MUTANT(PHC_PREFERRED, *phc, cbd_interval_hull(interval, phc));
	return CBD_MUTANT(PHC_PREFERRED, false, true);
}

/* Half of what our widest read exceeds chronyd's configured delay by; Tracking tells that rounded up a little. */
static int64_t uncovered_ns(const struct cbd_phc_reading *reading, int64_t root_delay_ns)
{
	int64_t covered_ns = cbd_ns_max(root_delay_ns - (root_delay_ns >> 20) - 2, 0);
	int64_t more_ns = cbd_ns_max(cbd_ns_sub(reading->widest_ns, covered_ns), 0);

	return more_ns / 2 + 1;
}

bool cbd_phc_charge(const struct cbd_phc_reading *reading, struct cbd_sample *sample)
{
	struct cbd_interval *interval = &sample->interval;
	int64_t *charge_ns = &sample->terms.phc_ns;

	if (!reading->has_bound || reading->bound_ns <= 0) {
		return false;
	}
	*charge_ns = cbd_ns_max(reading->bound_ns, reading->worst_bound_ns);
	*charge_ns = cbd_ns_add(*charge_ns, uncovered_ns(reading, sample->terms.root_delay_ns));
	interval->earliest_ns = cbd_ns_sub(interval->earliest_ns, CBD_MUTANT(PHC_NOT_CHARGED, 0, *charge_ns));
	interval->latest_ns = cbd_ns_add(interval->latest_ns, CBD_MUTANT(PHC_NOT_CHARGED, 0, *charge_ns));
	return true;
}
