/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's loop as a process of its own, against a chronyd of paper that this process plays. Everything waits
 * on descriptors; the only time in it is the patience of wait_for(), after which a test fails.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include <clockbound/control.h>

#include "daemon/log.h"
#include "daemon/loop.h"
#include "tests/harness/fake_chrony.h"
#include "tests/unit/daemon/publish/scratch.h"

#define PATIENCE_MS 20000

static struct fake_chrony fake;
static struct cbd_config config;
static int notify_fd = -1;
static char told[64]; /* the last word to NOTIFY_SOCKET */
static pid_t daemon_pid;

static int bind_notify(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/notify", scratch_path);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

/*
 * Tracking as of now, of a clock that is right: an update a second ago, one every 64 s. Offsets are those of the protocol's reply to Tracking.
 */
static void synchronise(void)
{
	uint8_t *tracking = fake.tracking;
	struct timex kernel = {.modes = 0};
	struct timespec now;

	adjtimex(&kernel); /* whoever disciplines this machine's clock: the paper chronyd says that it did */
	timespec_get(&now, TIME_UTC);
	fake_chrony_put32(tracking, 56, (uint32_t)((uint64_t)(now.tv_sec - 1) >> 32));
	fake_chrony_put32(tracking, 60, (uint32_t)(now.tv_sec - 1));
	fake_chrony_put32(tracking, 64, 0);
	fake_chrony_put_float(tracking, 68, 0.0);			     /* current correction, s */
	fake_chrony_put_float(tracking, 80, -(double)kernel.freq / 65536.0); /* frequency, ppm */
	fake_chrony_put_float(tracking, 84, 0.0);			     /* residual frequency, ppm */
	fake_chrony_put_float(tracking, 88, 0.1);			     /* skew, ppm */
	fake_chrony_put_float(tracking, 92, 1e-4);			     /* root delay, s */
	fake_chrony_put_float(tracking, 96, 1e-4);			     /* root dispersion, s */
	fake_chrony_put_float(tracking, 100, 64.0);			     /* last update interval, s */
	fake_chrony_source(&fake, 0, 0, 1, 0.0, 1e-4);
}

static int start_world(void **state)
{
	static char program[] = "clockbound";
	char *argv[] = {program, NULL};

	if (scratch_make(state) != 0 || !fake_chrony_open(&fake)) {
		return -1;
	}
	synchronise();
	cbd_runtime_dir_close(&scratch_dir); /* the daemon's to lock */
	cbd_config_parse(&config, 1, argv);
	snprintf(config.runtime_dir, sizeof(config.runtime_dir), "%s", scratch_path);
	snprintf(config.chrony_socket, sizeof(config.chrony_socket), "%s", fake.path);
	told[0] = '\0';
	daemon_pid = 0;
	setenv("WATCHDOG_USEC", "60000000", 1);
	notify_fd = bind_notify();
	return notify_fd >= 0 ? 0 : -1;
}

static int end_world(void **state)
{
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	close(notify_fd);
	fake_chrony_close(&fake);
	return scratch_remove(state);
}

static void start_daemon(void)
{
	daemon_pid = fork();
	assert_true(daemon_pid >= 0);
	if (daemon_pid == 0) {
		static struct cbd_loop loop;
		int result;

		if (cbd_loop_open(&loop, &config) != 0) {
			_exit(1);
		}
		result = cbd_loop_run(&loop);
		cbd_loop_close(&loop);
		_exit(result == 0 ? 0 : 1);
	}
}

/* Plays chronyd until @is_reached says so. */
static void wait_for(bool (*is_reached)(void))
{
	int left = PATIENCE_MS / 100;

	while (!is_reached()) {
		struct pollfd fds[2] = {{.fd = fake.fd, .events = POLLIN},
					{.fd = notify_fd, .events = POLLIN}};
		ssize_t length;

		assert_true(left > 0);
		if (poll(fds, 2, 100) == 0) {
			left--;
		}
		if (fake.fd >= 0) {
			fake_chrony_serve(&fake);
		}
		length = recv(notify_fd, told, sizeof(told) - 1, 0);
		if (length > 0) {
			told[length] = '\0';
		}
	}
}

static bool is_ready(void)
{
	return strcmp(told, "READY=1") == 0 || strcmp(told, "WATCHDOG=1") == 0;
}

static bool is_stopping(void)
{
	return strcmp(told, "STOPPING=1") == 0;
}

static bool is_watched(void)
{
	return strcmp(told, "WATCHDOG=1") == 0;
}

/* The status word for clock readers, of the slot that readers take. */
static uint32_t page_status(void)
{
	static struct clockbound_page page;

	if (access(scratch_file("page"), R_OK) != 0 ||
	    scratch_read("page", &page, sizeof(page)) != sizeof(page)) {
		return 0;
	}
	return page.slot[page.control.seq & 1].clock.status;
}

static bool is_valid(void)
{
	return (page_status() & CLOCKBOUND_VALID) != 0;
}

static int wait_status(void)
{
	int status;

	assert_int_equal(waitpid(daemon_pid, &status, 0), daemon_pid);
	daemon_pid = 0;
	return status;
}

static struct clockbound_control_status control_status(void)
{
	struct clockbound_control_request request = {.magic = CLOCKBOUND_CONTROL_MAGIC,
						     .version = CLOCKBOUND_CONTROL_VERSION,
						     .request = CLOCKBOUND_CONTROL_STATUS};
	struct clockbound_control_status status;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pollfd answer = {.fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), .events = POLLIN};

	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/clockbound.sock", scratch_path);
	assert_int_equal(connect(answer.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(answer.fd, &request, sizeof(request), 0), sizeof(request));
	assert_int_equal(poll(&answer, 1, PATIENCE_MS), 1);
	assert_int_equal(recv(answer.fd, &status, sizeof(status), 0), sizeof(status));
	close(answer.fd);
	return status;
}

static void ready_is_told_once_something_is_published_and_the_watchdog_is_fed(void **state)
{
	(void)state;
	start_daemon();
	wait_for(is_ready);
	assert_true(page_status() != 0 || access(scratch_file("page"), R_OK) == 0);
	wait_for(is_watched);
}

static void a_synchronised_chronyd_makes_a_valid_page(void **state)
{
	struct clockbound_control_status status;

	(void)state;
	start_daemon();
	wait_for(is_valid);
	status = control_status();
	assert_int_equal(status.reply.result, CLOCKBOUND_CONTROL_OK);
	assert_int_equal(status.pid, daemon_pid);
	assert_true(status.polls > 0);
	assert_true(status.publications > 0);
	assert_int_equal(status.sources, 1);
	assert_string_equal(status.chrony_socket, fake.path);
	assert_string_equal(status.last_failure, "");
	assert_true(status.last_poll_ns < UINT64_C(60000000000));
}

/* The core keeps no more than CBD_SOURCES_MAX of them; what is told is how many chronyd has. */
static void all_of_chronyds_sources_are_counted(void **state)
{
	(void)state;
	fake.sources = CBD_SOURCES_MAX + 4;
	for (uint32_t i = 1; i < fake.sources; i++) {
		fake_chrony_source(&fake, i, CBD_SOURCE_UNSELECTED, 1, 0.0, 1e-4);
	}
	start_daemon();
	wait_for(is_valid);
	assert_int_equal(control_status().sources, CBD_SOURCES_MAX + 4);
}

static void without_chronyd_it_publishes_that_there_is_no_bound(void **state)
{
	struct clockbound_control_status status;

	(void)state;
	fake_chrony_stop(&fake);
	start_daemon();
	wait_for(is_ready);
	assert_int_equal(page_status() & CLOCKBOUND_VALID, 0);
	assert_true((page_status() & CLOCKBOUND_REASON_CHRONY_UNREACHABLE) != 0);
	status = control_status();
	assert_int_equal(status.polls, 0);
	assert_true(status.poll_failures > 0);
	assert_true(status.last_poll_ns == UINT64_MAX);
	assert_non_null(strstr(status.last_failure, fake.path));
}

static void sigterm_stops_cleanly_and_leaves_the_page_valid(void **state)
{
	(void)state;
	start_daemon();
	wait_for(is_valid);
	kill(daemon_pid, SIGTERM);
	wait_for(is_stopping);
	assert_int_equal(wait_status(), 0);
	assert_true(is_valid());
	assert_int_equal(access(scratch_file("clockbound.sock"), F_OK), -1);
}

static void sighup_and_the_user_signals_change_nothing(void **state)
{
	(void)state;
	start_daemon();
	wait_for(is_ready);
	kill(daemon_pid, SIGHUP);
	kill(daemon_pid, SIGUSR1);
	kill(daemon_pid, SIGUSR2);
	assert_int_equal(control_status().pid, daemon_pid);
	kill(daemon_pid, SIGINT);
	wait_for(is_stopping);
	assert_int_equal(wait_status(), 0);
}

static void a_killed_daemons_page_goes_on_without_a_gap(void **state)
{
	ino_t inode;

	(void)state;
	start_daemon();
	wait_for(is_valid);
	inode = scratch_inode("page");
	kill(daemon_pid, SIGKILL);
	wait_status();
	assert_true(is_valid());
	fake_chrony_stop(&fake); /* so that only the inherited bound can be valid */
	told[0] = '\0';
	start_daemon();
	wait_for(is_ready);
	assert_true(is_valid());
	assert_true((page_status() & CLOCKBOUND_REASON_CHRONY_UNREACHABLE) != 0);
	assert_int_equal(scratch_inode("page"), inode);
}

static void a_second_daemon_on_the_same_directory_fails(void **state)
{
	pid_t first;

	(void)state;
	start_daemon();
	wait_for(is_ready);
	first = daemon_pid;
	start_daemon();
	assert_int_equal(WEXITSTATUS(wait_status()), 1);
	daemon_pid = first;
	assert_int_equal(control_status().pid, first);
}

/* Whatever of its files is taken away: the daemon ends, not with 0, and the next one serves again. */
static void a_daemon_whose_files_are_taken_away_ends_and_the_next_one_serves(void **state)
{
	static const char *const names[] = {"page", "shm", "shm0", "clockbound.lock"};
	size_t i;

	(void)state;
	for (i = 0; i < 2 * sizeof(names) / sizeof(names[0]); i++) {
		const char *path = scratch_file(names[i / 2]);

		start_daemon();
		wait_for(is_valid);
		assert_int_equal(unlink(path), 0);
		if (i % 2 == 1) {
			scratch_write(names[i / 2], "", 0);
		}
		wait_for(is_stopping);
		assert_int_equal(wait_status(), 1 << 8);
		told[0] = '\0';
	}
	start_daemon();
	wait_for(is_valid);
}

/* The page cut under the daemon's hands would be SIGBUS at the next publication. */
static void a_daemon_whose_page_is_cut_ends_without_touching_it(void **state)
{
	(void)state;
	start_daemon();
	wait_for(is_valid);
	assert_int_equal(truncate(scratch_file("page"), 0), 0);
	wait_for(is_stopping);
	assert_int_equal(wait_status(), 1 << 8);
	start_daemon();
	wait_for(is_valid);
}

static void without_the_lock_file_a_second_daemon_still_is_refused(void **state)
{
	pid_t first;

	(void)state;
	config.poll_interval_ns = INT64_C(16000000000); /* the first one notices later */
	start_daemon();
	wait_for(is_valid);
	first = daemon_pid;
	assert_int_equal(unlink(scratch_file("clockbound.lock")), 0);
	start_daemon();
	assert_int_equal(WEXITSTATUS(wait_status()), 1);
	daemon_pid = first;
	assert_int_equal(control_status().pid, first);
}

static void a_chronyd_that_comes_later_is_found(void **state)
{
	(void)state;
	fake_chrony_stop(&fake);
	start_daemon();
	wait_for(is_ready);
	assert_true(fake_chrony_start(&fake));
	wait_for(is_valid);
}

/* Each of the calls that open something fails in turn: an error, and nothing is left locked. */
static void an_opening_that_fails_leaves_nothing_behind(void **state)
{
	static struct cbd_loop loop;
	struct cbd_config bad = config;

	(void)state;
	snprintf(bad.chrony_socket, sizeof(bad.chrony_socket), "relative.sock");
	assert_true(cbd_loop_open(&loop, &bad) < 0);
	assert_int_equal(access(scratch_file("page"), F_OK), -1);
	unlink(scratch_file("shm0"));
	assert_int_equal(mkdir(scratch_file("shm0"), 0755), 0);
	assert_int_equal(cbd_loop_open(&loop, &config), -EINVAL);
	assert_int_equal(rmdir(scratch_file("shm0")), 0);
	start_daemon();
	wait_for(is_ready);
}

/* What others were given of the device may take a notification away, and an update that never ends notifies nobody. */
static void a_vmclock_that_notifies_is_looked_at_in_time_all_the_same(void **state)
{
	static const struct clockbound_vmclock page;
	const struct cbd_loop loop = {
		.vmclock = {.page = &page, .fd = 0, .notifies = true},
		.vm = {.next_look_ns = 77},
	};

	(void)state;
	assert_int_equal(cbd_vmclock_wake_fd(&loop.vmclock), 0);
	assert_int_equal(cbd_loop_vm_next_ns(&loop), 77);
}

static bool is_vmclock_watched(void)
{
	static struct clockbound_page page;

	return scratch_read("page", &page, sizeof(page)) == sizeof(page) &&
	       (page.slot[page.control.seq & 1].hot.vm_flags & CLOCKBOUND_VM_WATCHED) != 0;
}

static bool is_migrated(void)
{
	return (page_status() & CLOCKBOUND_REASON_MIGRATED) != 0;
}

/* Its driver may be loaded after the daemon has started; what was measured until then nobody vouches for. */
static void a_vmclock_that_appears_later_is_found_and_voids_what_was_before(void **state)
{
	const struct clockbound_vmclock made = {.magic = htole32(CLOCKBOUND_VMCLOCK_MAGIC),
						.size = htole32(sizeof(made)),
						.version = htole16(CLOCKBOUND_VMCLOCK_VERSION)};

	(void)state;
	snprintf(config.vmclock, sizeof(config.vmclock), "%s", scratch_file("vmclock"));
	start_daemon();
	wait_for(is_valid);
	assert_false(is_vmclock_watched());
	scratch_write("made", &made, sizeof(made));
	assert_int_equal(rename(scratch_file("made"), config.vmclock), 0);
	wait_for(is_vmclock_watched);
	wait_for(is_migrated);
}

static void a_vmclock_is_looked_for_only_where_one_is_wanted(void **state)
{
	struct cbd_config wanted = {.vmclock = "auto", .has_disruption_support = true};
	const struct cbd_loop loop = {.config = &wanted, .vm = {.next_find_ns = 77}};

	(void)state;
	assert_int_equal(cbd_loop_vm_next_ns(&loop), 77);
	wanted.has_disruption_support = false;
	assert_true(cbd_loop_vm_next_ns(&loop) == INT64_MAX);
	wanted.has_disruption_support = true;
	snprintf(wanted.vmclock, sizeof(wanted.vmclock), "off");
	assert_true(cbd_loop_vm_next_ns(&loop) == INT64_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ready_is_told_once_something_is_published_and_the_watchdog_is_fed),
		TEST(a_synchronised_chronyd_makes_a_valid_page),
		TEST(all_of_chronyds_sources_are_counted),
		TEST(without_chronyd_it_publishes_that_there_is_no_bound),
		TEST(sigterm_stops_cleanly_and_leaves_the_page_valid),
		TEST(sighup_and_the_user_signals_change_nothing),
		TEST(a_killed_daemons_page_goes_on_without_a_gap),
		TEST(a_second_daemon_on_the_same_directory_fails),
		TEST(a_daemon_whose_files_are_taken_away_ends_and_the_next_one_serves),
		TEST(a_daemon_whose_page_is_cut_ends_without_touching_it),
		TEST(without_the_lock_file_a_second_daemon_still_is_refused),
		TEST(a_chronyd_that_comes_later_is_found),
		TEST(an_opening_that_fails_leaves_nothing_behind),
		TEST(a_vmclock_that_appears_later_is_found_and_voids_what_was_before),
		cmocka_unit_test(a_vmclock_is_looked_for_only_where_one_is_wanted),
		cmocka_unit_test(a_vmclock_that_notifies_is_looked_at_in_time_all_the_same),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
