/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world of its own for the client's unit tests: a counter, clocks and a sleep that only the test moves, and
 * temporary files. The library under test is compiled against it. One thread, but for reading the clocks.
 */
#ifndef TESTS_UNIT_CLIENT_WORLD_H
#define TESTS_UNIT_CLIENT_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <clockbound.h>
#include <clockbound/page.h>
#include <clockbound/shm.h>

#define WORLD_COUNTER 5000000000u		   /* where the counter starts: one tick is 1 ns */
#define WORLD_REAL_NS INT64_C(1700000000000000000) /* what CLOCK_REALTIME shows then */
#define WORLD_MONO_NS INT64_C(1000000000000)	   /* what both monotonic clocks show then */

struct world {
	uint64_t counter;
	int64_t real_ns;
	int64_t mono_ns;
	int64_t coarse_ns;
	bool clock_fails;
	void (*on_clock)(int clock); /* called before each clock reading; may be NULL */
	int64_t clock_step_ns;	     /* everything moves on by this at each reading of the counter */
	unsigned int sleeps;
	int64_t slept_ns; /* in all sleeps together */
};

extern struct world world;

/* world_reset - the world as above; the signature is that of a cmocka setup */
int world_reset(void **state);

/* world_pass - time passes, for all clocks and the counter alike */
void world_pass(int64_t ns);

/* world_page - a synchronised page as of the world's start: lines 100 us wide, +/- 64/2^26 per tick; the clock
 * half +/- 60 us, 1000 ppb. Short for 1 s, stale after 5 s, void after 1000 s. */
void world_page(struct clockbound_page *page);

/* world_shm1, world_shm2 - a synchronised segment as of the world's start: +/- 60 us, 1000 ppb */
void world_shm1(struct clockbound_shm1 *shm);
void world_shm2(struct clockbound_shm2 *shm);

/* world_file - writes @size bytes to a file and returns its path; all are removed by world_remove() */
const char *world_file(const char *name, const void *bytes, size_t size);

/* world_path - the path of a file of that name that need not exist */
const char *world_path(const char *name);

/* world_map - maps a file that world_file() made, so that a test can write to it as a daemon does */
void *world_map(const char *name, size_t size);

/* world_remove - removes the files; the signature is that of a cmocka teardown */
int world_remove(void **state);

/* world_fill - fills all of @value, which has @size bytes, with a pattern that no call writes */
void world_fill(void *value, size_t size);

#endif
