/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VMClock page, as far as a reader needs it: its disruption marker, which changes when the
 * virtual machine was moved or restored. Read-only; the time on that page is not used here.
 * Source: the VMClock specification 1.0 and Linux's vmclock-abi.h; fields are little-endian on every CPU.
 */
#include "client/src/context.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clockbound/vmclock.h>

#define VMCLOCK_SIZE_OFFSET 4
#define VMCLOCK_VERSION_AT  8
#define VMCLOCK_BYTES	    (int)CLOCKBOUND_VMCLOCK_SIZE_MIN

static uint32_t word_at(const void *map, size_t offset)
{
	return le32toh(CLOCKBOUND_PRIV_LOAD((const uint32_t *)(const void *)((const char *)map + offset)));
}

static bool check(const void *map, const char *path, clockbound_err *err)
{
	uint32_t magic = word_at(map, 0);
	uint32_t size = word_at(map, VMCLOCK_SIZE_OFFSET);
	uint32_t version = word_at(map, VMCLOCK_VERSION_AT) & 0xffffu;

	if (magic != CLOCKBOUND_VMCLOCK_MAGIC) {
		return clockbound_priv_fail(err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
					    "%s: not a VMClock: its magic is 0x%08x, not 0x%08x", path, magic,
					    CLOCKBOUND_VMCLOCK_MAGIC);
	}
	if (version != CLOCKBOUND_VMCLOCK_VERSION) {
		return clockbound_priv_fail(err, CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED, 0,
					    "%s: a VMClock of version %u; this library reads version %u",
					    path, version, CLOCKBOUND_VMCLOCK_VERSION);
	}
	if (size < VMCLOCK_BYTES) {
		return clockbound_priv_fail(err, CLOCKBOUND_ERR_SEGMENT_MALFORMED, 0,
					    "%s: a VMClock whose size field says %u, too short for a "
					    "disruption marker",
					    path, size);
	}
	return true;
}

/* Maps the first bytes of @descriptor; a device says that its size is 0, and maps a page. */
static const void *map_descriptor(int descriptor, const char *path, clockbound_err *err)
{
	struct stat status;
	void *map;

	if (fstat(descriptor, &status) != 0) {
		(void)clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, errno, "fstat %s: %s", path,
					   strerror(errno));
		return NULL;
	}
	if (!S_ISCHR(status.st_mode) && (!S_ISREG(status.st_mode) || status.st_size < VMCLOCK_BYTES)) {
		(void)clockbound_priv_fail(err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
					   "%s: neither a VMClock device nor a file of %d bytes or more",
					   path, VMCLOCK_BYTES);
		return NULL;
	}
	map = mmap(NULL, VMCLOCK_BYTES, PROT_READ, MAP_SHARED, descriptor, 0);
	if (map == MAP_FAILED) {
		(void)clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, errno, "mmap %s: %s", path,
					   strerror(errno));
		return NULL;
	}
	return map;
}

bool clockbound_priv_vmclock_open(struct clockbound_priv_vmclock *vmclock, const char *path,
				  clockbound_err *err)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool is_mapped;

	if (descriptor < 0) {
		return clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, errno,
					    "open %s: %s: the segment asks its readers to watch the VMClock; "
					    "make the device readable, or run the daemon with "
					    "--disable-clock-disruption-support",
					    path, strerror(errno));
	}
	is_mapped = clockbound_priv_vmclock_map(vmclock, descriptor, path, err);
	(void)close(descriptor);
	return is_mapped;
}

bool clockbound_priv_vmclock_map(struct clockbound_priv_vmclock *vmclock, int descriptor, const char *path,
				 clockbound_err *err)
{
	vmclock->map = map_descriptor(descriptor, path, err);
	if (vmclock->map == NULL) {
		return false;
	}
	if (!check(vmclock->map, path, err)) {
		clockbound_priv_vmclock_close(vmclock);
		return false;
	}
	return true;
}

void clockbound_priv_vmclock_close(struct clockbound_priv_vmclock *vmclock)
{
	if (vmclock->map != NULL) {
		(void)munmap((void *)(uintptr_t)vmclock->map, VMCLOCK_BYTES);
		vmclock->map = NULL;
	}
}

const uint64_t *clockbound_priv_vmclock_word(const struct clockbound_priv_vmclock *vmclock)
{
	return (const uint64_t *)(const void *)((const char *)vmclock->map +
						CLOCKBOUND_VMCLOCK_MARKER_OFFSET);
}
