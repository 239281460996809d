/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disturbances of the clock: see disturbance.h.
 */
#include "daemon/core/disturbance.h"

#include <stddef.h>

#include "daemon/core/account.h"
#include "daemon/core/belief.h"
#include "daemon/core/epochs.h"
#include "daemon/core/leap.h"
#include "daemon/core/missing.h"
#include "daemon/core/mutate.h"
#include "daemon/core/q58.h"
#include "daemon/core/seconds.h"
#include "daemon/core/wobble.h"

/* leap_status: the last second of the day is left out. */
#define LEAP_DELETES 2
/* chronyd's regression never has more samples than this. */
#define DOUBT_UPDATES 64

/* Whose step of CLOCK_REALTIME it was. */
enum hand {
	HAND_CHRONY,   /* the chronyd we talk to */
	HAND_STRANGER, /* somebody else, and chronyd does not know */
	HAND_UNKNOWN,  /* nothing tells */
};

void cbd_disturbance_begin(struct cbd_core *core, uint32_t reason, const struct cbd_anchor *now)
{
	core->event.met = core->event.reason == 0 ? 0 : core->event.met;
	if (!core->agreement.has_lines || now->real.counter >= core->void_counter ||
	    !core->seconds.is_proved || (reason & CLOCKBOUND_REASON_LEAP) != 0) {
		cbd_seconds_lose(core, now);
	}
	core->event.needs_two = core->event.reason != 0 && core->event.needs_two;
	core->event.reason |= reason;
	/* At the first poll, after a sleep that no daemon saw: a step back may hide in the time slept. */
	core->event.needs_two |= core->stats.polls + core->stats.failures <= 1 &&
				 (core->event.reason & CLOCKBOUND_REASON_COUNTER_LOST) != 0 &&
				 core->event.reason != CLOCKBOUND_REASON_COUNTER_LOST;
	core->event.counter = now->real.counter;
	core->event.is_dated = true;
	core->event.seen = 0;
	core->event.is_noted = false;
	cbd_wobble_forget(&core->wobble);
}

static void on_step(struct cbd_core *core, enum hand hand, int64_t step_ns, const struct cbd_anchor *now)
{
	cbd_epochs_move(core, &core->out.clock_epoch, &now->epochs, now->epochs.clock,
			CBD_REQUEST_BUMP_EPOCH);
	if (hand == HAND_CHRONY) {
		return;
	}
	core->stats.steps++;
	if (cbd_leap_is_one_second(step_ns) &&
	    (core->leap_ns != 0 || cbd_leap_is_near_month_end(now->real.clock_ns))) {
		/*
		 * The time scale itself has moved, and the lines are on the old one. Or a stranger moved the clock by as
		 * much: what is announced stays so until a sample is from after it.
		 */
		cbd_agreement_init(&core->agreement);
		cbd_disturbance_begin(core, CLOCKBOUND_REASON_LEAP, now);
		return;
	}
	cbd_disturbance_begin(core, CLOCKBOUND_REASON_STEP, now);
	/* Stepped back, chronyd counts the seconds since an old sample short by the step. */
	core->event.blur_ns = cbd_ns_add(core->event.blur_ns, cbd_ns_max(cbd_ns_sub(0, step_ns), 0));
	if (hand == HAND_STRANGER) {
		core->requests |= CBD_REQUEST_RESET_SOURCES;
	}
}

int64_t cbd_disturbance_error_q58(const struct cbd_core *core)
{
	return cbd_ns_max(cbd_ns_sub(core->growth_q58, cbd_q58_from_ppb(core->config.rho_ppb)), 0);
}

/* From here on chronyd's frequency counts only as far as it agrees with @frequency, of before it was misled. */
static void begin_doubt(struct cbd_core *core, int64_t frequency)
{
	struct cbd_memory *memory = &core->memory;

	if (memory->doubt_updates == 0) {
		memory->calm_q58 = frequency;
		core->calm_error_q58 = cbd_disturbance_error_q58(core);
	}
	memory->doubt_updates = DOUBT_UPDATES;
}

