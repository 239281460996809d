/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sample interval: see sample.h.
 */
#include "daemon/core/sample.h"

#include <stddef.h>

#include "daemon/core/mutate.h"
#include "daemon/core/q58.h"

/* since_sample is cut to whole seconds, some chronyds' twice: up to this much too small. Without it: misses in evidence. */
#define SINCE_ERROR_NS CBD_NS_PER_SEC
/* Rounding of the sums themselves: clocks cut to whole ns, halves rounded. */
#define ROUNDING_NS 4
/* chronyd's own limit of a polling interval: 2^24 s. */
#define POLL_LOG2_MAX 24
/*
 * An interleaved exchange is taken from the reply before to the request where that is less than ten round trips, and dated in
 * the middle: it began six round trips before, at most. A basic one is one round trip. In halves, of which e is one or more.
 */
#define EXCHANGE_ERRORS 12
/* Fallback: an update may leave no more unacknowledged error than this times what it moved the estimate
 * (true while the newest sample weighs at least 1/7). Half of it fails after oscillator jumps; double widens
 * every noisy update. */
#define MOVE_FACTOR 6

const struct cbd_source_data *cbd_sample_selected(const struct cbd_poll *poll)
{
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		if (poll->source[i].state == CBD_SOURCE_SELECTED) {
			return &poll->source[i];
		}
	}
	return NULL;
}

/* X at the first anchor: chronyd's correction belongs to the clock as it was then, never to a later reading. */
static int64_t x_of(const struct cbd_poll *poll)
{
	int64_t clock_ns =
		CBD_MUTANT(STALE_CORRECTION, poll->after.real.clock_ns, poll->before.real.clock_ns);

	return cbd_ns_add(clock_ns, CBD_MUTANT(WRONG_SIGN, -poll->tracking.correction_ns,
					       poll->tracking.correction_ns));
}

/* Terms that both rules share, and their sum. */
static int64_t common_terms(const struct cbd_poll *poll, const struct cbd_sample_context *context,
			    struct cbd_terms *terms)
{
	const struct cbd_tracking *tracking = &poll->tracking;
	int64_t before_ns = cbd_ticks_to_ns_ceil(poll->before.real.half_ticks, context->rate_q58);
	int64_t after_ns = cbd_ticks_to_ns_ceil(poll->after.real.half_ticks, context->rate_q58);
	int64_t sum;

	terms->correction_ns = tracking->correction_ns;
	terms->slip_ns = CBD_MUTANT(NO_SLIP, 0, context->slip_ns);
	/* Twice the first: X at the anchor, and the anchor's share of slip; once the second: slip. */
	terms->bracket_ns = cbd_ns_add(cbd_ns_add(before_ns, before_ns), after_ns);
	terms->off_line_ns = context->off_line_ns;
	terms->root_delay_ns = tracking->root_delay_ns;
	terms->root_dispersion_ns = tracking->root_dispersion_ns;
	terms->growth_ppb = cbd_q58_to_ppb_ceil(context->growth_q58);
	terms->skew_ppb = cbd_q58_to_ppb_ceil(cbd_q58_add(tracking->skew_q58, tracking->residual_q58));
	terms->frequency_ppb = cbd_q58_to_ppb(tracking->frequency_q58);
	terms->reference_id = tracking->reference_id;
	sum = cbd_ns_add(terms->slip_ns, terms->bracket_ns);
	return cbd_ns_add(sum, terms->off_line_ns);
}

/* The interval around @centre_ns, ends apart and saturated. */
static struct cbd_interval around(int64_t centre_ns, int64_t half_ns)
{
	struct cbd_interval interval = {
		.earliest_ns = cbd_ns_sub(centre_ns, half_ns),
		.latest_ns = cbd_ns_add(centre_ns, half_ns),
	};

	return interval;
}

/* From the first anchor to the last. */
static int64_t duration_of(const struct cbd_poll *poll, const struct cbd_sample_context *context)
{
	uint64_t a = poll->before.real.counter;
	uint64_t b = poll->after.real.counter;

	return b > a ? cbd_ticks_to_ns_ceil(b - a, context->rate_q58) : 0;
}

