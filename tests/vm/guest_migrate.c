/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers that loop while their virtual machine is saved to a file and goes on in another emulator, some time later.
 * Afterwards every read that was begun on the other side is judged by the host's clock.
 *
 *   vm_migrate DIR PORT SECONDS [stopped]   "stopped": the daemon is, so that lax readers may be wrong for longer
 *
 * Says "ready" on standard error when the readers loop. VMClock's marker tells them on which side they are.
 */
#include "guest_world.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads kept of each reader: so many at full speed, the others in steps of STEP_US. */
#define KEPT	 60000
#define KEPT_ALL 3000
#define STEP_US	 500
/* CLOCK_MONOTONIC_RAW against true time, since emulation calibrates it badly: 1000 ppm. */
#define SLACK_PER 1000
/*
 * How long a lax reader may be wrong while the daemon runs: it looks ten times a second, when it gets a processor, which
 * the readers keep busy. One that gets none for longer is stale.
 */
#define LAX_WRONG_NS (5 * NS_PER_SEC)
#define CALM_NS	     (2 * NS_PER_SEC)

struct reader {
	const char *name;
	clockbound_fast *fast;
	const uint64_t *marker;
	uint64_t old_marker;
	bool is_strict;
	uint64_t reads_before;	 /* on the old side */
	uint64_t invalid_before; /* of these */
	uint64_t reads;		 /* on the new side */
	struct reading *kept;
	size_t count;
	int64_t valid_since_ns; /* CLOCK_MONOTONIC_RAW; 0: not valid now */
};

static bool is_over;

static uint64_t marker_now(const struct reader *reader)
{
	return __atomic_load_n(reader->marker, __ATOMIC_SEQ_CST);
}

static void read_once(const struct reader *reader, struct reading *out)
{
	out->before_ns = world_ns(CLOCK_MONOTONIC_RAW);
	if (reader->is_strict) {
		clockbound_interval_now_strict(reader->fast, &out->interval);
	} else {
		clockbound_interval_now(reader->fast, &out->interval);
	}
	out->after_ns = world_ns(CLOCK_MONOTONIC_RAW);
	out->is_valid = clockbound_is_valid(&out->interval) != 0;
}

static void *loop(void *context)
{
	struct reader *reader = context;

	while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
		bool is_after = marker_now(reader) != reader->old_marker;
		struct reading reading;

		read_once(reader, &reading);
		if (!is_after) {
			reader->reads_before++;
			reader->invalid_before += reading.is_valid ? 0 : 1;
			continue;
		}
		reader->reads++;
		if (reader->count < KEPT) {
			reader->kept[reader->count++] = reading;
		}
		if (!reading.is_valid) {
			__atomic_store_n(&reader->valid_since_ns, 0, __ATOMIC_RELAXED);
		} else if (reader->valid_since_ns == 0) {
			__atomic_store_n(&reader->valid_since_ns, reading.before_ns, __ATOMIC_RELAXED);
		}
		if (reader->count > KEPT_ALL) {
			const struct timespec step = {.tv_nsec = STEP_US * 1000};

			nanosleep(&step, NULL);
		}
	}
	return NULL;
}

static void say(bool is_good, const char *what)
{
	printf("%s %s\n", is_good ? "ok" : "not ok", what);
}