void cbd_disturbance_doubt(struct cbd_core *core)
{
	if (core->track.has_line) {
		begin_doubt(core, core->track.frequency_q58);
	} else if (core->memory.steady_counter != 0) {
		begin_doubt(core, core->memory.steady_q58);
	}
}

void cbd_disturbance_step(struct cbd_core *core, int64_t step_ns, const struct cbd_anchor *now)
{
	cbd_disturbance_doubt(core);
	on_step(core, HAND_UNKNOWN, step_ns, now);
}

/*
 * Whose step it was. At an unchanged update X tells: chronyd's own leaves it where it was. At an update, which moves
 * X itself, the new sample tells: chronyd takes off it what X is to move by, and a stranger's step is not in that.
 */
static enum hand hand_of(const struct cbd_core *core, const struct cbd_poll *poll,
			 const struct cbd_track_result *track, bool had_line)
{
	int64_t missing_ns;

	if (track->is_same_update) {
		if (track->verdict == CBD_TRACK_STEP) {
			return HAND_STRANGER;
		}
		/* One that is smaller than what X may be read off its line, and X with it. */
		return cbd_ns_abs(track->off_line_ns) > cbd_ns_abs(track->step_ns) / 2 ? HAND_UNKNOWN
										       : HAND_CHRONY;
	}
	if (had_line && !cbd_missing_is_whole(core, poll, track)) {
		return HAND_UNKNOWN; /* the movement of an update that was missed may hide a stranger's */
	}
	if (had_line && cbd_missing_ns(core, poll, track, &missing_ns)) {
		int64_t half_ns = cbd_ns_abs(track->step_ns) / 2;
		int64_t blur_ns = cbd_missing_blur_ns(core, poll, track);

		if (missing_ns > cbd_ns_add(half_ns, blur_ns)) {
			return HAND_STRANGER;
		}
		/* A stranger's step and slew may undo each other, but for what is missing; a small one cannot be told. */
		return missing_ns <= blur_ns && blur_ns < half_ns ? HAND_CHRONY : HAND_UNKNOWN;
	}
	if (!had_line || !core->is_disciplined) {
		return HAND_UNKNOWN;
	}
	/*
	 * chronyd steps by all that it has to correct, and has nothing left then. A stranger's step leaves what chronyd
	 * has found of it to be corrected, and moves X by the rest: one of the two is half of it or more.
	 */
	return track->verdict == CBD_TRACK_STEP ||
			       cbd_ns_abs(poll->tracking.correction_ns) > cbd_ns_abs(track->step_ns) / 2
		       ? HAND_STRANGER
		       : HAND_CHRONY;
}

/*
 * Unexplained movement without a step. How much of it came after chronyd's sample nobody can tell: only a sample
 * from after it is believed again. The lines on the counter hold; clock readers are charged its rate.
 */
static void on_surprise(struct cbd_core *core, const struct cbd_track_result *result,
			const struct cbd_anchor *now)
{
	core->stats.steps++;
	/* No bump: the kernel's number counts changes that it made, and readers are charged by rate_sum. */
	cbd_epochs_move(core, &core->out.rate_epoch, &now->epochs, now->epochs.rate, 0);
	core->surprise_q58 = cbd_ns_max(core->surprise_q58, result->off_rate_q58);
	cbd_disturbance_begin(core, CLOCKBOUND_REASON_SURPRISE, now);
}

/* Whether the regression of the source that chronyd asks least often, of those that make its frequency, has one sample more. */
static bool has_forgotten_one(const struct cbd_core *core, const struct cbd_poll *poll,
			      const struct cbd_track_result *track)
{
	const struct cbd_source_data *slowest = NULL;
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		const struct cbd_source_data *source = &poll->source[i];

		if ((source->state == CBD_SOURCE_SELECTED || source->state == CBD_SOURCE_UNSELECTED) &&
		    (slowest == NULL || source->poll_log2 > slowest->poll_log2)) {
			slowest = source;
		}
	}
	return slowest != NULL ? cbd_account_came_since(&core->account, slowest) : !track->is_same_update;
}

