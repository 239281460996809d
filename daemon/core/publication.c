/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The publication: see publication.h. Formulas: docs/MATH.md, "The lines as published" and "The clock half".
 */
#include "daemon/core/publication.h"

#include <clockbound/page.h>

#include "daemon/core/epochs.h"
#include "daemon/core/q58.h"

/* A clock reading is cut to whole ns. */
#define CLOCK_READ_ERROR_NS 1

/* ns per tick for turning durations into ticks: the calibration, or what the lines themselves say. */
static uint64_t rate_of(const struct cbd_core *core)
{
	return core->calibration.has_rate ? cbd_calibration_rate_q58(&core->calibration)
					  : core->agreement.lines.latest_rate;
}

/* Ticks from @now until the latest line reaches the announced leap second. */
static uint64_t ticks_to_leap(const struct cbd_core *core, int64_t latest_ns)
{
	return cbd_ns_to_ticks_floor(cbd_ns_sub(core->leap_ns, latest_ns), core->agreement.lines.latest_rate);
}

static void fill_lines(struct cbd_core *core, const struct cbd_anchor *now)
{
	struct cbd_publication *out = &core->out;
	uint64_t counter = now->real.counter;
	struct cbd_interval at = cbd_lines_at(&core->agreement.lines, counter);
	uint64_t life = core->void_counter > counter ? core->void_counter - counter : 0;

	if (core->leap_ns != 0) {
		uint64_t to_leap = ticks_to_leap(core, at.latest_ns);

		life = life < to_leap ? life : to_leap;
	}
	out->lines = core->agreement.lines;
	out->lines.base = counter;
	out->lines.earliest_ns = at.earliest_ns;
	out->lines.latest_ns = at.latest_ns;
	out->void_after_ticks = life;
	out->stale_after_ticks = cbd_ns_to_ticks_floor(core->config.stale_after_ns, rate_of(core));
	if (out->stale_after_ticks > life) {
		out->stale_after_ticks = life;
	}
	out->has_lines = core->config.has_counter && life > 0;
}

/*
 * What a reader's age may be short of, as a part of itself: it is CLOCK_MONOTONIC's, which runs as slow as the kernel
 * has CLOCK_REALTIME run. 1/9 for a clock that is a tenth slow, 1/3 for all that the kernel can do.
 */
static int64_t shortness_q58(const struct cbd_anchor *now, int64_t drift_q58)
{
	int64_t slow = cbd_ns_sub(now->kernel_rate_error_q58, now->kernel_rate_q58);

	return (!now->has_kernel_rate || slow > CBD_Q58_ONE / 10 ? drift_q58 / 3 : drift_q58 / 9) + 1;
}

/*
 * By which part the lines that stand are slower than the undisciplined clock. Not chronyd's frequency of the moment: it
 * goes on learning, wrongly maybe, while its samples are not believed and the lines are held.
 */
static int64_t lag_of_lines_q58(const struct cbd_core *core)
{
	const struct cbd_lines *lines = &core->agreement.lines;

	return cbd_rate_lag_q58(lines->earliest_rate / 2 + lines->latest_rate / 2, rate_of(core));
}

/* How fast CLOCK_REALTIME may leave the interval, beyond the growth of the interval itself. */
static int64_t clock_drift_q58(const struct cbd_core *core, const struct cbd_anchor *now)
{
	int64_t drift = cbd_q58_add(core->growth_q58, core->surprise_q58);
	bool is_known = core->calibration.has_rate && (now->has_kernel_rate || core->has_measured);
	int64_t away = cbd_q58_add(now->has_kernel_rate ? now->kernel_rate_q58 : core->measured_q58,
				   lag_of_lines_q58(core));
	bool is_towards_x = core->is_disciplined && cbd_track_is_slew_known(&core->track, now) &&
			    core->correction_ns != 0 && (away > 0) == (core->correction_ns > 0);

	if (!is_known) {
		away = CBD_CLOCK_RATE_MAX_Q58;
	}
	/* Towards X the clock stays between itself and X, both of which the bound covers; chronyd stops it there. */
	drift = is_towards_x ? drift : cbd_q58_add(drift, cbd_ns_abs(away));
	if (is_known) {
		drift = cbd_q58_add(drift, now->has_kernel_rate ? now->kernel_rate_error_q58
								: core->measured_error_q58);
	}
	return cbd_q58_add(drift, shortness_q58(now, drift));
}

