/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reading as text and as JSON, for every verb that shows one.
 */
#include "cbctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REASON_BITS 32

void cbc_print_reasons(uint32_t status)
{
	uint32_t bit;

	for (bit = 0; bit < REASON_BITS; bit++) {
		uint32_t reason = CLOCKBOUND_REASONS_OF(status) & (1u << bit);

		if (reason != 0) {
			printf("  %s: %s\n", clockbound_reason_name(reason), clockbound_reason_text(reason));
		}
	}
}

const char *cbc_reason_list(uint32_t status, char *text, size_t room)
{
	size_t used = 0;
	uint32_t bit;

	(void)snprintf(text, room, "-");
	for (bit = 0; bit < REASON_BITS; bit++) {
		uint32_t reason = CLOCKBOUND_REASONS_OF(status) & (1u << bit);
		int length;

		if (reason == 0 || used >= room) {
			continue;
		}
		length = snprintf(text + used, room - used, "%s%s", used == 0 ? "" : ",",
				  clockbound_reason_name(reason));
		used += length > 0 ? (size_t)length : 0;
	}
	return text;
}

/* The middle, and how far true time may lie from it. */
static void print_middle(const clockbound_interval *interval)
{
	char time[CBC_TEXT_MAX];
	char half[CBC_TEXT_MAX];

	if (!cbc_is_bounded(interval)) {
		printf("middle    unbounded\n");
		return;
	}
	printf("middle    %s +/- %s\n",
	       cbc_format_time(interval->earliest_ns + clockbound_width_ns(interval) / 2, time),
	       cbc_format_duration(cbc_half_ns(interval), half));
}

static void print_end(const char *name, int64_t ns, bool is_bounded)
{
	char time[CBC_TEXT_MAX];

	if (!is_bounded) {
		printf("%-9s unbounded\n", name);
	} else {
		printf("%-9s %s  %" PRId64 " ns\n", name, cbc_format_time(ns, time), ns);
	}
}

void cbc_print_reading(const struct cbc_reading *reading)
{
	const clockbound_interval *interval = &reading->interval;
	char width[CBC_TEXT_MAX];

	print_end("earliest", interval->earliest_ns, cbc_is_bounded(interval));
	print_end("latest", interval->latest_ns, cbc_is_bounded(interval));
	printf("width     %s\n",
	       cbc_format_duration(cbc_is_bounded(interval) ? clockbound_width_ns(interval) : INT64_MAX,
				   width));
	print_middle(interval);
	printf("status    %s, %s\n", clockbound_status_name(interval->status),
	       clockbound_is_valid(interval) ? "valid: true time lies between earliest and latest"
					     : "NOT VALID: the interval promises nothing");
	printf("source    %s, %s\n", cbc_source_name(interval->source), reading->path);
	if (CLOCKBOUND_REASONS_OF(interval->status) != 0) {
		printf("reasons\n");
		cbc_print_reasons(interval->status);
	}
}

json_t *cbc_json_ns(int64_t ns)
{
	return ns == INT64_MIN || ns == INT64_MAX ? json_null() : json_integer((json_int_t)ns);
}

static json_t *json_reasons(uint32_t status)
{
	json_t *list = json_array();
	uint32_t bit;

	for (bit = 0; bit < REASON_BITS; bit++) {
		uint32_t reason = CLOCKBOUND_REASONS_OF(status) & (1u << bit);

		if (reason != 0) {
			(void)json_array_append_new(list, json_string(clockbound_reason_name(reason)));
		}
	}
	return list;
}

json_t *cbc_json_reading(const struct cbc_reading *reading)
{
	const clockbound_interval *interval = &reading->interval;
	bool is_bounded = cbc_is_bounded(interval);
	int64_t width_ns = is_bounded ? clockbound_width_ns(interval) : INT64_MAX;

	return json_pack("{s:o, s:o, s:o, s:s, s:b, s:o, s:s, s:s}", "earliest_ns",
			 cbc_json_ns(is_bounded ? interval->earliest_ns : INT64_MIN), "latest_ns",
			 cbc_json_ns(is_bounded ? interval->latest_ns : INT64_MAX), "width_ns",
			 cbc_json_ns(width_ns), "status", clockbound_status_name(interval->status), "valid",
			 clockbound_is_valid(interval), "reasons", json_reasons(interval->status), "source",
			 cbc_source_name(interval->source), "path", reading->path);
}

bool cbc_json_print(json_t *object, bool is_line)
{
	size_t layout = is_line ? JSON_COMPACT : JSON_INDENT(2);
	bool is_written = object != NULL && json_dumpf(object, stdout, layout) == 0 && printf("\n") > 0;

	json_decref(object);
	return is_written;
}

int cbc_complain(const struct cbc_options *options, int code, const char *format, ...)
{
	char text[2 * CBC_DETAIL_MAX + CBC_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!options->is_json) {
		(void)fprintf(stderr, "cbctl: %s\n", text);
	} else {
		/* Failing to write shows in cbc_finish(). One line, so that `watch` keeps to one object a line. */
		(void)cbc_json_print(json_pack("{s:s}", "error", text), true);
	}
	return cbc_finish(code);
}

int cbc_finish(int code)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "cbctl: cannot write the output: %s\n", strerror(errno));
		return code != CBC_EXIT_FINE ? code : CBC_EXIT_NOT_TRUSTED;
	}
	return code;
}
