/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upstream's segments: see segment.h; docs/MATH.md, "The clock half" and "Status".
 */
#include "daemon/core/segment.h"

#include <clockbound/page.h>
#include <clockbound/shm.h>

#include "daemon/core/mutate.h"
#include "daemon/core/q58.h"

#define GRACE_NS      (CLOCKBOUND_SHM_GRACE_SEC * CBD_NS_PER_SEC)
#define NS_PER_MS     1000000
#define MS_PPB_PER_NS 1000 /* a millisecond of 1 ppb is a thousandth of a ns */
/* Some 11 days: ms times ppb stays below 2^63. */
#define SINCE_MAX_NS INT64_C(1000000000000000)

/* Upstream's void-after has no ns. */
static int64_t whole_seconds(int64_t ns)
{
	return ns / CBD_NS_PER_SEC * CBD_NS_PER_SEC;
}

static int64_t void_after_ns(const struct cbd_core *core, int64_t as_of_ns)
{
	int64_t longest_ns =
		cbd_ns_min(core->config.max_holdover_ns, CLOCKBOUND_SHM_VOID_AFTER_SEC * CBD_NS_PER_SEC);
	int64_t at_ns = cbd_ns_add(as_of_ns, longest_ns);

	if (core->leap_ns != 0) {
		/* Readers compare a clock that may trail by one tick. */
		at_ns = cbd_ns_min(at_ns, cbd_ns_sub(core->out.void_after_mono_ns, core->config.coarse_ns));
	}
	return whole_seconds(at_ns);
}

/*
 * Whether readers may be told a bound at all: the page has one for clock readers, upstream's clients do not call its
 * drift malformed, and no leap second comes while they take the status as written, whatever void-after is.
 */
static bool is_possible(const struct cbd_core *core, const struct cbd_anchor *now)
{
	int64_t settled_ns = cbd_ns_add(now->coarse_ns, GRACE_NS + core->config.coarse_ns);

	return (core->out.clock_status & CLOCKBOUND_VALID) != 0 && core->agreement.has_lines &&
	       core->out.drift_ppb < CLOCKBOUND_SHM_DRIFT_PPB_MAX &&
	       (core->leap_ns == 0 || core->out.void_after_mono_ns > settled_ns);
}

/* The page's bound. As-of is CLOCK_MONOTONIC_COARSE, which a reader's own may trail by one tick: that tick's growth. */
static int64_t bound_now_ns(const struct cbd_core *core, uint32_t drift_ppb)
{
	return cbd_ns_add(core->out.bound_ns,
			  cbd_q58_growth_ns(core->config.coarse_ns, cbd_q58_from_ppb(drift_ppb)));
}

static void draw(struct cbd_core *core, const struct cbd_anchor *now)
{
	struct cbd_segment *segment = &core->out.segment;

	segment->as_of_ns = now->coarse_ns;
	segment->void_after_ns = void_after_ns(core, now->coarse_ns);
	segment->max_drift_ppb = core->out.drift_ppb;
	segment->bound_ns = bound_now_ns(core, core->out.drift_ppb);
}

/* By which a reader's half-width has grown since as-of, rounded down. */
static int64_t grown_ns(const struct cbd_segment *segment, int64_t now_ns)
{
	int64_t since_ns = cbd_ns_min(cbd_ns_sub(now_ns, segment->as_of_ns), SINCE_MAX_NS);

	return since_ns / NS_PER_MS * (int64_t)segment->max_drift_ppb / MS_PPB_PER_NS;
}

/*
 * As-of stays, which is upstream's rule. From @now on a reader's half-width is bound + drift * (t - as-of): with the
 * larger drift, and a bound that makes it the page's at @now, it is the page's or wider at every later moment.
 */
static void widen(struct cbd_core *core, const struct cbd_anchor *now)
{
	struct cbd_segment *segment = &core->out.segment;

	if (core->out.drift_ppb > segment->max_drift_ppb) {
		segment->max_drift_ppb = core->out.drift_ppb;
	}
	segment->bound_ns =
		cbd_ns_max(segment->bound_ns, cbd_ns_sub(bound_now_ns(core, segment->max_drift_ppb),
							 grown_ns(segment, now->coarse_ns)));
	segment->void_after_ns = cbd_ns_min(segment->void_after_ns, void_after_ns(core, segment->as_of_ns));
}

void cbd_segment_fill(struct cbd_core *core, enum cbd_chrony_status chrony, enum cbd_disruption disruption,
		      const struct cbd_anchor *now)
{
	struct cbd_segment *segment = &core->out.segment;

	segment->disruption_marker = core->vm.marker;
	segment->supports_disruption = (core->vm.flags & CLOCKBOUND_VM_WATCHED) != 0;
	if (segment->as_of_ns > now->coarse_ns) {
		/* Inherited, from another boot. */
		segment->as_of_ns = 0;
		segment->void_after_ns = 0;
		segment->bound_ns = 0;
		segment->max_drift_ppb = 0;
	}
	if (!is_possible(core, now) || (chrony == CBD_CHRONY_FREE_RUNNING && segment->as_of_ns == 0)) {
		chrony = CBD_CHRONY_UNKNOWN;
	}
	segment->status = (int32_t)cbd_segment_fsm_step(&core->segment_fsm, chrony, disruption);
	if (segment->status == (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED) {
		draw(core, now);
	} else if (segment->status == (int32_t)CLOCKBOUND_STATUS_FREE_RUNNING &&
		   CBD_MUTANT(SEGMENT_KEPT, false, true)) {
		widen(core, now);
	}
}
