/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One writer publishes without end by the page's protocol, readers read: no read may be torn. Readers are
 * stopped at times between two loads, so that even few cores meet every overlap. As a canary, with the second
 * look at seq removed, the same program must find torn reads.
 */
#define CLOCKBOUND_IN_TREE	     1
#define CLOCKBOUND_PRIV_TEST_COUNTER 1

#include <clockbound/seq.h>

/* A load after which the thread is stopped at times. */
static void between_loads(void);
#undef CLOCKBOUND_PRIV_LOAD
#define CLOCKBOUND_PRIV_LOAD(pointer)                                                                        \
	__extension__({                                                                                      \
		__typeof__(*(pointer)) loaded_ = __atomic_load_n((pointer), CLOCKBOUND_PRIV_LOAD_ORDER);     \
		between_loads();                                                                             \
		loaded_;                                                                                     \
	})

#include "tests/stress/tied.h"

#include <pthread.h>
#include <sched.h>

#define READERS	    3
#define READS_TOTAL (INT64_C(100000000) / TEST_SCALE_DOWN)
#define READS_EACH  (READS_TOTAL / READERS + 1)
/* Loads between two stops: prime, so that every load gets its turn. */
#define LOADS_PER_STOP 1000003u

struct reader {
	pthread_t thread;
	int64_t reads;
	int64_t torn;
	int64_t cannot;
};

static struct clockbound_page page;
static bool is_over;
static _Thread_local uint32_t loads;

uint64_t clockbound_priv_test_counter(void)
{
	return 0;
}

static void between_loads(void)
{
	if (++loads == LOADS_PER_STOP) {
		loads = 0;
		(void)sched_yield();
	}
}

static void write_slot(struct clockbound_hot *hot, uint64_t k)
{
	unsigned int word;

	for (word = 0; word < TIED_WORDS; word++) {
		tied_store(hot, word, k);
	}
}

static void publish(uint64_t k)
{
	clockbound_priv_seq_advance(&page.control.seq);
	write_slot(&page.slot[0].hot, k);
	clockbound_priv_seq_advance(&page.control.seq);
	write_slot(&page.slot[1].hot, k);
}

static void *run_writer(void *argument)
{
	uint64_t k;

	(void)argument;
	for (k = 2; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); k = k % 4000000000u + 1) {
		volatile unsigned int pause;

		publish(k);
		for (pause = 0; pause < (k & 255); pause++) {
		}
	}
	return NULL;
}

static void *run_reader(void *argument)
{
	const clockbound_fast fast = {&page, &page.control.epochs, NULL, 0, 0, NULL};
	struct reader *reader = argument;
	struct clockbound_priv_snapshot snapshot;
	clockbound_interval interval;

	while (reader->reads < READS_EACH) {
		if (clockbound_fast_now(&fast, &interval) == CLOCKBOUND_FAST_OK) {
			reader->reads++;
			reader->torn += tied_interval_is_torn(&interval);
		} else {
			reader->cannot++;
		}
		if (clockbound_priv_take(&fast, &snapshot) == CLOCKBOUND_FAST_OK) {
			reader->reads++;
			reader->torn += tied_snapshot_is_torn(&snapshot);
		} else {
			reader->cannot++;
		}
	}
	return NULL;
}

static void no_read_is_torn_while_a_writer_publishes_without_end(void **state)
{
	static struct reader readers[READERS];
	pthread_t writer;
	int64_t reads = 0;
	int64_t torn = 0;
	int64_t cannot = 0;
	int i;

	(void)state;
	publish(1);
	assert_int_equal(pthread_create(&writer, NULL, run_writer, NULL), 0);
	for (i = 0; i < READERS; i++) {
		assert_int_equal(pthread_create(&readers[i].thread, NULL, run_reader, &readers[i]), 0);
	}
	for (i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
		reads += readers[i].reads;
		torn += readers[i].torn;
		cannot += readers[i].cannot;
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(writer, NULL), 0);
	print_message("%lld reads, %lld torn, %lld times \"cannot\", %u publications\n", (long long)reads,
		      (long long)torn, (long long)cannot, page.control.seq / 2);
	assert_true(reads >= READS_TOTAL);
#if defined(CLOCKBOUND_PRIV_MUTATE_NO_SECOND_CHECK)
	assert_int_not_equal(torn, 0);
#else
	assert_int_equal(torn, 0);
	assert_true(page.control.seq > 1000); /* else there was nothing to be torn by */
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_read_is_torn_while_a_writer_publishes_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
