/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which home of the epochs a handle reads: the kernel page that its page names, or the file's own words. Follows
 * the daemon when it comes back with another kernel page. docs/PROTOCOL.md tells the rule and why it is sound.
 */
/* mremap() */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#include "client/src/clocks.h"
#include "client/src/context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* How long an opener, and a reader in the middle of its work, wait for the daemon. Tests wait longer. */
#ifndef OPEN_WAIT_MS
#define OPEN_WAIT_MS   100
#define FOLLOW_WAIT_MS 10
#endif

/* A daemon that did not give its page is not asked again at once. */
#define RETRY_NS CLOCKBOUND_PRIV_NS_PER_SEC

void clockbound_priv_socket_beside(const char *path, char *socket_path, size_t size)
{
	const char *slash = strrchr(path, '/');
	int directory = slash != NULL ? (int)(slash - path) + 1 : 0;
	int length = snprintf(socket_path, size, "%.*sclockbound.sock", directory, path);

	if (length < 0 || (size_t)length >= size) {
		socket_path[0] = '\0';
	}
}

/* Epochs only go up, and the file follows: a page whose numbers are lower is not the one in force. */
static bool is_not_behind(uint32_t kernel, uint32_t file)
{
	return (int32_t)(kernel - file) >= 0;
}

static bool is_ours(const struct clockbound_kernel_page *map, const struct clockbound_page *page, uint64_t id)
{
	const struct clockbound_epochs *file = &page->control.epochs;

	return map->magic == CLOCKBOUND_KERNEL_PAGE_MAGIC && map->version == CLOCKBOUND_KERNEL_PAGE_VERSION &&
	       map->size == sizeof(*map) && map->id == id && map->boot_id[0] == page->identity.boot_id[0] &&
	       map->boot_id[1] == page->identity.boot_id[1] &&
	       is_not_behind(CLOCKBOUND_PRIV_LOAD(&map->epochs.counter_epoch),
			     CLOCKBOUND_PRIV_LOAD(&file->counter_epoch)) &&
	       is_not_behind(CLOCKBOUND_PRIV_LOAD(&map->epochs.clock_epoch),
			     CLOCKBOUND_PRIV_LOAD(&file->clock_epoch)) &&
	       is_not_behind(CLOCKBOUND_PRIV_LOAD(&map->epochs.rate_epoch),
			     CLOCKBOUND_PRIV_LOAD(&file->rate_epoch));
}

/* Puts @map in the old one's place, in one step for every thread. */
static bool take_place(struct clockbound_priv_kernel *kernel, void *map)
{
	void *place = (void *)(uintptr_t)__atomic_load_n(&kernel->map, __ATOMIC_RELAXED);

	if (place == NULL) {
		CLOCKBOUND_PRIV_PLACE_STORE(&kernel->map, map);
		return true;
	}
	if (mremap(map, sizeof(*kernel->map), sizeof(*kernel->map), MREMAP_MAYMOVE | MREMAP_FIXED, place) ==
	    place) {
		return true;
	}
	(void)munmap(map, sizeof(*kernel->map));
	return false;
}

static bool map_page(struct clockbound_priv_kernel *kernel, const struct clockbound_page *page, uint64_t id,
		     int wait_ms)
{
	int fd = clockbound_priv_kernel_ask(kernel->socket_path, id, wait_ms);
	void *map = MAP_FAILED;

	if (fd >= 0) {
		map = mmap(NULL, sizeof(*kernel->map), PROT_READ, MAP_SHARED, fd, 0);
		(void)close(fd);
	}
	if (map == MAP_FAILED) {
		return false;
	}
	if (!is_ours(map, page, id)) {
		(void)munmap(map, sizeof(*kernel->map));
		return false;
	}
	return take_place(kernel, map);
}

