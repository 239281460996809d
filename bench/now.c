/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run of `clockbound-bench now`: rounds in which every row gets one batch of calls, so that what disturbs
 * the machine disturbs all rows alike. Owns the files, the threads and the order of things; what is timed is
 * in subjects.c.
 */
#include "bench/bench.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Calls of a batch, about 1 us: double, and interrupts hit so many batches that p99.9 shows them and not the
 * reads; half, and what is left of the stopwatch's own cost shows. */
#define BATCH_CALLS 50u
/* Empty measurements from which the stopwatch's own cost is taken. */
#define STOPWATCH_TRIES 1001u
/* Calls before each batch that are not timed: caches and branch predictors know the loop again. */
#define WARM_CALLS 50u
/* Rounds between two publications, two checks and two turns of the threads: some 5 ms. Half the leaf's
 * 1.6 s is far away. */
#define BLOCK_ROUNDS 250u
#define THREADS_MAX  4u
#define WRITER_NS    INT64_C(1000000) /* 1 kHz */

struct run {
	struct cbb_fixture fixture;
	struct cbb_target target;
	struct cbb_samples *samples; /* one per subject */
	bool has_own_files;	     /* all that is read is on them; otherwise a daemon publishes it */
	uint64_t stopwatch_ticks;    /* what an empty measurement takes, subtracted from each batch */
	uint64_t failed;	     /* calls that failed, of all rows */
	const char *failed_name;     /* the first row that failed */
	char detail[CBB_DETAIL_MAX];
};

struct worker {
	struct run *run;
	const struct cbb_subject *subject;
	pthread_barrier_t *start;
	uint32_t index;
	uint32_t batches;
	uint32_t failed;
	uint64_t ticks[BLOCK_ROUNDS];
};

static uint64_t time_batch(const struct run *run, const struct cbb_subject *subject, uint32_t *failed)
{
	uint64_t from;
	uint64_t ticks;

	*failed += subject->loop(&run->target, WARM_CALLS);
	from = cbb_ticks();
	*failed += subject->loop(&run->target, BATCH_CALLS);
	ticks = cbb_ticks() - from;
	return ticks > run->stopwatch_ticks ? ticks - run->stopwatch_ticks : 0;
}

/* The stopwatch's own cost: the median of empty measurements. 0 if there is no memory for them. */
static uint64_t stopwatch_cost(void)
{
	struct cbb_samples samples;
	struct cbb_row row;
	uint32_t i;

	if (!cbb_samples_reserve(&samples, STOPWATCH_TRIES)) {
		return 0;
	}
	for (i = 0; i < STOPWATCH_TRIES; i++) {
		uint64_t from = cbb_ticks();

		cbb_samples_add(&samples, cbb_ticks() - from);
	}
	cbb_samples_summary(&samples, 1.0, 1, &row);
	cbb_samples_free(&samples);
	return (uint64_t)row.median_ns;
}

static void note_failures(struct run *run, const char *name, uint32_t failed)
{
	if (failed != 0 && run->failed == 0) {
		run->failed_name = name;
	}
	run->failed += failed;
}

static void run_single(struct run *run, uint32_t rounds)
{
	uint32_t round;
	size_t i;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < cbb_subjects_count; i++) {
			const struct cbb_subject *subject = &cbb_subjects[i];
			uint32_t failed = 0;

			if (subject->threads == 0) {
				cbb_samples_add(&run->samples[i], time_batch(run, subject, &failed));
				note_failures(run, subject->name, failed);
			}
		}
	}
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	uint32_t i;

	(void)cbb_machine_pin(worker->index);
	(void)pthread_barrier_wait(worker->start);
	for (i = 0; i < worker->batches; i++) {
		worker->ticks[i] = time_batch(worker->run, worker->subject, &worker->failed);
	}
	return NULL;
}

/* One row with all its threads at once; every thread's batches count. */
static bool run_threads(struct run *run, size_t row, uint32_t rounds)
{
	static struct worker workers[THREADS_MAX];
	const struct cbb_subject *subject = &cbb_subjects[row];
	pthread_t threads[THREADS_MAX];
	pthread_barrier_t start;
	uint32_t started;
	uint32_t i;

	if (pthread_barrier_init(&start, NULL, subject->threads) != 0) {
		return false;
	}
	for (started = 0; started < subject->threads; started++) {
		struct worker *worker = &workers[started];

		worker->run = run;
		worker->subject = subject;
		worker->start = &start;
		worker->index = started;
		worker->batches = (rounds + subject->threads - 1) / subject->threads;
		worker->failed = 0;
		if (pthread_create(&threads[started], NULL, work, worker) != 0) {
			/* The others would wait at the barrier for ever: the program cannot go on. */
			(void)fprintf(stderr,
				      "clockbound-bench: cannot start thread %" PRIu32 " of %" PRIu32 "\n",
				      started + 1, subject->threads);
			exit(CBB_EXIT_NONE);
		}
	}
	for (started = 0; started < subject->threads; started++) {
		(void)pthread_join(threads[started], NULL);
		note_failures(run, subject->name, workers[started].failed);
		for (i = 0; i < workers[started].batches; i++) {
			cbb_samples_add(&run->samples[row], workers[started].ticks[i]);
		}
	}
	(void)pthread_barrier_destroy(&start);
	return true;
}

