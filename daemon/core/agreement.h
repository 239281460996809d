/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: what was proved before and what is proved now must meet. If they do, the intersection stands; if
 * not, one of the proofs rests on a false assumption and nobody can tell which: the hull of both stands,
 * growing, until three new samples in a row meet each other. Wide, never wrong. Pure.
 */
#ifndef CBD_CORE_AGREEMENT_H
#define CBD_CORE_AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/lines.h"

struct cbd_agreement {
	struct cbd_lines lines;	    /* what stands */
	uint64_t counter;	    /* when a sample was last taken */
	struct cbd_lines candidate; /* while inconsistent: the intersection of the samples that agree */
	uint64_t mark;		    /* of the sample last taken */
	uint32_t run;		    /* while inconsistent: new samples in a row that met the candidate */
	bool has_lines;
	bool has_mark;
	bool is_inconsistent;
};

/* One sample's interval on its way in. */
struct cbd_agreement_entry {
	uint64_t counter;	      /* the anchor */
	struct cbd_interval interval; /* of true time at the anchor */
	uint64_t mark;		      /* which sample */
	int64_t age_ns;		      /* the sample is not older than this */
	uint64_t slope_q58;	      /* of the lines to be drawn, ns per tick */
	int64_t growth_q58;
	bool is_news;	    /* its source had another sample at the poll before: it is new, however old */
	bool is_disputed;   /* two sources of the same poll exclude each other: interval is their hull */
	bool is_memoryless; /* the fallback: nothing old may narrow it */
};

/* cbd_agreement_init - no memory */
void cbd_agreement_init(struct cbd_agreement *agreement);

/*
 * cbd_agreement_take - brings a sample into agreement with what stands, and draws the new lines
 * Returns true if a contradiction began with this sample. Leaves the old lines if the new ones cannot be
 * drawn (a rate that does not fit).
 */
bool cbd_agreement_take(struct cbd_agreement *agreement, const struct cbd_agreement_entry *entry);

#endif
