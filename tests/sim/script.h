/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scenario's events at their times, and the leap second.
 */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/rng.h"
#include "tests/sim/scenario.h"

struct sim_world;

struct sim_script {
	struct sim_rng rng;
	int64_t at_ns[SIM_EVENTS];  /* INT64_MAX: not again */
	int64_t end_ns[SIM_EVENTS]; /* of what lasts */
	int64_t leap_ns;	    /* what the leap second does next, and when */
	int leap_step;
	bool is_source_refused;
};

void sim_script_init(struct sim_world *world);

/* sim_script_next_ns, sim_script_run - when something is due, and doing it */
int64_t sim_script_next_ns(const struct sim_world *world);
void sim_script_run(struct sim_world *world);

/* sim_script_move - the machine goes on elsewhere @ns later; no clock of it shows that, only VMClock's marker does */
void sim_script_move(struct sim_world *world, int64_t ns);

#endif
