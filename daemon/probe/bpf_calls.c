/* SPDX-License-Identifier: Apache-2.0 */
/* See bpf_calls.h. */
#include "daemon/probe/bpf_calls.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <clockbound/seq.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/seen.h"

/* A program that was skipped once, and again after a pause, and again, is not there. */
#define PROOF_TRIES    3
#define PROOF_PAUSE_NS 1000000

/* Calls that change nothing, one for each pair of programs. */
static void call_all(void)
{
	struct timex timex;
	struct timespec time = {0};

	memset(&timex, 0, sizeof(timex));
	syscall(SYS_adjtimex, &timex);
	memset(&timex, 0, sizeof(timex));
	syscall(SYS_clock_adjtime, CLOCK_REALTIME, &timex);
	syscall(SYS_clock_settime, CLOCK_MONOTONIC, &time); /* nobody can set that one */
	syscall(SYS_settimeofday, NULL, NULL);
}

static const char *unfired(const struct cb_calls *calls)
{
	static const char *const name[CB_SEEN] = {
		"sys_enter_adjtimex",	  "sys_enter_clock_adjtime", "sys_enter_clock_settime",
		"sys_enter_settimeofday", "sys_exit_adjtimex",	     "sys_exit_clock_adjtime",
		"sys_exit_clock_settime", "sys_exit_settimeofday",
	};
	const volatile uint32_t *seen = calls->bss->seen;
	uint32_t i;

	for (i = 0; i < CB_SEEN; i++) {
		if (seen[i] == 0) {
			return name[i];
		}
	}
	return NULL;
}

/* The name of one that does not fire; NULL: all do. */
static const char *call_and_look(struct cb_calls *calls)
{
	volatile uint32_t *seen = calls->bss->seen;
	uint32_t i;

	for (i = 0; i < CB_SEEN; i++) {
		seen[i] = 0;
	}
	call_all();
	return unfired(calls);
}

uint64_t cbd_bpf_calls_misses(const struct cb_calls *calls)
{
	struct bpf_program *program = NULL;
	uint64_t sum = 0;

	bpf_object__for_each_program(program, calls->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) == 0) {
			sum += info.recursion_misses;
		}
	}
	return sum;
}

const char *cbd_bpf_calls_silent(struct cb_calls *calls)
{
	const struct timespec pause = {.tv_nsec = PROOF_PAUSE_NS};
	const char *silent = call_and_look(calls);
	int tries;

	for (tries = 1; silent != NULL && tries < PROOF_TRIES; tries++) {
		(void)nanosleep(&pause, NULL);
		silent = call_and_look(calls);
	}
	return silent;
}

bool cbd_bpf_calls_have_rate(struct cb_calls *calls, const struct clockbound_kernel_page *page)
{
	volatile int64_t *freq = &calls->bss->freq;
	volatile int64_t *tick = &calls->data->tick;
	struct timex timex = {.modes = 0};

	if (adjtimex(&timex) < 0 || clockbound_priv_kernel_load(&page->in_flight) != 0 ||
	    (*freq == timex.freq && *tick == timex.tick)) {
		return true; /* or a caller is about to change it */
	}
	*freq = timex.freq;
	*tick = timex.tick;
	return false;
}
