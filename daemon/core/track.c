/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line test: see track.h.
 */
#include "daemon/core/track.h"

#include "daemon/core/q58.h"

/*
 * Below this X counts as on its line. What is smaller (and unexplained) still widens the bound by its size;
 * the threshold only decides when chronyd is asked to drop its samples. Ten times what the readings of an
 * idle machine can be off together.
 */
#define OFF_LINE_MIN_NS 10000
/* chronyd computes when its slew ended; if it was preempted for this long between its clock reading and its
 * call, X is off by that much of the slew's rate. Measured on real hosts: below 1 ms. */
#define SLEW_CHANGE_DELAY_NS 1000000
/* chronyd's regression has forgotten a change of the clock's rate after so many samples. */
#define CALM_UPDATES 64
/* Under a slew of somebody else's X leaves its line by 0.5 ms in this time for each 1000 ppm. */
#define SLEW_SEEN_NS (CBD_NS_PER_SEC / 2)
/* The readings' own rounding: two clocks cut to whole ns, products rounded. */
#define ROUNDING_NS 4
/* Of two corrections of one poll: chronyd reads its clock for each, and ends slews on time but for that. */
#define MOVED_MIN_NS 1000

void cbd_track_init(struct cbd_track *track)
{
	*track = (struct cbd_track){0};
}

void cbd_track_forget_line(struct cbd_track *track)
{
	track->has_line = false;
	track->is_inherited = false;
}

uint64_t cbd_track_slope_q58(const struct cbd_track *track, uint64_t rate_q58)
{
	int64_t factor = cbd_ns_sub(CBD_Q58_ONE, track->frequency_q58);

	if (track->is_foreign) {
		factor = cbd_q58_add(factor, cbd_q58_product(factor, track->kernel_rate_q58));
	}
	return cbd_rate_scale_floor(rate_q58, factor);
}

/* Signed advance of a line of @slope between two counter values. */
static int64_t advance_ns(uint64_t from, uint64_t to, uint64_t slope_q58)
{
	return to >= from ? cbd_ticks_to_ns_floor(to - from, slope_q58)
			  : -cbd_ticks_to_ns_floor(from - to, slope_q58);
}

/* How far the clock left the slope between both anchors of the poll. */
static int64_t slip_of(const struct cbd_poll *poll, uint64_t slope_q58)
{
	const struct cbd_bracket *a = &poll->before.real;
	const struct cbd_bracket *b = &poll->after.real;
	int64_t moved = cbd_ns_sub(b->clock_ns, a->clock_ns);

	return cbd_ns_abs(cbd_ns_sub(moved, advance_ns(a->counter, b->counter, slope_q58)));
}

bool cbd_track_watch(struct cbd_track *track, const struct cbd_anchor *now, int64_t *step_ns)
{
	bool is_stepped = false;

	*step_ns = 0;
	if (now->has_step && track->has_before) {
		int64_t moved = cbd_ns_sub(now->step_ns, track->step_ns);

		is_stepped = cbd_ns_abs(moved) > now->step_half_ns + track->step_half_ns + ROUNDING_NS;
		*step_ns = is_stepped ? moved : 0;
		track->is_planned = track->is_planned && !is_stepped;
	}
	if (now->has_step) {
		track->step_ns = now->step_ns;
		track->step_half_ns = now->step_half_ns;
		track->has_before = true;
	}
	return is_stepped;
}

static int64_t x_of(const struct cbd_poll *poll)
{
	return cbd_ns_add(poll->before.real.clock_ns, poll->tracking.correction_ns);
}

/* The rates that the kernel gave the clock, as far as chronyd's regression may remember them. */
static void remember_rate(struct cbd_track *track, const struct cbd_anchor *anchor)
{
	int64_t rate = anchor->kernel_rate_q58;
	int64_t low = cbd_ns_sub(rate, anchor->kernel_rate_error_q58);
	int64_t high = cbd_q58_add(rate, anchor->kernel_rate_error_q58);
	bool is_changed = track->has_kernel_rate && rate != track->kernel_rate_q58;

	if (!anchor->has_kernel_rate) {
		return;
	}
	track->calm_updates = is_changed ? 0 : track->calm_updates + 1;
	if (!track->has_kernel_rate || track->calm_updates > CALM_UPDATES) {
		track->low_rate_q58 = low;
		track->high_rate_q58 = high;
		track->calm_updates = CALM_UPDATES;
	}
	track->low_rate_q58 = cbd_ns_min(track->low_rate_q58, low);
	track->high_rate_q58 = cbd_ns_max(track->high_rate_q58, high);
}

