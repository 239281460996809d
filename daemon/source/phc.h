/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PTP hardware clock as a source of the daemon: found, opened, read once a poll within what the device stands,
 * its error bound had from whoever knows it, lost and found again. What comes out is one cbd_phc_reading; whether it
 * may be believed beside chronyd is the core's to say. One thread; never waits. Layer: daemon/source.
 *
 * Use: cbd_phc_begin() when a poll begins, cbd_phc_poll() when chronyd has answered or failed.
 */
#ifndef CBD_SOURCE_PHC_H
#define CBD_SOURCE_PHC_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/clock.h"
#include "daemon/core/phc.h"
#include "daemon/source/phc_bound.h"
#include "daemon/source/phc_find.h"
#include "daemon/source/phc_ptp4l.h"
#include "daemon/source/phc_read.h"
#include "daemon/source/phc_window.h"

/* When it cannot be read for this long, the device counts as failed. */
#define CBD_PHC_GRACE_NS INT64_C(5000000000)

/* All strings outlive the source; "" is none. */
struct cbd_phc_options {
	const char *device;    /* a path, or an interface's name; "" takes @interface */
	const char *interface; /* where chronyd's PHC and its error bound are */
	const char *ptp4l;     /* its socket; "" if nobody asks it */
	uint8_t ptp4l_domain;
	uint8_t ptp4l_transport;
	int64_t bound_ns; /* --phc-error-bound-ns; 0: from the driver's file, or ptp4l */
	uint32_t rho_ppb;
};

struct cbd_phc_stats {
	uint64_t readings; /* good ones */
	uint64_t failures;
	uint64_t busy;	  /* failures because the device wants to be left alone */
	uint64_t dropped; /* readings whose samples excluded each other */
	uint64_t jumps;	  /* somebody set the device */
	uint64_t openings;
};

/* Fields above the line may be read; all are written by the functions below alone. */
struct cbd_phc {
	struct cbd_phc_reading reading;	  /* of the last cbd_phc_poll() */
	struct cbd_phc_identity identity; /* of the device last opened */
	enum cbd_phc_method method;
	enum cbd_phc_scale scale;
	int64_t utc_offset_ns; /* what the device is ahead of UTC by its scale */
	char text[256];	       /* why there is no reading; "" if there is one */
	struct cbd_phc_stats stats;
	/* ---- private to phc.c */
	struct cbd_phc_options options;
	const struct cbd_phc_system *system;
	const struct cbd_clock *clock;
	struct cbd_ptp4l ptp4l;
	struct cbd_phc_bound_files files;
	int fd;		     /* -1: not open */
	int64_t next_ns;     /* not read before this, CLOCK_MONOTONIC */
	int64_t polled_ns;   /* of the last cbd_phc_poll(), 0: none yet */
	int64_t patience_ns; /* the next failure is left alone for this long */
	int64_t good_ns;     /* of the last good reading; INT64_MIN: never */
	int64_t last_raw_ns; /* where the device stood when it was last read */
	int64_t last_low_ns;
	int64_t last_high_ns;
	bool has_last;
	bool has_counted_tai; /* a reading of it that counted was on TAI: somebody steers it, as long as it is */
	int64_t tai_at_s;     /* POSIX time when TAI - UTC was last looked up, by the device */
	bool is_new;	      /* it was not there once: its driver has brought it up since */
	struct cbd_phc_steer steer;
	uint32_t unproved; /* readings still to be made before a device that was set, or is new, counts */
	struct cbd_phc_window window;
};

/*
 * cbd_phc_init - a source that has opened nothing but, if it is asked, ptp4l's socket; the device need not be there
 * @system, @clock: outlive the source
 * Returns 0, or -errno with the reason in self->text.
 */
int cbd_phc_init(struct cbd_phc *self, const struct cbd_phc_options *options,
		 const struct cbd_phc_system *system, const struct cbd_clock *clock);

void cbd_phc_close(struct cbd_phc *self);

/* cbd_phc_begin - asks ptp4l, whose answers count when the device is read */
void cbd_phc_begin(struct cbd_phc *self);

/*
 * cbd_phc_poll - one reading, if the device may be read now; fills self->reading
 * Some 10 us where the device answers at once; a device that was lost is looked for again.
 */
void cbd_phc_poll(struct cbd_phc *self, int64_t now_mono_ns);

/* cbd_phc_forget_scale - a leap second passed, or the machine was moved: whether the device counts UTC or TAI is judged anew */
void cbd_phc_forget_scale(struct cbd_phc *self);

#endif
