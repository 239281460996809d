/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and words that every layout of ClockBound shares: integer types that exist in user space,
 * C++ and BPF alike, the status word with its reason bits, and the conventions of sign and unit.
 * It never declares a function and never needs libc.
 *
 * Sign convention, the same everywhere: offset = reference - local clock (RFC 5905), positive when
 * the local clock is slow. A source that means the opposite is negated on the line that reads it.
 *
 * Time: int64_t nanoseconds since 1970-01-01T00:00:00Z, POSIX seconds (leap seconds are not
 * counted). Rate: dimensionless rates are signed Q5.58 (`_q58`); ns per tick are unsigned Q6.58.
 */
#ifndef CLOCKBOUND_UAPI_TYPES_H
#define CLOCKBOUND_UAPI_TYPES_H

#if defined(__bpf__)
#if !defined(offsetof)
#define offsetof(type, member) __builtin_offsetof(type, member)
#endif
typedef signed int int32_t;
typedef signed long long int64_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef unsigned int uint32_t;
typedef unsigned long long uint64_t;
#elif defined(__cplusplus)
#include <cstddef>
#include <cstdint>
#else
#include <stddef.h>
#include <stdint.h>
#endif

/* One spelling of a compile-time check for C11, C++17 and BPF. */
#if defined(__cplusplus)
#define CLOCKBOUND_STATIC_ASSERT(expression, message) static_assert(expression, message)
#else
#define CLOCKBOUND_STATIC_ASSERT(expression, message) _Static_assert(expression, message)
#endif

/* Fractional bits of the daemon's fixed-point rates, and of the page's. */
#define CLOCKBOUND_RATE_SHIFT	   58
#define CLOCKBOUND_PAGE_RATE_SHIFT 26

/* Bits 0..7 of a status word: upstream's clock status, same values as `clockbound_clock_status`. */
#define CLOCKBOUND_STATUS_UNKNOWN      0u
#define CLOCKBOUND_STATUS_SYNCHRONIZED 1u
#define CLOCKBOUND_STATUS_FREE_RUNNING 2u
#define CLOCKBOUND_STATUS_DISRUPTED    3u
#define CLOCKBOUND_STATUS_MASK	       0xffu

/*
 * Bit 8 of a status word: true time lies in the interval. Without it the interval means nothing.
 * It is independent of the status: FREE_RUNNING with this bit set is a warning, not a failure.
 */
#define CLOCKBOUND_VALID (1u << 8)

/*
 * Bits 9..31 of a status word: why the bound is not valid, or what is wrong although it is.
 * No bit is ever given another meaning; new ones are added at the end.
 */
#define CLOCKBOUND_REASON_NOT_SYNCED_YET     (1u << 9) /* chronyd has not synchronised since the daemon started */
#define CLOCKBOUND_REASON_LOCAL_MODE	     (1u << 10) /* chronyd serves its own clock: nothing bounds it */
#define CLOCKBOUND_REASON_CHRONY_UNREACHABLE (1u << 11) /* no usable answer from chronyd */
#define CLOCKBOUND_REASON_CHRONY_STALE	     (1u << 12) /* chronyd answers, but from old measurements */
#define CLOCKBOUND_REASON_UNSYNCHRONISED     (1u << 13) /* chronyd lost its synchronisation (leap status 3) */
#define CLOCKBOUND_REASON_STEP		     (1u << 14) /* somebody but chronyd stepped the clock */
#define CLOCKBOUND_REASON_SURPRISE	     (1u << 15) /* the clock left the course chronyd gave it, without a step */
#define CLOCKBOUND_REASON_INCONSISTENT	     (1u << 16) /* two proofs exclude each other: the hull is published */
#define CLOCKBOUND_REASON_PHC_FAILED	     (1u << 17) /* the PTP hardware clock cannot be read or trusted */
#define CLOCKBOUND_REASON_COUNTER_LOST                                                                       \
	(1u << 18)			      /* the hardware counter is unusable: CLOCK_REALTIME serves */
#define CLOCKBOUND_REASON_MIGRATED (1u << 19) /* the machine was moved or restored (VMClock) */
#define CLOCKBOUND_REASON_LEAP                                                                               \
	(1u << 20)			     /* a leap second was due and nothing was measured since \
					       */
#define CLOCKBOUND_REASON_EXPIRED (1u << 21) /* void-after has passed: the page is dead */
#define CLOCKBOUND_REASON_DAEMON_STALE                                                                       \
	(1u << 22) /* the daemon has published nothing for longer than it promised */
#define CLOCKBOUND_REASON_RETIRED (1u << 23) /* another page has taken this one's place: open again */
#define CLOCKBOUND_REASON_FALLBACK                                                                           \
	(1u << 24) /* no Source_Data: the tracking-only rule, which is no guarantee */
#define CLOCKBOUND_REASON_SLIP	       (1u << 25) /* the clock moved while chronyd answered: sample thrown away */
#define CLOCKBOUND_REASON_TOO_WIDE     (1u << 26) /* wider than the cap that this caller asked for */
#define CLOCKBOUND_REASON_OUT_OF_RANGE (1u << 27) /* the instant asked for is too far from the page's own */
#define CLOCKBOUND_REASON_FORCED       (1u << 28) /* a person forced this status (SIGUSR1) */
#define CLOCKBOUND_REASON_INJECTED     (1u << 29) /* what is published is a test's (cbctl inject) */
#define CLOCKBOUND_REASON_UNWATCHED                                                                          \
	(1u << 30) /* a strict read, but the daemon watches no VMClock that it could be checked against */
#define CLOCKBOUND_REASON_MASK 0x7ffffe00u

/* A status word taken apart. */
#define CLOCKBOUND_STATUS_OF(word)  ((word)&CLOCKBOUND_STATUS_MASK)
#define CLOCKBOUND_REASONS_OF(word) ((word)&CLOCKBOUND_REASON_MASK)

/* Which hardware counter a page's lines run on (`counter_kind`). */
#define CLOCKBOUND_COUNTER_NONE	  0u /* no usable counter: the lines are void, CLOCK_REALTIME serves */
#define CLOCKBOUND_COUNTER_TSC	  1u /* x86 time stamp counter */
#define CLOCKBOUND_COUNTER_CNTVCT 2u /* aarch64 virtual counter */

/* Which rule made the sample interval (docs/MATH.md). */
#define CLOCKBOUND_RULE_NONE	 0u
#define CLOCKBOUND_RULE_SAMPLE	 1u /* Source_Data of the selected source: proved */
#define CLOCKBOUND_RULE_TRACKING 2u /* Tracking alone: good, not proved */

#endif
