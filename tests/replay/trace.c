/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads traces: see trace.h.
 */
#include "tests/replay/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/replay/course.h"
#include "tests/replay/formula.h"
#include "tests/replay/trace_columns.h"

/* The folder's end and the suffix's beginning in a path: what is between is the name. */
static void name_of(const char *path, size_t *begin, size_t *end)
{
	static const char *const suffixes[] = {".csv.gz", ".csv"};
	const char *slash = strrchr(path, '/');
	size_t length = strlen(path);

	*begin = slash != NULL ? (size_t)(slash - path) + 1 : 0;
	*end = length;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t suffix = strlen(suffixes[i]);

		if (length - *begin > suffix && strcmp(path + length - suffix, suffixes[i]) == 0) {
			*end = length - suffix;
			return;
		}
	}
}

/* NAME.csv.gz has its events in NAME.events.csv.gz, and likewise without .gz. */
static bool read_course(struct cbd_trace *trace, const char *path, struct cbd_replay_error *error)
{
	char events[sizeof(((struct cbd_csv *)0)->path) + sizeof(".events")];
	struct cbd_replay_error why;
	size_t begin;
	size_t end;

	name_of(path, &begin, &end);
	snprintf(events, sizeof(events), "%.*s.events%s", (int)end, path, path + end);
	if (cbd_course_read(trace, events, &why)) {
		return true;
	}
	snprintf(error->text, sizeof(error->text),
		 "%.*s (the trace has no raw counter: it is made from the events)",
		 (int)sizeof(error->text) - 80, why.text);
	return false;
}

/* Room for one row more. */
static bool make_room(struct cbd_trace *trace, size_t *room)
{
	size_t wanted = *room == 0 ? 4096 : *room * 2;
	struct cbd_trace_row *grown;

	if (trace->rows < *room) {
		return true;
	}
	grown = realloc(trace->row, wanted * sizeof(*grown));
	if (grown == NULL) {
		return false;
	}
	trace->row = grown;
	*room = wanted;
	return true;
}

static bool check_order(const struct cbd_trace *trace, const struct cbd_trace_row *row,
			const struct cbd_csv *csv, struct cbd_replay_error *error)
{
	const struct cbd_trace_row *last;

	if (trace->rows == 0) {
		return true;
	}
	last = &trace->row[trace->rows - 1];
	if (row->at.true_ns <= last->at.true_ns) {
		return cbd_replay_fail(error, csv, "column t_sim: not after the line above");
	}
	if (trace->kind == CBD_TRACE_SOURCES && row->at.counter <= last->at.counter) {
		return cbd_replay_fail(error, csv, "column raw_counter_ns: not above the line above");
	}
	return true;
}

static bool read_rows(struct cbd_trace *trace, struct cbd_csv *csv, struct cbd_replay_error *error)
{
	struct cbd_trace_columns columns;
	enum cbd_csv_verdict verdict = cbd_csv_next(csv, error);
	size_t room = 0;

	if (verdict == CBD_CSV_END) {
		return cbd_replay_fail(error, csv, "the file is empty");
	}
	if (verdict == CBD_CSV_BROKEN || !cbd_trace_columns_find(&columns, csv, error)) {
		return false;
	}
	trace->kind = columns.kind;
	while ((verdict = cbd_csv_next(csv, error)) == CBD_CSV_LINE) {
		if (!make_room(trace, &room)) {
			return cbd_replay_fail(error, csv, "no memory");
		}
		if (!cbd_trace_columns_read(&columns, csv, &trace->row[trace->rows], error) ||
		    !check_order(trace, &trace->row[trace->rows], csv, error)) {
			return false;
		}
		trace->rows++;
	}
	if (verdict == CBD_CSV_END && trace->rows == 0) {
		return cbd_replay_fail(error, csv, "a header, but no reports");
	}
	return verdict == CBD_CSV_END;
}

bool cbd_trace_read(struct cbd_trace *trace, const char *path, struct cbd_replay_error *error)
{
	struct cbd_csv csv;
	size_t begin;
	size_t end;
	bool is_good;

	*trace = (struct cbd_trace){0};
	name_of(path, &begin, &end);
	snprintf(trace->name, sizeof(trace->name), "%.*s", (int)(end - begin), path + begin);
	if (!cbd_csv_open(&csv, path, error)) {
		return false;
	}
	is_good = read_rows(trace, &csv, error);
	cbd_csv_close(&csv);
	if (is_good && trace->kind == CBD_TRACE_TRACKING) {
		is_good = read_course(trace, path, error);
	}
	if (!is_good) {
		cbd_trace_free(trace);
		return false;
	}
	trace->maxclockerror_ppm = cbd_formula_maxclockerror_ppm(trace);
	return true;
}

void cbd_trace_free(struct cbd_trace *trace)
{
	free(trace->row);
	free(trace->event);
	*trace = (struct cbd_trace){0};
}

struct cbd_anchor cbd_trace_anchor(const struct cbd_trace_instant *at)
{
	return (struct cbd_anchor){
		.real = {.counter = at->counter, .clock_ns = at->clock_ns},
		.raw = {.counter = at->counter, .clock_ns = (int64_t)at->counter},
		.mono_ns = (int64_t)at->counter,
		.coarse_ns = (int64_t)at->counter,
	};
}

void cbd_trace_poll(const struct cbd_trace_row *row, bool with_sources, struct cbd_poll *poll)
{
	*poll = (struct cbd_poll){
		.before = cbd_trace_anchor(&row->at),
		.after = cbd_trace_anchor(&row->at),
		.tracking = row->tracking,
		.has_source_data = with_sources && row->sources > 0,
		.is_since_whole = true, /* recorded from chronyd 4.3 */
	};
	if (poll->has_source_data) {
		memcpy(poll->source, row->source, row->sources * sizeof(row->source[0]));
		poll->sources = row->sources;
	}
}
