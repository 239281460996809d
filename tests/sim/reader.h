/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers: processes that ask the page at random instants, inline and through the library, fresh and with values
 * that they kept; at each of them one asks shm0, by upstream's rule. The code is the shipped one; only its counter and its clocks are the world's.
 */
#ifndef TESTS_SIM_READER_H
#define TESTS_SIM_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/src/context.h"
#include "tests/sim/rng.h"

#define SIM_READERS 8

struct sim_world;

/* What one reader keeps for later. */
struct sim_keepsake {
	bool is_set;
	uint64_t counter;
	uint32_t counter_epoch;
	int64_t real_ns;
	int64_t wall_ns;
	int64_t at_ns;
	int64_t truth_ns;
	bool was_calm;
};

struct sim_readers {
	struct sim_rng rng;
	int64_t next_ns;
	int64_t gap_ns; /* mean time between two reads of any reader */
	bool is_busy;
	int64_t skew_ticks; /* of the core that this read runs on */
	/* the instants of the reading under way */
	int64_t began_ns;
	uint64_t counter;
	int64_t counter_truth_ns;
	int64_t real_truth_ns;
	bool has_read_real;
	struct sim_keepsake keepsake[SIM_READERS];
	struct clockbound_ctx segment; /* of an upstream's client: it has shm0 open */
	int64_t segment_anchor_ns;     /* true time of the anchor of the snapshot that he has */
};

void sim_readers_init(struct sim_world *world);

/* sim_readers_next_ns, sim_readers_run - when something is due, and doing it */
int64_t sim_readers_next_ns(const struct sim_world *world);
void sim_readers_run(struct sim_world *world);

#endif
