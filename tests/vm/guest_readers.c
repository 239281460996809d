/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers on every core, and the host's time beside them. See guest_readers.h.
 *
 * Reads are kept as what they say about truth minus CLOCK_MONOTONIC_RAW: at least low, at most high. For every 10 ms the
 * strictest of each is kept, and compared with the host's answers of the same 10 ms.
 */
#include "guest_readers.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#define READERS_MAX 8
#define BUCKET_NS   (10 * NS_PER_MS)
#define BUCKETS	    120000 /* twenty minutes: longer than any machine may run */
#define RING	    65536
#define TRUTHS_MAX  240000
#define EXCUSES_MAX 256
#define TRUTH_MS    5
#define GAP_NS_MAX  (60 * NS_PER_SEC)
/* CLOCK_MONOTONIC_RAW may run wrong by 1000 ppm in emulation: over a bucket. */
#define SLACK_NS (BUCKET_NS / 1000)

struct bucket {
	int64_t low_ns;
	int64_t high_ns;
};

struct reader {
	pthread_t thread;
	int core;
	uint64_t ring_next;
	uint64_t reads[2]; /* 0 counter, 1 clock */
	uint64_t invalid[2];
	uint32_t reasons;
	int64_t ring[RING]; /* when valid clock reads under the watched epoch began */
	struct bucket bucket[2][BUCKETS];
};

static struct {
	clockbound_fast *fast;
	uint16_t port;
	bool is_ending;
	uint32_t watched;
	int64_t begin_ns;
	int readers;
	struct reader *reader[READERS_MAX];
	pthread_t asker;
	uint64_t truths;
	struct offset truth[TRUTHS_MAX];
	size_t excuses;
	struct bucket excuse[EXCUSES_MAX]; /* from low to high */
} all;

static bool is_ending(void)
{
	return __atomic_load_n(&all.is_ending, __ATOMIC_RELAXED);
}

static void keep(struct reader *reader, int kind, const struct reading *reading)
{
	int64_t number = (reading->before_ns - all.begin_ns) / BUCKET_NS;
	struct bucket *bucket = &reader->bucket[kind][number < BUCKETS ? number : BUCKETS - 1];
	int64_t low_ns = reading->interval.earliest_ns - reading->after_ns;
	int64_t high_ns = reading->interval.latest_ns - reading->before_ns;

	__atomic_fetch_add(&reader->reads[kind], 1, __ATOMIC_RELAXED);
	/* Where the counter cannot serve, the library reads the clock: that is no counter read then. */
	if (!reading->is_valid || (kind == 0 && reading->interval.source != CLOCKBOUND_SOURCE_COUNTER)) {
		__atomic_fetch_add(&reader->invalid[kind], 1, __ATOMIC_RELAXED);
		reader->reasons |= kind == 0 ? CLOCKBOUND_REASONS_OF(reading->interval.status) : 0;
		return;
	}
	/* A read that was interrupted in a bucket's last moment says little about it. */
	if (low_ns > bucket->low_ns) {
		bucket->low_ns = low_ns;
	}
	if (high_ns < bucket->high_ns) {
		bucket->high_ns = high_ns;
	}
}

static void *read_on(void *argument)
{
	struct reader *reader = argument;
	struct reading reading;
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET((size_t)reader->core, &cores);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(cores), &cores);
	while (!is_ending()) {
		world_read_counter(all.fast, &reading);
		keep(reader, 0, &reading);
		world_read_clock(all.fast, &reading);
		keep(reader, 1, &reading);
		/* The slot is looked at after the read: still the old epoch means that the read used it too. */
		if (reading.is_valid &&
		    world_slot_epoch(all.fast) == __atomic_load_n(&all.watched, __ATOMIC_ACQUIRE)) {
			__atomic_store_n(&reader->ring[reader->ring_next % RING], reading.before_ns,
					 __ATOMIC_RELAXED);
			__atomic_store_n(&reader->ring_next, reader->ring_next + 1, __ATOMIC_RELEASE);
		}
	}
	return NULL;
}

static void *ask_on(void *argument)
{
	(void)argument;
	while (!is_ending() && all.truths < TRUTHS_MAX) {
		if (world_ask_truth(all.port, &all.truth[all.truths])) {
			__atomic_store_n(&all.truths, all.truths + 1, __ATOMIC_RELEASE);
		}
		world_sleep_ms(TRUTH_MS);
	}
	return NULL;
}

static struct reader *reader_new(int core)
{
	struct reader *reader = calloc(1, sizeof(*reader));
	size_t i;

	if (reader == NULL) {
		abort();
	}
	reader->core = core;
	for (i = 0; i < BUCKETS; i++) {
		reader->bucket[0][i] = (struct bucket){.low_ns = INT64_MIN, .high_ns = INT64_MAX};
		reader->bucket[1][i] = reader->bucket[0][i];
	}
	return reader;
}

void readers_start(clockbound_fast *fast, uint16_t port)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int i;

	all.fast = fast;
	all.port = port;
	all.watched = UINT32_MAX;
	all.begin_ns = world_ns(CLOCK_MONOTONIC_RAW);
	all.readers = cores < READERS_MAX ? (int)cores : READERS_MAX;
	for (i = 0; i < all.readers; i++) {
		all.reader[i] = reader_new(i);
		if (pthread_create(&all.reader[i]->thread, NULL, read_on, all.reader[i]) != 0) {
			abort();
		}
	}
	if (pthread_create(&all.asker, NULL, ask_on, NULL) != 0) {
		abort();
	}
}

