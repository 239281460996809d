/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With TEST_THE_TWINS the names of <clockbound/fast.h> mean the library's exported twins from here on, so that a
 * suite compiled twice tests both forms.
 */
#ifndef TESTS_UNIT_CLIENT_TWINS_H
#define TESTS_UNIT_CLIENT_TWINS_H

#include <clockbound/fast.h>

#if defined(TEST_THE_TWINS)
/* Other names for the library's symbols, since the header has taken theirs. */
int twin_now(const clockbound_fast *, clockbound_interval *) __asm__("clockbound_fast_now");
int twin_now_strict(const clockbound_fast *, clockbound_interval *) __asm__("clockbound_fast_now_strict");
void twin_interval_now_strict(const clockbound_fast *,
			      clockbound_interval *) __asm__("clockbound_interval_now_strict");
int twin_now_relaxed(const clockbound_fast *, clockbound_interval *) __asm__("clockbound_fast_now_relaxed");
uint64_t twin_counter(void) __asm__("clockbound_fast_counter");
int twin_at_counter(const clockbound_fast *, uint64_t,
		    clockbound_interval *) __asm__("clockbound_fast_at_counter");
int twin_at_realtime(const clockbound_fast *, int64_t,
		     clockbound_interval *) __asm__("clockbound_fast_at_realtime");
int twin_now_within(const clockbound_fast *, int64_t,
		    clockbound_interval *) __asm__("clockbound_fast_now_within");
void twin_interval_now(const clockbound_fast *, clockbound_interval *) __asm__("clockbound_interval_now");
int64_t twin_width_ns(const clockbound_interval *) __asm__("clockbound_width_ns");
int twin_is_valid(const clockbound_interval *) __asm__("clockbound_is_valid");
void twin_cap_width(clockbound_interval *, int64_t) __asm__("clockbound_cap_width");
clockbound_order twin_compare(const clockbound_interval *,
			      const clockbound_interval *) __asm__("clockbound_compare");
#define clockbound_fast_now	       twin_now
#define clockbound_fast_now_strict     twin_now_strict
#define clockbound_interval_now_strict twin_interval_now_strict
#define clockbound_fast_now_relaxed    twin_now_relaxed
#define clockbound_fast_counter	       twin_counter
#define clockbound_fast_at_counter     twin_at_counter
#define clockbound_fast_at_realtime    twin_at_realtime
#define clockbound_fast_now_within     twin_now_within
#define clockbound_interval_now	       twin_interval_now
#define clockbound_width_ns	       twin_width_ns
#define clockbound_is_valid	       twin_is_valid
#define clockbound_cap_width	       twin_cap_width
#define clockbound_compare	       twin_compare
#endif

#endif
