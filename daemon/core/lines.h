/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two straight lines over counter ticks that enclose true time: the core's form of what the page publishes.
 * Pure arithmetic; every function rounds outward. Rates are Q6.58 ns per tick (the page has Q6.26).
 */
#ifndef CBD_CORE_LINES_H
#define CBD_CORE_LINES_H

#include <stdbool.h>
#include <stdint.h>

/* An interval of true time, ns since 1970. */
struct cbd_interval {
	int64_t earliest_ns;
	int64_t latest_ns;
};

struct cbd_lines {
	uint64_t base;		/* ticks */
	int64_t earliest_ns;	/* at base */
	int64_t latest_ns;	/* at base; exact, the page's writer adds the page's one ns */
	uint64_t earliest_rate; /* Q6.58 ns per tick, rounded down */
	uint64_t latest_rate;	/* Q6.58 ns per tick, rounded up */
};

/* cbd_lines_at - both lines at @counter, rounded outward; before base they widen backwards. Saturates. */
struct cbd_interval cbd_lines_at(const struct cbd_lines *lines, uint64_t counter);

/*
 * cbd_lines_make - lines through @interval at @base
 * @rate_q58:   ns per tick of the clock that chronyd corrects, Q6.58
 * @growth_q58: how far true time may leave that rate, dimensionless Q5.58, 0 or more; saturates at 1 below
 * Returns false, and leaves @lines alone, if a rate does not fit the page's Q6.26.
 */
bool cbd_lines_make(struct cbd_lines *lines, uint64_t base, const struct cbd_interval *interval,
		    uint64_t rate_q58, int64_t growth_q58);

/* cbd_interval_meets - nonempty intersection (touching counts) */
bool cbd_interval_meets(const struct cbd_interval *a, const struct cbd_interval *b);

/* cbd_interval_intersect - the intersection of two that meet */
struct cbd_interval cbd_interval_intersect(const struct cbd_interval *a, const struct cbd_interval *b);

/* cbd_interval_hull - the smallest interval with both in it */
struct cbd_interval cbd_interval_hull(const struct cbd_interval *a, const struct cbd_interval *b);

#endif