struct writer {
	struct cbb_fixture *fixture;
	uint32_t stop; /* atomic; what the thread did is seen by who has joined it */
};

static void *write_1khz(void *argument)
{
	struct writer *writer = argument;
	const struct timespec pause = {.tv_sec = 0, .tv_nsec = WRITER_NS};

	(void)cbb_machine_pin(1); /* the readers' loop is on 0 */
	while (__atomic_load_n(&writer->stop, __ATOMIC_RELAXED) == 0) {
		cbb_fixture_publish_page(writer->fixture->page_1khz, writer->fixture->counter_hz);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return NULL;
}

static bool check_all(struct run *run)
{
	char why[CBB_DETAIL_MAX] = "";
	size_t i;

	for (i = 0; i < cbb_subjects_count; i++) {
		const struct cbb_subject *subject = &cbb_subjects[i];

		if (subject->check != NULL && !subject->check(&run->target, why)) {
			(void)snprintf(run->detail, sizeof(run->detail), "%s: %.200s", subject->name, why);
			return false;
		}
	}
	if (run->failed != 0) {
		(void)snprintf(run->detail, sizeof(run->detail),
			       "%s: %" PRIu64 " timed calls failed or were not valid", run->failed_name,
			       run->failed);
		return false;
	}
	return true;
}

/* All rows for some rounds: the interleaved ones beside the 1 kHz writer, then those with threads. */
static bool run_block(struct run *run, uint32_t rounds)
{
	struct writer writer = {.fixture = &run->fixture, .stop = 0};
	pthread_t thread;
	size_t i;

	cbb_fixture_publish(&run->fixture);
	cbb_fixture_publish_page(run->fixture.page_1khz, run->fixture.counter_hz);
	if (pthread_create(&thread, NULL, write_1khz, &writer) != 0) {
		(void)snprintf(run->detail, sizeof(run->detail), "cannot start the writer's thread");
		return false;
	}
	run_single(run, rounds);
	__atomic_store_n(&writer.stop, 1, __ATOMIC_RELAXED);
	(void)pthread_join(thread, NULL);
	for (i = 0; i < cbb_subjects_count; i++) {
		if (cbb_subjects[i].threads != 0 && !run_threads(run, i, rounds)) {
			(void)snprintf(run->detail, sizeof(run->detail), "cannot make a barrier for threads");
			return false;
		}
	}
	return check_all(run);
}

static bool open_one(struct run *run, const char *directory, const char *name, clockbound_ctx **ctx)
{
	char path[CBB_PATH_MAX + 16];
	clockbound_err error;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	/* Where our own files are read this machine's VMClock is not meant. */
	*ctx = clockbound_vmclock_open(path, run->has_own_files ? "none" : VMCLOCK_SHM_DEFAULT_PATH, &error);
	if (*ctx == NULL) {
		(void)snprintf(run->detail, sizeof(run->detail), "%.240s", error.detail);
	}
	return *ctx != NULL;
}

static clockbound_fast *open_page(struct run *run, const char *directory, const char *name)
{
	char path[CBB_PATH_MAX + 16];
	clockbound_err error;
	clockbound_fast *fast;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fast = clockbound_fast_open(path, &error);
	if (fast == NULL) {
		(void)snprintf(run->detail, sizeof(run->detail), "%.240s", error.detail);
	}
	return fast;
}

/* For strict reads: the VMClock that the daemon watches; where there is none our own page, and a word of memory in
 * the VMClock's place, which costs what the cheapest VMClock does. */
static clockbound_fast *open_strict(struct run *run, const char *runtime_dir)
{
	char path[CBB_PATH_MAX + 16];
	clockbound_fast *fast;

	if (runtime_dir != NULL) {
		(void)snprintf(path, sizeof(path), "%s/page", runtime_dir);
		fast = clockbound_fast_open_strict(path, NULL);
		if (fast != NULL) {
			return fast;
		}
	}
	(void)fprintf(
		stderr,
		"clockbound-bench: no VMClock is watched: inline_strict reads cached memory in its place\n");
	fast = open_page(run, run->fixture.directory, "page_watched");
	if (fast != NULL) {
		fast->vm_marker = &run->fixture.vm_marker;
	}
	return fast;
}

static bool open_target(struct run *run, const char *runtime_dir)
{
	const char *own = run->fixture.directory;
	const char *directory = runtime_dir != NULL ? runtime_dir : own;
	struct cbb_target *target = &run->target;

	target->fast = open_page(run, directory, "page");
	if (target->fast == NULL) {
		return false;
	}
	target->fast_1khz = open_page(run, own, "page_1khz");
	target->strict = open_strict(run, runtime_dir);
	return target->fast_1khz != NULL && target->strict != NULL &&
	       open_one(run, directory, "page", &target->page) &&
	       open_one(run, directory, "shm0", &target->shm0) &&
	       open_one(run, directory, "shm", &target->shm);
}

static void close_target(struct cbb_target *target)
{
	clockbound_fast_close(target->fast);
	clockbound_fast_close(target->fast_1khz);
	clockbound_fast_close(target->strict);
	(void)clockbound_close(target->page);
	(void)clockbound_close(target->shm0);
	(void)clockbound_close(target->shm);
}

static bool reserve(struct run *run, uint32_t rounds)
{
	size_t i;

	run->samples = calloc(cbb_subjects_count, sizeof(*run->samples));
	for (i = 0; run->samples != NULL && i < cbb_subjects_count; i++) {
		/* A row with threads rounds its share up, in every block. */
		size_t room = rounds + (rounds / BLOCK_ROUNDS + 1) * THREADS_MAX;

		if (!cbb_samples_reserve(&run->samples[i], room)) {
			return false;
		}
	}
	return run->samples != NULL;
}

static int fail(const struct run *run, int code)
{
	(void)fprintf(stderr, "clockbound-bench: %s\n", run->detail);
	return code;
}

static void warn_machine(const struct cbb_machine *machine)
{
	if (strcmp(machine->clocksource, "tsc") != 0 &&
	    strcmp(machine->clocksource, "arch_sys_counter") != 0) {
		(void)fprintf(
			stderr,
			"clockbound-bench: warning: the clocksource is %s, neither tsc nor arch_sys_counter: "
			"clock_gettime is a slow one here, and a daemon would publish no lines\n",
			machine->clocksource);
	}
	if (!machine->is_pinned) {
		(void)fprintf(stderr, "clockbound-bench: warning: threads cannot be pinned to processors\n");
	}
	if (machine->cores < 2) {
		(void)fprintf(stderr,
			      "clockbound-bench: warning: one processor: the 1 kHz writer interrupts the "
			      "reader instead of running beside it\n");
	}
}

static bool report(struct run *run, const struct cbb_machine *machine, double ns_per_tick, bool is_json)
{
	struct cbb_row *rows = calloc(cbb_subjects_count, sizeof(*rows));
	bool is_written;
	size_t i;

	if (rows == NULL) {
		return false;
	}
	for (i = 0; i < cbb_subjects_count; i++) {
		rows[i].name = cbb_subjects[i].name;
		cbb_samples_summary(&run->samples[i], ns_per_tick, BATCH_CALLS, &rows[i]);
		rows[i].ratio = rows[0].median_ns > 0 ? rows[i].median_ns / rows[0].median_ns : 0;
	}
	is_written = cbb_report(machine, rows, cbb_subjects_count, is_json);
	free(rows);
	return is_written;
}

/* Everything between opening and closing. */
static int measure(struct run *run, const struct cbb_options *options, struct cbb_machine *machine)
{
	double ns_per_tick = machine->counter_hz != 0 ? 1e9 / (double)machine->counter_hz : 1.0;
	uint32_t done;

	if (!check_all(run)) {
		return fail(run, CBB_EXIT_WRONG);
	}
	for (done = 0; done < options->rounds; done += BLOCK_ROUNDS) {
		uint32_t left = options->rounds - done;

		if (!run_block(run, left < BLOCK_ROUNDS ? left : BLOCK_ROUNDS)) {
			return fail(run, CBB_EXIT_WRONG);
		}
	}
	if (!report(run, machine, ns_per_tick, options->is_json)) {
		(void)snprintf(run->detail, sizeof(run->detail), "cannot write the report");
		return fail(run, CBB_EXIT_WRONG);
	}
	return CBB_EXIT_FINE;
}

int cbb_now(const struct cbb_options *options)
{
	struct run run;
	struct cbb_machine machine;
	int code;
	size_t i;

	memset(&run, 0, sizeof(run));
	run.has_own_files = options->runtime_dir == NULL;
	cbb_machine_read(&machine);
	machine.is_pinned = cbb_machine_pin(0);
	machine.counter_hz = cbb_machine_counter_hz();
	run.stopwatch_ticks = stopwatch_cost();
	warn_machine(&machine);
	if (!cbb_fixture_make(&run.fixture, machine.counter_hz, run.detail) ||
	    !open_target(&run, options->runtime_dir)) {
		code = fail(&run, CBB_EXIT_NONE);
	} else if (!reserve(&run, options->rounds)) {
		(void)snprintf(run.detail, sizeof(run.detail), "no memory for %" PRIu32 " rounds",
			       options->rounds);
		code = fail(&run, CBB_EXIT_NONE);
	} else {
		code = measure(&run, options, &machine);
	}
	for (i = 0; run.samples != NULL && i < cbb_subjects_count; i++) {
		cbb_samples_free(&run.samples[i]);
	}
	free(run.samples);
	close_target(&run.target);
	cbb_fixture_remove(&run.fixture);
	return code;
}
