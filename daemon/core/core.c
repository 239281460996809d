/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement, in order: is the counter still the same; did somebody move the clock; may this sample be
 * believed; what stands now. See core.h; the steps and their proofs are in docs/MATH.md.
 */
#include "daemon/core/core.h"

#include <stddef.h>

#include <clockbound/shm.h>

#include "daemon/core/belief.h"
#include "daemon/core/chrony_state.h"
#include "daemon/core/device.h"
#include "daemon/core/disturbance.h"
#include "daemon/core/epochs.h"
#include "daemon/core/migration.h"
#include "daemon/core/mutate.h"
#include "daemon/core/publication.h"
#include "daemon/core/q58.h"
#include "daemon/core/seconds.h"
#include "daemon/core/segment.h"
#include "daemon/core/wobble.h"

/* A poll during which the clock moved farther than this is thrown away. */
#define SLIP_MAX_NS 1000000
/* Before the counter's rate is known this well nothing is drawn: 20 ppm, reached in 10 ms. */
#define UNCERTAINTY_MAX_PPB 20000u
/* A change of CLOCK_BOOTTIME - CLOCK_MONOTONIC above this is a sleep. */
#define SUSPEND_MIN_NS 1000000
/* Upstream: within this of as-of a failed poll is FreeRunning, later Unknown. */
#define SEGMENT_GRACE_NS (CLOCKBOUND_SHM_GRACE_SEC * CBD_NS_PER_SEC)

/* Over less than this two readings of the clock do not give its rate. */
#define MEASURE_MIN_NS (CBD_NS_PER_SEC / 20)
/* Both readings are cut to whole ns, and so is the counter's time between them. */
#define MEASURE_ROUNDING_NS 3
/* Reasons that describe this moment, and are judged anew at each event. */
#define MOMENTARY                                                                                            \
	(CLOCKBOUND_REASON_LOCAL_MODE | CLOCKBOUND_REASON_CHRONY_UNREACHABLE |                               \
	 CLOCKBOUND_REASON_CHRONY_STALE | CLOCKBOUND_REASON_UNSYNCHRONISED | CLOCKBOUND_REASON_SLIP |        \
	 CLOCKBOUND_REASON_FALLBACK | CLOCKBOUND_REASON_PHC_FAILED)

void cbd_core_init(struct cbd_core *core, const struct cbd_core_config *config)
{
	*core = (struct cbd_core){.config = *config};
	cbd_calibration_init(&core->calibration, !config->has_counter);
	cbd_track_init(&core->track);
	cbd_fallback_init(&core->fallback);
	cbd_agreement_init(&core->agreement);
	cbd_segment_fsm_init(&core->segment_fsm);
	core->reasons = CLOCKBOUND_REASON_NOT_SYNCED_YET;
	core->out.status = CLOCKBOUND_STATUS_UNKNOWN | core->reasons;
	core->out.clock_status = core->out.status;
	core->out.bound_ns = INT64_MAX;
	core->out.drift_ppb = UINT32_MAX;
}

/* Everything that stands on the counter is gone, for @reason; what comes must be measured anew. */
static void lose_counter(struct cbd_core *core, uint32_t reason, const struct cbd_anchor *now)
{
	cbd_epochs_move(core, &core->out.counter_epoch, &now->epochs, now->epochs.counter,
			CBD_REQUEST_BUMP_COUNTER);
	cbd_calibration_init(&core->calibration, !core->config.has_counter);
	cbd_agreement_init(&core->agreement);
	cbd_disturbance_doubt(core);
	cbd_track_forget_line(&core->track);
	cbd_fallback_init(&core->fallback);
	core->account = (struct cbd_account){0};
	core->stamps = (struct cbd_stamps){0};
	core->phc.has_offset = false;
	core->surprise_q58 = 0;
	core->event.reason &= ~CLOCKBOUND_REASON_LEAP;
	cbd_disturbance_begin(core, reason, now);
	core->anchor = *now;
	core->has_anchor = true;
}

