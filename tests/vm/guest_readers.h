/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers that loop on every core of a virtual machine while somebody moves its clock, and what they saw: clock reads
 * that said valid although a change had happened, and intervals that exclude the truth. One set of readers a program.
 */
#ifndef TESTS_VM_GUEST_READERS_H
#define TESTS_VM_GUEST_READERS_H

#include "guest_world.h"

/* What a watched change came to. */
struct late_reads {
	uint64_t count; /* valid clock reads that began after the change; at most a ring's worth a reader */
	int64_t window_ns;  /* by how much the last of them began later; 0: there was none */
	uint64_t unwatched; /* valid clock reads under the old epoch, before or after */
};

/* What all reads came to. */
struct verdict {
	uint64_t counter_reads;
	uint64_t counter_invalid;
	uint32_t counter_reasons; /* of those that were not valid */
	uint64_t clock_reads;
	uint64_t clock_invalid;
	uint64_t truths; /* answers of the host */
	int64_t gap_ns;	 /* the longest time without one */
	bool is_covered; /* there was room for all reads and answers, and no such gap was too long */
	uint64_t counter_compared; /* of them, those that met reads within 10 ms */
	uint64_t clock_compared;
	int64_t counter_miss_ns; /* by how much the truth was missed at worst; 0: never */
	int64_t clock_miss_ns;
	/* The worst miss of any: when, what those 10 ms of reads leave open, and what the host says. */
	int64_t worst_raw_ns;
	int64_t worst_low_ns;
	int64_t worst_high_ns;
	struct offset worst_truth;
};

/* readers_start - a thread on every core, and one that asks the host for the time */
void readers_start(clockbound_fast *fast, uint16_t port);

/* readers_watch - from now on clock reads under this epoch of the slot are remembered */
void readers_watch(uint32_t slot_epoch);

/* readers_late - of those remembered, the ones that began after @returned_ns (CLOCK_MONOTONIC_RAW) */
void readers_late(int64_t returned_ns, struct late_reads *out);

/* readers_excuse - clock reads between these instants may exclude the truth: the window is reported instead */
void readers_excuse(int64_t from_ns, int64_t until_ns);

/* readers_see_answers - waits until the host has told the time so many times more; false: not within @limit_ms */
bool readers_see_answers(uint64_t count, int64_t limit_ms);

/* readers_counter_invalid - counter reads that were not valid, up to now */
uint64_t readers_counter_invalid(void);

/* readers_end - joins the threads and judges; at most once */
void readers_end(struct verdict *out);

#endif
