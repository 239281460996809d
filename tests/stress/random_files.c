/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of random content and length, through clockbound_open(): refused with a reason, or opened and then read
 * in order. Never a crash, never a hang, never a fault beyond the end of the file.
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
#include <string.h>
#include <unistd.h>

#include "tests/stress/random.h"

#define ROUNDS (1000000 / TEST_SCALE_DOWN)

static uint64_t image[CLOCKBOUND_PAGE_SIZE / 8 + 16];

/* A header that is good but for one random field, more or less. */
static void make_header(uint64_t kind, uint64_t choice)
{
	static const uint32_t sizes[] = {0, 16, 71, 72, 79, 80, 4095, 4096, 4097, UINT32_MAX};
	uint32_t size = sizes[choice % 10];

	if (kind == 0) {
		struct clockbound_identity *identity = (struct clockbound_identity *)(void *)image;

		identity->magic = CLOCKBOUND_PAGE_MAGIC;
		identity->version = (uint32_t)(choice >> 8 & 1) + 1;
		identity->compat_version = (choice >> 12 & 7) != 0 ? 1 : (uint32_t)(choice >> 16 & 3);
		identity->size = (choice >> 20 & 3) != 0 ? CLOCKBOUND_PAGE_SIZE : size;
		identity->counter_kind = (uint32_t)(choice >> 24 & 3);
		if ((choice >> 26 & 7) != 0) {
			memset(identity->boot_id, 0, sizeof(identity->boot_id));
		}
	} else {
		struct clockbound_shm_header *header = (struct clockbound_shm_header *)(void *)image;

		header->magic[0] = CLOCKBOUND_SHM_MAGIC_0;
		header->magic[1] = CLOCKBOUND_SHM_MAGIC_1;
		header->version = (choice >> 8 & 7) != 0 ? (uint16_t)kind : (uint16_t)(choice >> 12 & 3);
		header->generation = (uint16_t)(choice >> 16);
		header->size = (choice >> 32 & 3) != 0 ? (uint32_t)(64 + 8 * kind) : size;
	}
}

/* A random file: its bytes in image, its length returned. */
static size_t make_image(void)
{
	static const size_t lengths[] = {0, 1, 8, 15, 16, 63, 64, 71, 72, 79, 80, 4095, 4096, 4160};
	uint64_t choice = random_u64();
	uint64_t kind = choice & 3;

	random_fill(image, 640);
	if (kind != 3) {
		make_header(kind, random_u64());
	}
	return (choice >> 8 & 3) != 0 ? 4096
				      : lengths[(choice >> 16) % (sizeof(lengths) / sizeof(lengths[0]))];
}

static void replace(int descriptor, size_t length)
{
	assert_int_equal(pwrite(descriptor, image, length, 0), (ssize_t)length);
	assert_int_equal(ftruncate(descriptor, (off_t)length), 0);
}

/* 1 if the library's answer breaks a promise. */
static int64_t read_context(clockbound_ctx *ctx)
{
	clockbound_now_result result;
	const clockbound_err *err = clockbound_now(ctx, &result);

	if (err != NULL) {
		return err->kind == CLOCKBOUND_ERR_NONE || err->detail == NULL;
	}
	return result.earliest.tv_sec > result.latest.tv_sec ||
	       (result.earliest.tv_sec == result.latest.tv_sec &&
		result.earliest.tv_nsec > result.latest.tv_nsec);
}

static int64_t read_fast(const char *path)
{
	clockbound_fast *fast = clockbound_fast_open(path, NULL);
	clockbound_interval interval;

	if (fast == NULL) {
		return 0;
	}
	clockbound_interval_now(fast, &interval);
	clockbound_fast_close(fast);
	return interval.earliest_ns > interval.latest_ns;
}

/* A kind, and a text that names the file, or the VMClock that a good 2.x segment asks for. */
static bool is_reason(const clockbound_err *err, const char *path)
{
	return err->kind != CLOCKBOUND_ERR_NONE &&
	       (strstr(err->detail, path) != NULL || strstr(err->detail, VMCLOCK_SHM_DEFAULT_PATH) != NULL);
}

static void random_files_are_refused_with_a_reason_or_read_in_order(void **state)
{
	char path[] = "/tmp/cb_files.XXXXXX";
	int descriptor = mkstemp(path);
	int64_t opened = 0;
	int64_t broken = 0;
	int i;

	(void)state;
	assert_true(descriptor >= 0);
	random_begin();
	for (i = 0; i < ROUNDS && broken == 0; i++) {
		clockbound_err err = {CLOCKBOUND_ERR_NONE, 0, NULL};
		clockbound_ctx *ctx;

		replace(descriptor, make_image());
		ctx = clockbound_open(path, &err);
		if (ctx != NULL) {
			opened++;
			broken += read_context(ctx);
			broken += clockbound_close(ctx) != NULL;
		} else {
			broken += !is_reason(&err, path);
		}
		broken += i % 8 == 0 ? read_fast(path) : 0;
	}
	assert_int_equal(close(descriptor), 0);
	assert_int_equal(unlink(path), 0);
	print_message("%d files, %lld opened; seed %llu\n", i, (long long)opened,
		      (unsigned long long)random_seed);
	assert_int_equal(broken, 0);
	assert_in_range(opened, ROUNDS / 20, ROUNDS - ROUNDS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_files_are_refused_with_a_reason_or_read_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
