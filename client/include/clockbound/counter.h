/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware counter that the page's lines run on: x86's time stamp counter, aarch64's virtual
 * counter. For <clockbound/fast.h>, the library and the daemon; nobody else includes it.
 *
 * Ordered: the counter is read after every load that stands before it in program order has
 * completed. Relaxed: no order, half the cost; the reading may be some tens of ns early or late
 * against other loads. Where there is no such counter CLOCKBOUND_PRIV_COUNTER_KIND is
 * CLOCKBOUND_COUNTER_NONE and both return 0.
 */
#ifndef CLOCKBOUND_COUNTER_H
#define CLOCKBOUND_COUNTER_H

#if !defined(CLOCKBOUND_FAST_H) && !defined(CLOCKBOUND_IN_TREE)
#error "include <clockbound/fast.h>, not this file"
#endif

#include <clockbound/types.h>

#if defined(CLOCKBOUND_PRIV_TEST_COUNTER)

/* The simulated world's counter, for tests that compile this header against a world of their own.
 */
#define CLOCKBOUND_PRIV_COUNTER_KIND CLOCKBOUND_COUNTER_TSC
#ifdef __cplusplus
extern "C" {
#endif
uint64_t clockbound_priv_test_counter(void);
#ifdef __cplusplus
}
#endif

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_ordered(void)
{
	return clockbound_priv_test_counter();
}

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_relaxed(void)
{
	return clockbound_priv_test_counter();
}

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_anywhere(void)
{
	return clockbound_priv_test_counter();
}

#elif defined(__x86_64__)

#define CLOCKBOUND_PRIV_COUNTER_KIND CLOCKBOUND_COUNTER_TSC

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_ordered(void)
{
	uint64_t low; /* 64 bits wide: the instruction clears the upper halves of all three */
	uint64_t high;
	uint64_t processor;

	/* rdtscp waits until every earlier instruction has executed and every earlier load is globally
	 * visible (Intel SDM volume 2, AMD64 manual volume 3), which is the order promised here. lfence;rdtsc
	 * gives the same and is a cycle or two longer, since it holds up what follows too; Linux's own
	 * rdtsc_ordered() makes the same choice. "memory" keeps the compiler from moving loads across. */
	__asm__ __volatile__("rdtscp" : "=a"(low), "=d"(high), "=c"(processor) : : "memory");
	(void)processor;
	return high << 32 | low;
}

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_relaxed(void)
{
	uint64_t low;
	uint64_t high;

	__asm__ __volatile__("rdtsc" : "=a"(low), "=d"(high));
	return high << 32 | low;
}

/* The ordered counter on processors without rdtscp too: before a handle says which processor this is. */
static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_anywhere(void)
{
	uint64_t low;
	uint64_t high;

	__asm__ __volatile__("lfence\n\trdtsc" : "=a"(low), "=d"(high) : : "memory");
	return high << 32 | low;
}

#elif defined(__aarch64__)

#define CLOCKBOUND_PRIV_COUNTER_KIND CLOCKBOUND_COUNTER_CNTVCT

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_ordered(void)
{
	uint64_t ticks;

	/* isb keeps mrs from being executed ahead of what stands before it (Arm ARM, "Generic
	 * Timer", speculative reads of the counter). */
	__asm__ __volatile__("isb\n\tmrs %0, cntvct_el0" : "=r"(ticks) : : "memory");
	return ticks;
}

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_relaxed(void)
{
	uint64_t ticks;

	__asm__ __volatile__("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
}

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_anywhere(void)
{
	return clockbound_priv_counter_ordered();
}

#else

#define CLOCKBOUND_PRIV_COUNTER_KIND CLOCKBOUND_COUNTER_NONE

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_ordered(void)
{
	return 0;
}

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_relaxed(void)
{
	return 0;
}

static inline __attribute__((always_inline)) uint64_t clockbound_priv_counter_anywhere(void)
{
	return 0;
}

#endif

#endif
