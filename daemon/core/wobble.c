/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd's frequency and its path: see wobble.h.
 */
#include "daemon/core/wobble.h"

#include "daemon/core/core.h"
#include "daemon/core/q58.h"
#include "daemon/core/sample.h"

/* An oscillator's frequency is followed at rho in so many seconds: its temperature takes as long. */
#define STEADY_SEC 1000
/* Shorter intervals are polled faster than we ask; what they bring in a second counts. */
#define INTERVAL_MIN_NS 1000000
/* chronyd's longest poll, 2^24 s; a longer interval on the wire is no interval, and a shorter one doubts more. */
#define INTERVAL_MAX_NS (CBD_NS_PER_SEC << 24)
/* The largest error of a sample by which the frequency may have been made. */
static int64_t largest_error_ns(const struct cbd_wobble *wobble)
{
	int64_t ns = wobble->intervals < CBD_WOBBLE_INTERVALS ? wobble->former_ns : 0;
	uint32_t i;

	for (i = 0; i < wobble->intervals; i++) {
		ns = cbd_ns_max(ns, wobble->error_ns[i]);
	}
	return ns;
}

void cbd_wobble_forget(struct cbd_wobble *wobble)
{
	wobble->former_ns = largest_error_ns(wobble);
	wobble->intervals = 0;
}

/* The largest error of the samples that chronyd combines. */
static int64_t error_of(const struct cbd_poll *poll)
{
	int64_t ns = 0;
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		const struct cbd_source_data *source = &poll->source[i];

		if (source->since_s != CBD_SINCE_NEVER) {
			ns = cbd_ns_max(ns, source->error_ns);
		}
	}
	return ns;
}

/* Another update of the same reference adds an interval; another reference has samples of its own. */
static void note_update(struct cbd_wobble *wobble, const struct cbd_poll *poll)
{
	const struct cbd_tracking *tracking = &poll->tracking;
	uint64_t update = cbd_sample_update_mark(tracking);
	uint32_t i;

	if (update == wobble->update) {
		return;
	}
	if (tracking->reference_id != wobble->reference_id || tracking->update_interval_ns <= 0) {
		cbd_wobble_forget(wobble);
	}
	wobble->update = update;
	wobble->reference_id = tracking->reference_id;
	for (i = CBD_WOBBLE_INTERVALS - 1; i > 0; i--) {
		wobble->interval_ns[i] = wobble->interval_ns[i - 1];
		wobble->error_ns[i] = wobble->error_ns[i - 1];
	}
	wobble->error_ns[0] = error_of(poll);
	wobble->interval_ns[0] =
		cbd_ns_min(cbd_ns_max(tracking->update_interval_ns, INTERVAL_MIN_NS), INTERVAL_MAX_NS);
	wobble->intervals += wobble->intervals < CBD_WOBBLE_INTERVALS ? 1 : 0;
}

/* Between two samples of chronyd's regression, at least. */
static int64_t least_ns(const struct cbd_wobble *wobble)
{
	int64_t ns = wobble->intervals == 0 ? INTERVAL_MIN_NS : wobble->interval_ns[0];
	uint32_t i;

	for (i = 1; i < wobble->intervals; i++) {
		ns = cbd_ns_min(ns, wobble->interval_ns[i]);
	}
	return ns;
}

static void follow_frequency(struct cbd_core *core, const struct cbd_poll *poll)
{
	struct cbd_memory *memory = &core->memory;
	int64_t frequency = poll->tracking.frequency_q58;
	uint64_t counter = poll->before.real.counter;
	int64_t step_q58;
	int64_t seconds;

	if (memory->steady_counter == 0 || counter < memory->steady_counter) {
		/* At the start nothing tells an oscillator from a path that misleads; but it was made for its frequency. */
		memory->steady_q58 = memory->steady_counter == 0 ? 0 : memory->steady_q58;
		memory->steady_counter = counter;
		return;
	}
	if (!core->calibration.has_rate) {
		return;
	}
	seconds = cbd_ticks_to_ns_floor(counter - memory->steady_counter,
					cbd_calibration_rate_q58(&core->calibration)) /
		  CBD_NS_PER_SEC;
	if (seconds == 0) {
		return;
	}
	memory->steady_counter = counter;
	seconds = cbd_ns_min(seconds, STEADY_SEC);
	step_q58 = cbd_q58_from_ppb(core->config.rho_ppb) / STEADY_SEC * seconds;
	memory->steady_q58 = cbd_ns_max(cbd_ns_sub(memory->steady_q58, step_q58),
					cbd_ns_min(cbd_ns_add(memory->steady_q58, step_q58), frequency));
}

void cbd_wobble_follow(struct cbd_core *core, const struct cbd_poll *poll)
{
	follow_frequency(core, poll);
	note_update(&core->wobble, poll);
}

int64_t cbd_wobble_q58(const struct cbd_core *core, const struct cbd_poll *poll)
{
	int64_t left_q58 = cbd_ns_abs(cbd_ns_sub(poll->tracking.frequency_q58, core->memory.steady_q58));
	int64_t error_ns = cbd_ns_max(cbd_ns_max(core->terms.sample_error_ns, error_of(poll)),
				      largest_error_ns(&core->wobble));
	int64_t least = least_ns(&core->wobble);

	if (core->memory.steady_counter == 0 || left_q58 == 0) {
		return 0;
	}
	error_ns = cbd_ns_min(error_ns, least);
	return cbd_ns_min(left_q58, (CBD_Q58_ONE / least + 1) * error_ns * 2);
}
