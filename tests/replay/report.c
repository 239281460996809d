/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output of clockbound-replay: see report.h.
 */
#include "tests/replay/report.h"

#include <math.h>

#include <jansson.h>

static void print_line(FILE *out, struct cbd_judgement *one)
{
	fprintf(out, "%-26s %8llu %8llu %7llu %8llu %9.1f %12.0f %7.3f %7.3f %7.3f %7llu %7llu %7llu %6llu\n",
		one->name, (unsigned long long)one->reports, (unsigned long long)one->valid,
		(unsigned long long)one->not_contained, (unsigned long long)one->not_contained_between,
		one->longest_s, cbd_judge_quantile(&one->width_ns, 0.5), cbd_judge_quantile(&one->ratio, 0.5),
		cbd_judge_quantile(&one->ratio, 0.95), cbd_judge_quantile(&one->ratio, 0.99),
		(unsigned long long)one->chrony_not_contained,
		(unsigned long long)one->upstream1_not_contained,
		(unsigned long long)one->upstream2_not_contained, (unsigned long long)one->held);
}

void cbd_report_table(FILE *out, struct cbd_judgement *judgement, size_t count, struct cbd_judgement *whole)
{
	fprintf(out, "%-26s %8s %8s %7s %8s %9s %12s %7s %7s %7s %7s %7s %7s %6s\n", "", "", "", "outside",
		"outside", "longest", "width ns", "ratio", "ratio", "ratio", "chrony", "1.0", "2.0", "");
	fprintf(out, "%-26s %8s %8s %7s %8s %9s %12s %7s %7s %7s %7s %7s %7s %6s\n", "name", "reports",
		"valid", "reports", "between", "s", "median", "median", "95 %", "99 %", "outside", "outside",
		"outside", "held");
	for (size_t i = 0; i < count; i++) {
		print_line(out, &judgement[i]);
	}
	if (count > 1) {
		print_line(out, whole);
	}
}

static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *count_of(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *object_of(struct cbd_judgement *one)
{
	double width_ns = cbd_judge_quantile(&one->width_ns, 0.5);

	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o}",
		"name", one->name, "reports", count_of(one->reports), "valid", count_of(one->valid),
		"not_contained", count_of(one->not_contained), "not_contained_between",
		count_of(one->not_contained_between), "longest_s", number(one->longest_s), "width_median_ns",
		isfinite(width_ns) ? json_integer((json_int_t)width_ns) : json_null(), "width_ratio_median",
		number(cbd_judge_quantile(&one->ratio, 0.5)), "width_ratio_p95",
		number(cbd_judge_quantile(&one->ratio, 0.95)), "width_ratio_p99",
		number(cbd_judge_quantile(&one->ratio, 0.99)), "chrony_reports",
		count_of(one->chrony_reports), "chrony_not_contained", count_of(one->chrony_not_contained),
		"upstream1_not_contained", count_of(one->upstream1_not_contained), "upstream2_not_contained",
		count_of(one->upstream2_not_contained), "clock_not_contained",
		count_of(one->clock_not_contained), "held", count_of(one->held), "fallback",
		count_of(one->fallback), "inconsistencies", count_of(one->inconsistencies), "steps",
		count_of(one->steps), "maxclockerror_ppm", number(one->maxclockerror_ppm));
}

bool cbd_report_json(FILE *out, struct cbd_judgement *judgement, size_t count)
{
	json_t *list = json_array();
	bool is_good = list != NULL;

	for (size_t i = 0; i < count && is_good; i++) {
		json_t *object = object_of(&judgement[i]);

		is_good = object != NULL && json_array_append_new(list, object) == 0;
	}
	is_good = is_good && json_dumpf(list, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 &&
		  fputc('\n', out) != EOF;
	json_decref(list);
	return is_good;
}
