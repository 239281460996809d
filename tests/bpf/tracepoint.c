/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracepoint rung on the running kernel: what leaves a mark, what does not, and what becomes of the programs. The
 * clock is stepped by one nanosecond, there and back, and by nothing else. Reads of the page are those of any client.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
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
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "daemon/probe/probe.h"

#define NOBODY	 65534
#define SKIPPED	 77
#define STEPS	 10
#define CALLS	 2000
#define RESTARTS 20

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

/* Goal: the mark is there when the call has returned, and the record says who and how much. */
static void a_step_is_marked_before_its_call_returns(void **state)
{
	(void)state;
	for (int i = 0; i < STEPS; i++) {
		int64_t ns = i % 2 == 0 ? 1 : -1;
		uint32_t before = page()->epochs.clock_epoch;
		const struct clockbound_event *event;
		struct cbd_epochs epochs;

		if (set_offset(ns) < 0) {
			fail_msg("adjtimex: %s", strerror(errno));
		}
		assert_int_not_equal(page()->epochs.clock_epoch, before);
		assert_int_equal(page()->in_flight, 0);
		cbd_probe_epochs(&probe, &epochs);
		assert_int_equal(epochs.clock, page()->epochs.clock_epoch);
		assert_true(cbd_probe_on_ready(&probe));
		event = &probe.history.event[probe.history.last % CBD_HISTORY_EVENTS];
		assert_int_equal(probe.history.last, i + 1);
		assert_int_equal(event->what, CLOCKBOUND_EVENT_STEP);
		assert_int_equal(event->call, CLOCKBOUND_CALL_ADJTIMEX);
		assert_int_equal(event->step_ns, ns);
		assert_int_equal(event->pid, getpid());
		assert_int_equal(event->uid, 0);
		assert_true(event->result >= 0);
		assert_true(event->mono_ns != 0);
		assert_int_equal(event->clock_epoch, page()->epochs.clock_epoch);
		assert_string_not_equal(event->comm, "");
	}
}

static void a_question_leaves_no_mark(void **state)
{
	struct clockbound_kernel_page before = *page();

	(void)state;
	for (int i = 0; i < CALLS; i++) {
		struct timex timex = {.modes = 0};
		struct timespec time = {0};

		assert_true(adjtimex(&timex) >= 0);
		assert_int_not_equal(clock_settime(CLOCK_MONOTONIC, &time), 0);
	}
	assert_memory_equal(&before.epochs, &page()->epochs, sizeof(before.epochs));
	assert_int_equal(page()->events, before.events);
	assert_int_equal(page()->rate_sum, before.rate_sum);
	assert_true(page()->heartbeat >= before.heartbeat + 2 * CALLS);
	assert_false(cbd_probe_on_ready(&probe));
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
	pid_t child = fork();
	int status = -1;

	(void)state;
	if (child == 0) {
		ask_as_nobody();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_memory_equal(&before.epochs, &page()->epochs, sizeof(before.epochs));
	assert_int_equal(page()->events, before.events);
	assert_int_equal(page()->dropped, before.dropped);
	assert_true(page()->refused >= before.refused + 2 * CALLS);
	assert_false(cbd_probe_on_ready(&probe));
}

/* Goal: what the kernel refuses to root is marked, since nobody knew, and to be acknowledged all the same. */
static void a_refused_request_of_root_is_settled(void **state)
{
	uint32_t before = page()->epochs.rate_epoch;

	(void)state;
	assert_int_equal(ask_for_a_bad_tick(), -1);
	assert_int_not_equal(page()->epochs.rate_epoch, before);
	assert_int_equal(page()->in_flight, 0);
	assert_true(cbd_probe_on_ready(&probe));
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
	assert_int_equal(tiny_page->epochs.rate_epoch, before + 100);
	assert_true(tiny_page->dropped > 0 && tiny_page->dropped < 100);
	assert_int_equal(tiny_page->in_flight, 0);
	cbd_bpf_close(tiny);
}

/* How many of @command's kind the kernel holds now. */
static int count(enum bpf_cmd command)
{
	union bpf_attr attributes;
	uint32_t id = 0;
	int number = 0;

	for (;;) {
		memset(&attributes, 0, sizeof(attributes));
		attributes.start_id = id;
		if (syscall(SYS_bpf, command, &attributes, sizeof(attributes)) != 0) {
			return number;
		}
		id = attributes.next_id;
		number++;
	}
}

static int count_all(void)
{
	return count(BPF_PROG_GET_NEXT_ID) + count(BPF_MAP_GET_NEXT_ID) + count(BPF_LINK_GET_NEXT_ID);
}

/* Goal: whoever kills the daemon leaves nothing of it in the kernel. Method: kill a process that has attached. */
static void a_killed_daemon_leaves_nothing_behind(void **state)
{
	int before = count_all();
	int tries = 0;

	(void)state;
	for (int i = 0; i < RESTARTS; i++) {
		int ready[2];
		char byte;
		pid_t child;

		assert_int_equal(pipe(ready), 0);
		child = fork();
		if (child == 0) {
			static struct cbd_probe own;
			const struct cbd_probe_options options = options_of("tracepoint");

			cbd_probe_open(&own, &options);
			if (write(ready[1], own.rung == CBD_PROBE_TRACEPOINT ? "1" : "0", 1) == 1) {
				pause();
			}
			_exit(1);
		}
		assert_int_equal(read(ready[0], &byte, 1), 1);
		assert_int_equal(byte, '1');
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		close(ready[0]);
		close(ready[1]);
	}
	/* The kernel takes its time. */
	while (count_all() > before && tries++ < 100) {
		const struct timespec pause_time = {.tv_nsec = 50000000};

		nanosleep(&pause_time, NULL);
	}
	assert_in_range(count_all(), 0,
			before); /* what stood before may be a former test's, on its way out */
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
		cmocka_unit_test(a_killed_daemon_leaves_nothing_behind),
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
