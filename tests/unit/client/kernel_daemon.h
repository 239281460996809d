/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon that a thread plays: it answers requests for the kernel page with a file of the world in the place of the
 * map, and those for the VMClock with another. One a program, for its tests.
 */
#ifndef TESTS_UNIT_CLIENT_KERNEL_DAEMON_H
#define TESTS_UNIT_CLIENT_KERNEL_DAEMON_H

#include "tests/unit/client/world.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <clockbound/control.h>

/* The daemon that answers. Set while nobody asks. */
static struct {
	pthread_t thread;
	int listen_fd;
	_Atomic uint64_t id;	     /* 0: "none" */
	const char *_Atomic map;     /* the file handed out */
	const char *_Atomic vmclock; /* the file handed out as the VMClock; NULL: none */
	_Atomic bool is_silent;	     /* takes requests, answers none */
	_Atomic unsigned int asked;  /* packets that came */
	_Atomic bool is_ending;
} daemon_side;

/* Sends @size bytes of @reply, and @passed_fd, which it closes, unless that is -1. */
static inline void daemon_reply(int fd, void *reply, size_t size, int passed_fd)
{
	struct iovec part = {.iov_base = reply, .iov_len = size};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} rights = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (passed_fd >= 0) {
		memcpy(CMSG_DATA(&rights.head), &passed_fd, sizeof(passed_fd));
		message.msg_control = &rights;
		message.msg_controllen = sizeof(rights.bytes);
	}
	(void)sendmsg(fd, &message, MSG_NOSIGNAL);
	if (passed_fd >= 0) {
		close(passed_fd);
	}
}

static inline void answer_kernel_page(int fd, struct clockbound_control_reply head)
{
	uint64_t id = daemon_side.id;
	struct clockbound_control_kernel_page reply = {.reply = head, .has_page = id != 0, .id = id};

	reply.reply.size = sizeof(reply);
	daemon_reply(fd, &reply, sizeof(reply),
		     id != 0 ? open(world_path(daemon_side.map), O_RDWR | O_CLOEXEC) : -1);
}

static inline void answer_vmclock(int fd, struct clockbound_control_reply head)
{
	const char *name = daemon_side.vmclock;
	struct clockbound_control_vmclock reply = {
		.reply = head, .has_vmclock = name != NULL, .reason = "none here"};

	reply.reply.size = sizeof(reply);
	daemon_reply(fd, &reply, sizeof(reply),
		     name != NULL ? open(world_path(name), O_RDONLY | O_CLOEXEC) : -1);
}

static inline void daemon_answer(int fd)
{
	struct clockbound_control_request request;

	if (recv(fd, &request, sizeof(request), 0) != (ssize_t)sizeof(request) ||
	    request.magic != CLOCKBOUND_CONTROL_MAGIC) {
		return;
	}
	daemon_side.asked++;
	if (daemon_side.is_silent) {
		struct pollfd gone = {.fd = fd, .events = POLLIN};

		(void)poll(&gone, 1, 5000); /* until the reader has had enough */
		return;
	}
	{
		const struct clockbound_control_reply head = {.magic = CLOCKBOUND_CONTROL_MAGIC,
							      .version = CLOCKBOUND_CONTROL_VERSION,
							      .request = request.request,
							      .result = CLOCKBOUND_CONTROL_OK};

		if (request.request == CLOCKBOUND_CONTROL_KERNEL_PAGE) {
			answer_kernel_page(fd, head);
		} else if (request.request == CLOCKBOUND_CONTROL_VMCLOCK) {
			answer_vmclock(fd, head);
		}
	}
}

static inline void *daemon_serve(void *unused)
{
	(void)unused;
	for (;;) {
		int fd = accept(daemon_side.listen_fd, NULL, NULL);

		if (fd < 0 || daemon_side.is_ending) {
			if (fd >= 0) {
				close(fd);
			}
			return NULL;
		}
		daemon_answer(fd);
		close(fd);
	}
}

static inline struct sockaddr_un socket_address(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", world_path("clockbound.sock"));
	return address;
}

static inline void start_daemon(void)
{
	struct sockaddr_un address = socket_address();

	daemon_side.is_ending = false;
	daemon_side.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(daemon_side.listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(daemon_side.listen_fd, 8), 0);
	assert_int_equal(pthread_create(&daemon_side.thread, NULL, daemon_serve, NULL), 0);
}

static inline void stop_daemon(void)
{
	struct sockaddr_un address = socket_address();
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	daemon_side.is_ending = true;
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	pthread_join(daemon_side.thread, NULL);
	close(fd);
	close(daemon_side.listen_fd);
	unlink(address.sun_path);
}

#endif
