/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark's own page and segments, with a plausible publication: true time is CLOCK_REALTIME within
 * 1 ms, growing by 50 ppm. Its own small writer, so that a run needs no daemon. Stores go through
 * <clockbound/seq.h>, as the daemon's do.
 */
#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <clockbound/shm.h>

#define NS_PER_S      INT64_C(1000000000)
#define HALF_NS	      INT64_C(1000000)
#define GROWTH_PPB    50000u
#define STALE_AFTER_S 5
#define VOID_AFTER_S  1000

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Q6.26 ns per tick of a clock that runs @ppb fast, rounded down. */
static uint32_t page_rate(uint64_t counter_hz, int64_t ppb)
{
	return (uint32_t)((1e9 + (double)ppb) / (double)counter_hz * (1u << CLOCKBOUND_PAGE_RATE_SHIFT));
}

/* Seconds in units of 2^16 ticks, saturated. */
static uint32_t page_age(uint64_t counter_hz, uint64_t seconds)
{
	uint64_t units = counter_hz * seconds >> CLOCKBOUND_AGE_SHIFT;

	return units > UINT32_MAX ? UINT32_MAX : (uint32_t)units;
}

/* All clocks at one instant. */
struct anchor {
	uint64_t counter;
	int64_t real_ns;
	int64_t mono_ns;
};

static void write_hot(struct clockbound_hot *hot, const struct anchor *anchor, uint64_t counter_hz)
{
	uint32_t status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID;

	CLOCKBOUND_PRIV_STORE(&hot->base, anchor->counter);
	CLOCKBOUND_PRIV_STORE(&hot->earliest_ns, anchor->real_ns - HALF_NS);
	CLOCKBOUND_PRIV_STORE(&hot->latest_ns, anchor->real_ns + HALF_NS + 1);
	if (counter_hz != 0) {
		uint64_t short_after = counter_hz * STALE_AFTER_S;

		CLOCKBOUND_PRIV_STORE(&hot->earliest_rate, page_rate(counter_hz, -(int64_t)GROWTH_PPB));
		CLOCKBOUND_PRIV_STORE(&hot->latest_rate, page_rate(counter_hz, GROWTH_PPB) + 1);
		CLOCKBOUND_PRIV_STORE(&hot->short_after,
				      short_after > UINT32_MAX ? UINT32_MAX : (uint32_t)short_after);
		CLOCKBOUND_PRIV_STORE(&hot->stale_after, page_age(counter_hz, STALE_AFTER_S));
		CLOCKBOUND_PRIV_STORE(&hot->void_after, page_age(counter_hz, VOID_AFTER_S));
	}
	CLOCKBOUND_PRIV_STORE(&hot->status, status);
}

static void write_clock(struct clockbound_clock *half, const struct anchor *anchor)
{
	uint32_t status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID;

	CLOCKBOUND_PRIV_STORE(&half->as_of_mono_ns, anchor->mono_ns);
	CLOCKBOUND_PRIV_STORE(&half->as_of_real_ns, anchor->real_ns);
	CLOCKBOUND_PRIV_STORE(&half->stale_after_mono_ns, anchor->mono_ns + STALE_AFTER_S * NS_PER_S);
	CLOCKBOUND_PRIV_STORE(&half->void_after_mono_ns, anchor->mono_ns + VOID_AFTER_S * NS_PER_S);
	CLOCKBOUND_PRIV_STORE(&half->bound_ns, HALF_NS);
	CLOCKBOUND_PRIV_STORE(&half->drift_ppb, GROWTH_PPB);
	CLOCKBOUND_PRIV_STORE(&half->status, status);
}

