/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_system.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_adjtime */
#endif
#include "daemon/source/phc_system.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define PTP_MAGIC '='

_Static_assert(sizeof(struct cbd_phc_time) == 16, "ptp_clock_time");
_Static_assert(sizeof(struct cbd_phc_extended) == 1216, "ptp_sys_offset_extended");
_Static_assert(sizeof(struct cbd_phc_plain) == 832, "ptp_sys_offset");
_Static_assert(sizeof(struct cbd_phc_precise) == 64, "ptp_sys_offset_precise");
_Static_assert(sizeof(struct cbd_phc_caps) == 80, "ptp_clock_caps");

const unsigned long cbd_phc_request_caps = _IOR(PTP_MAGIC, 1, struct cbd_phc_caps);
const unsigned long cbd_phc_request_extended = _IOWR(PTP_MAGIC, 9, struct cbd_phc_extended);
const unsigned long cbd_phc_request_plain = _IOW(PTP_MAGIC, 5, struct cbd_phc_plain);
const unsigned long cbd_phc_request_precise = _IOWR(PTP_MAGIC, 8, struct cbd_phc_precise);

static int system_open(void *context, const char *path)
{
	/* Never for writing: older kernels let even readers drive the device's pins, and we want to change nothing. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	(void)context;
	return fd >= 0 ? fd : -errno;
}

static void system_close(void *context, int fd)
{
	(void)context;
	close(fd);
}

static int system_control(void *context, int fd, unsigned long request, void *argument)
{
	(void)context;
	return ioctl(fd, request, argument) == 0 ? 0 : -errno;
}

static int system_frequency(void *context, int fd, int64_t *frequency)
{
	/* The kernel's id of a clock that is a descriptor; without modes it is only asked. */
	clockid_t clock = (clockid_t)(~(unsigned int)fd << 3 | 3u);
	struct timex timex = {.modes = 0};

	(void)context;
	if (clock_adjtime(clock, &timex) < 0) {
		return -errno;
	}
	*frequency = timex.freq;
	return 0;
}

static int system_read_file(void *context, const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t length = 0;
	ssize_t got = 1;
	int result;

	(void)context;
	if (fd < 0) {
		return -errno;
	}
	while (got > 0 && length < size) {
		got = read(fd, text + length, size - length);
		if (got > 0) {
			length += (size_t)got;
		}
	}
	result = got < 0 ? -errno : (int)length;
	close(fd);
	if (result >= 0 && length >= size) {
		return -EFBIG;
	}
	if (result >= 0) {
		text[length] = '\0';
	}
	return result;
}

static int system_resolve(void *context, const char *path, char *resolved, size_t size)
{
	char *real = realpath(path, NULL);
	int result = 0;

	(void)context;
	if (real == NULL) {
		return -errno;
	}
	if (strlen(real) >= size) {
		result = -ENAMETOOLONG;
	} else {
		memcpy(resolved, real, strlen(real) + 1);
	}
	free(real);
	return result;
}

static int system_interface_index(void *context, const char *interface)
{
	struct ethtool_ts_info info = {.cmd = ETHTOOL_GET_TS_INFO};
	struct ifreq request = {.ifr_data = (void *)&info};
	int result;
	int fd;

	(void)context;
	if (strlen(interface) >= sizeof(request.ifr_name)) {
		return -ENAMETOOLONG;
	}
	memcpy(request.ifr_name, interface, strlen(interface) + 1);
	/* Any family takes this request; AF_UNIX is the one that a confined service surely has. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return -errno;
	}
	result = ioctl(fd, SIOCETHTOOL, &request) == 0 ? 0 : -errno;
	close(fd);
	if (result != 0) {
		return result;
	}
	return info.phc_index >= 0 ? info.phc_index : -ENODEV;
}

static int system_kernel_tai(void *context)
{
	struct timex timex = {.modes = 0};

	(void)context;
	return adjtimex(&timex) >= 0 ? timex.tai : 0;
}

const struct cbd_phc_system *cbd_phc_system(void)
{
	static const struct cbd_phc_system system = {
		.open_device = system_open,
		.close_device = system_close,
		.control = system_control,
		.frequency = system_frequency,
		.read_file = system_read_file,
		.resolve = system_resolve,
		.interface_index = system_interface_index,
		.kernel_tai = system_kernel_tai,
	};

	return &system;
}
