/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users who do not read the descriptors that they asked for deny nobody else an answer, and root and the daemon's own
 * user no descriptor; and a daemon that cannot accept does not spin.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/daemon/control_maps.h"

#define FIRST_USER 1000
#define USERS	   ((CBD_PASSING_MAX - CBD_PASSING_RESERVED) / CBD_PASSING_OF_ONE)
#define ANOTHER	   65534

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
