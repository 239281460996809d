/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd's discipline: steering, updates, commands. See chronyd.h.
 */
#include "tests/sim/chronyd.h"

#include <string.h>

#include "tests/sim/select.h"
#include "tests/sim/world.h"

#define NS_PER_SEC	INT64_C(1000000000)
#define SLEW_MIN_NS	1e9
#define SLEW_MAX_NS	1e13
#define SLEW_RATE_PPM	83333
#define TIME_RATIO	1.5 /* corrtimeratio / 2 */
#define FREQUENCY_MAX	0.05
#define SKEW_MIN	1e-11
#define SKEW_UPDATE_MAX 0.001 /* maxupdateskew: beyond it only the offset is taken */
#define SKEW_NOTHING	1.0   /* "1e6 ppm": nothing is known */
#define PRECISION_NS	100.0
#define CHANGE_DELAY_NS                                                                                      \
	10000.0 /* what chronyd itself allows for, between its reading and the kernel's change */
#define CHANGE_LATE_NS 1000000 /* what a busy machine makes of it */
#define JUMP_NS	       (10 * NS_PER_SEC)
#define FREQ_PER       65536000000.0

/* The server of a scenario that names none. */
static const struct sim_server near_enough = {
	.path = {.there_ns = 100000, .back_ns = 100000, .jitter_ns = 20000},
	.poll_min = 4,
	.poll_max = 6,
};

static int64_t real_ns(const struct sim_world *world)
{
	return sim_kernel_real_ns(&world->kernel, sim_world_ticks(world));
}

double sim_chronyd_correction_at(const struct sim_chronyd *chronyd, int64_t at_real_ns)
{
	return chronyd->correction_ns +
	       chronyd->correction_rate * (double)(at_real_ns - chronyd->from_real_ns);
}

static int64_t nearest(double ns)
{
	return (int64_t)(ns + (ns < 0 ? -0.5 : 0.5));
}

int64_t sim_chronyd_x_ns(const struct sim_world *world)
{
	int64_t now_ns = real_ns(world);

	return now_ns + nearest(sim_chronyd_correction_at(&world->chronyd, now_ns));
}

double sim_chronyd_frequency(const struct sim_world *world)
{
	return world->chronyd.frequency;
}

static double magnitude(double value)
{
	return value < 0 ? -value : value;
}

/* How fast the clock is to run for the correction to be worked off, and for how long. */
static double plan_slew(const struct sim_chronyd *chronyd, double *duration_ns)
{
	double limit =
		(double)(chronyd->options.max_slew_ppm != 0 ? chronyd->options.max_slew_ppm : SLEW_RATE_PPM) *
		1e-6;
	double size_ns = magnitude(chronyd->correction_ns);
	double rate;

	*duration_ns = size_ns > 1.0 ? chronyd->offset_power / size_ns : SLEW_MAX_NS;
	*duration_ns = *duration_ns < SLEW_MIN_NS ? SLEW_MIN_NS : *duration_ns;
	*duration_ns = *duration_ns > SLEW_MAX_NS ? SLEW_MAX_NS : *duration_ns;
	rate = chronyd->correction_ns / *duration_ns;
	if (magnitude(rate) > limit) {
		rate = rate < 0 ? -limit : limit;
		*duration_ns = size_ns / limit;
	}
	return rate;
}

/* From here on X - CLOCK_REALTIME is @correction_ns, and is worked off. */
static void steer(struct sim_world *world, double correction_ns)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	double duration_ns;
	double rate;
	int i;

	chronyd->from_real_ns = real_ns(world);
	chronyd->correction_ns = correction_ns;
	chronyd->is_overrun = false;
	if (chronyd->options.is_foreign) {
		chronyd->correction_rate = -chronyd->frequency;
		chronyd->slew_end_ns = INT64_MAX;
		return;
	}
	rate = (1.0 - chronyd->frequency) * (1.0 + plan_slew(chronyd, &duration_ns)) - 1.0;
	rate = (double)nearest(rate * FREQ_PER) / FREQ_PER;
	chronyd->correction_rate = (1.0 - chronyd->frequency) / (1.0 + rate) - 1.0;
	for (i = 0; i < chronyd->sources; i++) {
		sim_source_disperse(&chronyd->source[i],
				    magnitude(rate - chronyd->apply_rate) * CHANGE_DELAY_NS);
	}
	chronyd->apply_rate = rate;
	chronyd->apply_ns = world->now_ns + sim_rng_between(&chronyd->rng, 500, 8000);
	if (chronyd->options.is_slow_to_act) {
		chronyd->apply_ns += sim_rng_below(&chronyd->rng, CHANGE_LATE_NS);
	}
	chronyd->slew_end_ns =
		world->now_ns + (int64_t)duration_ns + sim_rng_exponential(&chronyd->rng, 50000);
}

