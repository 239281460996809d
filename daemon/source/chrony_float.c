/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integer arithmetic on chronyd's floating point numbers. Products are formed in 128 bits, where the widest
 * (coefficient 2^24, inflation 2^24, unit 2^30, exponent 2^38) stays below 2^117. Layer: daemon/source.
 */
#include "daemon/source/chrony_float.h"

__extension__ typedef unsigned __int128 wide;

#define COEFFICIENT_BITS   25
#define COEFFICIENT_SIGN   (1u << 24)
#define EXPONENT_SIGN	   (1u << 6)
#define NS_PER_SEC	   1000000000u
#define PPM		   1000000u
#define Q58_SHIFT	   58
#define INFLATION_SHIFT	   23
#define INFLATED_BY_2_M_23 ((1u << INFLATION_SHIFT) + 1u)

/* How a quotient becomes a whole number. */
enum rounding {
	ROUND_NEAREST,
	ROUND_UP
};

struct cbd_chrony_float cbd_chrony_float_split(uint32_t bits)
{
	uint32_t coefficient = bits & (2 * COEFFICIENT_SIGN - 1);
	uint32_t exponent = bits >> COEFFICIENT_BITS;

	/* Flipping the sign bit and taking its weight off is two's complement without a signed shift. */
	return (struct cbd_chrony_float){
		.coefficient = (int32_t)(coefficient ^ COEFFICIENT_SIGN) - (int32_t)COEFFICIENT_SIGN,
		.exponent = (int32_t)(exponent ^ EXPONENT_SIGN) - (int32_t)EXPONENT_SIGN,
	};
}

static uint32_t magnitude(struct cbd_chrony_float number)
{
	return (uint32_t)(number.coefficient < 0 ? -number.coefficient : number.coefficient);
}

/* The factor 2^shift / divisor; |shift| <= 112, and with divisor 1000000 <= 96. */
struct factor {
	int32_t shift;
	uint32_t divisor;
};

/* value * factor, rounded; saturates at INT64_MAX. value < 2^78. */
static int64_t scale(wide value, struct factor factor, enum rounding rounding)
{
	wide denominator = factor.divisor;

	if (factor.shift >= 0) {
		if (value >> (127 - factor.shift) != 0) {
			return INT64_MAX;
		}
		value <<= factor.shift;
	} else {
		denominator <<= -factor.shift;
	}
	value += rounding == ROUND_UP ? denominator - 1 : denominator / 2;
	value /= denominator;
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static int64_t with_sign(struct cbd_chrony_float number, int64_t value)
{
	return number.coefficient < 0 ? -value : value;
}

bool cbd_chrony_float_is_negative(uint32_t bits)
{
	return cbd_chrony_float_split(bits).coefficient < 0;
}

bool cbd_chrony_float_is_zero(uint32_t bits)
{
	return cbd_chrony_float_split(bits).coefficient == 0;
}

bool cbd_chrony_float_reaches(uint32_t bits, int32_t power)
{
	struct cbd_chrony_float number = cbd_chrony_float_split(bits);
	int32_t needed = power + COEFFICIENT_BITS - number.exponent; /* |coefficient| >= 2^needed */

	if (needed <= 0) {
		return number.coefficient != 0;
	}
	return needed <= 24 && magnitude(number) >= 1u << needed;
}

int64_t cbd_chrony_float_ns_nearest(uint32_t bits)
{
	struct cbd_chrony_float number = cbd_chrony_float_split(bits);
	wide value = (wide)magnitude(number) * NS_PER_SEC;

	return with_sign(number,
			 scale(value, (struct factor){number.exponent - COEFFICIENT_BITS, 1}, ROUND_NEAREST));
}

int64_t cbd_chrony_float_ns_quantum(uint32_t bits)
{
	struct cbd_chrony_float number = cbd_chrony_float_split(bits);
	int64_t wire_ns;

	if (number.coefficient == 0) {
		return 1; /* chronyd sends zero only for what is below 2^-89 */
	}
	/* 0.75 * 2^(exponent - 25) is 3 * 2^(exponent - 27) */
	wire_ns = scale((wide)3 * NS_PER_SEC, (struct factor){number.exponent - COEFFICIENT_BITS - 2, 1},
			ROUND_UP);
	return wire_ns == INT64_MAX ? INT64_MAX : wire_ns + 1;
}

int64_t cbd_chrony_float_ns_up(uint32_t bits)
{
	struct cbd_chrony_float number = cbd_chrony_float_split(bits);
	wide value = (wide)magnitude(number) * NS_PER_SEC * INFLATED_BY_2_M_23;

	return scale(value, (struct factor){number.exponent - COEFFICIENT_BITS - INFLATION_SHIFT, 1},
		     ROUND_UP);
}

int64_t cbd_chrony_float_q58_nearest(uint32_t bits)
{
	struct cbd_chrony_float number = cbd_chrony_float_split(bits);
	int32_t shift = number.exponent - COEFFICIENT_BITS + Q58_SHIFT;

	return with_sign(number, scale(magnitude(number), (struct factor){shift, PPM}, ROUND_NEAREST));
}

int64_t cbd_chrony_float_q58_up(uint32_t bits)
{
	struct cbd_chrony_float number = cbd_chrony_float_split(bits);
	wide value = (wide)magnitude(number) * INFLATED_BY_2_M_23;
	int32_t shift = number.exponent - COEFFICIENT_BITS + Q58_SHIFT - INFLATION_SHIFT;

	return scale(value, (struct factor){shift, PPM}, ROUND_UP);
}
