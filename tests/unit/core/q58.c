/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fixed-point arithmetic: rounding goes the way its name says, and nothing overflows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/q58.h"

static void sums_saturate_at_both_ends(void **state)
{
	(void)state;
	assert_true(cbd_ns_add(INT64_MAX, 1) == INT64_MAX);
	assert_true(cbd_ns_add(INT64_MIN, -1) == INT64_MIN);
	assert_true(cbd_ns_sub(INT64_MIN, 1) == INT64_MIN);
	assert_true(cbd_ns_sub(0, INT64_MIN) == INT64_MAX);
	assert_true(cbd_ns_abs(INT64_MIN) == INT64_MAX);
	assert_true(cbd_ns_abs(-5) == 5);
}

static void ppb_to_q58_and_back_never_gets_smaller(void **state)
{
	static const uint32_t ppb[] = {0, 1, 2, 999, 50000, 999999999, 1000000000, UINT32_MAX};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ppb) / sizeof(ppb[0]); i++) {
		uint32_t back = cbd_q58_to_ppb_ceil(cbd_q58_from_ppb(ppb[i]));

		assert_true(back >= ppb[i]);
		assert_true(back - ppb[i] <= 1);
	}
	assert_int_equal(cbd_q58_to_ppb_ceil(INT64_MAX), UINT32_MAX);
	assert_int_equal(cbd_q58_to_ppb_ceil(-1), 0);
	assert_int_equal(cbd_q58_to_ppb(-CBD_Q58_ONE / 1000000), -1000);
}

static void growth_rounds_up_and_ignores_the_sign_of_the_duration(void **state)
{
	(void)state;
	assert_true(cbd_q58_growth_ns(0, CBD_Q58_ONE) == 0);
	assert_true(cbd_q58_growth_ns(1, 1) == 1);
	assert_true(cbd_q58_growth_ns(INT64_MAX, 0) == 0);
	assert_true(cbd_q58_growth_ns(CBD_NS_PER_SEC, cbd_q58_from_ppb(50000)) == 50000 + 1);
	assert_true(cbd_q58_growth_ns(-CBD_NS_PER_SEC, CBD_Q58_ONE) == CBD_NS_PER_SEC);
	assert_true(cbd_q58_growth_ns(INT64_MAX, INT64_MAX) == INT64_MAX);
}

static void ticks_times_rate_floor_and_ceil_enclose_the_product(void **state)
{
	uint64_t rate = (uint64_t)CBD_Q58_ONE / 3; /* a third of a ns per tick, cut */

	(void)state;
	assert_true(cbd_ticks_to_ns_floor(3, rate) == 0);
	assert_true(cbd_ticks_to_ns_ceil(3, rate) == 1);
	assert_true(cbd_ticks_to_ns_floor(4, (uint64_t)CBD_Q58_ONE) == 4);
	assert_true(cbd_ticks_to_ns_ceil(4, (uint64_t)CBD_Q58_ONE) == 4);
	assert_true(cbd_ticks_to_ns_ceil(UINT64_MAX, UINT64_MAX) == INT64_MAX);
	assert_true(cbd_ticks_to_ns_floor(UINT64_MAX, UINT64_MAX) == INT64_MAX);
}

static void ns_to_ticks_is_rounded_down_and_zero_for_nonsense(void **state)
{
	(void)state;
	assert_true(cbd_ns_to_ticks_floor(10, (uint64_t)CBD_Q58_ONE * 3) == 3);
	assert_true(cbd_ns_to_ticks_floor(-1, (uint64_t)CBD_Q58_ONE) == 0);
	assert_true(cbd_ns_to_ticks_floor(1, 0) == 0);
	assert_true(cbd_ns_to_ticks_floor(INT64_MAX, 1) == UINT64_MAX);
}

static void scaled_rates_enclose_the_product_and_saturate(void **state)
{
	(void)state;
	assert_true(cbd_rate_scale_floor(1, CBD_Q58_ONE - 1) == 0);
	assert_true(cbd_rate_scale_ceil(1, CBD_Q58_ONE - 1) == 1);
	assert_true(cbd_rate_scale_floor(77, -1) == 0);
	assert_true(cbd_rate_scale_ceil(UINT64_MAX, INT64_MAX) == UINT64_MAX);
	assert_true(cbd_q58_product(CBD_Q58_ONE / 2, CBD_Q58_ONE / 2) == CBD_Q58_ONE / 4);
	assert_true(cbd_rate_lag_q58(3, 4) == CBD_Q58_ONE / 4);
	assert_true(cbd_rate_lag_q58(5, 4) == -CBD_Q58_ONE / 4);
	assert_true(cbd_rate_lag_q58(5, 0) == 0);
	assert_true(cbd_rate_lag_q58(UINT64_MAX, 1) == CBD_Q58_ONE - INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_saturate_at_both_ends),
		cmocka_unit_test(ppb_to_q58_and_back_never_gets_smaller),
		cmocka_unit_test(growth_rounds_up_and_ignores_the_sign_of_the_duration),
		cmocka_unit_test(ticks_times_rate_floor_and_ceil_enclose_the_product),
		cmocka_unit_test(ns_to_ticks_is_rounded_down_and_zero_for_nonsense),
		cmocka_unit_test(scaled_rates_enclose_the_product_and_saturate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
