/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a trace through the core and judges what it publishes against the truth: at every report after the
 * poll, at every event between two reports, and just before the next poll. Layer: tests/replay, above trace.
 */
#ifndef CBD_REPLAY_JUDGE_H
#define CBD_REPLAY_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/replay/trace.h"

/* How to run it. */
struct cbd_judge_options {
	uint32_t rho_ppb;
	bool is_tracking_only; /* leave Source_Data out: tests the fallback */
	bool is_before_4;      /* as if since_sample were not known to count from a whole second */
};

/* Numbers of a kind, for their quantiles. */
struct cbd_judge_series {
	double *value;
	size_t count;
	size_t room;
};

/* What became of one trace, or of several together. */
struct cbd_judgement {
	char name[64];
	uint64_t reports;
	uint64_t valid;		/* reports after which the counter lines were valid */
	uint64_t not_contained; /* of them: true time was outside the lines */
	uint64_t
		not_contained_between; /* intervals between two reports in which it was outside at any instant */
	double longest_s;	       /* longest time without containment */
	uint64_t clock_not_contained; /* valid clock half, and true time outside CLOCK_REALTIME +/- bound */
	uint64_t held;		  /* valid, but the report was not taken (step, no source, local mode ...) */
	uint64_t fallback;	  /* valid by the tracking-only rule */
	uint64_t inconsistencies; /* contradictions that began */
	uint64_t steps;		  /* steps and surprises that the core saw */
	/* Others' bounds, at synchronised reports that are not in local mode */
	uint64_t chrony_reports;
	uint64_t chrony_not_contained;
	uint64_t upstream1_not_contained;
	uint64_t upstream2_not_contained;
	double maxclockerror_ppm;
	struct cbd_judge_series width_ns; /* latest - earliest, at each valid report */
	struct cbd_judge_series ratio;	  /* the same to twice the yardstick, where that means something */
};

/* cbd_judge_init - nothing judged yet; free with cbd_judge_free() */
void cbd_judge_init(struct cbd_judgement *judgement, const char *name);
void cbd_judge_free(struct cbd_judgement *judgement);

/*
 * cbd_judge_trace - runs @trace through a new core and adds what becomes of it to @judgement
 * Returns false if there is no memory.
 */
bool cbd_judge_trace(struct cbd_judgement *judgement, const struct cbd_trace *trace,
		     const struct cbd_judge_options *options);

/* cbd_judge_add - adds @part to @whole; false if there is no memory */
bool cbd_judge_add(struct cbd_judgement *whole, const struct cbd_judgement *part);

/* cbd_judge_quantile - the value that a part of @share (0..1) does not exceed; NaN if there is none. Sorts. */
double cbd_judge_quantile(struct cbd_judge_series *series, double share);

#endif
