/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where leap seconds can fall.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/leap.h"
#include "daemon/core/q58.h"

#define HOUR (3600 * CBD_NS_PER_SEC)
/* 2016-12-31T23:59:60Z stood before this midnight. */
#define NEW_YEAR_2017 (INT64_C(1483228800) * CBD_NS_PER_SEC)

static void the_end_of_the_day_is_the_next_midnight(void **state)
{
	(void)state;
	assert_true(cbd_leap_end_of_day_ns(NEW_YEAR_2017 - 1) == NEW_YEAR_2017);
	assert_true(cbd_leap_end_of_day_ns(NEW_YEAR_2017 - 24 * HOUR) == NEW_YEAR_2017);
	assert_true(cbd_leap_end_of_day_ns(NEW_YEAR_2017) == NEW_YEAR_2017 + 24 * HOUR);
	assert_true(cbd_leap_end_of_day_ns(-1) == 0);
	assert_true(cbd_leap_end_of_day_ns(INT64_MAX) >= INT64_MAX - 24 * HOUR);
}

static void an_hour_around_a_months_end_is_near_it(void **state)
{
	(void)state;
	assert_true(cbd_leap_is_near_month_end(NEW_YEAR_2017));
	assert_true(cbd_leap_is_near_month_end(NEW_YEAR_2017 - HOUR));
	assert_true(cbd_leap_is_near_month_end(NEW_YEAR_2017 + HOUR - 1));
	assert_false(cbd_leap_is_near_month_end(NEW_YEAR_2017 - HOUR - 1));
	assert_false(cbd_leap_is_near_month_end(NEW_YEAR_2017 + HOUR));
	assert_false(cbd_leap_is_near_month_end(NEW_YEAR_2017 + 24 * HOUR));
}

static void one_second_give_or_take_a_tenth_can_be_a_leap(void **state)
{
	(void)state;
	assert_true(cbd_leap_is_one_second(CBD_NS_PER_SEC));
	assert_true(cbd_leap_is_one_second(-CBD_NS_PER_SEC));
	assert_false(cbd_leap_is_one_second(CBD_NS_PER_SEC / 2));
	assert_false(cbd_leap_is_one_second(2 * CBD_NS_PER_SEC));
	assert_false(cbd_leap_is_one_second(INT64_MIN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_of_the_day_is_the_next_midnight),
		cmocka_unit_test(an_hour_around_a_months_end_is_near_it),
		cmocka_unit_test(one_second_give_or_take_a_tenth_can_be_a_leap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
