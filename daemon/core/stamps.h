/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refclocks' stamps that are read late: the driver stamps a pulse with the clock as it ran then, and chronyd corrects the stamp
 * when it reads it, up to a second later (option dpoll), by the slew of that moment. What has changed of the slew in between,
 * or a step of its own, is in the sample. Pure, private to daemon/core. Source: docs/MATH.md, "Late stamps".
 */
#ifndef CBD_CORE_STAMPS_H
#define CBD_CORE_STAMPS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"
#include "daemon/core/sample.h"
#include "daemon/core/track.h"

/* Changes that are told apart. */
#define CBD_STAMPS_LATE 8

struct cbd_core;

struct cbd_stamps {
	/* A stamp from before the counter showed that may be wrong by ns; in the order of time, each smaller than the one before. */
	struct {
		uint64_t counter;
		int64_t ns;
	} late[CBD_STAMPS_LATE];
	uint32_t lates;
	int64_t correction_ns; /* at the last poll */
	int64_t slew_ns;       /* worked off it in a second, up to then */
	bool has_correction;
};

/* cbd_stamps_follow - takes what chronyd has changed of its slew by this poll; before it is judged */
void cbd_stamps_follow(struct cbd_core *core, const struct cbd_poll *poll,
		       const struct cbd_track_result *track);

/* cbd_stamps_charge - widens a refclock's sample by as much as a stamp of it may be wrong */
void cbd_stamps_charge(const struct cbd_core *core, const struct cbd_poll *poll, struct cbd_sample *sample);

/* cbd_stamps_owed_ns - the most that a stamp may be wrong by, for the next daemon */
int64_t cbd_stamps_owed_ns(const struct cbd_stamps *stamps);

#endif
