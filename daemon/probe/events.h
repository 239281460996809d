/* SPDX-License-Identifier: Apache-2.0 */
/* What a record of the programs means, and what the log says of it. Pure but for the log. */
#ifndef CBD_PROBE_EVENTS_H
#define CBD_PROBE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <clockbound/events.h>

/*
 * cbd_events_judge - makes of a CALL what it did: STEP, RATE, or a CALL that changed nothing
 * Returns whether it is a step whose size the record does not tell.
 */
bool cbd_events_judge(struct clockbound_event *event);

/*
 * cbd_events_is_asked_for - whether the call that was taken for a step is known to have asked for one
 * Not adjtimex() whose argument could not be read, a question mostly; nor settimeofday() with a time zone alone.
 */
bool cbd_events_is_asked_for(const struct clockbound_event *event);

/*
 * cbd_events_judge_size - a call that only may have stepped the clock is none that did if its size, by now measured, is
 * no more than its uncertainty
 */
void cbd_events_judge_size(struct clockbound_event *event);

/* cbd_events_is_step - the clock was stepped */
bool cbd_events_is_step(const struct clockbound_event *event);

/* How many lines may still be written; all zero to begin with. */
struct cbd_events_told {
	int64_t since_ns; /* CLOCK_MONOTONIC */
	uint32_t lines;	  /* since then */
	uint64_t untold;
};

/*
 * cbd_events_log - one line for a step, a resume, a clocksource; rate changes only if --verbose
 * At most CBD_EVENTS_LINES in a second, since whoever may set the clock would fill the log; how many more there were is
 * told with the next one.
 */
#define CBD_EVENTS_LINES 20
void cbd_events_log(struct cbd_events_told *told, const struct clockbound_event *event, int64_t now_ns);

#endif
