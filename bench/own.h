/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Daemons: one that the benchmark starts for itself, in a directory that is removed at the end, and the question
 * that it asks of any. A daemon of ours ends with us, whatever happens to us. One thread.
 */
#ifndef CBB_OWN_H
#define CBB_OWN_H

#include <stdbool.h>
#include <sys/types.h>

#include <clockbound/control.h>

#include "bench/bench.h"

struct cbb_own {
	char directory[CBB_PATH_MAX]; /* "" until made */
	char program[CBB_PATH_MAX];
	pid_t pid; /* 0: none runs */
};

/* cbb_rung_name - "fentry", "tracepoint", "timerfd", "off"; as the daemon's --probe has it */
const char *cbb_rung_name(uint32_t rung);

/*
 * cbb_ask_status - the daemon's own account
 * @directory: where its socket is. Waits a second at most. Returns false with a sentence in @detail.
 */
bool cbb_ask_status(const char *directory, struct clockbound_control_status *status,
		    char detail[CBB_DETAIL_MAX]);

/*
 * cbb_own_make - finds the daemon's program and makes its directory; nothing is started yet
 * @program: NULL: `clockbound` beside this program
 * Returns false with a sentence in @detail. cbb_own_remove() in every case.
 */
bool cbb_own_make(struct cbb_own *own, const char *program, char detail[CBB_DETAIL_MAX]);

/*
 * cbb_own_start - starts it, and waits until it answers: then the probe is attached
 * @chrony_socket: NULL: the daemon's default; a path where nobody is makes a daemon that publishes nothing valid
 * Where tracefs is not mounted, the daemon gets a mount namespace in which it is: nobody else sees it.
 * Returns false with a sentence in @detail, and nothing runs.
 */
bool cbb_own_start(struct cbb_own *own, const char *rung, const char *chrony_socket,
		   struct clockbound_control_status *status, char detail[CBB_DETAIL_MAX]);

/* cbb_own_hold - stops the daemon where it stands (true), or lets it go on (false); its eBPF programs stay */
void cbb_own_hold(const struct cbb_own *own, bool is_held);

/* cbb_own_stop - ends it; returns when the kernel has nothing of it any more */
void cbb_own_stop(struct cbb_own *own);

void cbb_own_remove(struct cbb_own *own);

#endif
