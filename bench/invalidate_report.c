/* SPDX-License-Identifier: Apache-2.0 */
/* What `clockbound-bench invalidate` prints: a table for people or one JSON object, from the same numbers. */
#include "bench/invalidate.h"

#include <jansson.h>
#include <inttypes.h>
#include <stdio.h>

/* A row of times, in microseconds. */
struct line {
	double median_us;
	double p99_us;
	double max_us;
	uint32_t count;
};

static struct line summary(struct cbb_samples *samples, double us_per_tick)
{
	struct cbb_row row;
	struct line line;

	cbb_samples_summary(samples, us_per_tick, 1, &row);
	line.median_us = row.median_ns; /* the row's unit is the scale's */
	line.p99_us = row.p99_ns;
	line.max_us = samples->count > 0 ? (double)samples->ticks[samples->count - 1] * us_per_tick : 0;
	line.count = (uint32_t)samples->count;
	return line;
}

static void print_line(const char *name, const struct line *line)
{
	printf("%-36s %10.1f %10.1f %10.1f %8" PRIu32 "\n", name, line->median_us, line->p99_us, line->max_us,
	       line->count);
}

static json_t *line_object(const struct line *line)
{
	return json_pack("{s:f, s:f, s:f, s:i}", "median_us", line->median_us, "p99_us", line->p99_us,
			 "max_us", line->max_us, "steps", (int)line->count);
}

struct lines {
	struct line call;
	struct line published;
	struct line valid;
	struct line window;
};

static bool print_table(const struct cbb_machine *machine, const struct cbb_invalidate_result *result,
			const struct lines *lines)
{
	printf("CPU          %s, %ld cores\n", machine->cpu, machine->cores);
	printf("kernel       %s\n", machine->kernel);
	printf("rung         %s, %s\n\n", result->rung,
	       result->has_kernel_page ? "epochs from the kernel page" : "epochs from the file");
	printf("%-36s %10s %10s %10s %8s\n", "us", "median", "p99", "max", "steps");
	print_line("the call that steps the clock", &lines->call);
	print_line("from the call to the publication", &lines->published);
	print_line("from the call to a valid read by it", &lines->valid);
	print_line("still valid after the call's return", &lines->window);
	printf("\n%" PRIu64 " reads between return and publication: %" PRIu64 " still valid, in %" PRIu32
	       " of %" PRIu32 " steps\n",
	       result->reads, result->still_valid, result->steps_with_window, result->steps);
	return fflush(stdout) == 0 && !ferror(stdout);
}

static bool print_json(const struct cbb_machine *machine, const struct cbb_invalidate_result *result,
		       const struct lines *lines)
{
	json_t *root =
		json_pack("{s:o, s:s, s:b, s:i, s:i, s:o, s:o, s:o, s:{s:I, s:I, s:i, s:o}}", "machine",
			  cbb_machine_json(machine), "rung", result->rung, "kernel_page",
			  result->has_kernel_page, "steps", (int)result->steps, "step_ns", CBB_STEP_NS,
			  "call", line_object(&lines->call), "published", line_object(&lines->published),
			  "valid", line_object(&lines->valid), "still_valid", "reads",
			  (json_int_t)result->reads, "valid_reads", (json_int_t)result->still_valid, "steps",
			  (int)result->steps_with_window, "window", line_object(&lines->window));
	bool is_written = root != NULL &&
			  json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) == 0 &&
			  printf("\n") > 0 && fflush(stdout) == 0;

	json_decref(root);
	return is_written;
}

bool cbb_invalidate_report(const struct cbb_machine *machine, struct cbb_invalidate_result *result,
			   bool is_json)
{
	double us_per_tick = machine->counter_hz != 0 ? 1e6 / (double)machine->counter_hz : 1e-3;
	const struct lines lines = {
		.call = summary(&result->call, us_per_tick),
		.published = summary(&result->published, us_per_tick),
		.valid = summary(&result->valid, us_per_tick),
		.window = summary(&result->window, us_per_tick),
	};

	return is_json ? print_json(machine, result, &lines) : print_table(machine, result, &lines);
}