/* Only one thread at a time; the file's epochs serve the others, and everybody if this fails. */
static void follow(const clockbound_fast *fast, uint64_t id, int wait_ms)
{
	struct clockbound_priv_kernel *kernel = fast->kernel;
	/* The handle is the library's own, and not const where it was made. */
	const struct clockbound_epochs **epochs =
		(const struct clockbound_epochs **)(uintptr_t)(const void *)&fast->epochs;

	CLOCKBOUND_PRIV_PLACE_STORE(epochs, &fast->page->control.epochs);
	clockbound_priv_map_id_store(&kernel->id, 0);
	if (id == 0 || !map_page(kernel, fast->page, id, wait_ms)) {
		return;
	}
	clockbound_priv_map_id_store(&kernel->id, id);
	CLOCKBOUND_PRIV_PLACE_STORE(epochs, &kernel->map->epochs);
}

/* True if the daemon refused @id and it is too early to ask again. */
static bool is_refused(const struct clockbound_priv_kernel *kernel, uint64_t id)
{
	int64_t mono_ns;

	return id != 0 && __atomic_load_n(&kernel->refused_id, __ATOMIC_RELAXED) == id &&
	       (!clockbound_priv_clock_read(CLOCK_MONOTONIC, &mono_ns) ||
		mono_ns < __atomic_load_n(&kernel->retry_mono_ns, __ATOMIC_RELAXED));
}

static void try_to_follow(const clockbound_fast *fast, uint64_t id, int wait_ms)
{
	struct clockbound_priv_kernel *kernel = fast->kernel;
	int saved = errno;
	int64_t mono_ns;

	if (is_refused(kernel, id) || !clockbound_priv_turn_begin(&kernel->busy_pid, (int32_t)getpid())) {
		return;
	}
	/* Whoever held it may have followed meanwhile. */
	if (clockbound_priv_map_id_load(&kernel->id) != id) {
		follow(fast, id, wait_ms);
	}
	if (__atomic_load_n(&kernel->id, __ATOMIC_RELAXED) != id &&
	    clockbound_priv_clock_read(CLOCK_MONOTONIC, &mono_ns)) {
		__atomic_store_n(&kernel->retry_mono_ns, clockbound_priv_add_sat(mono_ns, RETRY_NS),
				 __ATOMIC_RELAXED);
		__atomic_store_n(&kernel->refused_id, id, __ATOMIC_RELAXED);
	}
	clockbound_priv_turn_end(&kernel->busy_pid);
	errno = saved;
}

const struct clockbound_kernel_page *clockbound_priv_kernel_now(const clockbound_fast *fast)
{
	struct clockbound_priv_kernel *kernel = fast->kernel;
	uint64_t id;

	if (kernel == NULL || kernel->socket_path[0] == '\0') {
		return NULL;
	}
	id = clockbound_priv_home_load(&fast->page->control.kernel_page_id);
	if (__builtin_expect(clockbound_priv_map_id_load(&kernel->id) != id, 0)) {
		try_to_follow(fast, id, FOLLOW_WAIT_MS);
		if (clockbound_priv_map_id_load(&kernel->id) != id) {
			return NULL;
		}
	}
	return id != 0 ? __atomic_load_n(&kernel->map, __ATOMIC_RELAXED) : NULL;
}

void clockbound_priv_kernel_open(clockbound_fast *fast, struct clockbound_priv_kernel *kernel,
				 const struct clockbound_page *page, const char *path)
{
	uint64_t id = clockbound_priv_home_load(&page->control.kernel_page_id);

	clockbound_priv_fast_init(fast, page);
	fast->kernel = kernel;
	clockbound_priv_socket_beside(path, kernel->socket_path, sizeof(kernel->socket_path));
	if (id != 0 && kernel->socket_path[0] != '\0') {
		try_to_follow(fast, id, OPEN_WAIT_MS);
	}
}

void clockbound_priv_kernel_close(struct clockbound_priv_kernel *kernel)
{
	if (kernel->map != NULL) {
		(void)munmap((void *)(uintptr_t)kernel->map, sizeof(*kernel->map));
		kernel->map = NULL;
	}
}

int clockbound_fast_has_kernel_page(const clockbound_fast *fast)
{
	uint64_t id = CLOCKBOUND_PRIV_LOAD(&fast->page->control.kernel_page_id);

	return fast->kernel != NULL && id != 0 && clockbound_priv_map_id_load(&fast->kernel->id) == id;
}
