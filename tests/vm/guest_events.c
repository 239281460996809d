/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the daemon over its socket. See guest_events.h. */
#include "guest_events.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* The daemon answers at once, when it gets a processor. */
#define ANSWER_SECONDS 20

static bool ask(const char *dir, uint32_t number, uint64_t after, void *reply, size_t size)
{
	struct clockbound_control_request request = {.magic = CLOCKBOUND_CONTROL_MAGIC,
						     .version = CLOCKBOUND_CONTROL_VERSION,
						     .request = number,
						     .after = after};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {.tv_sec = ANSWER_SECONDS, .tv_usec = 0};
	ssize_t got = -1;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return false;
	}
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/clockbound.sock", dir);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, &request, sizeof(request), MSG_NOSIGNAL) == (ssize_t)sizeof(request)) {
		got = recv(fd, reply, size, 0);
	}
	(void)close(fd);
	return got == (ssize_t)size;
}

bool events_ask(const char *dir, uint64_t number, struct clockbound_control_events *out)
{
	return ask(dir, CLOCKBOUND_CONTROL_EVENTS, number, out, sizeof(*out)) &&
	       out->reply.result == CLOCKBOUND_CONTROL_OK;
}

bool events_status(const char *dir, struct clockbound_control_status *out)
{
	return ask(dir, CLOCKBOUND_CONTROL_STATUS, 0, out, sizeof(*out)) &&
	       out->reply.result == CLOCKBOUND_CONTROL_OK;
}

void events_print(const char *prefix, const struct clockbound_event *event)
{
	printf("%sevent %" PRIu64 " what=%" PRIu32 " call=%" PRIu32 " step_ns=%" PRId64
	       " uncertainty_ns=%" PRIu32 " modes=0x%" PRIx32 " result=%" PRId32 " pid=%" PRIu32
	       " comm=%.16s clock_epoch=%" PRIu32 " rate_epoch=%" PRIu32 "\n",
	       prefix, event->number, event->what, event->call, event->step_ns, event->uncertainty_ns,
	       event->modes, event->result, event->pid, event->comm, event->clock_epoch, event->rate_epoch);
}
