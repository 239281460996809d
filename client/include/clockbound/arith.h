/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integer arithmetic of the bound: products of an age and a rate, and sums that saturate. Every
 * function names its rounding; none divides by a variable. For <clockbound/fast.h>, the library and
 * the daemon.
 */
#ifndef CLOCKBOUND_ARITH_H
#define CLOCKBOUND_ARITH_H

#if !defined(CLOCKBOUND_FAST_H) && !defined(CLOCKBOUND_IN_TREE)
#error "include <clockbound/fast.h>, not this file"
#endif

#include <clockbound/types.h>

#if !defined(__SIZEOF_INT128__)
#error "ClockBound needs a 64-bit processor: its arithmetic takes the 128-bit integers that compilers have for those only"
#else
__extension__ typedef unsigned __int128 clockbound_priv_u128;
#endif

/* clockbound_priv_scale_short - ticks * rate (Q6.26) in ns, rounded down; no product overflows */
static inline __attribute__((always_inline)) uint64_t clockbound_priv_scale_short(uint32_t ticks,
										  uint32_t rate)
{
	return (uint64_t)ticks * rate >> CLOCKBOUND_PAGE_RATE_SHIFT;
}

/* clockbound_priv_scale_floor - ticks * rate (Q6.26) in ns, rounded down; ticks < 2^57 */
static inline __attribute__((always_inline)) int64_t clockbound_priv_scale_floor(uint64_t ticks,
										 uint32_t rate)
{
	return (int64_t)((clockbound_priv_u128)ticks * rate >> CLOCKBOUND_PAGE_RATE_SHIFT);
}

/* clockbound_priv_scale_ceil - the same, rounded up */
static inline __attribute__((always_inline)) int64_t clockbound_priv_scale_ceil(uint64_t ticks, uint32_t rate)
{
	clockbound_priv_u128 product = (clockbound_priv_u128)ticks * rate;

	product += (1u << CLOCKBOUND_PAGE_RATE_SHIFT) - 1;
	return (int64_t)(product >> CLOCKBOUND_PAGE_RATE_SHIFT);
}

/* clockbound_priv_add_sat - a + b, saturated at the ends of int64_t */
static inline __attribute__((always_inline)) int64_t clockbound_priv_add_sat(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum)) {
		return b < 0 ? INT64_MIN : INT64_MAX;
	}
	return sum;
}

/* clockbound_priv_sub_sat - a - b, saturated at the ends of int64_t */
static inline __attribute__((always_inline)) int64_t clockbound_priv_sub_sat(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference)) {
		return b < 0 ? INT64_MAX : INT64_MIN;
	}
	return difference;
}

/*
 * clockbound_priv_growth_ns - how much a bound grows over an age, rounded up
 * @age_ns:    0 or more; a negative age counts as 0
 * @drift_ppb: growth in ns per second
 * Saturates: at most INT64_MAX. The age is split at whole seconds, so no product overflows.
 */
static inline __attribute__((always_inline)) int64_t clockbound_priv_growth_ns(int64_t age_ns,
									       uint32_t drift_ppb)
{
	uint64_t age = age_ns > 0 ? (uint64_t)age_ns : 0;
	uint64_t seconds = age / UINT64_C(1000000000);
	uint64_t rest = age % UINT64_C(1000000000);
	uint64_t part = (rest * drift_ppb + UINT64_C(999999999)) / UINT64_C(1000000000);
	uint64_t whole;

	if (__builtin_mul_overflow(seconds, (uint64_t)drift_ppb, &whole) ||
	    whole > (uint64_t)INT64_MAX - part) {
		return INT64_MAX;
	}
	return (int64_t)(whole + part);
}

#endif
