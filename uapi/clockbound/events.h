/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of changes of the clock: BPF programs to the daemon (ring buffer), and the daemon to `cbctl events`.
 * No implicit padding; every record is zeroed before it is filled. Layout only, shared with BPF.
 */
#ifndef CLOCKBOUND_UAPI_EVENTS_H
#define CLOCKBOUND_UAPI_EVENTS_H

#include <clockbound/types.h>

#define CLOCKBOUND_EVENT_VERSION 1u
#define CLOCKBOUND_EVENT_COMM	 16 /* bytes of a program's name, NUL included */

/* `what`: one of these. */
#define CLOCKBOUND_EVENT_STEP	     1u /* CLOCK_REALTIME was stepped: step_ns */
#define CLOCKBOUND_EVENT_RATE	     2u /* its rate was changed: rate_before, rate_after */
#define CLOCKBOUND_EVENT_CLOCKSOURCE 3u /* the kernel changed its clocksource */
#define CLOCKBOUND_EVENT_RESUME	     4u /* the machine woke up */
#define CLOCKBOUND_EVENT_CALL	     5u /* a system call that may set the clock ended (tracepoints) */
#define CLOCKBOUND_EVENT_CANCELLED   6u /* timerfd: the clock was stepped by somebody */
#define CLOCKBOUND_EVENT_POLL	     7u /* the line test of the poll saw it, nobody else */
#define CLOCKBOUND_EVENT_MIGRATED    8u /* the machine was moved or restored: value is VMClock's marker */
#define CLOCKBOUND_EVENT_WARNING                                                                             \
	9u /* the hypervisor warns of that: value is CLOCKBOUND_VM_DISRUPTION_*; 0: no more */

/* `call`: through which door. */
#define CLOCKBOUND_CALL_NONE	 0u /* none is known: the tick, a resume, an int 0x80 */
#define CLOCKBOUND_CALL_ADJTIMEX 1u /* adjtimex, clock_adjtime: modes, value */
#define CLOCKBOUND_CALL_SETTIME	 2u /* clock_settime, settimeofday: value is the new time, ns */

/* Which rung of the probe's ladder watches the clock. */
#define CLOCKBOUND_RUNG_POLL	   0u /* only the line test of every poll */
#define CLOCKBOUND_RUNG_TIMERFD	   1u /* a timer that is cancelled when the clock is stepped */
#define CLOCKBOUND_RUNG_TRACEPOINT 2u /* eBPF at the system calls; costs every system call of the machine */
#define CLOCKBOUND_RUNG_FENTRY	   3u /* eBPF where the kernel changes its clock */

struct clockbound_event {
	uint32_t version;	 /* CLOCKBOUND_EVENT_VERSION */
	uint32_t size;		 /* of this record */
	uint32_t what;		 /* CLOCKBOUND_EVENT_* */
	uint32_t call;		 /* CLOCKBOUND_CALL_* */
	uint64_t number;	 /* counts up from 1 */
	uint64_t mono_ns;	 /* CLOCK_MONOTONIC when it happened */
	int64_t step_ns;	 /* by how much CLOCK_REALTIME was stepped; 0 if unknown or not stepped */
	int64_t rate_before_q58; /* the clock's rate against its nominal one */
	int64_t rate_after_q58;
	int64_t value;	/* what the caller asked for: offset ns, frequency 2^-16 ppm, tick us, time ns */
	uint32_t modes; /* adjtimex modes */
	int32_t result; /* what the call returned; 0 if not known */
	uint32_t pid;	/* of the caller; 0: none (the tick) */
	uint32_t uid;
	uint32_t clock_epoch;		  /* after the change */
	uint32_t rate_epoch;		  /* after the change */
	char comm[CLOCKBOUND_EVENT_COMM]; /* the caller's name */
	uint32_t uncertainty_ns; /* of step_ns, if the daemon measured it; in the ring: ns of the call */
	uint32_t reserved;	 /* 0 */
};

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_event) == 112, "no padding in a record");

#endif
