/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracepoint rung when things go wrong: a caller that does not return, a program that is gone, more records than one
 * can take. No clock is moved: what is asked for is refused, or a question.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include <cmocka.h>

#include "daemon/core/core.h"
#include "daemon/log.h"
#include "daemon/probe/probe.h"
#include "tests/bpf/bed.h"

#define PROGRAMS 8
#define BEGUN_MS 60000
#define PAGE	 4096
#define RECORDS	 1500 /* fewer than the ring holds, more than are taken at a time */

#define LOOK_NS 1000 /* by so much clocks go on when somebody looks */
#define CLOCKS	8

static struct cbd_clock_system clocks;
static struct cbd_probe probe;
/* The clocks that the probe sees stand between two looks: however slow the machine, no caller is given up early. */
static struct {
	int64_t mono_ns;
	int64_t beside_ns[CLOCKS]; /* each clock minus CLOCK_MONOTONIC */
} fake;

static int64_t real_ns(clockid_t id)
{
	struct timespec now = {0};

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool read_fake(void *context, clockid_t id, int64_t *ns)
{
	(void)context;
	if (id < 0 || id >= CLOCKS) {
		return false;
	}
	fake.mono_ns += LOOK_NS;
	*ns = fake.mono_ns + fake.beside_ns[id];
	return true;
}

static void fake_begin(void)
{
	fake.mono_ns = real_ns(CLOCK_MONOTONIC);
	for (int id = 0; id < CLOCKS; id++) {
		fake.beside_ns[id] = real_ns(id) - fake.mono_ns;
	}
}

/* To more than a second after everything that has happened. */
static void fake_go_ahead(void)
{
	fake.mono_ns = real_ns(CLOCK_MONOTONIC) + INT64_C(1100000000);
}

static int setup(void **state)
{
	const struct cbd_probe_options options = {
		.best = "tracepoint",
		.pin_dir = "",
		.next_epochs = {.counter_epoch = 7, .clock_epoch = 8, .rate_epoch = 9},
		.clock = &clocks.clock,
	};

	(void)state;
	fake_begin();
	cbd_clock_system_init(&clocks, NULL);
	clocks.clock.gettime = read_fake;
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

static struct cbd_epochs epochs_now(void)
{
	struct cbd_epochs epochs;

	cbd_probe_epochs(&probe, &epochs);
	return epochs;
}

static bool poll_ends(void)
{
	struct cbd_anchor anchor;

	assert_int_equal(cbd_clock_anchor(&clocks.clock, &anchor), 0);
	return cbd_probe_on_poll(&probe, &anchor);
}

/* A caller of adjtimex() whose argument is on a page that comes when we let it: between entry and return till then. */
static struct {
	pthread_t thread;
	int fault_fd;
	struct timex *timex;
	long result;
} caller;

static void *call_adjtimex(void *unused)
{
	(void)unused;
	caller.result = syscall(SYS_adjtimex, caller.timex);
	return NULL;
}

static bool caller_begins(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	uint64_t before = page()->in_flight;
	int tries;

	caller.fault_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	caller.timex = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)caller.timex;
	range.range.len = PAGE;
	if (caller.fault_fd < 0 || ioctl(caller.fault_fd, UFFDIO_API, &api) != 0 ||
	    ioctl(caller.fault_fd, UFFDIO_REGISTER, &range) != 0) {
		return false;
	}
	assert_int_equal(pthread_create(&caller.thread, NULL, call_adjtimex, NULL), 0);
	for (tries = 0; tries < BEGUN_MS && page()->in_flight == before; tries++) {
		usleep(1000);
	}
	assert_int_equal(page()->in_flight, before + 1);
	return true;
}

/* A page of zeroes: it only asked. */
static void caller_ends(void)
{
	struct uffdio_zeropage zero = {.range = {.start = (uintptr_t)caller.timex, .len = PAGE}};

	assert_int_equal(ioctl(caller.fault_fd, UFFDIO_ZEROPAGE, &zero), 0);
	pthread_join(caller.thread, NULL);
	assert_true(caller.result >= 0);
	close(caller.fault_fd);
	munmap(caller.timex, PAGE);
}

/* Goal: while a change may still happen no anchor passes for having made it; and when its caller returns, one does. */
static void what_is_in_flight_is_not_acknowledged(void **state)
{
	struct cbd_epochs before = epochs_now();

	(void)state;
	if (!caller_begins()) {
		print_message("SKIP: no userfaultfd\n");
		skip();
	}
	assert_int_not_equal(page()->epochs.clock_epoch, before.clock);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(epochs_now().clock, before.clock);
	}
	assert_false(poll_ends());
	caller_ends();
	assert_int_equal(page()->in_flight, 0);
	assert_true(cbd_probe_on_ready(&probe));
	assert_int_equal(epochs_now().clock, page()->epochs.clock_epoch);
}

/*
 * Goal: a caller that does not return for a second keeps readers from a valid clock no longer, and its return marks once
 * more. Method: the daemon's clocks go ahead.
 */
