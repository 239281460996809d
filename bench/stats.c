/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collected times of a row and their quantiles. Owns the arrays; reads no clock, prints nothing.
 */
#include "bench/bench.h"

#include <stdlib.h>

bool cbb_samples_reserve(struct cbb_samples *samples, size_t room)
{
	samples->ticks = calloc(room, sizeof(*samples->ticks));
	samples->count = 0;
	samples->room = samples->ticks == NULL ? 0 : room;
	return samples->ticks != NULL;
}

void cbb_samples_add(struct cbb_samples *samples, uint64_t ticks)
{
	if (samples->count < samples->room) {
		samples->ticks[samples->count] = ticks;
		samples->count++;
	}
}

void cbb_samples_free(struct cbb_samples *samples)
{
	free(samples->ticks);
	samples->ticks = NULL;
	samples->count = 0;
	samples->room = 0;
}

static int compare_ticks(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* The smallest sample that at least @per_mille of the samples do not exceed. */
static double quantile(const struct cbb_samples *samples, size_t per_mille, double scale)
{
	size_t rank = (samples->count * per_mille + 999) / 1000;

	if (samples->count == 0) {
		return 0.0;
	}
	return (double)samples->ticks[rank > 0 ? rank - 1 : 0] * scale;
}

void cbb_samples_summary(struct cbb_samples *samples, double ns_per_tick, uint32_t calls, struct cbb_row *row)
{
	double scale = ns_per_tick / calls;

	if (samples->count > 0) {
		qsort(samples->ticks, samples->count, sizeof(*samples->ticks), compare_ticks);
	}
	row->median_ns = quantile(samples, 500, scale);
	row->p99_ns = quantile(samples, 990, scale);
	row->p999_ns = quantile(samples, 999, scale);
}
