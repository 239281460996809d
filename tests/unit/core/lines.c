/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines: they enclose, forwards and backwards, and refuse what the page cannot carry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/lines.h"
#include "daemon/core/q58.h"

#define ONE_NS ((uint64_t)CBD_Q58_ONE)

static const struct cbd_interval start = {.earliest_ns = 1000, .latest_ns = 2000};

static void lines_widen_by_the_growth_on_both_sides_of_the_base(void **state)
{
	struct cbd_lines lines;
	struct cbd_interval at;

	(void)state;
	assert_true(cbd_lines_make(&lines, 5000000000, &start, ONE_NS, cbd_q58_from_ppb(50000)));
	at = cbd_lines_at(&lines, 6000000000);
	assert_in_range(1000 + 1000000000 - at.earliest_ns, 50000, 50002);
	assert_in_range(at.latest_ns - 2000 - 1000000000, 50000, 50002);
	at = cbd_lines_at(&lines, 4000000000);
	assert_in_range(1000 - 1000000000 - at.earliest_ns, 50000, 50002);
	assert_in_range(at.latest_ns - 2000 + 1000000000, 50000, 50002);
	at = cbd_lines_at(&lines, 5000000000);
	assert_int_equal(at.earliest_ns, 1000);
	assert_int_equal(at.latest_ns, 2000);
}

static void a_growth_above_one_never_lets_earliest_run_back(void **state)
{
	struct cbd_lines lines;

	(void)state;
	assert_true(cbd_lines_make(&lines, 0, &start, ONE_NS, 3 * CBD_Q58_ONE));
	assert_true(lines.earliest_rate == 0);
	assert_true(lines.latest_rate == 4 * ONE_NS);
}

static void a_rate_that_does_not_fit_the_page_is_refused(void **state)
{
	struct cbd_lines lines = {.base = 77};

	(void)state;
	assert_false(cbd_lines_make(&lines, 0, &start, 40 * ONE_NS, CBD_Q58_ONE));
	assert_int_equal(lines.base, 77);
	assert_true(cbd_lines_make(&lines, 0, &start, 60 * ONE_NS, 0));
}

static void lines_saturate_far_away(void **state)
{
	struct cbd_lines lines;
	struct cbd_interval at;

	(void)state;
	assert_true(cbd_lines_make(&lines, 0, &start, 60 * ONE_NS, 0));
	at = cbd_lines_at(&lines, UINT64_MAX);
	assert_true(at.earliest_ns == INT64_MAX && at.latest_ns == INT64_MAX);
}

static void touching_intervals_meet(void **state)
{
	struct cbd_interval a = {0, 10};
	struct cbd_interval b = {10, 20};
	struct cbd_interval c = {11, 20};

	(void)state;
	assert_true(cbd_interval_meets(&a, &b));
	assert_false(cbd_interval_meets(&a, &c));
	assert_int_equal(cbd_interval_intersect(&a, &b).earliest_ns, 10);
	assert_int_equal(cbd_interval_intersect(&a, &b).latest_ns, 10);
	assert_int_equal(cbd_interval_hull(&a, &c).earliest_ns, 0);
	assert_int_equal(cbd_interval_hull(&a, &c).latest_ns, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_widen_by_the_growth_on_both_sides_of_the_base),
		cmocka_unit_test(a_growth_above_one_never_lets_earliest_run_back),
		cmocka_unit_test(a_rate_that_does_not_fit_the_page_is_refused),
		cmocka_unit_test(lines_saturate_far_away),
		cmocka_unit_test(touching_intervals_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
