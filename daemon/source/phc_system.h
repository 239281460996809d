/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the PHC source asks of the machine: opening a device, its ioctls, files of /sys, an interface's PHC. A table
 * of functions, so that tests can answer as broken devices do. It judges nothing. Layer: daemon/source.
 */
#ifndef CBD_SOURCE_PHC_SYSTEM_H
#define CBD_SOURCE_PHC_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

/* The PTP clock's ioctls as the kernel has them since 5.0 (clockid: since 6.12); asserted in phc_system.c. */
#define CBD_PHC_SAMPLES_MAX 25

struct cbd_phc_time {
	int64_t sec;
	uint32_t nsec; /* 0 to 999999999; the sign is in sec */
	uint32_t reserved;
};

/* PTP_SYS_OFFSET_EXTENDED: the PHC showed stamp[i][1] at some instant between stamp[i][0] and stamp[i][2]. */
struct cbd_phc_extended {
	uint32_t n_samples;
	int32_t clockid; /* of the system's stamps; before 6.12 reserved, and 0 is CLOCK_REALTIME */
	uint32_t reserved[2];
	struct cbd_phc_time stamp[CBD_PHC_SAMPLES_MAX][3];
};

/* PTP_SYS_OFFSET: system, PHC, system, PHC, ..., system; all CLOCK_REALTIME. */
struct cbd_phc_plain {
	uint32_t n_samples;
	uint32_t reserved[3];
	struct cbd_phc_time stamp[2 * CBD_PHC_SAMPLES_MAX + 1];
};

/* PTP_SYS_OFFSET_PRECISE: all three at one instant, by cross time stamping. */
struct cbd_phc_precise {
	struct cbd_phc_time device;
	struct cbd_phc_time real;
	struct cbd_phc_time raw;
	uint32_t reserved[4];
};

/* PTP_CLOCK_GETCAPS */
struct cbd_phc_caps {
	int32_t max_adj; /* ppb by which the frequency can be dialled; 0: nobody can */
	int32_t others[19];
};

extern const unsigned long cbd_phc_request_caps;
extern const unsigned long cbd_phc_request_extended;
extern const unsigned long cbd_phc_request_plain;
extern const unsigned long cbd_phc_request_precise;

/* All return -errno on failure, and block no longer than the kernel does (a device's answer: some ms at worst). */
struct cbd_phc_system {
	/* Read-only; the descriptor. */
	int (*open_device)(void *context, const char *path);
	void (*close_device)(void *context, int fd);
	int (*control)(void *context, int fd, unsigned long request, void *argument);
	/* The frequency that is dialled on the device, in 2^-16 ppm; 0. */
	int (*frequency)(void *context, int fd, int64_t *frequency);
	/* The whole of a small file, NUL-terminated; its length. -EFBIG if it does not fit. */
	int (*read_file)(void *context, const char *path, char *text, size_t size);
	/* Where a path leads, symbolic links resolved; 0. */
	int (*resolve)(void *context, const char *path, char *resolved, size_t size);
	/* The N of /dev/ptpN that stamps an interface's packets; -ENODEV if it has none. */
	int (*interface_index)(void *context, const char *interface);
	/* The kernel's TAI - UTC in seconds; 0 if nobody has told it. */
	int (*kernel_tai)(void *context);
	void *context;
};

/* cbd_phc_system - the machine's own */
const struct cbd_phc_system *cbd_phc_system(void);

#endif
