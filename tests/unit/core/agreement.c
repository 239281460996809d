/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agreement of old and new: intersection, hull, and the way back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/agreement.h"
#include "daemon/core/q58.h"

static bool take(struct cbd_agreement *agreement, uint64_t counter, int64_t earliest, int64_t latest,
		 uint64_t mark)
{
	struct cbd_agreement_entry entry = {
		.counter = counter,
		.interval = {(int64_t)counter + earliest, (int64_t)counter + latest},
		.mark = mark,
		.slope_q58 = (uint64_t)CBD_Q58_ONE,
		.growth_q58 = 0,
	};

	return cbd_agreement_take(agreement, &entry);
}

static void assert_stands(const struct cbd_agreement *agreement, uint64_t counter, int64_t earliest,
			  int64_t latest)
{
	struct cbd_interval at = cbd_lines_at(&agreement->lines, counter);

	assert_int_equal(at.earliest_ns, (int64_t)counter + earliest);
	assert_int_equal(at.latest_ns, (int64_t)counter + latest);
}

static void the_first_sample_stands_as_it_is(void **state)
{
	struct cbd_agreement agreement;

	(void)state;
	cbd_agreement_init(&agreement);
	assert_false(take(&agreement, 100, -10, 10, 1));
	assert_stands(&agreement, 100, -10, 10);
	assert_false(agreement.is_inconsistent);
}

static void samples_that_meet_leave_their_intersection(void **state)
{
	struct cbd_agreement agreement;

	(void)state;
	cbd_agreement_init(&agreement);
	take(&agreement, 100, -10, 10, 1);
	assert_false(take(&agreement, 200, -5, 30, 2));
	assert_stands(&agreement, 200, -5, 10);
}

static void the_same_sample_asked_for_again_does_not_shrink_the_hull(void **state)
{
	struct cbd_agreement agreement;

	(void)state;
	cbd_agreement_init(&agreement);
	take(&agreement, 100, -10, 10, 1);
	assert_true(take(&agreement, 200, 50, 60, 2));
	assert_stands(&agreement, 200, -10, 60);
	assert_false(take(&agreement, 300, 50, 60, 2));
	assert_stands(&agreement, 300, -10, 60);
	assert_int_equal(agreement.run, 0);
	assert_true(agreement.is_inconsistent);
}

static void three_new_samples_that_meet_end_the_contradiction(void **state)
{
	struct cbd_agreement agreement;

	(void)state;
	cbd_agreement_init(&agreement);
	take(&agreement, 100, -10, 10, 1);
	take(&agreement, 200, 50, 60, 2);
	take(&agreement, 300, 52, 62, 3);
	take(&agreement, 400, 54, 64, 4);
	assert_true(agreement.is_inconsistent);
	assert_stands(&agreement, 400, -10, 64);
	take(&agreement, 500, 50, 58, 5);
	assert_false(agreement.is_inconsistent);
	assert_stands(&agreement, 500, 54, 58);
}

static void a_sample_that_misses_the_others_starts_the_count_again(void **state)
{
	struct cbd_agreement agreement;

	(void)state;
	cbd_agreement_init(&agreement);
	take(&agreement, 100, -10, 10, 1);
	take(&agreement, 200, 50, 60, 2);
	take(&agreement, 300, 50, 60, 3);
	take(&agreement, 400, 50, 60, 4);
	take(&agreement, 500, -100, -90, 5);
	assert_true(agreement.is_inconsistent);
	assert_int_equal(agreement.run, 0);
	assert_stands(&agreement, 500, -100, 60);
	take(&agreement, 600, -100, -90, 6);
	take(&agreement, 700, -100, -90, 7);
	assert_true(agreement.is_inconsistent);
	take(&agreement, 800, -100, -90, 8);
	assert_false(agreement.is_inconsistent);
}

static void a_dispute_between_sources_is_a_contradiction_even_at_the_first_sample(void **state)
{
	struct cbd_agreement agreement;
	struct cbd_agreement_entry entry = {
		.counter = 100,
		.interval = {0, 200},
		.mark = 1,
		.slope_q58 = (uint64_t)CBD_Q58_ONE,
		.is_disputed = true,
	};

	(void)state;
	cbd_agreement_init(&agreement);
	assert_true(cbd_agreement_take(&agreement, &entry));
	assert_true(agreement.is_inconsistent);
	assert_stands(&agreement, 100, -100, 100);
}

static void a_memoryless_sample_replaces_what_stands(void **state)
{
	struct cbd_agreement agreement;
	struct cbd_agreement_entry entry = {
		.counter = 200,
		.interval = {100, 500},
		.mark = 2,
		.slope_q58 = (uint64_t)CBD_Q58_ONE,
		.is_memoryless = true,
	};

	(void)state;
	cbd_agreement_init(&agreement);
	take(&agreement, 100, -10, 10, 1);
	assert_false(cbd_agreement_take(&agreement, &entry));
	assert_stands(&agreement, 200, -100, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_sample_stands_as_it_is),
		cmocka_unit_test(samples_that_meet_leave_their_intersection),
		cmocka_unit_test(the_same_sample_asked_for_again_does_not_shrink_the_hull),
		cmocka_unit_test(three_new_samples_that_meet_end_the_contradiction),
		cmocka_unit_test(a_sample_that_misses_the_others_starts_the_count_again),
		cmocka_unit_test(a_dispute_between_sources_is_a_contradiction_even_at_the_first_sample),
		cmocka_unit_test(a_memoryless_sample_replaces_what_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
