/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the daemon for its own account, or for events, over clockbound.sock: one request, one reply, both checked.
 * What it does not say is no reason to doubt the page.
 */
#include "cbctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_SECONDS 1

static bool fail(char detail[CBC_DETAIL_MAX], const char *path, const char *what)
{
	(void)snprintf(detail, CBC_DETAIL_MAX, "%s: %s", path, what);
	return false;
}

static bool join_path(struct sockaddr_un *address, const char *directory, char detail[CBC_DETAIL_MAX])
{
	int length = snprintf(address->sun_path, sizeof(address->sun_path), "%s/clockbound.sock", directory);

	address->sun_family = AF_UNIX;
	if (length < 0 || (size_t)length >= sizeof(address->sun_path)) {
		return fail(detail, directory, "this directory's name is too long for a socket in it");
	}
	return true;
}

/* Every text ends within its field, whatever came. */
static void end_texts(struct clockbound_control_status *status)
{
	status->daemon_version[CLOCKBOUND_CONTROL_TEXT - 1] = '\0';
	status->chrony_socket[CLOCKBOUND_CONTROL_TEXT - 1] = '\0';
	status->counter_reason[CLOCKBOUND_CONTROL_TEXT - 1] = '\0';
	status->last_failure[CLOCKBOUND_CONTROL_TEXT - 1] = '\0';
	status->probe_reason[sizeof(status->probe_reason) - 1] = '\0';
	status->phc_device[sizeof(status->phc_device) - 1] = '\0';
	status->phc_method[sizeof(status->phc_method) - 1] = '\0';
	status->phc_reason[sizeof(status->phc_reason) - 1] = '\0';
}

/* A question, and the place for its whole answer. */
struct question {
	uint32_t request; /* CLOCKBOUND_CONTROL_* */
	uint64_t after;
	uint32_t kind;
	uint32_t for_ms;
	struct clockbound_control_reply *reply;
	size_t size;
};

static bool check_reply(const struct question *question, ssize_t size, const char *path,
			char detail[CBC_DETAIL_MAX])
{
	const struct clockbound_control_reply *reply = question->reply;

	if (size < (ssize_t)sizeof(*reply) || reply->magic != CLOCKBOUND_CONTROL_MAGIC ||
	    reply->request != question->request) {
		return fail(detail, path, "the answer is not one of ClockBound's daemon");
	}
	if (reply->version != CLOCKBOUND_CONTROL_VERSION || reply->result == CLOCKBOUND_CONTROL_BAD_VERSION) {
		return fail(detail, path,
			    "the daemon speaks another version of this protocol: use its own cbctl");
	}
	if (reply->result == CLOCKBOUND_CONTROL_NOT_ALLOWED) {
		return fail(detail, path, "the daemon was started without --allow-inject");
	}
	if (reply->result == CLOCKBOUND_CONTROL_NOT_PERMITTED) {
		return fail(detail, path, "only root and the daemon's own user may inject");
	}
	if (reply->result == CLOCKBOUND_CONTROL_NOT_VALID) {
		return fail(detail, path, "there is no valid bound now, and none is made up");
	}
	if (reply->result != CLOCKBOUND_CONTROL_OK) {
		return fail(detail, path, "the daemon refused the request: use its own cbctl");
	}
	if (size != (ssize_t)question->size || reply->size != question->size) {
		return fail(detail, path, "the daemon's answer has the wrong size: use its own cbctl");
	}
	return true;
}

static bool exchange(int fd, const struct sockaddr_un *address, const struct question *question,
		     char detail[CBC_DETAIL_MAX])
{
	const struct timeval wait = {.tv_sec = WAIT_SECONDS, .tv_usec = 0};
	const struct clockbound_control_request request = {
		.magic = CLOCKBOUND_CONTROL_MAGIC,
		.version = CLOCKBOUND_CONTROL_VERSION,
		.request = question->request,
		.after = question->after,
		.kind = question->kind,
		.for_ms = question->for_ms,
	};
	ssize_t size;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 ||
	    send(fd, &request, sizeof(request), MSG_NOSIGNAL) != (ssize_t)sizeof(request)) {
		return fail(detail, address->sun_path, strerror(errno));
	}
	size = recv(fd, question->reply, question->size, 0);
	if (size < 0) {
		return fail(detail, address->sun_path,
			    errno == EAGAIN || errno == EWOULDBLOCK ? "no answer within a second"
								    : strerror(errno));
	}
	return check_reply(question, size, address->sun_path, detail);
}

static bool ask(const char *directory, const struct question *question, char detail[CBC_DETAIL_MAX])
{
	struct sockaddr_un address;
	bool is_answered;
	int fd;

	memset(question->reply, 0, question->size);
	memset(&address, 0, sizeof(address));
	if (!join_path(&address, directory, detail)) {
		return false;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return fail(detail, address.sun_path, strerror(errno));
	}
	is_answered = exchange(fd, &address, question, detail);
	(void)close(fd);
	return is_answered;
}

bool cbc_daemon_ask(const char *directory, struct clockbound_control_status *status,
		    char detail[CBC_DETAIL_MAX])
{
	const struct question question = {
		.request = CLOCKBOUND_CONTROL_STATUS, .reply = &status->reply, .size = sizeof(*status)};
	bool is_answered = ask(directory, &question, detail);

	end_texts(status);
	return is_answered;
}

bool cbc_daemon_events(const char *directory, uint64_t after, struct clockbound_control_events *events,
		       char detail[CBC_DETAIL_MAX])
{
	const struct question question = {.request = CLOCKBOUND_CONTROL_EVENTS,
					  .after = after,
					  .reply = &events->reply,
					  .size = sizeof(*events)};

	if (!ask(directory, &question, detail)) {
		return false;
	}
	if (events->count > CLOCKBOUND_CONTROL_EVENTS_MAX) {
		return fail(detail, directory, "the daemon's answer makes no sense: use its own cbctl");
	}
	return true;
}

bool cbc_daemon_vmclock(const char *directory, struct clockbound_control_vmclock *vmclock,
			char detail[CBC_DETAIL_MAX])
{
	/* The descriptor that comes with it is the library's matter: what is not taken is closed. */
	const struct question question = {
		.request = CLOCKBOUND_CONTROL_VMCLOCK, .reply = &vmclock->reply, .size = sizeof(*vmclock)};
	bool is_answered = ask(directory, &question, detail);

	vmclock->path[sizeof(vmclock->path) - 1] = '\0';
	vmclock->reason[sizeof(vmclock->reason) - 1] = '\0';
	return is_answered;
}

bool cbc_daemon_inject(const char *directory, uint32_t kind, uint32_t for_ms, char detail[CBC_DETAIL_MAX])
{
	struct clockbound_control_reply reply;
	const struct question question = {.request = CLOCKBOUND_CONTROL_INJECT,
					  .kind = kind,
					  .for_ms = for_ms,
					  .reply = &reply,
					  .size = sizeof(reply)};

	return ask(directory, &question, detail);
}
