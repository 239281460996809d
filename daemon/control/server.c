/* SPDX-License-Identifier: Apache-2.0 */
/* See server.h. The sockets stand in an epoll set of their own, which the loop watches as one descriptor. */
/* struct ucred */
#define _GNU_SOURCE /* NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
#include "daemon/control/server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/control/answer.h"
#include "daemon/log.h"

#define UNPRIVILEGED_PATH "/proc/sys/kernel/unprivileged_bpf_disabled"

/* Index of the listening socket in the epoll set; clients have theirs. */
#define LISTENER CBD_CONTROL_CLIENTS

/* A descriptor is on its way to the client: while that is so, closing the connection would only hide it. */
static bool is_passing(struct cbd_control_client *client)
{
	client->has_passed = client->has_passed && !cbd_passing_is_read(client->fd);
	return client->has_passed;
}

/* Gives a client's place away; his descriptor, if one is on its way, is kept aside. */
static void drop(struct cbd_control *control, struct cbd_control_client *client)
{
	if (is_passing(client)) {
		(void)epoll_ctl(control->event_fd, EPOLL_CTL_DEL, client->fd, NULL);
		cbd_passing_put_aside(&control->passing, client->fd, client->uid);
	} else {
		close(client->fd); /* leaves the epoll set too */
	}
	client->fd = -1;
}

static int watch(struct cbd_control *control, int fd, uint32_t index)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};

	return epoll_ctl(control->event_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

/* Who has connected; -1 if the kernel does not say. */
static int64_t uid_of(int fd)
{
	struct ucred asker;
	socklen_t size = sizeof(asker);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &asker, &size) == 0 ? (int64_t)asker.uid : -1;
}

static bool is_older(const struct cbd_control_client *client, const struct cbd_control_client *than)
{
	return than == NULL || client->last_mono_ns < than->last_mono_ns;
}

/*
 * A free place, or that of whoever has been silent longest: a newcomer is always served. Who has as many places as one
 * user may have displaces himself.
 */
static struct cbd_control_client *make_place(struct cbd_control *control, int64_t uid)
{
	struct cbd_control_client *oldest = NULL;
	struct cbd_control_client *own = NULL;
	struct cbd_control_client *place = NULL;
	size_t count = 0;
	size_t i;

	for (i = 0; i < CBD_CONTROL_CLIENTS; i++) {
		struct cbd_control_client *client = &control->client[i];

		if (client->fd < 0) {
			place = client;
			continue;
		}
		oldest = is_older(client, oldest) ? client : oldest;
		if (client->uid == uid) {
			own = is_older(client, own) ? client : own;
			count++;
		}
	}
	if (count >= CBD_CONTROL_OF_ONE) {
		place = own;
	} else if (place == NULL) {
		place = oldest;
	}
	if (place->fd >= 0) {
		drop(control, place);
	}
	return place;
}

/* The listener stays readable while no descriptor is to be had: it is not looked at until the next tick. */
static void turn_deaf(struct cbd_control *control)
{
	(void)epoll_ctl(control->event_fd, EPOLL_CTL_DEL, control->listen_fd, NULL);
	control->is_deaf = true;
}

static void take_client(struct cbd_control *control, int64_t mono_ns)
{
	/* Blocking, as accepted: every call on it says MSG_DONTWAIT. */
	int fd = accept(control->listen_fd, NULL, NULL);
	struct cbd_control_client *client;
	int64_t uid;

	if (fd < 0) {
		/* Otherwise he is gone again, or another took him. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			turn_deaf(control);
		}
		return;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	uid = uid_of(fd);
	client = make_place(control, uid);
	*client = (struct cbd_control_client){.fd = fd, .last_mono_ns = mono_ns, .uid = uid};
	if (watch(control, fd, (uint32_t)(client - control->client)) != 0) {
		drop(control, client);
	}
}

/* One packet, with @passed_fd unless it is negative; false if it did not go at once. */
static bool send_answer(int fd, union cbd_control_answer *answer, int passed_fd)
{
	struct iovec part = {.iov_base = answer, .iov_len = answer->reply.size};
	union {
		struct cmsghdr head; /* aligns it */
		char bytes[CMSG_SPACE(sizeof(int))];
	} rights;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (passed_fd >= 0) {
		memset(&rights, 0, sizeof(rights));
		rights.head.cmsg_level = SOL_SOCKET;
		rights.head.cmsg_type = SCM_RIGHTS;
		rights.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&rights.head), &passed_fd, sizeof(passed_fd));
		message.msg_control = &rights;
		message.msg_controllen = sizeof(rights.bytes);
	}
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)answer->reply.size;
}

