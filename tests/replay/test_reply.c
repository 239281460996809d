/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a trace's numbers through chronyd's wire format to the core's units.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/source/chrony_float.h"
#include "tests/replay/reply.h"

/* The number that a wire float says. */
static double value_of(uint32_t bits)
{
	struct cbd_chrony_float parts = cbd_chrony_float_split(bits);
	double value = parts.coefficient;

	for (int i = parts.exponent - 25; i < 0; i++) {
		value /= 2;
	}
	for (int i = 0; i < parts.exponent - 25; i++) {
		value *= 2;
	}
	return value;
}

static void numbers_of_a_trace_come_back_exactly(void **state)
{
	static const double numbers[] = {
		0,
		1,
		-1,
		1e6,
		0.5,
		4.2880290984648184e-10,
		0.0002971947833430022,
		-7.519618034362793,
		249.34759521484375,
		0.010513399727642536,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_true(value_of(cbd_reply_float(numbers[i])) == numbers[i]);
	}
}

static void numbers_beyond_the_format_saturate_and_vanish(void **state)
{
	(void)state;
	assert_true(value_of(cbd_reply_float(1e300)) > 9e18 / 64);
	assert_true(value_of(cbd_reply_float(-1e300)) < -9e18 / 64);
	assert_true(value_of(cbd_reply_float(1e-300)) == 0);
	assert_true(value_of(cbd_reply_float(0x1.fffffffp0)) == 2);
}

static void the_offset_of_a_sample_changes_its_sign_and_the_correction_keeps_it(void **state)
{
	struct cbd_chrony_complaint complaint;
	struct cbd_tracking tracking;
	struct cbd_source_data source;

	(void)state;
	assert_true(cbd_reply_tracking(&(struct cbd_reply_tracking){.reference_id = 0xc0a87b01,
								    .stratum = 2,
								    .current_correction_s = 0.25,
								    .root_delay_s = 0x1p-10,
								    .root_dispersion_s = 0x1p-10},
				       &tracking, &complaint));
	assert_int_equal(tracking.correction_ns, 250000000);
	assert_false(tracking.is_refclock);
	assert_true(
		cbd_reply_source(&(struct cbd_reply_source){.latest_meas_s = 0.25, .latest_meas_err_s = 0.5},
				 &source, &complaint));
	assert_int_equal(source.offset_ns, -250000000);
	assert_in_range(source.error_ns, 500000001, 500000100);
}

static void a_new_sample_has_a_new_mark_and_an_old_one_keeps_it(void **state)
{
	struct cbd_reply_source reply = {
		.orig_latest_meas_s = 0.001, .latest_meas_s = 0.001, .latest_meas_err_s = 0.01};
	struct cbd_chrony_complaint complaint;
	struct cbd_source_data first;
	struct cbd_source_data again;
	struct cbd_source_data next;

	(void)state;
	assert_true(cbd_reply_source(&reply, &first, &complaint));
	reply.latest_meas_s = 0.0005; /* slewed */
	reply.since_sample_s = 3;
	assert_true(cbd_reply_source(&reply, &again, &complaint));
	reply.orig_latest_meas_s = 0.0011;
	assert_true(cbd_reply_source(&reply, &next, &complaint));
	assert_true(first.mark == again.mark);
	assert_true(first.mark != next.mark);
}

static void refclocks_are_told_from_servers_by_their_names(void **state)
{
	struct cbd_reply_tracking reply = {
		.stratum = 1, .root_delay_s = 0x1p-30, .root_dispersion_s = 0x1p-20};
	struct cbd_chrony_complaint complaint;
	struct cbd_tracking tracking;

	(void)state;
	reply.reference_id = 0x47505300; /* GPS */
	assert_true(cbd_reply_tracking(&reply, &tracking, &complaint));
	assert_true(tracking.is_refclock);
	reply.reference_id = 0x50484330; /* PHC0 */
	assert_true(cbd_reply_tracking(&reply, &tracking, &complaint));
	assert_true(tracking.is_refclock);
	reply.reference_id = 0x47005300; /* 71.0.83.0 */
	assert_true(cbd_reply_tracking(&reply, &tracking, &complaint));
	assert_false(tracking.is_refclock);
}

static void what_chronyd_cannot_mean_is_refused(void **state)
{
	struct cbd_reply_tracking reply = {
		.reference_id = 0xc0a87b01, .stratum = 2, .root_delay_s = -1, .root_dispersion_s = 1};
	struct cbd_chrony_complaint complaint;
	struct cbd_tracking tracking;

	(void)state;
	assert_false(cbd_reply_tracking(&reply, &tracking, &complaint));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_a_trace_come_back_exactly),
		cmocka_unit_test(numbers_beyond_the_format_saturate_and_vanish),
		cmocka_unit_test(the_offset_of_a_sample_changes_its_sign_and_the_correction_keeps_it),
		cmocka_unit_test(a_new_sample_has_a_new_mark_and_an_old_one_keeps_it),
		cmocka_unit_test(refclocks_are_told_from_servers_by_their_names),
		cmocka_unit_test(what_chronyd_cannot_mean_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
