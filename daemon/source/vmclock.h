/* SPDX-License-Identifier: Apache-2.0 */
/*
 * VMClock: the page in which a hypervisor tells that this machine was moved to another host, or restored. Finds it,
 * maps it read-only, and reads it within a bounded time whatever it says. What a changed marker means is the core's
 * to judge. It never writes, never sleeps, never logs. One thread. Layer: daemon/source.
 *
 * It sees migrations and restores. It does not see a machine that is paused and goes on: nothing inside does.
 */
#ifndef CBD_SOURCE_VMCLOCK_H
#define CBD_SOURCE_VMCLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clockbound/vmclock.h>

#include "daemon/clock.h"
#include "daemon/core/poll.h"

/* An update takes some hundred ns: this often a reader looks again before it goes on without a new snapshot. */
#define CBD_VMCLOCK_TRIES 64
/* The kernel's own patience with an update that does not end. */
#define CBD_VMCLOCK_PATIENCE_NS INT64_C(100000000)
/* The marker is looked at this often, and at once where something notifies: readers who do not look themselves are
 * wrong for so long after a migration. Ten loads a second cost nothing; a tenth of it would not help who needs strict
 * reads. */
#define CBD_VMCLOCK_TICK_NS INT64_C(100000000)

struct cbd_vmclock {
	const struct clockbound_vmclock *page; /* mapped read-only; NULL: none is watched */
	size_t mapped;			       /* bytes of it that may be read */
	int fd;				       /* read-only; -1: none */
	int readers_fd;			       /* the same, opened once more, for them; -1: fd has to do */
	bool is_file;			       /* a regular file, which may shrink */
	bool notifies;			       /* poll() on fd waits until something changes */
	bool is_unreadable;		       /* as of the last look; text says why */
	uint32_t size;			       /* what the page says of itself, when it was opened */
	uint64_t flags; /* the page's own, of the last whole snapshot, as the next two */
	uint64_t generation;
	uint8_t clock_status;
	int64_t busy_since_ns; /* CLOCK_MONOTONIC; 0: it is not being written */
	uint32_t idle_wakes;   /* in a row, that brought nothing new */
	uint32_t woken_seq;
	uint32_t load_ps; /* what one load of the marker costs, median */
	const struct cbd_clock *clock;
	char path[256];
	char text[640]; /* why there is none, or what is wrong with it; "" if all is well */
};

/* Where to look; all NULL is right outside of tests. */
struct cbd_vmclock_places {
	const char *class_dir;	/* NULL: /sys/class/misc */
	const char *device_dir; /* NULL: /dev */
};

/*
 * cbd_vmclock_open - finds and maps the VMClock, and times a load
 * @how:    "off"; "auto": the first vmclock device of this machine, if there is one; or the path of a device or file
 * @places: NULL for the defaults
 * @clock:  outlives @vmclock
 * Returns whether one is watched. If not, text says why, and is empty only for "off"; nothing is left open. Takes
 * some 0.1 ms.
 */
bool cbd_vmclock_open(struct cbd_vmclock *vmclock, const char *how, const struct cbd_vmclock_places *places,
		      const struct cbd_clock *clock);

/*
 * cbd_vmclock_attach - the same for a page that somebody else has mapped
 * @mapped: bytes of it that may be read; the page stays mapped until the last use
 * Returns false, and text, for what is no VMClock, of an unknown version, or says a size that cannot be.
 */
bool cbd_vmclock_attach(struct cbd_vmclock *vmclock, const void *page, size_t mapped,
			const struct cbd_clock *clock);

/*
 * cbd_vmclock_read - what stands there now; @context: a struct cbd_vmclock. It is a struct cbd_clock's vm
 * At most CBD_VMCLOCK_TRIES rounds, then the marker alone. An update that lasts longer than CBD_VMCLOCK_PATIENCE_NS,
 * a page that is none any more, a file that has shrunk: is_torn, and text says so, until it is well again.
 */
void cbd_vmclock_read(void *context, struct cbd_vm *vm);

/* cbd_vmclock_wake_fd - to be watched for input beside the timer; -1: nothing here notifies */
int cbd_vmclock_wake_fd(const struct cbd_vmclock *vmclock);

/* cbd_vmclock_on_wake - fd was ready; false: it wakes for nothing and must be watched no more */
bool cbd_vmclock_on_wake(struct cbd_vmclock *vmclock);

/*
 * cbd_vmclock_readers_fd - what readers may be given; -1: none is watched
 * Not the one that is waited on, if it can be helped: who read()s that has the next notification for himself.
 */
int cbd_vmclock_readers_fd(const struct cbd_vmclock *vmclock);

/* cbd_vmclock_is_public - whether anybody may open the device himself, as upstream's clients must */
bool cbd_vmclock_is_public(const struct cbd_vmclock *vmclock);

/* cbd_vmclock_close - unmaps; also right after an open that failed */
void cbd_vmclock_close(struct cbd_vmclock *vmclock);

#endif
