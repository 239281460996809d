/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_read.h. */
#include "daemon/source/phc_read.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/core/q58.h"

/* Cross time stamps have no width, which is not no error: a counter tick, the capture, two roundings. */
#define PRECISE_HALF_NS 50
/* Within one reading the PHC may leave CLOCK_MONOTONIC_RAW by one in this: 1000 ppm. The kernel's clock runs within
 * 500 ppm or is not disciplined at all, and what slews a PHC faster than that is setting it. */
#define DRIFT_DIVISOR 1000
/* Clocks before 1970 or after 2200 are no clocks. */
#define SECONDS_MAX INT64_C(7258118400)
/* CLOCK_REALTIME moved by more than this while the device was read: stepped. */
#define REAL_BLUR_MAX_NS 1000000
/* Tries to read two clocks close together; the closest counts. */
#define PAIR_TRIES 3

const char *cbd_phc_method_name(enum cbd_phc_method method)
{
	static const char *const names[CBD_PHC_METHODS] = {
		[CBD_PHC_PRECISE] = "cross time stamps",
		[CBD_PHC_EXTENDED_RAW] = "the driver's stamps of CLOCK_MONOTONIC_RAW",
		[CBD_PHC_EXTENDED_REAL] = "the driver's stamps of CLOCK_REALTIME",
		[CBD_PHC_PLAIN] = "stamps of CLOCK_REALTIME around the driver",
	};

	return method < CBD_PHC_METHODS ? names[method] : "no way";
}

/* INT64_MIN for what is no time. */
static int64_t ns_of(const struct cbd_phc_time *time)
{
	if (time->sec < 0 || time->sec > SECONDS_MAX || time->nsec >= CBD_NS_PER_SEC) {
		return INT64_MIN;
	}
	return time->sec * CBD_NS_PER_SEC + time->nsec;
}

static struct cbd_phc_sample sample_of(const struct cbd_phc_time *pre, const struct cbd_phc_time *phc,
				       const struct cbd_phc_time *post)
{
	struct cbd_phc_sample sample = {ns_of(pre), ns_of(phc), ns_of(post)};

	return sample;
}

static bool is_usable(const struct cbd_phc_sample *sample)
{
	return sample->pre_ns != INT64_MIN && sample->phc_ns != INT64_MIN && sample->post_ns != INT64_MIN &&
	       sample->pre_ns <= sample->post_ns &&
	       cbd_ns_sub(sample->post_ns, sample->pre_ns) <= CBD_PHC_WIDTH_MAX_NS;
}

/* The PHC showed phc at an instant in [pre, post + 1 ns), and stood in [phc, phc + 1 ns) there. */
static void narrow(struct cbd_phc_batch *batch, const struct cbd_phc_sample *sample)
{
	int64_t spare_ns = cbd_ns_sub(batch->raw_ns, sample->pre_ns) / DRIFT_DIVISOR + 2;
	int64_t width_ns = sample->post_ns - sample->pre_ns;
	int64_t low_ns = cbd_ns_sub(cbd_ns_sub(sample->phc_ns, sample->post_ns), spare_ns);
	int64_t high_ns = cbd_ns_add(cbd_ns_sub(sample->phc_ns, sample->pre_ns), spare_ns);

	batch->low_ns = cbd_ns_max(batch->low_ns, low_ns);
	batch->high_ns = cbd_ns_min(batch->high_ns, high_ns);
	batch->width_ns = cbd_ns_min(batch->width_ns, width_ns);
	batch->used++;
}

/* The system's clock never went back from one sample to the next; what is no sample says nothing. */
static bool is_in_order(const struct cbd_phc_sample *samples, uint32_t count)
{
	int64_t last_ns = INT64_MIN;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (is_usable(&samples[i])) {
			if (samples[i].pre_ns < last_ns) {
				return false;
			}
			last_ns = samples[i].post_ns;
		}
	}
	return true;
}

int cbd_phc_batch_of(const struct cbd_phc_sample *samples, uint32_t count, struct cbd_phc_batch *batch)
{
	struct cbd_phc_batch all = {.low_ns = INT64_MIN, .high_ns = INT64_MAX, .width_ns = INT64_MAX};
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (is_usable(&samples[i])) {
			all.raw_ns = cbd_ns_max(all.raw_ns, samples[i].post_ns);
		}
	}
	for (i = 0; i < count; i++) {
		if (is_usable(&samples[i])) {
			narrow(&all, &samples[i]);
		} else {
			all.dropped++;
		}
	}
	if (all.used == 0) {
		return -EIO;
	}
	if (all.low_ns > all.high_ns) {
		return -EBADMSG;
	}
	*batch = all;
	return 0;
}

