/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed-point arithmetic of the core. Rates are Q5.58: dimensionless, 1.0 is 2^58. Every function names its
 * rounding and saturates instead of overflowing. Pure.
 */
#ifndef CBD_CORE_Q58_H
#define CBD_CORE_Q58_H

#include <stdint.h>

#include <clockbound/types.h>

#define CBD_Q58_ONE    (INT64_C(1) << CLOCKBOUND_RATE_SHIFT)
#define CBD_NS_PER_SEC INT64_C(1000000000)

/* cbd_ns_add, cbd_ns_sub - saturating sum and difference of two times or durations */
int64_t cbd_ns_add(int64_t a, int64_t b);
int64_t cbd_ns_sub(int64_t a, int64_t b);

/* cbd_ns_abs - magnitude; INT64_MIN saturates */
int64_t cbd_ns_abs(int64_t a);

/* cbd_ns_max, cbd_ns_min - the larger, the smaller */
int64_t cbd_ns_max(int64_t a, int64_t b);
int64_t cbd_ns_min(int64_t a, int64_t b);

/* cbd_q58_from_ppb - rounded up; exact to 2^-58 */
int64_t cbd_q58_from_ppb(uint32_t ppb);

/* cbd_q58_to_ppb_ceil - for display and for pages that speak ppb; @rate 0 or more; saturates at UINT32_MAX */
uint32_t cbd_q58_to_ppb_ceil(int64_t rate_q58);

/* cbd_q58_to_ppb - to the nearest, signed; saturates */
int32_t cbd_q58_to_ppb(int64_t rate_q58);

/* cbd_q58_growth_ns - |duration| * rate in ns, rounded up; @rate 0 or more */
int64_t cbd_q58_growth_ns(int64_t duration_ns, int64_t rate_q58);

/* cbd_q58_add - sum of two rates, saturated */
int64_t cbd_q58_add(int64_t a, int64_t b);

/* cbd_q58_product - a * b of two dimensionless rates, to the nearest 2^-58; saturates */
int64_t cbd_q58_product(int64_t a, int64_t b);

/* cbd_ticks_to_ns_floor, _ceil - ticks * rate (Q6.58 ns per tick) */
int64_t cbd_ticks_to_ns_floor(uint64_t ticks, uint64_t rate_q58);
int64_t cbd_ticks_to_ns_ceil(uint64_t ticks, uint64_t rate_q58);

/* cbd_ns_to_ticks_floor - ns / rate; 0 for a rate of 0 and for a negative duration */
uint64_t cbd_ns_to_ticks_floor(int64_t ns, uint64_t rate_q58);

/* cbd_rate_scale_floor, _ceil - rate (Q6.58 ns per tick) * factor (Q5.58, 0 or more); saturates */
uint64_t cbd_rate_scale_floor(uint64_t rate_q58, int64_t factor_q58);
uint64_t cbd_rate_scale_ceil(uint64_t rate_q58, int64_t factor_q58);

/* cbd_rate_lag_q58 - 1 - slope / rate, to 2^-58: by which part @slope is less than @rate; saturates, 0 for no rate */
int64_t cbd_rate_lag_q58(uint64_t slope_q58, uint64_t rate_q58);

#endif
