/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket, asked rightly and wrongly. Time is made up: nothing here waits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "daemon/control/server.h"
#include "tests/unit/daemon/publish/scratch.h"

static struct cbd_control control;
static int64_t now_ns;
static int fills; /* answers made */

static void fill(void *context, struct clockbound_control_status *status)
{
	(void)context;
	fills++;
	status->pid = 4711;
	strcpy(status->daemon_version, "test");
}

static int start(void **state)
{
	now_ns = 1000;
	return scratch_make(state) != 0 ? -1 : cbd_control_open(&control, &scratch_dir, fill, NULL);
}

static int stop(void **state)
{
	cbd_control_close(&control);
	return scratch_remove(state);
}

static int connected(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/%s", scratch_path, CBD_CONTROL_NAME);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Lets the server do all that it can. */
static void serve(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		cbd_control_on_ready(&control, now_ns);
	}
}

static struct clockbound_control_request good(void)
{
	struct clockbound_control_request request = {.magic = CLOCKBOUND_CONTROL_MAGIC,
						     .version = CLOCKBOUND_CONTROL_VERSION,
						     .request = CLOCKBOUND_CONTROL_STATUS};

	return request;
}

/* Sends @size bytes; the result of the answer, whose length must be what it says. */
static uint32_t asked(int fd, const void *request, size_t size)
{
	struct clockbound_control_status status;
	ssize_t length;

	assert_int_equal(send(fd, request, size, MSG_NOSIGNAL), size);
	serve();
	length = recv(fd, &status, sizeof(status), 0);
	assert_true(length >= (ssize_t)sizeof(status.reply));
	assert_int_equal(status.reply.magic, CLOCKBOUND_CONTROL_MAGIC);
	assert_int_equal(status.reply.version, CLOCKBOUND_CONTROL_VERSION);
	assert_int_equal(status.reply.size, length);
	assert_int_equal(length, status.reply.result == CLOCKBOUND_CONTROL_OK ? sizeof(status)
									      : sizeof(status.reply));
	return status.reply.result;
}

static void status_is_answered_to_everybody(void **state)
{
	struct clockbound_control_request request = good();
	struct clockbound_control_status status;
	struct stat found;
	int fd = connected();

	(void)state;
	assert_int_equal(stat(scratch_file(CBD_CONTROL_NAME), &found), 0);
	assert_int_equal(found.st_mode & 0777, 0666);
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	serve();
	assert_int_equal(recv(fd, &status, sizeof(status), 0), sizeof(status));
	assert_int_equal(status.reply.result, CLOCKBOUND_CONTROL_OK);
	assert_int_equal(status.reply.request, CLOCKBOUND_CONTROL_STATUS);
	assert_int_equal(status.reply.size, sizeof(status));
	assert_int_equal(status.pid, 4711);
	assert_string_equal(status.daemon_version, "test");
	assert_int_equal(asked(fd, &request, sizeof(request)), CLOCKBOUND_CONTROL_OK);
	close(fd);
}

static void bad_requests_are_told_why(void **state)
{
	struct clockbound_control_request request = good();
	uint8_t big[100];
	int fd = connected();
	size_t i;

	(void)state;
	memset(big, 0, sizeof(big));
	memcpy(big, &request, sizeof(request));
	assert_int_equal(asked(fd, &request, 1), CLOCKBOUND_CONTROL_BAD_REQUEST);
	assert_int_equal(asked(fd, &request, 7), CLOCKBOUND_CONTROL_BAD_REQUEST);
	assert_int_equal(asked(fd, &request, sizeof(request) - 1), CLOCKBOUND_CONTROL_BAD_REQUEST);
	assert_int_equal(asked(fd, big, sizeof(request) + 1), CLOCKBOUND_CONTROL_BAD_REQUEST);
	assert_int_equal(asked(fd, big, sizeof(big)), CLOCKBOUND_CONTROL_BAD_REQUEST);
	for (i = offsetof(struct clockbound_control_request, kind); i < sizeof(request); i++) {
		request = good(); /* no event is asked for: `after` is as reserved as the others */
		((uint8_t *)&request)[i] = 1;
		assert_int_equal(asked(fd, &request, sizeof(request)), CLOCKBOUND_CONTROL_BAD_REQUEST);
	}
	request = good();
	request.magic++;
	assert_int_equal(asked(fd, &request, sizeof(request)), CLOCKBOUND_CONTROL_BAD_REQUEST);
	request = good();
	request.version = 2;
	assert_int_equal(asked(fd, &request, sizeof(request)), CLOCKBOUND_CONTROL_BAD_VERSION);
	request = good();
	request.request = 0;
	assert_int_equal(asked(fd, &request, sizeof(request)), CLOCKBOUND_CONTROL_UNKNOWN_REQUEST);
	request.request = 6;
	assert_int_equal(asked(fd, &request, sizeof(request)), CLOCKBOUND_CONTROL_UNKNOWN_REQUEST);
	request = good();
	assert_int_equal(asked(fd, &request, sizeof(request)), CLOCKBOUND_CONTROL_OK);
	close(fd);
}

