/* SPDX-License-Identifier: Apache-2.0 */
/* See vmclock.h. Reading the page; vmclock_open.c finds it. */
#include "daemon/source/vmclock.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <clockbound/page.h>
#include <clockbound/seq.h>

/* A field exists if the page's size reaches its end. */
#define HAS_FIELD(vmclock, field)                                                                            \
	((vmclock)->size >= offsetof(struct clockbound_vmclock, field) +                                     \
				    sizeof(((const struct clockbound_vmclock *)NULL)->field))

static uint32_t load32(const uint32_t *word)
{
	return le32toh(CLOCKBOUND_PRIV_LOAD(word));
}

static uint64_t load64(const uint64_t *word)
{
	return le64toh(CLOCKBOUND_PRIV_LOAD(word));
}

static uint16_t version_of(const struct clockbound_vmclock *page)
{
	return le16toh(CLOCKBOUND_PRIV_LOAD(&page->version));
}

/* What never changes in a VMClock; false, and text, for what is none. */
static bool is_vmclock(struct cbd_vmclock *vmclock, const struct clockbound_vmclock *page)
{
	uint32_t magic = load32(&page->magic);
	uint32_t size = load32(&page->size);
	unsigned int version = version_of(page);
	const char *name = vmclock->path[0] != '\0' ? vmclock->path : "VMClock";

	if (magic != CLOCKBOUND_VMCLOCK_MAGIC) {
		snprintf(vmclock->text, sizeof(vmclock->text),
			 "%s: not a VMClock: its magic is 0x%08x, not 0x%08x", name, magic,
			 CLOCKBOUND_VMCLOCK_MAGIC);
	} else if (version != CLOCKBOUND_VMCLOCK_VERSION) {
		snprintf(vmclock->text, sizeof(vmclock->text),
			 "%s: a VMClock of version %u; this program reads version %u", name, version,
			 CLOCKBOUND_VMCLOCK_VERSION);
	} else if (size < CLOCKBOUND_VMCLOCK_SIZE_MIN || size > vmclock->mapped) {
		snprintf(vmclock->text, sizeof(vmclock->text),
			 "%s: a VMClock that says it has %u bytes, which is not from %u to the %zu that are "
			 "there",
			 name, size, CLOCKBOUND_VMCLOCK_SIZE_MIN, vmclock->mapped);
	} else {
		return true;
	}
	return false;
}

bool cbd_vmclock_attach(struct cbd_vmclock *vmclock, const void *page, size_t mapped,
			const struct cbd_clock *clock)
{
	vmclock->mapped = mapped;
	vmclock->clock = clock;
	vmclock->text[0] = '\0';
	if (mapped < CLOCKBOUND_VMCLOCK_SIZE_MIN) {
		snprintf(vmclock->text, sizeof(vmclock->text),
			 "%s: %zu bytes are too few for a VMClock, whose disruption marker ends at %u",
			 vmclock->path, mapped, CLOCKBOUND_VMCLOCK_SIZE_MIN);
		return false;
	}
	if (!is_vmclock(vmclock, page)) {
		return false;
	}
	vmclock->size = load32(&((const struct clockbound_vmclock *)page)->size);
	vmclock->page = page;
	return true;
}

/* A mapping beyond the end of its file would kill whoever reads it. */
static bool has_shrunk(struct cbd_vmclock *vmclock)
{
	struct stat status;

	if (!vmclock->is_file ||
	    (fstat(vmclock->fd, &status) == 0 && (uint64_t)status.st_size >= vmclock->mapped)) {
		return false;
	}
	snprintf(vmclock->text, sizeof(vmclock->text), "%s: the file is shorter than it was", vmclock->path);
	return true;
}

/* One snapshot of what stands under seq_count; false if it was being written. */
static bool take(struct cbd_vmclock *vmclock)
{
	const struct clockbound_vmclock *page = vmclock->page;
	uint32_t seq = clockbound_priv_seq_begin(&page->seq_count);
	uint64_t flags = HAS_FIELD(vmclock, flags) ? load64(&page->flags) : 0;
	uint64_t generation = 0;
	uint8_t clock_status = CLOCKBOUND_VMCLOCK_UNKNOWN;

	if (HAS_FIELD(vmclock, vm_generation_counter) && (flags & CLOCKBOUND_VMCLOCK_HAS_GENERATION) != 0) {
		generation = load64(&page->vm_generation_counter);
	}
	if (HAS_FIELD(vmclock, clock_status)) {
		clock_status = CLOCKBOUND_PRIV_LOAD(&page->clock_status);
	}
	if ((le32toh(seq) & 1) != 0 || clockbound_priv_seq_retry(&page->seq_count, seq)) {
		return false;
	}
	vmclock->flags = flags;
	vmclock->generation = generation;
	vmclock->clock_status = clock_status;
	return true;
}

/* False, and text, if it has been in the middle of an update for so long that its writer must be dead. */
static bool is_patient(struct cbd_vmclock *vmclock)
{
	int64_t now_ns;
	int tries;

	for (tries = 0; tries < CBD_VMCLOCK_TRIES; tries++) {
		if (take(vmclock)) {
			vmclock->busy_since_ns = 0;
			return true;
		}
	}
	now_ns = cbd_clock_mono_ns(vmclock->clock);
	if (vmclock->busy_since_ns == 0) {
		vmclock->busy_since_ns = now_ns;
	}
	if (now_ns - vmclock->busy_since_ns < CBD_VMCLOCK_PATIENCE_NS) {
		return true;
	}
	snprintf(vmclock->text, sizeof(vmclock->text),
		 "%s: an update of it has not ended for more than 0.1 s: its writer may be dead",
		 vmclock->path);
	return false;
}

static uint32_t page_flags(uint64_t flags)
{
	return CLOCKBOUND_VM_WATCHED |
	       ((flags & CLOCKBOUND_VMCLOCK_DISRUPTION_SOON) != 0 ? CLOCKBOUND_VM_DISRUPTION_SOON : 0) |
	       ((flags & CLOCKBOUND_VMCLOCK_DISRUPTION_IMMINENT) != 0 ? CLOCKBOUND_VM_DISRUPTION_IMMINENT
								      : 0);
}

void cbd_vmclock_read(void *context, struct cbd_vm *vm)
{
	struct cbd_vmclock *vmclock = context;
	bool is_well;

	*vm = (struct cbd_vm){0};
	if (vmclock->page == NULL) {
		return;
	}
	is_well = !has_shrunk(vmclock);
	if (is_well) {
		vm->marker = load64(&vmclock->page->disruption_marker);
		is_well = is_vmclock(vmclock, vmclock->page) && is_patient(vmclock);
		/* Changed while the rest was read: whoever compares it with what comes next will see. */
		vm->is_torn = load64(&vmclock->page->disruption_marker) != vm->marker;
	}
	vm->generation = vmclock->generation;
	vm->flags = page_flags(vmclock->flags);
	vm->is_torn = vm->is_torn || !is_well;
	vmclock->is_unreadable = !is_well;
	if (is_well) {
		vmclock->text[0] = '\0';
	}
}
