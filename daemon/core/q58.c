/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed-point arithmetic of the core: see q58.h. Products go through 128 bits and are cut only at the end.
 */
#include "daemon/core/q58.h"

__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 i128;

#define HALF	   (INT64_C(1) << (CLOCKBOUND_RATE_SHIFT - 1))
#define ALMOST_ONE ((u128)CBD_Q58_ONE - 1)

static int64_t saturate(i128 value)
{
	if (value > INT64_MAX) {
		return INT64_MAX;
	}
	return value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

int64_t cbd_ns_add(int64_t a, int64_t b)
{
	return saturate((i128)a + b);
}

int64_t cbd_ns_sub(int64_t a, int64_t b)
{
	return saturate((i128)a - b);
}

int64_t cbd_ns_abs(int64_t a)
{
	return a < 0 ? cbd_ns_sub(0, a) : a;
}

int64_t cbd_ns_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t cbd_ns_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t cbd_q58_from_ppb(uint32_t ppb)
{
	u128 scaled = ((u128)ppb << CLOCKBOUND_RATE_SHIFT) + (u128)(CBD_NS_PER_SEC - 1);

	return (int64_t)(scaled / (u128)CBD_NS_PER_SEC);
}

uint32_t cbd_q58_to_ppb_ceil(int64_t rate_q58)
{
	u128 scaled = rate_q58 > 0 ? (u128)rate_q58 * (u128)CBD_NS_PER_SEC : 0;

	scaled = (scaled + ALMOST_ONE) >> CLOCKBOUND_RATE_SHIFT;
	return scaled > UINT32_MAX ? UINT32_MAX : (uint32_t)scaled;
}

int32_t cbd_q58_to_ppb(int64_t rate_q58)
{
	i128 scaled = (i128)rate_q58 * CBD_NS_PER_SEC;

	scaled = (scaled + HALF) >> CLOCKBOUND_RATE_SHIFT;
	if (scaled > INT32_MAX) {
		return INT32_MAX;
	}
	return scaled < INT32_MIN ? INT32_MIN : (int32_t)scaled;
}

int64_t cbd_q58_growth_ns(int64_t duration_ns, int64_t rate_q58)
{
	u128 product = (u128)cbd_ns_abs(duration_ns) * (u128)(rate_q58 > 0 ? rate_q58 : 0);

	return saturate((i128)((product + ALMOST_ONE) >> CLOCKBOUND_RATE_SHIFT));
}

int64_t cbd_q58_add(int64_t a, int64_t b)
{
	return saturate((i128)a + b);
}

int64_t cbd_q58_product(int64_t a, int64_t b)
{
	return saturate(((i128)a * b + HALF) >> CLOCKBOUND_RATE_SHIFT);
}

int64_t cbd_ticks_to_ns_floor(uint64_t ticks, uint64_t rate_q58)
{
	u128 product = (u128)ticks * rate_q58 >> CLOCKBOUND_RATE_SHIFT;

	return product > INT64_MAX ? INT64_MAX : (int64_t)product;
}

int64_t cbd_ticks_to_ns_ceil(uint64_t ticks, uint64_t rate_q58)
{
	u128 product = (u128)ticks * rate_q58;
	u128 whole = product >> CLOCKBOUND_RATE_SHIFT;

	if ((product & ALMOST_ONE) != 0) {
		whole++;
	}
	return whole > INT64_MAX ? INT64_MAX : (int64_t)whole;
}

uint64_t cbd_ns_to_ticks_floor(int64_t ns, uint64_t rate_q58)
{
	u128 ticks;

	if (ns <= 0 || rate_q58 == 0) {
		return 0;
	}
	ticks = ((u128)ns << CLOCKBOUND_RATE_SHIFT) / rate_q58;
	return ticks > UINT64_MAX ? UINT64_MAX : (uint64_t)ticks;
}

uint64_t cbd_rate_scale_floor(uint64_t rate_q58, int64_t factor_q58)
{
	u128 product = factor_q58 > 0 ? (u128)rate_q58 * (u128)factor_q58 : 0;

	product >>= CLOCKBOUND_RATE_SHIFT;
	return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

uint64_t cbd_rate_scale_ceil(uint64_t rate_q58, int64_t factor_q58)
{
	u128 product = factor_q58 > 0 ? (u128)rate_q58 * (u128)factor_q58 : 0;
	u128 whole = product >> CLOCKBOUND_RATE_SHIFT;

	if ((product & ALMOST_ONE) != 0) {
		whole++;
	}
	return whole > UINT64_MAX ? UINT64_MAX : (uint64_t)whole;
}

int64_t cbd_rate_lag_q58(uint64_t slope_q58, uint64_t rate_q58)
{
	u128 quotient =
		rate_q58 != 0 ? ((u128)slope_q58 << CLOCKBOUND_RATE_SHIFT) / rate_q58 : (u128)CBD_Q58_ONE;

	return CBD_Q58_ONE - (quotient > (u128)INT64_MAX ? INT64_MAX : (int64_t)quotient);
}
