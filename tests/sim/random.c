/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random worlds: servers, chronyd, daemon and what befalls them, drawn from the seed. They meet what nobody thought of
 * putting together; a fault that they find gets a scenario or a unit test of its own.
 */
#include "tests/sim/scenario.h"

#include "tests/sim/rng.h"

#define STREAM	 99 /* of random numbers: no other part of a world draws from it */
#define SECONDS	 2500
#define LEAP_EVE INT64_C(1782862200) /* 2026-06-30T23:30:00Z */
#define LEAP_AT	 1800
#define HALF	 500000 /* ppm */
#define SELDOM	 80000

/* Logarithmic: @base times a power of two below 2^(@bits + 1). */
static int64_t scaled(struct sim_rng *rng, int64_t base, int64_t bits)
{
	return base << sim_rng_between(rng, 0, bits);
}

static int64_t signed_scaled(struct sim_rng *rng, int64_t base, int64_t bits)
{
	int64_t sign = sim_rng_between(rng, -1, 1);

	return sign * scaled(rng, base, bits);
}

static struct sim_server draw_server(struct sim_rng *rng)
{
	int64_t there_ns = scaled(rng, 10000, 10);
	int64_t back_ns = scaled(rng, 10000, 10);
	struct sim_server server = {
		.path = {.there_ns = there_ns,
			 .back_ns = sim_rng_chance(rng, HALF) ? there_ns : back_ns,
			 .jitter_ns = there_ns / 10 + 100,
			 .is_extreme = sim_rng_chance(rng, SELDOM)},
		.poll_min = (int8_t)sim_rng_between(rng, 0, 6),
	};

	server.poll_max = (int8_t)(server.poll_min + sim_rng_between(rng, 0, 2));
	server.poll_max = server.poll_max == 0 ? 1 : server.poll_max; /* 0 is the default's sign */
	if (sim_rng_chance(rng, SELDOM)) {
		server.is_refclock = true;
		server.root_delay_ns = 1000;
		server.root_dispersion_ns = 20000;
		server.path = (struct sim_path){.there_ns = 5000, .back_ns = 5000, .jitter_ns = 100};
	}
	return server;
}

static struct sim_chronyd_options draw_chronyd(struct sim_rng *rng)
{
	struct sim_chronyd_options options = {
		.is_slow_to_act = sim_rng_chance(rng, HALF / 2),
		.is_before_4 = sim_rng_chance(rng, HALF / 2),
		.is_foreign = sim_rng_chance(rng, SELDOM),
		.cannot_step = sim_rng_chance(rng, SELDOM),
		.late_ppm = sim_rng_chance(rng, HALF / 2) ? 20000 : 0,
		.lost_ppm = sim_rng_chance(rng, HALF / 2) ? 20000 : 0,
	};

	options.forgets = options.cannot_step;
	if (sim_rng_chance(rng, HALF)) {
		options.makestep_ns = scaled(rng, 1000000, 10);
		options.makestep_limit = sim_rng_chance(rng, HALF) ? 3 : 0;
	}
	return options;
}

static struct sim_event draw_event(struct sim_rng *rng, bool may_slew)
{
	static const enum sim_event_kind kinds[] = {
		SIM_STEP,  SIM_STEP,	     SIM_CHRONYD_STOP, SIM_CHRONYD_HANG, SIM_CHRONYD_RESET,
		SIM_SLEEP, SIM_MAKESTEP,     SIM_LOCAL,	       SIM_SOURCES_LOST, SIM_SLEEP_RESET,
		SIM_RATE,  SIM_DAEMON_PAUSE, SIM_DAEMON_KILL,  SIM_DAEMON_KILL,
	};
	struct sim_event event = {
		.at_s = (int32_t)sim_rng_between(rng, 200, 900),
		.every_s = (int32_t)sim_rng_between(rng, 60, 400),
		.kind = kinds[sim_rng_between(rng, 0, (int64_t)(sizeof(kinds) / sizeof(kinds[0])) - 1)],
	};

	if (event.kind == SIM_RATE && !may_slew) {
		event.kind = SIM_STEP;
	}
	event.value = event.kind == SIM_STEP   ? signed_scaled(rng, 20000, 18)
		      : event.kind == SIM_RATE ? signed_scaled(rng, 1000, 12)
					       : scaled(rng, 100000000, 9);
	return event;
}

static void draw(struct sim_scenario *scenario, uint64_t seed, bool may_slew)
{
	struct sim_rng rng = sim_rng_make(seed, STREAM);
	int64_t servers = sim_rng_between(&rng, 1, 3);
	int i;

	scenario->oscillator.base_ppb = sim_rng_between(&rng, -40000, 40000);
	scenario->oscillator.walk_ppt = sim_rng_chance(&rng, HALF) ? 3000 : 0;
	for (i = 0; i < servers; i++) {
		scenario->server[i] = draw_server(&rng);
	}
	scenario->chronyd = draw_chronyd(&rng);
	scenario->clock_offset_ns = sim_rng_chance(&rng, HALF) ? signed_scaled(&rng, 100000, 15) : 0;
	scenario->kill_ppm = sim_rng_chance(&rng, HALF) ? 30000 : 0;
	scenario->pause_ppm = sim_rng_chance(&rng, HALF / 2) ? 10000 : 0;
	scenario->has_no_counter = sim_rng_chance(&rng, SELDOM);
	if (sim_rng_chance(&rng, SELDOM)) {
		scenario->start_utc_s = LEAP_EVE;
		scenario->leap_at_s = LEAP_AT;
		scenario->leap = sim_rng_chance(&rng, HALF) ? 1 : -1;
	}
	for (i = 0; i < SIM_EVENTS; i++) {
		scenario->event[i] = draw_event(&rng, may_slew);
	}
}

