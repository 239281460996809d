/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run prints: a table for people or one JSON object, from the same rows. Judges nothing.
 */
#include "bench/bench.h"

#include <jansson.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Hundredths: more digits would be noise. */
static double rounded(double value)
{
	return (double)(int64_t)(value * 100.0 + 0.5) / 100.0;
}

static const struct cbb_row *find(const struct cbb_row *rows, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(rows[i].name, name) == 0) {
			return &rows[i];
		}
	}
	return NULL;
}

/* How much the 1 kHz writer lengthens the slow tail of the inline read; 0 if unknown. */
static double writer_ratio(const struct cbb_row *rows, size_t count)
{
	const struct cbb_row *without = find(rows, count, "inline_ordered");
	const struct cbb_row *with = find(rows, count, "inline_ordered_writer");

	return without != NULL && with != NULL && without->p999_ns > 0 ? with->p999_ns / without->p999_ns : 0;
}

static bool print_table(const struct cbb_machine *machine, const struct cbb_row *rows, size_t count)
{
	const struct cbb_row *counter = find(rows, count, "counter_ordered");
	const struct cbb_row *ordered = find(rows, count, "inline_ordered");
	size_t i;

	printf("CPU          %s, %ld cores\n", machine->cpu, machine->cores);
	printf("clocksource  %s, counter %.3f MHz\n", machine->clocksource,
	       (double)machine->counter_hz / 1e6);
	printf("kernel       %s\n\n", machine->kernel);
	printf("%-26s %10s %10s %10s %8s\n", "ns per call", "median", "p99", "p99.9", "ratio");
	for (i = 0; i < count; i++) {
		printf("%-26s %10.2f %10.2f %10.2f %8.2f\n", rows[i].name, rows[i].median_ns, rows[i].p99_ns,
		       rows[i].p999_ns, rows[i].ratio);
	}
	printf("\nratio: median to the median of clock_gettime; quantiles over batches of calls\n");
	if (ordered != NULL && counter != NULL && counter->median_ns > 0) {
		printf("the ordered inline read takes %.2f times the bare ordered counter read\n",
		       ordered->median_ns / counter->median_ns);
	}
	printf("a writer at 1 kHz changes the inline read's p99.9 to %.2f times its p99.9 without\n",
	       writer_ratio(rows, count));
	return fflush(stdout) == 0 && !ferror(stdout);
}

json_t *cbb_machine_json(const struct cbb_machine *machine)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "cpu", machine->cpu, "clocksource",
			 machine->clocksource, "kernel", machine->kernel, "cores", (json_int_t)machine->cores,
			 "counter_hz", (json_int_t)machine->counter_hz, "pinned", machine->is_pinned);
}

static bool print_json(const struct cbb_machine *machine, const struct cbb_row *rows, size_t count)
{
	json_t *list = json_array();
	json_t *root;
	bool is_written;
	size_t i;

	for (i = 0; i < count; i++) {
		(void)json_array_append_new(list, json_pack("{s:s, s:f, s:f, s:f, s:f}", "name", rows[i].name,
							    "median_ns", rounded(rows[i].median_ns), "p99_ns",
							    rounded(rows[i].p99_ns), "p999_ns",
							    rounded(rows[i].p999_ns), "ratio",
							    rounded(rows[i].ratio)));
	}
	root = json_pack("{s:o, s:o, s:f}", "machine", cbb_machine_json(machine), "rows", list,
			 "writer_p999_ratio", rounded(writer_ratio(rows, count)));
	is_written = root != NULL &&
		     json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0 &&
		     printf("\n") > 0 && fflush(stdout) == 0;
	json_decref(root);
	return is_written;
}

bool cbb_report(const struct cbb_machine *machine, const struct cbb_row *rows, size_t count, bool is_json)
{
	return is_json ? print_json(machine, rows, count) : print_table(machine, rows, count);
}
