/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd's choice of sources: see select.h.
 */
#include "tests/sim/select.h"

#define COMBINE_LIMIT 3.0 /* sources farther than this times the selected one are not combined */

struct candidate {
	double low;
	double high;
	double distance;
	bool is_usable;
};

static double offset_at(const struct sim_source *source, int64_t x_ns)
{
	int64_t age_ns = x_ns - source->sample[source->samples - 1].time_ns;

	return source->estimate.offset_ns + source->estimate.frequency * (double)age_ns;
}

static int look(const struct sim_chronyd *chronyd, int64_t x_ns, struct candidate candidate[])
{
	int usable = 0;
	int i;

	for (i = 0; i < chronyd->sources; i++) {
		const struct sim_source *source = &chronyd->source[i];
		double offset;

		candidate[i].is_usable = source->samples > 0 && source->estimate.is_known && !source->is_lost;
		if (!candidate[i].is_usable) {
			continue;
		}
		usable++;
		offset = offset_at(source, x_ns);
		(void)sim_source_best(source, source->estimate.skew, &candidate[i].distance);
		candidate[i].distance += source->estimate.deviation_ns;
		candidate[i].low = offset - candidate[i].distance;
		candidate[i].high = offset + candidate[i].distance;
	}
	return usable;
}

/* The largest number of intervals over one point, and that point. */
static int crowd(const struct candidate candidate[], int count, double *where)
{
	int most = 0;
	int i;
	int j;

	for (i = 0; i < count; i++) {
		int over = 0;

		for (j = 0; j < count && candidate[i].is_usable; j++) {
			over += candidate[j].is_usable && candidate[j].low <= candidate[i].low &&
				candidate[i].low <= candidate[j].high;
		}
		if (over > most) {
			most = over;
			*where = candidate[i].low;
		}
	}
	return most;
}

bool sim_select(struct sim_chronyd *chronyd, int64_t x_ns)
{
	struct candidate candidate[SIM_SERVERS] = {{0}};
	int usable = look(chronyd, x_ns, candidate);
	double where = 0;
	int most = crowd(candidate, chronyd->sources, &where);
	int nearest = -1;
	int i;

	if (usable == 0) {
		return false;
	}
	for (i = 0; i < chronyd->sources; i++) {
		struct sim_source *source = &chronyd->source[i];
		bool is_right =
			candidate[i].is_usable && candidate[i].low <= where && where <= candidate[i].high;

		source->state = is_right		 ? CBD_SOURCE_UNSELECTED
				: candidate[i].is_usable ? CBD_SOURCE_FALSETICKER
							 : CBD_SOURCE_NONSELECTABLE;
		if (is_right && (nearest < 0 || candidate[i].distance < candidate[nearest].distance)) {
			nearest = i;
		}
	}
	if (most * 2 <= usable) {
		chronyd->selected = -1;
		chronyd->is_synchronised = false;
		return false;
	}
	/* The one that is selected stays so while it is not much farther than the nearest. */
	if (chronyd->selected < 0 || chronyd->source[chronyd->selected].state != CBD_SOURCE_UNSELECTED ||
	    candidate[chronyd->selected].distance > 1.5 * candidate[nearest].distance) {
		/* chronyd waits until the reference can be updated. */
		if (chronyd->source[nearest].updates == 0) {
			chronyd->selected = -1;
			for (i = 0; i < chronyd->sources; i++) {
				if (chronyd->source[i].state == CBD_SOURCE_UNSELECTED) {
					chronyd->source[i].state = CBD_SOURCE_SELECTABLE;
				}
			}
			return false;
		}
		chronyd->selected = nearest;
	}
	for (i = 0; i < chronyd->sources; i++) {
		if (chronyd->source[i].state == CBD_SOURCE_UNSELECTED &&
		    candidate[i].distance > COMBINE_LIMIT * candidate[chronyd->selected].distance) {
			chronyd->source[i].state = CBD_SOURCE_SELECTABLE;
		}
	}
	chronyd->source[chronyd->selected].state = CBD_SOURCE_SELECTED;
	return true;
}

struct sim_estimate sim_select_combine(const struct sim_chronyd *chronyd, int64_t x_ns)
{
	struct sim_estimate sum = {.is_known = true};
	double weights = 0;
	int i;

	for (i = 0; i < chronyd->sources; i++) {
		const struct sim_source *source = &chronyd->source[i];
		double weight;

		if (source->state != CBD_SOURCE_SELECTED && source->state != CBD_SOURCE_UNSELECTED) {
			continue;
		}
		weight = 1.0 / (source->estimate.deviation_ns * source->estimate.deviation_ns);
		weights += weight;
		sum.offset_ns += weight * offset_at(source, x_ns);
		sum.frequency += weight * source->estimate.frequency;
	}
	sum.offset_ns /= weights;
	sum.frequency /= weights;
	sum.deviation_ns = chronyd->source[chronyd->selected].estimate.deviation_ns;
	sum.skew = chronyd->source[chronyd->selected].estimate.skew;
	return sum;
}
