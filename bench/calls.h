/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls whose cost a probe may change, timed in a process that may not set the clock. None of them can set
 * it, whoever makes it: those that are refused ask for what the kernel refuses to everybody.
 */
#ifndef CBB_CALLS_H
#define CBB_CALLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/bench.h"

#define CBB_CALLS 4

/* Timed calls of each kind in one measurement; those of adjtimex_refused and clock_settime_refused are twice as many
 * callers refused. */
#define CBB_CALLS_BATCH	  100u
#define CBB_CALLS_BATCHES 500u

extern const char *const cbb_call_names[CBB_CALLS];

struct cbb_caller {
	pid_t pid; /* 0: none */
	int to;	   /* pipes, as we hold them */
	int from;
};

/*
 * cbb_caller_start - the process, without CAP_SYS_TIME: as nobody, where root starts it
 * Returns false with a sentence in @detail. cbb_caller_stop() in every case. Before any thread is started.
 */
bool cbb_caller_start(struct cbb_caller *caller, char detail[CBB_DETAIL_MAX]);

/*
 * cbb_caller_measure - the median batch of each kind, in ticks per call
 * The kinds take turns, batch by batch. Returns false with a sentence in @detail if a call gave a wrong result.
 */
bool cbb_caller_measure(const struct cbb_caller *caller, double ticks[CBB_CALLS],
			char detail[CBB_DETAIL_MAX]);

void cbb_caller_stop(struct cbb_caller *caller);

#endif
