/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reads, where the leaf has no answer: whatever the slow path says, VMClock's marker is looked at after it, and
 * must be the one under which the page was drawn. A context's are strict as long as there is something to look at.
 */
#include "client/src/context.h"

/* Rounds until no publication falls into a read; one a second may. */
#define STRICT_TRIES 4

static void not_valid(uint32_t status, uint32_t reason, clockbound_interval *out)
{
	uint32_t value = out->status;

	clockbound_priv_not_valid(value, reason, out);
	out->status = (out->status & ~CLOCKBOUND_STATUS_MASK) | status;
}

/* @is_demanded: whoever asks wants strict reads or none; else the daemon's own look serves where there is no other. */
static void read_slowly(const clockbound_fast *fast, bool is_demanded, clockbound_interval *out)
{
	const struct clockbound_page *page = fast->page;
	const uint64_t *place = clockbound_priv_vm_place(fast);
	int tries;

	for (tries = 0; tries < STRICT_TRIES; tries++) {
		uint32_t seq = clockbound_priv_seq_begin(&page->control.seq);
		const struct clockbound_hot *hot = &page->slot[seq & 1].hot;
		uint64_t marker = CLOCKBOUND_PRIV_LOAD(&hot->vm_marker);
		uint32_t flags = CLOCKBOUND_PRIV_LOAD(&hot->vm_flags);
		bool can_look = place != NULL && (flags & CLOCKBOUND_VM_WATCHED) != 0;

		clockbound_fast_slow_now(fast, out);
		if (!can_look && is_demanded) {
			not_valid(CLOCKBOUND_STATUS_UNKNOWN, CLOCKBOUND_REASON_UNWATCHED, out);
			return;
		}
		/* After the counter, or the clock, that the answer was made from: see clockbound_priv_vm_marker(). */
		if (can_look && marker != clockbound_priv_vm_marker(place)) {
			not_valid(CLOCKBOUND_STATUS_DISRUPTED, CLOCKBOUND_REASON_MIGRATED, out);
			return;
		}
		if (!clockbound_priv_seq_retry(&page->control.seq, seq)) {
			return;
		}
	}
	not_valid(CLOCKBOUND_STATUS_UNKNOWN, CLOCKBOUND_REASON_INCONSISTENT, out);
}

void clockbound_fast_slow_strict(const clockbound_fast *fast, clockbound_interval *out)
{
	read_slowly(fast, true, out);
}

void clockbound_priv_context_slow(clockbound_ctx *ctx, clockbound_interval *out)
{
	if (clockbound_priv_is_watched(ctx->fast.page)) {
		(void)clockbound_priv_watch(ctx);
	}
	read_slowly(&ctx->fast, false, out);
}
