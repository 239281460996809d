/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded run of chronyd in memory: its reports as the core takes them, each with the truth beside it. Two
 * kinds of files, told apart by their header: with Source_Data and the raw counter, or Tracking alone with a
 * second file of events from which the counter is made. Read once, then constant; any number of threads may
 * read it. Layer: tests/replay; the simulated world uses it as a second chronyd.
 */
#ifndef CBD_REPLAY_TRACE_H
#define CBD_REPLAY_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/poll.h"
#include "tests/replay/csv.h"

/* No trace has more than three. */
#define CBD_TRACE_SOURCES_MAX 4

enum cbd_trace_kind {
	CBD_TRACE_SOURCES,  /* Source_Data and raw counter in each row */
	CBD_TRACE_TRACKING, /* Tracking alone */
};

/* One instant of the run. */
struct cbd_trace_instant {
	int64_t true_ns;  /* UTC, ns since 1970 */
	uint64_t counter; /* the undisciplined oscillator: one tick is one of its ns */
	int64_t clock_ns; /* CLOCK_REALTIME, after the event if the instant is one */
};

/* One report. */
struct cbd_trace_row {
	struct cbd_trace_instant at;
	struct cbd_tracking tracking;
	struct cbd_source_data source[CBD_TRACE_SOURCES_MAX];
	uint32_t sources;
	/* As chronyd sent them, for its own formulas. */
	double correction_s;
	double root_delay_s;
	double root_dispersion_s;
	double drift_ppm; /* skew + |residual frequency| */
};

struct cbd_trace {
	char name[64]; /* the file's, without folder and suffix */
	enum cbd_trace_kind kind;
	struct cbd_trace_row *row;
	size_t rows;
	struct cbd_trace_instant *event; /* somebody moved the clock or its rate; in order of time */
	size_t events;
	double maxclockerror_ppm; /* chronyd's setting, from how fast its dispersion grows */
};

/*
 * cbd_trace_read - reads the trace at @path (CSV, plain or gzipped) and the events file beside it, if it
 * needs one
 * Returns false, with "file:line: what" in @error and nothing to be freed, if it is not one.
 */
bool cbd_trace_read(struct cbd_trace *trace, const char *path, struct cbd_replay_error *error);

void cbd_trace_free(struct cbd_trace *trace);

/*
 * cbd_trace_poll - the poll that brings this report, both anchors at its instant
 * @with_sources: false leaves Source_Data out, as from a chronyd that refuses it
 * The trace knows no CLOCK_MONOTONIC, no sleep and no kernel rate: the anchors say so. CLOCK_MONOTONIC_RAW is
 * the counter itself, one ns per tick; CLOCK_MONOTONIC too, where it only carries deadlines.
 */
void cbd_trace_poll(const struct cbd_trace_row *row, bool with_sources, struct cbd_poll *poll);

/* cbd_trace_anchor - the clocks at @at, read in no time */
struct cbd_anchor cbd_trace_anchor(const struct cbd_trace_instant *at);

#endif
