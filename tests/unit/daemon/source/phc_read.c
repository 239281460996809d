/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a PHC: by the best way it has, and never more from the samples than they prove together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "daemon/source/phc_read.h"
#include "tests/unit/daemon/source/phc_fake.h"

static char text[256];

static int read_it(struct fake_machine *machine, enum cbd_phc_method *method, struct cbd_phc_batch *batch)
{
	return cbd_phc_read(&machine->system, 7, &machine->clock, method, 5, batch, text, sizeof(text));
}

static void is_contained(const struct fake_machine *machine, const struct cbd_phc_batch *batch)
{
	assert_true(batch->low_ns <= machine->phc_less_raw_ns);
	assert_true(batch->high_ns >= machine->phc_less_raw_ns);
}

static void raw_stamps_contain_the_offset_within_the_narrowest_read(void **state)
{
	enum cbd_phc_method method = CBD_PHC_PRECISE;
	struct cbd_phc_batch batch;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	assert_int_equal(read_it(&machine, &method, &batch), 0);
	assert_int_equal(method, CBD_PHC_EXTENDED_RAW); /* PRECISE was refused for good */
	assert_int_equal(machine.controls, 2);
	is_contained(&machine, &batch);
	assert_int_equal(batch.width_ns, 400);
	assert_int_equal(batch.used, 5);
	assert_true(batch.high_ns - batch.low_ns <= 400 + 10);
	assert_int_equal(read_it(&machine, &method, &batch), 0);
	assert_int_equal(machine.controls, 3); /* and not asked for again */
}

static void each_way_that_is_refused_leads_to_the_next_and_all_contain_the_offset(void **state)
{
	enum cbd_phc_method last;

	(void)state;
	for (last = CBD_PHC_PRECISE; last < CBD_PHC_METHODS; last++) {
		enum cbd_phc_method method = CBD_PHC_PRECISE;
		struct cbd_phc_batch batch;
		struct fake_machine machine;

		fake_machine_init(&machine);
		machine.precise = last > CBD_PHC_PRECISE ? -EOPNOTSUPP : 0;
		machine.extended_raw = last > CBD_PHC_EXTENDED_RAW ? -EINVAL : 0;
		machine.extended_real = last > CBD_PHC_EXTENDED_REAL ? -EOPNOTSUPP : 0;
		assert_int_equal(read_it(&machine, &method, &batch), 0);
		assert_int_equal(method, last);
		is_contained(&machine, &batch);
		assert_true(batch.high_ns - batch.low_ns < 2500);
		assert_true(batch.high_ns >
			    batch.low_ns); /* no width is no proof, cross time stamps' neither */
	}
}

static void a_device_that_can_be_read_in_no_way_says_so(void **state)
{
	enum cbd_phc_method method = CBD_PHC_PRECISE;
	struct cbd_phc_batch batch;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	machine.extended_raw = machine.extended_real = machine.plain = -EOPNOTSUPP;
	assert_int_equal(read_it(&machine, &method, &batch), -EOPNOTSUPP);
	assert_non_null(strstr(text, "cannot be read"));
	assert_int_equal(method, CBD_PHC_PLAIN);
}

static void cross_time_stamps_that_fail_for_now_are_asked_for_again(void **state)
{
	static const int errors[] = {-EBUSY, -ENODEV, -ETIMEDOUT};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		enum cbd_phc_method method = CBD_PHC_PRECISE;
		struct cbd_phc_batch batch;
		struct fake_machine machine;

		fake_machine_init(&machine);
		machine.precise = errors[i];
		assert_int_equal(read_it(&machine, &method, &batch), 0);
		assert_int_equal(method, CBD_PHC_PRECISE);
		is_contained(&machine, &batch);
	}
}

