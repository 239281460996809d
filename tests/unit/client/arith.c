/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding and saturation of <clockbound/arith.h>. */
#include "tests/unit/client/world.h"

#include <clockbound/arith.h>

#define ONE (1u << CLOCKBOUND_PAGE_RATE_SHIFT) /* one ns per tick */

static void short_products_round_down_and_never_overflow(void **state)
{
	(void)state;
	assert_int_equal(clockbound_priv_scale_short(0, UINT32_MAX), 0);
	assert_int_equal(clockbound_priv_scale_short(1, ONE - 1), 0);
	assert_int_equal(clockbound_priv_scale_short(1, ONE), 1);
	assert_int_equal(clockbound_priv_scale_short(3, ONE / 2), 1);
	assert_int_equal(clockbound_priv_scale_short(UINT32_MAX, UINT32_MAX), UINT64_C(274877906816));
}

static void floor_rounds_down_and_ceil_rounds_up(void **state)
{
	(void)state;
	assert_int_equal(clockbound_priv_scale_floor(0, UINT32_MAX), 0);
	assert_int_equal(clockbound_priv_scale_ceil(0, UINT32_MAX), 0);
	assert_int_equal(clockbound_priv_scale_floor(1, 1), 0);
	assert_int_equal(clockbound_priv_scale_ceil(1, 1), 1);
	assert_int_equal(clockbound_priv_scale_floor(ONE, 1), 1);
	assert_int_equal(clockbound_priv_scale_ceil(ONE, 1), 1);
	assert_int_equal(clockbound_priv_scale_floor(ONE + 1, 1), 1);
	assert_int_equal(clockbound_priv_scale_ceil(ONE + 1, 1), 2);
}

static void long_products_are_exact_where_64_bits_would_overflow(void **state)
{
	uint64_t ticks = (UINT64_C(1) << 57) - 1;

	(void)state;
	assert_int_equal(clockbound_priv_scale_floor(ticks, ONE), (int64_t)ticks);
	assert_int_equal(clockbound_priv_scale_ceil(ticks, ONE), (int64_t)ticks);
	assert_int_equal(clockbound_priv_scale_floor(ticks, UINT32_MAX), INT64_C(0x7fffffff7fffffc0));
	assert_int_equal(clockbound_priv_scale_ceil(ticks, UINT32_MAX), INT64_C(0x7fffffff7fffffc1));
}

static void sums_and_differences_saturate_at_both_ends(void **state)
{
	(void)state;
	assert_int_equal(clockbound_priv_add_sat(INT64_MAX, 1), INT64_MAX);
	assert_int_equal(clockbound_priv_add_sat(INT64_MAX - 1, 1), INT64_MAX);
	assert_int_equal(clockbound_priv_add_sat(INT64_MIN, -1), INT64_MIN);
	assert_int_equal(clockbound_priv_add_sat(INT64_MIN, INT64_MAX), -1);
	assert_int_equal(clockbound_priv_sub_sat(INT64_MIN, 1), INT64_MIN);
	assert_int_equal(clockbound_priv_sub_sat(INT64_MAX, -1), INT64_MAX);
	assert_int_equal(clockbound_priv_sub_sat(0, INT64_MIN), INT64_MAX);
	assert_int_equal(clockbound_priv_sub_sat(-1, INT64_MIN), INT64_MAX);
}

static void growth_rounds_up_and_saturates(void **state)
{
	static const struct {
		int64_t age_ns;
		uint32_t drift_ppb;
		int64_t growth_ns;
	} table[] = {
		{0, UINT32_MAX, 0},
		{-1, 1000, 0},
		{INT64_MIN, 1000, 0},
		{1, 0, 0},
		{1, 1, 1},
		{999999999, 1, 1},
		{1000000000, 1, 1},
		{1000000001, 1, 2},
		{1000000000, 50000, 50000},
		{1500000000, 50000, 75000},
		{1500000001, 50000, 75001},
		{INT64_MAX, 1, INT64_C(9223372037)},
		{INT64_MAX, 1000000000, INT64_MAX},
		{INT64_MAX, UINT32_MAX, INT64_MAX},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(clockbound_priv_growth_ns(table[i].age_ns, table[i].drift_ppb),
				 table[i].growth_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(short_products_round_down_and_never_overflow),
		cmocka_unit_test(floor_rounds_down_and_ceil_rounds_up),
		cmocka_unit_test(long_products_are_exact_where_64_bits_would_overflow),
		cmocka_unit_test(sums_and_differences_saturate_at_both_ends),
		cmocka_unit_test(growth_rounds_up_and_saturates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