bool cbd_phc_pair_read(const struct cbd_clock *clock, struct cbd_phc_pair *pair)
{
	bool is_read = false;
	int i;

	for (i = 0; i < PAIR_TRIES; i++) {
		int64_t before_ns;
		int64_t real_ns;
		int64_t after_ns;

		if (!clock->gettime(clock->context, CLOCK_MONOTONIC_RAW, &before_ns) ||
		    !clock->gettime(clock->context, CLOCK_REALTIME, &real_ns) ||
		    !clock->gettime(clock->context, CLOCK_MONOTONIC_RAW, &after_ns)) {
			return false;
		}
		/* All three are cut to whole ns. */
		if (!is_read || after_ns - before_ns + 2 < pair->high_ns - pair->low_ns) {
			*pair = (struct cbd_phc_pair){real_ns - after_ns - 1, real_ns - before_ns + 1};
			is_read = true;
		}
	}
	return is_read;
}

/* Stamps of CLOCK_REALTIME as such of CLOCK_MONOTONIC_RAW, wider by how far that is known. */
static int shift(struct cbd_phc_sample *samples, uint32_t count, const struct cbd_phc_pair *before,
		 const struct cbd_phc_pair *after)
{
	struct cbd_phc_pair both = {cbd_ns_min(before->low_ns, after->low_ns),
				    cbd_ns_max(before->high_ns, after->high_ns)};
	uint32_t i;

	if (both.high_ns - both.low_ns > REAL_BLUR_MAX_NS) {
		return -EBADMSG;
	}
	for (i = 0; i < count; i++) {
		if (is_usable(&samples[i])) {
			samples[i].pre_ns = cbd_ns_sub(samples[i].pre_ns, both.high_ns);
			samples[i].post_ns = cbd_ns_sub(samples[i].post_ns, both.low_ns);
		}
	}
	return 0;
}

static int read_precise(const struct cbd_phc_system *system, int fd, struct cbd_phc_sample *samples)
{
	struct cbd_phc_precise precise;
	int result;

	memset(&precise, 0, sizeof(precise));
	result = system->control(system->context, fd, cbd_phc_request_precise, &precise);
	if (result == 0) {
		samples[0] = sample_of(&precise.raw, &precise.device, &precise.raw);
		if (is_usable(&samples[0])) {
			samples[0].pre_ns -= PRECISE_HALF_NS;
			samples[0].post_ns += PRECISE_HALF_NS;
		}
	}
	return result;
}

/* @extended: n_samples and clockid filled. */
static int read_extended(const struct cbd_phc_system *system, int fd, struct cbd_phc_extended *extended,
			 struct cbd_phc_sample *samples)
{
	int result = system->control(system->context, fd, cbd_phc_request_extended, extended);
	uint32_t i;

	for (i = 0; i < extended->n_samples && i < CBD_PHC_SAMPLES_MAX && result == 0; i++) {
		samples[i] =
			sample_of(&extended->stamp[i][0], &extended->stamp[i][1], &extended->stamp[i][2]);
	}
	return result;
}

static int read_plain(const struct cbd_phc_system *system, int fd, uint32_t count,
		      struct cbd_phc_sample *samples)
{
	struct cbd_phc_plain plain;
	uint32_t i;
	int result;

	memset(&plain, 0, sizeof(plain));
	plain.n_samples = count;
	result = system->control(system->context, fd, cbd_phc_request_plain, &plain);
	for (i = 0; i < count && result == 0; i++) {
		const struct cbd_phc_time *at = &plain.stamp[(size_t)2 * i];

		samples[i] = sample_of(&at[0], &at[1], &at[2]);
	}
	return result;
}

static int64_t narrowest_ns(const struct cbd_phc_sample *samples, uint32_t count)
{
	int64_t width_ns = INT64_MAX;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (is_usable(&samples[i])) {
			width_ns = cbd_ns_min(width_ns, samples[i].post_ns - samples[i].pre_ns);
		}
	}
	return width_ns;
}

/* One reading by one method. */
static int try_method(const struct cbd_phc_system *system, int fd, const struct cbd_clock *clock,
		      enum cbd_phc_method method, uint32_t count, struct cbd_phc_batch *batch)
{
	struct cbd_phc_sample samples[CBD_PHC_SAMPLES_MAX] = {{0}};
	bool is_real = method == CBD_PHC_EXTENDED_REAL || method == CBD_PHC_PLAIN;
	struct cbd_phc_extended extended;
	struct cbd_phc_pair before;
	struct cbd_phc_pair after;
	int64_t width_ns;
	int result;