static bool is_dropped(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void a_silent_client_is_dropped_and_a_talking_one_is_not(void **state)
{
	struct clockbound_control_request request = good();
	int silent = connected();
	int talking;

	(void)state;
	serve();
	talking = connected();
	serve();
	now_ns += CBD_CONTROL_IDLE_NS - 1;
	cbd_control_on_tick(&control, now_ns);
	assert_false(is_dropped(silent));
	assert_int_equal(asked(talking, &request, sizeof(request)), CLOCKBOUND_CONTROL_OK);
	now_ns += 1;
	cbd_control_on_tick(&control, now_ns);
	assert_true(is_dropped(silent));
	assert_false(is_dropped(talking));
	close(silent);
	close(talking);
}

static void the_seventeenth_client_of_a_user_takes_the_place_of_his_quietest(void **state)
{
	struct clockbound_control_request request = good();
	int fd[CBD_CONTROL_OF_ONE + 1];
	int i;

	(void)state;
	for (i = 0; i <= CBD_CONTROL_OF_ONE; i++) {
		now_ns++;
		fd[i] = connected();
		serve();
		if (i == 1) {
			now_ns++;
			assert_int_equal(asked(fd[0], &request, sizeof(request)), CLOCKBOUND_CONTROL_OK);
		}
	}
	assert_false(is_dropped(fd[0]));
	assert_true(is_dropped(fd[1]));
	for (i = 0; i <= CBD_CONTROL_OF_ONE; i++) {
		if (i != 1) {
			assert_int_equal(asked(fd[i], &request, sizeof(request)), CLOCKBOUND_CONTROL_OK);
		}
		close(fd[i]);
	}
}

/* Requests without end, answers never read: the server must come back each time. */
static void a_client_who_does_not_read_is_dropped(void **state)
{
	struct clockbound_control_request request = good();
	int fd = connected();
	int sent = 0;

	(void)state;
	while (sent < 100000 && (send(fd, &request, sizeof(request), MSG_NOSIGNAL) > 0 || errno == EAGAIN)) {
		cbd_control_on_ready(&control, now_ns);
		sent++;
	}
	assert_true(sent < 100000);
	close(fd);
}

/* A poll may be waiting: each wake-up does no more than one answer a client, and takes one newcomer. */
static void a_flood_of_requests_gets_one_answer_a_client_at_each_wake_up(void **state)
{
	struct clockbound_control_request request = good();
	struct clockbound_control_status status;
	int fd[CBD_CONTROL_OF_ONE];
	int i;
	int k;

	(void)state;
	for (i = 0; i < CBD_CONTROL_OF_ONE; i++) {
		fd[i] = connected();
		serve();
		for (k = 0; k < 5; k++) {
			assert_int_equal(send(fd[i], &request, sizeof(request), MSG_NOSIGNAL),
					 sizeof(request));
		}
	}
	/* The first ones were served while others came: begin with empty queues of answers. */
	for (i = 0; i < CBD_CONTROL_OF_ONE; i++) {
		while (recv(fd[i], &status, sizeof(status), 0) > 0) {
		}
	}
	fills = 0;
	assert_int_equal(send(fd[0], &request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
	assert_int_equal(send(fd[0], &request, sizeof(request), MSG_NOSIGNAL), sizeof(request));
	cbd_control_on_ready(&control, now_ns);
	assert_true(fills > 0 && fills <= CBD_CONTROL_OF_ONE);
	assert_int_equal(recv(fd[0], &status, sizeof(status), 0), sizeof(status));
	assert_int_equal(recv(fd[0], &status, sizeof(status), 0), -1);
	for (i = 0; i < CBD_CONTROL_OF_ONE; i++) {
		close(fd[i]);
	}
}

static void a_client_who_left_frees_his_place(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 3 * CBD_CONTROL_CLIENTS; i++) {
		int fd = connected();

		serve();
		close(fd);
		serve();
	}
	for (i = 0; i < CBD_CONTROL_CLIENTS; i++) {
		assert_int_equal(control.client[i].fd, -1);
	}
}

static void a_dead_daemons_socket_is_replaced_and_ours_is_removed(void **state)
{
	struct cbd_control second;
	struct stat found;

	(void)state;
	close(control.listen_fd); /* as a killed daemon leaves it */
	close(control.event_fd);
	assert_int_equal(cbd_control_open(&second, &scratch_dir, fill, NULL), 0);
	control = second;
	close(connected());
	cbd_control_close(&control);
	assert_int_equal(stat(scratch_file(CBD_CONTROL_NAME), &found), -1);
	assert_int_equal(cbd_control_open(&control, &scratch_dir, fill, NULL), 0);
}

static void anothers_socket_in_our_place_is_not_removed(void **state)
{
	struct cbd_control second;
	struct stat found;

	(void)state;
	assert_int_equal(cbd_control_open(&second, &scratch_dir, fill, NULL), 0);
	cbd_control_close(&control); /* the first: its name is the second's now */
	assert_int_equal(stat(scratch_file(CBD_CONTROL_NAME), &found), 0);
	control = second;
	close(connected());
}

static void a_socket_that_was_removed_is_made_anew(void **state)
{
	struct clockbound_control_request request = good();
	int early = connected();
	int late;

	(void)state;
	assert_int_equal(asked(early, &request, sizeof(request)), CLOCKBOUND_CONTROL_OK);
	cbd_control_check(&control, &scratch_dir); /* it is in its place */
	assert_int_equal(unlink(scratch_file(CBD_CONTROL_NAME)), 0);
	scratch_write(CBD_CONTROL_NAME, "x", 1);
	cbd_control_check(&control, &scratch_dir);
	assert_int_equal(asked(early, &request, sizeof(request)), CLOCKBOUND_CONTROL_OK);
	assert_int_equal(unlink(scratch_file(CBD_CONTROL_NAME)), 0);
	cbd_control_check(&control, &scratch_dir);
	late = connected();
	assert_int_equal(asked(late, &request, sizeof(request)), CLOCKBOUND_CONTROL_OK);
	assert_int_equal(asked(early, &request, sizeof(request)), CLOCKBOUND_CONTROL_OK);
	close(early);
	close(late);
}

static void what_is_no_socket_is_not_removed(void **state)
{
	struct cbd_control second;

	(void)state;
	cbd_control_close(&control);
	scratch_write(CBD_CONTROL_NAME, "x", 1);
	assert_int_equal(cbd_control_open(&second, &scratch_dir, fill, NULL), -EEXIST);
	assert_int_equal(unlink(scratch_file(CBD_CONTROL_NAME)), 0);
	assert_int_equal(cbd_control_open(&control, &scratch_dir, fill, NULL), 0);
}

static void a_directory_too_deep_for_a_socket_is_refused(void **state)
{
	char path[120];
	struct cbd_runtime_dir deep = {.path = path, .fd = scratch_dir.fd};
	struct cbd_control second;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(cbd_control_open(&second, &deep, fill, NULL), -ENAMETOOLONG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(status_is_answered_to_everybody),
		TEST(bad_requests_are_told_why),
		TEST(a_silent_client_is_dropped_and_a_talking_one_is_not),
		TEST(the_seventeenth_client_of_a_user_takes_the_place_of_his_quietest),
		TEST(a_client_who_does_not_read_is_dropped),
		TEST(a_flood_of_requests_gets_one_answer_a_client_at_each_wake_up),
		TEST(a_client_who_left_frees_his_place),
		TEST(a_dead_daemons_socket_is_replaced_and_ours_is_removed),
		TEST(anothers_socket_in_our_place_is_not_removed),
		TEST(a_socket_that_was_removed_is_made_anew),
		TEST(what_is_no_socket_is_not_removed),
		TEST(a_directory_too_deep_for_a_socket_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
