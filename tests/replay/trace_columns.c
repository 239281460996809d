/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a line to a row: see trace_columns.h. What chronyd said goes through the daemon's decoder (reply.h).
 */
#include "tests/replay/trace_columns.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/replay/reply.h"

/* Server k of the runs with Source_Data: 192.168.123.(k + 1). */
#define SERVER_ADDRESS 0xc0a87b01u
/* What the protocol's floats can say. */
#define FLOAT_MAX 9.2e18

static const struct cbd_csv_column known[COLUMNS] = {
	[COLUMN_TIME] = {.name = "t_sim", .minimum = 0, .maximum = CBD_TRACE_SECONDS_MAX},
	[COLUMN_OFFSET] = {.name = "true_offset_ns", .minimum = -1e15, .maximum = 1e15},
	[COLUMN_REFERENCE_ID] = {.name = "ref_id"},
	[COLUMN_STRATUM] = {.name = "stratum", .maximum = UINT16_MAX},
	[COLUMN_LEAP] = {.name = "leap_status", .maximum = UINT16_MAX},
	[COLUMN_REF_TIME_S] = {.name = "ref_time_s", .maximum = UINT32_MAX},
	[COLUMN_REF_TIME_NS] = {.name = "ref_time_ns", .maximum = 999999999},
	[COLUMN_CORRECTION] = {.name = "current_correction", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[COLUMN_LAST_OFFSET] = {.name = "last_offset", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[COLUMN_RMS_OFFSET] = {.name = "rms_offset", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[COLUMN_FREQUENCY] = {.name = "freq_ppm", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[COLUMN_RESIDUAL] = {.name = "resid_freq_ppm", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[COLUMN_SKEW] = {.name = "skew_ppm", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[COLUMN_ROOT_DELAY] = {.name = "root_delay", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[COLUMN_ROOT_DISPERSION] = {.name = "root_dispersion", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[COLUMN_INTERVAL] = {.name = "last_update_interval", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[COLUMN_COUNTER] = {.name = "raw_counter_ns", .minimum = 0, .maximum = CBD_TRACE_SECONDS_MAX * 1e9},
};

static const struct cbd_csv_column known_of_source[SOURCE_COLUMNS] = {
	[SOURCE_STATE] = {.name = "state", .maximum = UINT16_MAX},
	[SOURCE_MODE] = {.name = "mode", .maximum = UINT16_MAX},
	[SOURCE_POLL] = {.name = "poll", .minimum = INT16_MIN, .maximum = INT16_MAX},
	[SOURCE_REACHABILITY] = {.name = "reachability", .maximum = 255},
	[SOURCE_SINCE] = {.name = "since_sample_s", .maximum = UINT32_MAX},
	[SOURCE_MEASURED] = {.name = "latest_meas_s", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[SOURCE_ORIGINAL] = {.name = "orig_latest_meas_s", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
	[SOURCE_ERROR] = {.name = "latest_meas_err_s", .minimum = -FLOAT_MAX, .maximum = FLOAT_MAX},
};

static bool find_column(struct cbd_csv_column *column, const struct cbd_csv *csv,
			struct cbd_replay_error *error)
{
	column->index = cbd_csv_find(csv, column->name);
	return column->index >= 0 ||
	       cbd_replay_fail(error, csv, "this is no trace: the header has no column %s", column->name);
}

/* The columns of source @k; true with has_it false if there is no such source. */
static bool find_source(struct cbd_trace_columns *columns, uint32_t k, const struct cbd_csv *csv,
			bool *has_it, struct cbd_replay_error *error)
{
	char state[40];

	snprintf(state, sizeof(state), "src%u_%s", k, known_of_source[SOURCE_STATE].name);
	*has_it = cbd_csv_find(csv, state) >= 0;
	if (!*has_it) {
		return true;
	}
	if (k == CBD_TRACE_SOURCES_MAX) {
		return cbd_replay_fail(error, csv, "more than %d sources", CBD_TRACE_SOURCES_MAX);
	}
	for (int i = 0; i < SOURCE_COLUMNS; i++) {
		struct cbd_csv_column *column = &columns->source[k][i];
		char *name = columns->source_name[k][i];

		*column = known_of_source[i];
		snprintf(name, sizeof(columns->source_name[k][i]), "src%u_%s", k, known_of_source[i].name);
		column->name = name;
		if (!find_column(column, csv, error)) {
			return false;
		}
	}
	return true;
}

bool cbd_trace_columns_find(struct cbd_trace_columns *columns, const struct cbd_csv *csv,
			    struct cbd_replay_error *error)
{
	bool has_source = true;

	*columns = (struct cbd_trace_columns){.fields = csv->fields};
	memcpy(columns->column, known, sizeof(known));
	columns->kind =
		cbd_csv_find(csv, known[COLUMN_COUNTER].name) >= 0 ? CBD_TRACE_SOURCES : CBD_TRACE_TRACKING;
	for (int i = 0; i < COLUMNS; i++) {
		if (i == COLUMN_COUNTER && columns->kind == CBD_TRACE_TRACKING) {
			continue;
		}
		if (!find_column(&columns->column[i], csv, error)) {
			return false;
		}
	}
	while (columns->kind == CBD_TRACE_SOURCES) {
		if (!find_source(columns, columns->sources, csv, &has_source, error)) {
			return false;
		}
		if (!has_source) {
			break;
		}
		columns->sources++;
	}
	if (columns->kind == CBD_TRACE_SOURCES && columns->sources == 0) {
		return cbd_replay_fail(error, csv,
				       "a raw counter, but no columns of a source (src0_state ...)");
	}
	return true;
}

static bool read_numbers(const struct cbd_csv *csv, const struct cbd_csv_column *columns, int count,
			 double *values, struct cbd_replay_error *error)
{
	for (int i = 0; i < count; i++) {
		/* The reference id is read apart, as hexadecimal. */
		if (columns[i].maximum != 0.0 && !cbd_csv_number(csv, &columns[i], &values[i], error)) {
			return false;
		}
	}
	return true;
}

static bool is_absent(const struct cbd_csv *csv, const struct cbd_csv_column *columns)
{
	for (int i = 0; i < SOURCE_COLUMNS; i++) {
		if (csv->field[columns[i].index][0] != '\0') {
			return false;
		}
	}
	return true;
}

static bool read_source(const struct cbd_trace_columns *columns, uint32_t k, const struct cbd_csv *csv,
			struct cbd_trace_row *row, struct cbd_replay_error *error)
{
	double value[SOURCE_COLUMNS] = {0};
	struct cbd_chrony_complaint complaint;
	struct cbd_reply_source reply;

	if (is_absent(csv, columns->source[k])) {
		return true;
	}
	if (!read_numbers(csv, columns->source[k], SOURCE_COLUMNS, value, error)) {
		return false;
	}
	reply = (struct cbd_reply_source){
		.address = SERVER_ADDRESS + k,
		.state = (uint16_t)value[SOURCE_STATE],
		.mode = (uint16_t)value[SOURCE_MODE],
		.reachability = (uint16_t)value[SOURCE_REACHABILITY],
		.poll = (int16_t)value[SOURCE_POLL],
		.since_sample_s = (uint32_t)value[SOURCE_SINCE],
		.orig_latest_meas_s = value[SOURCE_ORIGINAL],
		.latest_meas_s = value[SOURCE_MEASURED],
		.latest_meas_err_s = value[SOURCE_ERROR],
	};
	if (!cbd_reply_source(&reply, &row->source[row->sources], &complaint)) {
		return cbd_replay_fail(error, csv, "source %u: %s", k, complaint.text);
	}
	row->sources++;
	return true;
}

static bool read_tracking(const double *value, uint32_t reference_id, const struct cbd_csv *csv,
			  struct cbd_trace_row *row, struct cbd_replay_error *error)
{
	struct cbd_chrony_complaint complaint;
	struct cbd_reply_tracking reply = {
		.reference_id = reference_id,
		.stratum = (uint16_t)value[COLUMN_STRATUM],
		.leap_status = (uint16_t)value[COLUMN_LEAP],
		.ref_time_s = (uint32_t)value[COLUMN_REF_TIME_S],
		.ref_time_ns = (uint32_t)value[COLUMN_REF_TIME_NS],
		.current_correction_s = value[COLUMN_CORRECTION],
		.last_offset_s = value[COLUMN_LAST_OFFSET],
		.rms_offset_s = value[COLUMN_RMS_OFFSET],
		.frequency_ppm = value[COLUMN_FREQUENCY],
		.residual_ppm = value[COLUMN_RESIDUAL],
		.skew_ppm = value[COLUMN_SKEW],
		.root_delay_s = value[COLUMN_ROOT_DELAY],
		.root_dispersion_s = value[COLUMN_ROOT_DISPERSION],
		.last_update_interval_s = value[COLUMN_INTERVAL],
	};

	if (!cbd_reply_tracking(&reply, &row->tracking, &complaint)) {
		return cbd_replay_fail(error, csv, "%s", complaint.text);
	}
	row->correction_s = reply.current_correction_s;
	row->root_delay_s = reply.root_delay_s;
	row->root_dispersion_s = reply.root_dispersion_s;
	row->drift_ppm = reply.skew_ppm + fabs(reply.residual_ppm);
	return true;
}

bool cbd_trace_columns_read(const struct cbd_trace_columns *columns, const struct cbd_csv *csv,
			    struct cbd_trace_row *row, struct cbd_replay_error *error)
{
	double value[COLUMNS] = {0};
	int count = columns->kind == CBD_TRACE_SOURCES ? COLUMNS : COLUMN_COUNTER;
	uint32_t reference_id;

	*row = (struct cbd_trace_row){0};
	if (csv->fields != columns->fields) {
		return cbd_replay_fail(error, csv, "%zu fields, the header has %zu", csv->fields,
				       columns->fields);
	}
	if (!read_numbers(csv, columns->column, count, value, error) ||
	    !cbd_csv_hex32(csv, &columns->column[COLUMN_REFERENCE_ID], &reference_id, error) ||
	    !read_tracking(value, reference_id, csv, row, error)) {
		return false;
	}
	row->at.true_ns = CBD_TRACE_START_NS + llround(value[COLUMN_TIME] * 1e9);
	row->at.clock_ns = row->at.true_ns + llround(value[COLUMN_OFFSET]);
	if (columns->kind == CBD_TRACE_SOURCES) {
		row->at.counter = CBD_TRACE_COUNTER_START + (uint64_t)llround(value[COLUMN_COUNTER]);
	}
	for (uint32_t k = 0; k < columns->sources; k++) {
		if (!read_source(columns, k, csv, row, error)) {
			return false;
		}
	}
	return true;
}
