/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd's floats: the table of decoded values, the rounding of each conversion, and every extreme.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "daemon/source/chrony_float.h"

#define Q58_ONE (INT64_C(1) << 58)

static long double value_of(uint32_t bits)
{
	struct cbd_chrony_float number = cbd_chrony_float_split(bits);

	return ldexpl((long double)number.coefficient, number.exponent - 25);
}

static void every_value_of_the_table_decodes_exactly(void **state)
{
	static const struct {
		uint32_t bits;
		int32_t exponent;
		int32_t coefficient;
		double value;
	} table[] = {
		{0x00000000, 0, 0, 0.0},
		{0x04800000, 2, 8388608, 1.0},
		{0x03000000, 1, -16777216, -1.0},
		{0x02800000, 1, 8388608, 0.5},
		{0x03800000, 1, -8388608, -0.5},
		{0x01000000, 0, -16777216, -0.5},
		{0x06c00000, 3, 12582912, 3.0},
		{0xfccccccd, -2, 13421773, 0.10000000149011612},
		{0xfd333333, -2, -13421773, -0.10000000149011612},
		{0xc889705f, -28, 9007199, 9.9999997171806854e-10},
		{0xc9768fa1, -28, -9007199, -9.9999997171806854e-10},
		{0x2af42400, 21, 16000000, 1000000.0},
		{0x10806666, 8, 8414822, 64.199996948242188},
		{0x11091687, 8, -16181625, -123.45600128173828},
		{0x80000001, -64, 1, 1.6155871338926322e-27},
		{0x7effffff, 63, 16777215, 4.611685743549481e+18},
		{0x7f000000, 63, -16777216, -4.6116860184273879e+18},
		{0x7fffffff, 63, -1, -274877906944.0},
		{0xffffffff, -1, -1, -1.4901161193847656e-08},
		{0x80000000, -64, 0, 0.0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct cbd_chrony_float number = cbd_chrony_float_split(table[i].bits);

		assert_int_equal(number.exponent, table[i].exponent);
		assert_int_equal(number.coefficient, table[i].coefficient);
		assert_true((double)value_of(table[i].bits) == table[i].value);
		assert_int_equal(cbd_chrony_float_is_negative(table[i].bits), table[i].value < 0);
		assert_int_equal(cbd_chrony_float_is_zero(table[i].bits), table[i].value == 0);
	}
}

static void a_nearest_value_is_within_half_a_nanosecond_and_has_its_sign(void **state)
{
	(void)state;
	assert_int_equal(cbd_chrony_float_ns_nearest(0x04800000), 1000000000);
	assert_int_equal(cbd_chrony_float_ns_nearest(0x03000000), -1000000000);
	assert_int_equal(cbd_chrony_float_ns_nearest(0xfccccccd), 100000001);
	assert_int_equal(cbd_chrony_float_ns_nearest(0xfd333333), -100000001);
	assert_int_equal(cbd_chrony_float_ns_nearest(0xc889705f), 1);
	assert_int_equal(cbd_chrony_float_ns_nearest(0xc9768fa1), -1);
	assert_int_equal(cbd_chrony_float_ns_nearest(0x00806912), 250801623);
	assert_int_equal(cbd_chrony_float_ns_nearest(0x80000001), 0);
}

static void a_bound_is_inflated_and_rounded_up_whatever_its_sign(void **state)
{
	(void)state;
	assert_int_equal(cbd_chrony_float_ns_up(0x00000000), 0);
	assert_int_equal(cbd_chrony_float_ns_up(0x80000001), 1);
	/* 1 s: 2^-23 of it is 119.2 ns */
	assert_int_equal(cbd_chrony_float_ns_up(0x04800000), 1000000120);
	assert_int_equal(cbd_chrony_float_ns_up(0x03000000), 1000000120);
	/* 1e6 ppm is 1.0: skew at its worst */
	assert_int_equal(cbd_chrony_float_q58_nearest(0x2af42400), Q58_ONE);
	assert_int_equal(cbd_chrony_float_q58_up(0x2af42400), Q58_ONE + (INT64_C(1) << 35));
}

static void what_does_not_fit_saturates(void **state)
{
	(void)state;
	assert_true(cbd_chrony_float_ns_nearest(0x7effffff) == INT64_MAX);
	assert_true(cbd_chrony_float_ns_nearest(0x7f000000) == -INT64_MAX);
	assert_true(cbd_chrony_float_ns_up(0x7f000000) == INT64_MAX);
	assert_true(cbd_chrony_float_q58_nearest(0x7f000000) == -INT64_MAX);
	assert_true(cbd_chrony_float_q58_up(0x7effffff) == INT64_MAX);
	assert_true(cbd_chrony_float_ns_quantum(0x7effffff) == INT64_MAX);
}

static void the_quantum_covers_the_worst_of_the_encoder(void **state)
{
	(void)state;
	assert_int_equal(cbd_chrony_float_ns_quantum(0x00000000), 1);
	/* 1 s: the last place is 2^-23 s = 119.21 ns, three quarters of it are 89.4 */
	assert_int_equal(cbd_chrony_float_ns_quantum(0x04800000), 91);
	/* 0.25 s at exponent 0: 2^-25 s = 29.8 ns, three quarters 22.4 */
	assert_int_equal(cbd_chrony_float_ns_quantum(0x00806912), 24);
	assert_int_equal(cbd_chrony_float_ns_quantum(0xc889705f), 2);
}

static void reaching_a_power_of_two_is_exact_at_the_edge(void **state)
{
	(void)state;
	assert_true(cbd_chrony_float_reaches(0x04800000, 0));
	assert_true(cbd_chrony_float_reaches(0x03000000, 0));
	assert_false(cbd_chrony_float_reaches(0x047fffff, 0)); /* 1 - 2^-23 */
	assert_false(cbd_chrony_float_reaches(0x04800000, 1));
	assert_true(cbd_chrony_float_reaches(0x7effffff, 61));
	assert_true(cbd_chrony_float_reaches(0x7f000000, 62));
	assert_false(cbd_chrony_float_reaches(0x7e000000, -100)); /* zero */
}

/* Against long double, over bits of every kind: up is never below, never far above; nearest is nearest. */
static void random_bits_never_round_inward(void **state)
{
	uint64_t random = 88172645463325252u;

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		uint32_t bits;
		long double ns;
		long double q58;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		bits = (uint32_t)(random >> 16);
		ns = fabsl(value_of(bits)) * 1e9L;
		q58 = fabsl(value_of(bits)) * 1e-6L * 0x1p58L;
		if (ns < 0x1p60L) {
			long double up = (long double)cbd_chrony_float_ns_up(bits);

			assert_true(up >= ns * (1 + 0x1p-24L) && up <= ns * (1 + 0x1p-22L) + 1);
			assert_true(fabsl((long double)cbd_chrony_float_ns_nearest(bits) -
					  value_of(bits) * 1e9L) <= 0.5L + ns * 0x1p-60L);
		} else {
			assert_true(cbd_chrony_float_ns_up(bits) >= INT64_C(1) << 60);
		}
		if (q58 < 0x1p60L) {
			assert_true((long double)cbd_chrony_float_q58_up(bits) >= q58 * (1 + 0x1p-24L));
		} else {
			assert_true(cbd_chrony_float_q58_up(bits) >= INT64_C(1) << 60);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_of_the_table_decodes_exactly),
		cmocka_unit_test(a_nearest_value_is_within_half_a_nanosecond_and_has_its_sign),
		cmocka_unit_test(a_bound_is_inflated_and_rounded_up_whatever_its_sign),
		cmocka_unit_test(what_does_not_fit_saturates),
		cmocka_unit_test(the_quantum_covers_the_worst_of_the_encoder),
		cmocka_unit_test(reaching_a_power_of_two_is_exact_at_the_edge),
		cmocka_unit_test(random_bits_never_round_inward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
