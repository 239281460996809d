/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users who do not read the descriptors that they asked for deny nobody else an answer, and root and the daemon's own
 * user no descriptor; and a daemon that cannot accept does not spin.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/control/server.h"
#include "tests/unit/daemon/publish/scratch.h"

#define FIRST_USER 1000
#define USERS	   ((CBD_PASSING_MAX - CBD_PASSING_RESERVED) / CBD_PASSING_OF_ONE)
#define ANOTHER	   65534

static struct cbd_control control;
static int64_t now_ns;
static int map_fd;

static void fill(void *context, struct clockbound_control_status *status)
{
	(void)context;
	status->pid = 4711;
}

static void say_info(void *context, struct cbd_probe_info *info)
{
	(void)context;
	*info = (struct cbd_probe_info){.rung = CBD_PROBE_FENTRY, .page_id = 77};
}

static int say_map_fd(void *context)
{
	(void)context;
	return map_fd;
}

static const struct cbd_history *say_events(void *context)
{
	static struct cbd_history history;

	(void)context;
	return &history;
}

static const struct cbd_control_probe probe = {.info = say_info, .map_fd = say_map_fd, .events = say_events};

static int start(void **state)
{
	static char path[200];

	now_ns = 1000;
	if (scratch_make(state) != 0 || chmod(scratch_path, 0711) != 0 ||
	    cbd_control_open(&control, &scratch_dir, fill, NULL) != 0) {
		return -1;
	}
	scratch_write("unprivileged", "2\n", 2);
	snprintf(path, sizeof(path), "%s", scratch_file("unprivileged"));
	control.unprivileged_path = path;
	map_fd = open(path, O_RDONLY | O_CLOEXEC);
	cbd_control_set_probe(&control, &probe);
	return map_fd >= 0 ? 0 : -1;
}

static int stop(void **state)
{
	close(map_fd);
	cbd_control_close(&control);
	unlink(scratch_file("unprivileged"));
	return scratch_remove(state);
}

static void serve(void)
{
	int i;

	now_ns++;
	for (i = 0; i < 3; i++) {
		cbd_control_on_ready(&control, now_ns);
	}
}

static int connected(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/%s", scratch_path, CBD_CONTROL_NAME);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static bool request_map(int fd)
{
	struct clockbound_control_request request = {.magic = CLOCKBOUND_CONTROL_MAGIC,
						     .version = CLOCKBOUND_CONTROL_VERSION,
						     .request = CLOCKBOUND_CONTROL_KERNEL_PAGE};

	return send(fd, &request, sizeof(request), MSG_NOSIGNAL) == (ssize_t)sizeof(request);
}

/* Reads one answer; the descriptor that came is closed. True if one came; else @answer says why not. */
static bool read_map(int fd, struct clockbound_control_kernel_page *answer)
{
	struct iovec part = {.iov_base = answer, .iov_len = sizeof(*answer)};
	char rights[CMSG_SPACE(sizeof(int))];
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = rights, .msg_controllen = sizeof(rights)};
	struct cmsghdr *head;
	int passed;

	memset(answer, 0, sizeof(*answer));
	if (recvmsg(fd, &message, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*answer)) {
		snprintf(answer->reason, sizeof(answer->reason), "no answer");
		return false;
	}
	head = CMSG_FIRSTHDR(&message);
	assert_int_equal(head != NULL, answer->has_page);
	assert_int_equal(head != NULL ? 77 : 0, answer->id);
	assert_int_equal(head != NULL, answer->reason[0] == '\0');
	if (head == NULL) {
		return false;
	}
	memcpy(&passed, CMSG_DATA(head), sizeof(passed));
	close(passed);
	return true;
}

/* A client as the library is: asks, reads, closes. @uid: who he is; the daemon is always root. */
static bool gets_map(uid_t uid, struct clockbound_control_kernel_page *answer)
{
	bool is_given;
	int fd;

	assert_int_equal(seteuid(uid), 0);
	fd = connected();
	assert_int_equal(seteuid(0), 0);
	assert_true(request_map(fd));
	serve();
	is_given = read_map(fd, answer);
	close(fd);
	serve();
	return is_given;
}

/* @users, each of whom asks as often as he may and reads nothing. */
static void flood(int *fd, int users)
{
	int i;

	for (i = 0; i < users * CBD_PASSING_OF_ONE; i++) {
		assert_int_equal(seteuid((uid_t)(FIRST_USER + i / CBD_PASSING_OF_ONE)), 0);
		fd[i] = connected();
		assert_true(request_map(fd[i]));
		assert_int_equal(seteuid(0), 0);
		serve();
	}
	now_ns += CBD_CONTROL_IDLE_NS;
	cbd_control_on_tick(&control, now_ns);
}

static void close_all(const int *fd, int count)
{
	int i;

	for (i = 0; i < count; i++) {
		close(fd[i]);
	}
}

static void users_who_fill_all_places_deny_nobody_his_descriptor(void **state)
{
	struct clockbound_control_kernel_page answer;
	int fd[CBD_CONTROL_CLIENTS];

	(void)state;
	if (geteuid() != 0) {
		skip(); /* nobody else can be had */
	}
	flood(fd, CBD_CONTROL_CLIENTS / CBD_PASSING_OF_ONE);
	assert_true(gets_map(ANOTHER, &answer));
	assert_true(gets_map(0, &answer));
	close_all(fd, CBD_CONTROL_CLIENTS);
}

static void where_too_many_wait_the_answer_says_so_but_not_to_root(void **state)
{
	static int fd[USERS * CBD_PASSING_OF_ONE];
	struct clockbound_control_kernel_page answer;

	(void)state;
	if (geteuid() != 0) {
		skip();
	}
	flood(fd, USERS);
	assert_false(gets_map(ANOTHER, &answer));
	assert_string_equal(answer.reason, "too many descriptors wait to be read");
	assert_true(gets_map(0, &answer));
	close_all(fd, USERS * CBD_PASSING_OF_ONE);
	cbd_control_on_tick(&control, now_ns);
	assert_true(gets_map(ANOTHER, &answer));
}

/* What waits is not answered, and what was sent before can be read. */
static void a_client_that_was_put_aside_still_has_his_descriptor(void **state)
{
	struct clockbound_control_kernel_page answer;
	int fd = connected();

	(void)state;
	assert_true(request_map(fd));
	serve();
	now_ns += CBD_CONTROL_IDLE_NS;
	cbd_control_on_tick(&control, now_ns);
	assert_int_equal(control.client[CBD_CONTROL_CLIENTS - 1].fd, -1);
	assert_true(read_map(fd, &answer));
	close(fd);
}

static bool is_awake(void)
{
	struct pollfd event = {.fd = control.event_fd, .events = POLLIN};

	return poll(&event, 1, 0) == 1;
}

static void without_descriptors_newcomers_wait_and_the_daemon_does_not_spin(void **state)
{
	struct clockbound_control_kernel_page answer;
	struct rlimit limit;
	struct rlimit low;
	int fd = connected();

	(void)state;
	assert_true(request_map(fd));
	assert_true(is_awake());
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = (struct rlimit){.rlim_cur = 3, .rlim_max = limit.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	serve();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_false(is_awake());
	cbd_control_on_tick(&control, now_ns);
	assert_true(is_awake());
	serve();
	assert_true(read_map(fd, &answer));
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(users_who_fill_all_places_deny_nobody_his_descriptor),
		TEST(where_too_many_wait_the_answer_says_so_but_not_to_root),
		TEST(a_client_that_was_put_aside_still_has_his_descriptor),
		TEST(without_descriptors_newcomers_wait_and_the_daemon_does_not_spin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
