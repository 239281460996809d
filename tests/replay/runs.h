/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All runs of a folder, judged, beside what others have counted in them (its results.csv). For the tests of
 * replay; ends the test where an input cannot be used.
 */
#ifndef CBD_REPLAY_RUNS_H
#define CBD_REPLAY_RUNS_H

#include <stddef.h>

#include "tests/replay/judge.h"

#define RUNS_MAX	  64
#define RUNS_EXPECTED_MAX 4

struct runs {
	size_t count;
	struct cbd_judgement one[RUNS_MAX];
	double expected[RUNS_MAX][RUNS_EXPECTED_MAX]; /* the columns that were asked for */
	struct cbd_judgement whole;
};

/* runs_judge - judges NAME.csv.gz for each NAME in @folder's results.csv; @columns of it, NULL at the end */
void runs_judge(struct runs *runs, const char *folder, const char *const *columns,
		const struct cbd_judge_options *options);

void runs_free(struct runs *runs);

#endif