int64_t cbd_track_foreign_q58(const struct cbd_track *track)
{
	return track->is_foreign ? cbd_ns_sub(track->high_rate_q58, track->low_rate_q58) : 0;
}

/*
 * chronyd computes when each of its rate changes took effect. Preempted between clock and call it is wrong, and so
 * is X, by the change times the delay; an update makes two changes, from a slew to the base rate to a slew.
 */
static int64_t steer_of(const struct cbd_track *track, const struct cbd_anchor *anchor)
{
	int64_t changes;

	if (!anchor->has_kernel_rate || !track->has_kernel_rate || track->is_foreign) {
		return 0;
	}
	changes = cbd_q58_add(cbd_ns_abs(cbd_q58_add(track->kernel_rate_q58, track->frequency_q58)),
			      cbd_ns_abs(cbd_q58_add(anchor->kernel_rate_q58, track->frequency_q58)));
	return cbd_q58_growth_ns(SLEW_CHANGE_DELAY_NS, changes);
}

static void begin_line(struct cbd_track *track, const struct cbd_poll *poll, int64_t x_ns, int64_t slack_ns)
{
	track->has_line = true;
	track->is_inherited = false;
	track->is_planned = false;
	track->is_slew_seen = false;
	track->reference_id = poll->tracking.reference_id;
	track->ref_time_ns = poll->tracking.ref_time_ns;
	track->frequency_q58 = poll->tracking.frequency_q58;
	track->counter = poll->before.real.counter;
	track->x_ns = x_ns;
	track->clock_ns = poll->before.real.clock_ns;
	track->slack_ns = slack_ns;
	remember_rate(track, &poll->before);
	track->kernel_rate_q58 = poll->before.kernel_rate_q58;
	track->has_kernel_rate = poll->before.has_kernel_rate;
}

void cbd_track_inherit(struct cbd_track *track, const struct cbd_track_past *past)
{
	/* Without a reference: the first poll counts as an update, which is measured from this line. */
	track->has_line = true;
	track->is_inherited = true;
	track->frequency_q58 = past->frequency_q58;
	track->counter = past->counter;
	track->polled_counter = past->counter;
	track->clock_ns = past->clock_ns;
	track->x_ns = past->x_ns;
	track->kernel_rate_q58 = past->kernel_rate_q58;
	track->has_kernel_rate = past->has_kernel_rate;
	track->is_settled = past->is_settled;
	track->is_foreign = past->is_foreign;
	track->low_rate_q58 = past->kernel_rate_q58;
	track->high_rate_q58 = past->kernel_rate_q58;
}

void cbd_track_leave(const struct cbd_track *track, struct cbd_track_past *past)
{
	*past = (struct cbd_track_past){0};
	if (!track->has_line) {
		return;
	}
	past->counter = track->counter;
	past->clock_ns = track->clock_ns;
	past->x_ns = track->x_ns;
	past->frequency_q58 = track->frequency_q58;
	past->kernel_rate_q58 = track->kernel_rate_q58;
	past->has_kernel_rate = track->has_kernel_rate;
	past->is_settled = track->is_settled;
	past->is_foreign = track->is_foreign;
}

/* Distance of X from a line of the given steering, signed. */
static int64_t distance(const struct cbd_track *track, bool is_foreign, uint64_t counter, int64_t x_ns,
			uint64_t rate_q58)
{
	struct cbd_track as = *track;

	as.is_foreign = is_foreign;
	return cbd_ns_sub(x_ns, cbd_ns_add(track->x_ns, advance_ns(track->counter, counter,
								   cbd_track_slope_q58(&as, rate_q58))));
}