static void draw_steps(struct sim_scenario *scenario, uint64_t seed)
{
	draw(scenario, seed, false);
}

static void draw_slews(struct sim_scenario *scenario, uint64_t seed)
{
	draw(scenario, seed, true);
}

/* The same with samples that are old when they come, one source of several lost for a while, and rougher paths. */
static void draw_late(struct sim_scenario *scenario, uint64_t seed)
{
	struct sim_rng rng = sim_rng_make(seed, STREAM + 1);
	int i;

	draw(scenario, seed, true);
	for (i = 0; i < SIM_SERVERS; i++) {
		struct sim_server *server = &scenario->server[i];

		if (server->poll_max == 0) {
			break;
		}
		if (server->is_refclock) {
			server->averages = (int8_t)(1 << (server->poll_min < 4 ? server->poll_min : 4));
			server->noise_ns = server->root_dispersion_ns * 3 / 4;
			continue;
		}
		server->is_interleaved = sim_rng_chance(&rng, HALF);
		server->path.phase_s =
			sim_rng_chance(&rng, HALF / 2) ? (int32_t)sim_rng_between(&rng, 20, 300) : 0;
		server->path.burst_ppm = sim_rng_chance(&rng, HALF / 2) ? 200000 : 0;
		server->path.burst_ns = scaled(&rng, 1000000, 9);
	}
	for (i = 0; i < 2; i++) {
		scenario->event[i] = (struct sim_event){.at_s = (int32_t)sim_rng_between(&rng, 200, 900),
							.every_s = (int32_t)sim_rng_between(&rng, 60, 400),
							.kind = SIM_SOURCE_LOST,
							.value = scaled(&rng, 100000000, 9)};
	}
	scenario->preempt_ppm = sim_rng_chance(&rng, HALF / 2) ? 3000 : 0;
	scenario->skew_ticks = sim_rng_chance(&rng, SELDOM) && !scenario->has_no_counter ? 200 : 0;
}

/* The same with refclocks of all kinds and peers. A pulse has a server beside it, as it must: which second it is tells nobody else. */
static void draw_kinds(struct sim_scenario *scenario, uint64_t seed)
{
	struct sim_rng rng = sim_rng_make(seed, STREAM + 2);
	int i;

	draw_late(scenario, seed);
	for (i = 0; i < SIM_SERVERS && scenario->server[i].poll_max != 0; i++) {
		struct sim_server *server = &scenario->server[i];

		if (i != 0 && sim_rng_chance(&rng, HALF)) {
			server->is_refclock = true;
			server->is_interleaved = false;
			server->is_pulse = sim_rng_chance(&rng, HALF);
			server->late_ns =
				sim_rng_chance(&rng, HALF) ? sim_rng_between(&rng, 1000, 900000000) : 0;
			server->averages =
				server->late_ns == 0 && sim_rng_chance(&rng, HALF)
					? (int8_t)(1 << (server->poll_min < 4 ? server->poll_min : 4))
					: 0;
			server->root_delay_ns = 1;
			server->root_dispersion_ns = scaled(&rng, 2000, 10);
			server->noise_ns = server->root_dispersion_ns / 2;
			server->path = (struct sim_path){0};
		} else if (!server->is_refclock && sim_rng_chance(&rng, HALF / 2)) {
			server->is_peer = true;
			server->is_interleaved = false;
		}
	}
}

static const struct sim_scenario scenarios[] = {
	{
		.name = "random_worlds_are_contained",
		.why = "A3: until a poll has seen that the machine slept, counter readers do not know",
		.verdict = SIM_WINDOW,
		.draw = draw_steps,
		.seconds = SECONDS,
		.valid_percent_min = -1,
	},
	{
		.name = "random_worlds_of_late_samples_are_contained",
		.why = "A3: until a poll has seen that the machine slept, counter readers do not know",
		.verdict = SIM_WINDOW,
		.draw = draw_late,
		.seconds = SECONDS,
		.valid_percent_min = -1,
	},
	{
		.name = "random_worlds_of_refclocks_and_peers_are_contained",
		.why = "A3: until a poll has seen that the machine slept, counter readers do not know",
		.verdict = SIM_WINDOW,
		.draw = draw_kinds,
		.seconds = SECONDS,
		.valid_percent_min = -1,
	},
	{
		.name = "random_worlds_with_strangers_who_slew_are_contained",
		.why = "A3: until a poll has seen that the machine slept, counter readers do not know",
		.verdict = SIM_WINDOW,
		.draw = draw_slews,
		.seconds = SECONDS,
		.valid_percent_min = -1,
	},
};

const struct sim_scenario_list sim_random_scenarios = {scenarios,
						       (int)(sizeof(scenarios) / sizeof(scenarios[0]))};
