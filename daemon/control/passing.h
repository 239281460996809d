/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that are on their way to clients. One that was sent and is not read counts against the daemon's user in the
 * kernel, whose limit other processes share, and goes on to count when the connection is closed. So such a connection
 * is kept until it is read: aside, so that it costs nobody a place. One thread.
 */
#ifndef CBD_CONTROL_PASSING_H
#define CBD_CONTROL_PASSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Under way at a time. A quarter of what a process may have open by default (1024), which is the kernel's limit too. */
#define CBD_PASSING_MAX 256
/* Of these, of one user. */
#define CBD_PASSING_OF_ONE 16
/* Of these, for root and the daemon's own user alone. */
#define CBD_PASSING_RESERVED 32

struct cbd_passing_one {
	int fd; /* of a connection; -1: free */
	int64_t uid;
};

struct cbd_passing {
	struct cbd_passing_one aside[CBD_PASSING_MAX];
};

/* cbd_passing_init - nothing is aside */
void cbd_passing_init(struct cbd_passing *passing);

/* cbd_passing_is_read - whether the client at the other end of @fd has taken all that was sent to him */
bool cbd_passing_is_read(int fd);

/* cbd_passing_put_aside - keeps @fd until it is read, and answers it no more; closed at once if it is read */
void cbd_passing_put_aside(struct cbd_passing *passing, int fd, int64_t uid);

/* cbd_passing_sweep - closes what has been read */
void cbd_passing_sweep(struct cbd_passing *passing);

/*
 * cbd_passing_may - whether one more may be sent to @uid (-1: not known), of whom @mine and of all @all are under way in
 * connections that are not aside. Sweeps.
 */
bool cbd_passing_may(struct cbd_passing *passing, int64_t uid, size_t mine, size_t all);

/* cbd_passing_close - closes everything */
void cbd_passing_close(struct cbd_passing *passing);

#endif