	if (is_real && !cbd_phc_pair_read(clock, &before)) {
		return -EIO;
	}
	if (method == CBD_PHC_PRECISE) {
		count = 1;
		result = read_precise(system, fd, samples);
	} else if (method == CBD_PHC_PLAIN) {
		result = read_plain(system, fd, count, samples);
	} else {
		memset(&extended, 0, sizeof(extended));
		extended.n_samples = count;
		extended.clockid = is_real ? CLOCK_REALTIME : CLOCK_MONOTONIC_RAW;
		result = read_extended(system, fd, &extended, samples);
	}
	if (result != 0) {
		return result;
	}
	if (!is_in_order(samples, count)) {
		return -EBADMSG;
	}
	width_ns = narrowest_ns(samples, count);
	if (is_real) {
		result = cbd_phc_pair_read(clock, &after) ? shift(samples, count, &before, &after) : -EIO;
	}
	if (result == 0) {
		result = cbd_phc_batch_of(samples, count, batch);
	}
	if (result == 0) {
		batch->width_ns = width_ns; /* the device's own, without what the shift added */
	}
	return result;
}

/* The device, or its kernel, does not have this way and never will. */
static bool is_for_good(enum cbd_phc_method method, int result)
{
	return result == -EOPNOTSUPP || result == -ENOTTY ||
	       (result == -EINVAL && method < CBD_PHC_EXTENDED_REAL);
}

/* Cross time stamps fail alone: a semaphore that is taken, PTM without its time, a clocksource that is another. */
static bool is_for_now(enum cbd_phc_method method, int result)
{
	return method == CBD_PHC_PRECISE && (result == -EBUSY || result == -ENODEV || result == -ETIMEDOUT);
}

static void explain(int result, char *text, size_t size)
{
	switch (result) {
	case -EOPNOTSUPP:
	case -ENOTTY:
		snprintf(text, size,
			 "the device cannot be read: it has none of the kernel's ways to compare clocks");
		break;
	case -EBUSY:
		snprintf(text, size,
			 "the device is busy: it, or chronyd's reads of it, are at its limit of reads");
		break;
	case -EBADMSG:
		snprintf(text, size, "its samples exclude each other: a clock was set while it was read");
		break;
	case -EIO:
		snprintf(text, size, "it gave no sample that can be used");
		break;
	default:
		snprintf(text, size, "reading the device: %s", strerror(-result));
		break;
	}
}

int cbd_phc_read(const struct cbd_phc_system *system, int fd, const struct cbd_clock *clock,
		 enum cbd_phc_method *method, uint32_t samples, struct cbd_phc_batch *batch, char *text,
		 size_t size)
{
	enum cbd_phc_method at = *method;
	int result = -EOPNOTSUPP;

	for (; at < CBD_PHC_METHODS; at++) {
		result = try_method(system, fd, clock, at, samples, batch);
		if (is_for_good(at, result) && at == *method && at + 1 < CBD_PHC_METHODS) {
			*method = at + 1;
		}
		if (!is_for_good(at, result) && !is_for_now(at, result)) {
			break;
		}
	}
	if (result != 0) {
		explain(result, text, size);
	}
	return result;
}

int cbd_phc_read_width(const struct cbd_phc_system *system, int fd, const struct cbd_clock *clock,
		       uint32_t samples, int64_t *width_ns, char *text, size_t size)
{
	struct cbd_phc_batch batch = {.width_ns = 0};
	enum cbd_phc_method at;
	int result = -EOPNOTSUPP;

	for (at = CBD_PHC_EXTENDED_REAL; at < CBD_PHC_METHODS && is_for_good(at, result); at++) {
		result = try_method(system, fd, clock, at, samples, &batch);
	}
	if (result != 0 && !is_for_good(CBD_PHC_PLAIN, result)) {
		explain(result, text, size);
		return result;
	}
	*width_ns = batch.width_ns;
	return 0;
}

int cbd_phc_batch_add(struct cbd_phc_batch *batch, const struct cbd_phc_batch *before, char *text,
		      size_t size)
{
	int64_t between_ns = cbd_ns_sub(batch->raw_ns, before->raw_ns);
	int64_t spare_ns = between_ns / DRIFT_DIVISOR + 1;
	struct cbd_phc_batch both = {
		.raw_ns = batch->raw_ns,
		.low_ns = cbd_ns_max(cbd_ns_sub(before->low_ns, spare_ns), batch->low_ns),
		.high_ns = cbd_ns_min(cbd_ns_add(before->high_ns, spare_ns), batch->high_ns),
		.width_ns = cbd_ns_min(before->width_ns, batch->width_ns),
		.used = before->used + batch->used,
		.dropped = before->dropped + batch->dropped,
	};

	if (between_ns < 0 || both.low_ns > both.high_ns) {
		explain(-EBADMSG, text, size);
		return -EBADMSG;
	}
	*batch = both;
	return 0;
}
