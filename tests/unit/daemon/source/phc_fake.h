/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine with one PTP hardware clock, made of values: files of /sys, ioctls that answer as told, clocks that move
 * only when read. Tests change what differs.
 */
#ifndef TESTS_UNIT_DAEMON_SOURCE_PHC_FAKE_H
#define TESTS_UNIT_DAEMON_SOURCE_PHC_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/clock.h"
#include "daemon/source/phc_system.h"

#define FAKE_SECOND INT64_C(1000000000)
/* 2026-01-15T12:00:00Z */
#define FAKE_START_NS (INT64_C(1768478400) * FAKE_SECOND)
#define FAKE_FILES    16

struct fake_file {
	const char *path;
	const char *text; /* NULL: the read fails with error */
	int error;	  /* -errno */
};

struct fake_machine {
	/* Clocks: each read of any takes tick_ns. */
	int64_t raw_ns;
	int64_t real_less_raw_ns;
	int64_t phc_less_raw_ns;
	int64_t tick_ns;
	/* The device. */
	int precise;	   /* what each ioctl returns: 0 or -errno */
	int extended_raw;  /* clockid 4 */
	int extended_real; /* clockid 0 */
	int plain;
	int64_t wide_at;     /* this sample of each batch takes wide_ns longer; -1: none */
	uint32_t wide_after; /* so does this one of all samples; 0: none */
	int64_t wide_ns;
	int64_t jump_at; /* before this sample of each batch the PHC jumps by jump_ns; -1: none */
	int64_t jump_ns;
	int64_t real_step_ns; /* CLOCK_REALTIME is stepped by this in the middle of each batch */
	bool is_steered;      /* at each look another frequency is dialled */
	int64_t frequency;
	int frequency_result; /* 0 or -errno */
	int32_t max_adj;
	uint32_t bad_nsec; /* this instead of the device's nanoseconds, if not 0 */
	/* Finding it. */
	const char *dev_path;	  /* "/dev/ptp0" */
	const char *sys_device;	  /* what /sys/class/ptp/ptp0/device leads to, NULL: nothing */
	const char *class_device; /* "/sys/class/ptp/ptp0/device" */
	int interface_index;
	int open_result; /* descriptor or -errno */
	int kernel_tai;
	struct fake_file files[FAKE_FILES];
	uint32_t peak_at;      /* after so many samples in all, and then only ... */
	const char *peak_text; /* ... phc_error_bound says this; NULL: what it always says */
	/* Seen. */
	uint32_t opened;
	uint32_t closed;
	uint32_t controls;
	uint32_t samples;
	char opened_path[64];
	uint64_t last_request;
	struct cbd_phc_system system;
	struct cbd_clock clock;
};

/* fake_machine_init - igb on eth0: EXTENDED with raw stamps 400 ns apart, UTC, no error bound */
void fake_machine_init(struct fake_machine *machine);

/* fake_machine_file - sets or replaces a file; NULL @text and 0 @error: it is gone */
void fake_machine_file(struct fake_machine *machine, const char *path, const char *text, int error);

#endif
