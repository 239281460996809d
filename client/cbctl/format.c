/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times, durations and identifiers as text for people, and the two clocks cbctl itself reads.
 */
#include "cbctl.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *cbc_format_time(int64_t ns, char text[CBC_TEXT_MAX])
{
	int64_t second = ns / CBC_NS_PER_S;
	int64_t rest = ns % CBC_NS_PER_S;
	time_t time;
	struct tm parts;

	if (rest < 0) {
		rest += CBC_NS_PER_S;
		second -= 1;
	}
	time = (time_t)second;
	if (ns == INT64_MIN || ns == INT64_MAX || gmtime_r(&time, &parts) == NULL) {
		(void)snprintf(text, CBC_TEXT_MAX, "unbounded");
		return text;
	}
	(void)snprintf(text, CBC_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%09" PRId64 "Z",
		       parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
		       parts.tm_sec, rest);
	return text;
}

/* Away from zero, so that a bound is never shown narrower than it is. */
const char *cbc_format_duration(int64_t ns, char text[CBC_TEXT_MAX])
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"us", UINT64_C(1000)}, {"ms", UINT64_C(1000000)}, {"s", UINT64_C(1000000000)}};
	uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;
	uint64_t thousandth;
	size_t i = 0;

	if (ns == INT64_MAX || ns == INT64_MIN) {
		(void)snprintf(text, CBC_TEXT_MAX, "unbounded");
		return text;
	}
	if (size < units[0].ns) {
		(void)snprintf(text, CBC_TEXT_MAX, "%" PRId64 " ns", ns);
		return text;
	}
	while (i + 1 < sizeof(units) / sizeof(units[0]) && size >= units[i + 1].ns) {
		i++;
	}
	thousandth = units[i].ns / 1000;
	size = (size + thousandth - 1) / thousandth;
	(void)snprintf(text, CBC_TEXT_MAX, "%s%" PRIu64 ".%03" PRIu64 " %s", ns < 0 ? "-" : "", size / 1000,
		       size % 1000, units[i].name);
	return text;
}

const char *cbc_format_reference(uint32_t id, char text[CBC_TEXT_MAX])
{
	const unsigned char bytes[4] = {(unsigned char)(id >> 24), (unsigned char)(id >> 16),
					(unsigned char)(id >> 8), (unsigned char)id};
	size_t letters = 0;
	bool is_name;

	while (letters < sizeof(bytes) && isprint(bytes[letters])) {
		letters++;
	}
	/* A refclock's name is padded with zeros; an address rarely looks like one. */
	is_name = letters > 0 && (letters == sizeof(bytes) || bytes[letters] == 0) &&
		  (letters == sizeof(bytes) || bytes[sizeof(bytes) - 1] == 0);
	if (is_name) {
		(void)snprintf(text, CBC_TEXT_MAX, "%08" PRIX32 " (%.*s)", id, (int)letters,
			       (const char *)bytes);
	} else {
		(void)snprintf(text, CBC_TEXT_MAX, "%08" PRIX32 " (%u.%u.%u.%u)", id, bytes[0], bytes[1],
			       bytes[2], bytes[3]);
	}
	return text;
}

const char *cbc_source_name(uint32_t source)
{
	return source == CLOCKBOUND_SOURCE_COUNTER ? "counter" : "clock";
}

bool cbc_is_bounded(const clockbound_interval *interval)
{
	return interval->earliest_ns != INT64_MIN && clockbound_width_ns(interval) != INT64_MAX &&
	       interval->latest_ns != INT64_MAX;
}

int64_t cbc_half_ns(const clockbound_interval *interval)
{
	int64_t width_ns = clockbound_width_ns(interval);

	return cbc_is_bounded(interval) ? width_ns / 2 + width_ns % 2 : INT64_MAX;
}

int64_t cbc_clock_ns(int clock)
{
	struct timespec now = {.tv_sec = 0, .tv_nsec = 0};

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * CBC_NS_PER_S + now.tv_nsec;
}

bool cbc_sleep_until(int64_t mono_ns)
{
	const struct timespec until = {
		.tv_sec = (time_t)(mono_ns / CBC_NS_PER_S),
		.tv_nsec = (long)(mono_ns % CBC_NS_PER_S),
	};

	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0;
}
