/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PTP hardware clock as evidence: what a reading of it proves about true time at an anchor, how that meets what
 * chronyd's sample proves, and what has to be added to a sample when chronyd itself follows the device. Pure: the
 * readings come from daemon/source/phc.c or from the simulated world. Source: docs/MATH.md, "PTP hardware clocks".
 */
#ifndef CBD_CORE_PHC_H
#define CBD_CORE_PHC_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/lines.h"
#include "daemon/core/poll.h"
#include "daemon/core/sample.h"

/* One accepted reading of the device, and what is known of its error. All zero: nothing is known. */
struct cbd_phc_reading {
	int64_t raw_ns;		/* CLOCK_MONOTONIC_RAW at the instant that the offsets are for */
	int64_t low_ns;		/* the PHC as UTC, less CLOCK_MONOTONIC_RAW, is at least this */
	int64_t high_ns;	/* ... and at most this; the device's own error is in neither */
	int64_t bound_ns;	/* the device's own error at the reading: |PHC - UTC|; 1 or more */
	int64_t worst_bound_ns; /* the largest of late: what chronyd's last sample may have suffered */
	int64_t widest_ns;	/* the widest read (post - pre) accepted of late */
	bool has_offset;	/* raw_ns, low_ns and high_ns are known */
	bool has_bound;		/* bound_ns, worst_bound_ns and widest_ns are known */
	bool is_failed;		/* nothing good has come from the device for some seconds */
};

/* How a reading is carried from its instant to an anchor. */
struct cbd_phc_carry {
	uint64_t rate_q58;     /* ns per tick of the undisciplined clock */
	int64_t frequency_q58; /* chronyd's frequency: true time runs at 1 - f against CLOCK_MONOTONIC_RAW */
	int64_t growth_q58;    /* how far it may leave that */
};

/* What a PHC counts. */
enum cbd_phc_scale {
	CBD_PHC_SCALE_UNKNOWN, /* neither: it must not be used */
	CBD_PHC_SCALE_UTC,
	CBD_PHC_SCALE_TAI,
};

/*
 * cbd_phc_scale - what a PHC counts that is @ahead_ns ahead of a synchronised CLOCK_REALTIME
 * @tai_s: TAI - UTC in seconds, 0 if it is not known: then nothing is taken for TAI
 * Only differences within 0.1 s of 0 or of @tai_s are accepted.
 */
enum cbd_phc_scale cbd_phc_scale(int64_t ahead_ns, int32_t tai_s);

/*
 * cbd_phc_interval - true time at @anchor by the device alone; false if the reading proves nothing about it
 * Carried over the distance on CLOCK_MONOTONIC_RAW, at most 10 s; every rounding outward.
 */
bool cbd_phc_interval(const struct cbd_phc_reading *reading, const struct cbd_anchor *anchor,
		      const struct cbd_phc_carry *carry, struct cbd_interval *interval);

/*
 * cbd_phc_combine - chronyd's interval and the device's, of the same instant: their intersection, or their hull
 * Returns true if they exclude each other: one of the two is wrong, nobody can tell which, and @interval is the hull.
 */
bool cbd_phc_combine(struct cbd_interval *interval, const struct cbd_interval *phc);

/*
 * cbd_phc_charge - adds to @sample what chronyd leaves out when the device is the refclock that it follows
 * The device's own error, and so much of our widest read as chronyd's configured delay does not cover. Returns false,
 * with @sample as it was, if the device's error is not known: then the sample proves nothing.
 */
bool cbd_phc_charge(const struct cbd_phc_reading *reading, struct cbd_sample *sample);

#endif
