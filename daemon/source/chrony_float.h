/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd's 32-bit floating point numbers, taken apart with integers only and brought to the core's units.
 * Pure; every bit pattern is a number (there is no NaN and no infinity), none overflows, none is refused here.
 * Layer: daemon/source.
 *
 * A number is coefficient * 2^(exponent - 25) with a 7-bit exponent and a 25-bit coefficient, both two's
 * complement. chronyd's encoder may round a magnitude down by 0.75 of the coefficient's last place (8.94e-8
 * relative), so bounds are inflated by 2^-23 before they are rounded up.
 */
#ifndef CBD_SOURCE_CHRONY_FLOAT_H
#define CBD_SOURCE_CHRONY_FLOAT_H

#include <stdbool.h>
#include <stdint.h>

struct cbd_chrony_float {
	int32_t coefficient; /* -2^24 .. 2^24 - 1 */
	int32_t exponent;    /* -64 .. 63 */
};

/* cbd_chrony_float_split - the two parts of @bits, as read from the wire in host order */
struct cbd_chrony_float cbd_chrony_float_split(uint32_t bits);

/* cbd_chrony_float_is_negative - below zero; zero in any of its encodings is not */
bool cbd_chrony_float_is_negative(uint32_t bits);

/* cbd_chrony_float_is_zero - zero, in any of its encodings */
bool cbd_chrony_float_is_zero(uint32_t bits);

/* cbd_chrony_float_reaches - |number| >= 2^@power, exactly */
bool cbd_chrony_float_reaches(uint32_t bits, int32_t power);

/* cbd_chrony_float_ns_nearest - seconds to the nearest ns, halves away from zero; saturates at INT64_MAX */
int64_t cbd_chrony_float_ns_nearest(uint32_t bits);

/*
 * cbd_chrony_float_ns_quantum - how far cbd_chrony_float_ns_nearest() may be from what chronyd encoded, in ns
 * 0.75 of the coefficient's last place rounded up (the worst of chronyd's encoder), plus 1 ns for our own
 * rounding. Saturates at INT64_MAX.
 */
int64_t cbd_chrony_float_ns_quantum(uint32_t bits);

/* cbd_chrony_float_ns_up - |seconds| in ns, inflated by 2^-23 and rounded up; saturates at INT64_MAX */
int64_t cbd_chrony_float_ns_up(uint32_t bits);

/* cbd_chrony_float_q58_nearest - ppm as dimensionless Q5.58, nearest; saturates at INT64_MAX (32.0) */
int64_t cbd_chrony_float_q58_nearest(uint32_t bits);

/* cbd_chrony_float_q58_up - |ppm| as dimensionless Q5.58, inflated by 2^-23 and rounded up; saturates */
int64_t cbd_chrony_float_q58_up(uint32_t bits);

#endif
