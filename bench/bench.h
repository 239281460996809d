/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of clockbound-bench share: the files it reads (fixture), what it times (subject), the
 * collected times (stats) and what it prints (report). Includes uapi and the client's public headers only.
 */
#ifndef CBB_BENCH_H
#define CBB_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clockbound.h>
#include <clockbound/fast.h>

/* Exit codes, as cbctl's. */
#define CBB_EXIT_FINE  0
#define CBB_EXIT_WRONG 1 /* a read or a call returned a wrong result */
#define CBB_EXIT_USAGE 2
#define CBB_EXIT_NONE  3 /* no page or segment to read, no daemon, no right to do it */

#define CBB_PATH_MAX   512
#define CBB_DETAIL_MAX 256

struct cbb_options {
	const char
		*runtime_dir; /* now: NULL: the program writes its own files; invalidate: NULL: the default */
	const char *rung;     /* the only one; NULL: all of them (probe), the best (invalidate) */
	const char *daemon;   /* program to start; NULL: the one that belongs to this program */
	const char *chrony_socket; /* of the daemon that is started; NULL: its own default */
	uint32_t rounds;	   /* now: batches of each row; probe: times off, on, off */
	uint32_t steps;		   /* invalidate: an even number */
	bool is_own;		   /* invalidate: starts a daemon */
	bool may_move_clock;
	bool is_json;
};

/* cbb_say - one sentence on stderr, with the program's name before it; returns @code */
int cbb_say(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* cbb_directory_make - a directory on tmpfs if there is one, so that no disk write falls into the run */
bool cbb_directory_make(char path[CBB_PATH_MAX], char detail[CBB_DETAIL_MAX]);

/* cbb_directory_remove - with the files in it; "" is none, and @path is "" afterwards */
void cbb_directory_remove(char path[CBB_PATH_MAX]);

/* cbb_interrupt_watch - from now on SIGINT, SIGTERM and SIGHUP only cut sleeps short and are told by the next */
void cbb_interrupt_watch(void);
bool cbb_is_interrupted(void);

/* The program's own files, in a directory of its own, removed at the end. */
struct cbb_fixture {
	char directory[CBB_PATH_MAX]; /* "" until made */
	struct clockbound_page *page;
	struct clockbound_page *page_1khz;    /* the one that the writer thread publishes on */
	struct clockbound_page *page_watched; /* the one that says that a VMClock is watched */
	struct clockbound_shm1 *shm;
	struct clockbound_shm2 *shm0;
	uint64_t counter_hz; /* measured; 0 without a counter */
	uint64_t vm_marker;  /* in the place of a VMClock's, where there is none; as the page says: 0 */
};

/*
 * cbb_fixture_make - a directory with page, page_1khz, page_watched, shm0 and shm, each published once
 * @counter_hz: ticks per second of the hardware counter; 0 without one
 * Returns false with a sentence in @detail. cbb_fixture_remove() in every case.
 */
bool cbb_fixture_make(struct cbb_fixture *fixture, uint64_t counter_hz, char detail[CBB_DETAIL_MAX]);
void cbb_fixture_remove(struct cbb_fixture *fixture);

/* cbb_fixture_publish - one publication on page, page_watched, shm0 and shm. One thread. */
void cbb_fixture_publish(struct cbb_fixture *fixture);

/* cbb_fixture_publish_page - one publication on @page, through the latch. One thread a page. */
void cbb_fixture_publish_page(struct clockbound_page *page, uint64_t counter_hz);

/* What the timed loops read. */
struct cbb_target {
	clockbound_fast *fast;	    /* the page */
	clockbound_fast *fast_1khz; /* the page with a writer */
	clockbound_fast *strict;    /* the page, for strict reads */
	clockbound_ctx *page;	    /* the same files through the library */
	clockbound_ctx *shm0;
	clockbound_ctx *shm;
};

/* A loop of @calls reads, their results consumed; returns how many of them failed. */
typedef uint32_t (*cbb_loop)(const struct cbb_target *target, uint32_t calls);

/* One read for checking, outside the timed loop; false with a sentence in @detail. */
typedef bool (*cbb_check)(const struct cbb_target *target, char detail[CBB_DETAIL_MAX]);

struct cbb_subject {
	const char *name;
	cbb_loop loop;
	cbb_check check;  /* NULL: nothing to check but the return code */
	uint32_t threads; /* 0: interleaved with the others on one thread; else this many at once */
};

extern const struct cbb_subject cbb_subjects[];
extern const size_t cbb_subjects_count;

/* The times of one row, in ticks per batch. */
struct cbb_samples {
	uint64_t *ticks;
	size_t count;
	size_t room;
};

bool cbb_samples_reserve(struct cbb_samples *samples, size_t room);
void cbb_samples_add(struct cbb_samples *samples, uint64_t ticks);
void cbb_samples_free(struct cbb_samples *samples);

struct cbb_row {
	const char *name;
	double median_ns; /* per call */
	double p99_ns;
	double p999_ns;
	double ratio; /* median to the median of clock_gettime */
};

/* cbb_samples_summary - sorts; nearest-rank quantiles of the batches, in ns per call */
void cbb_samples_summary(struct cbb_samples *samples, double ns_per_tick, uint32_t calls,
			 struct cbb_row *row);

struct cbb_machine {
	char cpu[128];
	char clocksource[32];
	char kernel[128];
	long cores;
	uint64_t counter_hz;
	bool is_pinned;
};

/* cbb_machine_read - what this machine is; unknown parts say "unknown" */
void cbb_machine_read(struct cbb_machine *machine);

/* cbb_machine_counter_hz - the counter against CLOCK_MONOTONIC_RAW over some 50 ms; 0 without a counter */
uint64_t cbb_machine_counter_hz(void);

/* cbb_machine_pin - keeps the calling thread on one of the allowed processors; false if it cannot */
bool cbb_machine_pin(uint32_t index);

/* cbb_machine_json - a new jansson object, which every report in JSON begins with; NULL without memory */
struct json_t;
struct json_t *cbb_machine_json(const struct cbb_machine *machine);

/* cbb_report - table or JSON on stdout. Returns false if it cannot be written. */
bool cbb_report(const struct cbb_machine *machine, const struct cbb_row *rows, size_t count, bool is_json);

/* The runs: each returns an exit code, errors on stderr. */
int cbb_now(const struct cbb_options *options);
int cbb_probe(const struct cbb_options *options);
int cbb_invalidate(const struct cbb_options *options);

/* cbb_ticks - the stopwatch: ordered counter, or CLOCK_MONOTONIC_RAW in ns where there is none */
uint64_t cbb_ticks(void);

#endif
