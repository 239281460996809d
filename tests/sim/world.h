/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated world: true time, and everyone who acts in it. Deterministic from scenario and seed. Time passes
 * only through sim_world_pass(), which lets everyone act whose moment comes; so an actor that reads a clock may
 * find on return that others have acted, as a preempted process does. One thread.
 */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include <clockbound/vmclock.h>

#include "tests/sim/chronyd.h"
#include "tests/sim/daemon.h"
#include "tests/sim/kernel.h"
#include "tests/sim/oracle.h"
#include "tests/sim/oscillator.h"
#include "tests/sim/phc.h"
#include "tests/sim/reader.h"
#include "tests/sim/rng.h"
#include "tests/sim/scenario.h"
#include "tests/sim/script.h"

struct sim_world {
	const struct sim_scenario *scenario;
	uint64_t seed;
	int64_t now_ns; /* true time since the world began */
	int64_t end_ns;
	int64_t start_utc_ns;
	int64_t leap_ns; /* when a leap second happens, since the world began; INT64_MAX: never */
	uint16_t leap_status;
	struct clockbound_vmclock vmclock; /* its marker only */
	int64_t broken_ticks;		   /* by which what programs read of the counter is wrong */
	struct sim_oscillator oscillator;
	struct sim_kernel kernel;
	struct sim_phc phc;
	struct sim_chronyd chronyd;
	struct sim_daemon daemon;
	struct sim_readers readers;
	struct sim_script script;
	struct sim_oracle oracle;
};

/* sim_world_begin - @seconds: 0: as the scenario says; it replaces the world that there was */
struct sim_world *sim_world_begin(const struct sim_scenario *scenario, uint64_t seed, int64_t seconds);

/* sim_world_run - to its end */
void sim_world_run(struct sim_world *world);

/* sim_world_pass - @ns of true time go by */
void sim_world_pass(struct sim_world *world, int64_t ns);

/* sim_world_ticks - the counter now */
uint64_t sim_world_ticks(const struct sim_world *world);

/* sim_world_counter - what programs read of it: not the same once it is broken */
uint64_t sim_world_counter(const struct sim_world *world);

/* sim_world_utc_ns - true time now, ns since 1970 as POSIX counts */
int64_t sim_world_utc_ns(const struct sim_world *world);

/* sim_world_disturbed - the clock's rate or reading was changed: the clock half knows it from the next poll on */
void sim_world_disturbed(struct sim_world *world);

/* sim_world_counter_disturbed - the counter is not what it was: the lines know it from the next poll on */
void sim_world_counter_disturbed(struct sim_world *world);

#endif