/* Every read of the new side, by the host's clock of afterwards. */
static void judge(const struct reader *reader, const struct offset *truth, bool is_stopped)
{
	char what[200];
	uint64_t wrong = 0;
	uint64_t valid = 0;
	int64_t worst_ns = 0;
	int64_t last_wrong_ns = 0;
	int64_t first_ns = reader->count != 0 ? reader->kept[0].before_ns : 0;
	int64_t recovered_ns = 0;
	size_t i;

	for (i = 0; i < reader->count; i++) {
		const struct reading *reading = &reader->kept[i];
		int64_t away_ns = llabs(truth->raw_ns - reading->before_ns);
		int64_t miss_ns = world_miss_ns(reading, truth, away_ns / SLACK_PER);

		valid += reading->is_valid ? 1 : 0;
		if (miss_ns > 0) {
			wrong++;
			worst_ns = miss_ns > worst_ns ? miss_ns : worst_ns;
			last_wrong_ns = reading->after_ns - first_ns;
		} else if (reading->is_valid && recovered_ns == 0) {
			recovered_ns = reading->before_ns - first_ns;
		}
	}
	printf("# %s: %" PRIu64 " reads before (%" PRIu64 " not valid), %" PRIu64
	       " after, %zu of them kept, %" PRIu64 " valid, %" PRIu64
	       " of these wrong, by %.3f s at worst, until %.1f ms after the first; right again after "
	       "%.3f s\n",
	       reader->name, reader->reads_before, reader->invalid_before, reader->reads, reader->count,
	       valid, wrong, (double)worst_ns * 1e-9, (double)last_wrong_ns * 1e-6,
	       (double)recovered_ns * 1e-9);
	snprintf(what, sizeof(what), "%s: there were reads on both sides", reader->name);
	say(reader->reads_before > 1000 && reader->count > 100 && valid > 0, what);
	if (reader->is_strict) {
		snprintf(what, sizeof(what), "%s: no valid read excludes the truth", reader->name);
		say(wrong == 0, what);
		snprintf(what, sizeof(what), "%s: the first read after the migration is not valid",
			 reader->name);
		say(reader->count != 0 && !reader->kept[0].is_valid &&
			    (reader->kept[0].interval.status & CLOCKBOUND_REASON_MIGRATED) != 0,
		    what);
	} else if (!is_stopped) {
		snprintf(what, sizeof(what), "%s: wrong for less than 5 s", reader->name);
		say(last_wrong_ns < LAX_WRONG_NS, what);
	}
}

static bool is_calm(const struct reader *reader)
{
	int64_t since_ns = __atomic_load_n(&reader->valid_since_ns, __ATOMIC_RELAXED);

	return since_ns != 0 && world_ns(CLOCK_MONOTONIC_RAW) - since_ns > CALM_NS;
}

/* The host's clock, by the best of some exchanges. */
static bool ask_truth(uint16_t port, struct offset *best)
{
	struct offset truth;
	bool has_one = false;
	int i;

	for (i = 0; i < 20; i++) {
		if (world_ask_truth(port, &truth) &&
		    (!has_one || truth.high_ns - truth.low_ns < best->high_ns - best->low_ns)) {
			*best = truth;
			has_one = true;
		}
	}
	return has_one;
}

static clockbound_fast *open_strict(const char *dir)
{
	char path[256];
	clockbound_err err;
	clockbound_fast *fast;

	snprintf(path, sizeof(path), "%s/page", dir);
	fast = clockbound_fast_open_strict(path, &err);
	if (fast == NULL) {
		printf("not ok a strict handle: %s\n", err.detail);
		exit(EXIT_FAILURE);
	}
	return fast;
}

int main(int argc, char **argv)
{
	struct reader readers[2] = {{.name = "strict", .is_strict = true}, {.name = "lax"}};
	int64_t end_ns;
	struct offset before;
	struct offset after;
	pthread_t threads[2];
	uint16_t port;
	int i;

	if (argc < 4) {
		fprintf(stderr, "usage: vm_migrate DIR PORT SECONDS [stopped]\n");
		return 2;
	}
	port = (uint16_t)atoi(argv[2]);
	readers[0].fast = open_strict(argv[1]);
	readers[1].fast = world_open(argv[1]);
	if (!ask_truth(port, &before)) {
		printf("not ok the host tells the time\n");
		return EXIT_FAILURE;
	}
	for (i = 0; i < 2; i++) {
		readers[i].marker = readers[0].fast->vm_marker;
		readers[i].old_marker = marker_now(&readers[i]);
		readers[i].kept = calloc(KEPT, sizeof(*readers[i].kept));
		if (readers[i].kept == NULL || pthread_create(&threads[i], NULL, loop, &readers[i]) != 0) {
			return EXIT_FAILURE;
		}
	}
	fprintf(stderr, "ready\n");
	end_ns = world_ns(CLOCK_MONOTONIC) + atoi(argv[3]) * NS_PER_SEC;
	while (world_ns(CLOCK_MONOTONIC) < end_ns && !is_calm(&readers[0])) {
		world_sleep_ms(50);
	}
	if (!ask_truth(port, &after)) {
		printf("not ok the host tells the time afterwards\n");
		return EXIT_FAILURE;
	}
	__atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
	}
	printf("# true time passed that no clock of this machine shows: %.3f s\n",
	       (double)(after.low_ns - before.high_ns) * 1e-9);
	say(after.low_ns - before.high_ns > NS_PER_SEC, "the machine was away for more than a second");
	for (i = 0; i < 2; i++) {
		judge(&readers[i], &after, argc > 4);
	}
	return EXIT_SUCCESS;
}
