/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is timed: one loop per row, written as a user would write it (the return code is checked, the result
 * is used), and one checked read beside it. The loops read clocks and counters and do nothing else.
 *
 * A result is used by handing it to an empty assembler statement in registers: it must have been computed,
 * and no store is charged to the read.
 */
#include "bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define LOOP __attribute__((noinline))

/* Farther than this from CLOCK_REALTIME an interval cannot be right, whatever a clock did meanwhile. */
#define PLAUSIBLE_NS INT64_C(10000000000)

static inline __attribute__((always_inline)) void use_interval(const clockbound_interval *interval)
{
	__asm__ __volatile__(""
			     :
			     : "r"(interval->earliest_ns), "r"(interval->latest_ns), "r"(interval->status));
}

static inline __attribute__((always_inline)) void use_result(const clockbound_now_result *result)
{
	__asm__ __volatile__(""
			     :
			     : "r"(result->earliest.tv_sec), "r"(result->earliest.tv_nsec),
			       "r"(result->latest.tv_sec), "r"(result->latest.tv_nsec),
			       "r"(result->clock_status));
}

LOOP static uint32_t loop_clock_gettime(const struct cbb_target *target, uint32_t calls)
{
	uint32_t failed = 0;
	struct timespec now;

	(void)target;
	for (; calls > 0; calls--) {
		if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
			failed++;
			continue;
		}
		__asm__ __volatile__("" : : "r"(now.tv_sec), "r"(now.tv_nsec));
	}
	return failed;
}

LOOP static uint32_t loop_counter_ordered(const struct cbb_target *target, uint32_t calls)
{
	(void)target;
	for (; calls > 0; calls--) {
		uint64_t ticks = clockbound_priv_counter_ordered();

		__asm__ __volatile__("" : : "r"(ticks));
	}
	return 0;
}

LOOP static uint32_t loop_counter_relaxed(const struct cbb_target *target, uint32_t calls)
{
	(void)target;
	for (; calls > 0; calls--) {
		uint64_t ticks = clockbound_priv_counter_relaxed();

		__asm__ __volatile__("" : : "r"(ticks));
	}
	return 0;
}

LOOP static uint32_t loop_inline_ordered(const struct cbb_target *target, uint32_t calls)
{
	const clockbound_fast *fast = target->fast;
	uint32_t failed = 0;

	for (; calls > 0; calls--) {
		clockbound_interval interval;

		clockbound_interval_now(fast, &interval);
		if (!clockbound_is_valid(&interval)) {
			failed++;
			continue;
		}
		use_interval(&interval);
	}
	return failed;
}

LOOP static uint32_t loop_inline_1khz(const struct cbb_target *target, uint32_t calls)
{
	const clockbound_fast *fast = target->fast_1khz;
	uint32_t failed = 0;

	for (; calls > 0; calls--) {
		clockbound_interval interval;

		clockbound_interval_now(fast, &interval);
		if (!clockbound_is_valid(&interval)) {
			failed++;
			continue;
		}
		use_interval(&interval);
	}
	return failed;
}

LOOP static uint32_t loop_inline_strict(const struct cbb_target *target, uint32_t calls)
{
	const clockbound_fast *fast = target->strict;
	uint32_t failed = 0;

	for (; calls > 0; calls--) {
		clockbound_interval interval;

		clockbound_interval_now_strict(fast, &interval);
		if (!clockbound_is_valid(&interval)) {
			failed++;
			continue;
		}
		use_interval(&interval);
	}
	return failed;
}

/* What a user does where the leaf cannot answer: 1 if the slow path has no valid interval either. */
LOOP static uint32_t ask_slow_path(const clockbound_fast *fast)
{
	clockbound_interval interval;

	clockbound_fast_slow_now(fast, &interval);
	return clockbound_is_valid(&interval) ? 0 : 1;
}

LOOP static uint32_t loop_inline_relaxed(const struct cbb_target *target, uint32_t calls)
{
	const clockbound_fast *fast = target->fast;
	uint32_t failed = 0;

	for (; calls > 0; calls--) {
		clockbound_interval interval;

		if (clockbound_fast_now_relaxed(fast, &interval) != CLOCKBOUND_FAST_OK) {
			failed += ask_slow_path(fast);
			continue;
		}
		if (!clockbound_is_valid(&interval)) {
			failed++;
			continue;
		}
		use_interval(&interval);
	}
	return failed;
}

static inline __attribute__((always_inline)) uint32_t loop_library(clockbound_ctx *ctx, uint32_t calls)
{
	clockbound_now_result result;
	uint32_t failed = 0;

	for (; calls > 0; calls--) {
		if (clockbound_now(ctx, &result) != NULL) {
			failed++;
			continue;
		}
		use_result(&result);
	}
	return failed;
}

LOOP static uint32_t loop_library_page(const struct cbb_target *target, uint32_t calls)
{
	return loop_library(target->page, calls);
}

