/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter from the clock's course: see course.h. With A the rate that chronyd has given the clock,
 * the counter advances by (the clock's advance) / A; A changes by (1 + after) / (1 + before) at each change
 * of chronyd's, which is exact, since the oscillator's share of both rates is the same.
 */
#include "tests/replay/course.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/replay/trace_columns.h"

enum event_column {
	EVENT_TIME,
	EVENT_KIND,
	EVENT_OFFSET_BEFORE,
	EVENT_OFFSET_AFTER,
	EVENT_RATE_BEFORE,
	EVENT_RATE_AFTER,
	EVENT_COLUMNS
};

static const struct cbd_csv_column known[EVENT_COLUMNS] = {
	[EVENT_TIME] = {.name = "t_sim", .minimum = 0, .maximum = CBD_TRACE_SECONDS_MAX},
	[EVENT_KIND] = {.name = "kind"},
	[EVENT_OFFSET_BEFORE] = {.name = "offset_before_ns", .minimum = -1e15, .maximum = 1e15},
	[EVENT_OFFSET_AFTER] = {.name = "offset_after_ns", .minimum = -1e15, .maximum = 1e15},
	[EVENT_RATE_BEFORE] = {.name = "rate_before_ppm", .minimum = -5e5, .maximum = 5e5},
	[EVENT_RATE_AFTER] = {.name = "rate_after_ppm", .minimum = -5e5, .maximum = 5e5},
};

struct event {
	int64_t true_ns;
	double offset_before_ns;
	double offset_after_ns;
	long double rate_change; /* factor that this event puts on chronyd's rate */
};

/* Where the course has got to. */
struct course {
	int64_t true_ns;
	double offset_ns;
	long double rate; /* A */
	long double counter;
};

/* Goes on along the clock to @true_ns, where it is @offset_ns ahead. */
static uint64_t advance(struct course *course, int64_t true_ns, double offset_ns)
{
	long double moved = (long double)(true_ns - course->true_ns) +
			    ((long double)offset_ns - (long double)course->offset_ns);

	course->counter += moved / course->rate;
	course->true_ns = true_ns;
	course->offset_ns = offset_ns;
	return CBD_TRACE_COUNTER_START + (uint64_t)llroundl(course->counter);
}

static uint64_t pass_event(struct course *course, const struct event *event)
{
	uint64_t counter = advance(course, event->true_ns, event->offset_before_ns);

	course->offset_ns = event->offset_after_ns;
	course->rate *= event->rate_change;
	return counter;
}

static bool read_event(const struct cbd_csv *csv, const struct cbd_csv_column *columns, struct event *event,
		       struct cbd_replay_error *error)
{
	double value[EVENT_COLUMNS] = {0};
	const char *kind = csv->field[columns[EVENT_KIND].index];

	for (int i = 0; i < EVENT_COLUMNS; i++) {
		if (i != EVENT_KIND && !cbd_csv_number(csv, &columns[i], &value[i], error)) {
			return false;
		}
	}
	*event = (struct event){
		.true_ns = CBD_TRACE_START_NS + llround(value[EVENT_TIME] * 1e9),
		.offset_before_ns = value[EVENT_OFFSET_BEFORE],
		.offset_after_ns = value[EVENT_OFFSET_AFTER],
		.rate_change = 1,
	};
	if (strcmp(kind, "adjtimex") == 0) {
		event->rate_change = (1 + (long double)value[EVENT_RATE_AFTER] * 1e-6L) /
				     (1 + (long double)value[EVENT_RATE_BEFORE] * 1e-6L);
	} else if (strcmp(kind, "settime") != 0 && strcmp(kind, "external") != 0) {
		return cbd_replay_fail(error, csv, "an event of unknown kind \"%.40s\"", kind);
	}
	return true;
}

static bool read_header(struct cbd_csv *csv, struct cbd_csv_column *columns, struct cbd_replay_error *error)
{
	enum cbd_csv_verdict verdict = cbd_csv_next(csv, error);

	if (verdict == CBD_CSV_END) {
		return cbd_replay_fail(error, csv, "the file is empty");
	}
	if (verdict == CBD_CSV_BROKEN) {
		return false;
	}
	memcpy(columns, known, sizeof(known));
	for (int i = 0; i < EVENT_COLUMNS; i++) {
		columns[i].index = cbd_csv_find(csv, columns[i].name);
		if (columns[i].index < 0) {
			return cbd_replay_fail(error, csv, "no file of events: the header has no column %s",
					       columns[i].name);
		}
	}
	return true;
}

/* All events; *@events is to be freed in any case. */
static bool read_events(struct cbd_csv *csv, struct event **events, size_t *count,
			struct cbd_replay_error *error)
{
	struct cbd_csv_column columns[EVENT_COLUMNS];
	enum cbd_csv_verdict verdict;
	size_t fields;
	size_t room = 0;

	if (!read_header(csv, columns, error)) {
		return false;
	}
	fields = csv->fields;
	while ((verdict = cbd_csv_next(csv, error)) == CBD_CSV_LINE) {
		if (*count == room) {
			size_t wanted = room == 0 ? 256 : room * 2;
			struct event *grown = realloc(*events, wanted * sizeof(**events));

			if (grown == NULL) {
				return cbd_replay_fail(error, csv, "no memory");
			}
			*events = grown;
			room = wanted;
		}
		if (csv->fields != fields) {
			return cbd_replay_fail(error, csv, "%zu fields, the header has %zu", csv->fields,
					       fields);
		}
		if (!read_event(csv, columns, &(*events)[*count], error)) {
			return false;
		}
		if (*count > 0 && (*events)[*count].true_ns < (*events)[*count - 1].true_ns) {
			return cbd_replay_fail(error, csv, "this event is before the one above it");
		}
		(*count)++;
	}
	return verdict == CBD_CSV_END;
}

/* Runs along rows and events in the order of time; at the same instant the event comes first. */
static void draw(struct cbd_trace *trace, const struct event *events)
{
	struct course course = {.true_ns = CBD_TRACE_START_NS, .rate = 1};
	size_t next = 0;

	course.offset_ns = trace->events > 0 ? events[0].offset_before_ns
					     : (double)(trace->row[0].at.clock_ns - trace->row[0].at.true_ns);
	for (size_t i = 0; i <= trace->rows; i++) {
		struct cbd_trace_instant *at = i < trace->rows ? &trace->row[i].at : NULL;

		while (next < trace->events && (at == NULL || events[next].true_ns <= at->true_ns)) {
			struct cbd_trace_instant *event = &trace->event[next];

			event->true_ns = events[next].true_ns;
			event->counter = pass_event(&course, &events[next]);
			event->clock_ns = event->true_ns + llround(events[next].offset_after_ns);
			next++;
		}
		if (at != NULL) {
			at->counter = advance(&course, at->true_ns, (double)(at->clock_ns - at->true_ns));
		}
	}
}

bool cbd_course_read(struct cbd_trace *trace, const char *path, struct cbd_replay_error *error)
{
	struct cbd_csv csv;
	struct event *events = NULL;
	bool is_good;

	if (!cbd_csv_open(&csv, path, error)) {
		return false;
	}
	is_good = read_events(&csv, &events, &trace->events, error);
	if (is_good) {
		trace->event = calloc(trace->events + 1, sizeof(*trace->event));
		is_good = trace->event != NULL || cbd_replay_fail(error, &csv, "no memory");
	}
	if (is_good) {
		draw(trace, events);
	}
	free(events);
	cbd_csv_close(&csv);
	return is_good;
}