/* How far an honest X may be read off its line. */
static int64_t tolerance_of(const struct cbd_track *track, const struct cbd_anchor *anchor, int64_t slack_ns,
			    int64_t elapsed_ns, int64_t uncertainty_q58)
{
	int64_t tolerance = cbd_ns_add(track->slack_ns, slack_ns);

	tolerance = cbd_ns_add(tolerance, cbd_q58_growth_ns(elapsed_ns, uncertainty_q58));
	tolerance = cbd_ns_add(tolerance, OFF_LINE_MIN_NS + ROUNDING_NS);
	if (anchor->has_kernel_rate && track->has_kernel_rate) {
		int64_t change = cbd_ns_abs(cbd_ns_sub(anchor->kernel_rate_q58, track->kernel_rate_q58));

		tolerance = cbd_ns_add(tolerance, cbd_q58_growth_ns(SLEW_CHANGE_DELAY_NS, change));
	}
	return tolerance;
}

bool cbd_track_note(struct cbd_track *track, const struct cbd_poll *poll, uint64_t rate_q58,
		    int64_t uncertainty_q58, int64_t *off_ns)
{
	uint64_t counter = poll->before.real.counter;
	int64_t x_ns = x_of(poll);
	int64_t slack_ns = poll->tracking.correction_quantum_ns;
	int64_t elapsed_ns = cbd_ns_abs(advance_ns(track->counter, counter, rate_q58));
	bool is_tested = track->has_line && rate_q58 != 0;
	bool is_off = false;

	*off_ns = 0;
	if (track->is_inherited && !is_tested) {
		return false; /* the counter is not measured yet */
	}
	track->polled_counter = counter;
	if (is_tested) {
		slack_ns = cbd_ns_add(slack_ns, slip_of(poll, cbd_track_slope_q58(track, rate_q58)));
		*off_ns = cbd_ns_abs(distance(track, track->is_foreign, counter, x_ns, rate_q58));
		is_off = *off_ns > tolerance_of(track, &poll->before, slack_ns, elapsed_ns, uncertainty_q58);
	}
	if (!is_tested || is_off || track->is_inherited ||
	    track->frequency_q58 != poll->tracking.frequency_q58) {
		begin_line(track, poll, x_ns, slack_ns);
	}
	track->is_planned = false;
	return is_off;
}

/* Distance of X from where the clock itself has taken it, were there no hand of chronyd's on it. */
static int64_t distance_by_clock(const struct cbd_track *track, int64_t clock_ns, int64_t x_ns)
{
	int64_t moved_ns = cbd_ns_sub(clock_ns, track->clock_ns);
	int64_t held_back_ns = cbd_q58_growth_ns(moved_ns, cbd_ns_abs(track->frequency_q58));
	bool is_forward = (moved_ns < 0) == (track->frequency_q58 < 0);

	return cbd_ns_sub(cbd_ns_sub(x_ns, track->x_ns), is_forward ? cbd_ns_sub(moved_ns, held_back_ns)
								    : cbd_ns_add(moved_ns, held_back_ns));
}

/*
 * How far an honest X may be read off its line (tolerance), how much of that the readings make (noise), and how far the
 * kernel's rate has changed meanwhile (drift): who steers a clock may trim it each second.
 */
struct blur {
	int64_t tolerance_ns;
	int64_t noise_ns;
	int64_t drift_ns;
};

/*
 * Whose hand steers the clock. With chronyd's own, X's slope does not depend on the kernel's rate; under
 * chronyd -x whatever the kernel's rate is goes into it. Told once, at the beginning, while that rate stood still:
 * later a stranger's steady slew would look the same. Told only where both lines are farther apart than
 * X may be read off them (noise): an ordinary rate takes a while to show.
 */
