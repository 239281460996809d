/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's bounds at a report: the one that chrony documents, and what upstream's daemons make of it.
 * All are half-widths around CLOCK_REALTIME, in ns. Pure. Layer: tests/replay, beside judge.
 */
#ifndef CBD_REPLAY_FORMULA_H
#define CBD_REPLAY_FORMULA_H

#include <stdbool.h>

#include "tests/replay/trace.h"

/* cbd_formula_is_valid - the report is synchronised, and not in local mode: bounds mean something */
bool cbd_formula_is_valid(const struct cbd_trace_row *row);

/* cbd_formula_chrony_ns - |correction| + root dispersion + root delay / 2 */
double cbd_formula_chrony_ns(const struct cbd_trace_row *row);

/* cbd_formula_upstream1_ns - 1.0: the correction added with its sign, so that the bound may be negative */
double cbd_formula_upstream1_ns(const struct cbd_trace_row *row);

/* cbd_formula_upstream2_ns - 2.0: its magnitude, the sum rounded up to whole ns */
double cbd_formula_upstream2_ns(const struct cbd_trace_row *row);

/*
 * cbd_formula_yardstick_ns - chrony's documented bound as a chrony.conf with `maxclockerror 50` would make it
 * The dispersion has grown by the run's own maxclockerror since ref_time; what is missing to 50 ppm is added.
 */
double cbd_formula_yardstick_ns(const struct cbd_trace *trace, const struct cbd_trace_row *row);

/*
 * cbd_formula_maxclockerror_ppm - chronyd's maxclockerror, from the run itself
 * While ref_time stays, the root dispersion grows by exactly skew + |residual frequency| + maxclockerror. 1
 * (the default) if no ref_time stayed for two reports.
 */
double cbd_formula_maxclockerror_ppm(const struct cbd_trace *trace);

#endif