static bool may_pass(struct cbd_control *control, int64_t uid)
{
	size_t mine = 0;
	size_t all = 0;
	size_t i;

	for (i = 0; i < CBD_CONTROL_CLIENTS; i++) {
		struct cbd_control_client *client = &control->client[i];

		if (client->fd >= 0 && is_passing(client)) {
			mine += client->uid == uid;
			all++;
		}
	}
	return cbd_passing_may(&control->passing, uid, mine, all);
}

/* With the descriptor where that can be: an answer without it says why. */
static bool send_passing(struct cbd_control *control, struct cbd_control_client *client,
			 union cbd_control_answer *answer, int passed_fd)
{
	if (passed_fd >= 0 && is_passing(client)) {
		cbd_control_answer_withhold(answer, "read the former answer first, which has a descriptor");
		passed_fd = -1;
	} else if (passed_fd >= 0 && !may_pass(control, client->uid)) {
		cbd_control_answer_withhold(answer, "too many descriptors wait to be read");
		passed_fd = -1;
	}
	if (passed_fd < 0) {
		return send_answer(client->fd, answer, -1);
	}
	client->has_passed = send_answer(client->fd, answer, passed_fd);
	if (!client->has_passed) {
		char why[96];

		snprintf(why, sizeof(why), "cannot send the descriptor: %s", strerror(errno));
		cbd_control_answer_withhold(answer, why);
		return send_answer(client->fd, answer, -1);
	}
	return true;
}

static void answer(struct cbd_control *control, struct cbd_control_client *client, int64_t mono_ns)
{
	struct clockbound_control_request request;
	union cbd_control_answer made;
	ssize_t length;
	int passed_fd;

	memset(&request, 0, sizeof(request));
	length = recv(client->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);
	if (length <= 0) {
		drop(control, client);
		return;
	}
	client->last_mono_ns = mono_ns;
	control->asker_uid = client->uid;
	passed_fd = cbd_control_answer_make(control, &request, (size_t)length, &made);
	if (!send_passing(control, client, &made, passed_fd)) {
		drop(control, client);
	}
}

void cbd_control_on_ready(struct cbd_control *control, int64_t mono_ns)
{
	struct epoll_event event[CBD_CONTROL_CLIENTS + 1];
	int count = epoll_wait(control->event_fd, event, CBD_CONTROL_CLIENTS + 1, 0);
	bool has_newcomer = false;
	int i;

	for (i = 0; i < count; i++) {
		if (event[i].data.u32 == LISTENER) {
			has_newcomer = true; /* last: he may take the place of one who is in this list */
		} else if (control->client[event[i].data.u32].fd >= 0) {
			answer(control, &control->client[event[i].data.u32], mono_ns);
		}
	}
	if (has_newcomer) {
		take_client(control, mono_ns);
	}
}

void cbd_control_on_tick(struct cbd_control *control, int64_t mono_ns)
{
	size_t i;

	for (i = 0; i < CBD_CONTROL_CLIENTS; i++) {
		struct cbd_control_client *client = &control->client[i];

		if (client->fd >= 0 && mono_ns - client->last_mono_ns >= CBD_CONTROL_IDLE_NS) {
			drop(control, client);
		}
	}
	cbd_passing_sweep(&control->passing);
	if (control->is_deaf) {
		control->is_deaf = watch(control, control->listen_fd, LISTENER) != 0;
	}
}

/* Removes what a dead daemon left. We hold the directory's lock, so its owner is dead. */
static int clear_path(int dir_fd)
{
	struct stat found;

	if (fstatat(dir_fd, CBD_CONTROL_NAME, &found, AT_SYMLINK_NOFOLLOW) != 0) {
		return errno == ENOENT ? 0 : -errno;
	}
	if (!S_ISSOCK(found.st_mode)) {
		return -EEXIST;
	}
	return unlinkat(dir_fd, CBD_CONTROL_NAME, 0) == 0 ? 0 : -errno;
}

