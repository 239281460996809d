/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl waitsync: until the status is SYNCHRONIZED and the bound valid. Opens anew at each look, so a daemon
 * that starts, or a page that takes another's place, is found. Exit codes are upstream's.
 */
#include "cbctl.h"

#include <stdio.h>
#include <time.h>

#define EXIT_SYNCHRONISED 0
#define EXIT_TIMEOUT	  1
#define EXIT_ERROR	  2

#define INTERVAL_NS INT64_C(100000000)
#define LIST_MAX    512

struct outcome {
	bool is_synchronised;
	bool has_reading; /* of the last look */
	bool is_error;	  /* waiting is of no use */
	int64_t waited_ns;
	struct cbc_reading reading;
	char detail[CBC_DETAIL_MAX]; /* why the last look failed */
};

static bool is_synchronised(const clockbound_interval *interval)
{
	return clockbound_is_valid(interval) &&
	       CLOCKBOUND_STATUS_OF(interval->status) == CLOCKBOUND_STATUS_SYNCHRONIZED;
}

static void look(const struct cbc_options *options, struct outcome *outcome)
{
	struct cbc_source source;
	enum cbc_open_result result = cbc_source_open(&source, options->runtime_dir, outcome->detail);

	outcome->is_error = result == CBC_OPEN_BAD;
	outcome->has_reading = false;
	if (result == CBC_OPEN_OK) {
		outcome->has_reading = cbc_source_read(&source, &outcome->reading, outcome->detail);
		cbc_source_close(&source);
	}
	outcome->is_synchronised = outcome->has_reading && is_synchronised(&outcome->reading.interval);
}

static void wait_for_sync(const struct cbc_options *options, struct outcome *outcome)
{
	int64_t interval_ns = options->interval_ns > 0 ? options->interval_ns : INTERVAL_NS;
	int64_t from_ns = cbc_clock_ns(CLOCK_MONOTONIC);

	for (;;) {
		int64_t now_ns;
		int64_t until_ns;

		look(options, outcome);
		now_ns = cbc_clock_ns(CLOCK_MONOTONIC);
		outcome->waited_ns = now_ns - from_ns;
		if (outcome->is_synchronised || outcome->is_error ||
		    (options->timeout_ns >= 0 && outcome->waited_ns >= options->timeout_ns)) {
			return;
		}
		until_ns = now_ns + interval_ns;
		if (options->timeout_ns >= 0 && until_ns - from_ns > options->timeout_ns) {
			until_ns = from_ns + options->timeout_ns;
		}
		(void)cbc_sleep_until(until_ns);
	}
}

static void print_text(const struct outcome *outcome)
{
	char waited[CBC_TEXT_MAX];
	char half[CBC_TEXT_MAX];
	char list[LIST_MAX];

	cbc_format_duration(outcome->waited_ns, waited);
	if (outcome->is_synchronised) {
		printf("synchronised to within %s, waited %s\n",
		       cbc_format_duration(cbc_half_ns(&outcome->reading.interval), half), waited);
	} else if (!outcome->has_reading) {
		(void)fprintf(stderr, "cbctl: not synchronised after %s: %s\n", waited, outcome->detail);
	} else {
		(void)fprintf(stderr, "cbctl: not synchronised after %s: status %s, %s, reasons %s\n", waited,
			      clockbound_status_name(outcome->reading.interval.status),
			      clockbound_is_valid(&outcome->reading.interval) ? "valid" : "not valid",
			      cbc_reason_list(outcome->reading.interval.status, list, sizeof(list)));
	}
}

static json_t *make_json(const struct outcome *outcome)
{
	json_t *object = outcome->has_reading ? cbc_json_reading(&outcome->reading) : json_object();

	if (!outcome->has_reading) {
		(void)json_object_set_new(object, "error", json_string(outcome->detail));
	}
	(void)json_object_set_new(object, "synchronized", json_boolean(outcome->is_synchronised));
	(void)json_object_set_new(object, "waited_ns", json_integer((json_int_t)outcome->waited_ns));
	return object;
}

int cbc_cmd_waitsync(const struct cbc_options *options)
{
	struct outcome outcome;
	int code;

	wait_for_sync(options, &outcome);
	if (!options->is_json) {
		print_text(&outcome);
	} else if (!cbc_json_print(make_json(&outcome), false)) {
		return EXIT_ERROR;
	}
	code = outcome.is_synchronised ? EXIT_SYNCHRONISED : outcome.is_error ? EXIT_ERROR : EXIT_TIMEOUT;
	return cbc_finish(code) == code ? code : EXIT_ERROR;
}
