/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oscillator behind the counter: its rate error as a model says, integrated exactly to ticks. It knows true
 * time and nothing of clocks.
 */
#ifndef TESTS_SIM_OSCILLATOR_H
#define TESTS_SIM_OSCILLATOR_H

#include <stdint.h>

#include "tests/sim/rng.h"

__extension__ typedef unsigned __int128 sim_u128;
__extension__ typedef __int128 sim_i128;

/* How the rate error goes. Sums of all; 0 leaves a part out. */
struct sim_oscillator_model {
	int64_t base_ppb;
	int64_t walk_ppt;	/* random walk: standard deviation per square root of a second, 1e-12 */
	int64_t sine_ppb;	/* amplitude */
	int64_t sine_period_s;	/* 0: 3600 */
	int64_t ramp_ppt;	/* per second, 1e-12 */
	int64_t ramp_limit_ppb; /* where the ramp turns round */
	int64_t flip_ppb;	/* jumps between + and - this ... */
	int64_t flip_every_s;	/* ... at random, this far apart on average */
	uint64_t hz;		/* 0: 2.6 GHz */
};

struct sim_oscillator {
	struct sim_oscillator_model model;
	struct sim_rng rng;
	uint64_t hz;
	int64_t error_e15; /* in force: relative, 1e-15 */
	int64_t walk_e15;
	int64_t ramp_e15;
	int64_t ramp_step_e15;
	int64_t flip_e15;
	int64_t jump_e15; /* of all the script's jumps */
	double sine;	  /* of the phase, and its cosine: a turning pointer */
	double cosine;
	int64_t from_ns;   /* this stretch began here */
	sim_u128 from_q56; /* with this count */
	uint64_t rate_q56; /* ticks per ns of this stretch */
	int64_t next_ns;   /* when the rate changes */
};

void sim_oscillator_init(struct sim_oscillator *oscillator, const struct sim_oscillator_model *model,
			 uint64_t seed);

/* sim_oscillator_ticks - the count at @now_ns, in the stretch that is in force */
uint64_t sim_oscillator_ticks(const struct sim_oscillator *oscillator, int64_t now_ns);

/* sim_oscillator_turn - a new stretch begins at @now_ns */
void sim_oscillator_turn(struct sim_oscillator *oscillator, int64_t now_ns);

/* sim_oscillator_jump - the rate error changes by @ppb for good */
void sim_oscillator_jump(struct sim_oscillator *oscillator, int64_t now_ns, int64_t ppb);

/* sim_oscillator_set - the count becomes @ticks: resume, migration */
void sim_oscillator_set(struct sim_oscillator *oscillator, int64_t now_ns, uint64_t ticks);

#endif
