/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages and segments of random content, all of it or under a good header with plausible numbers here and there:
 * no call may crash, hang, or give earliest > latest. Through the inline functions, the slow path and contexts
 * that were opened while the file was good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <clockbound.h>
#include <clockbound/fast.h>
#include <clockbound/shm.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/stress/random.h"

#define ROUNDS	  (1000000 / TEST_SCALE_DOWN)
#define PAGE_USED offsetof(struct clockbound_page, unused)

static int64_t answers;
static int64_t valid;
static int64_t disordered;

static void judge(const clockbound_interval *interval)
{
	answers++;
	valid += (interval->status & CLOCKBOUND_VALID) != 0;
	disordered += interval->earliest_ns > interval->latest_ns;
}

static int64_t real_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Every way to read a page. */
static void read_all_ways(const clockbound_fast *fast)
{
	uint64_t counter =
		random_below(2) != 0 ? random_u64() : clockbound_fast_counter() - random_u64() % 65536;
	int64_t stamp_ns = random_below(2) != 0 ? (int64_t)random_u64() : real_ns();
	uint64_t marker = random_below(4) != 0 ? fast->page->slot[fast->page->control.seq & 1].hot.vm_marker
					       : random_u64();
	clockbound_fast strict = *fast;
	clockbound_interval interval;

	strict.vm_marker = &marker;

	if (clockbound_fast_now(fast, &interval) == CLOCKBOUND_FAST_OK) {
		judge(&interval);
	}
	if (clockbound_fast_now_relaxed(fast, &interval) == CLOCKBOUND_FAST_OK) {
		judge(&interval);
	}
	if (clockbound_fast_at_counter(fast, counter, &interval) == CLOCKBOUND_FAST_OK) {
		judge(&interval);
	}
	if (clockbound_fast_at_realtime(fast, stamp_ns, &interval) == CLOCKBOUND_FAST_OK) {
		judge(&interval);
	}
	clockbound_interval_now(fast, &interval);
	judge(&interval);
	clockbound_fast_slow_now(fast, &interval);
	judge(&interval);
	clockbound_fast_clock_now(fast, &interval);
	judge(&interval);
	if (clockbound_fast_now_strict(&strict, &interval) == CLOCKBOUND_FAST_OK) {
		judge(&interval);
	}
	clockbound_interval_now_strict(&strict, &interval);
	judge(&interval);
	clockbound_fast_slow_strict(&strict, &interval);
	judge(&interval);
	(void)clockbound_wait_until_past(fast, (int64_t)random_u64(), 0, &interval);
	judge(&interval);
}

/* Random words, with numbers near the present so that reads come far. */
static void make_plausible(struct clockbound_page *page)
{
	uint64_t choice = random_u64();
	int i;

	page->control.epochs.counter_epoch = 0;
	page->control.epochs.clock_epoch = 0;
	for (i = 0; i < 2; i++) {
		struct clockbound_hot *hot = &page->slot[i].hot;
		struct clockbound_clock *clock = &page->slot[i].clock;

		hot->counter_epoch = (uint32_t)(choice & 1);
		clock->clock_epoch = (uint32_t)(choice >> 1 & 1);
		hot->status |= CLOCKBOUND_VALID;
		clock->status |= CLOCKBOUND_VALID;
		if ((choice & 4) != 0) {
			hot->base =
				clockbound_fast_counter() - random_below(UINT64_C(1) << (choice >> 8 & 63));
		}
		if ((choice & 8) != 0) {
			hot->latest_ns = hot->earliest_ns + (int64_t)random_below(1000000);
			hot->latest_rate = hot->earliest_rate | 1;
		}
		if ((choice & 16) != 0) {
			hot->earliest_ns = (choice & 32) != 0 ? INT64_MAX - 1 : INT64_MIN;
		}
		if ((choice & 64) != 0) {
			clock->as_of_real_ns = real_ns() - (int64_t)random_below(2000000000);
			clock->as_of_mono_ns = (int64_t)random_below(UINT64_C(1) << 50);
			clock->bound_ns = (int64_t)random_below(UINT64_C(1) << (choice >> 16 & 63));
		}
	}
}

static void expect_order(int64_t answers_min)
{
	if (disordered != 0) {
		print_message("seed %llu\n", (unsigned long long)random_seed);
	}
	print_message("%lld answers, %lld of them called valid\n", (long long)answers, (long long)valid);
	assert_int_equal(disordered, 0);
	assert_true(answers >= answers_min);
}

static int begin(void **state)
{
	(void)state;
	random_begin();
	answers = 0;
	valid = 0;
	disordered = 0;
	return 0;
}

static void fully_random_pages_never_give_earliest_after_latest(void **state)
{
	static struct clockbound_page page;
	const clockbound_fast fast = {&page, &page.control.epochs, NULL, 0, 0, NULL};
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		random_fill(&page, PAGE_USED);
		read_all_ways(&fast);
	}
	expect_order(ROUNDS * 4);
}

static void plausible_pages_never_give_earliest_after_latest(void **state)
{
	static struct clockbound_page page;
	const clockbound_fast fast = {&page, &page.control.epochs, NULL, 0, 0, NULL};
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		random_fill(&page, PAGE_USED);
		make_plausible(&page);
		read_all_ways(&fast);
	}
	expect_order(ROUNDS * 5);
	assert_true(valid > ROUNDS / 10); /* else they were not plausible */
}