/* X moves by -@offset_ns and its rate by -@frequency, and so do all samples' offsets from it. */
static void move_x(struct sim_world *world, double offset_ns, double frequency)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	int64_t x_ns = sim_chronyd_x_ns(world);
	int i;

	for (i = 0; i < chronyd->sources; i++) {
		sim_source_adjust(&chronyd->source[i], x_ns, offset_ns, frequency);
	}
}

/* Steps the clock so that it shows X. The samples do not hear of it: they are relative to X. */
static void step(struct sim_world *world, double correction_ns)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	int64_t step_ns = nearest(correction_ns);

	if (chronyd->options.is_foreign || chronyd->options.cannot_step) {
		steer(world, correction_ns);
		return;
	}
	sim_kernel_step(&world->kernel, step_ns);
	sim_world_disturbed(world);
	chronyd->seen_offset_ns += step_ns;
	steer(world, correction_ns - (double)step_ns);
}

/* chronyd up to 4.6 takes the correction for made before it steps: X is where the clock is, and if that fails stays there. */
static bool forgets(const struct sim_chronyd *chronyd)
{
	return chronyd->options.forgets && (chronyd->options.is_foreign || chronyd->options.cannot_step);
}

void sim_chronyd_makestep(struct sim_world *world)
{
	double correction_ns = sim_chronyd_correction_at(&world->chronyd, real_ns(world));

	if (forgets(&world->chronyd)) {
		move_x(world, correction_ns, 0);
		steer(world, 0);
		return;
	}
	step(world, correction_ns);
}

static void note_reference(struct sim_world *world, const struct sim_source *source)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	const struct sim_sample *newest = &source->sample[source->samples - 1];
	double distance_ns;
	const struct sim_sample *best = sim_source_best(source, source->estimate.skew, &distance_ns);
	int64_t mono_ns = sim_kernel_mono_ns(&world->kernel, sim_world_ticks(world));

	chronyd->root_delay_ns = best->delay_ns;
	chronyd->root_dispersion_ns = best->dispersion_ns + source->estimate.deviation_ns +
				      source->estimate.skew * (double)(newest->time_ns - best->time_ns);
	chronyd->update_interval_ns = chronyd->update_mono_ns != 0 ? mono_ns - chronyd->update_mono_ns : 0;
	chronyd->update_mono_ns = mono_ns;
	chronyd->reference_id = SIM_CHRONYD_FIRST_ID + (uint32_t)chronyd->selected;
	chronyd->is_synchronised = true;
}

/*
 * Old and new frequency by the inverse squares of their skews, the new one three times; how far they are apart adds
 * to the skew, and what is not adopted is the residual. Returns the frequency that is adopted.
 */
static double weigh_frequency(struct sim_chronyd *chronyd, const struct sim_estimate *combined)
{
	double found = chronyd->frequency + combined->frequency * (1.0 - chronyd->frequency);
	double skew = combined->skew > SKEW_MIN ? combined->skew : SKEW_MIN;
	double old_part = 1.0 / (chronyd->skew * chronyd->skew);
	double new_part = 3.0 / (skew * skew);
	double sum = old_part + new_part;
	double adopted = (chronyd->frequency * old_part + found * new_part) / sum;
	double old_off = adopted - chronyd->frequency;
	double new_off = adopted - found;
	double apart = sim_root((old_off * old_off * old_part + new_off * new_off * new_part) / sum);

	if (chronyd->options.is_obstinate) {
		chronyd->skew = 0;
		return chronyd->frequency;
	}
	if (combined->skew > SKEW_UPDATE_MAX) {
		chronyd->residual = magnitude(found - chronyd->frequency);
		return chronyd->frequency;
	}
	adopted = adopted > FREQUENCY_MAX ? FREQUENCY_MAX : adopted;
	adopted = adopted < -FREQUENCY_MAX ? -FREQUENCY_MAX : adopted;
	chronyd->residual = magnitude(found - adopted);
	chronyd->skew = apart + (chronyd->skew * old_part + skew * new_part) / sum;
	chronyd->skew = chronyd->skew > 1.0 ? 1.0 : chronyd->skew;
	return adopted;
}

static bool is_step_due(const struct sim_chronyd *chronyd, double correction_ns)
{
	return chronyd->options.makestep_ns != 0 &&
	       magnitude(correction_ns) > (double)chronyd->options.makestep_ns &&
	       (chronyd->options.makestep_limit == 0 || chronyd->updates <= chronyd->options.makestep_limit);
}

