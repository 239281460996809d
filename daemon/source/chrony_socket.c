/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens, watches and closes the client's datagram socket. Every call is non-blocking. Layer: daemon/source.
 */
#include "daemon/source/chrony_socket.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a connected socket can hold is bounded by its buffer: some hundred small datagrams. More than this many
 * left from earlier requests are told apart by their sequence instead. */
#define DRAIN_MAX 256

__attribute__((format(printf, 3, 4))) static int failed(struct cbd_chrony_socket *self, int error,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(self->text, sizeof(self->text), format, arguments);
	va_end(arguments);
	return error;
}

static bool copy_path(char *to, const char *from)
{
	size_t length = strlen(from);

	if (length >= CBD_CHRONY_PATH_MAX) {
		return false;
	}
	memcpy(to, from, length + 1);
	return true;
}

int cbd_chrony_socket_init(struct cbd_chrony_socket *self, const char *peer_path, const char *runtime_dir)
{
	memset(self, 0, sizeof(*self));
	self->fd = -1;
	self->epoll_fd = -1;
	if (peer_path[0] != '/') {
		return failed(self, -EINVAL, "chronyd's socket '%s' is not an absolute path", peer_path);
	}
	if (!copy_path(self->peer_path, peer_path)) {
		return failed(self, -ENAMETOOLONG, "path of chronyd's socket '%s' is longer than %zu bytes",
			      peer_path, CBD_CHRONY_PATH_MAX - 1);
	}
	if (runtime_dir != NULL && !copy_path(self->runtime_dir, runtime_dir)) {
		return failed(self, -ENAMETOOLONG, "runtime directory '%s' is longer than %zu bytes",
			      runtime_dir, CBD_CHRONY_PATH_MAX - 1);
	}
	self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return self->epoll_fd >= 0 ? 0 : failed(self, -errno, "epoll_create1: %s", strerror(errno));
}