static void fill_clock(struct cbd_core *core, const struct cbd_anchor *now)
{
	struct cbd_publication *out = &core->out;
	struct cbd_interval at = cbd_lines_at(&core->agreement.lines, now->real.counter);
	int64_t real_ns = now->real.clock_ns;
	int64_t low_ns = real_ns;
	int64_t high_ns = real_ns;
	int64_t bracket_ns = cbd_ticks_to_ns_ceil(now->real.half_ticks, core->agreement.lines.latest_rate);
	int64_t bound_ns;

	if (core->is_disciplined) {
		/* The clock had come nearer to X by the slip when chronyd answered: so far beyond may X have been. */
		int64_t x_ns = cbd_ns_add(real_ns, core->correction_ns);
		int64_t off_ns = cbd_ns_add(core->terms.slip_ns, core->terms.bracket_ns);

		low_ns = cbd_ns_min(low_ns, cbd_ns_sub(x_ns, off_ns));
		high_ns = cbd_ns_max(high_ns, cbd_ns_add(x_ns, off_ns));
	}
	bound_ns = cbd_ns_max(cbd_ns_sub(at.latest_ns, low_ns), cbd_ns_sub(high_ns, at.earliest_ns));
	bound_ns = cbd_ns_add(bound_ns, cbd_ns_add(bracket_ns, CLOCK_READ_ERROR_NS));
	out->bound_ns = cbd_ns_max(bound_ns, 0);
	out->drift_ppb = cbd_q58_to_ppb_ceil(clock_drift_q58(core, now));
	out->void_after_mono_ns = core->void_mono_ns;
	if (core->leap_ns != 0) {
		/* CLOCK_MONOTONIC runs slower by 0.226 at most: so much earlier, so that the leap is not reached. */
		int64_t left_ns = cbd_ns_sub(core->leap_ns, at.latest_ns);
		int64_t leap_mono_ns = cbd_ns_add(now->mono_ns, left_ns - left_ns / 4);

		out->void_after_mono_ns = cbd_ns_min(out->void_after_mono_ns, leap_mono_ns);
	}
}

static uint32_t status_word(const struct cbd_core *core, bool is_alive, bool is_for_clock)
{
	uint32_t event = core->event.reason;
	uint32_t reasons = core->reasons | event;

	if ((event & (CLOCKBOUND_REASON_MIGRATED | CLOCKBOUND_REASON_FORCED)) != 0) {
		return CLOCKBOUND_STATUS_DISRUPTED | reasons;
	}
	if ((event & CLOCKBOUND_REASON_LEAP) != 0 || !is_alive) {
		if (!is_alive && core->has_synced && event == 0) {
			reasons |= CLOCKBOUND_REASON_EXPIRED;
		}
		return CLOCKBOUND_STATUS_UNKNOWN | reasons;
	}
	/* Who does not know how fast a stranger moves the clock cannot bound it. */
	if (is_for_clock && ((event & CLOCKBOUND_REASON_STEP) != 0 ||
			     ((event & CLOCKBOUND_REASON_SURPRISE) != 0 &&
			      (!core->anchor.has_kernel_rate || core->anchor.kernel_rate_error_q58 != 0)))) {
		return CLOCKBOUND_STATUS_DISRUPTED | reasons;
	}
	if (event != 0 || !core->is_disciplined) {
		return CLOCKBOUND_STATUS_FREE_RUNNING | CLOCKBOUND_VALID | reasons;
	}
	return CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID | reasons;
}

void cbd_publication_fill(struct cbd_core *core, const struct cbd_anchor *now)
{
	struct cbd_publication *out = &core->out;
	bool stands = core->agreement.has_lines;
	bool is_alive = stands && now->real.counter < core->void_counter && now->mono_ns < core->void_mono_ns;

	cbd_epochs_fill(core, &now->epochs);
	out->has_lines = false;
	out->as_of_mono_ns = now->mono_ns;
	out->as_of_real_ns = now->real.clock_ns;
	out->stale_after_mono_ns = cbd_ns_add(now->mono_ns, core->config.stale_after_ns);
	out->void_after_mono_ns = now->mono_ns;
	out->bound_ns = INT64_MAX;
	out->drift_ppb = UINT32_MAX;
	if (is_alive) {
		fill_lines(core, now);
		fill_clock(core, now);
	}
	out->status = status_word(core, is_alive && (out->has_lines || !core->config.has_counter), false);
	out->clock_status = status_word(
		core, is_alive && out->void_after_mono_ns > now->mono_ns && out->drift_ppb != UINT32_MAX,
		true);
	if (!core->config.has_counter) {
		out->status |= CLOCKBOUND_REASON_COUNTER_LOST;
	}
	out->vm_marker = core->vm.marker;
	out->vm_flags = core->vm.flags;
	out->suspend_ns = now->suspend_ns;
	out->step_ns = now->step_ns;
	out->terms = core->terms;
	out->memory = core->memory;
	cbd_track_leave(&core->track, &out->memory.x);
	out->memory.sample = core->account.selected;
	out->memory.event_counter = core->event.is_dated ? core->event.counter : 0;
	out->memory.owed_ns =
		cbd_ns_add(cbd_account_owed_ns(&core->account), cbd_stamps_owed_ns(&core->stamps));
	out->memory.course = cbd_course_make(now, rate_of(core));
	out->memory.leap_ns = core->leap_ns;
}