/*
 * The clock's own rate, where the kernel does not tell it; not over a step. Against the counter: the readings of
 * CLOCK_MONOTONIC_RAW are some time after those of the clock, and as much later as this program was preempted.
 */
static void measure_clock(struct cbd_core *core, const struct cbd_anchor *now)
{
	const struct cbd_anchor *last = &core->anchor;
	uint64_t rate = core->calibration.has_rate ? cbd_calibration_rate_q58(&core->calibration) : 0;
	int64_t raw_ns = cbd_ticks_to_ns_floor(now->real.counter - last->real.counter, rate);
	int64_t gained_ns = cbd_ns_sub(cbd_ns_sub(now->real.clock_ns, last->real.clock_ns), raw_ns);
	int64_t error_ns = cbd_ns_add(cbd_ticks_to_ns_ceil(now->real.half_ticks, rate),
				      cbd_ticks_to_ns_ceil(last->real.half_ticks, rate));

	error_ns = cbd_ns_add(error_ns,
			      cbd_q58_growth_ns(raw_ns, cbd_calibration_uncertainty_q58(&core->calibration)));
	error_ns = cbd_ns_add(error_ns, MEASURE_ROUNDING_NS);
	core->has_measured = core->has_anchor && last->raw.clock_ns != 0 && raw_ns >= MEASURE_MIN_NS &&
			     cbd_ns_abs(gained_ns) < raw_ns / 8 && error_ns < raw_ns / 8;
	if (core->has_measured) {
		int64_t measured = cbd_ns_abs(gained_ns) * (CBD_Q58_ONE / raw_ns);

		core->measured_q58 = gained_ns < 0 ? -measured : measured;
		core->measured_error_q58 = (error_ns + 1) * (CBD_Q58_ONE / raw_ns + 1);
	}
}

/* Whether the counter that made @now is the one that made the last anchor. Takes the brackets of it. */
static bool is_same_counter(struct cbd_core *core, const struct cbd_anchor *now)
{
	const struct cbd_anchor *last = &core->anchor;

	if (now->epochs.has_kernel && now->epochs.counter != core->out.counter_epoch) {
		return false; /* the kernel has seen why */
	}
	if (core->has_anchor) {
		if (now->real.counter < last->real.counter) {
			return false;
		}
		if (now->has_suspend && last->has_suspend &&
		    cbd_ns_abs(cbd_ns_sub(now->suspend_ns, last->suspend_ns)) >
			    SUSPEND_MIN_NS + now->suspend_half_ns + last->suspend_half_ns) {
			return false;
		}
	}
	if (!cbd_calibration_add(&core->calibration, &now->raw)) {
		return false;
	}
	measure_clock(core, now);
	core->anchor = *now;
	core->has_anchor = true;
	if (core->event.reason != 0 && !core->event.is_dated) {
		cbd_disturbance_begin(core, core->event.reason, now);
	}
	return true;
}

/*
 * Growth and frequency are both parts of the clock's rate, and lines multiply them: (1 - f) (1 + g') must reach
 * 1 - f + g. For what clocks do the difference is nothing; for what chronyd says after it was misled it is not.
 */
static int64_t compounded(int64_t growth, int64_t frequency)
{
	int64_t both = cbd_q58_add(growth, cbd_ns_abs(frequency));
	int64_t rest;

	if (both >= CBD_Q58_ONE / 2) {
		return cbd_q58_add(growth, growth);
	}
	/* g / (1 - x) = g + g x / (1 - x) <= g + g x + 2 g x^2 for x below a half */
	rest = cbd_q58_add(both, cbd_q58_product(both, cbd_q58_add(both, both)));
	return cbd_q58_add(cbd_q58_add(growth, cbd_q58_product(growth, rest)), 2);
}

