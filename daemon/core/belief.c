/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Belief after an event: see belief.h.
 */
#include "daemon/core/belief.h"

#include <stddef.h>

#include "daemon/core/q58.h"

bool cbd_belief_is_from_after(const struct cbd_core *core, uint64_t counter, const struct cbd_poll *poll,
			      const struct cbd_sample *sample)
{
	uint64_t rate = cbd_calibration_rate_q58(&core->calibration);
	int64_t passed_ns = poll->before.real.counter > counter
				    ? cbd_ticks_to_ns_floor(poll->before.real.counter - counter, rate)
				    : 0;
	/* Ages are told in X, which has gone at 1 - f of the counter's own pace, f being what it is now or was before. */
	int64_t slow_q58 = cbd_q58_add(
		cbd_ns_max(cbd_ns_abs(poll->tracking.frequency_q58), cbd_ns_abs(core->memory.steady_q58)),
		cbd_q58_from_ppb(core->config.rho_ppb));

	passed_ns = cbd_ns_sub(passed_ns, cbd_q58_growth_ns(passed_ns, slow_q58));
	return cbd_ns_add(cbd_ns_add(sample->age_ns, sample->uncertain_ns), core->event.blur_ns) < passed_ns;
}

bool cbd_belief_is_needed(const struct cbd_core *core, const struct cbd_poll *poll, uint64_t counter)
{
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		const struct cbd_source_data *source = &poll->source[i];
		struct cbd_sample sample = {
			.age_ns = cbd_ns_add(cbd_sample_since_ns(source), CBD_NS_PER_SEC),
			.uncertain_ns = cbd_sample_span_ns(source),
		};

		if (source->since_s != CBD_SINCE_NEVER &&
		    !cbd_belief_is_from_after(core, counter, poll, &sample)) {
			return true;
		}
	}
	if (!poll->has_source_data) {
		int64_t x_ns = cbd_ns_add(poll->before.real.clock_ns, poll->tracking.correction_ns);
		struct cbd_sample sample = {
			.age_ns = cbd_ns_max(cbd_ns_sub(x_ns, poll->tracking.ref_time_ns), 0),
			.uncertain_ns = poll->tracking.root_delay_ns,
		};

		return !cbd_belief_is_from_after(core, counter, poll, &sample);
	}
	return false;
}

/*
 * Samples of one source that must have come since the event was seen, beside the one that was there: one that
 * chronyd may have kept over its own restart, one that may have been under way when the event happened, one that was
 * asked for while the reply to it was still counted (interleaved mode), and one that is certainly from after.
 */
#define SAMPLES_ENOUGH 4

bool cbd_belief_is_counted(struct cbd_core *core, const struct cbd_poll *poll)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	struct cbd_core_event *event = &core->event;

	if (selected == NULL) {
		return false;
	}
	if (event->seen == 0 || event->source != selected->id) {
		event->source = selected->id;
		event->latest = selected->mark;
		event->seen = 1;
	} else if (event->latest != selected->mark) {
		event->latest = selected->mark;
		event->seen++;
	}
	return event->seen > SAMPLES_ENOUGH;
}

/*
 * Saved counter values as far back as stale-after are answered by the lines, run backwards: those must not reach over a
 * leap second.
 */
static bool is_leap_in_reach(const struct cbd_core *core, const struct cbd_poll *poll)
{
	uint64_t rate = cbd_calibration_rate_q58(&core->calibration);

	return (core->event.reason & CLOCKBOUND_REASON_LEAP) != 0 &&
	       cbd_ticks_to_ns_floor(poll->before.real.counter - core->event.counter, rate) <=
		       core->config.stale_after_ns;
}

bool cbd_belief_is_past_event(struct cbd_core *core, const struct cbd_poll *poll,
			      const struct cbd_sample *sample)
{
	const struct cbd_anchor *now = &poll->before;
	int64_t x_ns = cbd_ns_add(now->real.clock_ns, poll->tracking.correction_ns);
	bool is_late = cbd_belief_is_counted(core, poll) && sample->terms.rule == CLOCKBOUND_RULE_SAMPLE;
	struct cbd_interval old;

	if (core->is_forced || is_leap_in_reach(core, poll)) {
		return false;
	}
	/* What was there when the event was seen is from before it, whatever age chronyd's clock gives it. */
	if ((sample->terms.rule == CLOCKBOUND_RULE_TRACKING && sample->mark == core->event.update) ||
	    (!is_late && !cbd_belief_is_from_after(core, core->event.counter, poll, sample))) {
		return false;
	}
	if (sample->terms.rule != CLOCKBOUND_RULE_TRACKING ||
	    (core->event.reason & CLOCKBOUND_REASON_STEP) == 0 || !core->agreement.has_lines ||
	    now->real.counter >= core->void_counter) {
		return true;
	}
	old = cbd_lines_at(&core->agreement.lines, now->real.counter);
	if (x_ns < old.earliest_ns || old.latest_ns < x_ns) {
		core->event.met = 0;
		return false;
	}
	if (core->event.met == 0) {
		core->event.met = sample->mark;
	}
	return core->event.met != sample->mark;
}
