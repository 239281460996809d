/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which second a refclock's sample is of. A pulse (PPS) without the option `lock` tells where a second begins and not which it
 * is: chronyd takes that from its own time X, if it is synchronised. While X is half a second or more off, such a sample says
 * what X says, with an error of microseconds. Which refclock is one no reply tells.
 * Pure, private to daemon/core. Source: docs/MATH.md, "Pulses".
 */
#ifndef CBD_CORE_SECONDS_H
#define CBD_CORE_SECONDS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"
#include "daemon/core/sample.h"

struct cbd_core;

struct cbd_seconds {
	bool is_proved;		/* X was near all of the lines once, since chronyd last dropped its samples */
	bool is_lost;		/* it has not been since, or nothing tells */
	uint64_t lost_counter;	/* when that was last seen */
	uint64_t asked_counter; /* when chronyd was last asked to drop its samples on account of it */
	uint32_t asked;		/* and how often */
};

/* cbd_seconds_lose - an event at @now, and no lines that tell where X is; or they are of another time scale */
void cbd_seconds_lose(struct cbd_core *core, const struct cbd_anchor *now);

/* cbd_seconds_follow - a poll of a chronyd that is synchronised: whether X is near the lines, before it is judged */
void cbd_seconds_follow(struct cbd_core *core, const struct cbd_poll *poll);

/*
 * cbd_seconds_on_unsynchronised - a poll of a chronyd that is not synchronised: it refuses pulses
 * If it has no sample of any source left either, pulses that it takes are of X as those that tell the second will have set it.
 */
void cbd_seconds_on_unsynchronised(struct cbd_core *core, const struct cbd_poll *poll);

/*
 * cbd_seconds_are_known - whether @sample, the selected source's, may be believed as far as this goes
 * If not, that is an event, and it asks for a reset of chronyd's sources.
 */
bool cbd_seconds_are_known(struct cbd_core *core, const struct cbd_poll *poll,
			   const struct cbd_sample_context *context, const struct cbd_sample *sample);

#endif