/*
 * chronyd's regression takes a movement that it does not know of for the oscillator's, and remembers it for as long
 * as its samples: until then its frequency counts only as far as it agrees with the one before.
 */
static void doubt_frequency(struct cbd_core *core, const struct cbd_poll *poll,
			    const struct cbd_track_result *track, bool is_disturbed)
{
	struct cbd_memory *memory = &core->memory;

	if (is_disturbed) {
		begin_doubt(core, track->former_q58);
	} else if (memory->doubt_updates != 0 && has_forgotten_one(core, poll, track)) {
		memory->doubt_updates--;
	}
	core->doubt_q58 = 0;
	if (memory->doubt_updates != 0) {
		int64_t left_q58 = cbd_ns_abs(cbd_ns_sub(poll->tracking.frequency_q58, memory->calm_q58));
		int64_t steady_q58 = cbd_ns_abs(cbd_ns_sub(poll->tracking.frequency_q58, memory->steady_q58));

		/* The one before may have been wrong itself, but an oscillator is not far from the steady one. */
		core->doubt_q58 = cbd_ns_max(
			left_q58, cbd_ns_min(cbd_q58_add(left_q58, core->calm_error_q58), steady_q58));
	}
}

void cbd_disturbance_judge(struct cbd_core *core, const struct cbd_poll *poll,
			   const struct cbd_track_result *track, bool had_line)
{
	const struct cbd_anchor *now = &poll->before;
	bool is_disturbed = false;

	if (CBD_MUTANT(STEP_UNNOTICED, false, track->verdict == CBD_TRACK_STEP || track->is_clock_stepped)) {
		enum hand hand = hand_of(core, poll, track, had_line);

		on_step(core, hand, track->step_ns, now);
		is_disturbed = hand != HAND_CHRONY;
	}
	if (track->verdict == CBD_TRACK_SURPRISE || !cbd_missing_is_credited(core, poll, track)) {
		on_surprise(core, track, now);
		core->event.needs_two = core->event.needs_two || track->verdict != CBD_TRACK_SURPRISE;
		is_disturbed = true;
	}
	doubt_frequency(core, poll, track, is_disturbed);
}

void cbd_disturbance_unsynchronised(struct cbd_core *core, const struct cbd_poll *poll)
{
	const struct cbd_track_result none = {0};
	uint64_t rate = core->calibration.has_rate ? cbd_calibration_rate_q58(&core->calibration) : 0;
	int64_t former_q58 = core->track.frequency_q58;
	/* Since then chronyd itself may have moved X, which nothing tells from here: then only much of it is a stranger's. */
	bool may_have_updated = core->track.is_inherited || former_q58 != poll->tracking.frequency_q58;
	int64_t off_ns;

	if (cbd_track_note(&core->track, poll, rate, cbd_calibration_uncertainty_q58(&core->calibration),
			   &off_ns)) {
		cbd_account_owe(&core->account, poll->before.real.counter, off_ns);
		if (!may_have_updated || off_ns > CBD_ACCOUNT_CREDIT_NS) {
			on_surprise(core, &none, &poll->before);
			begin_doubt(core, former_q58);
		}
	}
}

void cbd_disturbance_watch_leap(struct cbd_core *core, const struct cbd_anchor *now)
{
	struct cbd_interval at;

	if (core->leap_ns == 0 || !core->agreement.has_lines) {
		return;
	}
	at = cbd_lines_at(&core->agreement.lines, now->real.counter);
	if (at.latest_ns < core->leap_ns) {
		return;
	}
	cbd_disturbance_doubt(core);
	cbd_disturbance_begin(core, CLOCKBOUND_REASON_LEAP, now);
	if (at.earliest_ns > cbd_ns_add(core->leap_ns, CBD_NS_PER_SEC)) {
		core->leap_ns = 0;
		cbd_agreement_init(&core->agreement);
	}
}

