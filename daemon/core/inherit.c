/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on with a former daemon's page: everything that it knew and that still matters, so that a restart never
 * makes anything look better than it is. See cbd_core_inherit() in core.h.
 */
#include "daemon/core/core.h"

#include <clockbound/page.h>

#include "daemon/core/disturbance.h"
#include "daemon/core/q58.h"

/* How far the former daemon's reading of CLOCK_REALTIME - CLOCK_MONOTONIC may have been off. */
#define INHERITED_HALF_NS 10000

/* The lines, and what is to be known about them. */
static void inherit_lines(struct cbd_core *core, const struct cbd_inheritance *page)
{
	core->agreement.lines = page->lines;
	core->agreement.has_lines = true;
	/* Which sample drew them is not known; one that is older than they are is no new evidence. */
	core->agreement.has_mark = true;
	core->agreement.counter = page->lines.base;
	if ((page->status & CLOCKBOUND_REASON_INCONSISTENT) != 0) {
		core->agreement.is_inconsistent = true;
		core->agreement.candidate = page->lines;
	}
	core->void_counter = page->lines.base + page->void_after_ticks;
	core->anchor.real.counter = page->lines.base;
	core->has_synced = true;
	core->seconds.is_proved = true;
	core->reasons &= ~CLOCKBOUND_REASON_NOT_SYNCED_YET;
}

/*
 * X's line. Without it nobody knows how far X was moved since the former daemon's last poll: only samples from now on
 * are believed.
 */
static void inherit_x(struct cbd_core *core, const struct cbd_inheritance *page)
{
	if (page->memory.x.counter != 0) {
		cbd_track_inherit(&core->track, &page->memory.x);
	} else if ((page->status & CLOCKBOUND_REASON_NOT_SYNCED_YET) == 0) {
		core->event.reason |= CLOCKBOUND_REASON_SURPRISE;
	}
}

void cbd_core_inherit(struct cbd_core *core, const struct cbd_inheritance *page)
{
	uint32_t events = (page->status | page->clock_status) & CBD_EVENTS;

	core->out.counter_epoch = page->counter_epoch;
	core->out.clock_epoch = page->clock_epoch;
	core->out.rate_epoch = page->rate_epoch;
	if (page->step_ns != 0) {
		core->track.step_ns = page->step_ns;
		core->track.step_half_ns = INHERITED_HALF_NS;
		core->track.has_before = true;
	}
	core->void_mono_ns = page->void_after_mono_ns;
	core->has_clock_half = !core->config.has_counter && (page->clock_status & CLOCKBOUND_VALID) != 0;
	/* The page lies in the machine's own memory, moved and restored with it: its marker may be compared. */
	core->vm = (struct cbd_vm){.marker = page->vm_marker, .flags = page->vm_flags};
	core->has_vm =
		page->has_lines || core->has_clock_half || (page->vm_flags & CLOCKBOUND_VM_WATCHED) != 0;
	if (!core->config.has_counter) {
		events &= ~CLOCKBOUND_REASON_COUNTER_LOST;
	}
	core->event = (struct cbd_core_event){
		.counter = page->memory.event_counter,
		.reason = events,
		.is_dated = events == 0 && page->memory.event_counter != 0,
		.is_noted = events == 0,
	};
	core->wobble.former_ns = page->memory.steady_counter != 0 ? CBD_NS_PER_SEC : 0;
	core->terms = page->terms;
	core->memory = page->memory;
	core->leap_ns = page->memory.leap_ns;
	cbd_account_inherit(&core->account, &page->memory.sample, page->memory.owed_ns);
	core->rule = page->terms.rule;
	core->growth_q58 =
		cbd_ns_max(cbd_q58_from_ppb(page->terms.growth_ppb), cbd_q58_from_ppb(core->config.rho_ppb));
	core->calm_error_q58 = cbd_disturbance_error_q58(core);
	if (events != 0) {
		cbd_disturbance_doubt(core);
	}
	if (page->has_lines && core->config.has_counter) {
		inherit_lines(core, page);
	}
	if (page->has_lines || page->step_ns != 0) {
		/* A former daemon of this boot: a sleep since then is seen, lines or not. */
		core->anchor.suspend_ns = page->suspend_ns;
		core->anchor.has_suspend = true;
		core->has_anchor = true;
	}
	if (page->step_ns != 0) {
		inherit_x(core, page);
	}
}

void cbd_core_inherit_segment(struct cbd_core *core, const struct cbd_segment *segment)
{
	core->out.segment = *segment;
	core->segment_fsm.status = (uint32_t)segment->status;
}
