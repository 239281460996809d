/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a PHC may run off: by what its servo was seen to dial, by what linuxptp's really does, and never by less.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "daemon/core/q58.h"
#include "daemon/source/phc_servo.h"

#define RHO_PPB	  50000u
#define PPM	  65536
#define SECOND_NS INT64_C(1000000000)

static struct cbd_servo servo;

static int setup(void **state)
{
	int i;

	(void)state;
	memset(&servo, 0, sizeof(servo));
	for (i = 0; i < CBD_SERVO_SYNCS; i++) {
		cbd_servo_measured(&servo, i % 2 == 0 ? 50 : -50);
		cbd_servo_dialled(&servo, -21 * PPM);
	}
	return 0;
}

static void eight_synchronisations_and_what_was_dialled_at_each_are_needed(void **state)
{
	int i;

	(void)state;
	assert_true(cbd_servo_is_known(&servo));
	cbd_servo_measured(&servo, 7);
	assert_false(cbd_servo_is_known(&servo));
	for (i = 0; i < CBD_SERVO_SYNCS - 1; i++) {
		cbd_servo_measured(&servo, 7);
		cbd_servo_dialled(&servo, 0);
		assert_false(cbd_servo_is_known(&servo));
	}
	cbd_servo_measured(&servo, 7);
	cbd_servo_dialled(&servo, 0);
	assert_true(cbd_servo_is_known(&servo));
	cbd_servo_hidden(&servo);
	assert_false(cbd_servo_is_known(&servo));
	(void)setup(NULL);
	cbd_servo_forget(&servo);
	assert_false(cbd_servo_is_known(&servo));
	cbd_servo_dialled(&servo, 0); /* of no synchronisation */
	assert_int_equal(cbd_servo_offset_ns(&servo), 0);
	assert_int_equal(cbd_servo_runoff_ns(&servo, SECOND_NS, 0), 0);
}

static void the_range_of_what_was_dialled_counts_and_is_rounded_up(void **state)
{
	(void)state;
	assert_int_equal(cbd_servo_offset_ns(&servo), 50);
	assert_int_equal(cbd_servo_runoff_ns(&servo, SECOND_NS, 0), 0);
	assert_int_equal(cbd_servo_runoff_ns(&servo, 0, RHO_PPB), 0);
	cbd_servo_dialled(&servo, -21 * PPM + 1);
	assert_int_equal(cbd_servo_runoff_ns(&servo, SECOND_NS, 0), 2); /* 1 ppb, of a second and a little */
	cbd_servo_dialled(&servo, 79 * PPM);
	assert_in_range(cbd_servo_runoff_ns(&servo, SECOND_NS, RHO_PPB), 150000, 150000 + 50);
	cbd_servo_dialled(&servo, INT64_MAX);
	assert_int_equal(cbd_servo_runoff_ns(&servo, SECOND_NS, RHO_PPB), INT64_MAX);
	cbd_servo_dialled(&servo, INT64_MIN);
	assert_int_equal(cbd_servo_runoff_ns(&servo, SECOND_NS, RHO_PPB), INT64_MAX);
}

/* A device that goes slowly shows too little of the time in which it runs off. */
static void the_time_is_the_devices_own(void **state)
{
	double rate = 0.0;
	int ppm;

	(void)state;
	for (ppm = 0; ppm <= 400000; ppm += 1000) {
		double shown_s = 9.9;

		(void)setup(NULL);
		cbd_servo_dialled(&servo, (int64_t)(ppm - 21) * PPM);
		rate = ppm * 1e-6 + RHO_PPB * 1e-9;
		assert_true((double)cbd_servo_runoff_ns(&servo, (int64_t)(shown_s * 1e9), RHO_PPB) >=
			    shown_s * 1e9 / (1.0 - rate) * rate - 1.0);
	}
}

/* linuxptp's pi.c: with hardware stamps, an outlier as the network makes it, and then nothing for ten seconds. */
static void what_linuxptps_servo_does_after_an_outlier_is_covered(void **state)
{
	static const double intervals_s[] = {1.0, 0.5, 0.125, 0.0625, 2.0};
	static const double outliers_ns[] = {-1e6, -50e3, 20e3, 50e3, 100e3, 200e3, 1e6};
	size_t i;
	size_t k;
	int step;

	(void)state;
	for (i = 0; i < sizeof(intervals_s) / sizeof(intervals_s[0]); i++) {
		double proportional = fmin(0.7 * pow(intervals_s[i], -0.3), 0.7 / intervals_s[i]);
		double integral = fmin(0.3 * pow(intervals_s[i], 0.4), 0.3 / intervals_s[i]);

		for (k = 0; k < sizeof(outliers_ns) / sizeof(outliers_ns[0]); k++) {
			double ppb = -(proportional + integral) * outliers_ns[k];

			(void)setup(NULL);
			cbd_servo_measured(&servo, (int64_t)outliers_ns[k]);
			cbd_servo_dialled(&servo, -21 * PPM + (int64_t)(ppb * PPM / 1000));
			for (step = 0; step <= 99; step++) {
				double t_s = 0.1 * step;
				double off_ns = fabs(ppb + RHO_PPB * (ppb < 0 ? -0.99 : 0.99)) * t_s;
				int64_t shown_ns = (int64_t)(t_s * 1e9 - off_ns);

				assert_true((double)cbd_ns_add(cbd_servo_offset_ns(&servo),
							       cbd_servo_runoff_ns(&servo, shown_ns,
										   RHO_PPB)) >= off_ns);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(eight_synchronisations_and_what_was_dialled_at_each_are_needed, setup),
		cmocka_unit_test_setup(the_range_of_what_was_dialled_counts_and_is_rounded_up, setup),
		cmocka_unit_test_setup(the_time_is_the_devices_own, setup),
		cmocka_unit_test_setup(what_linuxptps_servo_does_after_an_outlier_is_covered, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
