/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reads, where the leaf has no answer, and the handle for them: whatever the slow path says, VMClock's marker
 * is looked at after it, and must be the one under which the page was drawn.
 */
#include "client/src/context.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Rounds until no publication falls into a read; one a second may. */
#define STRICT_TRIES 4

/* How long an opener waits for the daemon. */
#ifndef OPEN_WAIT_MS
#define OPEN_WAIT_MS 100
#endif

static void not_valid(uint32_t status, uint32_t reason, clockbound_interval *out)
{
	uint32_t value = out->status;

	clockbound_priv_not_valid(value, reason, out);
	out->status = (out->status & ~CLOCKBOUND_STATUS_MASK) | status;
}

void clockbound_fast_slow_strict(const clockbound_fast *fast, clockbound_interval *out)
{
	const struct clockbound_page *page = fast->page;
	int tries;

	for (tries = 0; tries < STRICT_TRIES; tries++) {
		uint32_t seq = clockbound_priv_seq_begin(&page->control.seq);
		const struct clockbound_hot *hot = &page->slot[seq & 1].hot;
		uint64_t marker = CLOCKBOUND_PRIV_LOAD(&hot->vm_marker);
		uint32_t flags = CLOCKBOUND_PRIV_LOAD(&hot->vm_flags);

		clockbound_fast_slow_now(fast, out);
		if (fast->vm_marker == NULL || (flags & CLOCKBOUND_VM_WATCHED) == 0) {
			not_valid(CLOCKBOUND_STATUS_UNKNOWN, CLOCKBOUND_REASON_UNWATCHED, out);
			return;
		}
		/* After the counter, or the clock, that the answer was made from: see clockbound_priv_vm_marker(). */
		marker ^= clockbound_priv_vm_marker(fast);
		if (marker != 0) {
			not_valid(CLOCKBOUND_STATUS_DISRUPTED, CLOCKBOUND_REASON_MIGRATED, out);
			return;
		}
		if (!clockbound_priv_seq_retry(&page->control.seq, seq)) {
			return;
		}
	}
	not_valid(CLOCKBOUND_STATUS_UNKNOWN, CLOCKBOUND_REASON_INCONSISTENT, out);
}

/* Asks for it and maps it. */
static bool take(struct clockbound_priv_vmclock *vmclock, const char *socket_path, clockbound_err *err)
{
	char reason[CLOCKBOUND_CONTROL_TEXT * 2];
	int descriptor = clockbound_priv_vmclock_ask(socket_path, OPEN_WAIT_MS, reason, sizeof(reason));
	bool is_mapped;

	if (descriptor < 0) {
		return clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, ENODEV,
					    "no VMClock for strict reads from the daemon at %s: %s",
					    socket_path, reason);
	}
	is_mapped = clockbound_priv_vmclock_map(vmclock, descriptor, "the daemon's VMClock", err);
	(void)close(descriptor);
	return is_mapped;
}

bool clockbound_priv_vmclock_watch(struct clockbound_priv_vmclock *vmclock, clockbound_fast *fast,
				   const char *socket_path, clockbound_err *err)
{
	if (!take(vmclock, socket_path, err)) {
		return false;
	}
	fast->vm_marker = clockbound_priv_vmclock_word(vmclock);
	return true;
}

bool clockbound_priv_vmclock_beside(struct clockbound_priv_vmclock *vmclock, const char *path)
{
	char socket_path[sizeof(((struct clockbound_priv_kernel *)NULL)->socket_path)];

	clockbound_priv_socket_beside(path, socket_path, sizeof(socket_path));
	return socket_path[0] != '\0' && take(vmclock, socket_path, NULL);
}
