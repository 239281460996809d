/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The proved rule on every recorded run with Source_Data: containment, width, and agreement with the
 * independent count that came with the runs.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/replay/runs.h"

#define RUNS  24
#define KINDS 9

enum {
	JUDGED,
	MEDIAN,
	P95
};

static struct runs runs;
static struct runs runs_before_4; /* the same, as if from a chronyd of which less is known */

static int judge_all(void **state)
{
	static const char *const columns[] = {"judged_reports", "median_ratio", "p95_ratio", NULL};
	struct cbd_judge_options options = {.rho_ppb = 50000};

	(void)state;
	runs_judge(&runs, REPLAY_DATA "/chrony-source-traces", columns, &options);
	options.is_before_4 = true;
	runs_judge(&runs_before_4, REPLAY_DATA "/chrony-source-traces", columns, &options);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	runs_free(&runs);
	runs_free(&runs_before_4);
	return 0;
}

static void assert_contained(const struct runs *all)
{
	assert_int_equal(all->count, RUNS);
	for (size_t i = 0; i < all->count; i++) {
		const struct cbd_judgement *one = &all->one[i];

		if (one->not_contained != 0 || one->not_contained_between != 0) {
			fail_msg("%s: %llu reports and %llu intervals between reports outside, for %.1f s",
				 one->name, (unsigned long long)one->not_contained,
				 (unsigned long long)one->not_contained_between, one->longest_s);
		}
		assert_true(one->longest_s == 0);
		assert_int_equal(one->fallback, 0);
	}
}

static void no_report_and_no_second_between_is_outside_the_counter_interval(void **state)
{
	(void)state;
	assert_contained(&runs);
	assert_contained(&runs_before_4);
}

/* The age of a sample is half a second less on average: most where chronyd polls each second. */
static void whole_seconds_make_no_run_wider_and_the_often_polled_a_fifth_narrower(void **state)
{
	(void)state;
	for (size_t i = 0; i < runs.count; i++) {
		double width_ns = cbd_judge_quantile(&runs.one[i].width_ns, 0.5);
		double before_ns = cbd_judge_quantile(&runs_before_4.one[i].width_ns, 0.5);

		assert_true(width_ns < before_ns);
		assert_true(strstr(runs.one[i].name, "-p0-") == NULL || width_ns < 0.8 * before_ns);
	}
}

/* Against chrony's documented bound with maxclockerror 50: the price of the proof. Of a chronyd before 4 less is known. */
static void half_are_at_most_5_percent_wider_than_chronys_bound_and_95_percent_at_most_20(void **state)
{
	(void)state;
	assert_true(cbd_judge_quantile(&runs.whole.ratio, 0.5) <= 1.05);
	assert_true(cbd_judge_quantile(&runs.whole.ratio, 0.95) <= 1.20);
	assert_true(cbd_judge_quantile(&runs_before_4.whole.ratio, 0.5) <= 1.05);
	assert_true(cbd_judge_quantile(&runs_before_4.whole.ratio, 0.95) <= 1.25);
}

/*
 * From the first report with a selected source on there is an interval, and it never goes away; but for the first
 * samples of three runs, of which chronyd has taken off more than X was seen to move: one poll more is waited.
 */
static void every_report_after_the_first_selection_is_valid(void **state)
{
	(void)state;
	for (size_t i = 0; i < runs.count; i++) {
		assert_in_range(runs.one[i].valid, (uint64_t)runs.expected[i][JUDGED] - 3,
				(uint64_t)runs.expected[i][JUDGED]);
	}
}

/*
 * The other takes every sample to be a second older, as ours does of a chronyd before 4, and has no doubts: of a frequency that a step or the path may have misled, and of movements that nobody
 * accounts for. They cost up to an eighth of the median and a third of the 95 % where the frequency really moves.
 */
static void widths_are_those_of_an_independent_implementation_of_the_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < runs_before_4.count; i++) {
		struct cbd_judgement *one = &runs_before_4.one[i];
		const double *expected = runs_before_4.expected[i];
		double median = cbd_judge_quantile(&one->ratio, 0.5);
		double p95 = cbd_judge_quantile(&one->ratio, 0.95);

		if (median < expected[MEDIAN] - 0.01 || median > expected[MEDIAN] + 0.13 ||
		    p95 < expected[P95] - 0.1 || p95 > expected[P95] + 0.35) {
			fail_msg("%s: median %.4f and 95 %% %.4f, the other counted %.4f and %.4f", one->name,
				 median, p95, expected[MEDIAN], expected[P95]);
		}
	}
}

/* Refclocks, interleaved servers, peers, filters, losses, and a clock that is moved: chronyd's own samples of each. */
static void other_kinds_of_sources_are_contained(void **state)
{
	static const char *const columns[] = {NULL};
	const struct cbd_judge_options options = {.rho_ppb = 50000};
	static struct runs kinds;
	size_t i;

	(void)state;
	runs_judge(&kinds, REPLAY_DATA "/chrony-kinds-of-sources", columns, &options);
	assert_int_equal(kinds.count, KINDS);
	for (i = 0; i < kinds.count; i++) {
		if (kinds.one[i].not_contained != 0 || kinds.one[i].not_contained_between != 0) {
			fail_msg("%s: %llu reports and %llu intervals between reports outside",
				 kinds.one[i].name, (unsigned long long)kinds.one[i].not_contained,
				 (unsigned long long)kinds.one[i].not_contained_between);
		}
		assert_true(kinds.one[i].valid >= kinds.one[i].reports * 9 / 10);
	}
	runs_free(&kinds);
}

static void chronyds_maxclockerror_shows_in_its_dispersion(void **state)
{
	(void)state;
	for (size_t i = 0; i < runs.count; i++) {
		double ppm = runs.one[i].maxclockerror_ppm;

		assert_true(fabs(ppm - 1) < 0.001 || fabs(ppm - 50) < 0.001);
	}
}

/* The judge itself can fail: the same runs with an oscillator that is promised to be perfect. */
static void a_rho_of_zero_is_caught(void **state)
{
	static const char *const columns[] = {NULL};
	const struct cbd_judge_options options = {.rho_ppb = 0};
	static struct runs broken;

	(void)state;
	runs_judge(&broken, REPLAY_DATA "/chrony-source-traces", columns, &options);
	assert_true(broken.whole.not_contained > 1000);
	assert_true(broken.whole.not_contained_between > 1000);
	assert_true(broken.whole.longest_s > 60);
	runs_free(&broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_report_and_no_second_between_is_outside_the_counter_interval),
		cmocka_unit_test(
			half_are_at_most_5_percent_wider_than_chronys_bound_and_95_percent_at_most_20),
		cmocka_unit_test(whole_seconds_make_no_run_wider_and_the_often_polled_a_fifth_narrower),
		cmocka_unit_test(every_report_after_the_first_selection_is_valid),
		cmocka_unit_test(widths_are_those_of_an_independent_implementation_of_the_rule),
		cmocka_unit_test(other_kinds_of_sources_are_contained),
		cmocka_unit_test(chronyds_maxclockerror_shows_in_its_dispersion),
		cmocka_unit_test(a_rho_of_zero_is_caught),
	};

	return cmocka_run_group_tests(tests, judge_all, free_all);
}