/* At most how fast CLOCK_REALTIME is taken off the counter's own pace, by the kernel's word or as measured. */
static int64_t kernel_rate_max(const struct cbd_core *core, const struct cbd_anchor *now)
{
	if (now->has_kernel_rate) {
		return cbd_q58_add(cbd_ns_abs(now->kernel_rate_q58), now->kernel_rate_error_q58);
	}
	return core->has_measured ? cbd_q58_add(cbd_ns_abs(core->measured_q58), core->measured_error_q58)
				  : CBD_CLOCK_RATE_MAX_Q58;
}

/* g: how far true time may leave X's slope, from the sample to the next poll. */
static int64_t growth_of(const struct cbd_core *core, const struct cbd_poll *poll)
{
	int64_t growth = cbd_q58_from_ppb(CBD_MUTANT(DRIFT_1PPM, 1000u, core->config.rho_ppb));

	/* What chronyd admits of its frequency's error, or what we doubt of it: both bound the same error. */
	growth = cbd_q58_add(growth,
			     cbd_ns_max(cbd_q58_add(poll->tracking.skew_q58, poll->tracking.residual_q58),
					cbd_ns_max(core->doubt_q58, cbd_wobble_q58(core, poll))));
	growth = cbd_q58_add(growth, cbd_calibration_uncertainty_q58(&core->calibration));
	growth = cbd_q58_add(growth, cbd_track_foreign_q58(&core->track));
	if (!core->track.is_settled || core->track.is_foreign) {
		/* Whether this chronyd steers the clock at all is not known, or concluded only: allow for both. */
		growth = cbd_q58_add(growth, kernel_rate_max(core, &poll->before));
	}
	return compounded(growth, poll->tracking.frequency_q58);
}

/* All that is charged to a sample for what befell the clock, or its device. */
static bool charge_source(struct cbd_core *core, const struct cbd_poll *poll,
			  const struct cbd_source_data *source, struct cbd_sample *sample)
{
	cbd_account_charge(core, poll, sample);
	if (source->mode == CBD_SOURCE_MODE_REFCLOCK) {
		cbd_stamps_charge(core, poll, sample);
	}
	return cbd_device_charge(core, source->reference_id, source->mode == CBD_SOURCE_MODE_REFCLOCK,
				 sample);
}

/*
 * The interval of this poll, by the best rule that can be had. Returns false, with the reason said, if there is
 * none: chronyd has no source selected, or follows a device of unknown error. What stands goes on.
 */
static bool make_sample(struct cbd_core *core, const struct cbd_poll *poll,
			const struct cbd_sample_context *context, struct cbd_sample *sample,
			bool *is_disputed)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	bool is_local = cbd_chrony_state_reasons(&poll->tracking, false) != 0; /* and allowed */
	uint32_t i;

	*is_disputed = false;
	if (selected == NULL || cbd_account_is_from_before(&core->account, selected) ||
	    !cbd_sample_from_source(poll, selected, context, sample)) {
		/* Tracking alone serves only where Source_Data cannot be had, or there is no source. */
		if (poll->has_source_data && !is_local) {
			core->reasons |= core->event.reason == 0 ? CLOCKBOUND_REASON_CHRONY_STALE : 0;
			return false;
		}
		cbd_sample_from_tracking(poll, context, sample);
		cbd_account_charge(core, poll, sample);
		return cbd_device_charge(core, poll->tracking.reference_id,
					 poll->tracking.is_refclock && !is_local, sample);
	}
	if (!charge_source(core, poll, selected, sample)) {
		return false;
	}
	for (i = 0; i < poll->sources; i++) {
		struct cbd_sample other;

		if (poll->source[i].state == CBD_SOURCE_UNSELECTED &&
		    !cbd_account_is_from_before(&core->account, &poll->source[i]) &&
		    cbd_sample_from_source(poll, &poll->source[i], context, &other) &&
		    charge_source(core, poll, &poll->source[i], &other)) {
			if (!cbd_interval_meets(&sample->interval, &other.interval)) {
				sample->interval = cbd_interval_hull(&sample->interval, &other.interval);
				*is_disputed = true;
			}
		}
	}
	return true;
}

