/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far chronyd's frequency may have been led astray by its path: delays that change sides look to its regression like
 * a change of frequency, and it takes them for one. Pure, private to daemon/core. Source: docs/MATH.md, "The path".
 */
#ifndef CBD_CORE_WOBBLE_H
#define CBD_CORE_WOBBLE_H

#include <stdint.h>

#include "daemon/core/poll.h"

/* Intervals between updates that chronyd's regression keeps at least. */
#define CBD_WOBBLE_INTERVALS 3

struct cbd_core;

/* chronyd's latest updates. */
struct cbd_wobble {
	int64_t interval_ns[CBD_WOBBLE_INTERVALS]; /* the latest first */
	int64_t error_ns[CBD_WOBBLE_INTERVALS];	   /* the largest of the samples that made each update */
	uint32_t intervals;			   /* how many of them are known */
	int64_t former_ns; /* the largest of before, which the frequency may be by until they are all known */
	uint64_t update;   /* mark of the latest */
	uint32_t reference_id;
};

/* cbd_wobble_forget - chronyd may have dropped its samples: what it has from now on may be close together */
void cbd_wobble_forget(struct cbd_wobble *wobble);

/*
 * cbd_wobble_follow - takes chronyd's update, if this poll brings one, and follows its frequency as slowly as an
 * oscillator may change
 */
void cbd_wobble_follow(struct cbd_core *core, const struct cbd_poll *poll);

/*
 * cbd_wobble_q58 - how far chronyd's frequency may be wrong by its path's doing
 * As far as it left the steady one, and no farther than its samples' errors allow over the time that they span.
 */
int64_t cbd_wobble_q58(const struct cbd_core *core, const struct cbd_poll *poll);

#endif
