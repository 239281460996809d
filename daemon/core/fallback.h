/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tracking-only fallback remembers between polls: how far the update in force moved X, and chronyd's
 * maxclockerror, which is not on the wire but shows in how fast the root dispersion grows. Pure.
 * Source: docs/MATH.md, "The fallback".
 */
#ifndef CBD_CORE_FALLBACK_H
#define CBD_CORE_FALLBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"

struct cbd_fallback {
	int64_t last_move_ns;	   /* |movement of X| at the update in force; 0 at the first */
	int64_t maxclockerror_q58; /* the best lower bound seen; 0 until known */
	bool has_maxclockerror;
	/* the report that began the present stretch of one ref_time */
	bool has_report;
	uint64_t counter;
	int64_t ref_time_ns;
	int64_t root_dispersion_ns;
};

/* cbd_fallback_init - nothing known */
void cbd_fallback_init(struct cbd_fallback *fallback);

/*
 * cbd_fallback_poll - learns from one synchronised report
 * @has_move, @move_ns: this report is a new update, and moved X by so much
 */
void cbd_fallback_poll(struct cbd_fallback *fallback, const struct cbd_poll *poll, uint64_t rate_q58,
		       bool has_move, int64_t move_ns);

#endif
