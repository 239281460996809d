/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenario's events: see script.h.
 */
#include "tests/sim/script.h"

#include <string.h>

#include "tests/sim/world.h"

#define NS_PER_SEC INT64_C(1000000000)
#define LIE_NS	   50000000

void sim_script_init(struct sim_world *world)
{
	const struct sim_scenario *scenario = world->scenario;
	struct sim_script *script = &world->script;
	int i;

	memset(script, 0, sizeof(*script));
	script->rng = sim_rng_make(world->seed, 5);
	for (i = 0; i < SIM_EVENTS; i++) {
		script->end_ns[i] = INT64_MAX;
		script->at_ns[i] = scenario->event[i].kind == SIM_NOTHING
					   ? INT64_MAX
					   : (int64_t)scenario->event[i].at_s * NS_PER_SEC +
						     sim_rng_below(&script->rng, NS_PER_SEC);
	}
	script->leap_ns = world->leap_ns;
}

int64_t sim_script_next_ns(const struct sim_world *world)
{
	const struct sim_script *script = &world->script;
	int64_t next_ns = script->leap_ns;
	int i;

	for (i = 0; i < SIM_EVENTS; i++) {
		next_ns = script->at_ns[i] < next_ns ? script->at_ns[i] : next_ns;
		next_ns = script->end_ns[i] < next_ns ? script->end_ns[i] : next_ns;
	}
	return next_ns;
}

/* Everybody's next moment is so much later: the machine slept. */
static void delay_everyone(struct sim_world *world, int64_t ns, bool is_moved)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	int i;

	for (i = 0; i < chronyd->sources; i++) {
		chronyd->source[i].next_poll_ns += ns;
		/* What is on its way when a machine is moved waits for it: the worst sample that there can be. */
		if (!is_moved && chronyd->source[i].server->is_peer &&
		    chronyd->source[i].arrival_ns > world->now_ns) {
			continue; /* it comes when the peer sends it */
		}
		if (!is_moved) {
			chronyd->source[i].arrival_ns = INT64_MAX;
		} else if (chronyd->source[i].arrival_ns != INT64_MAX) {
			chronyd->source[i].arrival_ns += ns;
		}
	}
	chronyd->slew_end_ns += chronyd->slew_end_ns != INT64_MAX ? ns : 0;
	chronyd->apply_ns += chronyd->apply_ns != INT64_MAX ? ns : 0;
	world->daemon.next_ns += ns;
	world->daemon.look_ns += ns;
	world->readers.next_ns += ns;
}

/* Suspend to RAM: nobody acts, CLOCK_REALTIME is set from the real-time clock, which is off by up to a second. */
static void sleep_for(struct sim_world *world, int64_t ns, bool is_reset)
{
	uint64_t before = sim_world_ticks(world);
	int64_t wrong_ns = sim_rng_between(&world->script.rng, -NS_PER_SEC, NS_PER_SEC);
	uint64_t after;

	world->now_ns += ns;
	sim_oscillator_turn(&world->oscillator, world->now_ns);
	if (is_reset) {
		sim_oscillator_set(&world->oscillator, world->now_ns, UINT64_C(1000000000));
	}
	after = sim_world_ticks(world);
	sim_kernel_resume(&world->kernel, before, after, ns + wrong_ns);
	delay_everyone(world, ns, false);
	sim_world_disturbed(world);
	sim_world_counter_disturbed(world);
}

void sim_script_move(struct sim_world *world, int64_t ns)
{
	uint64_t ticks = sim_world_ticks(world);

	world->now_ns += ns;
	sim_oscillator_turn(&world->oscillator, world->now_ns);
	sim_oscillator_set(&world->oscillator, world->now_ns, ticks);
	world->vmclock.disruption_marker++;
	world->oracle.moved_ns = world->now_ns;
	delay_everyone(world, ns, true);
	sim_world_disturbed(world);
	sim_world_counter_disturbed(world);
}

static void act_on_chronyd(struct sim_world *world, const struct sim_event *event, int64_t *end_ns)
{
	struct sim_chronyd *chronyd = &world->chronyd;

	*end_ns = world->now_ns + event->value;
	switch (event->kind) {
	case SIM_CHRONYD_STOP:
		sim_chronyd_stop(world);
		break;
	case SIM_CHRONYD_START:
		sim_chronyd_start(world);
		*end_ns = INT64_MAX;
		break;
	case SIM_CHRONYD_HANG:
		chronyd->hang_until_ns = *end_ns;
		*end_ns = INT64_MAX;
		break;
	case SIM_CHRONYD_RESET:
		sim_chronyd_reset(world);
		sim_chronyd_burst(world);
		*end_ns = INT64_MAX;
		break;
	case SIM_MAKESTEP:
		sim_chronyd_makestep(world);
		*end_ns = INT64_MAX;
		break;
	case SIM_LOCAL:
		chronyd->is_local = true;
		break;
	case SIM_SOURCES_LOST:
		chronyd->source[0].is_lost = true;
		chronyd->source[1].is_lost = true;
		chronyd->source[2].is_lost = true;
		break;
	case SIM_SOURCE_LOST:
		chronyd->source[0].is_lost = true;
		break;
	case SIM_SOURCE_REFUSED:
		world->script.is_source_refused = true;
		break;
	default:
		*end_ns = INT64_MAX;
		break;
	}
}

