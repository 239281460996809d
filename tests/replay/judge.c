/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge: see judge.h. The core is run as the daemon runs it, with a counter: what is judged are the
 * lines that it publishes, with their void-after. The daemon is started one second before the first report,
 * so that it knows the counter's rate by then.
 */
#include "tests/replay/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clockbound/types.h>

#include "daemon/core/core.h"
#include "tests/replay/formula.h"

#define NS_PER_S       INT64_C(1000000000)
#define MAX_HOLDOVER_S 1000
#define STALE_AFTER_S  3
#define COARSE_NS      4000000

void cbd_judge_init(struct cbd_judgement *judgement, const char *name)
{
	*judgement = (struct cbd_judgement){0};
	snprintf(judgement->name, sizeof(judgement->name), "%s", name);
}

void cbd_judge_free(struct cbd_judgement *judgement)
{
	free(judgement->width_ns.value);
	free(judgement->ratio.value);
	*judgement = (struct cbd_judgement){0};
}

static bool append(struct cbd_judge_series *series, double value)
{
	if (series->count == series->room) {
		size_t wanted = series->room == 0 ? 4096 : series->room * 2;
		double *grown = realloc(series->value, wanted * sizeof(*grown));

		if (grown == NULL) {
			return false;
		}
		series->value = grown;
		series->room = wanted;
	}
	series->value[series->count++] = value;
	return true;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

double cbd_judge_quantile(struct cbd_judge_series *series, double share)
{
	size_t rank;

	if (series->count == 0) {
		return NAN;
	}
	qsort(series->value, series->count, sizeof(*series->value), compare);
	rank = (size_t)ceil(share * (double)series->count);
	return series->value[rank > 0 ? rank - 1 : 0];
}

/* A run in progress. */
struct run {
	struct cbd_judgement *judgement;
	const struct cbd_trace *trace;
	struct cbd_core core;
	size_t next_event;
	int64_t failing_since_ns;
	bool is_failing;
};

/* Whether @out holds at @counter at all. */
static bool is_valid_at(const struct cbd_publication *out, uint64_t counter)
{
	return (out->status & CLOCKBOUND_VALID) != 0 && out->has_lines && counter >= out->lines.base &&
	       counter - out->lines.base < out->void_after_ticks;
}

/* Whether what is published now fails at @at. */
static bool fails_at(const struct run *run, const struct cbd_trace_instant *at)
{
	const struct cbd_publication *out = &run->core.out;
	struct cbd_interval interval;

	if (!is_valid_at(out, at->counter)) {
		return false;
	}
	interval = cbd_lines_at(&out->lines, at->counter);
	return interval.earliest_ns > at->true_ns || interval.latest_ns < at->true_ns;
}

/* Keeps the longest time of failure; a failure lasts until the first instant that is found good. */
static void note_instant(struct run *run, bool fails, int64_t true_ns)
{
	double lasted_s;

	if (run->is_failing) {
		lasted_s = (double)(true_ns - run->failing_since_ns) / (double)NS_PER_S;
		run->judgement->longest_s = fmax(run->judgement->longest_s, lasted_s);
	} else if (fails) {
		run->failing_since_ns = true_ns;
	}
	run->is_failing = fails;
}

/* The time since the last report: the events in it, and the instant just before the poll of @row. */
static void judge_between(struct run *run, const struct cbd_trace_row *row, bool has_report)
{
	const struct cbd_trace *trace = run->trace;
	bool has_failed = false;
	bool fails;

	for (; run->next_event < trace->events && trace->event[run->next_event].true_ns <= row->at.true_ns;
	     run->next_event++) {
		fails = fails_at(run, &trace->event[run->next_event]);
		note_instant(run, fails, trace->event[run->next_event].true_ns);
		has_failed = has_failed || fails;
	}
	fails = fails_at(run, &row->at);
	note_instant(run, fails, row->at.true_ns);
	if (has_report && (has_failed || fails)) {
		run->judgement->not_contained_between++;
	}
}

static bool judge_width(struct run *run, const struct cbd_trace_row *row)
{
	struct cbd_interval interval = cbd_lines_at(&run->core.out.lines, row->at.counter);
	double width_ns = (double)(interval.latest_ns - interval.earliest_ns);

	if (!append(&run->judgement->width_ns, width_ns)) {
		return false;
	}
	return !cbd_formula_is_valid(row) ||
	       append(&run->judgement->ratio, width_ns / (2 * cbd_formula_yardstick_ns(run->trace, row)));
}

/* What the poll of @row has published. */
static bool judge_report(struct run *run, const struct cbd_trace_row *row)
{
	struct cbd_judgement *judgement = run->judgement;
	const struct cbd_publication *out = &run->core.out;
	int64_t offset_ns = row->at.clock_ns - row->at.true_ns;
	bool fails = fails_at(run, &row->at);

	judgement->reports++;
	note_instant(run, fails, row->at.true_ns);
	if ((out->clock_status & CLOCKBOUND_VALID) != 0 && llabs(offset_ns) > out->bound_ns) {
		judgement->clock_not_contained++;
	}
	if (!is_valid_at(out, row->at.counter)) {
		return true;
	}
	judgement->valid++;
	judgement->not_contained += fails ? 1 : 0;
	judgement->held += CLOCKBOUND_STATUS_OF(out->status) == CLOCKBOUND_STATUS_SYNCHRONIZED ? 0 : 1;
	judgement->fallback += out->terms.rule == CLOCKBOUND_RULE_TRACKING ? 1 : 0;
	return judge_width(run, row);
}

/* chrony's documented bound and upstream's, around the clock as it reads. */
static void judge_others(struct cbd_judgement *judgement, const struct cbd_trace_row *row)
{
	double offset_ns = fabs((double)(row->at.clock_ns - row->at.true_ns));

	if (!cbd_formula_is_valid(row)) {
		return;
	}
	judgement->chrony_reports++;
	judgement->chrony_not_contained += offset_ns > cbd_formula_chrony_ns(row) ? 1 : 0;
	judgement->upstream1_not_contained += offset_ns > cbd_formula_upstream1_ns(row) ? 1 : 0;
	judgement->upstream2_not_contained += offset_ns > cbd_formula_upstream2_ns(row) ? 1 : 0;
}

static void start(struct run *run, const struct cbd_judge_options *options)
{
	const struct cbd_core_config config = {
		.rho_ppb = options->rho_ppb,
		.max_holdover_ns = MAX_HOLDOVER_S * NS_PER_S,
		.stale_after_ns = STALE_AFTER_S * NS_PER_S,
		.coarse_ns = COARSE_NS,
		.has_counter = true,
	};
	struct cbd_trace_instant before = run->trace->row[0].at;
	struct cbd_anchor anchor;

	before.true_ns -= NS_PER_S;
	before.clock_ns -= NS_PER_S;
	before.counter -= (uint64_t)NS_PER_S;
	anchor = cbd_trace_anchor(&before);
	cbd_core_init(&run->core, &config);
	cbd_core_on_poll_failed(&run->core, CBD_POLL_UNREACHABLE, &anchor);
}

bool cbd_judge_trace(struct cbd_judgement *judgement, const struct cbd_trace *trace,
		     const struct cbd_judge_options *options)
{
	struct run run = {.judgement = judgement, .trace = trace};
	struct cbd_poll poll;

	start(&run, options);
	for (size_t i = 0; i < trace->rows; i++) {
		judge_between(&run, &trace->row[i], i > 0);
		cbd_trace_poll(&trace->row[i], !options->is_tracking_only, &poll);
		poll.is_since_whole = poll.is_since_whole && !options->is_before_4;
		cbd_core_on_poll(&run.core, &poll);
		(void)cbd_core_take_request(
			&run.core); /* what chronyd did was recorded: it cannot be asked */
		if (!judge_report(&run, &trace->row[i])) {
			return false;
		}
		judge_others(judgement, &trace->row[i]);
	}
	judgement->inconsistencies += run.core.stats.inconsistencies;
	judgement->steps += run.core.stats.steps;
	judgement->maxclockerror_ppm = trace->maxclockerror_ppm;
	return true;
}

bool cbd_judge_add(struct cbd_judgement *whole, const struct cbd_judgement *part)
{
	whole->reports += part->reports;
	whole->valid += part->valid;
	whole->not_contained += part->not_contained;
	whole->not_contained_between += part->not_contained_between;
	whole->longest_s = fmax(whole->longest_s, part->longest_s);
	whole->clock_not_contained += part->clock_not_contained;
	whole->held += part->held;
	whole->fallback += part->fallback;
	whole->inconsistencies += part->inconsistencies;
	whole->steps += part->steps;
	whole->chrony_reports += part->chrony_reports;
	whole->chrony_not_contained += part->chrony_not_contained;
	whole->upstream1_not_contained += part->upstream1_not_contained;
	whole->upstream2_not_contained += part->upstream2_not_contained;
	for (size_t i = 0; i < part->width_ns.count; i++) {
		if (!append(&whole->width_ns, part->width_ns.value[i])) {
			return false;
		}
	}
	for (size_t i = 0; i < part->ratio.count; i++) {
		if (!append(&whole->ratio, part->ratio.value[i])) {
			return false;
		}
	}
	return true;
}
