/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_servo.h. */
#include "daemon/source/phc_servo.h"

#include <string.h>

#include "daemon/core/q58.h"

/* The unit of what is dialled, to a ppm, and ppb to a ppm. */
#define DIAL_SCALE  65536
#define PPB_PER_PPM 1000
/* Whoever dials by more, in dialled units, sets the device: 2^24 ppm. */
#define DIAL_RANGE_MAX (INT64_C(1) << 40)

void cbd_servo_forget(struct cbd_servo *self)
{
	self->syncs = 0;
}

void cbd_servo_measured(struct cbd_servo *self, int64_t offset_ns)
{
	if (self->syncs == CBD_SERVO_SYNCS) {
		memmove(self->sync, self->sync + 1, sizeof(self->sync) - sizeof(self->sync[0]));
		self->syncs--;
	}
	self->sync[self->syncs++] = (struct cbd_servo_sync){.offset_ns = cbd_ns_abs(offset_ns)};
}

void cbd_servo_dialled(struct cbd_servo *self, int64_t frequency)
{
	struct cbd_servo_sync *last;

	self->is_dial_seen = true;
	if (self->syncs == 0) {
		return;
	}
	last = &self->sync[self->syncs - 1];
	last->least = last->has_dialled ? cbd_ns_min(last->least, frequency) : frequency;
	last->most = last->has_dialled ? cbd_ns_max(last->most, frequency) : frequency;
	last->has_dialled = true;
}

void cbd_servo_hidden(struct cbd_servo *self)
{
	self->is_dial_seen = false;
	cbd_servo_forget(self);
}

bool cbd_servo_is_known(const struct cbd_servo *self)
{
	uint32_t i;

	for (i = 0; i < self->syncs; i++) {
		if (!self->sync[i].has_dialled) {
			return false;
		}
	}
	return self->is_dial_seen && self->syncs == CBD_SERVO_SYNCS;
}

int64_t cbd_servo_offset_ns(const struct cbd_servo *self)
{
	int64_t offset_ns = 0;
	uint32_t i;

	for (i = 0; i < self->syncs; i++) {
		offset_ns = cbd_ns_max(offset_ns, self->sync[i].offset_ns);
	}
	return offset_ns;
}

/* Between all that was dialled, in Q5.58, rounded up; a 1 if that is no slew any more. */
static int64_t range_q58(const struct cbd_servo *self)
{
	int64_t least = INT64_MAX;
	int64_t most = INT64_MIN;
	int64_t range;
	uint32_t i;

	for (i = 0; i < self->syncs; i++) {
		least = cbd_ns_min(least, self->sync[i].least);
		most = cbd_ns_max(most, self->sync[i].most);
	}
	range = self->syncs == 0 ? 0 : cbd_ns_sub(most, least);
	if (range > DIAL_RANGE_MAX) {
		return CBD_Q58_ONE;
	}
	range = (range * PPB_PER_PPM + DIAL_SCALE - 1) / DIAL_SCALE;
	return range > UINT32_MAX ? CBD_Q58_ONE : cbd_q58_from_ppb((uint32_t)range);
}

int64_t cbd_servo_runoff_ns(const struct cbd_servo *self, int64_t elapsed_ns, uint32_t rho_ppb)
{
	int64_t rate_q58 = cbd_q58_add(range_q58(self), cbd_q58_from_ppb(rho_ppb));

	if (rate_q58 > CBD_Q58_ONE / 2) {
		return INT64_MAX;
	}
	/* By the device's own time, of which it may have shown too little: 1 / (1 - rate) is at most 1 + 2 rate. */
	elapsed_ns = cbd_ns_add(elapsed_ns, cbd_q58_growth_ns(elapsed_ns, cbd_q58_add(rate_q58, rate_q58)));
	return cbd_q58_growth_ns(elapsed_ns, rate_q58);
}
