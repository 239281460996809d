/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loop says about itself: log lines, each once when something changes, and the answer to cbctl. It reads
 * the loop and changes nothing but what was told.
 */
#include "daemon/loop.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <clockbound/fast.h>

#include "daemon/log.h"

#define PPB_PER_ONE 1000000000u

/* "SYNCHRONIZED, valid" or "FREE_RUNNING, valid (CHRONY_UNREACHABLE)". */
static void describe(uint32_t word, char *text, size_t size)
{
	const char *separator = " (";
	int length = snprintf(text, size, "%s, %s", clockbound_status_name(CLOCKBOUND_STATUS_OF(word)),
			      (word & CLOCKBOUND_VALID) != 0 ? "valid" : "not valid");
	uint32_t bit;

	for (bit = 1; bit != 0 && length > 0 && (size_t)length < size; bit <<= 1) {
		if ((CLOCKBOUND_REASONS_OF(word) & bit) != 0) {
			length += snprintf(text + length, size - (size_t)length, "%s%s", separator,
					   clockbound_reason_name(bit));
			separator = ", ";
		}
	}
	if (CLOCKBOUND_REASONS_OF(word) != 0 && length > 0 && (size_t)length < size) {
		snprintf(text + length, size - (size_t)length, ")");
	}
}

void cbd_loop_tell_start(const struct cbd_loop *loop)
{
	const struct cbd_config *config = loop->config;

	cbd_log(CBD_LOG_INFO, "started",
		"clockbound " CBD_VERSION " publishes in %s, asks %s every %g s, allows %g ppm of drift",
		config->runtime_dir, config->chrony_socket, (double)config->poll_interval_ns * 1e-9,
		config->max_drift_ppb * 1e-3);
	if (loop->clocks.has_counter) {
		cbd_log(CBD_LOG_INFO, "counter",
			"the kernel's clocksource is %s at %.3f MHz: counter reads are served",
			loop->clocks.clocksource, (double)loop->clocks.counter_hz * 1e-6);
	} else {
		cbd_log(CBD_LOG_NOTICE, "counter", "no counter reads, CLOCK_REALTIME serves: %s",
			loop->clocks.reason);
	}
	if (config->allow_local) {
		cbd_log(CBD_LOG_WARNING, "allow_local",
			"--allow-local: a chronyd in local mode is trusted, which proves nothing about true "
			"time");
	}
}

void cbd_loop_tell_status(struct cbd_loop *loop)
{
	const struct cbd_publication *out = &loop->core.out;
	struct cbd_loop_told *told = &loop->told;
	bool is_good = CLOCKBOUND_STATUS_OF(out->status) == CLOCKBOUND_STATUS_SYNCHRONIZED ||
		       CLOCKBOUND_STATUS_OF(out->clock_status) == CLOCKBOUND_STATUS_SYNCHRONIZED;
	char counter[512];
	char clock[512];

	if (told->has_status && told->status == out->status && told->clock_status == out->clock_status) {
		return;
	}
	told->has_status = true;
	told->status = out->status;
	told->clock_status = out->clock_status;
	describe(out->status, counter, sizeof(counter));
	describe(out->clock_status, clock, sizeof(clock));
	if (!out->has_lines || out->status == out->clock_status) {
		cbd_log(is_good ? CBD_LOG_NOTICE : CBD_LOG_WARNING, "status_changed", "status %s", clock);
	} else {
		cbd_log(is_good ? CBD_LOG_NOTICE : CBD_LOG_WARNING, "status_changed",
			"status %s; for readers of CLOCK_REALTIME %s", counter, clock);
	}
}

/* Logs @now if it is not what was told last; an empty one is only remembered. */
static void tell_text(char *told, size_t size, const char *now, const char *event, const char *intro)
{
	if (strcmp(told, now) != 0) {
		snprintf(told, size, "%s", now);
		if (now[0] != '\0') {
			cbd_log(CBD_LOG_WARNING, event, "%s%s", intro, now);
		}
	}
}

void cbd_loop_tell_poll(struct cbd_loop *loop, bool is_answered)
{
	struct cbd_loop_told *told = &loop->told;

	if (!is_answered) {
		told->is_failing = true;
		tell_text(told->failure, sizeof(told->failure), loop->chrony.text, "poll_failed", "");
		return;
	}
	if (told->is_failing) {
		cbd_log(CBD_LOG_NOTICE, "poll_answered", "chronyd answers again");
		told->is_failing = false;
		told->failure[0] = '\0';
	}
	tell_text(told->source, sizeof(told->source), loop->chrony.source_text, "source_data_missing",
		  "no proof from the samples, the tracking-only rule is in force: ");
	tell_text(told->reset, sizeof(told->reset), loop->chrony.reset_text, "reset_refused",
		  "chronyd did not reset its sources: ");
}

/* The counter's frequency and how well it is known, from the calibration's ns per tick. */
static void fill_counter(struct clockbound_control_status *status, const struct cbd_calibration *calibration)
{
	const unsigned int shift = CLOCKBOUND_RATE_SHIFT;
	uint64_t uncertainty;

	if (!calibration->has_rate || calibration->is_exact) {
		return;
	}
	status->counter_hz = (int64_t)((double)PPB_PER_ONE * (double)(UINT64_C(1) << shift) /
				       (double)cbd_calibration_rate_q58(calibration));
	uncertainty = (uint64_t)cbd_calibration_uncertainty_q58(calibration);
	/* 2^-58 is 3.5e-9 ppb: a shift of 28 first, and one part more, round up. */
	status->counter_uncertainty_ppb =
		(uint32_t)((((uncertainty >> 28) + 1) * PPB_PER_ONE + (UINT64_C(1) << 30) - 1) >> 30);
}

/* Cut if it is too long: it is for people. */
static void fill_text(char text[CLOCKBOUND_CONTROL_TEXT], const char *from)
{
	size_t length = strnlen(from, CLOCKBOUND_CONTROL_TEXT - 1);

	memcpy(text, from, length);
	text[length] = '\0';
}

void cbd_loop_fill_status(void *context, struct clockbound_control_status *status)
{
	const struct cbd_loop *loop = context;
	const struct cbd_core_stats *stats = &loop->core.stats;
	int64_t now = cbd_clock_mono_ns(&loop->clocks.clock);

	status->pid = (uint64_t)getpid();
	status->uptime_ns = (uint64_t)(now - loop->start_ns);
	status->polls = stats->polls;
	status->poll_failures = stats->failures;
	status->samples = stats->samples;
	status->slips = stats->slips;
	status->steps = stats->steps;
	status->inconsistencies = stats->inconsistencies;
	status->publications = loop->publisher.publications;
	status->last_poll_ns = stats->polls != 0 ? (uint64_t)(now - loop->answer_ns) : UINT64_MAX;
	status->round_trip_ns = (uint64_t)loop->round_trip_ns;
	status->ignored_replies = loop->chrony.stats.ignored;
	status->sources = loop->sources;
	status->rule = loop->core.rule;
	status->leap_status = loop->leap_status;
	status->stratum = loop->stratum;
	fill_counter(status, &loop->core.calibration);
	cbd_loop_phc_fill(loop, status);
	fill_text(status->daemon_version, CBD_VERSION);
	fill_text(status->chrony_socket, loop->config->chrony_socket);
	fill_text(status->counter_reason, loop->clocks.has_counter ? "" : loop->clocks.reason);
	fill_text(status->last_failure, loop->told.is_failing ? loop->told.failure : "");
}
