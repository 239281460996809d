/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracepoint rung on the running kernel: what leaves a mark and what does not. The clock is stepped by one
 * nanosecond, there and back, and by nothing else. Reads of the page are those of any client.
 *
 * The programs see the whole machine: what other processes ask of its clock meanwhile is marked and recorded too, and
 * is told from ours by who asked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "daemon/probe/probe.h"

#define NOBODY	  65534
#define SKIPPED	  77
#define STEPS	  10
#define CALLS	  2000
#define LANDED_MS 20000 /* a call of somebody else's takes microseconds, if its caller has a processor */

static struct cbd_clock_system clocks;
static struct cbd_probe probe;

static struct cbd_probe_options options_of(const char *best)
{
	return (struct cbd_probe_options){
		.best = best,
		.pin_dir = "",
		.next_epochs = {.counter_epoch = 7, .clock_epoch = 8, .rate_epoch = 9},
		.clock = &clocks.clock,
	};
}

static void open_probe(void)
{
	const struct cbd_probe_options options = options_of("tracepoint");

	cbd_clock_system_init(&clocks, NULL);
	cbd_probe_open(&probe, &options);
	clocks.clock.epochs = cbd_probe_epochs;
	clocks.clock.epochs_context = &probe;
}

static int setup(void **state)
{
	(void)state;
	open_probe();
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

static int set_offset(int64_t ns)
{
	struct timex timex = {.modes = ADJ_SETOFFSET | ADJ_NANO};

	timex.time.tv_sec = ns < 0 ? -1 : 0;
	timex.time.tv_usec = ns < 0 ? 1000000000 + ns : ns;
	return adjtimex(&timex);
}

/* Refused by the kernel, whoever asks: nothing changes. */
static int ask_for_a_bad_tick(void)
{
	struct timex timex = {.modes = ADJ_TICK, .tick = 1};

	return adjtimex(&timex);
}

static void a_new_page_has_the_epochs_it_was_seeded_with(void **state)
{
	(void)state;
	assert_int_equal(page()->magic, CLOCKBOUND_KERNEL_PAGE_MAGIC);
	assert_int_equal(page()->version, CLOCKBOUND_KERNEL_PAGE_VERSION);
	assert_int_equal(page()->size, sizeof(*page()));
	assert_int_not_equal(page()->id, 0);
	assert_int_equal(page()->epochs.counter_epoch, 7);
	assert_int_equal(page()->epochs.clock_epoch, 8);
	assert_int_equal(page()->epochs.rate_epoch, 9);
	assert_int_equal(page()->in_flight, 0);
}

/* What was recorded since some number: by this process, by @child, by others. */
struct recorded {
	unsigned int count;
	unsigned int by_child;
	unsigned int by_others;
	struct clockbound_event event; /* our last */
};

/* Takes the records of all calls that have begun. */
static struct recorded recorded_since(uint64_t number, pid_t child)
{
	const struct timespec pause_time = {.tv_nsec = 1000000};
	struct recorded recorded = {.count = 0};

	for (int tries = 0; page()->in_flight != 0 && tries < LANDED_MS; tries++) {
		nanosleep(&pause_time, NULL);
	}
	cbd_probe_on_ready(&probe);
	assert_in_range(probe.history.last - number, 0, CBD_HISTORY_EVENTS - 1);
	while (number < probe.history.last) {
		const struct clockbound_event *event = &probe.history.event[++number % CBD_HISTORY_EVENTS];

		if (event->pid == (uint32_t)getpid()) {
			recorded.count++;
			recorded.event = *event;
		} else if (event->pid == (uint32_t)child) {
			recorded.by_child++;
		} else {
			recorded.by_others++;
		}
	}
	return recorded;
}

/* Nothing that this process or @child did since @before and @number has left a mark, nor a record. */
static void no_mark_is_left(const struct clockbound_kernel_page *before, uint64_t number, pid_t child)
{
	struct clockbound_kernel_page after = *page();
	struct recorded recorded = recorded_since(number, child);

	assert_int_equal(recorded.count, 0);
	assert_int_equal(recorded.by_child, 0);
	if (recorded.by_others != 0) {
		print_message("somebody else asked %u times to set the clock\n", recorded.by_others);
		return;
	}
	assert_memory_equal(&before->epochs, &after.epochs, sizeof(before->epochs));
	assert_int_equal(after.events, before->events);
	assert_int_equal(after.rate_sum, before->rate_sum);
	assert_int_equal(after.dropped, before->dropped);
}

/* Goal: the mark is there when the call has returned, and the record says who and how much. */
static void a_step_is_marked_before_its_call_returns(void **state)
{
	(void)state;
	for (int i = 0; i < STEPS; i++) {
		int64_t ns = i % 2 == 0 ? 1 : -1;
		uint64_t number = probe.history.last;
		uint32_t before = page()->epochs.clock_epoch;
		uint32_t marked;
		struct recorded recorded;
		struct cbd_epochs epochs;

		if (set_offset(ns) < 0) {
			fail_msg("adjtimex: %s", strerror(errno));
		}
		marked = page()->epochs.clock_epoch;
		assert_int_not_equal(marked, before);
		recorded = recorded_since(number, 0);
		assert_int_equal(recorded.count, 1);
		assert_int_equal(recorded.event.what, CLOCKBOUND_EVENT_STEP);
		assert_int_equal(recorded.event.call, CLOCKBOUND_CALL_ADJTIMEX);
		assert_int_equal(recorded.event.step_ns, ns);
		assert_int_equal(recorded.event.uid, 0);
		assert_true(recorded.event.result >= 0);
		assert_true(recorded.event.mono_ns != 0);
		assert_in_range(recorded.event.clock_epoch, before + 1, marked);
		assert_string_not_equal(recorded.event.comm, "");
		if (recorded.by_others == 0) {
			assert_int_equal(page()->in_flight, 0);
			cbd_probe_epochs(&probe, &epochs);
			assert_in_range(epochs.clock, marked, page()->epochs.clock_epoch);
		}
	}
}

static void a_question_leaves_no_mark(void **state)
{
	struct clockbound_kernel_page before = *page();
	uint64_t number = probe.history.last;

	(void)state;
	for (int i = 0; i < CALLS; i++) {
		struct timex timex = {.modes = 0};
		struct timespec time = {0};

		assert_true(adjtimex(&timex) >= 0);
		assert_int_not_equal(clock_settime(CLOCK_MONOTONIC, &time), 0);
	}
	assert_true(page()->heartbeat >= before.heartbeat + 2 * CALLS);
	no_mark_is_left(&before, number, 0);
}

/* Who may not set the clock; ends the process. */
static void ask_as_nobody(void)
{
	struct timespec time = {.tv_sec = 1};
	int refused = 0;

	if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) != 0) {
		_exit(2);
	}
	for (int i = 0; i < CALLS; i++) {
		refused += set_offset(1) < 0 && errno == EPERM;
		refused += clock_settime(CLOCK_REALTIME, &time) != 0 && errno == EPERM;
	}
	_exit(refused == 2 * CALLS ? 0 : 1);
}

