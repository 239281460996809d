/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sample interval: from one poll to an interval that contains true time at the poll's first anchor. The
 * proved rule from the selected source's Source_Data, and the tracking-only fallback. Pure.
 * Source: docs/MATH.md, "The sample interval" and "The fallback".
 */
#ifndef CBD_CORE_SAMPLE_H
#define CBD_CORE_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/lines.h"
#include "daemon/core/poll.h"
#include "daemon/core/track.h"

/* Every term of the half-width, and what it stands on. All ns but where the name says otherwise. */
struct cbd_terms {
	int64_t correction_ns;	  /* X - CLOCK_REALTIME */
	int64_t sample_offset_ns; /* reference - X at the sample */
	int64_t sample_error_ns;  /* the sample's own: root delay / 2 + root dispersion */
	int64_t sample_age_ns;	  /* since_sample + 1 s */
	int64_t growth_ns;	  /* over that age */
	int64_t slip_ns;
	int64_t bracket_ns;  /* both anchors' half-widths */
	int64_t off_line_ns; /* movement of X that nobody has explained */
	int64_t floor_ns;    /* rounding and wire quanta */
	int64_t phc_ns;	     /* what a followed PHC adds: its error and the reads of it; 0 without */
	int64_t root_delay_ns;
	int64_t root_dispersion_ns;
	uint32_t growth_ppb;
	uint32_t skew_ppb;
	int32_t frequency_ppb;
	uint32_t rule; /* CLOCKBOUND_RULE_* */
	uint32_t reference_id;
};

/* A sample interval and what is needed to judge it. */
struct cbd_sample {
	struct cbd_interval interval; /* of true time at the first anchor */
	uint64_t mark;		      /* changes with each new sample */
	int64_t age_ns;		      /* the sample is not older than this */
	int64_t uncertain_ns; /* round trip, averaging: what "certainly after" needs on top of the age */
	struct cbd_terms terms;
};

/* What the rules take beside the poll. */
struct cbd_sample_context {
	int64_t growth_q58;  /* g: how far true time may leave X's slope */
	uint64_t rate_q58;   /* ns per tick of the undisciplined clock */
	int64_t off_line_ns; /* unexplained movement to be charged */
	int64_t slip_ns;
	int64_t rho_q58;
	int64_t since_update_ns;   /* fallback: since the update in force was first seen */
	int64_t last_move_ns;	   /* fallback: |movement of X at the update in force| */
	int64_t maxclockerror_q58; /* fallback: chronyd's own, as far as it is known; 0 until then */
};

/* cbd_sample_from_source - the proved rule, for one source of the poll; false if it has no sample */
bool cbd_sample_from_source(const struct cbd_poll *poll, const struct cbd_source_data *source,
			    const struct cbd_sample_context *context, struct cbd_sample *sample);

/* cbd_sample_update_mark - changes with each update of chronyd's */
uint64_t cbd_sample_update_mark(const struct cbd_tracking *tracking);

/* cbd_sample_from_tracking - the fallback */
void cbd_sample_from_tracking(const struct cbd_poll *poll, const struct cbd_sample_context *context,
			      struct cbd_sample *sample);

/*
 * cbd_sample_span_ns - how long before its date the oldest part of a sample may be from
 * A refclock's is the mean of what was read in a polling interval, another's the middle of a round trip.
 */
int64_t cbd_sample_span_ns(const struct cbd_source_data *source);

/* cbd_sample_since_ns - whole seconds since the sample; what is dated in the future, which wraps, is no older than now */
int64_t cbd_sample_since_ns(const struct cbd_source_data *source);

/* cbd_sample_selected - the source that chronyd has selected, or NULL */
const struct cbd_source_data *cbd_sample_selected(const struct cbd_poll *poll);

/* cbd_sample_widen - X may be off its line by @ns more, at this sample */
void cbd_sample_widen(struct cbd_sample *sample, int64_t ns);

#endif