LOOP static uint32_t loop_library_shm0(const struct cbb_target *target, uint32_t calls)
{
	return loop_library(target->shm0, calls);
}

LOOP static uint32_t loop_library_shm(const struct cbb_target *target, uint32_t calls)
{
	return loop_library(target->shm, calls);
}

static int64_t real_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Valid, ordered, and about now. */
static bool check_interval(const clockbound_interval *interval, char detail[CBB_DETAIL_MAX])
{
	int64_t now_ns = real_ns();

	if (!clockbound_is_valid(interval)) {
		(void)snprintf(detail, CBB_DETAIL_MAX,
			       "the interval is not valid (status word 0x%" PRIx32
			       "): is the daemon synchronised?",
			       interval->status);
		return false;
	}
	if (interval->earliest_ns > interval->latest_ns) {
		(void)snprintf(detail, CBB_DETAIL_MAX,
			       "earliest %" PRId64 " ns lies after latest %" PRId64 " ns",
			       interval->earliest_ns, interval->latest_ns);
		return false;
	}
	if (interval->earliest_ns > now_ns + PLAUSIBLE_NS || interval->latest_ns < now_ns - PLAUSIBLE_NS) {
		(void)snprintf(detail, CBB_DETAIL_MAX,
			       "[%" PRId64 ", %" PRId64 "] ns is more than 10 s from CLOCK_REALTIME, %" PRId64
			       " ns",
			       interval->earliest_ns, interval->latest_ns, now_ns);
		return false;
	}
	return true;
}

static bool check_inline(const struct cbb_target *target, char detail[CBB_DETAIL_MAX])
{
	clockbound_interval interval;

	clockbound_interval_now(target->fast, &interval);
	return check_interval(&interval, detail);
}

static bool check_strict(const struct cbb_target *target, char detail[CBB_DETAIL_MAX])
{
	clockbound_interval interval;

	clockbound_interval_now_strict(target->strict, &interval);
	return check_interval(&interval, detail);
}

static bool check_1khz(const struct cbb_target *target, char detail[CBB_DETAIL_MAX])
{
	clockbound_interval interval;

	clockbound_interval_now(target->fast_1khz, &interval);
	return check_interval(&interval, detail);
}

static bool check_library(clockbound_ctx *ctx, char detail[CBB_DETAIL_MAX])
{
	clockbound_now_result result;
	clockbound_interval interval;
	const clockbound_err *error = clockbound_now(ctx, &result);

	if (error != NULL) {
		(void)snprintf(detail, CBB_DETAIL_MAX, "clockbound_now failed: %s", error->detail);
		return false;
	}
	interval.earliest_ns = (int64_t)result.earliest.tv_sec * 1000000000 + result.earliest.tv_nsec;
	interval.latest_ns = (int64_t)result.latest.tv_sec * 1000000000 + result.latest.tv_nsec;
	interval.status = (uint32_t)result.clock_status;
	if (result.clock_status == CLOCKBOUND_STA_SYNCHRONIZED ||
	    result.clock_status == CLOCKBOUND_STA_FREE_RUNNING) {
		interval.status |= CLOCKBOUND_VALID;
	}
	return check_interval(&interval, detail);
}

static bool check_page(const struct cbb_target *target, char detail[CBB_DETAIL_MAX])
{
	return check_library(target->page, detail);
}

static bool check_shm0(const struct cbb_target *target, char detail[CBB_DETAIL_MAX])
{
	return check_library(target->shm0, detail);
}

static bool check_shm(const struct cbb_target *target, char detail[CBB_DETAIL_MAX])
{
	return check_library(target->shm, detail);
}

/* The first row is what the others are compared with. */
const struct cbb_subject cbb_subjects[] = {
	{"clock_gettime", loop_clock_gettime, NULL, 0},
	{"counter_ordered", loop_counter_ordered, NULL, 0},
	{"counter_relaxed", loop_counter_relaxed, NULL, 0},
	{"inline_ordered", loop_inline_ordered, check_inline, 0},
	{"inline_relaxed", loop_inline_relaxed, check_inline, 0},
	{"inline_strict", loop_inline_strict, check_strict, 0},
	{"library_page", loop_library_page, check_page, 0},
	{"library_shm0", loop_library_shm0, check_shm0, 0},
	{"library_shm", loop_library_shm, check_shm, 0},
	{"inline_ordered_writer", loop_inline_1khz, check_1khz, 0},
	{"inline_ordered_threads_1", loop_inline_ordered, check_inline, 1},
	{"inline_ordered_threads_2", loop_inline_ordered, check_inline, 2},
	{"inline_ordered_threads_4", loop_inline_ordered, check_inline, 4},
};
const size_t cbb_subjects_count = sizeof(cbb_subjects) / sizeof(cbb_subjects[0]);