static int bind_and_listen(int fd, const struct cbd_runtime_dir *dir, struct cbd_file_id *id)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat bound;
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/" CBD_CONTROL_NAME, dir->path);
	int result;

	if (length < 0 || (size_t)length >= sizeof(address.sun_path)) {
		return -ENAMETOOLONG;
	}
	result = clear_path(dir->fd);
	if (result != 0) {
		return result;
	}
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    fchmodat(dir->fd, CBD_CONTROL_NAME, 0666, 0) != 0 || listen(fd, CBD_CONTROL_BACKLOG) != 0 ||
	    fstatat(dir->fd, CBD_CONTROL_NAME, &bound, AT_SYMLINK_NOFOLLOW) != 0) {
		return -errno;
	}
	*id = (struct cbd_file_id){.device = bound.st_dev, .inode = bound.st_ino};
	return 0;
}

int cbd_control_open(struct cbd_control *control, const struct cbd_runtime_dir *dir, cbd_control_fill *fill,
		     void *context)
{
	int result = 0;
	size_t i;

	control->dir_fd = dir->fd;
	control->fill = fill;
	control->context = context;
	control->probe = NULL;
	control->vm = NULL;
	control->is_lost = false;
	control->is_deaf = false;
	if (getrandom(&control->start, sizeof(control->start), GRND_NONBLOCK) != sizeof(control->start)) {
		control->start =
			(uint32_t)getpid(); /* so early after boot another daemon is another process */
	}
	control->start |= control->start == 0;
	cbd_passing_init(&control->passing);
	control->asker_uid = -1;
	control->unprivileged_path = UNPRIVILEGED_PATH;
	for (i = 0; i < CBD_CONTROL_CLIENTS; i++) {
		control->client[i].fd = -1;
	}
	control->event_fd = epoll_create1(EPOLL_CLOEXEC);
	control->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (control->event_fd < 0 || control->listen_fd < 0) {
		result = -errno;
	}
	if (result == 0) {
		result = bind_and_listen(control->listen_fd, dir, &control->id);
	}
	if (result == 0) {
		result = watch(control, control->listen_fd, LISTENER);
	}
	if (result != 0) {
		cbd_log(CBD_LOG_ERROR, "control_failed", "cannot serve %s/" CBD_CONTROL_NAME ": %s%s",
			dir->path, strerror(-result),
			result == -EEXIST ? "; it is not a socket: remove it" : "");
		close(control->listen_fd);
		close(control->event_fd);
	}
	return result;
}

static bool is_in_place(const struct cbd_control *control)
{
	struct stat found;

	return fstatat(control->dir_fd, CBD_CONTROL_NAME, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
	       found.st_dev == control->id.device && found.st_ino == control->id.inode;
}

void cbd_control_check(struct cbd_control *control, const struct cbd_runtime_dir *dir)
{
	struct cbd_file_id id;
	int result;
	int fd;

	if (is_in_place(control)) {
		return;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	result = fd < 0 ? -errno : bind_and_listen(fd, dir, &id);
	if (result == 0) {
		result = watch(control, fd, LISTENER);
	}
	if (result == 0) {
		close(control->listen_fd); /* leaves the epoll set too */
		control->listen_fd = fd;
		control->id = id;
		control->is_lost = false;
		control->is_deaf = false;
		cbd_log(CBD_LOG_NOTICE, "control_renewed",
			"%s/" CBD_CONTROL_NAME " was removed or replaced: made anew", dir->path);
		return;
	}
	if (!control->is_lost) {
		cbd_log(CBD_LOG_WARNING, "control_failed",
			"%s/" CBD_CONTROL_NAME " was removed or replaced, and cannot be made anew: %s",
			dir->path, strerror(-result));
	}
	control->is_lost = true;
	if (fd >= 0) {
		close(fd);
	}
}

void cbd_control_set_probe(struct cbd_control *control, const struct cbd_control_probe *probe)
{
	control->probe = probe;
}

void cbd_control_set_vm(struct cbd_control *control, const struct cbd_control_vm *vm)
{
	control->vm = vm;
}

void cbd_control_close(struct cbd_control *control)
{
	size_t i;

	for (i = 0; i < CBD_CONTROL_CLIENTS; i++) {
		if (control->client[i].fd >= 0) {
			drop(control, &control->client[i]);
		}
	}
	cbd_passing_close(&control->passing);
	if (is_in_place(control)) {
		unlinkat(control->dir_fd, CBD_CONTROL_NAME, 0);
	}
	close(control->listen_fd);
	close(control->event_fd);
}
