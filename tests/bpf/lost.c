/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lost [fentry|tracepoint]
 *
 * A daemon that loses, while it runs, what it noticed steps by: its programs, or its hand on the kernel page. It goes on
 * publishing, a reader goes on reading, and no clock is moved for that. The daemon is a process of its own; a thread of
 * it breaks what it is told to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include <clockbound/control.h>
#include <clockbound/fast.h>

#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/privileges.h"
#include "tests/bpf/bed.h"
#include "tests/harness/fake_chrony.h"
#include "tests/unit/daemon/publish/scratch.h"

#define PATIENCE_MS 120000
#define ANSWER_MS   1000
/*
 * To let go of eight programs the kernel waits as many times until every processor has passed by: the longer the busier
 * it is, and much longer in emulation. Less than half of the patience, so that it means something.
 */
#define PAUSE_NS_MAX INT64_C(40000000000)

static struct fake_chrony fake;
static struct cbd_config config;
static pid_t daemon_pid;
static int break_pipe[2];
static clockbound_fast *reader;
static struct clockbound_control_status now; /* the last answer */
static char rung_name[16] = "tracepoint";

/* A chronyd that says that this machine's clock is right. Offsets are those of the protocol's reply to Tracking. */
static void synchronise(void)
{
	uint8_t *tracking = fake.tracking;
	struct timex kernel = {.modes = 0};
	struct timespec time;

	adjtimex(&kernel);
	timespec_get(&time, TIME_UTC);
	fake_chrony_put32(tracking, 56, (uint32_t)((uint64_t)(time.tv_sec - 1) >> 32));
	fake_chrony_put32(tracking, 60, (uint32_t)(time.tv_sec - 1));
	fake_chrony_put32(tracking, 64, 0);
	fake_chrony_put_float(tracking, 68, 0.0);
	fake_chrony_put_float(tracking, 80, -(double)kernel.freq / 65536.0);
	fake_chrony_put_float(tracking, 84, 0.0);
	fake_chrony_put_float(tracking, 88, 0.1);
	fake_chrony_put_float(tracking, 92, 1e-4);
	fake_chrony_put_float(tracking, 96, 1e-4);
	fake_chrony_put_float(tracking, 100, 64.0);
	fake_chrony_source(&fake, 0, 0, 1, 0.0, 1e-4);
}

static void *break_what_is_told(void *unused)
{
	char kind;

	(void)unused;
	while (read(break_pipe[0], &kind, 1) == 1) {
		bed_break(kind == 'l' ? "link" : "prog", -1);
	}
	return NULL;
}

static void start_daemon(void)
{
	daemon_pid = fork();
	assert_true(daemon_pid >= 0);
	if (daemon_pid == 0) {
		static struct cbd_loop loop;
		pthread_t thread;

		close(break_pipe[1]);
		cbd_privileges_limit(true);
		if (cbd_loop_open(&loop, &config) != 0 ||
		    pthread_create(&thread, NULL, break_what_is_told, NULL) != 0) {
			_exit(1);
		}
		cbd_privileges_drop(true);
		_exit(cbd_loop_run(&loop) == 0 ? 0 : 1);
	}
}

static int setup(void **state)
{
	static char program[] = "clockbound";
	static char probe_option[] = "--probe";
	static char force_option[] = "--force-counter"; /* emulated ones do not look invariant */
	char *argv[] = {program, probe_option, rung_name, force_option, NULL};

	if (scratch_make(state) != 0 || !fake_chrony_open(&fake) || pipe(break_pipe) != 0) {
		return -1;
	}
	synchronise();
	cbd_runtime_dir_close(&scratch_dir); /* the daemon's to lock */
	cbd_config_parse(&config, 4, argv);
	snprintf(config.runtime_dir, sizeof(config.runtime_dir), "%s", scratch_path);
	snprintf(config.chrony_socket, sizeof(config.chrony_socket), "%s", fake.path);
	memset(&now, 0, sizeof(now));
	reader = NULL;
	start_daemon();
	return 0;
}

static int teardown(void **state)
{
	clockbound_fast_close(reader);
	kill(daemon_pid, SIGKILL);
	waitpid(daemon_pid, NULL, 0);
	close(break_pipe[0]);
	close(break_pipe[1]);
	fake_chrony_close(&fake);
	return scratch_remove(state);
}