void readers_watch(uint32_t slot_epoch)
{
	__atomic_store_n(&all.watched, slot_epoch, __ATOMIC_RELEASE);
}

void readers_late(int64_t returned_ns, struct late_reads *out)
{
	int i;

	*out = (struct late_reads){0};
	for (i = 0; i < all.readers; i++) {
		uint64_t next = __atomic_load_n(&all.reader[i]->ring_next, __ATOMIC_ACQUIRE);
		uint64_t from = next > RING ? next - RING : 0;

		out->unwatched += next;
		for (; from < next; from++) {
			int64_t late_ns =
				__atomic_load_n(&all.reader[i]->ring[from % RING], __ATOMIC_RELAXED) -
				returned_ns;

			out->count += late_ns > 0 ? 1 : 0;
			out->window_ns = late_ns > out->window_ns ? late_ns : out->window_ns;
		}
	}
}

void readers_excuse(int64_t from_ns, int64_t until_ns)
{
	if (all.excuses < EXCUSES_MAX) {
		all.excuse[all.excuses++] = (struct bucket){.low_ns = from_ns, .high_ns = until_ns};
	}
}

bool readers_see_answers(uint64_t count, int64_t limit_ms)
{
	int64_t limit_ns = world_ns(CLOCK_MONOTONIC_RAW) + limit_ms * NS_PER_MS;
	uint64_t until = __atomic_load_n(&all.truths, __ATOMIC_ACQUIRE) + count;

	while (__atomic_load_n(&all.truths, __ATOMIC_ACQUIRE) < until) {
		if (world_ns(CLOCK_MONOTONIC_RAW) >= limit_ns) {
			return false;
		}
		world_sleep_ms(10);
	}
	return true;
}

uint64_t readers_counter_invalid(void)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < all.readers; i++) {
		sum += __atomic_load_n(&all.reader[i]->invalid[0], __ATOMIC_RELAXED);
	}
	return sum;
}

static bool is_excused(int64_t bucket_ns)
{
	size_t i;

	for (i = 0; i < all.excuses; i++) {
		if (bucket_ns + BUCKET_NS > all.excuse[i].low_ns && bucket_ns < all.excuse[i].high_ns) {
			return true;
		}
	}
	return false;
}

/* Compares one answer of the host with all reads of its 10 ms. */
static void judge(const struct offset *truth, int kind, struct verdict *out)
{
	uint64_t *compared = kind == 0 ? &out->counter_compared : &out->clock_compared;
	int64_t *miss_ns = kind == 0 ? &out->counter_miss_ns : &out->clock_miss_ns;
	int64_t number = (truth->raw_ns - all.begin_ns) / BUCKET_NS;
	int i;

	if (number >= BUCKETS - 1 || (kind == 1 && is_excused(all.begin_ns + number * BUCKET_NS))) {
		return;
	}
	for (i = 0; i < all.readers; i++) {
		const struct bucket *bucket = &all.reader[i]->bucket[kind][number];
		int64_t early_ns;
		int64_t late_ns;
		int64_t worst_ns;

		if (bucket->low_ns == INT64_MIN) {
			continue;
		}
		(*compared)++;
		early_ns = bucket->low_ns - truth->high_ns - SLACK_NS;
		late_ns = truth->low_ns - bucket->high_ns - SLACK_NS;
		worst_ns = early_ns > late_ns ? early_ns : late_ns;
		if (worst_ns > *miss_ns) {
			*miss_ns = worst_ns;
			out->worst_raw_ns = truth->raw_ns - all.begin_ns;
			out->worst_low_ns = bucket->low_ns;
			out->worst_high_ns = bucket->high_ns;
			out->worst_truth = *truth;
		}
	}
}

/* Whether the comparisons are of the whole run: what is beyond the buckets, or was not asked, would pass unseen. */
static void judge_cover(int64_t end_ns, struct verdict *out)
{
	int64_t last_ns = all.begin_ns;
	uint64_t i;

	for (i = 0; i <= all.truths; i++) {
		int64_t raw_ns = i < all.truths ? all.truth[i].raw_ns : end_ns;

		out->gap_ns = raw_ns - last_ns > out->gap_ns ? raw_ns - last_ns : out->gap_ns;
		last_ns = raw_ns;
	}
	out->is_covered = (end_ns - all.begin_ns) / BUCKET_NS < BUCKETS - 1 && all.truths < TRUTHS_MAX &&
			  all.excuses < EXCUSES_MAX && out->gap_ns < GAP_NS_MAX;
}

void readers_end(struct verdict *out)
{
	int64_t end_ns = world_ns(CLOCK_MONOTONIC_RAW);
	uint64_t i;
	int r;

	__atomic_store_n(&all.is_ending, true, __ATOMIC_RELAXED);
	*out = (struct verdict){0};
	(void)pthread_join(all.asker, NULL);
	for (r = 0; r < all.readers; r++) {
		(void)pthread_join(all.reader[r]->thread, NULL);
		out->counter_reads += all.reader[r]->reads[0];
		out->counter_invalid += all.reader[r]->invalid[0];
		out->counter_reasons |= all.reader[r]->reasons;
		out->clock_reads += all.reader[r]->reads[1];
		out->clock_invalid += all.reader[r]->invalid[1];
	}
	out->truths = all.truths;
	judge_cover(end_ns, out);
	for (i = 0; i < all.truths; i++) {
		judge(&all.truth[i], 0, out);
		judge(&all.truth[i], 1, out);
	}
}
