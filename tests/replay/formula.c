/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Other people's bounds: see formula.h.
 */
#include "tests/replay/formula.h"

#include <math.h>

#include "daemon/source/chrony_wire.h"

#define NS_PER_S		  1e9
#define MAXCLOCKERROR_DEFAULT_PPM 1.0
#define MAXCLOCKERROR_WANTED_PPM  50.0
/* A wire float has 24 bits of magnitude. */
#define WIRE_RESOLUTION 0x1p-24

bool cbd_formula_is_valid(const struct cbd_trace_row *row)
{
	return row->tracking.leap_status != 3 && row->tracking.stratum != 0 &&
	       row->tracking.reference_id != CBD_CHRONY_LOCAL_ID;
}

double cbd_formula_chrony_ns(const struct cbd_trace_row *row)
{
	return (fabs(row->correction_s) + row->root_dispersion_s + row->root_delay_s / 2) * NS_PER_S;
}

double cbd_formula_upstream1_ns(const struct cbd_trace_row *row)
{
	return ceil((row->correction_s + row->root_dispersion_s + row->root_delay_s / 2) * NS_PER_S);
}

double cbd_formula_upstream2_ns(const struct cbd_trace_row *row)
{
	return ceil(cbd_formula_chrony_ns(row));
}

/* Age of the report's reference by chronyd's own corrected time. */
static double age_s(const struct cbd_trace_row *row)
{
	double age = (double)(row->at.clock_ns - row->tracking.ref_time_ns) / NS_PER_S + row->correction_s;

	return fmax(age, 0);
}

double cbd_formula_yardstick_ns(const struct cbd_trace *trace, const struct cbd_trace_row *row)
{
	double missing_ppm = fmax(MAXCLOCKERROR_WANTED_PPM - trace->maxclockerror_ppm, 0);

	return cbd_formula_chrony_ns(row) + missing_ppm * 1e-6 * age_s(row) * NS_PER_S;
}

double cbd_formula_maxclockerror_ppm(const struct cbd_trace *trace)
{
	double best_ppm = MAXCLOCKERROR_DEFAULT_PPM;
	double best_error = HUGE_VAL;
	size_t first = 0;

	for (size_t i = 1; i < trace->rows; i++) {
		const struct cbd_trace_row *from = &trace->row[first];
		const struct cbd_trace_row *to = &trace->row[i];
		double elapsed_s = age_s(to) - age_s(from);
		double error;

		if (!cbd_formula_is_valid(to) || to->tracking.ref_time_ns != from->tracking.ref_time_ns ||
		    to->drift_ppm != from->drift_ppm || elapsed_s <= 0) {
			first = i;
			continue;
		}
		/* What both dispersions and the drift may be off by, as a rate: take the stretch where it is least. */
		error = 2 * to->root_dispersion_s * WIRE_RESOLUTION / elapsed_s * 1e6 +
			to->drift_ppm * WIRE_RESOLUTION;
		if (error < best_error) {
			best_error = error;
			best_ppm = (to->root_dispersion_s - from->root_dispersion_s) / elapsed_s * 1e6 -
				   to->drift_ppm;
		}
	}
	return fmax(best_ppm, 0);
}
