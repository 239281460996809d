/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to step CLOCK_REALTIME. See guest_moves.h. */
#include "guest_moves.h"
#include "guest_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY_NS	   (86400 * NS_PER_SEC)
#define TEXT_BYTES 64
#define TRIPLES	   50
/* clock_settime64 of the i386 system calls, which int 0x80 reaches from any program. */
#define I386_CLOCK_SETTIME64 404
#define LEAP_GRACE_MS	     20000 /* the kernel inserts it in the tick after midnight, when it gets a processor */

int64_t moves_difference(int64_t *uncertainty_ns)
{
	int64_t difference_ns = 0;
	int64_t best_ns = INT64_MAX;
	int i;

	for (i = 0; i < TRIPLES; i++) {
		int64_t before_ns = world_ns(CLOCK_MONOTONIC_RAW);
		int64_t real_ns = world_ns(CLOCK_REALTIME);
		int64_t took_ns = world_ns(CLOCK_MONOTONIC_RAW) - before_ns;

		if (took_ns < best_ns) {
			best_ns = took_ns;
			difference_ns = real_ns - before_ns - took_ns / 2;
		}
	}
	*uncertainty_ns = best_ns / 2 + 1;
	return difference_ns;
}

static int64_t done(long result)
{
	int64_t now_ns = world_ns(CLOCK_MONOTONIC_RAW);

	return result >= 0 ? now_ns : -1;
}

static struct timespec target(int64_t step_ns)
{
	int64_t real_ns = world_ns(CLOCK_REALTIME) + step_ns;

	return (struct timespec){.tv_sec = real_ns / NS_PER_SEC, .tv_nsec = real_ns % NS_PER_SEC};
}

static int64_t by_date(int64_t step_ns)
{
	struct timespec to = target(step_ns);
	char text[TEXT_BYTES];
	int status = -1;
	pid_t pid;

	(void)snprintf(text, sizeof(text), "@%lld.%09ld", (long long)to.tv_sec, to.tv_nsec);
	pid = vfork();
	if (pid == 0) {
		(void)execl("/bin/date", "date", "-s", text, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		return -1;
	}
	return done(status == 0 ? 0 : -1);
}

static int64_t by_clock_settime(int64_t step_ns)
{
	struct timespec to = target(step_ns);

	return done(syscall(SYS_clock_settime, CLOCK_REALTIME, &to));
}

static int64_t by_settimeofday(int64_t step_ns)
{
	struct timespec to = target(step_ns);
	struct timeval value = {.tv_sec = to.tv_sec, .tv_usec = to.tv_nsec / 1000};

	return done(syscall(SYS_settimeofday, &value, NULL));
}

static int64_t by_setoffset(int64_t step_ns)
{
	struct timex change = {.modes = ADJ_SETOFFSET | ADJ_NANO};

	change.time.tv_sec = step_ns / NS_PER_SEC;
	change.time.tv_usec = step_ns % NS_PER_SEC;
	return done(adjtimex(&change));
}

/* Fails on its way out: the kernel steps, then cannot write its answer into read-only memory, and returns EFAULT. */
static int64_t by_setoffset_unanswered(int64_t step_ns)
{
	struct timex *change =
		mmap(NULL, sizeof(*change), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int64_t now_ns;

	if (change == MAP_FAILED) {
		return -1;
	}
	change->modes = ADJ_SETOFFSET | ADJ_NANO;
	change->time.tv_sec = step_ns / NS_PER_SEC;
	change->time.tv_usec = step_ns % NS_PER_SEC;
	(void)mprotect(change, sizeof(*change), PROT_READ);
	now_ns = done(adjtimex(change) < 0 ? 0 : -1);
	(void)munmap(change, sizeof(*change));
	return now_ns;
}

static int64_t by_compat_call(int64_t step_ns)
{
	int64_t *to = mmap(NULL, sizeof(int64_t) * 2, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct timespec when;
	long result;

	if (to == MAP_FAILED) {
		return -1;
	}
	when = target(step_ns);
	to[0] = when.tv_sec;
	to[1] = when.tv_nsec;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"((long)I386_CLOCK_SETTIME64), "b"((long)CLOCK_REALTIME), "c"(to)
			 : "memory", "r8", "r9", "r10", "r11");
	return done((int)result);
}

/* The kernel inserts a second at the end of a UTC day, told so shortly before. */
static int64_t by_leap_second(int64_t step_ns)
{
	struct timex change = {.modes = ADJ_STATUS, .status = STA_INS};
	int64_t uncertainty_ns;
	int64_t before_ns = moves_difference(&uncertainty_ns);
	int64_t limit_ns = world_ns(CLOCK_MONOTONIC_RAW) + moves_midnight_in_ns() + LEAP_GRACE_MS * NS_PER_MS;
	int64_t now_ns = -1;

	(void)step_ns;
	if (adjtimex(&change) < 0) {
		return -1;
	}
	while (now_ns < 0 && world_ns(CLOCK_MONOTONIC_RAW) < limit_ns) {
		if (moves_difference(&uncertainty_ns) < before_ns - NS_PER_SEC / 2) {
			now_ns = done(0);
		}
	}
	change.status = 0;
	(void)adjtimex(&change);
	return now_ns;
}

int64_t moves_midnight_in_ns(void)
{
	return DAY_NS - world_ns(CLOCK_REALTIME) % DAY_NS;
}

/* To @step_ns before the nearest end of a UTC day. */
static int64_t to_midnight(int64_t step_ns)
{
	int64_t left_ns = moves_midnight_in_ns();

	return by_clock_settime((left_ns > DAY_NS / 2 ? left_ns - DAY_NS : left_ns) - step_ns);
}

#define SELF "vm_steps"
const struct move moves[MOVES] = {
	{"date -s, 1 ms", "date", by_date, NS_PER_MS, false},
	{"date -s, 1 s", "date", by_date, NS_PER_SEC, false},
	{"date -s, -1 s", "date", by_date, -NS_PER_SEC, false},
	{"date -s, 1 h", "date", by_date, 3600 * NS_PER_SEC, false},
	{"settimeofday, -1 h", SELF, by_settimeofday, -3600 * NS_PER_SEC, false},
	{"ADJ_SETOFFSET, 2 ms", SELF, by_setoffset, 2 * NS_PER_MS, false},
	{"ADJ_SETOFFSET that returns EFAULT, 3 ms", SELF, by_setoffset_unanswered, 3 * NS_PER_MS, false},
	{"clock_settime by int 0x80, 4 ms", SELF, by_compat_call, 4 * NS_PER_MS, true},
};
const struct move move_to_midnight = {"clock_settime, to before midnight", SELF, to_midnight,
				      MOVES_LEAP_LEAD_NS + 10 * NS_PER_SEC, false};
const struct move move_leap = {"a leap second", "", by_leap_second, -NS_PER_SEC, true};
