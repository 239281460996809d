/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory of the tracking-only fallback: see fallback.h.
 */
#include "daemon/core/fallback.h"

#include "daemon/core/q58.h"

/* A slope needs a base: over less than this the wire's rounding of the dispersion shows. */
#define SLOPE_BASE_MIN_NS (CBD_NS_PER_SEC * 9 / 10)
/* Wire floats have 25 bits; two of them, and our own rounding up, are off by this part of the value. */
#define WIRE_PART (INT64_C(1) << 21)

void cbd_fallback_init(struct cbd_fallback *fallback)
{
	*fallback = (struct cbd_fallback){0};
}

/* The root dispersion grows by exactly skew + residual + maxclockerror within one update. */
static void learn_maxclockerror(struct cbd_fallback *fallback, const struct cbd_poll *poll, uint64_t rate_q58)
{
	const struct cbd_tracking *tracking = &poll->tracking;
	int64_t elapsed_ns = cbd_ticks_to_ns_ceil(poll->before.real.counter - fallback->counter, rate_q58);
	int64_t grown_ns = cbd_ns_sub(tracking->root_dispersion_ns, fallback->root_dispersion_ns);
	int64_t blur_ns = tracking->root_dispersion_ns / WIRE_PART + 2;
	int64_t slope_q58;

	grown_ns = cbd_ns_sub(grown_ns, blur_ns);
	if (elapsed_ns < SLOPE_BASE_MIN_NS || grown_ns <= 0 || grown_ns > elapsed_ns) {
		return;
	}
	slope_q58 = grown_ns * (CBD_Q58_ONE / elapsed_ns);
	slope_q58 = cbd_ns_sub(slope_q58, cbd_q58_add(tracking->skew_q58, tracking->residual_q58));
	slope_q58 = cbd_ns_max(slope_q58, 0);
	/* One stretch's value is a lower bound, the better the longer it lasts; chronyd's is one constant. */
	if (!fallback->has_maxclockerror || slope_q58 > fallback->maxclockerror_q58) {
		fallback->maxclockerror_q58 = slope_q58;
		fallback->has_maxclockerror = true;
	}
}

void cbd_fallback_poll(struct cbd_fallback *fallback, const struct cbd_poll *poll, uint64_t rate_q58,
		       bool has_move, int64_t move_ns)
{
	bool is_same = fallback->has_report && fallback->ref_time_ns == poll->tracking.ref_time_ns &&
		       poll->before.real.counter >= fallback->counter;

	if (is_same) {
		learn_maxclockerror(fallback, poll, rate_q58);
		return;
	}
	fallback->has_report = true;
	fallback->counter = poll->before.real.counter;
	fallback->ref_time_ns = poll->tracking.ref_time_ns;
	fallback->root_dispersion_ns = poll->tracking.root_dispersion_ns;
	fallback->last_move_ns = has_move ? cbd_ns_abs(move_ns) : 0;
}