/* A sample that is believed: brings it into agreement, and draws what stands from now on. */
static void take_sample(struct cbd_core *core, const struct cbd_poll *poll, const struct cbd_sample *sample,
			bool is_disputed, int64_t growth_q58)
{
	uint64_t rate = cbd_calibration_rate_q58(&core->calibration);
	bool was_fallback = core->rule == CLOCKBOUND_RULE_TRACKING;
	struct cbd_agreement_entry entry = {
		.counter = poll->before.real.counter,
		.interval = sample->interval,
		.mark = sample->mark,
		.age_ns = sample->age_ns,
		.slope_q58 = cbd_track_slope_q58(&core->track, rate),
		.growth_q58 = growth_q58,
		.is_news = cbd_account_is_news(&core->account, cbd_sample_selected(poll)),
		.is_disputed = is_disputed,
		/*
		 * The fallback is no proof: nothing it has drawn may narrow another, nor be narrowed. And what was void
		 * has grown longer than an oscillator's course is promised for.
		 */
		.is_memoryless = sample->terms.rule == CLOCKBOUND_RULE_TRACKING || was_fallback ||
				 poll->before.real.counter >= core->void_counter,
	};

	if (!core->agreement.has_mark || core->agreement.mark != sample->mark) {
		core->stats.samples++;
	}
	if (cbd_agreement_take(&core->agreement, &entry)) {
		core->stats.inconsistencies++;
	}
	core->terms = sample->terms;
	core->rule = sample->terms.rule;
	core->growth_q58 = growth_q58;
	core->event.reason = 0; /* when it was stays known: a sample from before may yet come */
	core->event.blur_ns = 0;
	core->surprise_q58 = 0;
	core->reasons &= ~CLOCKBOUND_REASON_NOT_SYNCED_YET;
	if (core->agreement.has_lines) {
		core->has_synced = true;
	}
}

/* The lines and the clock half live this long from @now. */
static void renew(struct cbd_core *core, const struct cbd_anchor *now)
{
	uint64_t rate = cbd_calibration_rate_q58(&core->calibration);
	uint64_t life = cbd_ns_to_ticks_floor(core->config.max_holdover_ns, rate);

	core->void_counter = now->real.counter + life < life ? UINT64_MAX : now->real.counter + life;
	core->void_mono_ns = cbd_ns_add(now->mono_ns, core->config.max_holdover_ns);
}

/* What the device proves while chronyd proves nothing keeps the lines alive. */
static void go_on_by_device(struct cbd_core *core, const struct cbd_anchor *now)
{
	if (cbd_device_alone(core, now)) {
		renew(core, now);
	}
}

/* Publishes what stands, after any event. */
static void hold(struct cbd_core *core, enum cbd_chrony_status chrony, const struct cbd_anchor *now)
{
	const uint32_t disrupting =
		CLOCKBOUND_REASON_STEP | CLOCKBOUND_REASON_LEAP | CLOCKBOUND_REASON_MIGRATED;
	enum cbd_disruption disruption = core->is_forced || (core->event.reason & disrupting) != 0
						 ? CBD_DISRUPTION_NOW
						 : CBD_DISRUPTION_NONE;

	if (core->agreement.is_inconsistent) {
		core->reasons |= CLOCKBOUND_REASON_INCONSISTENT;
	} else {
		core->reasons &= ~CLOCKBOUND_REASON_INCONSISTENT;
	}
	if (core->rule == CLOCKBOUND_RULE_TRACKING && core->agreement.has_lines) {
		core->reasons |= CLOCKBOUND_REASON_FALLBACK;
	}
	cbd_publication_fill(core, now);
	cbd_segment_fill(core, chrony, disruption, now);
}

