/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page's writer against two readers on aarch64: publication k ties every word that a read uses to k, which its
 * status tells, so that words of two publications together show. Inline readers stop at times between two loads, so
 * that even few cores meet every overlap. An emulator's memory is the host's: on x86 this proves the code, not the
 * fences.
 */
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

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <clockbound.h>
#include <clockbound/fast.h>

#include "daemon/publish/page_writer.h"
#include "tests/abi/aarch64.h"
#include "tests/unit/client/twins.h"

#define READERS	   2
#define READS_EACH INT64_C(100000)
/* Loads between two stops: prime, so that every load gets its turn. */
#define LOADS_PER_STOP 1009u
/* Fewer would leave too little to be torn by. */
#define PUBLICATIONS_MIN 1000u

#define NS_PER_SEC INT64_C(1000000000)
/* A stamp of CLOCK_REALTIME; the clock half of each publication is some seconds older. */
#define STAMP_NS (1000 * NS_PER_SEC)

struct reader {
	pthread_t thread;
	const clockbound_fast *fast;
	int64_t reads;
	int64_t torn;
	int64_t cannot;
};

static struct cbd_page_writer writer;
static uint64_t start; /* no base is later */
static uint32_t published;
static bool is_over;
static _Thread_local uint32_t loads;

static void between_loads(void)
{
	if (++loads == LOADS_PER_STOP) {
		loads = 0;
		(void)sched_yield();
	}
}

/* Two bases lie farther apart than a read takes. */
static uint64_t tied_base(uint64_t k)
{
	return start - ((k & 1023) << 20);
}

/* Whole ns per tick. */
static uint64_t tied_rate(uint64_t k)
{
	return 1 + (k & 15);
}

static int64_t tied_earliest_ns(uint64_t k, uint64_t counter)
{
	return (int64_t)(7 * k + (counter - tied_base(k)) * tied_rate(k));
}

static int64_t tied_width_ns(uint64_t k)
{
	return (int64_t)(1 + k % 1000);
}

/* Half the width of what STAMP_NS becomes: the bound, and its growth over the age of the clock half. */
static int64_t tied_bound_ns(uint64_t k)
{
	return (int64_t)(5 * k + (1 + k % 4) * (k % 1000));
}

static struct cbd_publication tied(uint64_t k)
{
	const int64_t age_ns = (int64_t)(1 + k % 4) * NS_PER_SEC;
	struct cbd_publication publication = {
		.lines.base = tied_base(k),
		.lines.earliest_ns = tied_earliest_ns(k, tied_base(k)),
		/* the writer adds the page's one ns */
		.lines.latest_ns = tied_earliest_ns(k, tied_base(k)) + tied_width_ns(k) - 1,
		.lines.earliest_rate = tied_rate(k) << CLOCKBOUND_RATE_SHIFT,
		.lines.latest_rate = tied_rate(k) << CLOCKBOUND_RATE_SHIFT,
		.has_lines = true,
		.stale_after_ticks = UINT64_C(1) << 40,
		.void_after_ticks = UINT64_C(1) << 41,
		.status = (uint32_t)k,
		.as_of_mono_ns = (int64_t)k,
		.as_of_real_ns = STAMP_NS - age_ns,
		.stale_after_mono_ns = (int64_t)k + 100 * NS_PER_SEC,
		.void_after_mono_ns = (int64_t)k + 200 * NS_PER_SEC,
		.bound_ns = (int64_t)(5 * k),
		.drift_ppb = (uint32_t)(k % 1000),
		.clock_status = (uint32_t)k,
		.counter_epoch = 1,
		.clock_epoch = 1,
		.rate_epoch = 1,
	};

	return publication;
}

/* Whether what was read at a counter from @before to @after belongs to no one publication. */
static bool is_counter_torn(const clockbound_interval *interval, uint64_t before, uint64_t after)
{
	uint64_t k = interval->status;

	return clockbound_width_ns(interval) != tied_width_ns(k) ||
	       interval->earliest_ns < tied_earliest_ns(k, before) ||
	       interval->earliest_ns > tied_earliest_ns(k, after);
}