static void settle(struct cbd_track *track, const struct cbd_poll *poll, int64_t x_ns, uint64_t rate_q58,
		   const struct blur *blur)
{
	uint64_t counter = poll->before.real.counter;
	bool is_known = poll->before.has_kernel_rate && track->has_kernel_rate;
	int64_t blur_ns = cbd_ns_add(blur->noise_ns, blur->drift_ns);
	int64_t apart_ns = cbd_ns_add(blur_ns, blur_ns);
	int64_t own_ns;
	int64_t foreign_ns;

	if (track->is_settled) {
		return;
	}
	own_ns = cbd_ns_abs(distance(track, false, counter, x_ns, rate_q58));
	foreign_ns = cbd_ns_abs(distance_by_clock(track, poll->before.real.clock_ns, x_ns));
	if (own_ns <= blur->tolerance_ns && cbd_ns_sub(foreign_ns, own_ns) > apart_ns) {
		track->is_settled = true;
		track->is_foreign = false;
		return;
	}
	foreign_ns = cbd_ns_abs(distance(track, true, counter, x_ns, rate_q58));
	if (is_known && foreign_ns <= cbd_ns_add(blur->tolerance_ns, blur->drift_ns) &&
	    cbd_ns_sub(own_ns, foreign_ns) > apart_ns) {
		track->is_settled = true;
		track->is_foreign = true;
	}
}

static void judge_same(struct cbd_track *track, const struct cbd_poll *poll, int64_t x_ns, int64_t slack_ns,
		       uint64_t rate_q58, int64_t uncertainty_q58, struct cbd_track_result *result)
{
	uint64_t counter = poll->before.real.counter;
	int64_t elapsed_ns = cbd_ns_abs(advance_ns(track->counter, counter, rate_q58));
	int64_t tolerance_ns = tolerance_of(track, &poll->before, slack_ns, elapsed_ns, uncertainty_q58);
	struct blur blur = {
		.tolerance_ns = tolerance_ns,
		.noise_ns = cbd_ns_add(cbd_ns_add(track->slack_ns, slack_ns),
				       cbd_q58_growth_ns(elapsed_ns, uncertainty_q58) + ROUNDING_NS),
		.drift_ns = cbd_q58_growth_ns(elapsed_ns, cbd_ns_abs(cbd_ns_sub(poll->before.kernel_rate_q58,
										track->kernel_rate_q58))),
	};
	int64_t off_ns;

	settle(track, poll, x_ns, rate_q58, &blur);
	off_ns = distance(track, track->is_foreign, counter, x_ns, rate_q58);
	result->is_same_update = true;
	result->off_line_ns = cbd_ns_abs(off_ns);
	if (result->off_line_ns <= tolerance_ns) {
		return;
	}
	if (poll->before.has_step &&
	    cbd_ns_abs(cbd_ns_sub(off_ns, result->step_ns)) > cbd_ns_abs(off_ns) / 2) {
		int64_t ns = cbd_ns_max(elapsed_ns, 1);

		result->verdict = CBD_TRACK_SURPRISE;
		result->off_rate_q58 =
			cbd_ns_min(result->off_line_ns, ns) * (CBD_Q58_ONE / ns) + CBD_Q58_ONE / ns;
		return;
	}
	result->verdict = CBD_TRACK_STEP;
	result->step_ns = off_ns;
}

/* chronyd has updated: X has moved, and a step may hide in the movement. */
static void judge_new(struct cbd_track *track, const struct cbd_poll *poll, int64_t x_ns, uint64_t rate_q58,
		      struct cbd_track_result *result)
{
	if (!track->has_line) {
		return;
	}
	result->move_ns = distance(track, track->is_foreign, poll->before.real.counter, x_ns, rate_q58);
	result->has_move = true;
	result->is_inherited = track->is_inherited;
	if (result->is_clock_stepped &&
	    cbd_ns_abs(cbd_ns_sub(result->move_ns, result->step_ns)) < cbd_ns_abs(result->move_ns)) {
		result->verdict = CBD_TRACK_STEP;
	}
}

/*
 * X has kept to its line while the clock was slewed: long enough, and by so little off it that the slew cannot be a
 * stranger's, which would have taken X with it. What a slow poll makes of the line's beginning may be more than that.
 */
static bool is_slew_seen(const struct cbd_track *track, const struct cbd_poll *poll, uint64_t rate_q58,
			 int64_t off_ns)
{
	int64_t elapsed_ns = cbd_ns_abs(advance_ns(track->counter, poll->before.real.counter, rate_q58));
	int64_t slew_q58 =
		cbd_ns_abs(cbd_q58_add(poll->before.kernel_rate_q58, poll->tracking.frequency_q58));

	return elapsed_ns >= SLEW_SEEN_NS && off_ns <= cbd_q58_growth_ns(elapsed_ns, slew_q58) / 4;
}

