/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl wait: commit wait. Takes now's latest and returns when true time is certainly past it.
 */
#include "cbctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

struct outcome {
	int answer;		    /* CLOCKBOUND_WAIT_* */
	int64_t target_ns;	    /* the latest that had to pass */
	int64_t waited_ns;	    /* by CLOCK_MONOTONIC */
	struct cbc_reading reading; /* the last one */
};

static const char *answer_name(int answer)
{
	if (answer == CLOCKBOUND_WAIT_PAST) {
		return "past";
	}
	return answer == CLOCKBOUND_WAIT_TIMEOUT ? "timeout" : "not_valid";
}

static void print_text(const struct outcome *outcome)
{
	char time[CBC_TEXT_MAX];
	char waited[CBC_TEXT_MAX];

	cbc_format_time(outcome->target_ns, time);
	cbc_format_duration(outcome->waited_ns, waited);
	if (outcome->answer == CLOCKBOUND_WAIT_PAST) {
		printf("%s has certainly passed, waited %s\n", time, waited);
	} else if (outcome->answer == CLOCKBOUND_WAIT_TIMEOUT) {
		printf("%s has not certainly passed within %s\n", time, waited);
	} else {
		printf("cannot tell when this moment has passed: the interval is not valid\n");
		cbc_print_reasons(outcome->reading.interval.status);
	}
}

static json_t *make_json(const struct outcome *outcome)
{
	json_t *object = cbc_json_reading(&outcome->reading);

	(void)json_object_set_new(object, "outcome", json_string(answer_name(outcome->answer)));
	(void)json_object_set_new(object, "target_ns", cbc_json_ns(outcome->target_ns));
	(void)json_object_set_new(object, "waited_ns", json_integer((json_int_t)outcome->waited_ns));
	return object;
}

static void wait_past(const struct cbc_source *source, int64_t timeout_ns, struct outcome *outcome)
{
	clockbound_interval *interval = &outcome->reading.interval;
	int64_t from_ns = cbc_clock_ns(CLOCK_MONOTONIC);

	(void)snprintf(outcome->reading.path, sizeof(outcome->reading.path), "%s", source->path);
	clockbound_interval_now(source->fast, interval);
	outcome->target_ns = interval->latest_ns;
	outcome->answer = CLOCKBOUND_WAIT_NOT_VALID;
	if (clockbound_is_valid(interval)) {
		outcome->answer =
			clockbound_wait_until_past(source->fast, outcome->target_ns, timeout_ns, interval);
	}
	outcome->waited_ns = cbc_clock_ns(CLOCK_MONOTONIC) - from_ns;
}

int cbc_cmd_wait(const struct cbc_options *options)
{
	struct cbc_source source;
	struct outcome outcome;

	if (!cbc_source_open_or_complain(&source, options, true)) {
		return CBC_EXIT_NONE;
	}
	if (source.fast == NULL) {
		cbc_source_close(&source);
		return cbc_complain(options, CBC_EXIT_NONE,
				    "wait needs the page, and there is only %s: run this project's daemon",
				    source.path);
	}
	wait_past(&source, options->timeout_ns, &outcome);
	cbc_source_close(&source);
	if (!options->is_json) {
		print_text(&outcome);
	} else if (!cbc_json_print(make_json(&outcome), false)) {
		return cbc_finish(CBC_EXIT_NOT_TRUSTED);
	}
	return cbc_finish(outcome.answer == CLOCKBOUND_WAIT_PAST ? CBC_EXIT_FINE : CBC_EXIT_NOT_TRUSTED);
}
