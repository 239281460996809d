/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Places in calls.bpf.c's `seen`, one for each program: how the daemon proves that each of them fires. */
#ifndef CB_BPF_SEEN_H
#define CB_BPF_SEEN_H

enum {
	CB_SEEN_ADJTIMEX,
	CB_SEEN_CLOCK_ADJTIME,
	CB_SEEN_CLOCK_SETTIME,
	CB_SEEN_SETTIMEOFDAY,
	CB_SEEN_ADJTIMEX_LEFT,
	CB_SEEN_CLOCK_ADJTIME_LEFT,
	CB_SEEN_CLOCK_SETTIME_LEFT,
	CB_SEEN_SETTIMEOFDAY_LEFT,
	CB_SEEN
};

#endif