bool cbd_track_is_slew_known(const struct cbd_track *track, const struct cbd_anchor *now)
{
	return track->is_planned && track->is_slew_seen && !track->is_foreign && now->has_kernel_rate &&
	       now->kernel_rate_error_q58 == 0 && track->has_kernel_rate &&
	       now->kernel_rate_q58 == track->kernel_rate_q58;
}

/*
 * X was moved while chronyd answered, without an update (chronyc doffset, a makestep that fails). Its own slews take off the
 * correction what they move the clock by, which is the slip; a change of the correction beyond that is X's.
 */
static bool is_moved(const struct cbd_poll *poll, uint64_t rate_q58, int64_t slip_ns)
{
	const struct cbd_tracking *first = &poll->tracking;
	const struct cbd_tracking *again = &poll->again;
	uint64_t half_ticks = poll->before.real.half_ticks + poll->after.real.half_ticks;
	int64_t blur_ns = cbd_ns_add(slip_ns, cbd_ticks_to_ns_ceil(half_ticks, rate_q58) + MOVED_MIN_NS);

	blur_ns = cbd_ns_add(blur_ns, cbd_ns_add(first->correction_quantum_ns, again->correction_quantum_ns));
	return again->ref_time_ns != 0 && again->ref_time_ns == first->ref_time_ns &&
	       cbd_ns_abs(cbd_ns_sub(again->correction_ns, first->correction_ns)) > blur_ns;
}

struct cbd_track_result cbd_track_poll(struct cbd_track *track, const struct cbd_poll *poll,
				       uint64_t rate_q58, int64_t uncertainty_q58)
{
	const struct cbd_tracking *tracking = &poll->tracking;
	struct cbd_track_result result = {
		.verdict = CBD_TRACK_CALM,
		.former_q58 = track->has_line ? track->frequency_q58 : tracking->frequency_q58,
	};
	int64_t x_ns = x_of(poll);
	int64_t slack_ns = cbd_ns_add(cbd_ticks_to_ns_ceil(poll->before.real.half_ticks, rate_q58),
				      tracking->correction_quantum_ns);
	bool is_same = track->has_line && !track->is_inherited &&
		       tracking->reference_id == track->reference_id &&
		       tracking->ref_time_ns == track->ref_time_ns &&
		       tracking->frequency_q58 == track->frequency_q58;

	result.is_clock_stepped = cbd_track_watch(track, &poll->before, &result.step_ns);
	result.elapsed_ns =
		cbd_ns_abs(advance_ns(track->polled_counter, poll->before.real.counter, rate_q58));
	track->polled_counter = poll->before.real.counter;
	if (is_same) {
		result.slip_ns = slip_of(poll, cbd_track_slope_q58(track, rate_q58));
		slack_ns = cbd_ns_add(slack_ns, result.slip_ns);
		judge_same(track, poll, x_ns, slack_ns, rate_q58, uncertainty_q58, &result);
		track->is_slew_seen = is_slew_seen(track, poll, rate_q58, result.off_line_ns);
	} else {
		result.steer_ns = steer_of(track, &poll->before);
		result.blur_ns = cbd_ns_add(track->slack_ns, slack_ns);
		judge_new(track, poll, x_ns, rate_q58, &result);
		begin_line(track, poll, x_ns, 0);
		track->is_planned = !result.is_clock_stepped;
		result.slip_ns = slip_of(poll, cbd_track_slope_q58(track, rate_q58));
		slack_ns = cbd_ns_add(slack_ns, result.slip_ns);
		track->slack_ns = slack_ns;
	}
	result.is_moved = is_moved(poll, rate_q58, result.slip_ns);
	if (result.verdict != CBD_TRACK_CALM) {
		begin_line(track, poll, x_ns, slack_ns);
	}
	if (result.verdict == CBD_TRACK_SURPRISE) {
		/* Or it is another chronyd by now, of which it is not known whether it steers: told anew. */
		track->is_settled = false;
		track->is_foreign = false;
	}
	return result;
}
