/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Unix datagram socket to chronyd: bound where chronyd can answer, connected, bound and connected again
 * when chronyd or its directory came back. Never blocks, never judges what it carries. One thread: it sets the
 * process's umask for the time of a bind(). Layer: daemon/source.
 *
 * chronyd answers to the path that the client is bound to, as its own unprivileged user and, on Debian, under
 * an AppArmor profile that knows only its own run directory. So the client's socket stands beside chronyd's if
 * that directory can be written, else in the daemon's runtime directory, mode 0666 (directory 0711 or wider).
 */
#ifndef CBD_SOURCE_CHRONY_SOCKET_H
#define CBD_SOURCE_CHRONY_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

/* As sun_path: 107 bytes and the NUL, without which chronyd drops the request. */
#define CBD_CHRONY_PATH_MAX sizeof(((struct sockaddr_un *)0)->sun_path)

struct cbd_chrony_socket {
	int epoll_fd; /* what the daemon's loop watches; the same for the socket's whole life */
	int fd;	      /* -1: closed */
	dev_t own_device;
	ino_t own_inode; /* of own_path, as bound */
	dev_t peer_device;
	ino_t peer_inode; /* of peer_path, as connected */
	uint64_t opened;  /* how often the socket was bound and connected */
	char peer_path[CBD_CHRONY_PATH_MAX];
	char own_path[CBD_CHRONY_PATH_MAX];    /* "" while closed */
	char runtime_dir[CBD_CHRONY_PATH_MAX]; /* "": none */
	char text[512];			       /* why the last cbd_chrony_socket_open() failed */
};

/*
 * cbd_chrony_socket_init - a closed socket
 * @peer_path:   chronyd's socket, absolute; @runtime_dir: the daemon's, or NULL
 * Returns 0, -ENAMETOOLONG or -EINVAL for a path that no socket can have (text says which), or what
 * epoll_create1() fails with. After an error cbd_chrony_socket_close() may be called and does nothing.
 */
int cbd_chrony_socket_init(struct cbd_chrony_socket *self, const char *peer_path, const char *runtime_dir);

/* cbd_chrony_socket_is_intact - open, and both paths still are what was bound and connected */
bool cbd_chrony_socket_is_intact(const struct cbd_chrony_socket *self);

/*
 * cbd_chrony_socket_open - binds and connects anew, whatever was before
 * What killed daemons left where it binds is removed: sockets clockbound.PID.sock of no process, open nowhere.
 * Returns 0 or -errno with the reason, and what to do, in self->text.
 */
int cbd_chrony_socket_open(struct cbd_chrony_socket *self);

/*
 * cbd_chrony_socket_send - one datagram, after what is still queued from earlier requests has been thrown away
 * @drained: the number of datagrams thrown away is added to it
 * Returns 0, -EAGAIN (chronyd's queue is full), -ECONNREFUSED or -ENOTCONN (chronyd is gone: open again), or
 * another -errno.
 */
int cbd_chrony_socket_send(struct cbd_chrony_socket *self, const void *data, size_t length,
			   uint64_t *drained);

/*
 * cbd_chrony_socket_receive - one datagram
 * Returns its length, which is more than @size if it did not fit; -EAGAIN if there is none; or -errno.
 */
ssize_t cbd_chrony_socket_receive(struct cbd_chrony_socket *self, void *data, size_t size);

/* cbd_chrony_socket_close - closes, and unlinks the own path if it still is this socket's */
void cbd_chrony_socket_close(struct cbd_chrony_socket *self);

/* cbd_chrony_socket_destroy - closes for good, the epoll descriptor too */
void cbd_chrony_socket_destroy(struct cbd_chrony_socket *self);

#endif
