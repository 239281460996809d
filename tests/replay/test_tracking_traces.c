/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fallback on every recorded run of Tracking alone. It is no proof (docs/MATH.md): these runs are what
 * it is measured by.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/replay/runs.h"

#define RUNS 30

enum {
	D_FAIL
};

static struct runs runs;

static int judge_all(void **state)
{
	static const char *const columns[] = {"D_fail", NULL};
	const struct cbd_judge_options options = {.rho_ppb = 50000};

	(void)state;
	runs_judge(&runs, REPLAY_DATA "/chrony-traces", columns, &options);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	runs_free(&runs);
	return 0;
}

/* In that run the source itself steps by 100 ms: nothing that chronyd reports shows it. */
static bool is_lied_to(const struct cbd_judgement *one)
{
	return strcmp(one->name, "nomajority") == 0;
}

static void no_report_and_no_instant_between_is_outside_unless_the_source_lies(void **state)
{
	(void)state;
	assert_int_equal(runs.count, RUNS);
	for (size_t i = 0; i < runs.count; i++) {
		const struct cbd_judgement *one = &runs.one[i];

		if (!is_lied_to(one) && (one->not_contained != 0 || one->not_contained_between != 0)) {
			fail_msg("%s: %llu reports and %llu intervals between reports outside, for %.1f s",
				 one->name, (unsigned long long)one->not_contained,
				 (unsigned long long)one->not_contained_between, one->longest_s);
		}
		assert_int_equal(one->fallback, one->valid);
	}
}

/* Its only source steps by 100 ms, A1: nothing is promised, and the fallback is out for a few reports at most. */
static void a_lying_source_costs_a_few_reports_at_most(void **state)
{
	uint64_t outside = 0;

	(void)state;
	for (size_t i = 0; i < runs.count; i++) {
		outside += is_lied_to(&runs.one[i]) ? runs.one[i].not_contained : 0;
	}
	assert_in_range(outside, 0, 10);
}

static void half_are_at_most_5_percent_wider_than_chronys_bound(void **state)
{
	(void)state;
	assert_true(cbd_judge_quantile(&runs.whole.ratio, 0.5) <= 1.05);
}

/* The truth as read here is the truth as it was recorded: chronyd's own bound fails as often as counted then. */
static void chronys_documented_bound_fails_as_often_as_was_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < runs.count; i++) {
		assert_int_equal(runs.one[i].chrony_not_contained, (uint64_t)runs.expected[i][D_FAIL]);
		assert_int_equal(runs.one[i].upstream2_not_contained, (uint64_t)runs.expected[i][D_FAIL]);
		assert_true(runs.one[i].upstream1_not_contained >= runs.one[i].chrony_not_contained);
	}
}

/* Nobody's unsynchronised reports are adopted: local mode says leap status 0, and all terms 0. */
static void local_mode_is_not_valid_before_it_was_synchronised(void **state)
{
	(void)state;
	for (size_t i = 0; i < runs.count; i++) {
		if (strcmp(runs.one[i].name, "local_startup") == 0) {
			assert_int_equal(runs.one[i].reports - runs.one[i].valid, 1048);
			return;
		}
	}
	fail_msg("no run local_startup");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_report_and_no_instant_between_is_outside_unless_the_source_lies),
		cmocka_unit_test(a_lying_source_costs_a_few_reports_at_most),
		cmocka_unit_test(half_are_at_most_5_percent_wider_than_chronys_bound),
		cmocka_unit_test(chronys_documented_bound_fails_as_often_as_was_counted),
		cmocka_unit_test(local_mode_is_not_valid_before_it_was_synchronised),
	};

	return cmocka_run_group_tests(tests, judge_all, free_all);
}
