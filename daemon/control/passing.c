/* SPDX-License-Identifier: Apache-2.0 */
/* See passing.h. */
#include "daemon/control/passing.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

void cbd_passing_init(struct cbd_passing *passing)
{
	size_t i;

	for (i = 0; i < CBD_PASSING_MAX; i++) {
		passing->aside[i].fd = -1;
	}
}

bool cbd_passing_is_read(int fd)
{
	int unread = 1;

	return ioctl(fd, SIOCOUTQ, &unread) == 0 && unread == 0;
}

void cbd_passing_put_aside(struct cbd_passing *passing, int fd, int64_t uid)
{
	size_t i;

	for (i = 0; i < CBD_PASSING_MAX && !cbd_passing_is_read(fd); i++) {
		if (passing->aside[i].fd < 0) {
			passing->aside[i] = (struct cbd_passing_one){.fd = fd, .uid = uid};
			(void)shutdown(fd, SHUT_RDWR); /* what was sent can still be read */
			return;
		}
	}
	close(fd); /* there is always room: cbd_passing_may() has looked */
}

void cbd_passing_sweep(struct cbd_passing *passing)
{
	size_t i;

	for (i = 0; i < CBD_PASSING_MAX; i++) {
		struct cbd_passing_one *one = &passing->aside[i];

		if (one->fd >= 0 && cbd_passing_is_read(one->fd)) {
			close(one->fd);
			one->fd = -1;
		}
	}
}

bool cbd_passing_may(struct cbd_passing *passing, int64_t uid, size_t mine, size_t all)
{
	bool is_trusted = uid == 0 || uid == (int64_t)geteuid();
	size_t i;

	cbd_passing_sweep(passing);
	for (i = 0; i < CBD_PASSING_MAX; i++) {
		all += passing->aside[i].fd >= 0;
		mine += passing->aside[i].fd >= 0 && passing->aside[i].uid == uid;
	}
	return mine < CBD_PASSING_OF_ONE &&
	       all < (is_trusted ? CBD_PASSING_MAX : CBD_PASSING_MAX - CBD_PASSING_RESERVED);
}

void cbd_passing_close(struct cbd_passing *passing)
{
	size_t i;

	for (i = 0; i < CBD_PASSING_MAX; i++) {
		if (passing->aside[i].fd >= 0) {
			close(passing->aside[i].fd);
			passing->aside[i].fd = -1;
		}
	}
}
