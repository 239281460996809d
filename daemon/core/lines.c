/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two lines and intervals of true time: see lines.h.
 */
#include "daemon/core/lines.h"

#include "daemon/core/mutate.h"
#include "daemon/core/q58.h"

/* The page's rates are Q6.26 in 32 bits: larger Q6.58 rates do not fit once rounded up. */
#define RATE_MAX (((UINT64_C(1) << 32) - 1) << (CLOCKBOUND_RATE_SHIFT - CLOCKBOUND_PAGE_RATE_SHIFT))

struct cbd_interval cbd_lines_at(const struct cbd_lines *lines, uint64_t counter)
{
	struct cbd_interval at;
	uint64_t ahead = counter - lines->base;
	uint64_t back = lines->base - counter;

	if (counter >= lines->base) {
		at.earliest_ns =
			cbd_ns_add(lines->earliest_ns, cbd_ticks_to_ns_floor(ahead, lines->earliest_rate));
		at.latest_ns = cbd_ns_add(lines->latest_ns, cbd_ticks_to_ns_ceil(ahead, lines->latest_rate));
	} else {
		at.earliest_ns =
			cbd_ns_sub(lines->earliest_ns, cbd_ticks_to_ns_ceil(back, lines->latest_rate));
		at.latest_ns =
			cbd_ns_sub(lines->latest_ns, cbd_ticks_to_ns_floor(back, lines->earliest_rate));
	}
	return at;
}

bool cbd_lines_make(struct cbd_lines *lines, uint64_t base, const struct cbd_interval *interval,
		    uint64_t rate_q58, int64_t growth_q58)
{
	uint64_t latest_rate = cbd_rate_scale_ceil(rate_q58, cbd_q58_add(CBD_Q58_ONE, growth_q58));

	if (latest_rate > RATE_MAX) {
		return false;
	}
	lines->base = base;
	lines->earliest_ns = interval->earliest_ns;
	lines->latest_ns = interval->latest_ns;
	/* A growth above 1 would let true time run backwards, which it does not: the factor stops at 0. */
	lines->earliest_rate =
		cbd_rate_scale_floor(rate_q58, CBD_Q58_ONE - cbd_ns_min(growth_q58, CBD_Q58_ONE));
	lines->latest_rate = CBD_MUTANT(TRUNCATED, latest_rate >> 32 << 32, latest_rate);
	return true;
}

bool cbd_interval_meets(const struct cbd_interval *a, const struct cbd_interval *b)
{
	return a->earliest_ns <= b->latest_ns && b->earliest_ns <= a->latest_ns;
}

struct cbd_interval cbd_interval_intersect(const struct cbd_interval *a, const struct cbd_interval *b)
{
	struct cbd_interval both = {
		.earliest_ns = cbd_ns_max(a->earliest_ns, b->earliest_ns),
		.latest_ns = cbd_ns_min(a->latest_ns, b->latest_ns),
	};

	return both;
}

struct cbd_interval cbd_interval_hull(const struct cbd_interval *a, const struct cbd_interval *b)
{
	struct cbd_interval hull = {
		.earliest_ns = cbd_ns_min(a->earliest_ns, b->earliest_ns),
		.latest_ns = cbd_ns_max(a->latest_ns, b->latest_ns),
	};

	return hull;
}
