/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The former daemon's publication while it stands: what became of the clocks since, see cbd_page_writer_look_back().
 */
#include "daemon/publish/page_writer.h"

#include "daemon/core/meanwhile.h"
#include "daemon/core/q58.h"
#include "daemon/publish/page_slots.h"
#include "daemon/publish/page_words.h"

#define NS_PER_SEC UINT64_C(1000000000)

/* Of the anchors' counter, which counts ns where there is none. Nominal, for what two brackets are apart. */
static uint64_t ns_per_tick_q58(const struct clockbound_identity *identity)
{
	uint64_t hz = identity->counter_hz != 0 ? identity->counter_hz : NS_PER_SEC;
	uint64_t ns = NS_PER_SEC / hz;

	if (ns >= UINT64_C(1) << (64 - CLOCKBOUND_RATE_SHIFT)) {
		return UINT64_MAX;
	}
	/* The rest in 2^-29: below 2^59 before it is divided. */
	return (ns << CLOCKBOUND_RATE_SHIFT) + (((NS_PER_SEC % hz) << 29) / hz << 29);
}

/* What the slot that readers have says of the clocks, as of its own as-of. */
static struct cbd_former former_of(const struct cbd_page_writer *writer)
{
	struct cbd_inheritance found;

	cbd_page_words_read(&found, &writer->found);
	return (struct cbd_former){
		.course = found.memory.course,
		.step_ns = writer->page->control.step_ns,
		.suspend_ns = found.suspend_ns,
		.rate_q58 = ns_per_tick_q58(&writer->page->identity),
	};
}

/*
 * The clock's bound, wider than @base by what the clock may have left its course since as-of. Never narrower than it
 * stands: an earlier look may have seen the clock farther off.
 */
static void widen_clock(struct cbd_page_writer *writer, const struct cbd_meanwhile *meanwhile)
{
	struct cbd_page_slot *slot = &writer->found;
	int64_t bound_ns = cbd_ns_add(writer->former_bound_ns, meanwhile->off_ns);
	uint32_t faster_ppb = cbd_q58_to_ppb_ceil(meanwhile->faster_q58);
	uint32_t drift_ppb = writer->former_drift_ppb + faster_ppb;

	drift_ppb = drift_ppb < faster_ppb ? UINT32_MAX : drift_ppb; /* unbounded */
	cbd_page_slot_load(slot, writer->page);
	if (writer->former_bound_ns < 0 ||
	    (bound_ns <= slot->clock.bound_ns && drift_ppb <= slot->clock.drift_ppb)) {
		return;
	}
	slot->clock.bound_ns = cbd_ns_max(bound_ns, slot->clock.bound_ns);
	slot->clock.drift_ppb = drift_ppb > slot->clock.drift_ppb ? drift_ppb : slot->clock.drift_ppb;
	cbd_page_slots_settle(writer->page, slot);
}

uint32_t cbd_page_writer_look_again(struct cbd_page_writer *writer, const struct cbd_anchor *now)
{
	struct cbd_former former = former_of(writer);
	struct cbd_meanwhile meanwhile = cbd_meanwhile_judge(&former, now);
	const struct clockbound_epochs *epochs = &writer->page->control.epochs;
	const struct clockbound_clock *clock = &writer->found.clock;

	if (!writer->is_standing) {
		return 0;
	}
	if (!meanwhile.is_clock_lost) {
		widen_clock(writer, &meanwhile);
	}
	return (meanwhile.is_clock_lost && clock->clock_epoch == epochs->clock_epoch ? CBD_REQUEST_BUMP_EPOCH
										     : 0) |
	       (meanwhile.is_counter_lost && writer->found.hot.counter_epoch == epochs->counter_epoch
			? CBD_REQUEST_BUMP_COUNTER
			: 0) |
	       (meanwhile.is_rate_moved && clock->rate_epoch == epochs->rate_epoch ? CBD_REQUEST_BUMP_RATE
										   : 0);
}

uint32_t cbd_page_writer_look_back(struct cbd_page_writer *writer, const struct cbd_anchor *now)
{
	uint32_t moved;

	if (!writer->has_past || !writer->is_same_world) {
		return 0; /* nothing on the page is valid */
	}
	writer->is_standing = true;
	writer->former_bound_ns = writer->found.clock.bound_ns;
	writer->former_drift_ppb = writer->found.clock.drift_ppb;
	moved = cbd_page_writer_look_again(writer, now);
	/* The slot's bound has taken every change of the rate into account by now, marked or not; or is not valid. */
	writer->is_rate_charged = true;
	writer->was.clock_epoch += (moved & CBD_REQUEST_BUMP_EPOCH) != 0;
	writer->was.counter_epoch += (moved & CBD_REQUEST_BUMP_COUNTER) != 0;
	writer->was.rate_epoch += (moved & CBD_REQUEST_BUMP_RATE) != 0;
	cbd_page_epochs_store(writer->page, &writer->was);
	return moved;
}
