/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a servo did to a PHC of late, by its last synchronisations: how far off each found the device, and which
 * frequencies were seen dialled until the next. From that, how far the device may run off while no other comes. Pure.
 * Layer: daemon/source. Source: docs/MATH.md, "PTP hardware clocks".
 */
#ifndef CBD_SOURCE_PHC_SERVO_H
#define CBD_SOURCE_PHC_SERVO_H

#include <stdbool.h>
#include <stdint.h>

/* The servo may still be acting on what it saw in these last synchronisations; with fewer, nobody knows on what. */
#define CBD_SERVO_SYNCS 8

struct cbd_servo_sync {
	int64_t offset_ns; /* magnitude */
	int64_t least;	   /* dialled while it was the last; 2^-16 ppm, the smallest ... */
	int64_t most;	   /* ... and the largest */
	bool has_dialled;  /* anything was seen */
};

/* All zero: nothing is known. */
struct cbd_servo {
	struct cbd_servo_sync sync[CBD_SERVO_SYNCS]; /* the last at syncs - 1 */
	uint32_t syncs;
	bool is_dial_seen; /* when it was last looked at */
};

/* cbd_servo_forget - what comes is about another device, master or path */
void cbd_servo_forget(struct cbd_servo *self);

/* cbd_servo_measured - a synchronisation that is not yet known */
void cbd_servo_measured(struct cbd_servo *self, int64_t offset_ns);

/* cbd_servo_dialled - what is dialled now, in 2^-16 ppm */
void cbd_servo_dialled(struct cbd_servo *self, int64_t frequency);

/* cbd_servo_hidden - what is dialled now cannot be seen: nothing is known */
void cbd_servo_hidden(struct cbd_servo *self);

/* cbd_servo_is_known - as many synchronisations as count, and what was dialled at each */
bool cbd_servo_is_known(const struct cbd_servo *self);

/* cbd_servo_offset_ns - the largest of the offsets */
int64_t cbd_servo_offset_ns(const struct cbd_servo *self);

/*
 * cbd_servo_runoff_ns - how far the device may have run off while it went on by @elapsed_ns, at most; rounded up
 * @rho_ppb: how far its oscillator may be from all that has been dialled against it
 * INT64_MAX: no slew of half its rate and more can be bounded.
 */
int64_t cbd_servo_runoff_ns(const struct cbd_servo *self, int64_t elapsed_ns, uint32_t rho_ppb);

#endif
