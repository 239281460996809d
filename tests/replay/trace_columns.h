/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of a trace: which columns there are, and from their texts to a row. Private to trace.
 */
#ifndef CBD_REPLAY_TRACE_COLUMNS_H
#define CBD_REPLAY_TRACE_COLUMNS_H

#include "tests/replay/csv.h"
#include "tests/replay/trace.h"

/* The first instant of all runs: 2010-01-01T00:00:00Z. */
#define CBD_TRACE_START_NS INT64_C(1262304000000000000)
/* The counter at the start of a run: so far from 0 that nothing gets below. */
#define CBD_TRACE_COUNTER_START (UINT64_C(1) << 40)
/* Longest run, s: the ns of its times are exact in a double. */
#define CBD_TRACE_SECONDS_MAX 4e6

/* Columns of every report. */
enum cbd_trace_column {
	COLUMN_TIME,
	COLUMN_OFFSET,
	COLUMN_REFERENCE_ID,
	COLUMN_STRATUM,
	COLUMN_LEAP,
	COLUMN_REF_TIME_S,
	COLUMN_REF_TIME_NS,
	COLUMN_CORRECTION,
	COLUMN_LAST_OFFSET,
	COLUMN_RMS_OFFSET,
	COLUMN_FREQUENCY,
	COLUMN_RESIDUAL,
	COLUMN_SKEW,
	COLUMN_ROOT_DELAY,
	COLUMN_ROOT_DISPERSION,
	COLUMN_INTERVAL,
	COLUMN_COUNTER, /* last: traces of Tracking alone do not have it */
	COLUMNS
};

/* Columns of one source. */
enum cbd_trace_source_column {
	SOURCE_STATE,
	SOURCE_MODE,
	SOURCE_POLL,
	SOURCE_REACHABILITY,
	SOURCE_SINCE,
	SOURCE_MEASURED,
	SOURCE_ORIGINAL,
	SOURCE_ERROR,
	SOURCE_COLUMNS
};

struct cbd_trace_columns {
	enum cbd_trace_kind kind;
	struct cbd_csv_column column[COLUMNS];
	struct cbd_csv_column source[CBD_TRACE_SOURCES_MAX][SOURCE_COLUMNS];
	char source_name[CBD_TRACE_SOURCES_MAX][SOURCE_COLUMNS][40];
	uint32_t sources;
	size_t fields; /* in each line */
};

/* cbd_trace_columns_find - takes the header, which is @csv's present line; false if it is no trace's */
bool cbd_trace_columns_find(struct cbd_trace_columns *columns, const struct cbd_csv *csv,
			    struct cbd_replay_error *error);

/* cbd_trace_columns_read - @csv's present line as a row; @row->at.counter is 0 where there is no such column */
bool cbd_trace_columns_read(const struct cbd_trace_columns *columns, const struct cbd_csv *csv,
			    struct cbd_trace_row *row, struct cbd_replay_error *error);

#endif
