/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server as chronyd sees it: see ntp.h.
 */
#include "tests/sim/ntp.h"

#include <string.h>

#define NS_PER_SEC   INT64_C(1000000000)
#define SAMPLES_MIN  3
#define SKEW_MAX     0.002 /* chrony's limit of the skew in a sample's dispersion */
#define PACKET_QUANT 15259 /* 2^-16 s, the resolution of delays and dispersions in NTP packets */
#define BURST_GAP_NS (2 * NS_PER_SEC)
#define TIMEOUT_NS   (3 * NS_PER_SEC)

void sim_source_init(struct sim_source *source, const struct sim_server *server, uint64_t seed, int number)
{
	memset(source, 0, sizeof(*source));
	source->server = server;
	source->rng = sim_rng_make(seed, 10 + (uint64_t)number);
	source->poll_log2 = server->poll_min;
	source->burst = 4;
	source->state = 1;
	source->arrival_ns = INT64_MAX;
	source->next_poll_ns = sim_rng_below(&source->rng, NS_PER_SEC);
}

static int64_t lie_of(const struct sim_server *server, int64_t now_ns)
{
	int64_t from_ns = (int64_t)server->lie_from_s * NS_PER_SEC;
	int64_t for_ns = server->lie_for_s != 0 ? (int64_t)server->lie_for_s * NS_PER_SEC : INT64_MAX / 2;

	return now_ns >= from_ns && now_ns - from_ns < for_ns ? server->lie_ns : 0;
}

/* Routes that change now and then: which way bears the delay, chronyd cannot know. */
static void reroute(struct sim_source *source, int64_t now_ns, int64_t *there_ns, int64_t *back_ns)
{
	int64_t all_ns = *there_ns + *back_ns;

	switch (now_ns / NS_PER_SEC / source->server->path.phase_s % 6) {
	case 0:
		*there_ns = 0;
		*back_ns = 0;
		break;
	case 1:
		*there_ns = all_ns;
		*back_ns = 0;
		break;
	case 2:
		*there_ns = 0;
		*back_ns = all_ns;
		break;
	case 3:
		*there_ns = sim_rng_below(&source->rng, all_ns);
		*back_ns = sim_rng_below(&source->rng, all_ns);
		break;
	case 4:
		*there_ns = sim_rng_chance(&source->rng, 500000) ? all_ns : 0;
		*back_ns = all_ns - *there_ns;
		break;
	default:
		*there_ns = sim_rng_below(&source->rng, all_ns / 10);
		*back_ns = all_ns;
		break;
	}
}

/* From the request at the server, or the pulse, to the answer. */
static int64_t hold_ns(struct sim_source *source)
{
	if (source->server->late_ns != 0) {
		return source->server->late_ns;
	}
	if (source->server->is_peer) {
		return ((int64_t)NS_PER_SEC << source->poll_log2) / 10 * 8;
	}
	return sim_rng_between(&source->rng, 5000, 30000);
}

void sim_source_send(struct sim_source *source, const struct sim_now *now)
{
	int64_t now_ns = now->true_ns;
	const struct sim_path *path = &source->server->path;
	int64_t there_ns = path->there_ns;
	int64_t back_ns = path->back_ns;
	int64_t gap_ns = ((int64_t)NS_PER_SEC << source->poll_log2) /
			 (source->server->averages > 1 ? source->server->averages : 1);

	if (path->is_extreme) {
		there_ns = sim_rng_chance(&source->rng, 500000) ? path->there_ns + path->back_ns : 0;
		back_ns = path->there_ns + path->back_ns - there_ns;
	}
	if (path->phase_s != 0) {
		reroute(source, now_ns, &there_ns, &back_ns);
	}
	if (path->jitter_ns != 0) {
		there_ns += sim_rng_exponential(&source->rng, path->jitter_ns);
		back_ns += sim_rng_exponential(&source->rng, path->jitter_ns);
	}
	if (sim_rng_chance(&source->rng, path->burst_ppm)) {
		back_ns += sim_rng_exponential(&source->rng, path->burst_ns);
	}
	source->sent_x_ns = now->x_ns;
	source->sent_real_ns = now->real_ns;
	source->hold_ns = hold_ns(source);
	source->received_ns =
		now->utc_ns + there_ns + source->server->own_error_ns + lie_of(source->server, now_ns);
	if (source->server->noise_ns != 0) {
		source->received_ns +=
			sim_rng_between(&source->rng, -source->server->noise_ns, source->server->noise_ns);
	}
	source->arrival_ns = source->is_lost ? INT64_MAX : now_ns + there_ns + source->hold_ns + back_ns;
	if (source->burst > 0) {
		source->burst--;
		gap_ns = gap_ns < BURST_GAP_NS ? gap_ns : BURST_GAP_NS;
	}
	source->next_poll_ns = now_ns + gap_ns + sim_rng_below(&source->rng, gap_ns / 64);
	if (source->arrival_ns > source->next_poll_ns ||
	    (!source->server->is_peer && source->arrival_ns - now_ns > TIMEOUT_NS)) {
		source->arrival_ns = INT64_MAX;
	}
}

static double rounded_up(int64_t ns)
{
	return (double)((ns + PACKET_QUANT - 1) / PACKET_QUANT * PACKET_QUANT);
}

/* In interleaved mode @now waits for the next exchange, and the one before is the sample; false: there is none. */
static bool interleave(struct sim_source *source, struct sim_sample *now)
{
	struct sim_sample before = source->held[0];
	bool has_before = source->helds != 0;

	source->held[0] = *now;
	source->helds = 1;
	*now = before;
	return has_before;
}