/* chronyd is synchronised and the clock calm: what does this poll prove? */
static void judge_sample(struct cbd_core *core, const struct cbd_poll *poll,
			 const struct cbd_track_result *track)
{
	struct cbd_sample_context context = {
		.growth_q58 = growth_of(core, poll),
		.rate_q58 = cbd_calibration_rate_q58(&core->calibration),
		.off_line_ns = track->off_line_ns,
		.slip_ns = track->slip_ns,
		.rho_q58 = cbd_q58_from_ppb(core->config.rho_ppb),
		.since_update_ns = cbd_ticks_to_ns_ceil(poll->before.real.counter - core->fallback.counter,
							cbd_calibration_rate_q58(&core->calibration)),
		.last_move_ns = core->fallback.last_move_ns,
		.maxclockerror_q58 = core->fallback.maxclockerror_q58,
	};
	struct cbd_sample sample;
	bool is_disputed;
	bool is_proved;
	bool is_believed;

	core->is_disciplined = true;
	core->correction_ns = poll->tracking.correction_ns;
	is_believed = make_sample(core, poll, &context, &sample, &is_disputed);
	is_believed = is_believed && cbd_seconds_are_known(core, poll, &context, &sample) &&
		      (core->event.reason == 0 || cbd_belief_is_past_event(core, poll, &sample)) &&
		      cbd_disturbance_is_past_leap(core, poll, &sample);
	if (!is_believed) {
		core->is_disciplined = false;
		go_on_by_device(core, &poll->before);
		hold(core, CBD_CHRONY_FREE_RUNNING, &poll->before);
		return;
	}
	is_proved = cbd_device_combine(core, &poll->before, context.growth_q58, &sample, &is_disputed);
	take_sample(core, poll, &sample, is_disputed, context.growth_q58);
	if (cbd_chrony_state_is_stale(poll)) {
		if (is_proved) {
			renew(core, &poll->before);
		}
		core->reasons |= CLOCKBOUND_REASON_CHRONY_STALE;
		core->is_disciplined = false;
		hold(core, CBD_CHRONY_FREE_RUNNING, &poll->before);
		return;
	}
	renew(core, &poll->before);
	hold(core, CBD_CHRONY_SYNCHRONIZED, &poll->before);
}

/* chronyd gives nothing to go by: the lines hold, and only steps of the clock are looked for. */
static void go_on_without(struct cbd_core *core, uint32_t reasons, enum cbd_chrony_status chrony,
			  const struct cbd_anchor *now)
{
	int64_t step_ns;

	core->reasons |= reasons;
	core->is_disciplined = false;
	core->correction_ns = 0;
	if (cbd_track_watch(&core->track, now, &step_ns)) {
		cbd_disturbance_step(core, step_ns, now);
	}
	go_on_by_device(core, now);
	hold(core, chrony, now);
}

void cbd_core_on_phc(struct cbd_core *core, const struct cbd_phc_reading *reading)
{
	core->phc = *reading;
}

