/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that are sent and not read: they count against the daemon's user, so nobody may make many, and nobody
 * is denied his own because of another's.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/daemon/control_maps.h"

#define ANOTHER 65534
#define FLOOD	40 /* sockets; more than a user may have, fewer than there are */
#define REPEATS 20

/* A client as the library is: asks, reads, closes. */
static bool gets_map(void)
{
	struct clockbound_control_kernel_page answer;
	int fd = connected();
	bool is_given;

	assert_true(request_map(fd));
	serve();
	is_given = read_map(fd, &answer);
	close(fd);
	serve();
	return is_given;
}

static void a_second_descriptor_waits_until_the_first_is_read(void **state)
{
	struct clockbound_control_kernel_page answer;
	int fd = connected();
	int i;

	(void)state;
	for (i = 0; i < REPEATS; i++) {
		assert_true(request_map(fd));
		serve();
	}
	assert_true(read_map(fd, &answer));
	for (i = 1; i < REPEATS; i++) {
		assert_false(read_map(fd, &answer));
		assert_non_null(strstr(answer.reason, "read the former answer first"));
	}
	assert_true(request_map(fd));
	serve();
	assert_true(read_map(fd, &answer));
	close(fd);
}

/* How many of @fd have a descriptor waiting. */
static int in_flight(const int *fd, int count)
{
	struct clockbound_control_kernel_page answer;
	int sum = 0;
	int i;

	for (i = 0; i < count; i++) {
		while (recv(fd[i], &answer, sizeof(answer), MSG_DONTWAIT) == (ssize_t)sizeof(answer)) {
			sum += (int)answer.has_page;
		}
	}
	return sum;
}

/* Sockets that ask and never read; @is_shut: and say that they will ask no more. */
static void flood(int *fd, bool is_shut)
{
	int i;
	int k;

	for (i = 0; i < FLOOD; i++) {
		fd[i] = connected();
		serve();
		for (k = 0; k < REPEATS; k++) {
			(void)request_map(fd[i]);
			serve();
		}
		if (is_shut) {
			(void)shutdown(fd[i], SHUT_WR);
			serve();
		}
	}
	now_ns += CBD_CONTROL_IDLE_NS;
	cbd_control_on_tick(&control, now_ns);
	serve();
}

static void a_user_has_no_more_under_way_than_his_places(void **state)
{
	int fd[FLOOD];
	int shut;
	int i;

	(void)state;
	for (shut = 0; shut < 2; shut++) {
		flood(fd, shut != 0);
		assert_false(gets_map()); /* the same user: he has all that he may have */
		assert_in_range(in_flight(fd, FLOOD), 1, CBD_CONTROL_OF_ONE);
		for (i = 0; i < FLOOD; i++) {
			close(fd[i]);
		}
		serve();
		cbd_control_on_tick(&control, now_ns);
		for (i = 0; i < CBD_CONTROL_CLIENTS; i++) {
			assert_int_equal(control.client[i].fd, -1);
		}
		assert_true(gets_map());
	}
}

static void another_user_is_served_all_the_same(void **state)
{
	int fd[FLOOD];
	int i;

	(void)state;
	if (geteuid() != 0) {
		skip(); /* nobody else can be had */
	}
	assert_int_equal(seteuid(ANOTHER), 0);
	flood(fd, false);
	assert_int_equal(seteuid(0), 0);
	assert_true(gets_map());
	for (i = 0; i < FLOOD; i++) {
		close(fd[i]);
	}
}

/* A user's clients who only sit there cost others nothing, and himself his quietest. */
static void places_that_are_all_taken_go_to_the_newcomer(void **state)
{
	int fd[CBD_CONTROL_CLIENTS + 1];
	int i;

	(void)state;
	if (geteuid() != 0) {
		skip();
	}
	for (i = 0; i < CBD_CONTROL_CLIENTS; i++) {
		assert_int_equal(seteuid((uid_t)(1000 + i / CBD_CONTROL_OF_ONE)), 0);
		fd[i] = connected();
		serve();
		assert_int_equal(seteuid(0), 0);
	}
	assert_true(gets_map());
	for (i = 0; i < CBD_CONTROL_CLIENTS; i++) {
		close(fd[i]);
	}
}

/* Sends @map_fd to nobody, @count times. */
static void fill_limit(int *pair, int count)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} rights;
	char byte = 0;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &rights,
				 .msg_controllen = sizeof(rights.bytes)};
	int i;

	memset(&rights, 0, sizeof(rights));
	rights.head.cmsg_level = SOL_SOCKET;
	rights.head.cmsg_type = SCM_RIGHTS;
	rights.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&rights.head), &map_fd, sizeof(map_fd));
	for (i = 0; i < count; i++) {
		(void)sendmsg(pair[0], &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* Others of the daemon's user may have used up what it may have under way. */
static void where_no_descriptor_can_be_sent_the_answer_says_so(void **state)
{
	struct clockbound_control_kernel_page answer;
	struct rlimit limit;
	struct rlimit low;
	int pair[2];
	bool is_given;
	int fd = connected();

	(void)state;
	serve();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = (struct rlimit){.rlim_cur = 64, .rlim_max = limit.rlim_max};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_true(request_map(fd));
	/* The kernel does not look at the limit of who has capabilities. */
	assert_true(geteuid() != 0 || seteuid(ANOTHER) == 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	fill_limit(pair, 100);
	serve();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(getuid() != 0 || seteuid(0) == 0);
	is_given = read_map(fd, &answer);
	assert_false(is_given);
	assert_non_null(strstr(answer.reason, "cannot send the descriptor: "));
	close(pair[0]);
	close(pair[1]);
	assert_true(request_map(fd)); /* and the same client is served when there is room again */
	serve();
	assert_true(read_map(fd, &answer));
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_second_descriptor_waits_until_the_first_is_read),
		TEST(a_user_has_no_more_under_way_than_his_places),
		TEST(another_user_is_served_all_the_same),
		TEST(places_that_are_all_taken_go_to_the_newcomer),
		TEST(where_no_descriptor_can_be_sent_the_answer_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
