/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Late stamps: see stamps.h.
 */
#include "daemon/core/stamps.h"

#include "daemon/core/belief.h"
#include "daemon/core/core.h"
#include "daemon/core/q58.h"

/* A stamp waits so long at most: chronyd's default of dpoll. */
#define LATE_MAX_NS CBD_NS_PER_SEC
/* chronyd's fastest slew (maxslewrate), 1/12 by default and 1/10 at most, takes the clock no farther in that time. */
#define SLEW_MAX_NS (CBD_NS_PER_SEC / 10)

/* What is worked off the correction in a second, as between the last two polls. */
static int64_t slew_of(const struct cbd_stamps *stamps, const struct cbd_poll *poll,
		       const struct cbd_track_result *track)
{
	int64_t ns = cbd_ns_abs(cbd_ns_sub(poll->tracking.correction_ns, stamps->correction_ns));
	int64_t elapsed_ns = cbd_ns_max(track->elapsed_ns, 1);

	/* Longer than a second ago it may have been all at once. */
	return elapsed_ns >= LATE_MAX_NS ? ns : cbd_ns_min(ns, SLEW_MAX_NS) * (LATE_MAX_NS / elapsed_ns + 1);
}

/* How far the corrections of a stamp before and after what happened since the last poll may be apart. */
static int64_t changed_ns(struct cbd_stamps *stamps, const struct cbd_poll *poll,
			  const struct cbd_track_result *track)
{
	int64_t before_ns = stamps->slew_ns;
	int64_t now_ns = cbd_ns_abs(poll->tracking.correction_ns);

	if (!stamps->has_correction) {
		before_ns = 0; /* what was before a first daemon nobody knows */
	} else if (track->is_same_update) {
		now_ns = slew_of(stamps, poll, track);
	} else {
		/* A slew takes a second or longer, so in one it works off no more than there was when it began. */
		now_ns = cbd_ns_max(
			now_ns, cbd_ns_add(cbd_ns_abs(stamps->correction_ns), cbd_ns_abs(track->move_ns)));
	}
	stamps->slew_ns = cbd_ns_min(now_ns, SLEW_MAX_NS);
	return cbd_ns_add(before_ns, stamps->slew_ns);
}

/* What is smaller than a later one counts no more: a sample that may be from before it may be from before the later one, too. */
static void push(struct cbd_stamps *stamps, uint64_t counter, int64_t ns)
{
	while (stamps->lates > 0 && stamps->late[stamps->lates - 1].ns <= ns) {
		stamps->lates--;
	}
	if (stamps->lates == CBD_STAMPS_LATE) {
		stamps->late[stamps->lates - 1].counter = counter;
		return;
	}
	stamps->late[stamps->lates].counter = counter;
	stamps->late[stamps->lates].ns = ns;
	stamps->lates++;
}

static void forget(struct cbd_core *core, const struct cbd_poll *poll)
{
	struct cbd_stamps *stamps = &core->stamps;
	uint32_t kept = 0;
	uint32_t i;

	for (i = 0; i < stamps->lates; i++) {
		if (cbd_belief_is_needed(core, poll, stamps->late[i].counter)) {
			stamps->late[kept++] = stamps->late[i];
		}
	}
	stamps->lates = kept;
}

static bool has_refclock(const struct cbd_poll *poll)
{
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		if (poll->source[i].mode == CBD_SOURCE_MODE_REFCLOCK) {
			return true;
		}
	}
	return false;
}

void cbd_stamps_follow(struct cbd_core *core, const struct cbd_poll *poll,
		       const struct cbd_track_result *track)
{
	struct cbd_stamps *stamps = &core->stamps;
	int64_t ns = changed_ns(stamps, poll, track);

	stamps->correction_ns = poll->tracking.correction_ns;
	stamps->has_correction = true;
	if (core->track.is_settled && core->track.is_foreign) {
		ns = 0; /* chronyd -x slews nothing */
	}
	if (track->is_clock_stepped) {
		ns = cbd_ns_add(ns, cbd_ns_abs(track->step_ns));
	}
	forget(core, poll);
	if (has_refclock(poll)) {
		push(stamps, poll->before.real.counter, ns);
	}
}

void cbd_stamps_charge(const struct cbd_core *core, const struct cbd_poll *poll, struct cbd_sample *sample)
{
	const struct cbd_stamps *stamps = &core->stamps;
	int64_t ns = 0;
	uint32_t i;

	for (i = 0; i < stamps->lates; i++) {
		if (!cbd_belief_is_from_after(core, stamps->late[i].counter, poll, sample)) {
			ns = cbd_ns_max(ns, stamps->late[i].ns);
		}
	}
	cbd_sample_widen(sample, ns);
}

int64_t cbd_stamps_owed_ns(const struct cbd_stamps *stamps)
{
	return stamps->lates != 0 ? stamps->late[0].ns : 0;
}
