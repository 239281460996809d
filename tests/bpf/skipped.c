/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracepoint rung beside whoever keeps a processor busy with a BPF map: the kernel skips its programs there. What
 * they missed is made good by the next poll. No clock is moved.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "daemon/probe/probe.h"
#include "tests/bpf/bed.h"

#define BIG	 (4u << 20) /* bytes of a map's value: some hundred microseconds of copying */
#define TRY_NS	 INT64_C(5000000000)
#define LATE_NS	 INT64_C(60000000000) /* for as many tries on a slow machine */
#define TRIES	 3000
#define PRIORITY 10

static struct cbd_clock_system clocks;
static struct cbd_probe probe;

static int setup(void **state)
{
	const struct cbd_probe_options options = {
		.best = "tracepoint",
		.pin_dir = "",
		.next_epochs = {.counter_epoch = 7, .clock_epoch = 8, .rate_epoch = 9},
		.clock = &clocks.clock,
	};

	(void)state;
	cbd_clock_system_init(&clocks, NULL);
	cbd_probe_open(&probe, &options);
	clocks.clock.epochs = cbd_probe_epochs;
	clocks.clock.epochs_context = &probe;
	return probe.rung == CBD_PROBE_TRACEPOINT ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	cbd_probe_close(&probe);
	return 0;
}

static const struct clockbound_kernel_page *page(void)
{
	return cbd_bpf_page(probe.bpf);
}

static bool poll_ends(void)
{
	struct cbd_anchor anchor;

	assert_int_equal(cbd_clock_anchor(&clocks.clock, &anchor), 0);
	return cbd_probe_on_poll(&probe, &anchor);
}

/* Writes one element of a map for ever; ends the process if it cannot. */
static void write_map(void)
{
	union bpf_attr attributes;
	char *value = malloc(BIG);
	uint32_t key = 0;
	int fd;

	if (value != NULL) {
		memset(value, 1, BIG);
	}

	memset(&attributes, 0, sizeof(attributes));
	attributes.map_type = BPF_MAP_TYPE_ARRAY;
	attributes.key_size = sizeof(key);
	attributes.value_size = BIG;
	attributes.max_entries = 1;
	fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attributes, sizeof(attributes));
	while (fd >= 0 && value != NULL) {
		memset(&attributes, 0, sizeof(attributes));
		attributes.map_fd = (uint32_t)fd;
		attributes.key = (uintptr_t)&key;
		attributes.value = (uintptr_t)value;
		syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attributes, sizeof(attributes));
	}
	_exit(1);
}

/* Makes calls that change nothing, before a writer on the same processor; true once one was not seen. */
static bool is_one_skipped(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	const struct timespec zero = {0};
	int64_t begin_ns = cbd_clock_mono_ns(&clocks.clock);
	uint64_t expected = page()->heartbeat;
	int64_t took_ns = 0;

	for (int tries = 0; took_ns < TRY_NS || (tries < TRIES && took_ns < LATE_NS); tries++) {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		syscall(SYS_clock_settime, CLOCK_MONOTONIC, &zero);
		if (page()->heartbeat < ++expected) {
			return true;
		}
		took_ns = cbd_clock_mono_ns(&clocks.clock) - begin_ns;
	}
	return false;
}

/* Goal: a rate that no program has seen set is marked by the next poll. Method: they are told another than there is. */
static void a_rate_that_nobody_saw_set_is_marked_by_the_next_poll(void **state)
{
	struct timex timex = {.modes = 0};
	struct cbd_bpf_options options = {.epochs = {1, 1, 1, 0}, .tick_us = 10000, .clock = &clocks.clock};
	char why[CBD_BPF_WHY];

	(void)state;
	assert_true(adjtimex(&timex) >= 0);
	options.freq = timex.freq + 65536;
	options.tick_us = timex.tick;
	cbd_bpf_close(probe.bpf);
	assert_int_equal(cbd_bpf_open(&probe.bpf, &options, why), 0);
	assert_int_equal(cbd_bpf_attach(probe.bpf, CLOCKBOUND_RUNG_TRACEPOINT, why), 0);
	assert_true(poll_ends());
	assert_int_equal(probe.rung, CBD_PROBE_TRACEPOINT);
	assert_int_equal(page()->epochs.clock_epoch, 2);
	assert_int_equal(page()->epochs.rate_epoch, 2);
	assert_int_equal(page()->epochs.counter_epoch, 1);
	assert_false(poll_ends());
	assert_int_equal(page()->epochs.clock_epoch, 2);
}

/* Goal: a mark that was skipped is made good by the next poll, once, and no program is taken for gone. */
static void what_the_kernel_skipped_is_marked_by_the_next_poll(void **state)
{
	struct sched_param ordinary = {0};
	struct sched_param first = {.sched_priority = PRIORITY};
	struct clockbound_epochs before;
	cpu_set_t one;
	pid_t writer;
	bool is_skipped;
	int status;

	(void)state;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_false(poll_ends());
	before = page()->epochs;
	writer = fork();
	if (writer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		write_map();
	}
	if (sched_setscheduler(0, SCHED_FIFO, &first) != 0) {
		print_message("SKIP: no real-time priority\n");
		kill(writer, SIGKILL);
		skip();
	}
	is_skipped = is_one_skipped();
	kill(writer, SIGKILL);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_true(WIFSIGNALED(status)); /* it wrote until then */
	assert_int_equal(sched_setscheduler(0, SCHED_OTHER, &ordinary), 0);
	assert_memory_equal(&before, &page()->epochs, sizeof(before));
	if (!is_skipped) {
		print_message("SKIP: this kernel does not preempt whoever writes a map\n");
		skip();
	}
	assert_true(poll_ends());
	assert_int_equal(probe.rung, CBD_PROBE_TRACEPOINT);
	assert_int_equal(page()->epochs.clock_epoch, before.clock_epoch + 1);
	assert_int_equal(page()->epochs.rate_epoch, before.rate_epoch + 1);
	assert_int_equal(page()->epochs.counter_epoch, before.counter_epoch);
	assert_false(poll_ends());
	assert_int_equal(page()->epochs.clock_epoch, before.clock_epoch + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_rate_that_nobody_saw_set_is_marked_by_the_next_poll, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_the_kernel_skipped_is_marked_by_the_next_poll, setup,
						teardown),
	};
	const char *why = bed_make(false);

	cbd_log_init(2, false, true);
	if (why == NULL && setup(NULL) != 0) {
		why = probe.reason;
	}
	if (why != NULL) {
		printf("SKIP: %s\n", why);
		return BED_SKIPPED;
	}
	(void)teardown(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