/* What lasts, ends. */
static void end(struct sim_world *world, const struct sim_event *event)
{
	struct sim_chronyd *chronyd = &world->chronyd;

	switch (event->kind) {
	case SIM_CHRONYD_STOP:
		sim_chronyd_start(world);
		break;
	case SIM_STEP_UNDONE:
		sim_kernel_step(&world->kernel, -event->value);
		sim_world_disturbed(world);
		break;
	case SIM_LOCAL:
		chronyd->is_local = false;
		break;
	case SIM_SOURCE_LOST:
		chronyd->source[0].is_lost = false;
		break;
	case SIM_SOURCES_LOST:
		chronyd->source[0].is_lost = false;
		chronyd->source[1].is_lost = false;
		chronyd->source[2].is_lost = false;
		break;
	case SIM_SOURCE_REFUSED:
		world->script.is_source_refused = false;
		break;
	default:
		break;
	}
}

static void act(struct sim_world *world, const struct sim_event *event, int64_t *end_ns)
{
	double rate = (double)world->kernel.rate_q58 / (double)(INT64_C(1) << 58);

	switch (event->kind) {
	case SIM_STEP:
		sim_kernel_step(&world->kernel, event->value);
		sim_world_disturbed(world);
		break;
	case SIM_STEP_UNDONE:
		sim_kernel_step(&world->kernel, event->value);
		sim_world_disturbed(world);
		*end_ns = world->now_ns + sim_rng_below(&world->script.rng, NS_PER_SEC);
		break;
	case SIM_RATE:
		sim_kernel_set_rate(&world->kernel, sim_world_ticks(world),
				    rate + (double)event->value * 1e-9);
		sim_world_disturbed(world);
		break;
	case SIM_JUMP:
		sim_oscillator_jump(&world->oscillator, world->now_ns, event->value);
		break;
	case SIM_SLEEP:
	case SIM_SLEEP_RESET:
		sleep_for(world, event->value, event->kind == SIM_SLEEP_RESET);
		break;
	case SIM_MOVE:
		sim_script_move(world, event->value);
		break;
	case SIM_MIGRATE:
		sim_oscillator_set(&world->oscillator, world->now_ns,
				   sim_world_ticks(world) + (uint64_t)event->value);
		sim_world_disturbed(world);
		sim_world_counter_disturbed(world);
		break;
	case SIM_CLOCKSOURCE:
		world->kernel.uses_counter = false;
		world->broken_ticks += event->value;
		sim_world_counter_disturbed(world);
		break;
	case SIM_DAEMON_PAUSE:
		sim_daemon_pause(world, event->value);
		break;
	case SIM_PHC_LIES:
		sim_phc_lie(world, event->value);
		break;
	case SIM_PHC_GONE:
		sim_phc_leave(world, event->value);
		break;
	case SIM_PHC_BLIND:
		sim_phc_blind(world, event->value);
		break;
	case SIM_DAEMON_KILL:
		if (!world->daemon.is_busy) {
			sim_daemon_kill(world, event->value);
		}
		break;
	default:
		act_on_chronyd(world, event, end_ns);
		break;
	}
}

/* The leap second falls; chronyd says "not synchronised" for two seconds, and nothing after that. */
static void leap(struct sim_world *world)
{
	const struct sim_scenario *scenario = world->scenario;
	struct sim_script *script = &world->script;

	if (script->leap_step++ == 0) {
		if (!scenario->is_leap_ignored) {
			sim_kernel_step(&world->kernel, scenario->leap > 0 ? -NS_PER_SEC : NS_PER_SEC);
		}
		sim_world_disturbed(world);
		world->leap_status = scenario->is_leap_secret ? 0 : 3;
		script->leap_ns += 2 * NS_PER_SEC;
		return;
	}
	world->leap_status = 0;
	script->leap_ns = INT64_MAX;
}

void sim_script_run(struct sim_world *world)
{
	struct sim_script *script = &world->script;
	int i;

	if (script->leap_ns <= world->now_ns) {
		leap(world);
	}
	for (i = 0; i < SIM_EVENTS; i++) {
		const struct sim_event *event = &world->scenario->event[i];

		if (script->end_ns[i] <= world->now_ns) {
			script->end_ns[i] = INT64_MAX;
			end(world, event);
		}
		if (script->at_ns[i] <= world->now_ns) {
			script->at_ns[i] =
				event->every_s != 0
					? world->now_ns +
						  sim_rng_between(&script->rng,
								  event->every_s * (NS_PER_SEC / 2),
								  event->every_s * (NS_PER_SEC * 3 / 2))
					: INT64_MAX;
			act(world, event, &script->end_ns[i]);
		}
	}
}
