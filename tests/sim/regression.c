/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The regression of ntp.h: least squares weighted by distance, over as many of the last samples as still lie on
 * one line by the number of runs of their residuals' signs.
 */
#include "tests/sim/ntp.h"

#define SAMPLES_MIN 3
#define SPREAD_MIN  100.0 /* ns */
#define SKEW_CRAZY  1.0	  /* chronyd says 1e6 ppm when it knows nothing */

/* Square root by Newton's method: no libm, the same everywhere. */
double sim_root(double value)
{
	double guess = value > 1.0 ? value : 1.0;
	int i;

	for (i = 0; i < 80 && value > 0; i++) {
		double next = 0.5 * (guess + value / guess);

		if (next >= guess) {
			break;
		}
		guess = next;
	}
	return value > 0 ? guess : 0;
}

/* Student's t at 99.95 %, one-sided, for so many degrees of freedom. */
static double student(int freedom)
{
	static const double table[] = {1e6,   636.6, 31.6,  12.92, 8.61, 6.869,
				       5.959, 5.408, 5.041, 4.781, 4.587};

	if (freedom < (int)(sizeof(table) / sizeof(table[0]))) {
		return table[freedom];
	}
	return 3.29 + 13.0 / (double)freedom;
}

/* One fit. */
struct fit {
	double offset; /* at x = 0, the newest sample */
	double slope;
	double slope_deviation;
	double offset_deviation;
	int runs;
};

static void weigh(const struct sim_source *source, int first, double spread, double weight[])
{
	double least = 1e18;
	int i;

	for (i = first; i < source->samples; i++) {
		double far = source->sample[i].dispersion_ns + source->sample[i].delay_ns / 2.0;

		least = far < least ? far : least;
	}
	for (i = first; i < source->samples; i++) {
		double far = source->sample[i].dispersion_ns + source->sample[i].delay_ns / 2.0;
		double part = 1.0 + (far - least) / spread;

		weight[i] = 1.0 / (part * part);
	}
}

static struct fit fit_from(const struct sim_source *source, int first, double spread)
{
	const struct sim_sample *sample = source->sample;
	int64_t newest_ns = sample[source->samples - 1].time_ns;
	double weight[SIM_SAMPLES];
	double sw = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, see = 0;
	int n = source->samples - first;
	struct fit fit = {0};
	bool is_above = false;
	int i;

	weigh(source, first, spread, weight);
	for (i = first; i < source->samples; i++) {
		double x = (double)(sample[i].time_ns - newest_ns);

		sw += weight[i];
		sx += weight[i] * x;
		sy += weight[i] * sample[i].offset_ns;
	}
	sx /= sw;
	sy /= sw;
	for (i = first; i < source->samples; i++) {
		double x = (double)(sample[i].time_ns - newest_ns) - sx;

		sxx += weight[i] * x * x;
		sxy += weight[i] * x * (sample[i].offset_ns - sy);
	}
	fit.slope = sxx > 0 ? sxy / sxx : 0;
	fit.offset = sy - fit.slope * sx;
	for (i = first; i < source->samples; i++) {
		double x = (double)(sample[i].time_ns - newest_ns);
		double residual = sample[i].offset_ns - fit.offset - fit.slope * x;

		see += weight[i] * residual * residual;
		fit.runs += i == first || (residual > 0) != is_above;
		is_above = residual > 0;
	}
	see = n > 2 ? see / (double)(n - 2) : 0;
	fit.slope_deviation = sxx > 0 ? sim_root(see / sxx) : SKEW_CRAZY;
	fit.offset_deviation = sim_root(see / sw + (sxx > 0 ? see * sx * sx / sxx : 0));
	return fit;
}

/* Fewer runs than this in n residuals: they do not scatter, they bend. */
static int runs_wanted(int n)
{
	return n < 8 ? 0 : (int)(0.43 * (double)n - 1.2);
}

void sim_source_estimate(struct sim_source *source)
{
	double spread = source->estimate.is_known ? source->estimate.deviation_ns : 10.0 * SPREAD_MIN;
	int first = 0;
	struct fit fit;

	source->estimate.is_known = source->samples >= SAMPLES_MIN;
	if (!source->estimate.is_known) {
		source->estimate.first = 0;
		return;
	}
	spread = spread < SPREAD_MIN ? SPREAD_MIN : spread;
	for (;;) {
		int n = source->samples - first;

		fit = fit_from(source, first, spread);
		if (n <= SAMPLES_MIN || fit.runs >= runs_wanted(n)) {
			break;
		}
		first++;
	}
	source->estimate.first = first;
	source->estimate.offset_ns = fit.offset;
	source->estimate.frequency = fit.slope;
	source->estimate.skew = fit.slope_deviation * student(source->samples - first - 2);
	source->estimate.deviation_ns = fit.offset_deviation < SPREAD_MIN ? SPREAD_MIN : fit.offset_deviation;
}
