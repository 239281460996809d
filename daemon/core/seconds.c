/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seconds of refclocks: see seconds.h.
 */
#include "daemon/core/seconds.h"

#include <stddef.h>

#include "daemon/core/account.h"
#include "daemon/core/belief.h"
#include "daemon/core/core.h"
#include "daemon/core/disturbance.h"
#include "daemon/core/q58.h"

/* chronyd takes a pulse for that of the second which is nearest to X: this near it is the right one. A tenth is for the pulse. */
#define NEAR_NS (CBD_NS_PER_SEC * 4 / 10)
/* A reset that was in vain, since chronyd had a sample again before we looked, is asked for again. */
#define ASK_MAX	    3
#define ASK_GAP_SEC 64

void cbd_seconds_lose(struct cbd_core *core, const struct cbd_anchor *now)
{
	core->seconds.is_lost = true;
	core->seconds.lost_counter = now->real.counter;
}

void cbd_seconds_follow(struct cbd_core *core, const struct cbd_poll *poll)
{
	struct cbd_seconds *seconds = &core->seconds;
	const struct cbd_anchor *now = &poll->before;
	int64_t x_ns = cbd_ns_add(now->real.clock_ns, poll->tracking.correction_ns);
	struct cbd_interval at;

	if (!core->agreement.has_lines || now->real.counter >= core->void_counter) {
		return;
	}
	at = cbd_lines_at(&core->agreement.lines, now->real.counter);
	if (cbd_ns_sub(x_ns, at.earliest_ns) < NEAR_NS && cbd_ns_sub(at.latest_ns, x_ns) < NEAR_NS) {
		seconds->is_proved = true;
		seconds->is_lost = false;
		seconds->asked = 0;
	} else if (seconds->is_proved) {
		seconds->is_lost = true;
		seconds->lost_counter = now->real.counter;
	}
}

/* Whether chronyd has dropped all that it had. */
static bool has_nothing(const struct cbd_poll *poll)
{
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		if (poll->source[i].since_s != CBD_SINCE_NEVER) {
			return false;
		}
	}
	return poll->has_source_data && poll->sources != 0;
}

void cbd_seconds_on_unsynchronised(struct cbd_core *core, const struct cbd_poll *poll)
{
	struct cbd_seconds *seconds = &core->seconds;

	if (seconds->is_lost && has_nothing(poll)) {
		/* What was read before, and is in no sample yet, is from before that. */
		seconds->lost_counter = poll->before.real.counter;
		seconds->is_lost = false;
		seconds->is_proved = false;
	}
}

/* Whether another source, that is none, agrees, and was measured after all that is pending. */
static bool is_confirmed(const struct cbd_core *core, const struct cbd_poll *poll,
			 const struct cbd_sample_context *context, const struct cbd_sample *sample)
{
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		const struct cbd_source_data *source = &poll->source[i];
		struct cbd_sample other;

		if (source->mode == CBD_SOURCE_MODE_REFCLOCK ||
		    cbd_account_is_from_before(&core->account, source) ||
		    !cbd_sample_from_source(poll, source, context, &other) ||
		    (core->event.reason != 0 &&
		     !cbd_belief_is_from_after(core, core->event.counter, poll, &other))) {
			continue;
		}
		cbd_account_charge(core, poll, &other);
		/* One that is so wide that it meets every second tells nothing. */
		if (cbd_ns_sub(other.interval.latest_ns, other.interval.earliest_ns) < NEAR_NS &&
		    cbd_interval_meets(&sample->interval, &other.interval)) {
			return true;
		}
	}
	return false;
}

static void ask(struct cbd_core *core, const struct cbd_poll *poll)
{
	struct cbd_seconds *seconds = &core->seconds;
	uint64_t counter = poll->before.real.counter;
	int64_t passed_ns = cbd_ticks_to_ns_floor(counter - seconds->asked_counter,
						  cbd_calibration_rate_q58(&core->calibration));

	if (seconds->asked == ASK_MAX || (seconds->asked != 0 && passed_ns < ASK_GAP_SEC * CBD_NS_PER_SEC)) {
		return;
	}
	seconds->asked++;
	seconds->asked_counter = counter;
	core->requests |= CBD_REQUEST_RESET_SOURCES | CBD_REQUEST_POLL_AGAIN;
}

bool cbd_seconds_are_known(struct cbd_core *core, const struct cbd_poll *poll,
			   const struct cbd_sample_context *context, const struct cbd_sample *sample)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	struct cbd_seconds *seconds = &core->seconds;

	if (selected == NULL || selected->mode != CBD_SOURCE_MODE_REFCLOCK ||
	    (!seconds->is_lost && (seconds->lost_counter == 0 ||
				   cbd_belief_is_from_after(core, seconds->lost_counter, poll, sample))) ||
	    is_confirmed(core, poll, context, sample)) {
		return true;
	}
	if (core->event.reason == 0) {
		cbd_disturbance_begin(core, CLOCKBOUND_REASON_SURPRISE, &poll->before);
	}
	if (seconds->is_lost) {
		ask(core, poll);
	}
	return false;
}
