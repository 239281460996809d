/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon that a thread plays: it answers requests for the kernel page with a file of the world in the place of the
 * map. One a program, for its tests.
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
	_Atomic uint64_t id;	    /* 0: "none" */
	const char *_Atomic map;    /* the file handed out */
	_Atomic bool is_silent;	    /* takes requests, answers none */
	_Atomic unsigned int asked; /* packets that came */
	_Atomic bool is_ending;
} daemon_side;

static inline void daemon_answer(int fd)
{
	struct clockbound_control_request request;
	uint64_t id = daemon_side.id;
	struct clockbound_control_kernel_page reply = {
		.reply = {CLOCKBOUND_CONTROL_MAGIC,
			  CLOCKBOUND_CONTROL_VERSION,
			  CLOCKBOUND_CONTROL_KERNEL_PAGE,
			  CLOCKBOUND_CONTROL_OK,
			  sizeof(reply),
			  {0}},
		.has_page = id != 0,
		.id = id,
	};
	struct iovec part = {.iov_base = &reply, .iov_len = sizeof(reply)};
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} rights = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	int map_fd = id != 0 ? open(world_path(daemon_side.map), O_RDWR | O_CLOEXEC) : -1;

	if (recv(fd, &request, sizeof(request), 0) == (ssize_t)sizeof(request) &&
	    request.magic == CLOCKBOUND_CONTROL_MAGIC && request.request == CLOCKBOUND_CONTROL_KERNEL_PAGE) {
		daemon_side.asked++;
		if (map_fd >= 0) {
			memcpy(CMSG_DATA(&rights.head), &map_fd, sizeof(map_fd));
			message.msg_control = &rights;
			message.msg_controllen = sizeof(rights.bytes);
		}
		if (!daemon_side.is_silent) {
			(void)sendmsg(fd, &message, MSG_NOSIGNAL);
		} else {
			struct pollfd gone = {.fd = fd, .events = POLLIN};

			(void)poll(&gone, 1, 5000); /* until the reader has had enough */
		}
	}
	if (map_fd >= 0) {
		close(map_fd);
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
