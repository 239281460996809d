/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `clockbound-bench invalidate` has found, between the run (invalidate.c) and its report
 * (invalidate_report.c).
 */
#ifndef CBB_INVALIDATE_H
#define CBB_INVALIDATE_H

#include "bench/bench.h"

/* An even number, so that the clock ends where it began; and not so many that anybody could make a habit of it. */
#define CBB_STEPS_DEFAULT 24u
#define CBB_STEPS_MAX	  200u
#define CBB_STEP_NS	  1

struct cbb_invalidate_result {
	const char *rung;
	bool has_kernel_page; /* the kernel marks before the clock moves: no read may be valid after the call */
	uint32_t steps;	      /* that were made */
	struct cbb_samples call;      /* ticks; from before the call to its return */
	struct cbb_samples published; /* from before the call to a publication that knows of it */
	struct cbb_samples valid;     /* from before the call to the first read that is valid by it */
	struct cbb_samples
		window; /* from the return to the end of the last read that was valid without it; 0: none */
	uint32_t steps_with_window; /* of the steps, those with such a read */
	uint64_t reads;		    /* that began after a call's return and before that publication */
	uint64_t still_valid;	    /* of these, valid */
};

/* cbb_invalidate_report - table or JSON on stdout, sorting the samples; false if it cannot be written */
bool cbb_invalidate_report(const struct cbb_machine *machine, struct cbb_invalidate_result *result,
			   bool is_json);

#endif