static void a_caller_that_does_not_return_is_given_up_and_its_return_marks_again(void **state)
{
	uint32_t given_up;

	(void)state;
	if (!caller_begins()) {
		print_message("SKIP: no userfaultfd\n");
		skip();
	}
	assert_false(poll_ends());
	fake_go_ahead();
	probe.has_step = false; /* of clocks that went ahead there is no step to see */
	assert_true(
		poll_ends()); /* what this anchor began with are old numbers: the next poll comes at once */
	assert_int_equal(page()->in_flight, 0);
	given_up = page()->epochs.clock_epoch;
	assert_int_equal(epochs_now().clock, given_up);
	caller_ends();
	assert_int_not_equal(page()->epochs.clock_epoch, given_up);
	assert_int_equal(page()->in_flight, 0); /* and not one less */
	assert_true(cbd_probe_on_ready(&probe));
	assert_int_equal(epochs_now().clock, page()->epochs.clock_epoch);
}

/* Goal: whoever fills the ring does not keep the daemon from its other work, and nothing is left behind. */
static void records_are_taken_so_many_at_a_time_and_the_rest_is_told_of(void **state)
{
	struct pollfd waiting = {.fd = cbd_probe_fd(&probe), .events = POLLIN};
	int rounds = 0;

	(void)state;
	for (int i = 0; i < RECORDS; i++) {
		bed_ask();
	}
	assert_int_equal(page()->dropped, 0);
	while (poll(&waiting, 1, 0) == 1) {
		uint64_t before = probe.history.last;

		assert_true(cbd_probe_on_ready(&probe));
		assert_in_range(probe.history.last - before, 1, RECORDS - 1);
		rounds++;
	}
	assert_int_equal(probe.history.last, RECORDS);
	assert_in_range(rounds, 2, 10);
}

/* Goal: no single program can be lost unnoticed. Method: lets go of each in turn. */
static void each_program_that_is_gone_is_missed_and_the_timer_serves(void **state)
{
	for (int i = 0; i < PROGRAMS; i++) {
		uint32_t before = page()->epochs.clock_epoch;

		assert_false(poll_ends());
		assert_int_equal(bed_break("link", i), 1);
		assert_true(poll_ends());
		assert_int_equal(probe.rung, CBD_PROBE_TIMERFD);
		assert_non_null(strstr(probe.reason, "tracepoint: does not fire any more"));
		assert_int_not_equal(page()->epochs.clock_epoch, before); /* who knows since when */
		assert_int_equal(epochs_now().clock, page()->epochs.clock_epoch);
		assert_false(poll_ends());
		teardown(state);
		assert_int_equal(setup(state), 0);
	}
}

/* The probe counts by itself, with numbers that no slot has taken into account, and its programs are gone. */
static void is_lost_for_good(uint32_t former)
{
	struct cbd_probe_info info;

	assert_true(probe.is_home_lost);
	assert_int_equal(probe.rung, CBD_PROBE_TIMERFD);
	assert_int_equal(cbd_probe_map_fd(&probe), -1);
	assert_int_equal(probe.left.clock_epoch, former);
	assert_in_range(probe.home.clock_epoch, former + 0x100000, former + 0x100000);
	assert_in_range(epochs_now().clock - probe.home.clock_epoch, 1, 10);
	cbd_probe_info(&probe, &info);
	assert_int_equal(info.page_id, 0);
	assert_non_null(strstr(info.reason, "a kernel page that is lost"));
}

/* Goal: programs whose marks nobody reads do not stay, nor does the daemon rely on them. */
static void a_kernel_page_that_cannot_be_written_takes_its_programs_along(void **state)
{
	uint32_t before = page()->epochs.clock_epoch;

	(void)state;
	assert_in_range(bed_break("prog", -1), 1, PROGRAMS + 1);
	cbd_probe_bump(&probe, CBD_REQUEST_BUMP_EPOCH);
	assert_true(poll_ends());
	is_lost_for_good(before);
}

/* Goal: a mark that can be neither settled nor given up does not keep readers from a valid clock for ever. */
static void a_caller_that_cannot_be_given_up_costs_the_kernel_page(void **state)
{
	uint32_t before;

	(void)state;
	if (!caller_begins()) {
		print_message("SKIP: no userfaultfd\n");
		skip();
	}
	before = page()->epochs.clock_epoch;
	assert_in_range(bed_break("prog", -1), 1, PROGRAMS + 1);
	fake_go_ahead();
	probe.has_step = false;
	assert_true(poll_ends());
	is_lost_for_good(before);
	caller_ends();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_in_flight_is_not_acknowledged),
		TEST(a_caller_that_does_not_return_is_given_up_and_its_return_marks_again),
		TEST(records_are_taken_so_many_at_a_time_and_the_rest_is_told_of),
		TEST(a_kernel_page_that_cannot_be_written_takes_its_programs_along),
		TEST(a_caller_that_cannot_be_given_up_costs_the_kernel_page),
		TEST(each_program_that_is_gone_is_missed_and_the_timer_serves),
	};
	const char *why = bed_make(false);

	cbd_log_init(2, false, false);
	if (why == NULL) {
		setup(NULL);
		teardown(NULL);
		why = probe.rung == CBD_PROBE_TRACEPOINT ? NULL : probe.reason;
	}
	if (why != NULL) {
		printf("SKIP: %s\n", why);
		return BED_SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
