/* SPDX-License-Identifier: Apache-2.0 */
/* The timed system calls, and the process that makes them. See calls.h. */
#include "bench/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOBODY	    65534
#define NS_IN_ORDER 1000000000 /* the first value that is no nanosecond */

/* What the caller answers. */
struct answer {
	double ticks[CBB_CALLS];
	uint32_t wrong; /* calls with a wrong result */
	int32_t kind;	/* the last of them */
};

/* One call; true if its result is the right one. */
typedef bool (*call)(void);

static bool call_getppid(void)
{
	return syscall(SYS_getppid) >= 0; /* 0: the parent is in another pid namespace */
}

static bool call_adjtimex_read(void)
{
	struct timex timex;

	memset(&timex, 0, sizeof(timex));
	return syscall(SYS_adjtimex, &timex) >= 0;
}

/* EPERM without CAP_SYS_TIME; with it EINVAL, since no tick is 1 us long. */
static bool call_adjtimex_refused(void)
{
	struct timex timex;

	memset(&timex, 0, sizeof(timex));
	timex.modes = ADJ_TICK;
	timex.tick = 1;
	return syscall(SYS_adjtimex, &timex) == -1 && errno == EPERM;
}

/* The kernel looks at the time first: EINVAL for everybody. */
static bool call_clock_settime_refused(void)
{
	const struct timespec never = {.tv_sec = 0, .tv_nsec = NS_IN_ORDER};

	return syscall(SYS_clock_settime, CLOCK_REALTIME, &never) == -1 && errno == EINVAL;
}

const char *const cbb_call_names[CBB_CALLS] = {"getppid", "adjtimex_read", "adjtimex_refused",
					       "clock_settime_refused"};
static const call calls[CBB_CALLS] = {call_getppid, call_adjtimex_read, call_adjtimex_refused,
				      call_clock_settime_refused};

static uint64_t time_batch(uint32_t kind, struct answer *answer)
{
	uint64_t from = cbb_ticks();
	uint32_t i;

	for (i = 0; i < CBB_CALLS_BATCH; i++) {
		if (!calls[kind]()) {
			answer->wrong++;
			answer->kind = (int32_t)kind;
		}
	}
	return cbb_ticks() - from;
}

static void measure(struct cbb_samples samples[CBB_CALLS], struct answer *answer)
{
	struct cbb_row row;
	uint32_t kind;
	uint32_t batch;

	memset(answer, 0, sizeof(*answer));
	for (kind = 0; kind < CBB_CALLS; kind++) {
		samples[kind].count = 0;
		(void)time_batch(kind, answer); /* caches and branch predictors know it again */
	}
	for (batch = 0; batch < CBB_CALLS_BATCHES && answer->wrong == 0; batch++) {
		for (kind = 0; kind < CBB_CALLS; kind++) {
			cbb_samples_add(&samples[kind], time_batch(kind, answer));
		}
	}
	for (kind = 0; kind < CBB_CALLS; kind++) {
		cbb_samples_summary(&samples[kind], 1.0, CBB_CALLS_BATCH, &row);
		answer->ticks[kind] = row.median_ns;
	}
}

/* The caller's life: a byte comes, an answer goes; it ends when nobody asks any more. */
static void serve(int from, int to)
{
	struct cbb_samples samples[CBB_CALLS];
	struct answer answer;
	uint32_t kind;
	char byte;

	(void)signal(SIGINT, SIG_IGN); /* the one who started us says when */
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	/* Only root can, and has to. Where nobody may set the clock, call_adjtimex_refused() finds out. */
	if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(NOBODY) != 0 || setuid(NOBODY) != 0)) {
		_exit(1);
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)cbb_machine_pin(0);
	for (kind = 0; kind < CBB_CALLS; kind++) {
		if (!cbb_samples_reserve(&samples[kind], CBB_CALLS_BATCHES)) {
			_exit(1);
		}
	}
	while (read(from, &byte, 1) == 1) {
		measure(samples, &answer);
		if (write(to, &answer, sizeof(answer)) != (ssize_t)sizeof(answer)) {
			break;
		}
	}
	_exit(0);
}

bool cbb_caller_start(struct cbb_caller *caller, char detail[CBB_DETAIL_MAX])
{
	int to[2] = {-1, -1};
	int from[2] = {-1, -1};

	caller->pid = 0;
	if (pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0) {
		caller->pid = fork();
	} else {
		caller->pid = -1;
	}
	if (caller->pid == 0) {
		(void)close(to[1]);
		(void)close(from[0]);
		serve(to[0], from[1]);
	}
	if (to[0] >= 0) {
		(void)close(to[0]);
	}
	if (from[1] >= 0) {
		(void)close(from[1]);
	}
	caller->to = to[1];
	caller->from = from[0];
	if (caller->pid < 0) {
		caller->pid = 0;
		(void)snprintf(detail, CBB_DETAIL_MAX, "cannot start a process: %s", strerror(errno));
		return false;
	}
	return true;
}

bool cbb_caller_measure(const struct cbb_caller *caller, double ticks[CBB_CALLS], char detail[CBB_DETAIL_MAX])
{
	struct answer answer;
	ssize_t size = -1;
	const char byte = 0;

	if (write(caller->to, &byte, 1) == 1) {
		do {
			size = read(caller->from, &answer, sizeof(answer));
		} while (size < 0 && errno == EINTR);
	}
	if (size != (ssize_t)sizeof(answer)) {
		(void)snprintf(detail, CBB_DETAIL_MAX,
			       "the process that makes the calls has ended; it could not become nobody");
		return false;
	}
	if (answer.wrong != 0) {
		(void)snprintf(detail, CBB_DETAIL_MAX,
			       "%s: its result is not the one of a process without CAP_SYS_TIME",
			       cbb_call_names[answer.kind]);
		return false;
	}
	memcpy(ticks, answer.ticks, sizeof(answer.ticks));
	return true;
}

void cbb_caller_stop(struct cbb_caller *caller)
{
	if (caller->to >= 0) {
		(void)close(caller->to);
		caller->to = -1;
	}
	if (caller->from >= 0) {
		(void)close(caller->from);
		caller->from = -1;
	}
	if (caller->pid > 0) {
		while (waitpid(caller->pid, NULL, 0) < 0 && errno == EINTR) {
		}
		caller->pid = 0;
	}
}
