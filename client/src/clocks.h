/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's only reads of kernel clocks, and its only sleep. Private to client/src. Tests compile the
 * library with CLOCKBOUND_PRIV_TEST_CLOCK and bring a world of their own, as <clockbound/counter.h> does for
 * the counter.
 */
#ifndef CLOCKBOUND_PRIV_CLOCKS_H
#define CLOCKBOUND_PRIV_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CLOCKBOUND_PRIV_NS_PER_SEC INT64_C(1000000000)

#if defined(CLOCKBOUND_PRIV_TEST_CLOCK)

bool clockbound_priv_test_clock(clockid_t clock, int64_t *ns);
void clockbound_priv_test_sleep(int64_t until_mono_ns);

/* clockbound_priv_clock_read - what @clock shows, ns; false if it cannot be read */
static inline bool clockbound_priv_clock_read(clockid_t clock, int64_t *ns)
{
	return clockbound_priv_test_clock(clock, ns);
}

/* clockbound_priv_sleep_until - sleeps until CLOCK_MONOTONIC shows @until_mono_ns, or a signal comes */
static inline void clockbound_priv_sleep_until(int64_t until_mono_ns)
{
	clockbound_priv_test_sleep(until_mono_ns);
}

#else

static inline bool clockbound_priv_clock_read(clockid_t clock, int64_t *ns)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0) {
		return false;
	}
	*ns = (int64_t)now.tv_sec * CLOCKBOUND_PRIV_NS_PER_SEC + (int64_t)now.tv_nsec;
	return true;
}

static inline void clockbound_priv_sleep_until(int64_t until_mono_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(until_mono_ns / CLOCKBOUND_PRIV_NS_PER_SEC),
		.tv_nsec = (long)(until_mono_ns % CLOCKBOUND_PRIV_NS_PER_SEC),
	};

	/* A signal, or a failure, only ends the sleep early: the caller reads the time again anyway. */
	(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

#endif

#endif
