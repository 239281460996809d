/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads read one context on a 2.x segment while a writer updates it without end, and at last dies in the
 * middle of an update. Bound, void-after and status of each update are tied, so that a torn snapshot shows, the
 * kept one included. Public calls only.
 */
#define CLOCKBOUND_IN_TREE 1

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <clockbound.h>
#include <clockbound/seq.h>
#include <clockbound/shm.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define READERS	   4
#define READS_EACH (INT64_C(2500000) / TEST_SCALE_DOWN)

struct reader {
	pthread_t thread;
	int64_t torn;
	int64_t errors;
};

static struct clockbound_shm2 *shm;
static clockbound_ctx *ctx;
static bool is_over;

/*
 * Update @k, as of ten seconds ago: an even one has a bound of even microseconds and lives, an odd one has odd
 * microseconds and is void, a third of them say Disrupted and have a bound above a second.
 */
static void store_payload(uint32_t k, int64_t now_sec)
{
	bool is_disrupted = k % 3 == 0;

	CLOCKBOUND_PRIV_STORE(&shm->as_of.sec, now_sec - 10);
	CLOCKBOUND_PRIV_STORE(&shm->void_after.sec, now_sec + (k % 2 == 0 ? 1000 : -5));
	CLOCKBOUND_PRIV_STORE(&shm->bound_nsec, (int64_t)(k % 1000) * 1000 + (is_disrupted ? 2000000000 : 0));
	CLOCKBOUND_PRIV_STORE(&shm->clock_status, (int32_t)(is_disrupted ? CLOCKBOUND_STATUS_DISRUPTED
									 : CLOCKBOUND_STATUS_SYNCHRONIZED));
}

static bool is_torn(const clockbound_now_result *result)
{
	int64_t width_ns = (int64_t)(result->latest.tv_sec - result->earliest.tv_sec) * 1000000000 +
			   (result->latest.tv_nsec - result->earliest.tv_nsec);
	int64_t bound_ns = width_ns / 2;
	bool is_disrupted = bound_ns >= 2000000000;

	if (width_ns % 2000 != 0) {
		return true;
	}
	if (is_disrupted) {
		return result->clock_status != CLOCKBOUND_STA_DISRUPTED;
	}
	return result->clock_status !=
	       (bound_ns / 1000 % 2 == 0 ? CLOCKBOUND_STA_FREE_RUNNING : CLOCKBOUND_STA_UNKNOWN);
}

static int64_t now_sec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec;
}

static void *run_writer(void *argument)
{
	uint32_t k;

	(void)argument;
	for (k = 1; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); k++) {
		volatile unsigned int pause;

		clockbound_priv_generation_open(&shm->header.generation);
		store_payload(k, now_sec());
		clockbound_priv_generation_close(&shm->header.generation);
		for (pause = 0; pause < 100; pause++) {
		}
	}
	clockbound_priv_generation_open(&shm->header.generation); /* and dies */
	CLOCKBOUND_PRIV_STORE(&shm->bound_nsec, 1);
	return NULL;
}

static void *run_reader(void *argument)
{
	struct reader *reader = argument;
	clockbound_now_result result;
	int64_t i;

	for (i = 0; i < READS_EACH; i++) {
		if (clockbound_now(ctx, &result) != NULL) {
			reader->errors++;
		} else {
			reader->torn += is_torn(&result);
		}
	}
	return NULL;
}

static void make_segment(char *path)
{
	int descriptor = mkstemp(path);

	assert_true(descriptor >= 0);
	assert_int_equal(ftruncate(descriptor, sizeof(*shm)), 0);
	shm = mmap(NULL, sizeof(*shm), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
	assert_ptr_not_equal(shm, MAP_FAILED);
	assert_int_equal(close(descriptor), 0);
	shm->header.magic[0] = CLOCKBOUND_SHM_MAGIC_0;
	shm->header.magic[1] = CLOCKBOUND_SHM_MAGIC_1;
	shm->header.size = sizeof(*shm);
	shm->header.version = CLOCKBOUND_SHM_VERSION_2;
	shm->header.generation = 2;
	store_payload(2, now_sec());
}

static void no_snapshot_is_torn_for_any_thread_and_a_dead_writer_stops_none(void **state)
{
	static struct reader readers[READERS];
	char path[] = "/tmp/cb_segment.XXXXXX";
	clockbound_now_result result;
	pthread_t writer;
	int i;

	(void)state;
	make_segment(path);
	ctx = clockbound_open(path, NULL);
	assert_int_equal(unlink(path), 0);
	assert_non_null(ctx);
	assert_int_equal(pthread_create(&writer, NULL, run_writer, NULL), 0);
	for (i = 0; i < READERS; i++) {
		assert_int_equal(pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]), 0);
	}
	for (i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
		assert_int_equal(readers[i].torn, 0);
		assert_int_equal(readers[i].errors, 0);
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_null(clockbound_now(ctx, &result));
	assert_false(is_torn(&result));
	assert_null(clockbound_close(ctx));
	assert_int_equal(munmap(shm, sizeof(*shm)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_snapshot_is_torn_for_any_thread_and_a_dead_writer_stops_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