int64_t cbd_sample_since_ns(const struct cbd_source_data *source)
{
	return source->since_s > INT32_MAX ? 0 : (int64_t)source->since_s * CBD_NS_PER_SEC;
}

/* @shift: to the left, of one polling interval */
static int64_t polls_ns(const struct cbd_source_data *source, int shift)
{
	int64_t poll_log2 = cbd_ns_min(cbd_ns_max(source->poll_log2, 0), POLL_LOG2_MAX);

	return (CBD_NS_PER_SEC << poll_log2) << shift;
}

static int64_t errors_ns(const struct cbd_source_data *source, int count)
{
	int64_t ns = 0;
	int i;

	for (i = 0; i < count; i++) {
		ns = cbd_ns_add(ns, source->error_ns);
	}
	return ns;
}

int64_t cbd_sample_span_ns(const struct cbd_source_data *source)
{
	switch (source->mode) {
	case CBD_SOURCE_MODE_CLIENT:
		return errors_ns(source, EXCHANGE_ERRORS);
	case CBD_SOURCE_MODE_REFCLOCK:
		return cbd_ns_add(errors_ns(source, 2), polls_ns(source, 0));
	default:
		/* A peer answers when its own interval is over, and ours may have been twice what it is now. */
		return cbd_ns_add(errors_ns(source, 2), polls_ns(source, 1));
	}
}

/*
 * The exchange was timed by a clock that was off by g meanwhile: half of that is missing of its error. A refclock's mean has
 * the mean of its readings' times.
 */
static int64_t exchange_half_ns(const struct cbd_source_data *source)
{
	return source->mode == CBD_SOURCE_MODE_REFCLOCK ? 0 : cbd_sample_span_ns(source) / 2 + 1;
}

/* The part of a second that has passed at @ns. */
static int64_t part_of_second(int64_t ns)
{
	int64_t part_ns = ns % CBD_NS_PER_SEC;

	return part_ns < 0 ? part_ns + CBD_NS_PER_SEC : part_ns;
}

/*
 * The age of a sample at the first anchor, at most. chronyd tells floor(now - sample), now being X at some instant after
 * the anchor: up to a second too little. Where it cuts the sample's time to whole seconds first, that is
 * floor(now) - floor(sample), and floor(sample) is known: then X since the beginning of that second is the age, at most.
 * @blur_ns: X at the anchor is known to within it.
 */
static int64_t age_of(const struct cbd_poll *poll, const struct cbd_source_data *source, int64_t x_ns,
		      int64_t blur_ns)
{
	int64_t since_ns = (int64_t)source->since_s * CBD_NS_PER_SEC;
	bool is_whole = CBD_MUTANT(SINCE_ALWAYS_WHOLE, true, poll->is_since_whole) &&
			source->mode != CBD_SOURCE_MODE_REFCLOCK;
	int64_t part_ns = cbd_ns_add(part_of_second(cbd_ns_sub(x_ns, blur_ns)), cbd_ns_add(blur_ns, blur_ns));

	return cbd_ns_add(since_ns,
			  CBD_MUTANT(NO_SINCE_SECOND, cbd_ns_min(part_ns, 0),
				     cbd_ns_min(is_whole ? part_ns : SINCE_ERROR_NS, SINCE_ERROR_NS)));
}

