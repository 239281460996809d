/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A control server with a kernel page to hand out, and clients that ask it for that. For the tests that misuse it.
 */
#ifndef TESTS_UNIT_DAEMON_CONTROL_MAPS_H
#define TESTS_UNIT_DAEMON_CONTROL_MAPS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/control/server.h"
#include "tests/unit/daemon/publish/scratch.h"

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

#endif