/* The mean of an interval's measurements, dated at the mean of their times; false until the last of them is there. */
static bool average(struct sim_source *source, struct sim_sample *now)
{
	const struct sim_sample *held = source->held;
	double time = 0;
	double offset = 0;
	int count;
	int i;

	source->held[source->helds++] = *now;
	if (source->helds < source->server->averages) {
		return false;
	}
	count = source->helds;
	source->helds = 0;
	for (i = 0; i < count; i++) {
		time += (double)(held[i].time_ns - held[0].time_ns);
		offset += held[i].offset_ns;
	}
	now->time_ns = held[0].time_ns + (int64_t)(time / count);
	now->offset_ns = offset / count;
	return true;
}

/* A pulse is that of the second which is nearest to X. */
static double nearest_second(double offset_ns)
{
	double seconds = offset_ns / NS_PER_SEC;

	return offset_ns - (double)(int64_t)(seconds + (seconds < 0 ? -0.5 : 0.5)) * NS_PER_SEC;
}

static struct sim_sample measure(const struct sim_source *source, int64_t x_ns, int64_t late_x_ns,
				 double precision_ns, double skew)
{
	const struct sim_server *server = source->server;
	int64_t trip_ns = x_ns - source->sent_x_ns;
	double delay_ns = (double)(trip_ns - source->hold_ns);
	struct sim_sample sample = {
		.time_ns = source->sent_x_ns + trip_ns / 2,
		/* ((T1 - T2) + (T4 - T3)) / 2 */
		.offset_ns = ((double)(source->sent_x_ns - source->received_ns) +
			      (double)(x_ns - source->received_ns - source->hold_ns)) /
			     2.0,
	};

	delay_ns = delay_ns < 0 ? -delay_ns : delay_ns;
	delay_ns = delay_ns < precision_ns ? precision_ns : delay_ns;
	sample.delay_ns = rounded_up(server->root_delay_ns) + delay_ns;
	sample.dispersion_ns = rounded_up(server->root_dispersion_ns) + precision_ns +
			       (skew < SKEW_MAX ? skew : SKEW_MAX) * delay_ns;
	if (server->is_refclock) {
		sample.delay_ns = (double)server->root_delay_ns;
		sample.dispersion_ns = (double)server->root_dispersion_ns;
	}
	if (server->late_ns != 0) {
		sample.time_ns = late_x_ns;
		sample.offset_ns = (double)(late_x_ns - source->received_ns);
	}
	if (server->is_pulse) {
		sample.offset_ns = nearest_second(sample.offset_ns);
	}
	return sample;
}

bool sim_source_receive(struct sim_source *source, int64_t x_ns, int64_t late_x_ns, double precision_ns,
			double skew)
{
	struct sim_sample sample = measure(source, x_ns, late_x_ns, precision_ns, skew);

	source->arrival_ns = INT64_MAX;
	if ((source->server->is_interleaved && !interleave(source, &sample)) ||
	    (source->server->averages > 1 && !average(source, &sample))) {
		return false;
	}
	if (source->samples == SIM_SAMPLES) {
		memmove(source->sample, source->sample + 1, (SIM_SAMPLES - 1) * sizeof(sample));
		source->samples--;
	}
	source->sample[source->samples++] = sample;
	source->measured_ns = sample.offset_ns;
	source->updates++;
	return true;
}

static void adjust(struct sim_sample sample[], int count, int64_t x_ns, double offset_ns, double frequency)
{
	int i;

	for (i = 0; i < count; i++) {
		double delta_ns = offset_ns + frequency * (double)(sample[i].time_ns - x_ns);

		sample[i].time_ns -= (int64_t)delta_ns;
		sample[i].offset_ns -= delta_ns;
	}
}

void sim_source_adjust(struct sim_source *source, int64_t x_ns, double offset_ns, double frequency)
{
	adjust(source->sample, source->samples, x_ns, offset_ns, frequency);
	adjust(source->held, source->helds, x_ns, offset_ns, frequency);
	source->estimate.offset_ns -= offset_ns;
	source->estimate.frequency -= frequency;
	if (source->arrival_ns != INT64_MAX) {
		source->sent_x_ns -= (int64_t)(offset_ns + frequency * (double)(source->sent_x_ns - x_ns));
	}
}

void sim_source_disperse(struct sim_source *source, double error_ns)
{
	int i;

	for (i = 0; i < source->samples; i++) {
		source->sample[i].dispersion_ns += error_ns;
	}
}

void sim_source_drop(struct sim_source *source)
{
	source->samples = 0;
	source->helds = 0;
	source->updates = 0;
	source->estimate = (struct sim_estimate){0};
	source->arrival_ns = INT64_MAX;
	source->poll_log2 = source->server->poll_min;
}

const struct sim_sample *sim_source_best(const struct sim_source *source, double skew, double *distance_ns)
{
	const struct sim_sample *newest = &source->sample[source->samples - 1];
	const struct sim_sample *best = newest;
	int i;

	*distance_ns = 1e18;
	for (i = source->estimate.first; i < source->samples; i++) {
		const struct sim_sample *sample = &source->sample[i];
		double far_ns = sample->dispersion_ns + sample->delay_ns / 2.0 +
				skew * (double)(newest->time_ns - sample->time_ns);

		if (far_ns < *distance_ns) {
			*distance_ns = far_ns;
			best = sample;
		}
	}
	return best;
}