void cbb_fixture_publish_page(struct clockbound_page *page, uint64_t counter_hz)
{
	struct anchor anchor;
	int turn;

	anchor.mono_ns = clock_ns(CLOCK_MONOTONIC);
	anchor.counter = clockbound_fast_counter();
	anchor.real_ns = clock_ns(CLOCK_REALTIME);
	for (turn = 0; turn < 2; turn++) {
		/* The slot that readers are not sent to once seq has moved. */
		uint32_t slot;

		clockbound_priv_seq_advance(&page->control.seq);
		slot = (page->control.seq & 1u) ^ 1u;
		write_hot(&page->slot[slot].hot, &anchor, counter_hz);
		write_clock(&page->slot[slot].clock, &anchor);
	}
	CLOCKBOUND_PRIV_STORE(&page->control.publications, page->control.publications + 1);
}

static void write_timespec(struct clockbound_shm_timespec *to, int64_t ns)
{
	CLOCKBOUND_PRIV_STORE(&to->sec, ns / NS_PER_S);
	CLOCKBOUND_PRIV_STORE(&to->nsec, ns % NS_PER_S);
}

static void publish_shm1(struct clockbound_shm1 *shm, int64_t coarse_ns)
{
	clockbound_priv_generation_open(&shm->header.generation);
	write_timespec(&shm->as_of, coarse_ns);
	write_timespec(&shm->void_after, (coarse_ns / NS_PER_S + VOID_AFTER_S) * NS_PER_S);
	CLOCKBOUND_PRIV_STORE(&shm->bound_nsec, HALF_NS);
	CLOCKBOUND_PRIV_STORE(&shm->max_drift_ppb, GROWTH_PPB);
	CLOCKBOUND_PRIV_STORE(&shm->clock_status, (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED);
	clockbound_priv_generation_close(&shm->header.generation);
}

static void publish_shm2(struct clockbound_shm2 *shm, int64_t coarse_ns)
{
	clockbound_priv_generation_open(&shm->header.generation);
	write_timespec(&shm->as_of, coarse_ns);
	write_timespec(&shm->void_after, (coarse_ns / NS_PER_S + VOID_AFTER_S) * NS_PER_S);
	CLOCKBOUND_PRIV_STORE(&shm->bound_nsec, HALF_NS);
	CLOCKBOUND_PRIV_STORE(&shm->max_drift_ppb, GROWTH_PPB);
	CLOCKBOUND_PRIV_STORE(&shm->clock_status, (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED);
	clockbound_priv_generation_close(&shm->header.generation);
}

void cbb_fixture_publish(struct cbb_fixture *fixture)
{
	int64_t coarse_ns = clock_ns(CLOCK_MONOTONIC_COARSE);

	cbb_fixture_publish_page(fixture->page, fixture->counter_hz);
	cbb_fixture_publish_page(fixture->page_watched, fixture->counter_hz);
	publish_shm1(fixture->shm, coarse_ns);
	publish_shm2(fixture->shm0, coarse_ns);
}

/* The kernel's boot id as two numbers, the first digits highest; zeros (any boot) if it cannot be read. */
static void read_boot_id(uint64_t id[2])
{
	char text[64] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	char digits[33] = "";
	size_t count = 0;
	size_t i;

	if (file != NULL) {
		if (fgets(text, sizeof(text), file) == NULL) {
			text[0] = '\0';
		}
		(void)fclose(file);
	}
	for (i = 0; text[i] != '\0' && count < 32; i++) {
		if (text[i] != '-') {
			digits[count] = text[i];
			count++;
		}
	}
	id[1] = count == 32 ? strtoull(digits + 16, NULL, 16) : 0;
	digits[16] = '\0';
	id[0] = count == 32 ? strtoull(digits, NULL, 16) : 0;
}

static void begin_page(struct clockbound_page *page, uint64_t counter_hz)
{
	page->identity.version = CLOCKBOUND_PAGE_VERSION;
	page->identity.compat_version = CLOCKBOUND_PAGE_COMPAT_VERSION;
	page->identity.size = CLOCKBOUND_PAGE_SIZE;
	page->identity.start_id = 1;
	page->identity.counter_kind =
		counter_hz != 0 ? CLOCKBOUND_PRIV_COUNTER_KIND : CLOCKBOUND_COUNTER_NONE;
	page->identity.counter_hz = counter_hz;
	read_boot_id(page->identity.boot_id);
	cbb_fixture_publish_page(page, counter_hz);
	page->identity.magic = CLOCKBOUND_PAGE_MAGIC;
}

static void begin_header(struct clockbound_shm_header *header, uint32_t size, uint16_t version)
{
	header->magic[0] = CLOCKBOUND_SHM_MAGIC_0;
	header->magic[1] = CLOCKBOUND_SHM_MAGIC_1;
	header->size = size;
	header->version = version;
}

/* Creates and maps one file of zeros; NULL with a sentence in @detail. */
static void *make_file(const struct cbb_fixture *fixture, const char *name, size_t size,
		       char detail[CBB_DETAIL_MAX])
{
	char path[CBB_PATH_MAX + 16];
	void *map = MAP_FAILED;
	int file;

	(void)snprintf(path, sizeof(path), "%s/%s", fixture->directory, name);
	file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file >= 0 && posix_fallocate(file, 0, (off_t)size) == 0) {
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	}
	if (map == MAP_FAILED) {
		(void)snprintf(detail, CBB_DETAIL_MAX, "cannot make the file %.180s: %s", path,
			       strerror(errno));
		map = NULL;
	}
	if (file >= 0) {
		(void)close(file);
	}
	return map;
}

bool cbb_fixture_make(struct cbb_fixture *fixture, uint64_t counter_hz, char detail[CBB_DETAIL_MAX])
{
	memset(fixture, 0, sizeof(*fixture));
	fixture->counter_hz = counter_hz;
	if (!cbb_directory_make(fixture->directory, detail)) {
		return false;
	}
	fixture->page = make_file(fixture, "page", CLOCKBOUND_PAGE_SIZE, detail);
	fixture->page_1khz = make_file(fixture, "page_1khz", CLOCKBOUND_PAGE_SIZE, detail);
	fixture->page_watched = make_file(fixture, "page_watched", CLOCKBOUND_PAGE_SIZE, detail);
	fixture->shm0 = make_file(fixture, "shm0", sizeof(*fixture->shm0), detail);
	fixture->shm = make_file(fixture, "shm", sizeof(*fixture->shm), detail);
	if (fixture->page == NULL || fixture->page_1khz == NULL || fixture->page_watched == NULL ||
	    fixture->shm0 == NULL || fixture->shm == NULL) {
		return false;
	}
	begin_page(fixture->page, counter_hz);
	begin_page(fixture->page_1khz, counter_hz);
	begin_page(fixture->page_watched, counter_hz);
	fixture->page_watched->slot[0].hot.vm_flags = CLOCKBOUND_VM_WATCHED;
	fixture->page_watched->slot[1].hot.vm_flags = CLOCKBOUND_VM_WATCHED;
	begin_header(&fixture->shm0->header, sizeof(*fixture->shm0), CLOCKBOUND_SHM_VERSION_2);
	begin_header(&fixture->shm->header, sizeof(*fixture->shm), CLOCKBOUND_SHM_VERSION_1);
	cbb_fixture_publish(fixture);
	return true;
}

static void unmap(void *map, size_t size)
{
	if (map != NULL) {
		(void)munmap(map, size);
	}
}

void cbb_fixture_remove(struct cbb_fixture *fixture)
{
	unmap(fixture->page, CLOCKBOUND_PAGE_SIZE);
	unmap(fixture->page_1khz, CLOCKBOUND_PAGE_SIZE);
	unmap(fixture->page_watched, CLOCKBOUND_PAGE_SIZE);
	unmap(fixture->shm0, sizeof(*fixture->shm0));
	unmap(fixture->shm, sizeof(*fixture->shm));
	cbb_directory_remove(fixture->directory);
}