/* An update of the reference: X moves, and its rate. */
static void update(struct sim_world *world, struct sim_source *source)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	struct sim_estimate combined = sim_select_combine(chronyd, sim_chronyd_x_ns(world));
	double frequency = weigh_frequency(chronyd, &combined);
	double left_ns = sim_chronyd_correction_at(chronyd, real_ns(world));
	double correction_ns = left_ns - combined.offset_ns;
	bool is_step;

	note_reference(world, source);
	chronyd->updates++;
	is_step = is_step_due(chronyd, correction_ns);
	if (is_step && forgets(chronyd)) {
		combined.offset_ns = left_ns;
		correction_ns = 0;
		is_step = false;
	}
	move_x(world, combined.offset_ns, (frequency - chronyd->frequency) / (1.0 - chronyd->frequency));
	chronyd->ref_time_ns =
		source->sample[source->samples - 1].time_ns - sim_rng_below(&chronyd->rng, NS_PER_SEC);
	chronyd->frequency = frequency;
	chronyd->offset_power =
		TIME_RATIO * combined.deviation_ns *
		(double)(chronyd->update_interval_ns > NS_PER_SEC ? chronyd->update_interval_ns : NS_PER_SEC);
	if (is_step) {
		step(world, correction_ns);
	} else {
		steer(world, correction_ns);
	}
	if (source->poll_log2 < source->server->poll_max && sim_rng_chance(&chronyd->rng, 100000)) {
		source->poll_log2++;
	}
}

/* An estimator of the worst kind that the rule allows for: it never learns, and moves X as it likes. */
static void guess(struct sim_chronyd *chronyd, struct sim_source *source)
{
	double latest_ns = source->sample[source->samples - 1].offset_ns;

	source->estimate.is_known = source->samples >= 3;
	source->estimate.first = source->samples - 1;
	source->estimate.frequency = 0;
	source->estimate.skew = 0;
	source->estimate.deviation_ns = 1000.0;
	switch (sim_rng_below(&chronyd->rng, 3)) {
	case 0:
		source->estimate.offset_ns = latest_ns;
		break;
	case 1:
		source->estimate.offset_ns = 0;
		break;
	default:
		source->estimate.offset_ns =
			latest_ns + (double)sim_rng_between(&chronyd->rng, -200000, 200000);
		break;
	}
}

static void on_arrival(struct sim_world *world, struct sim_source *source)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	double skew = source->estimate.is_known ? source->estimate.skew : 1.0;
	int64_t late_x_ns =
		source->sent_real_ns + nearest(sim_chronyd_correction_at(chronyd, source->sent_real_ns));

	if (source->server->is_pulse && !chronyd->is_synchronised) {
		source->helds = 0;
		source->arrival_ns = INT64_MAX;
		return;
	}
	if (!sim_source_receive(source, sim_chronyd_x_ns(world), late_x_ns, PRECISION_NS,
				chronyd->options.is_obstinate ? 0.0001 : skew)) {
		return;
	}
	if (chronyd->options.is_obstinate) {
		guess(chronyd, source);
	} else {
		sim_source_estimate(source);
	}
	if (!sim_select(chronyd, sim_chronyd_x_ns(world))) {
		return;
	}
	source = &chronyd->source[chronyd->selected];
	if (source->updates != 0) {
		int i;

		for (i = 0; i < chronyd->sources; i++) {
			chronyd->source[i].updates = 0;
		}
		update(world, source);
	}
}

void sim_chronyd_reset(struct sim_world *world)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	int i;

	for (i = 0; i < chronyd->sources; i++) {
		sim_source_drop(&chronyd->source[i]);
		chronyd->source[i].state = CBD_SOURCE_NONSELECTABLE;
	}
	chronyd->selected = -1;
	chronyd->is_synchronised = false;
	chronyd->update_mono_ns = 0;
	steer(world, 0.0);
}

void sim_chronyd_burst(struct sim_world *world)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	int i;

	for (i = 0; i < chronyd->sources; i++) {
		struct sim_source *source = &chronyd->source[i];

		source->burst = 4;
		if (source->next_poll_ns > world->now_ns + 2 * NS_PER_SEC) {
			source->next_poll_ns = world->now_ns + sim_rng_below(&chronyd->rng, 200000000);
		}
	}
}

void sim_chronyd_notice_jump(struct sim_world *world)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	int64_t jump_ns = world->kernel.wall_ns - chronyd->seen_offset_ns;

	chronyd->seen_offset_ns = world->kernel.wall_ns;
	/* A jump forward is not seen if it falls between its waking up and its going to sleep. */
	if (jump_ns < -JUMP_NS ||
	    (jump_ns > JUMP_NS && (world->kernel.asleep_ns != 0 || sim_rng_chance(&chronyd->rng, 500000)))) {
		sim_chronyd_reset(world);
	}
}

