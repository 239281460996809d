/* SPDX-License-Identifier: Apache-2.0 */
/* See migration.h. */
#include "daemon/core/migration.h"

#include <clockbound/page.h>

#include "daemon/core/epochs.h"
#include "daemon/core/mutate.h"

/*
 * Compared for equality only: a restored machine may show a lower one. Where a VMClock is watched on one side only,
 * nothing tells what happened between them.
 */
static bool is_other(const struct cbd_vm *a, const struct cbd_vm *b, bool has_generation)
{
	if (((a->flags ^ b->flags) & CLOCKBOUND_VM_WATCHED) != 0) {
		return true;
	}
	return (a->flags & CLOCKBOUND_VM_WATCHED) != 0 &&
	       (a->marker != b->marker || (has_generation && a->generation != b->generation));
}

bool cbd_core_is_vm_news(const struct cbd_core *core, const struct cbd_vm *vm)
{
	return core->has_vm && (vm->is_torn || is_other(&core->vm, vm, core->has_generation));
}

/* The clocks of this machine are not what they were, and chronyd does not know. */
static void begin(struct cbd_core *core, uint32_t reason, const struct cbd_anchor *now)
{
	core->stats.migrations++;
	core->requests |= CBD_REQUEST_RESET_SOURCES;
	cbd_epochs_move(core, &core->out.clock_epoch, &now->epochs, now->epochs.clock,
			CBD_REQUEST_BUMP_EPOCH);
	cbd_core_void(core, reason, now);
}

bool cbd_core_on_vm(struct cbd_core *core, const struct cbd_anchor *now)
{
	bool is_moved = core->has_vm && is_other(&core->vm, &now->vm, core->has_generation);
	bool is_known = (core->event.reason & CLOCKBOUND_REASON_MIGRATED) != 0;

	/* From here on everything is measured under what stood there before the clocks of @now were read. */
	core->vm = now->vm;
	core->has_vm = true;
	core->has_generation = true;
	if (!is_moved && !now->vm.is_torn) {
		return false;
	}
	core->is_settling = false;
	if (is_moved || !is_known) {
		begin(core, CLOCKBOUND_REASON_MIGRATED, now);
	} else {
		/* A VMClock that cannot be read, still: the same event goes on, and chronyd was told. */
		cbd_core_void(core, CLOCKBOUND_REASON_MIGRATED, now);
	}
	return true;
}

/* A canary: what was there when the poll was over is taken for what was there all the time. */
static bool is_taken_unseen(struct cbd_core *core, const struct cbd_poll *poll)
{
	core->vm = poll->after.vm;
	return false;
}

bool cbd_migration_voids(struct cbd_core *core, const struct cbd_poll *poll)
{
	if (CBD_MUTANT(MARKER_AFTER_ONLY, is_taken_unseen(core, poll), cbd_core_on_vm(core, &poll->after))) {
		return true;
	}
	if (poll->before.vm.is_torn || is_other(&poll->before.vm, &core->vm, true)) {
		/* It moved within the poll, and was noticed there: what chronyd said may be from before. */
		core->requests |= CBD_REQUEST_POLL_AGAIN;
		cbd_core_on_poll_failed(core, CBD_POLL_UNSETTLED, &poll->after);
		return true;
	}
	return false;
}

void cbd_core_force(struct cbd_core *core, bool is_forced, const struct cbd_anchor *now)
{
	bool was_forced = core->is_forced;

	core->is_forced = is_forced;
	core->is_settling = false;
	if (is_forced && !was_forced) {
		begin(core, CLOCKBOUND_REASON_FORCED, now);
	} else if (!is_forced && was_forced) {
		/* Whatever the clocks did meanwhile was not looked at: measured anew, from the beginning on. */
		core->requests |= CBD_REQUEST_POLL_AGAIN;
		cbd_core_on_poll_failed(core, CBD_POLL_UNSETTLED, now);
	}
}
