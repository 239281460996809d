/* SPDX-License-Identifier: Apache-2.0 */
/* The world of the client's unit tests. Never reads a real clock. */
#include "tests/unit/client/world.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 64

struct world world;

static char directory[64];
static char paths[FILES_MAX][128];
static unsigned int path_count;

uint64_t clockbound_priv_test_counter(void);
bool clockbound_priv_test_clock(clockid_t clock, int64_t *ns);
void clockbound_priv_test_sleep(int64_t until_mono_ns);

uint64_t clockbound_priv_test_counter(void)
{
	if (world.clock_step_ns != 0) {
		world_pass(world.clock_step_ns);
	}
	return world.counter;
}

bool clockbound_priv_test_clock(clockid_t clock, int64_t *ns)
{
	if (world.on_clock != NULL) {
		world.on_clock((int)clock);
	}
	*ns = clock == CLOCK_REALTIME	 ? world.real_ns
	      : clock == CLOCK_MONOTONIC ? world.mono_ns
					 : world.coarse_ns;
	return !world.clock_fails;
}

void clockbound_priv_test_sleep(int64_t until_mono_ns)
{
	int64_t ns = until_mono_ns - world.mono_ns;

	world.sleeps++;
	world.slept_ns += ns;
	world_pass(ns > 0 ? ns : 0);
}

int world_reset(void **state)
{
	(void)state;
	world = (struct world){.counter = WORLD_COUNTER,
			       .real_ns = WORLD_REAL_NS,
			       .mono_ns = WORLD_MONO_NS,
			       .coarse_ns = WORLD_MONO_NS};
	return 0;
}

void world_pass(int64_t ns)
{
	world.counter += (uint64_t)ns;
	world.real_ns += ns;
	world.mono_ns += ns;
	world.coarse_ns += ns;
}

void world_page(struct clockbound_page *page)
{
	int i;

	memset(page, 0, sizeof(*page));
	page->identity.magic = CLOCKBOUND_PAGE_MAGIC;
	page->identity.version = CLOCKBOUND_PAGE_VERSION;
	page->identity.compat_version = CLOCKBOUND_PAGE_COMPAT_VERSION;
	page->identity.size = CLOCKBOUND_PAGE_SIZE;
	page->identity.start_id = 1;
	page->identity.counter_kind = CLOCKBOUND_COUNTER_TSC;
	for (i = 0; i < 2; i++) {
		page->slot[i].hot = (struct clockbound_hot){
			.base = WORLD_COUNTER,
			.earliest_ns = WORLD_REAL_NS - 50000,
			.latest_ns = WORLD_REAL_NS + 50000,
			.earliest_rate = (1u << 26) - 64,
			.latest_rate = (1u << 26) + 64,
			.short_after = 1000000000,
			.stale_after = 5000000000u >> 16,
			.void_after = (uint32_t)(UINT64_C(1000000000000) >> 16),
			.status = CLOCKBOUND_VALID | CLOCKBOUND_STATUS_SYNCHRONIZED,
		};
		page->slot[i].clock = (struct clockbound_clock){
			.as_of_mono_ns = WORLD_MONO_NS,
			.as_of_real_ns = WORLD_REAL_NS,
			.stale_after_mono_ns = WORLD_MONO_NS + INT64_C(5000000000),
			.void_after_mono_ns = WORLD_MONO_NS + INT64_C(1000000000000),
			.bound_ns = 60000,
			.drift_ppb = 1000,
			.status = CLOCKBOUND_VALID | CLOCKBOUND_STATUS_SYNCHRONIZED,
		};
	}
}

static struct clockbound_shm_header header(uint32_t size, uint16_t version)
{
	return (struct clockbound_shm_header){
		.magic = {CLOCKBOUND_SHM_MAGIC_0, CLOCKBOUND_SHM_MAGIC_1},
		.size = size,
		.version = version,
		.generation = 2,
	};
}

void world_shm1(struct clockbound_shm1 *shm)
{
	*shm = (struct clockbound_shm1){
		.header = header(sizeof(*shm), CLOCKBOUND_SHM_VERSION_1),
		.as_of = {.sec = WORLD_MONO_NS / 1000000000},
		.void_after = {.sec = WORLD_MONO_NS / 1000000000 + CLOCKBOUND_SHM_VOID_AFTER_SEC},
		.bound_nsec = 60000,
		.max_drift_ppb = 1000,
		.clock_status = (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED,
	};
}

void world_shm2(struct clockbound_shm2 *shm)
{
	*shm = (struct clockbound_shm2){
		.header = header(sizeof(*shm), CLOCKBOUND_SHM_VERSION_2),
		.as_of = {.sec = WORLD_MONO_NS / 1000000000},
		.void_after = {.sec = WORLD_MONO_NS / 1000000000 + CLOCKBOUND_SHM_VOID_AFTER_SEC},
		.bound_nsec = 60000,
		.max_drift_ppb = 1000,
		.clock_status = (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED,
	};
}

const char *world_path(const char *name)
{
	unsigned int i;

	if (directory[0] == '\0') {
		const char *parent = getenv("TMPDIR");

		snprintf(directory, sizeof(directory), "%.40s/cb.XXXXXX", parent != NULL ? parent : "/tmp");
		assert_non_null(mkdtemp(directory));
	}
	for (i = 0; i < path_count; i++) {
		if (strcmp(strrchr(paths[i], '/') + 1, name) == 0) {
			return paths[i];
		}
	}
	assert_in_range(path_count, 0, FILES_MAX - 1);
	snprintf(paths[path_count], sizeof(paths[0]), "%s/%.60s", directory, name);
	return paths[path_count++];
}

const char *world_file(const char *name, const void *bytes, size_t size)
{
	const char *path = world_path(name);
	int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(descriptor >= 0);
	assert_int_equal(write(descriptor, bytes, size), (ssize_t)size);
	assert_int_equal(close(descriptor), 0);
	return path;
}

void *world_map(const char *name, size_t size)
{
	int descriptor = open(world_path(name), O_RDWR | O_CLOEXEC);
	void *map;

	assert_true(descriptor >= 0);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(close(descriptor), 0);
	return map;
}

int world_remove(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < path_count; i++) {
		(void)remove(paths[i]);
	}
	path_count = 0;
	if (directory[0] != '\0') {
		(void)remove(directory);
		directory[0] = '\0';
	}
	return 0;
}

void world_fill(void *value, size_t size)
{
	memset(value, 0x5a, size);
}
