/* SPDX-License-Identifier: Apache-2.0 */
/* See notify.h. Source: sd_notify(3), "Notes" and the description of NOTIFY_SOCKET. */
#include "daemon/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"

static void tell(const struct cbd_notify *notify, const char *state)
{
	if (notify->fd >= 0 && send(notify->fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		cbd_log(CBD_LOG_DEBUG, "notify_failed", "NOTIFY_SOCKET did not take '%s'", state);
	}
}

void cbd_notify_open(struct cbd_notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = path != NULL ? strlen(path) : 0;

	notify->fd = -1;
	notify->is_ready = false;
	notify->has_watchdog = getenv("WATCHDOG_USEC") != NULL;
	if (length == 0 || length >= sizeof(address.sun_path)) {
		return;
	}
	memcpy(address.sun_path, path, length);
	if (path[0] == '@') {
		address.sun_path[0] = '\0'; /* an abstract name */
	}
	notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify->fd >= 0 && connect(notify->fd, (const struct sockaddr *)&address,
				       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) != 0) {
		cbd_log(CBD_LOG_WARNING, "notify_failed", "cannot reach NOTIFY_SOCKET %s", path);
		close(notify->fd);
		notify->fd = -1;
	}
}

void cbd_notify_published(struct cbd_notify *notify)
{
	if (!notify->is_ready) {
		notify->is_ready = true;
		tell(notify, "READY=1");
	} else if (notify->has_watchdog) {
		tell(notify, "WATCHDOG=1");
	}
}

void cbd_notify_close(struct cbd_notify *notify)
{
	tell(notify, "STOPPING=1");
	if (notify->fd >= 0) {
		close(notify->fd);
		notify->fd = -1;
	}
}
