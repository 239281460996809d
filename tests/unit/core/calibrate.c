/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter's rate: the true one always lies in the interval, which only narrows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/calibrate.h"
#include "daemon/core/q58.h"

/* A 2.5 GHz counter: 0.4 ns per tick. */
#define TICKS_PER_SEC UINT64_C(2500000000)

static struct cbd_bracket bracket_at(uint64_t ns, uint64_t half_ticks, int64_t error_ns)
{
	struct cbd_bracket raw = {
		.counter = 1000 + ns * 5 / 2,
		.half_ticks = half_ticks,
		.clock_ns = (int64_t)ns + error_ns,
	};

	return raw;
}

static void the_true_rate_stays_inside_and_the_uncertainty_only_falls(void **state)
{
	struct cbd_calibration calibration;
	uint64_t true_low = (uint64_t)CBD_Q58_ONE * 2 / 5;
	int64_t last = INT64_MAX;
	uint64_t ns;

	(void)state;
	cbd_calibration_init(&calibration, false);
	for (ns = 0; ns <= 100 * UINT64_C(1000000000); ns += 500000000) {
		/* the reading lies anywhere in its bracket: here at its ends in turn */
		struct cbd_bracket raw = bracket_at(ns, 100, ns % 1000000000 == 0 ? 39 : -39);

		assert_true(cbd_calibration_add(&calibration, &raw));
		if (calibration.has_rate) {
			assert_true(calibration.low_q58 <= true_low);
			assert_true(calibration.high_q58 > true_low);
			assert_true(cbd_calibration_uncertainty_q58(&calibration) <= last);
			last = cbd_calibration_uncertainty_q58(&calibration);
		}
	}
	assert_true(cbd_q58_to_ppb_ceil(last) <= 2);
}

static void readings_too_close_to_the_start_say_nothing(void **state)
{
	struct cbd_calibration calibration;
	struct cbd_bracket first = bracket_at(0, 100, 0);
	struct cbd_bracket close = bracket_at(60, 100, 0);

	(void)state;
	cbd_calibration_init(&calibration, false);
	assert_true(cbd_calibration_add(&calibration, &first));
	assert_true(cbd_calibration_add(&calibration, &close));
	assert_false(calibration.has_rate);
}

static void a_jump_of_the_counter_or_of_the_raw_clock_contradicts(void **state)
{
	struct cbd_calibration calibration;
	struct cbd_bracket raw = bracket_at(0, 100, 0);

	(void)state;
	cbd_calibration_init(&calibration, false);
	assert_true(cbd_calibration_add(&calibration, &raw));
	raw = bracket_at(UINT64_C(10000000000), 100, 0);
	assert_true(cbd_calibration_add(&calibration, &raw));
	raw = bracket_at(UINT64_C(11000000000), 100, 1000000);
	assert_false(cbd_calibration_add(&calibration, &raw));
	raw = bracket_at(0, 100, 0);
	raw.counter = 500;
	assert_false(cbd_calibration_add(&calibration, &raw));
}

static void absurd_brackets_contradict_and_divide_by_nothing(void **state)
{
	struct cbd_calibration calibration;
	struct cbd_bracket raw = {.counter = 1, .half_ticks = UINT64_MAX / 2 + 7, .clock_ns = 0};

	(void)state;
	cbd_calibration_init(&calibration, false);
	assert_true(cbd_calibration_add(&calibration, &raw));
	raw = (struct cbd_bracket){
		.counter = UINT64_MAX - 1, .half_ticks = UINT64_MAX / 2, .clock_ns = INT64_MAX};
	assert_false(cbd_calibration_add(&calibration, &raw));
}

static void the_raw_clock_as_counter_is_exact(void **state)
{
	struct cbd_calibration calibration;

	(void)state;
	cbd_calibration_init(&calibration, true);
	assert_true(calibration.has_rate);
	assert_true(cbd_calibration_rate_q58(&calibration) == (uint64_t)CBD_Q58_ONE);
	assert_true(cbd_calibration_uncertainty_q58(&calibration) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_true_rate_stays_inside_and_the_uncertainty_only_falls),
		cmocka_unit_test(readings_too_close_to_the_start_say_nothing),
		cmocka_unit_test(a_jump_of_the_counter_or_of_the_raw_clock_contradicts),
		cmocka_unit_test(absurd_brackets_contradict_and_divide_by_nothing),
		cmocka_unit_test(the_raw_clock_as_counter_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