/* A good file of @size bytes, mapped for writing, and opened by the library. */
static clockbound_ctx *open_good(const void *bytes, size_t size, void **map)
{
	char path[] = "/tmp/cb_random.XXXXXX";
	int descriptor = mkstemp(path);
	clockbound_ctx *ctx;

	assert_true(descriptor >= 0);
	assert_int_equal(write(descriptor, bytes, size), (ssize_t)size);
	*map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	assert_ptr_not_equal(*map, MAP_FAILED);
	assert_int_equal(close(descriptor), 0);
	ctx = clockbound_open(path, NULL);
	assert_int_equal(unlink(path), 0);
	assert_non_null(ctx);
	return ctx;
}

static void judge_now(clockbound_ctx *ctx)
{
	clockbound_now_result result;

	if (clockbound_now(ctx, &result) != NULL) {
		return;
	}
	answers++;
	valid += result.clock_status != CLOCKBOUND_STA_UNKNOWN;
	disordered += result.earliest.tv_sec > result.latest.tv_sec ||
		      (result.earliest.tv_sec == result.latest.tv_sec &&
		       result.earliest.tv_nsec > result.latest.tv_nsec);
	disordered += result.earliest.tv_nsec < 0 || result.earliest.tv_nsec > 999999999 ||
		      result.latest.tv_nsec < 0 || result.latest.tv_nsec > 999999999 ||
		      result.clock_status > CLOCKBOUND_STA_DISRUPTED;
}

static void a_page_overwritten_after_opening_never_gives_earliest_after_latest(void **state)
{
	static struct clockbound_page good;
	clockbound_ctx *ctx;
	void *map;
	int i;

	(void)state;
	good.identity.magic = CLOCKBOUND_PAGE_MAGIC;
	good.identity.version = CLOCKBOUND_PAGE_VERSION;
	good.identity.compat_version = CLOCKBOUND_PAGE_COMPAT_VERSION;
	good.identity.size = CLOCKBOUND_PAGE_SIZE;
	ctx = open_good(&good, sizeof(good), &map);
	for (i = 0; i < ROUNDS; i++) {
		random_fill(map, PAGE_USED);
		if (random_below(4) != 0) {
			make_plausible(map);
		}
		judge_now(ctx);
	}
	expect_order(ROUNDS);
	assert_null(clockbound_close(ctx));
	assert_int_equal(munmap(map, sizeof(good)), 0);
}

/* Random payloads with values that pass the checks more often than chance would have it. */
static void overwrite_segment(struct clockbound_shm2 *shm, uint16_t version)
{
	uint64_t choice = random_u64();

	random_fill(shm, sizeof(*shm));
	if ((choice & 3) == 0) {
		return;
	}
	shm->header.version = version;
	shm->header.generation = (uint16_t)(choice >> 8 & 0xfffe);
	shm->as_of.nsec = (int64_t)random_below(1000000000);
	shm->as_of.sec = (choice & 4) != 0 ? (int64_t)random_below(100) : shm->as_of.sec;
	shm->void_after.nsec = (int64_t)random_below(1000000000);
	shm->bound_nsec &= INT64_MAX;
	if (version == CLOCKBOUND_SHM_VERSION_1) {
		struct clockbound_shm1 *shm1 = (struct clockbound_shm1 *)(void *)shm;

		shm1->max_drift_ppb &= 0x1fffffff;
		shm1->clock_status = (int32_t)(choice >> 32 & 3);
	} else {
		shm->max_drift_ppb &= 0x1fffffff;
		shm->clock_status = (int32_t)(choice >> 32 & 3);
	}
}

static void a_segment_overwritten_after_opening_never_gives_earliest_after_latest(void **state)
{
	uint16_t version;

	(void)state;
	for (version = CLOCKBOUND_SHM_VERSION_1; version <= CLOCKBOUND_SHM_VERSION_2; version++) {
		struct clockbound_shm2 good;
		clockbound_ctx *ctx;
		void *map;
		int i;

		memset(&good, 0, sizeof(good));
		good.header.magic[0] = CLOCKBOUND_SHM_MAGIC_0;
		good.header.magic[1] = CLOCKBOUND_SHM_MAGIC_1;
		good.header.size = sizeof(good);
		good.header.version = version;
		good.header.generation = 2;
		ctx = open_good(&good, sizeof(good), &map);
		for (i = 0; i < ROUNDS / 2; i++) {
			overwrite_segment(map, version);
			judge_now(ctx);
		}
		assert_null(clockbound_close(ctx));
		assert_int_equal(munmap(map, sizeof(good)), 0);
	}
	expect_order(ROUNDS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fully_random_pages_never_give_earliest_after_latest, begin),
		cmocka_unit_test_setup(plausible_pages_never_give_earliest_after_latest, begin),
		cmocka_unit_test_setup(a_page_overwritten_after_opening_never_gives_earliest_after_latest,
				       begin),
		cmocka_unit_test_setup(a_segment_overwritten_after_opening_never_gives_earliest_after_latest,
				       begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
