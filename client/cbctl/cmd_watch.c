/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl watch: the interval again and again. A redrawn screen on a terminal, a line each time elsewhere.
 */
#include "cbctl.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIST_MAX 512

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

/* Whether there may be a better file: this one is not valid, or another has taken its place. */
static bool is_outlived(const struct cbc_source *source, const struct cbc_reading *reading)
{
	return !clockbound_is_valid(&reading->interval) ||
	       (reading->interval.status & CLOCKBOUND_REASON_RETIRED) != 0 || cbc_source_is_replaced(source);
}

/* Opens what is best now; keeps the old one if there is nothing. */
static void look_again(struct cbc_source *source, const char *directory)
{
	char detail[CBC_DETAIL_MAX];
	struct cbc_source other;

	if (cbc_source_open(&other, directory, detail) == CBC_OPEN_OK) {
		cbc_source_close(source);
		*source = other;
	}
}

static void print_line(const struct cbc_reading *reading)
{
	const clockbound_interval *interval = &reading->interval;
	char time[CBC_TEXT_MAX] = "unbounded";
	char half[CBC_TEXT_MAX];
	char list[LIST_MAX];

	if (cbc_is_bounded(interval)) {
		cbc_format_time(interval->earliest_ns + clockbound_width_ns(interval) / 2, time);
	}
	printf("%s +/- %s  %s  %s  %s  %s\n", time, cbc_format_duration(cbc_half_ns(interval), half),
	       clockbound_status_name(interval->status),
	       clockbound_is_valid(interval) ? "valid" : "NOT-VALID", cbc_source_name(interval->source),
	       cbc_reason_list(interval->status, list, sizeof(list)));
}

/* One look; false if nothing can be written any more. */
static bool show(struct cbc_source *source, const struct cbc_options *options, struct cbc_screen *screen,
		 struct cbc_reading *reading)
{
	char detail[CBC_DETAIL_MAX] = "";
	int64_t interval_ns = options->interval_ns;

	if (!cbc_source_read(source, reading, detail)) {
		(void)fprintf(stderr, "cbctl: %s\n", detail);
		reading->interval = (clockbound_interval){.earliest_ns = INT64_MIN,
							  .latest_ns = INT64_MAX,
							  .status = CLOCKBOUND_STATUS_UNKNOWN,
							  .source = CLOCKBOUND_SOURCE_CLOCK};
	}
	if (options->is_json) {
		if (!cbc_json_print(cbc_json_reading(reading), true)) {
			return false;
		}
	} else if (screen != NULL) {
		cbc_screen_draw(screen, reading, interval_ns > 0 ? interval_ns : CBC_NS_PER_S);
	} else {
		print_line(reading);
	}
	if (is_outlived(source, reading)) {
		look_again(source, options->runtime_dir);
	}
	return fflush(stdout) == 0 && !ferror(stdout);
}

static int watch(struct cbc_source *source, const struct cbc_options *options, struct cbc_screen *screen)
{
	int64_t interval_ns = options->interval_ns > 0 ? options->interval_ns : CBC_NS_PER_S;
	int64_t next_ns = cbc_clock_ns(CLOCK_MONOTONIC);
	struct cbc_reading reading;
	uint64_t shown = 0;

	memset(&reading, 0, sizeof(reading));
	while (!is_stopped) {
		int64_t now_ns;

		if (!show(source, options, screen, &reading)) {
			return CBC_EXIT_NOT_TRUSTED;
		}
		shown++;
		if (shown == options->count) {
			break;
		}
		/* After a stop (SIGTSTP, suspend) what was missed is not made up for. */
		now_ns = cbc_clock_ns(CLOCK_MONOTONIC);
		next_ns = now_ns - next_ns > interval_ns ? now_ns + interval_ns : next_ns + interval_ns;
		while (!is_stopped && !cbc_sleep_until(next_ns)) {
		}
	}
	return cbc_exit_code(&reading.interval);
}

int cbc_cmd_watch(const struct cbc_options *options)
{
	struct cbc_source source;
	struct cbc_screen screen;
	bool has_screen = !options->is_json && isatty(STDOUT_FILENO) == 1;
	int code;

	if (!cbc_source_open_or_complain(&source, options, false)) {
		return CBC_EXIT_NONE;
	}
	catch_signals();
	if (has_screen) {
		cbc_screen_begin(&screen);
	}
	code = watch(&source, options, has_screen ? &screen : NULL);
	if (has_screen) {
		cbc_screen_end();
	}
	cbc_source_close(&source);
	return cbc_finish(code);
}