static bool is_same_file(const char *path, dev_t device, ino_t inode)
{
	struct stat status;

	return stat(path, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

bool cbd_chrony_socket_is_intact(const struct cbd_chrony_socket *self)
{
	return self->fd >= 0 && is_same_file(self->own_path, self->own_device, self->own_inode) &&
	       is_same_file(self->peer_path, self->peer_device, self->peer_inode);
}

/* The pid in the name of a client's socket, clockbound.PID.sock; 0 if it is no such name. */
static long pid_of(const char *name)
{
	static const char prefix[] = "clockbound.";
	char *end = NULL;
	long pid;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0) {
		return 0;
	}
	pid = strtol(name + sizeof(prefix) - 1, &end, 10);
	return pid > 0 && pid <= INT32_MAX && strcmp(end, ".sock") == 0 ? pid : 0;
}

/*
 * Nobody has the socket @path open. Asked of the socket itself, since a pid that does not exist here may exist in
 * another container that shares the directory.
 */
static bool is_abandoned(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool is_refused;

	if (fd < 0) {
		return false;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	is_refused =
		connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 && errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

/* Removes the sockets that killed daemons left in @directory, else each of them leaves one for ever. */
static void sweep(const char *directory)
{
	char path[CBD_CHRONY_PATH_MAX];
	DIR *stream = opendir(directory);
	const struct dirent *entry;
	struct stat status;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		long pid = pid_of(entry->d_name);
		int length;

		if (pid == 0 || kill((pid_t)pid, 0) == 0 || errno != ESRCH) {
			continue;
		}
		length = snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (length > 0 && (size_t)length < sizeof(path) && lstat(path, &status) == 0 &&
		    S_ISSOCK(status.st_mode) && is_abandoned(path)) {
			unlink(path);
		}
	}
	if (stream != NULL) {
		closedir(stream);
	}
}

/* Binds in @directory; on failure leaves nothing behind. Returns 0 or -errno. */
static int bind_in(struct cbd_chrony_socket *self, const char *directory)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat status;
	mode_t umask_before;
	int length = snprintf(self->own_path, sizeof(self->own_path), "%s/clockbound.%ld.sock", directory,
			      (long)getpid());
	int error;

	if (length < 0 || (size_t)length >= sizeof(self->own_path)) {
		self->own_path[0] = '\0';
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, self->own_path, (size_t)length + 1);
	/* What an earlier process with this pid left behind. Nothing but a socket is removed. */
	if (lstat(self->own_path, &status) == 0 && S_ISSOCK(status.st_mode)) {
		unlink(self->own_path);
	}
	/* chronyd's user must be able to write the socket. By umask, not by chmod() afterwards: between the two
	 * somebody else could put another file in this place. */
	umask_before = umask(0111);
	error = bind(self->fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
	umask(umask_before);
	if (error == 0 && stat(self->own_path, &status) != 0) {
		error = -errno;
	}
	if (error != 0) {
		self->own_path[0] = '\0';
		return error;
	}
	self->own_device = status.st_dev;
	self->own_inode = status.st_ino;
	sweep(directory);
	return 0;
}

/* Beside chronyd's socket if possible, else in the daemon's own directory. */
static int bind_where_possible(struct cbd_chrony_socket *self)
{
	char path[CBD_CHRONY_PATH_MAX];
	const char *directory;
	int beside;
	int error;

	memcpy(path, self->peer_path, sizeof(path));
	directory = dirname(path);
	beside = bind_in(self, directory);
	if (beside == 0) {
		return 0;
	}
	if (self->runtime_dir[0] == '\0') {
		return failed(self, beside, "bind a socket in %s: %s", directory, strerror(-beside));
	}
	error = bind_in(self, self->runtime_dir);
	if (error != 0) {
		return failed(self, error, "bind a socket in %s: %s; in %s: %s", directory, strerror(-beside),
			      self->runtime_dir, strerror(-error));
	}
	return 0;
}

/* What a person can do about it, as the end of a sentence. */
static const char *advice_for(int error)
{
	switch (error) {
	case ENOENT:
		return ": chronyd is not running, or its socket is elsewhere (--chrony-socket)";
	case EACCES:
		return ": run as the user that chronyd runs as, or as root";
	case ECONNREFUSED:
		return ": chronyd is not running";
	case EPROTOTYPE:
	case ENOTSOCK:
		return ": this is not chronyd's command socket";
	default:
		return "";
	}
}

static int connect_to_peer(struct cbd_chrony_socket *self)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, self->peer_path, sizeof(address.sun_path));
	if (connect(self->fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		return 0;
	}
	return failed(self, -errno, "connect to %s: %s%s", self->peer_path, strerror(errno),
		      advice_for(errno));
}

int cbd_chrony_socket_open(struct cbd_chrony_socket *self)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct stat peer;
	int error;

	cbd_chrony_socket_close(self);
	/* Before connect(), so that a chronyd that comes between the two is noticed at the next poll. */
	if (stat(self->peer_path, &peer) != 0) {
		return failed(self, -errno, "chronyd's socket %s: %s%s", self->peer_path, strerror(errno),
			      advice_for(errno));
	}
	self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (self->fd < 0) {
		return failed(self, -errno, "socket: %s", strerror(errno));
	}
	error = bind_where_possible(self);
	if (error == 0) {
		error = connect_to_peer(self);
	}
	if (error == 0 && epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->fd, &event) != 0) {
		error = failed(self, -errno, "epoll_ctl: %s", strerror(errno));
	}
	if (error != 0) {
		cbd_chrony_socket_close(self);
		return error;
	}
	self->peer_device = peer.st_dev;
	self->peer_inode = peer.st_ino;
	self->opened++;
	return 0;
}

int cbd_chrony_socket_send(struct cbd_chrony_socket *self, const void *data, size_t length, uint64_t *drained)
{
	uint8_t rest[1];
	ssize_t sent;

	if (self->fd < 0) {
		return -ENOTCONN;
	}
	for (int i = 0; i < DRAIN_MAX && cbd_chrony_socket_receive(self, rest, sizeof(rest)) >= 0; i++) {
		(*drained)++;
	}
	sent = send(self->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0) {
		return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -errno;
	}
	return 0;
}

ssize_t cbd_chrony_socket_receive(struct cbd_chrony_socket *self, void *data, size_t size)
{
	ssize_t length;

	if (self->fd < 0) {
		return -EAGAIN;
	}
	/* MSG_TRUNC returns the datagram's own length, so a cut one is never taken for a short one. */
	length = recv(self->fd, data, size, MSG_DONTWAIT | MSG_TRUNC);
	return length >= 0 ? length : -errno;
}

void cbd_chrony_socket_close(struct cbd_chrony_socket *self)
{
	if (self->own_path[0] != '\0' && is_same_file(self->own_path, self->own_device, self->own_inode)) {
		unlink(self->own_path);
	}
	self->own_path[0] = '\0';
	if (self->fd >= 0) {
		close(self->fd);
	}
	self->fd = -1;
}

void cbd_chrony_socket_destroy(struct cbd_chrony_socket *self)
{
	cbd_chrony_socket_close(self);
	if (self->epoll_fd >= 0) {
		close(self->epoll_fd);
	}
	self->epoll_fd = -1;
}
