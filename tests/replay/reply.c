/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies as bytes: see reply.h. Offsets are those of chronyd's protocol 6, the header left empty: the
 * decoders look at the payload only.
 */
#include "tests/replay/reply.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define COEFFICIENT_BITS 25
#define COEFFICIENT_MAX	 ((1 << (COEFFICIENT_BITS - 1)) - 1)
#define COEFFICIENT_MASK ((1u << COEFFICIENT_BITS) - 1)
#define EXPONENT_MIN	 (-64)
#define EXPONENT_MAX	 63
#define EXPONENT_MASK	 0x7fu
#define FAMILY_NONE	 0
#define FAMILY_IPV4	 1
#define REPLY_MAX	 CBD_CHRONY_PACKET_MAX

uint32_t cbd_reply_float(double value)
{
	int binary;
	double fraction = frexp(value, &binary); /* 0.5 <= |fraction| < 1, so that the coefficient is full */
	long coefficient = lround(ldexp(fraction, COEFFICIENT_BITS - 1));
	int exponent = binary + 1;

	if (coefficient > COEFFICIENT_MAX || coefficient < -COEFFICIENT_MAX) {
		coefficient /= 2;
		exponent++;
	}
	if (coefficient == 0) {
		return 0;
	}
	if (exponent > EXPONENT_MAX) {
		coefficient = coefficient > 0 ? COEFFICIENT_MAX : -COEFFICIENT_MAX;
		exponent = EXPONENT_MAX;
	}
	for (; exponent < EXPONENT_MIN; exponent++) {
		coefficient /= 2;
	}
	return ((uint32_t)exponent & EXPONENT_MASK) << COEFFICIENT_BITS |
	       ((uint32_t)coefficient & COEFFICIENT_MASK);
}

static void store16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static void store32(uint8_t *bytes, uint32_t value)
{
	store16(bytes, (uint16_t)(value >> 16));
	store16(bytes + 2, (uint16_t)value);
}

static void store_float(uint8_t *bytes, double value)
{
	store32(bytes, cbd_reply_float(value));
}

static bool is_refclock_name(uint32_t id)
{
	bool has_ended = false;

	for (int shift = 24; shift >= 0; shift -= 8) {
		int byte = (int)(id >> shift & 0xffu);

		has_ended = has_ended || byte == 0;
		if ((byte != 0) == has_ended || (byte != 0 && !isalnum(byte))) {
			return false;
		}
	}
	return id != 0;
}

bool cbd_reply_tracking(const struct cbd_reply_tracking *reply, struct cbd_tracking *tracking,
			struct cbd_chrony_complaint *complaint)
{
	uint8_t data[REPLY_MAX] = {0};
	bool has_address = reply->reference_id != 0 && reply->reference_id != CBD_CHRONY_LOCAL_ID &&
			   !is_refclock_name(reply->reference_id);

	store32(data + 28, reply->reference_id);
	store32(data + 32, has_address ? reply->reference_id : 0);
	store16(data + 48, has_address ? FAMILY_IPV4 : FAMILY_NONE);
	store16(data + 52, reply->stratum);
	store16(data + 54, reply->leap_status);
	store32(data + 60, reply->ref_time_s);
	store32(data + 64, reply->ref_time_ns);
	store_float(data + 68, reply->current_correction_s);
	store_float(data + 72, reply->last_offset_s);
	store_float(data + 76, reply->rms_offset_s);
	store_float(data + 80, reply->frequency_ppm);
	store_float(data + 84, reply->residual_ppm);
	store_float(data + 88, reply->skew_ppm);
	store_float(data + 92, reply->root_delay_s);
	store_float(data + 96, reply->root_dispersion_s);
	store_float(data + 100, reply->last_update_interval_s);
	return cbd_chrony_wire_tracking(data, tracking, complaint) == CBD_CHRONY_ACCEPTED;
}

bool cbd_reply_source(const struct cbd_reply_source *reply, struct cbd_source_data *source,
		      struct cbd_chrony_complaint *complaint)
{
	uint8_t data[REPLY_MAX] = {0};

	store32(data + 28, reply->address);
	store16(data + 44, FAMILY_IPV4);
	store16(data + 48, (uint16_t)reply->poll);
	store16(data + 52, reply->state);
	store16(data + 54, reply->mode);
	store16(data + 58, reply->reachability);
	store32(data + 60, reply->since_sample_s);
	store_float(data + 64, reply->orig_latest_meas_s);
	store_float(data + 68, reply->latest_meas_s);
	store_float(data + 72, reply->latest_meas_err_s);
	return cbd_chrony_wire_source_data(data, source, complaint) == CBD_CHRONY_ACCEPTED;
}