bool cbd_disturbance_is_past_leap(struct cbd_core *core, const struct cbd_poll *poll,
				  const struct cbd_sample *sample)
{
	/* A second for the leap itself, and one by which it makes ages short. */
	int64_t over_ns = cbd_ns_add(core->leap_ns, 2 * CBD_NS_PER_SEC);
	int64_t age_ns = cbd_ns_add(cbd_ns_add(sample->age_ns, sample->uncertain_ns), core->event.blur_ns);
	int64_t earliest_ns = sample->interval.earliest_ns;

	if (core->leap_ns == 0 || core->agreement.has_lines ||
	    sample->interval.latest_ns < cbd_ns_sub(core->leap_ns, CBD_NS_PER_SEC)) {
		return true;
	}
	/* Saved counter values as far back as stale-after will be answered by the lines that it draws, run backwards. */
	age_ns = cbd_ns_max(age_ns, core->config.stale_after_ns);
	if (cbd_ns_sub(earliest_ns, age_ns) > over_ns) {
		core->leap_ns = 0;
		return true;
	}
	if ((core->event.reason & CLOCKBOUND_REASON_LEAP) == 0) {
		cbd_disturbance_doubt(core);
		cbd_disturbance_begin(core, CLOCKBOUND_REASON_LEAP, &poll->before);
	}
	return false;
}

/*
 * The earliest that it may be now, with a second to spare: of what the sample's error has grown by since nothing is known
 * before the first lines. X is not true time: close to midnight it may be of another day. Too early a midnight costs some
 * validity while one is announced, too late a one makes the leap second go unnoticed.
 */
static int64_t earliest_of(const struct cbd_core *core, const struct cbd_poll *poll)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	int64_t x_ns = cbd_ns_add(poll->before.real.clock_ns, poll->tracking.correction_ns);
	int64_t earliest_ns = cbd_ns_sub(x_ns, CBD_NS_PER_SEC);

	if (selected != NULL) {
		int64_t low_ns = cbd_ns_sub(selected->offset_ns, selected->error_ns);

		earliest_ns = cbd_ns_min(earliest_ns, cbd_ns_add(earliest_ns, low_ns));
	}
	if (core->agreement.has_lines) {
		earliest_ns = cbd_ns_min(
			earliest_ns,
			cbd_lines_at(&core->agreement.lines, poll->before.real.counter).earliest_ns);
	}
	return earliest_ns;
}

/*
 * chronyd goes by X: once that has passed midnight it announces nothing, and where somebody has moved it there, goes on so
 * until its next update. So what stood is withdrawn by two updates, while nothing is pending and X is where the lines are.
 */
static void note_withdrawal(struct cbd_core *core, const struct cbd_poll *poll)
{
	const struct cbd_anchor *now = &poll->before;
	int64_t x_ns = cbd_ns_add(now->real.clock_ns, poll->tracking.correction_ns);
	struct cbd_interval at = cbd_lines_at(&core->agreement.lines, now->real.counter);

	if (poll->tracking.leap_status != 0 || core->event.reason != 0 || !core->agreement.has_lines ||
	    now->real.counter >= core->void_counter || at.latest_ns >= core->leap_ns ||
	    x_ns < at.earliest_ns || at.latest_ns < x_ns) {
		core->withdrawn_ns = 0;
	} else if (core->withdrawn_ns == 0) {
		core->withdrawn_ns = poll->tracking.ref_time_ns;
	} else if (core->withdrawn_ns != poll->tracking.ref_time_ns) {
		core->withdrawn_ns = 0;
		core->leap_ns = 0;
	}
}

void cbd_disturbance_note_leap(struct cbd_core *core, const struct cbd_poll *poll)
{
	uint16_t leap = poll->tracking.leap_status;

	if ((leap == 1 || leap == 2) && core->leap_ns == 0 &&
	    (core->event.reason & CLOCKBOUND_REASON_LEAP) == 0) {
		core->leap_ns = cbd_leap_begin_ns(earliest_of(core, poll), leap == LEAP_DELETES);
	} else if (core->leap_ns != 0) {
		note_withdrawal(core, poll);
	}
}
