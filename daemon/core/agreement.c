/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agreement of old and new: see agreement.h. Proof: docs/MATH.md, "Agreement".
 */
#include "daemon/core/agreement.h"

#include "daemon/core/mutate.h"
#include "daemon/core/q58.h"

/* since_sample is cut to whole seconds, and one is added to it: an age may be this much too great. */
#define AGE_BLUR_NS (2 * CBD_NS_PER_SEC)

/* New samples that must meet each other before a contradiction counts as over. */
#define RUN_ENOUGH 3

void cbd_agreement_init(struct cbd_agreement *agreement)
{
	*agreement = (struct cbd_agreement){0};
}

/*
 * Whether the entry brings a sample that was not there when one was last taken. Its mark says so, and its age
 * must not deny it, unless it was seen to come: two sources' marks may also take turns.
 */
static bool is_new_sample(const struct cbd_agreement *agreement, const struct cbd_agreement_entry *entry)
{
	int64_t elapsed_ns = cbd_ticks_to_ns_ceil(entry->counter - agreement->counter, entry->slope_q58);

	return !agreement->has_mark ||
	       (agreement->mark != entry->mark &&
		(entry->is_news || entry->age_ns <= cbd_ns_add(elapsed_ns, AGE_BLUR_NS)));
}

static bool draw(struct cbd_lines *lines, const struct cbd_agreement_entry *entry,
		 const struct cbd_interval *at)
{
	return cbd_lines_make(lines, entry->counter, at, entry->slope_q58, entry->growth_q58);
}

/* A contradiction begins: the hull stands, and the new sample is the first candidate. */
static struct cbd_interval begin_dispute(struct cbd_agreement *agreement,
					 const struct cbd_agreement_entry *entry,
					 const struct cbd_interval *old)
{
	agreement->is_inconsistent = true;
	agreement->run = 0;
	draw(&agreement->candidate, entry, &entry->interval);
	return cbd_interval_hull(old, &entry->interval);
}

/* A contradiction goes on, or ends with this sample. */
static struct cbd_interval settle_dispute(struct cbd_agreement *agreement,
					  const struct cbd_agreement_entry *entry,
					  const struct cbd_interval *old, bool is_new)
{
	struct cbd_interval candidate = cbd_lines_at(&agreement->candidate, entry->counter);
	bool is_met = !entry->is_disputed && cbd_interval_meets(&candidate, &entry->interval);

	candidate = is_met ? cbd_interval_intersect(&candidate, &entry->interval) : entry->interval;
	draw(&agreement->candidate, entry, &candidate);
	if (is_new) {
		agreement->run = is_met ? agreement->run + 1 : 0;
	}
	if (agreement->run < RUN_ENOUGH) {
		return cbd_interval_hull(old, &entry->interval);
	}
	agreement->is_inconsistent = false;
	return candidate;
}

bool cbd_agreement_take(struct cbd_agreement *agreement, const struct cbd_agreement_entry *entry)
{
	struct cbd_interval result = entry->interval;
	bool is_new = is_new_sample(agreement, entry);
	bool was_inconsistent = agreement->is_inconsistent;
	struct cbd_lines lines;

	if (agreement->has_lines && !entry->is_memoryless) {
		struct cbd_interval old = cbd_lines_at(&agreement->lines, entry->counter);

		if (agreement->is_inconsistent && CBD_MUTANT(HULL_FORGOTTEN, is_new, true)) {
			result = settle_dispute(agreement, entry, &old, is_new);
		} else if (entry->is_disputed || !cbd_interval_meets(&old, &entry->interval)) {
			result = begin_dispute(agreement, entry, &old);
		} else {
			result = cbd_interval_intersect(&old, &entry->interval);
		}
	} else if (entry->is_disputed) {
		result = begin_dispute(agreement, entry, &entry->interval);
	} else {
		agreement->is_inconsistent = false;
	}
	agreement->mark = entry->mark;
	agreement->counter = entry->counter;
	agreement->has_mark = true;
	if (draw(&lines, entry, &result)) {
		agreement->lines = lines;
		agreement->has_lines = true;
	}
	return agreement->is_inconsistent && !was_inconsistent;
}