static void errors_of_the_device_are_passed_on_and_nothing_else_is_tried(void **state)
{
	static const int errors[] = {-ENODEV, -EBUSY, -EIO, -ETIMEDOUT, -ESTALE};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		enum cbd_phc_method method = CBD_PHC_EXTENDED_RAW;
		struct cbd_phc_batch batch;
		struct fake_machine machine;

		fake_machine_init(&machine);
		machine.extended_raw = errors[i];
		text[0] = '\0';
		assert_int_equal(read_it(&machine, &method, &batch), errors[i]);
		assert_int_equal(machine.controls, 1);
		assert_int_not_equal(text[0], '\0');
	}
}

static void one_interrupted_sample_costs_nothing(void **state)
{
	enum cbd_phc_method method = CBD_PHC_EXTENDED_RAW;
	struct cbd_phc_batch batch;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	machine.wide_at = 2;
	machine.wide_ns = 80000;
	assert_int_equal(read_it(&machine, &method, &batch), 0);
	is_contained(&machine, &batch);
	assert_int_equal(batch.width_ns, 400);
	/* 82 us of drift at most between the first sample and the last. */
	assert_true(batch.high_ns - batch.low_ns < 400 + 200);
	machine.wide_ns = FAKE_SECOND;
	assert_int_equal(read_it(&machine, &method, &batch), 0);
	assert_int_equal(batch.dropped, 1);
	assert_int_equal(batch.used, 4);
}

static void a_device_that_jumps_between_samples_gives_no_reading(void **state)
{
	enum cbd_phc_method method = CBD_PHC_EXTENDED_RAW;
	struct cbd_phc_batch batch;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	machine.jump_at = 3;
	machine.jump_ns = 1000000;
	assert_int_equal(read_it(&machine, &method, &batch), -EBADMSG);
	assert_non_null(strstr(text, "exclude each other"));
}

static void a_real_time_clock_that_is_stepped_meanwhile_gives_no_reading(void **state)
{
	static const int64_t steps[] = {-FAKE_SECOND, -2000000, 2000000, FAKE_SECOND, 3600 * FAKE_SECOND};
	enum cbd_phc_method method;
	size_t i;

	(void)state;
	for (method = CBD_PHC_EXTENDED_REAL; method < CBD_PHC_METHODS; method++) {
		for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			enum cbd_phc_method at = method;
			struct cbd_phc_batch batch;
			struct fake_machine machine;

			fake_machine_init(&machine);
			machine.real_step_ns = steps[i];
			assert_int_equal(read_it(&machine, &at, &batch), -EBADMSG);
		}
	}
}

static void a_step_of_the_real_time_clock_does_not_concern_raw_stamps(void **state)
{
	enum cbd_phc_method method = CBD_PHC_EXTENDED_RAW;
	struct cbd_phc_batch batch;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	machine.real_step_ns = -5 * FAKE_SECOND;
	assert_int_equal(read_it(&machine, &method, &batch), 0);
	is_contained(&machine, &batch);
}

static void times_that_are_none_are_dropped(void **state)
{
	enum cbd_phc_method method = CBD_PHC_EXTENDED_RAW;
	struct cbd_phc_batch batch;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	machine.bad_nsec = 1000000000;
	assert_int_equal(read_it(&machine, &method, &batch), -EIO);
	machine.bad_nsec = UINT32_MAX;
	assert_int_equal(read_it(&machine, &method, &batch), -EIO);
	machine.bad_nsec = 0;
	machine.phc_less_raw_ns = -machine.raw_ns - 5 * FAKE_SECOND; /* before 1970 */
	assert_int_equal(read_it(&machine, &method, &batch), -EIO);
}

