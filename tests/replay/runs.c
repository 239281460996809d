/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders of runs: see runs.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/replay/runs.h"

static void judge_one(struct runs *runs, const char *folder, const char *name,
		      const struct cbd_judge_options *options)
{
	struct cbd_judgement *judgement = &runs->one[runs->count];
	struct cbd_replay_error error;
	struct cbd_trace trace;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s.csv.gz", folder, name);
	if (!cbd_trace_read(&trace, path, &error)) {
		fail_msg("%s", error.text);
	}
	assert_string_equal(trace.name, name);
	cbd_judge_init(judgement, name);
	assert_true(cbd_judge_trace(judgement, &trace, options));
	assert_true(cbd_judge_add(&runs->whole, judgement));
	cbd_trace_free(&trace);
}

static void find_columns(const struct cbd_csv *csv, const char *const *columns, struct cbd_csv_column *found)
{
	for (int i = 0; columns[i] != NULL; i++) {
		assert_true(i < RUNS_EXPECTED_MAX);
		found[i] = (struct cbd_csv_column){.name = columns[i], .minimum = -1e18, .maximum = 1e18};
		found[i].index = cbd_csv_find(csv, columns[i]);
		assert_true(found[i].index >= 0);
	}
}

void runs_judge(struct runs *runs, const char *folder, const char *const *columns,
		const struct cbd_judge_options *options)
{
	struct cbd_csv_column found[RUNS_EXPECTED_MAX];
	struct cbd_replay_error error = {{0}};
	struct cbd_csv csv;
	char path[512];

	*runs = (struct runs){0};
	cbd_judge_init(&runs->whole, "all");
	snprintf(path, sizeof(path), "%s/results.csv", folder);
	if (!cbd_csv_open(&csv, path, &error) || cbd_csv_next(&csv, &error) != CBD_CSV_LINE) {
		fail_msg("%s", error.text);
	}
	find_columns(&csv, columns, found);
	while (cbd_csv_next(&csv, &error) == CBD_CSV_LINE) {
		assert_true(runs->count < RUNS_MAX);
		for (int i = 0; columns[i] != NULL; i++) {
			assert_true(cbd_csv_number(&csv, &found[i], &runs->expected[runs->count][i], &error));
		}
		judge_one(runs, folder, csv.field[0], options);
		runs->count++;
	}
	cbd_csv_close(&csv);
	assert_string_equal(error.text, "");
	assert_true(runs->count > 0);
}

void runs_free(struct runs *runs)
{
	for (size_t i = 0; i < runs->count; i++) {
		cbd_judge_free(&runs->one[i]);
	}
	cbd_judge_free(&runs->whole);
}