bool cbd_sample_from_source(const struct cbd_poll *poll, const struct cbd_source_data *source,
			    const struct cbd_sample_context *context, struct cbd_sample *sample)
{
	struct cbd_terms *terms = &sample->terms;
	int64_t x_ns = x_of(poll);
	int64_t half_ns;

	/* None, or dated in the future: chronyd's negative ages wrap, -1 to CBD_SINCE_NEVER itself. */
	if (source->since_s > INT32_MAX) {
		return false;
	}
	*sample = (struct cbd_sample){.mark = source->mark};
	half_ns = common_terms(poll, context, terms);
	terms->rule = CLOCKBOUND_RULE_SAMPLE;
	terms->sample_offset_ns = source->offset_ns;
	terms->sample_error_ns = source->error_ns -
				 CBD_MUTANT(NO_ROOT_DELAY, poll->tracking.root_delay_ns / 2, 0) +
				 CBD_MUTANT(WHOLE_ROOT_DELAY, poll->tracking.root_delay_ns / 2, 0);
	terms->floor_ns = poll->tracking.correction_quantum_ns + source->offset_quantum_ns + ROUNDING_NS;
	terms->sample_age_ns = age_of(poll, source, x_ns, cbd_ns_add(half_ns, terms->floor_ns));
	/* A sample may also be younger than the anchor: taken while a slow poll was under way. */
	terms->sample_age_ns = cbd_ns_max(terms->sample_age_ns, duration_of(poll, context));
	terms->growth_ns =
		CBD_MUTANT(NO_GROWTH, 0,
			   cbd_q58_growth_ns(cbd_ns_add(terms->sample_age_ns, exchange_half_ns(source)),
					     context->growth_q58));
	half_ns = cbd_ns_add(half_ns, terms->sample_error_ns);
	half_ns = cbd_ns_add(half_ns, terms->growth_ns);
	half_ns = cbd_ns_add(half_ns, terms->floor_ns);
	sample->interval = around(cbd_ns_add(x_ns, source->offset_ns), half_ns);
	sample->age_ns = terms->sample_age_ns;
	sample->uncertain_ns = cbd_sample_span_ns(source);
	return true;
}

/* What chronyd's own growth of the dispersion leaves out of rho. */
static int64_t left_out_q58(const struct cbd_sample_context *context)
{
	return cbd_ns_max(cbd_ns_sub(context->rho_q58, context->maxclockerror_q58), 0);
}

uint64_t cbd_sample_update_mark(const struct cbd_tracking *tracking)
{
	return (uint64_t)tracking->ref_time_ns ^ tracking->reference_id;
}

void cbd_sample_from_tracking(const struct cbd_poll *poll, const struct cbd_sample_context *context,
			      struct cbd_sample *sample)
{
	const struct cbd_tracking *tracking = &poll->tracking;
	struct cbd_terms *terms = &sample->terms;
	int64_t x_ns = x_of(poll);
	int64_t moved_ns = context->last_move_ns;
	int64_t half_ns;
	int i;

	*sample = (struct cbd_sample){.mark = cbd_sample_update_mark(tracking)};
	half_ns = common_terms(poll, context, terms);
	terms->rule = CLOCKBOUND_RULE_TRACKING;
	terms->sample_age_ns = cbd_ns_max(cbd_ns_sub(x_ns, tracking->ref_time_ns), 0);
	/* chronyd's own dispersion has grown by skew, residual and maxclockerror; rho is what it leaves out. */
	terms->growth_ns =
		cbd_q58_growth_ns(terms->sample_age_ns, CBD_MUTANT(NO_E_PRIME, 0, left_out_q58(context)));
	terms->sample_error_ns = cbd_ns_add(tracking->root_dispersion_ns,
					    CBD_MUTANT(NO_ROOT_DELAY, 0, tracking->root_delay_ns / 2 + 1));
	terms->floor_ns = tracking->correction_quantum_ns + ROUNDING_NS;
	for (i = 1; i < MOVE_FACTOR; i++) {
		moved_ns = cbd_ns_add(moved_ns, context->last_move_ns);
	}
	/* What the update left grows from there as everything does: without, 450 s of misses at poll 1024. */
	moved_ns = cbd_ns_add(moved_ns, cbd_q58_growth_ns(context->since_update_ns, context->growth_q58));
	if (moved_ns > cbd_ns_add(terms->sample_error_ns, terms->growth_ns)) {
		terms->sample_error_ns = cbd_ns_sub(moved_ns, terms->growth_ns);
	}
	half_ns = cbd_ns_add(half_ns, cbd_ns_add(terms->sample_error_ns, terms->growth_ns));
	half_ns = cbd_ns_add(half_ns, terms->floor_ns);
	sample->interval = around(x_ns, half_ns);
	sample->age_ns = terms->sample_age_ns;
	sample->uncertain_ns = tracking->root_delay_ns;
}

void cbd_sample_widen(struct cbd_sample *sample, int64_t ns)
{
	sample->interval.earliest_ns = cbd_ns_sub(sample->interval.earliest_ns, ns);
	sample->interval.latest_ns = cbd_ns_add(sample->interval.latest_ns, ns);
	sample->terms.off_line_ns = cbd_ns_add(sample->terms.off_line_ns, ns);
}