void cbd_core_on_poll(struct cbd_core *core, const struct cbd_poll *poll)
{
	const struct cbd_anchor *now = &poll->before;
	struct cbd_track_result track;
	uint64_t rate;
	uint32_t wrong;
	bool had_line;

	core->stats.polls++;
	core->reasons = (core->reasons & ~MOMENTARY) | cbd_device_reasons(core);
	core->is_settling = false;
	if (cbd_migration_voids(core, poll)) {
		return;
	}
	if (!is_same_counter(core, now) || !cbd_calibration_add(&core->calibration, &poll->after.raw)) {
		cbd_core_on_counter_lost(core, core->config.has_counter, &poll->after);
		return;
	}
	cbd_disturbance_watch_leap(core, now);
	cbd_wobble_follow(core, poll);
	wrong = cbd_chrony_state_reasons(&poll->tracking, core->config.allow_local);
	if (wrong != 0) {
		cbd_fallback_init(&core->fallback);
		cbd_wobble_forget(&core->wobble);
		cbd_disturbance_unsynchronised(core, poll);
		if (wrong == CLOCKBOUND_REASON_UNSYNCHRONISED) {
			cbd_seconds_on_unsynchronised(core, poll);
		}
		go_on_without(core, wrong,
			      wrong == CLOCKBOUND_REASON_LOCAL_MODE ? CBD_CHRONY_UNKNOWN
								    : CBD_CHRONY_FREE_RUNNING,
			      now);
		cbd_account_note(core, poll, NULL);
		return;
	}
	if (!core->calibration.has_rate ||
	    cbd_calibration_uncertainty_q58(&core->calibration) > cbd_q58_from_ppb(UNCERTAINTY_MAX_PPB)) {
		core->requests |= CBD_REQUEST_POLL_AGAIN;
		go_on_without(core, 0, CBD_CHRONY_FREE_RUNNING, now);
		core->is_settling = core->agreement.has_lines && core->event.reason == 0;
		return;
	}
	rate = cbd_calibration_rate_q58(&core->calibration);
	had_line = core->track.has_line && !core->track.is_inherited;
	track = cbd_track_poll(&core->track, poll, rate, cbd_calibration_uncertainty_q58(&core->calibration));
	cbd_account_settle(core, poll, &track);
	cbd_stamps_follow(core, poll, &track);
	cbd_seconds_follow(core, poll);
	cbd_disturbance_judge(core, poll, &track, had_line);
	cbd_fallback_poll(&core->fallback, poll, rate, track.has_move, track.move_ns);
	cbd_disturbance_note_leap(core, poll);
	if (track.slip_ns > SLIP_MAX_NS || track.is_moved ||
	    (track.is_same_update && cbd_account_is_moved(&core->account, poll))) {
		core->stats.slips++;
		core->reasons |= CLOCKBOUND_REASON_SLIP;
		core->requests |= CBD_REQUEST_POLL_AGAIN;
		cbd_account_note(core, poll, &track);
		hold(core, CBD_CHRONY_FREE_RUNNING, now);
		return;
	}
	cbd_account_forgive(core, poll);
	cbd_account_note(core, poll, &track);
	judge_sample(core, poll, &track);
}

void cbd_core_on_poll_failed(struct cbd_core *core, enum cbd_poll_failure failure,
			     const struct cbd_anchor *now)
{
	bool is_recent;

	core->stats.failures++;
	core->reasons = (core->reasons & ~MOMENTARY) | cbd_device_reasons(core);
	core->is_settling = false;
	if (cbd_core_on_vm(core, now)) {
		return;
	}
	if (!is_same_counter(core, now)) {
		cbd_core_on_counter_lost(core, core->config.has_counter, now);
		return;
	}
	cbd_disturbance_watch_leap(core, now);
	is_recent = core->out.segment.as_of_ns != 0 &&
		    cbd_ns_sub(now->coarse_ns, core->out.segment.as_of_ns) < SEGMENT_GRACE_NS;
	go_on_without(core, failure == CBD_POLL_UNREACHABLE ? CLOCKBOUND_REASON_CHRONY_UNREACHABLE : 0,
		      is_recent ? CBD_CHRONY_FREE_RUNNING : CBD_CHRONY_UNKNOWN, now);
	core->is_settling = core->has_clock_half && !core->has_synced && core->event.reason == 0 &&
			    now->mono_ns < core->void_mono_ns;
}

void cbd_core_void(struct cbd_core *core, uint32_t reason, const struct cbd_anchor *now)
{
	lose_counter(core, reason, now);
	(void)cbd_calibration_add(&core->calibration, &now->raw);
	core->requests |= CBD_REQUEST_POLL_AGAIN;
	go_on_without(core, 0, CBD_CHRONY_UNKNOWN, now);
}

void cbd_core_on_counter_lost(struct cbd_core *core, bool has_counter, const struct cbd_anchor *now)
{
	core->config.has_counter = has_counter;
	if (!cbd_core_on_vm(core, now)) {
		cbd_core_void(core, CLOCKBOUND_REASON_COUNTER_LOST, now);
	}
}