static void who_may_not_set_the_clock_leaves_no_mark(void **state)
{
	struct clockbound_kernel_page before = *page();
	uint64_t number = probe.history.last;
	pid_t child = fork();
	int status = -1;

	(void)state;
	if (child == 0) {
		ask_as_nobody();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(page()->refused >= before.refused + 2 * CALLS);
	no_mark_is_left(&before, number, child);
}

/* Goal: what the kernel refuses to root is marked, since nobody knew, and to be acknowledged all the same. */
static void a_refused_request_of_root_is_settled(void **state)
{
	uint64_t number = probe.history.last;
	uint32_t before = page()->epochs.rate_epoch;
	struct recorded recorded;

	(void)state;
	assert_int_equal(ask_for_a_bad_tick(), -1);
	assert_int_not_equal(page()->epochs.rate_epoch, before);
	recorded = recorded_since(number, 0);
	assert_int_equal(recorded.count, 1);
	if (recorded.by_others == 0) {
		assert_int_equal(page()->in_flight, 0);
	}
}

/* Goal: a ring without room costs records, which are counted, and no mark. */
static void a_full_ring_drops_records_and_counts_them(void **state)
{
	const struct cbd_bpf_options options = {
		.epochs = {1, 1, 1, 0}, .ring_size = 4096, .tick_us = 10000, .clock = &clocks.clock};
	const struct clockbound_kernel_page *tiny_page;
	struct cbd_bpf *tiny;
	char why[CBD_BPF_WHY];
	uint32_t before;
	uint32_t moved;

	(void)state;
	assert_int_equal(cbd_bpf_open(&tiny, &options, why), 0);
	if (cbd_bpf_attach(tiny, CLOCKBOUND_RUNG_TRACEPOINT, why) != 0) {
		fail_msg("%s", why);
	}
	tiny_page = cbd_bpf_page(tiny);
	before = tiny_page->epochs.rate_epoch;
	for (int i = 0; i < 100; i++) {
		ask_for_a_bad_tick();
	}
	moved = tiny_page->epochs.rate_epoch - before;
	assert_in_range(moved, 100, UINT32_MAX / 2);
	assert_true(tiny_page->dropped > 0 && tiny_page->dropped < moved);
	if (moved == 100) {
		assert_int_equal(tiny_page->in_flight, 0);
	}
	cbd_bpf_close(tiny);
}

/* Goal: a restart goes on with the pinned page, whose numbers go up; a page that clients do not know is replaced. */
static void a_pinned_page_is_gone_on_with(void **state)
{
	char dir[] = "/tmp/clockbound-pin.XXXXXX";
	struct cbd_bpf_options options = {
		.epochs = {1, 2, 3, 0}, .pin_dir = dir, .tick_us = 10000, .clock = &clocks.clock};
	char why[CBD_BPF_WHY];
	struct cbd_bpf *bpf;
	uint64_t id;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(mount("bpf", dir, "bpf", 0, NULL), 0);
	assert_int_equal(cbd_bpf_open(&bpf, &options, why), 0);
	assert_string_equal(why, "");
	assert_false(cbd_bpf_is_reused(bpf));
	id = cbd_bpf_page(bpf)->id;
	cbd_bpf_close(bpf);
	options.former_id = id;
	assert_int_equal(cbd_bpf_open(&bpf, &options, why), 0);
	assert_true(cbd_bpf_is_reused(bpf));
	assert_int_equal(cbd_bpf_page(bpf)->id, id);
	assert_int_equal(cbd_bpf_page(bpf)->epochs.clock_epoch, 3); /* nobody watched meanwhile */
	cbd_bpf_close(bpf);
	options.boot_id[0] = 1;
	assert_int_equal(cbd_bpf_open(&bpf, &options, why), 0);
	assert_false(cbd_bpf_is_reused(bpf));
	assert_non_null(strstr(why, "is refused: it is of another boot"));
	cbd_bpf_close(bpf);
	options.boot_id[0] = 0;
	options.former_id = id + 1;
	assert_int_equal(cbd_bpf_open(&bpf, &options, why), 0);
	assert_int_not_equal(cbd_bpf_page(bpf)->id, id);
	cbd_bpf_close(bpf);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
	rmdir(dir);
}

static int not_here(const char *why)
{
	printf("SKIP: %s\n", why);
	return SKIPPED;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_page_has_the_epochs_it_was_seeded_with, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_step_is_marked_before_its_call_returns, setup, teardown),
		cmocka_unit_test_setup_teardown(a_question_leaves_no_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(who_may_not_set_the_clock_leaves_no_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_request_of_root_is_settled, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_ring_drops_records_and_counts_them, setup, teardown),
		cmocka_unit_test(a_pinned_page_is_gone_on_with),
	};

	cbd_log_init(2, false, true);
	if (geteuid() != 0) {
		return not_here("only root attaches tracepoints");
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
		return not_here("this kernel does not tell its types (/sys/kernel/btf/vmlinux)");
	}
	/* In a mount namespace of our own: a bpffs, and tracefs where nobody has mounted it. */
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    (access("/sys/kernel/tracing/events", F_OK) != 0 &&
	     mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL) != 0)) {
		return not_here("no tracefs");
	}
	open_probe();
	cbd_probe_close(&probe);
	if (probe.rung != CBD_PROBE_TRACEPOINT) {
		return not_here(probe.reason);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
