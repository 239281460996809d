/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the daemon for a descriptor, of the kernel page's map or of VMClock: one packet there, one back with it. Never
 * waits longer than it was told, never raises a signal, and says nothing about failures: for the kernel page the
 * file's epochs serve then.
 */
#include "client/src/context.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <clockbound/control.h>

/* Signals may cut a wait short so often; then the file's epochs serve. */
#define WAITS 4

/* What came with a packet: at most one descriptor is kept, any other is closed by the kernel. */
union rights {
	struct cmsghdr head; /* aligns it */
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* A daemon that starts is asked by all its readers at once: its queue may be full for some ms. */
static bool connect_to(int fd, const char *path, int wait_ms)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int tries;

	memcpy(address.sun_path, path, strnlen(path, sizeof(address.sun_path) - 1));
	for (tries = 0; tries <= wait_ms; tries++) {
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
			return true;
		}
		if (errno != EAGAIN && errno != EINTR) {
			return false;
		}
		(void)poll(NULL, 0, 1);
	}
	return false;
}

static bool send_request(int fd, uint32_t what)
{
	const struct clockbound_control_request request = {
		.magic = CLOCKBOUND_CONTROL_MAGIC,
		.version = CLOCKBOUND_CONTROL_VERSION,
		.request = what,
	};

	return send(fd, &request, sizeof(request), MSG_NOSIGNAL) == (ssize_t)sizeof(request);
}

static bool wait_for_answer(int fd, int wait_ms)
{
	struct pollfd wanted = {.fd = fd, .events = POLLIN};
	int waits;

	for (waits = 0; waits < WAITS; waits++) {
		int ready = poll(&wanted, 1, wait_ms);

		if (ready >= 0 || errno != EINTR) {
			return ready > 0;
		}
	}
	return false;
}

/* The descriptor of a packet that was received with @message, or -1. */
static int take_descriptor(struct msghdr *message)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(message);
	int fd;

	if (head == NULL || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof(fd))) {
		return -1;
	}
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

static bool receive(int fd, uint32_t what, struct clockbound_control_reply *answer, size_t size, int *passed)
{
	struct iovec part = {.iov_base = answer, .iov_len = size};
	union rights rights;
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &rights,
				 .msg_controllen = sizeof(rights.bytes)};
	ssize_t length;

	memset(answer, 0, size);
	memset(&rights, 0, sizeof(rights));
	length = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	*passed = length >= 0 ? take_descriptor(&message) : -1;
	if (length == (ssize_t)size && answer->magic == CLOCKBOUND_CONTROL_MAGIC &&
	    answer->version == CLOCKBOUND_CONTROL_VERSION && answer->request == what &&
	    answer->result == CLOCKBOUND_CONTROL_OK) {
		return true;
	}
	if (*passed >= 0) {
		(void)close(*passed);
		*passed = -1;
	}
	return false;
}

bool clockbound_priv_ask(const char *socket_path, uint32_t what, struct clockbound_control_reply *answer,
			 size_t size, int *passed, int wait_ms)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_answered;

	*passed = -1;
	if (fd < 0) {
		return false;
	}
	is_answered = connect_to(fd, socket_path, wait_ms) && send_request(fd, what) &&
		      wait_for_answer(fd, wait_ms) && receive(fd, what, answer, size, passed);
	(void)close(fd);
	return is_answered;
}

/* A file shorter than the page would fault: a map is no regular file. */
static bool is_whole(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 &&
	       (!S_ISREG(status.st_mode) || status.st_size >= (off_t)sizeof(struct clockbound_kernel_page));
}

int clockbound_priv_kernel_ask(const char *socket_path, uint64_t id, int wait_ms)
{
	struct clockbound_control_kernel_page answer;
	int map_fd;

	if (!clockbound_priv_ask(socket_path, CLOCKBOUND_CONTROL_KERNEL_PAGE, &answer.reply, sizeof(answer),
				 &map_fd, wait_ms)) {
		return -1;
	}
	if (map_fd >= 0 && answer.has_page == 1 && answer.id == id && is_whole(map_fd)) {
		return map_fd;
	}
	if (map_fd >= 0) {
		(void)close(map_fd);
	}
	return -1;
}

int clockbound_priv_vmclock_ask(const char *socket_path, int wait_ms, char *reason, size_t size)
{
	struct clockbound_control_vmclock answer;
	int fd;

	if (!clockbound_priv_ask(socket_path, CLOCKBOUND_CONTROL_VMCLOCK, &answer.reply, sizeof(answer), &fd,
				 wait_ms)) {
		(void)snprintf(reason, size, "it does not answer, or does not know of VMClock");
		return -1;
	}
	if (fd < 0) {
		(void)snprintf(reason, size, "%.*s", (int)sizeof(answer.reason) - 1, answer.reason);
	}
	return fd;
}
