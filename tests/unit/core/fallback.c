/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fallback's memory: the move of the update in force, and maxclockerror from the slope.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/fallback.h"
#include "daemon/core/q58.h"

static struct cbd_poll report(uint64_t second, int64_t ref_time_ns, int64_t root_dispersion_ns)
{
	struct cbd_poll poll = {
		.before.real.counter = second * 1000000000,
		.tracking = {.ref_time_ns = ref_time_ns, .root_dispersion_ns = root_dispersion_ns},
	};

	return poll;
}

static void maxclockerror_is_the_slope_less_skew_and_residual_rounded_down(void **state)
{
	struct cbd_fallback fallback;
	struct cbd_poll poll;
	uint64_t second;

	(void)state;
	cbd_fallback_init(&fallback);
	for (second = 1; second <= 100; second++) {
		/* 50 ppm of maxclockerror, 2 of skew, 1 of residual */
		poll = report(second, 7, 100000 + (int64_t)second * 53000);
		poll.tracking.skew_q58 = cbd_q58_from_ppb(2000);
		poll.tracking.residual_q58 = cbd_q58_from_ppb(1000);
		cbd_fallback_poll(&fallback, &poll, (uint64_t)CBD_Q58_ONE, false, 0);
	}
	assert_in_range(cbd_q58_to_ppb(fallback.maxclockerror_q58), 49990, 50000);
}

static void nothing_is_learned_from_one_report(void **state)
{
	struct cbd_fallback fallback;
	struct cbd_poll poll = report(1, 7, 100000);

	(void)state;
	cbd_fallback_init(&fallback);
	cbd_fallback_poll(&fallback, &poll, (uint64_t)CBD_Q58_ONE, false, 0);
	assert_true(fallback.maxclockerror_q58 == 0);
	assert_false(fallback.has_maxclockerror);
}

static void a_shrinking_dispersion_teaches_nothing(void **state)
{
	struct cbd_fallback fallback;
	struct cbd_poll poll = report(1, 7, 100000);

	(void)state;
	cbd_fallback_init(&fallback);
	cbd_fallback_poll(&fallback, &poll, (uint64_t)CBD_Q58_ONE, false, 0);
	poll = report(3, 7, 50000);
	cbd_fallback_poll(&fallback, &poll, (uint64_t)CBD_Q58_ONE, false, 0);
	assert_false(fallback.has_maxclockerror);
}

static void the_move_stays_in_force_until_the_next_update(void **state)
{
	struct cbd_fallback fallback;
	struct cbd_poll poll = report(1, 7, 100000);

	(void)state;
	cbd_fallback_init(&fallback);
	cbd_fallback_poll(&fallback, &poll, (uint64_t)CBD_Q58_ONE, false, 0);
	assert_int_equal(fallback.last_move_ns, 0);
	poll = report(2, 8, 100000);
	cbd_fallback_poll(&fallback, &poll, (uint64_t)CBD_Q58_ONE, true, -5000);
	assert_int_equal(fallback.last_move_ns, 5000);
	poll = report(3, 8, 100000);
	cbd_fallback_poll(&fallback, &poll, (uint64_t)CBD_Q58_ONE, false, 0);
	assert_int_equal(fallback.last_move_ns, 5000);
	poll = report(4, 9, 100000);
	cbd_fallback_poll(&fallback, &poll, (uint64_t)CBD_Q58_ONE, true, 10);
	assert_int_equal(fallback.last_move_ns, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maxclockerror_is_the_slope_less_skew_and_residual_rounded_down),
		cmocka_unit_test(nothing_is_learned_from_one_report),
		cmocka_unit_test(a_shrinking_dispersion_teaches_nothing),
		cmocka_unit_test(the_move_stays_in_force_until_the_next_update),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