static void samples_out_of_order_or_of_absurd_times_prove_nothing(void **state)
{
	struct cbd_phc_sample samples[3] = {
		{.pre_ns = 500, .phc_ns = 1000, .post_ns = 400},
		{.pre_ns = INT64_MIN, .phc_ns = 1000, .post_ns = INT64_MAX},
		{.pre_ns = 0, .phc_ns = 1000, .post_ns = CBD_PHC_WIDTH_MAX_NS + 1},
	};
	struct cbd_phc_batch batch;

	(void)state;
	assert_int_equal(cbd_phc_batch_of(samples, 3, &batch), -EIO);
	assert_int_equal(cbd_phc_batch_of(samples, 0, &batch), -EIO);
	samples[0] = (struct cbd_phc_sample){.pre_ns = 100, .phc_ns = INT64_MAX, .post_ns = 200};
	assert_int_equal(cbd_phc_batch_of(samples, 1, &batch), 0);
	assert_true(batch.low_ns <= INT64_MAX - 200 && batch.high_ns >= INT64_MAX - 100);
}

static void samples_are_intersected_and_never_averaged(void **state)
{
	/* The truth is 1000: the first says 900 to 1000, the second 1000 to 1050, a third 600 to 1400. */
	struct cbd_phc_sample samples[3] = {
		{.pre_ns = 100, .phc_ns = 1100, .post_ns = 200},
		{.pre_ns = 200, .phc_ns = 1250, .post_ns = 250},
		{.pre_ns = 250, .phc_ns = 1650, .post_ns = 1050},
	};
	struct cbd_phc_batch batch;

	(void)state;
	assert_int_equal(cbd_phc_batch_of(samples, 3, &batch), 0);
	assert_in_range(batch.low_ns, 995, 1000);
	assert_in_range(batch.high_ns, 1000, 1005);
	assert_int_equal(batch.width_ns, 50);
	assert_int_equal(batch.raw_ns, 1050);
}

/* 10 us later, by 1000 ppm, 10 ns more to both sides, and 1 ns for the rounding. */
static void batches_are_intersected_at_the_later_one(void **state)
{
	const struct cbd_phc_batch before = {
		.raw_ns = 5000, .low_ns = 900, .high_ns = 1100, .width_ns = 200, .used = 1};
	struct cbd_phc_batch batch = {
		.raw_ns = 15000, .low_ns = 950, .high_ns = 1300, .width_ns = 350, .used = 1, .dropped = 1};

	(void)state;
	assert_int_equal(cbd_phc_batch_add(&batch, &before, text, sizeof(text)), 0);
	assert_int_equal(batch.raw_ns, 15000);
	assert_int_equal(batch.low_ns, 950);
	assert_int_equal(batch.high_ns, 1111);
	assert_int_equal(batch.width_ns, 200);
	assert_int_equal(batch.used, 2);
	assert_int_equal(batch.dropped, 1);
	batch.low_ns = 1112;
	batch.high_ns = 1200;
	assert_int_equal(cbd_phc_batch_add(&batch, &before, text, sizeof(text)), -EBADMSG);
	assert_non_null(strstr(text, "exclude each other"));
	assert_int_equal(batch.low_ns, 1112);
	batch = before;
	batch.raw_ns--;
	assert_int_equal(cbd_phc_batch_add(&batch, &before, text, sizeof(text)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_stamps_contain_the_offset_within_the_narrowest_read),
		cmocka_unit_test(each_way_that_is_refused_leads_to_the_next_and_all_contain_the_offset),
		cmocka_unit_test(a_device_that_can_be_read_in_no_way_says_so),
		cmocka_unit_test(cross_time_stamps_that_fail_for_now_are_asked_for_again),
		cmocka_unit_test(errors_of_the_device_are_passed_on_and_nothing_else_is_tried),
		cmocka_unit_test(one_interrupted_sample_costs_nothing),
		cmocka_unit_test(a_device_that_jumps_between_samples_gives_no_reading),
		cmocka_unit_test(a_real_time_clock_that_is_stepped_meanwhile_gives_no_reading),
		cmocka_unit_test(a_step_of_the_real_time_clock_does_not_concern_raw_stamps),
		cmocka_unit_test(times_that_are_none_are_dropped),
		cmocka_unit_test(samples_out_of_order_or_of_absurd_times_prove_nothing),
		cmocka_unit_test(samples_are_intersected_and_never_averaged),
		cmocka_unit_test(batches_are_intersected_at_the_later_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
