/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `clockbound-bench probe` has found, between the run (probe.c) and its report (probe_report.c).
 */
#ifndef CBB_PROBE_H
#define CBB_PROBE_H

#include "bench/bench.h"
#include "bench/calls.h"

#define CBB_RUNGS      4
#define CBB_ROUNDS_MAX 1000u /* rounds off, on, off of a rung */

/* One kind of call under one rung; each array has as many elements as the rung had rounds. */
struct cbb_probe_call {
	double off_ns[CBB_ROUNDS_MAX]; /* per call: mean of the measurements before and after */
	double on_ns[CBB_ROUNDS_MAX];
	double ratio[CBB_ROUNDS_MAX];
};

struct cbb_probe_rung {
	const char *name;
	bool is_possible;
	char reason[CBB_DETAIL_MAX]; /* why it is not */
	uint32_t rounds;
	struct cbb_probe_call call[CBB_CALLS];
};

/* cbb_probe_report - table or JSON on stdout, sorting the arrays; false if it cannot be written */
bool cbb_probe_report(const struct cbb_machine *machine, struct cbb_probe_rung *rungs, size_t count,
		      bool is_json);

#endif