static bool is_clock_torn(const clockbound_interval *interval)
{
	int64_t bound_ns = tied_bound_ns(interval->status);

	return interval->earliest_ns != STAMP_NS - bound_ns || interval->latest_ns != STAMP_NS + bound_ns;
}

static void *publish_without_end(void *argument)
{
	uint64_t k;

	(void)argument;
	for (k = 2; !__atomic_load_n(&is_over, __ATOMIC_RELAXED); k++) {
		const struct cbd_publication publication = tied(k);
		volatile unsigned int pause;

		cbd_page_writer_publish(&writer, &publication);
		__atomic_store_n(&published, (uint32_t)k, __ATOMIC_RELAXED);
		for (pause = 0; pause < (k & 255); pause++) {
		}
	}
	return NULL;
}

static void count(struct reader *reader, int result, bool is_torn)
{
	if (result != CLOCKBOUND_FAST_OK) {
		reader->cannot++;
		return;
	}
	reader->reads++;
	reader->torn += is_torn;
}

static void *read_much(void *argument)
{
	struct reader *reader = argument;
	clockbound_interval interval;
	int result;

	while (reader->reads < READS_EACH ||
	       __atomic_load_n(&published, __ATOMIC_RELAXED) < PUBLICATIONS_MIN) {
		uint64_t before = clockbound_fast_counter();

		result = clockbound_fast_now(reader->fast, &interval);
		count(reader, result, is_counter_torn(&interval, before, clockbound_fast_counter()));
		result = clockbound_fast_at_counter(reader->fast, before, &interval);
		count(reader, result, is_counter_torn(&interval, before, before));
		result = clockbound_fast_at_realtime(reader->fast, STAMP_NS, &interval);
		count(reader, result, is_clock_torn(&interval));
	}
	return NULL;
}

/* Runs the writer and the readers to their end; what all readers together met. */
static struct reader race(const clockbound_fast *fast)
{
	struct reader readers[READERS];
	struct reader sum = {0};
	pthread_t publisher;
	bool is_started = pthread_create(&publisher, NULL, publish_without_end, NULL) == 0;
	int i;

	for (i = 0; i < READERS; i++) {
		readers[i] = (struct reader){.fast = fast};
		is_started =
			is_started && pthread_create(&readers[i].thread, NULL, read_much, &readers[i]) == 0;
	}
	if (!expect(is_started, "no threads")) {
		return sum; /* whatever runs ends with the program */
	}
	for (i = 0; i < READERS; i++) {
		(void)pthread_join(readers[i].thread, NULL);
		sum.reads += readers[i].reads;
		sum.torn += readers[i].torn;
		sum.cannot += readers[i].cannot;
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	(void)pthread_join(publisher, NULL);
	return sum;
}

void no_read_is_torn(const struct cbd_runtime_dir *dir)
{
	struct cbd_page_identity identity = {.counter_kind = CLOCKBOUND_COUNTER_CNTVCT};
	struct cbd_publication first;
	clockbound_err error = {0};
	clockbound_fast *fast;
	struct reader sum;
	char path[256];

	if (!expect(cbd_page_identity_fill(&identity) == 0 &&
			    cbd_page_writer_open(&writer, dir, &identity) == 0,
		    "no page in %s", dir->path)) {
		return;
	}
	start = clockbound_fast_counter();
	first = tied(1);
	cbd_page_writer_publish(&writer, &first);
	snprintf(path, sizeof(path), "%s/%s", dir->path, CBD_PAGE_NAME);
	fast = clockbound_fast_open(path, &error);
	if (!expect(fast != NULL, "clockbound_fast_open: %s", error.detail)) {
		return;
	}
	sum = race(fast);
	printf("aarch64: %lld reads, %lld torn, %lld times \"cannot\", %u publications\n",
	       (long long)sum.reads, (long long)sum.torn, (long long)sum.cannot, published);
#if defined(CLOCKBOUND_PRIV_MUTATE_NO_SECOND_CHECK)
	expect(sum.torn != 0, "the canary's reader does not look twice, and nothing was torn");
#else
	expect(sum.torn == 0, "%lld reads were torn", (long long)sum.torn);
#endif
	clockbound_fast_close(fast);
	cbd_page_writer_close(&writer);
}
