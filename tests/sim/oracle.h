/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge: knows true time and looks at every read. It counts, keeps the first failure of each kind in words, and
 * gives the verdict at the end.
 */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_HOLDOVER_NS INT64_C(1000000000000)

struct sim_scenario;
struct sim_world;

/* What can be wrong with a read. */
enum sim_fault {
	SIM_FAULT_COUNTER, /* a valid counter read outside */
	SIM_FAULT_CLOCK,   /* a valid clock read outside, beyond the documented window */
	SIM_FAULT_ORDER,   /* earliest > latest */
	SIM_FAULT_STATUS,  /* a status word that must not be */
	SIM_FAULT_BACK,	   /* earliest of one reader went back */
	SIM_FAULT_UNDEAD,  /* valid after void-after */
	SIM_FAULTS,
};

/* One answer, and when the counter or the clock was read for it. */
struct sim_read {
	const char *call;
	int reader; /* -1: not one of a reader's sequence of fresh counter reads */
	int64_t earliest_ns;
	int64_t latest_ns;
	int64_t truth_ns;
	uint64_t counter;
	uint32_t status;
	bool is_clock;
	bool is_stamp; /* of a moment before */
};

/* What a reader was told last. */
struct sim_memory {
	bool is_set;
	int64_t at_ns;
	int64_t earliest_ns;
	uint64_t counter;
	uint32_t counter_epoch;
	uint64_t inconsistencies;
	int64_t growth_q58;
	uint32_t status;
};

#define SIM_MEMORIES 8

struct sim_oracle {
	uint64_t reads;
	uint64_t valid;
	uint64_t counter_valid;
	uint64_t clock_valid;
	uint64_t segment_reads;
	uint64_t segment_valid;
	uint64_t segment_window_faults;
	int64_t segment_window_ns; /* the longest: age of the snapshot */
	uint64_t faults[SIM_FAULTS];
	uint64_t counter_window_faults; /* counter reads outside in a window that the scenario allows */
	uint64_t clock_window_faults;
	int64_t counter_window_ns; /* the longest */
	int64_t clock_window_ns;
	int64_t clock_disturbed_ns; /* the first change that no publication has seen; INT64_MAX: none */
	int64_t clock_disturbed_before_ns; /* as it was before the last publication */
	int64_t clock_disturbed_last_ns;
	int64_t moved_ns; /* the last time that the machine was moved, and VMClock told */
	int64_t counter_disturbed_ns;
	int64_t publication_ns;	       /* when the page was last written */
	int64_t published_ns;	       /* the anchor of what stands on the page, and its growth */
	int64_t publication_before_ns; /* the same of the one before */
	int64_t published_before_ns;
	int64_t growth_q58;
	int64_t margin_ns; /* the closest that truth came to an end, counter reads */
	uint32_t reasons;  /* all that were seen */
	uint64_t
		rate_broken_s; /* seconds in which the oscillator left chronyd's estimate farther than allowed */
	struct sim_memory memory[SIM_MEMORIES];
	char first[SIM_FAULTS][512];
};

void sim_oracle_init(struct sim_world *world);

/* sim_oracle_read - judges one answer */
void sim_oracle_read(struct sim_world *world, const struct sim_read *read);

/*
 * sim_oracle_segment - the same of one on upstream's segment, which does not count among the reads of the page
 * @anchor_ns: of the snapshot that it went by; the window is from a change after it until another one is taken.
 */
void sim_oracle_segment(struct sim_world *world, const struct sim_read *read, int64_t anchor_ns);

/* sim_oracle_published - the page now tells of everything until its anchor */
void sim_oracle_published(struct sim_world *world);

/* sim_oracle_watch - once a second: does the oscillator keep to what is assumed? */
void sim_oracle_watch(struct sim_world *world);

/* What all worlds of one scenario have shown together. */
struct sim_outcome {
	uint32_t reasons;
	uint64_t wrong; /* counter reads outside, allowed or not */
};

/* sim_oracle_gather - adds one world; sim_oracle_outcome - NULL if all have shown what the scenario says */
void sim_oracle_gather(const struct sim_world *world, struct sim_outcome *outcome);
const char *sim_oracle_outcome(const struct sim_scenario *scenario, const struct sim_outcome *outcome);

/* sim_oracle_verdict - NULL if all is as the scenario says; else what is not, static until the next call */
const char *sim_oracle_verdict(const struct sim_world *world);

#endif
