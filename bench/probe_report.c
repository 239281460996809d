/* SPDX-License-Identifier: Apache-2.0 */
/* What `clockbound-bench probe` prints: a table for people or one JSON object, from the same numbers. */
#include "bench/probe.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* One kind of call under one rung. */
struct line {
	double off_ns; /* medians over the rounds */
	double on_ns;
	double ratio;
	double ratio_q1; /* quartiles and extremes of the rounds' ratios */
	double ratio_q3;
	double ratio_min;
	double ratio_max;
};

static int compare_doubles(const void *left, const void *right)
{
	double a = *(const double *)left;
	double b = *(const double *)right;

	return (a > b) - (a < b);
}

/* Of sorted values, the one that @quarters of them do not exceed; between two, their mean. */
static double quartile(const double *values, uint32_t count, uint32_t quarters)
{
	uint32_t at = (count - 1) * quarters; /* in quarters of a place */

	return (values[at / 4] * (4 - at % 4) + values[(at + 3) / 4] * (at % 4)) / 4;
}

static struct line summary(struct cbb_probe_call *call, uint32_t rounds)
{
	struct line line;

	qsort(call->off_ns, rounds, sizeof(double), compare_doubles);
	qsort(call->on_ns, rounds, sizeof(double), compare_doubles);
	qsort(call->ratio, rounds, sizeof(double), compare_doubles);
	line.off_ns = quartile(call->off_ns, rounds, 2);
	line.on_ns = quartile(call->on_ns, rounds, 2);
	line.ratio = quartile(call->ratio, rounds, 2);
	line.ratio_q1 = quartile(call->ratio, rounds, 1);
	line.ratio_q3 = quartile(call->ratio, rounds, 3);
	line.ratio_min = call->ratio[0];
	line.ratio_max = call->ratio[rounds - 1];
	return line;
}

static bool print_table(const struct cbb_machine *machine, struct cbb_probe_rung *rungs, size_t count)
{
	size_t i;
	int kind;

	printf("CPU          %s, %ld cores\n", machine->cpu, machine->cores);
	printf("kernel       %s\n\n", machine->kernel);
	printf("%-12s %-22s %9s %9s %8s %7s  %s\n", "ns per call", "", "off", "on", "added", "ratio",
	       "quartiles, extremes");
	for (i = 0; i < count; i++) {
		struct cbb_probe_rung *rung = &rungs[i];

		if (!rung->is_possible) {
			printf("%-12s not possible here: %s\n", rung->name, rung->reason);
			continue;
		}
		for (kind = 0; kind < CBB_CALLS; kind++) {
			struct line line = summary(&rung->call[kind], rung->rounds);

			printf("%-12s %-22s %9.1f %9.1f %+8.1f %7.3f  %.3f..%.3f, %.3f..%.3f\n", rung->name,
			       cbb_call_names[kind], line.off_ns, line.on_ns, line.on_ns - line.off_ns,
			       line.ratio, line.ratio_q1, line.ratio_q3, line.ratio_min, line.ratio_max);
		}
	}
	printf("\nratio: the median round's, attached to the mean of before and after; the rung \"off\" "
	       "attaches "
	       "nothing:\nits ratios are the noise of this measurement\n");
	return fflush(stdout) == 0 && !ferror(stdout);
}

static json_t *call_object(const char *name, const struct line *line)
{
	return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "name", name, "off_ns",
			 line->off_ns, "on_ns", line->on_ns, "added_ns", line->on_ns - line->off_ns, "ratio",
			 line->ratio, "ratio_q1", line->ratio_q1, "ratio_q3", line->ratio_q3, "ratio_min",
			 line->ratio_min, "ratio_max", line->ratio_max);
}

static bool print_json(const struct cbb_machine *machine, struct cbb_probe_rung *rungs, size_t count)
{
	json_t *list = json_array();
	json_t *root;
	bool is_written;
	size_t i;
	int kind;

	for (i = 0; i < count; i++) {
		struct cbb_probe_rung *rung = &rungs[i];
		json_t *calls = json_array();

		for (kind = 0; kind < CBB_CALLS && rung->is_possible; kind++) {
			struct line line = summary(&rung->call[kind], rung->rounds);

			(void)json_array_append_new(calls, call_object(cbb_call_names[kind], &line));
		}
		(void)json_array_append_new(list,
					    json_pack("{s:s, s:b, s:s, s:i, s:o}", "rung", rung->name,
						      "possible", rung->is_possible, "reason", rung->reason,
						      "rounds", (int)rung->rounds, "calls", calls));
	}
	root = json_pack("{s:o, s:o}", "machine", cbb_machine_json(machine), "rungs", list);
	is_written = root != NULL && json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0 &&
		     printf("\n") > 0 && fflush(stdout) == 0;
	json_decref(root);
	return is_written;
}

bool cbb_probe_report(const struct cbb_machine *machine, struct cbb_probe_rung *rungs, size_t count,
		      bool is_json)
{
	return is_json ? print_json(machine, rungs, count) : print_table(machine, rungs, count);
}
