/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few kernel types that the programs read, declared by hand: no header of the build machine's kernel. libbpf
 * moves every field to where the running kernel has it (CO-RE), so that order and size here mean nothing.
 * Names and types are those of Linux 5.10 to 7.2; none of these fields was renamed between them.
 */
#ifndef CB_BPF_KERNEL_TYPES_H
#define CB_BPF_KERNEL_TYPES_H

#include <clockbound/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* include/linux/timekeeper_internal.h */
struct timekeeper {
	int64_t offs_real;     /* CLOCK_REALTIME - CLOCK_MONOTONIC: changes only when the clock is stepped */
	uint64_t ntp_tick;     /* ns << 32 of one tick, as NTP wants it: changes with the clock's rate */
	uint64_t raw_interval; /* ns << shift of one tick, nominal */
	int64_t xtime_remainder;    /* ns << shift: nominal tick minus whole counter cycles */
	uint32_t ntp_error_shift;   /* 32 - shift */
	uint8_t cs_was_changed_seq; /* counts changes of the clocksource */
};

/* include/linux/time64.h */
struct timespec64 {
	int64_t tv_sec;
	long tv_nsec;
};

/* include/uapi/linux/timex.h; the kernel's copy of what the caller gave */
struct __kernel_timex_timeval {
	int64_t tv_sec;
	int64_t tv_usec;
};

struct __kernel_timex {
	unsigned int modes;
	int64_t offset;
	int64_t freq;
	struct __kernel_timex_timeval time;
	int64_t tick;
};

/* include/linux/capability.h: two u32 up to 6.2, one u64 since 6.3; the same 8 bytes on a little-endian machine */
struct kernel_cap_struct {
	uint32_t cap[2];
};

/* include/linux/user_namespace.h; 0 is the first one */
struct user_namespace {
	int level;
};

/* include/linux/cred.h */
struct cred {
	struct kernel_cap_struct cap_effective;
	struct user_namespace *user_ns;
};

/* include/linux/sched.h */
struct task_struct {
	const struct cred *cred;
};

#pragma clang attribute pop

/* What a program on a system call's tracepoint is given (kernel/trace/trace_syscalls.c); of args only as many may
 * be read as the call has. */
struct cb_sys_enter {
	uint64_t entry;
	int64_t number;
	uint64_t args[6];
};

struct cb_sys_exit {
	uint64_t entry;
	int64_t number;
	int64_t result;
};

/* struct timex as a 64-bit process hands it in; same layout as the kernel's own, and never relocated. */
struct cb_user_timex {
	uint32_t modes;
	int64_t offset;
	int64_t freq;
	int64_t maxerror;
	int64_t esterror;
	int64_t status;
	int64_t constant;
	int64_t precision;
	int64_t tolerance;
	int64_t tv_sec;
	int64_t tv_usec;
	int64_t tick;
};

/* include/uapi/linux/timex.h */
#define CB_ADJ_OFFSET	 0x0001u
#define CB_ADJ_FREQUENCY 0x0002u
#define CB_ADJ_TICK	 0x4000u
#define CB_ADJ_SETOFFSET 0x0100u
#define CB_ADJ_MICRO	 0x1000u
#define CB_ADJ_NANO	 0x2000u
#define CB_ADJ_ADJTIME	 0x8000u /* adjtime(): whatever else is asked for, but SETOFFSET, is not done */
#define CB_ADJ_SLEW	 (CB_ADJ_OFFSET | CB_ADJ_ADJTIME) /* either of these lets the kernel slew by itself */
#define CB_ADJ_SS_READ	 0xa001u			  /* adjtime() that only asks */

#endif
