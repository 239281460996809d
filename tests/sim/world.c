/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated world: see world.h.
 */
#include "tests/sim/world.h"

#include <string.h>

#define NS_PER_SEC	INT64_C(1000000000)
#define SECONDS_DEFAULT 3000
#define START_UTC_S	INT64_C(1768478400) /* 2026-01-15T12:00:00Z, far from any month's end */

/* Large, and there is never more than one. */
static struct sim_world the_world;

struct sim_world *sim_world_begin(const struct sim_scenario *scenario, uint64_t seed, int64_t seconds)
{
	struct sim_world *world = &the_world;

	sim_daemon_free(world);
	memset(world, 0, sizeof(*world));
	world->scenario = scenario;
	world->seed = seed;
	seconds = seconds != 0 ? seconds : scenario->seconds != 0 ? scenario->seconds : SECONDS_DEFAULT;
	world->end_ns = seconds * NS_PER_SEC;
	world->start_utc_ns = (scenario->start_utc_s != 0 ? scenario->start_utc_s : START_UTC_S) * NS_PER_SEC;
	/* One that is deleted is the last of the day. */
	world->leap_ns = scenario->leap_at_s != 0 ? (scenario->leap_at_s - (scenario->leap < 0)) * NS_PER_SEC
						  : INT64_MAX;
	if (scenario->leap_at_s != 0 && !scenario->is_leap_secret) {
		world->leap_status = scenario->leap > 0 ? 1 : 2;
	}
	sim_oscillator_init(&world->oscillator, &scenario->oscillator, seed);
	sim_kernel_init(&world->kernel, world->oscillator.hz, sim_world_ticks(world),
			sim_world_utc_ns(world) + scenario->clock_offset_ns);
	sim_kernel_set_rate(&world->kernel, sim_world_ticks(world), (double)scenario->clock_rate_ppb * 1e-9);
	sim_oracle_init(world);
	sim_script_init(world);
	sim_phc_init(world);
	sim_daemon_init(world);
	sim_readers_init(world);
	sim_chronyd_init(world);
	return world;
}

uint64_t sim_world_ticks(const struct sim_world *world)
{
	return sim_oscillator_ticks(&world->oscillator, world->now_ns);
}

uint64_t sim_world_counter(const struct sim_world *world)
{
	return sim_world_ticks(world) + (uint64_t)world->broken_ticks;
}

int64_t sim_world_utc_ns(const struct sim_world *world)
{
	int64_t leapt_ns = world->now_ns >= world->leap_ns ? world->scenario->leap * NS_PER_SEC : 0;

	return world->start_utc_ns + world->now_ns - leapt_ns;
}

void sim_world_disturbed(struct sim_world *world)
{
	if (world->oracle.clock_disturbed_ns == INT64_MAX) {
		world->oracle.clock_disturbed_ns = world->now_ns;
	}
	world->oracle.clock_disturbed_last_ns = world->now_ns;
}

void sim_world_counter_disturbed(struct sim_world *world)
{
	if (world->oracle.counter_disturbed_ns == INT64_MAX) {
		world->oracle.counter_disturbed_ns = world->now_ns;
	}
}

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_ns(const struct sim_world *world)
{
	int64_t next = min_ns(world->oscillator.next_ns, sim_chronyd_next_ns(world));

	next = min_ns(next, min_ns(sim_daemon_next_ns(world), sim_readers_next_ns(world)));
	return min_ns(next, sim_script_next_ns(world));
}

/* Whoever is due acts, one at a time: the oscillator first, since everybody reads it. */
static void act(struct sim_world *world)
{
	if (world->oscillator.next_ns <= world->now_ns) {
		sim_oscillator_turn(&world->oscillator, world->now_ns);
		sim_oracle_watch(world);
	} else if (sim_script_next_ns(world) <= world->now_ns) {
		sim_script_run(world);
	} else if (sim_chronyd_next_ns(world) <= world->now_ns) {
		sim_chronyd_run(world);
	} else if (sim_daemon_next_ns(world) <= world->now_ns) {
		sim_daemon_run(world);
	} else if (sim_readers_next_ns(world) <= world->now_ns) {
		sim_readers_run(world);
	}
}

static void run_until(struct sim_world *world, int64_t until_ns)
{
	int64_t next;

	while (next = next_ns(world), next <= until_ns) {
		world->now_ns = next > world->now_ns ? next : world->now_ns;
		act(world);
	}
	world->now_ns = until_ns > world->now_ns ? until_ns : world->now_ns;
}

void sim_world_pass(struct sim_world *world, int64_t ns)
{
	run_until(world, world->now_ns + ns);
}

void sim_world_run(struct sim_world *world)
{
	run_until(world, world->end_ns);
}
