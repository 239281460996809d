/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a daemon for its own account over clockbound.sock: one packet there, one back, checked. */
#include "bench/own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_SECONDS 1

static bool fail(const char *path, const char *what, char detail[CBB_DETAIL_MAX])
{
	(void)snprintf(detail, CBB_DETAIL_MAX, "%.120s: %.120s", path, what);
	return false;
}

static bool is_good(const struct clockbound_control_reply *reply, ssize_t size)
{
	return size == (ssize_t)sizeof(struct clockbound_control_status) &&
	       reply->magic == CLOCKBOUND_CONTROL_MAGIC && reply->version == CLOCKBOUND_CONTROL_VERSION &&
	       reply->request == CLOCKBOUND_CONTROL_STATUS && reply->result == CLOCKBOUND_CONTROL_OK;
}

bool cbb_ask_status(const char *directory, struct clockbound_control_status *status,
		    char detail[CBB_DETAIL_MAX])
{
	const struct clockbound_control_request request = {
		.magic = CLOCKBOUND_CONTROL_MAGIC,
		.version = CLOCKBOUND_CONTROL_VERSION,
		.request = CLOCKBOUND_CONTROL_STATUS,
	};
	const struct timeval wait = {.tv_sec = WAIT_SECONDS, .tv_usec = 0};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	ssize_t size = -1;
	int error;
	int fd;

	memset(status, 0, sizeof(*status));
	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/clockbound.sock", directory) >=
	    (int)sizeof(address.sun_path)) {
		return fail(directory, "this directory's name is too long for a socket in it", detail);
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, &request, sizeof(request), MSG_NOSIGNAL) == (ssize_t)sizeof(request)) {
		size = recv(fd, status, sizeof(*status), 0);
	}
	error = errno;
	if (fd >= 0) {
		(void)close(fd);
	}
	if (size < 0) {
		return fail(address.sun_path,
			    error == EAGAIN || error == EWOULDBLOCK ? "no answer within a second"
								    : strerror(error),
			    detail);
	}
	status->probe_reason[sizeof(status->probe_reason) - 1] = '\0';
	return is_good(&status->reply, size) ||
	       fail(address.sun_path, "the answer is not one of this version's daemon", detail);
}
