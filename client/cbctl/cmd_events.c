/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl events: the changes of the clock that the daemon keeps, and with --follow those to come.
 */
#include "cbctl.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* How often --follow asks. */
#define PAUSE_NS (CBC_NS_PER_S / 5)

static volatile sig_atomic_t is_stopped;

static void on_signal(int number)
{
	(void)number;
	is_stopped = 1;
}

static void catch_signals(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_signal;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
}

/* What is added to CLOCK_MONOTONIC to get true time: by the page if its bound is valid; INT64_MIN if it is not. */
static int64_t true_minus_mono(const struct cbc_options *options)
{
	char detail[CBC_DETAIL_MAX];
	struct cbc_reading reading;
	struct cbc_source source;
	int64_t difference = INT64_MIN;

	if (cbc_source_open(&source, options->runtime_dir, detail) != CBC_OPEN_OK) {
		return INT64_MIN;
	}
	if (cbc_source_read(&source, &reading, detail) && clockbound_is_valid(&reading.interval) &&
	    cbc_is_bounded(&reading.interval)) {
		difference = reading.interval.earliest_ns + clockbound_width_ns(&reading.interval) / 2 -
			     cbc_clock_ns(CLOCK_MONOTONIC);
	}
	cbc_source_close(&source);
	return difference;
}

/* Prints one reply; false if nothing can be written any more. */
static bool show(const struct clockbound_control_events *events, uint64_t after,
		 const struct cbc_options *options)
{
	int64_t difference = events->count > 0 ? true_minus_mono(options) : INT64_MIN;
	uint32_t i;

	if (events->count > 0 && after > 0 && events->event[0].number > after + 1) {
		(void)fprintf(stderr, "cbctl: %llu events were forgotten before they could be shown\n",
			      (unsigned long long)(events->event[0].number - after - 1));
	}
	for (i = 0; i < events->count; i++) {
		const struct clockbound_event *event = &events->event[i];
		int64_t when_ns = difference != INT64_MIN ? (int64_t)event->mono_ns + difference : INT64_MIN;

		if (!options->is_json) {
			cbc_print_event(event, when_ns);
		} else if (!cbc_json_print(cbc_json_event(event, when_ns), true)) {
			return false;
		}
	}
	return fflush(stdout) == 0 && !ferror(stdout);
}

/* A daemon that started anew counts from 1 again: what it was asked for was another's number. */
static bool is_another(const struct clockbound_control_events *events, uint32_t *start, uint64_t *after)
{
	bool is_new = *start != 0 && events->start != *start;

	*start = events->start;
	*after = is_new ? 0 : *after;
	return is_new;
}

/* Until there may be more. */
static void pause_a_while(void)
{
	int64_t until_ns = cbc_clock_ns(CLOCK_MONOTONIC) + PAUSE_NS;

	while (!is_stopped && !cbc_sleep_until(until_ns)) {
	}
}

int cbc_cmd_events(const struct cbc_options *options)
{
	struct clockbound_control_events events;
	char detail[CBC_DETAIL_MAX];
	bool was_answered = true;
	uint64_t after = 0;
	uint32_t start = 0;
	bool is_first = true;

	catch_signals();
	while (!is_stopped) {
		bool is_answered = cbc_daemon_events(options->runtime_dir, after, &events, detail);

		if (!is_answered && was_answered) {
			(void)fprintf(stderr, "cbctl: %s\n", detail);
		}
		if (!is_answered && (is_first || !options->is_following)) {
			return cbc_finish(CBC_EXIT_NONE);
		}
		if (is_answered && is_another(&events, &start, &after)) {
			continue;
		}
		if (is_answered && !show(&events, after, options)) {
			return cbc_finish(CBC_EXIT_NOT_TRUSTED);
		}
		if (is_answered && is_first && events.last == 0 && !options->is_json) {
			(void)fprintf(stderr, "cbctl: no change of the clock since the daemon started\n");
		}
		was_answered = is_answered;
		is_first = false;
		if (is_answered && events.count > 0) {
			after = events.event[events.count - 1].number;
		}
		if (is_answered && events.count == CLOCKBOUND_CONTROL_EVENTS_MAX) {
			continue;
		}
		if (!options->is_following) {
			break;
		}
		pause_a_while();
	}
	return cbc_finish(CBC_EXIT_FINE);
}