/* Asks the daemon for its status, into `now`; false if it does not answer at once. */
static bool ask(void)
{
	struct clockbound_control_request request = {.magic = CLOCKBOUND_CONTROL_MAGIC,
						     .version = CLOCKBOUND_CONTROL_VERSION,
						     .request = CLOCKBOUND_CONTROL_STATUS};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pollfd answer = {.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), .events = POLLIN};
	bool is_answered;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/clockbound.sock", scratch_path);
	is_answered = connect(answer.fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		      send(answer.fd, &request, sizeof(request), MSG_NOSIGNAL) == sizeof(request) &&
		      poll(&answer, 1, ANSWER_MS) == 1 &&
		      recv(answer.fd, &now, sizeof(now), 0) == sizeof(now);
	close(answer.fd);
	return is_answered;
}

static int64_t mono_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Plays chronyd until @is_reached says so. Returns the longest pause between two publications. */
static int64_t wait_for(bool (*is_reached)(void))
{
	int64_t end_ns = mono_ns() + PATIENCE_MS * INT64_C(1000000);
	int64_t last_ns = mono_ns();
	int64_t longest_ns = 0;
	uint64_t publications = now.publications;

	do {
		struct pollfd asked = {.fd = fake.fd, .events = POLLIN};

		assert_true(mono_ns() < end_ns);
		if (poll(&asked, 1, 20) == 1) {
			fake_chrony_serve(&fake);
		}
		if (ask() && now.publications != publications) {
			publications = now.publications;
			last_ns = mono_ns();
		}
		longest_ns = mono_ns() - last_ns > longest_ns ? mono_ns() - last_ns : longest_ns;
	} while (!is_reached());
	return longest_ns;
}

static bool is_valid_by(bool is_kernel)
{
	clockbound_interval interval;

	if (reader == NULL) {
		reader = clockbound_fast_open(scratch_file("page"), NULL);
	}
	if (reader == NULL) {
		return false;
	}
	clockbound_fast_clock_now(reader, &interval);
	return clockbound_is_valid(&interval) && (clockbound_fast_has_kernel_page(reader) != 0) == is_kernel;
}

static bool has_begun(void)
{
	if (now.publications != 0 && now.probe_rung < CLOCKBOUND_RUNG_TRACEPOINT) {
		print_message("SKIP: %s\n", now.probe_reason);
		exit(BED_SKIPPED);
	}
	return now.publications >= 2 && is_valid_by(true);
}

/* Three publications after the one that `now` told of when it began. */
static uint64_t from;

static bool goes_on_by_the_timer_and_the_kernel_page(void)
{
	return now.probe_rung == CLOCKBOUND_RUNG_TIMERFD && now.publications >= from + 3 && is_valid_by(true);
}

static bool goes_on_by_the_timer_and_the_file(void)
{
	return now.probe_rung == CLOCKBOUND_RUNG_TIMERFD && now.publications >= from + 3 &&
	       is_valid_by(false);
}

static void programs_that_are_lost_give_way_to_the_timer_and_publication_goes_on(void **state)
{
	uint64_t steps;

	(void)state;
	wait_for(has_begun);
	steps = now.steps;
	from = now.publications;
	assert_int_equal(write(break_pipe[1], "l", 1), 1);
	assert_true(wait_for(goes_on_by_the_timer_and_the_kernel_page) < PAUSE_NS_MAX);
	assert_non_null(strstr(now.probe_reason, rung_name));
	assert_non_null(strstr(now.probe_reason, "does not fire any more"));
	assert_int_not_equal(now.kernel_page_id, 0);
	assert_int_equal(now.steps, steps); /* nobody moved the clock */
	assert_int_equal(now.slips, 0);
}

/* The daemon finds out when it has a mark to make: with the programs gone too it has. */
static void a_kernel_page_that_cannot_be_written_gives_way_to_the_file_and_publication_goes_on(void **state)
{
	clockbound_interval interval;

	(void)state;
	wait_for(has_begun);
	from = now.publications;
	assert_int_equal(write(break_pipe[1], "pl", 2), 2);
	assert_true(wait_for(goes_on_by_the_timer_and_the_file) < PAUSE_NS_MAX);
	assert_int_equal(now.kernel_page_id, 0);
	clockbound_interval_now(reader, &interval); /* the counter's lines stand, under other numbers */
	assert_true(clockbound_is_valid(&interval));
	assert_int_equal(interval.source, CLOCKBOUND_SOURCE_COUNTER);
	assert_int_equal(now.inconsistencies, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(programs_that_are_lost_give_way_to_the_timer_and_publication_goes_on),
		TEST(a_kernel_page_that_cannot_be_written_gives_way_to_the_file_and_publication_goes_on),
	};
	const char *why = bed_make(false);

	cbd_log_init(2, false, false);
	snprintf(rung_name, sizeof(rung_name), "%s", argc > 1 ? argv[1] : "tracepoint");
	if (why != NULL) {
		printf("SKIP: %s\n", why);
		return BED_SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
