/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One reading of a PHC: by the best of the kernel's ways that the device has, several samples, and from them the
 * interval that all of them prove for (PHC - CLOCK_MONOTONIC_RAW). Never an average: reads are late in one direction
 * only, and nothing limits a mean. What the device's own error is, and what it counts, is not judged here.
 * Layer: daemon/source. Source: docs/MATH.md, "PTP hardware clocks".
 */
#ifndef CBD_SOURCE_PHC_READ_H
#define CBD_SOURCE_PHC_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/clock.h"
#include "daemon/source/phc_system.h"

/* From the best to the last resort; a device is asked by the first that it has. */
enum cbd_phc_method {
	CBD_PHC_PRECISE,       /* cross time stamps */
	CBD_PHC_EXTENDED_RAW,  /* between two CLOCK_MONOTONIC_RAW stamps of the driver; since 6.12 */
	CBD_PHC_EXTENDED_REAL, /* between two CLOCK_REALTIME stamps of the driver */
	CBD_PHC_PLAIN,	       /* between two CLOCK_REALTIME stamps around the driver */
	CBD_PHC_METHODS,
};

struct cbd_phc_sample {
	int64_t pre_ns; /* the system's clock before */
	int64_t phc_ns;
	int64_t post_ns; /* and after */
};

/* CLOCK_REALTIME - CLOCK_MONOTONIC_RAW lies between these. */
struct cbd_phc_pair {
	int64_t low_ns;
	int64_t high_ns;
};

/* What a reading proves. */
struct cbd_phc_batch {
	int64_t raw_ns;	  /* CLOCK_MONOTONIC_RAW at the instant that this is for */
	int64_t low_ns;	  /* PHC - CLOCK_MONOTONIC_RAW then, at least */
	int64_t high_ns;  /* ... and at most */
	int64_t width_ns; /* of the narrowest sample, between its two stamps as they were */
	uint32_t used;	  /* samples that it rests on */
	uint32_t
		dropped; /* samples that were nonsense: out of order, no time, wider than CBD_PHC_WIDTH_MAX_NS */
};

/* A sample wider than this was interrupted, and proves too little to be worth a thought. */
#define CBD_PHC_WIDTH_MAX_NS 1000000

/* cbd_phc_pair_read - the two clocks, as close together as three tries bring them; false if one cannot be read */
bool cbd_phc_pair_read(const struct cbd_clock *clock, struct cbd_phc_pair *pair);

/* cbd_phc_method_name - for people */
const char *cbd_phc_method_name(enum cbd_phc_method method);

/*
 * cbd_phc_batch_of - what @count samples, in the order they were taken, prove together
 * Stamps are CLOCK_MONOTONIC_RAW. Returns 0; -EIO with no usable sample; -EBADMSG if they exclude each other: one of
 * the clocks jumped meanwhile. @batch is untouched then.
 */
int cbd_phc_batch_of(const struct cbd_phc_sample *samples, uint32_t count, struct cbd_phc_batch *batch);

/*
 * cbd_phc_batch_add - what @batch proves together with the one taken @before it
 * Returns 0, or -EBADMSG with the reason in @text, and @batch as it was, if they exclude each other.
 */
int cbd_phc_batch_add(struct cbd_phc_batch *batch, const struct cbd_phc_batch *before, char *text,
		      size_t size);

/*
 * cbd_phc_read - one reading of an open device
 * @method:  where to begin; moved on for good past what the device does not have
 * @samples: 1 to CBD_PHC_SAMPLES_MAX; one for PRECISE
 * Returns 0 or -errno with the reason in @text: -ENODEV when the device is gone for ever, -EBUSY when it wants to be
 * left alone, -EOPNOTSUPP when it can be read in no way at all.
 */
int cbd_phc_read(const struct cbd_phc_system *system, int fd, const struct cbd_clock *clock,
		 enum cbd_phc_method *method, uint32_t samples, struct cbd_phc_batch *batch, char *text,
		 size_t size);

/*
 * cbd_phc_read_width - how wide a reading is that chronyd may make: with stamps of CLOCK_REALTIME by the driver, or around it
 * For a device with cross time stamps, which chronyd may be told not to use. Returns 0, and 0 ns if it has no other way;
 * or -errno with the reason in @text.
 */
int cbd_phc_read_width(const struct cbd_phc_system *system, int fd, const struct cbd_clock *clock,
		       uint32_t samples, int64_t *width_ns, char *text, size_t size);

#endif
