/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells systemd what the daemon is doing (sd_notify(3)'s protocol, without its library). Does nothing where
 * nobody listens. Never blocks. One thread.
 */
#ifndef CBD_NOTIFY_H
#define CBD_NOTIFY_H

#include <stdbool.h>

struct cbd_notify {
	int fd; /* -1: nobody listens */
	bool is_ready;
	bool has_watchdog;
};

/* cbd_notify_open - reads NOTIFY_SOCKET and WATCHDOG_USEC from the environment */
void cbd_notify_open(struct cbd_notify *notify);

/* cbd_notify_published - something was published: READY=1 the first time, then WATCHDOG=1 if that is wanted */
void cbd_notify_published(struct cbd_notify *notify);

/* cbd_notify_close - STOPPING=1 */
void cbd_notify_close(struct cbd_notify *notify);

#endif
