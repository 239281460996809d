/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to step CLOCK_REALTIME that a virtual machine is to show. They move the clock of whoever runs them. */
#ifndef TESTS_VM_GUEST_MOVES_H
#define TESTS_VM_GUEST_MOVES_H

#include <stdbool.h>
#include <stdint.h>

/* A way to move the clock; @step_ns is what it aims at. Returns CLOCK_MONOTONIC_RAW once it is done, or -1. */
struct move {
	const char *name;
	const char *comm; /* who does it, as the kernel names him; empty: nobody */
	int64_t (*make)(int64_t step_ns);
	int64_t step_ns;
	bool is_unseen_by_tracepoints;
};

#define MOVES 8
extern const struct move moves[MOVES];
/*
 * The first goes to its step_ns before the end of a UTC day; the second, begun at least so long before it, waits for a
 * second that is inserted there.
 */
#define MOVES_LEAP_LEAD_NS INT64_C(1500000000)
extern const struct move move_to_midnight;
extern const struct move move_leap;

/* moves_midnight_in_ns - how long CLOCK_REALTIME has until the UTC day ends */
int64_t moves_midnight_in_ns(void);

/* moves_difference - CLOCK_REALTIME minus CLOCK_MONOTONIC_RAW in ns, within +/- *@uncertainty_ns */
int64_t moves_difference(int64_t *uncertainty_ns);

#endif