void sim_chronyd_stop(struct sim_world *world)
{
	struct sim_chronyd *chronyd = &world->chronyd;

	if (!chronyd->is_running) {
		return;
	}
	chronyd->is_running = false;
	if (!chronyd->options.is_foreign) {
		sim_kernel_set_rate(&world->kernel, sim_world_ticks(world), -chronyd->frequency);
		sim_world_disturbed(world);
	}
}

void sim_chronyd_start(struct sim_world *world)
{
	struct sim_chronyd *chronyd = &world->chronyd;

	if (chronyd->is_running) {
		return;
	}
	chronyd->is_running = true;
	chronyd->updates = 0;
	chronyd->seen_offset_ns = world->kernel.wall_ns;
	sim_chronyd_reset(world);
	sim_chronyd_burst(world);
}

void sim_chronyd_init(struct sim_world *world)
{
	const struct sim_scenario *scenario = world->scenario;
	struct sim_chronyd *chronyd = &world->chronyd;
	int i;

	memset(chronyd, 0, sizeof(*chronyd));
	chronyd->options = scenario->chronyd;
	chronyd->rng = sim_rng_make(world->seed, 2);
	chronyd->frequency = (double)chronyd->options.frequency_ppb * 1e-9;
	chronyd->skew = chronyd->options.frequency_ppb != 0 ? 1e-6 : SKEW_NOTHING;
	chronyd->selected = -1;
	chronyd->slew_end_ns = INT64_MAX;
	chronyd->apply_ns = INT64_MAX;
	for (i = 0; i < SIM_SERVERS; i++) {
		if (scenario->server[i].poll_max != 0 || scenario->server[i].poll_min != 0) {
			sim_source_init(&chronyd->source[i], &scenario->server[i], world->seed, i);
			chronyd->sources++;
		}
	}
	if (chronyd->sources == 0) {
		sim_source_init(&chronyd->source[0], &near_enough, world->seed, 0);
		chronyd->sources = 1;
	}
	if (!scenario->is_chronyd_late) {
		sim_chronyd_start(world);
	}
}

/* Hanging, it cannot end its slew: the kernel takes the clock past X. */
static bool is_overrunning(const struct sim_world *world)
{
	const struct sim_chronyd *chronyd = &world->chronyd;

	return chronyd->is_running && !chronyd->is_overrun && chronyd->slew_end_ns < chronyd->hang_until_ns &&
	       world->now_ns < chronyd->hang_until_ns;
}

int64_t sim_chronyd_next_ns(const struct sim_world *world)
{
	const struct sim_chronyd *chronyd = &world->chronyd;
	int64_t next_ns = chronyd->slew_end_ns < chronyd->apply_ns ? chronyd->slew_end_ns : chronyd->apply_ns;
	int i;

	if (!chronyd->is_running) {
		return INT64_MAX;
	}
	if (is_overrunning(world)) {
		return chronyd->slew_end_ns;
	}
	for (i = 0; i < chronyd->sources; i++) {
		const struct sim_source *source = &chronyd->source[i];

		next_ns = source->next_poll_ns < next_ns ? source->next_poll_ns : next_ns;
		next_ns = source->arrival_ns < next_ns ? source->arrival_ns : next_ns;
	}
	return next_ns > chronyd->hang_until_ns ? next_ns : chronyd->hang_until_ns;
}

void sim_chronyd_run(struct sim_world *world)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	int i;

	if (is_overrunning(world) && chronyd->slew_end_ns <= world->now_ns) {
		chronyd->is_overrun = true;
		sim_world_disturbed(world);
		return;
	}
	if (chronyd->apply_ns <= world->now_ns) {
		chronyd->apply_ns = INT64_MAX;
		sim_kernel_set_rate(&world->kernel, sim_world_ticks(world), chronyd->apply_rate);
		sim_world_disturbed(world);
	}
	sim_chronyd_notice_jump(world);
	if (chronyd->slew_end_ns <= world->now_ns) {
		steer(world, sim_chronyd_correction_at(chronyd, real_ns(world)));
	}
	for (i = 0; i < chronyd->sources; i++) {
		struct sim_source *source = &chronyd->source[i];

		if (source->arrival_ns <= world->now_ns) {
			on_arrival(world, source);
		}
		if (source->next_poll_ns <= world->now_ns) {
			const struct sim_now now = {world->now_ns, sim_world_utc_ns(world), real_ns(world),
						    sim_chronyd_x_ns(world)};

			sim_source_send(source, &now);
		}
	}
}
