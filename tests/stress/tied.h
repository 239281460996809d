/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots whose words are tied to one number: publication k gives words that make every read of it 7 k to
 * 7 k + 1 + k % 1000, so that words of two publications together show. The counter stands still at 0.
 */
#ifndef TESTS_STRESS_TIED_H
#define TESTS_STRESS_TIED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <clockbound/fast.h>

/* The words of a slot that a counter reader uses, in the order in which they are stored. */
#define TIED_WORDS 9

/* Whole ns per tick; 31 is the most that the product of the short read takes. */
static inline uint32_t tied_rate(uint64_t k)
{
	return (uint32_t)(k & 31);
}

/* tied_store - stores word @word of publication @k, as the page's writer does */
static inline void tied_store(struct clockbound_hot *hot, unsigned int word, uint64_t k)
{
	int64_t moved = (int64_t)(k * tied_rate(k));

	switch (word) {
	case 0:
		CLOCKBOUND_PRIV_STORE(&hot->base, UINT64_C(0) - k);
		break;
	case 1:
		CLOCKBOUND_PRIV_STORE(&hot->earliest_ns, (int64_t)(7 * k) - moved);
		break;
	case 2:
		CLOCKBOUND_PRIV_STORE(&hot->latest_ns, (int64_t)(7 * k + 1 + k % 1000) - moved);
		break;
	case 3:
		CLOCKBOUND_PRIV_STORE(&hot->earliest_rate, tied_rate(k) << CLOCKBOUND_PAGE_RATE_SHIFT);
		break;
	case 4:
		CLOCKBOUND_PRIV_STORE(&hot->latest_rate, tied_rate(k) << CLOCKBOUND_PAGE_RATE_SHIFT);
		break;
	case 5:
		CLOCKBOUND_PRIV_STORE(&hot->short_after, UINT32_MAX);
		break;
	case 6:
		CLOCKBOUND_PRIV_STORE(&hot->stale_after, (uint32_t)(0x10000 + (k & 0xfff)));
		break;
	case 7:
		CLOCKBOUND_PRIV_STORE(&hot->void_after, (uint32_t)(0x20000 + (k & 0xfff)));
		break;
	default:
		CLOCKBOUND_PRIV_STORE(&hot->status, (uint32_t)k);
		break;
	}
}

/* tied_interval_is_torn - whether what a read gave belongs to no one publication */
static inline bool tied_interval_is_torn(const clockbound_interval *interval)
{
	uint64_t k = interval->status;

	return interval->earliest_ns != (int64_t)(7 * k) ||
	       interval->latest_ns != (int64_t)(7 * k + 1 + k % 1000);
}

/* tied_snapshot_is_torn - the same for every word of a snapshot */
static inline bool tied_snapshot_is_torn(const struct clockbound_priv_snapshot *snapshot)
{
	uint64_t k = snapshot->status;
	int64_t moved = (int64_t)(k * tied_rate(k));

	return snapshot->base != UINT64_C(0) - k || snapshot->earliest_ns != (int64_t)(7 * k) - moved ||
	       snapshot->latest_ns != (int64_t)(7 * k + 1 + k % 1000) - moved ||
	       snapshot->earliest_rate != tied_rate(k) << CLOCKBOUND_PAGE_RATE_SHIFT ||
	       snapshot->latest_rate != tied_rate(k) << CLOCKBOUND_PAGE_RATE_SHIFT ||
	       snapshot->stale_after != (uint32_t)(0x10000 + (k & 0xfff)) ||
	       snapshot->void_after != (uint32_t)(0x20000 + (k & 0xfff));
}

#endif
