/* SPDX-License-Identifier: Apache-2.0 */
/* See timer.h. */
#include "daemon/probe/timer.h"

#include <errno.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* Year 2200: later than any step goes, and within 64 bits of ns. */
#define FAR_AHEAD_S 7258118400

static int arm(int fd)
{
	const struct itimerspec when = {.it_value = {.tv_sec = FAR_AHEAD_S}};

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, NULL) == 0 ? 0
												  : -errno;
}

int cbd_timer_open(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int result = fd < 0 ? -errno : arm(fd);

	if (result != 0 && fd >= 0) {
		close(fd);
	}
	return result != 0 ? result : fd;
}

bool cbd_timer_take(int fd)
{
	uint64_t expirations;
	bool is_stepped = false;

	/* Arming may itself say that it was cancelled meanwhile (ECANCELED), and is armed all the same. */
	if (read(fd, &expirations, sizeof(expirations)) < 0) {
		is_stepped = errno == ECANCELED;
	} else {
		is_stepped = true; /* the year 2200, by a step */
	}
	if (is_stepped && arm(fd) == -ECANCELED) {
		arm(fd);
	}
	return is_stepped;
}
