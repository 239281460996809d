/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clockbound-replay: recorded reports of chronyd through the core, judged against the truth. Options, the
 * list of files, exit status; everything else is in judge and report.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/replay/judge.h"
#include "tests/replay/report.h"
#include "tests/replay/trace.h"

#define EXIT_INPUT	1
#define EXIT_USAGE	2
#define RHO_DEFAULT_PPB 50000u
#define RHO_MAX_PPB	1000000000u

static const char usage[] =
	"usage: clockbound-replay [--json] [--rho-ppb N] [--tracking-only] DIR|FILE...\n"
	"\n"
	"Runs recorded reports of chronyd (CSV, plain or gzipped) through the daemon's judgement and\n"
	"counts where true time was outside the published counter interval.\n"
	"\n"
	"  -j, --json           a list of objects instead of the table\n"
	"  -m, --rho-ppb N      largest drift of the oscillator from chronyd's estimate (default 50000)\n"
	"  -t, --tracking-only  leave Source_Data out: the fallback rule\n"
	"  -h, --help           this text\n"
	"\n"
	"Of a DIR all *.csv and *.csv.gz are taken that begin as a trace does (t_sim,true_offset_ns); files "
	"of\n"
	"events are read with their trace. Exit status: 0 judged, 1 an input cannot be used, 2 usage.\n";

struct options {
	struct cbd_judge_options judge;
	bool is_json;
};

/* What has been judged. */
struct results {
	struct cbd_judgement *judgement;
	size_t count;
	struct cbd_judgement whole;
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);

	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static int is_candidate(const struct dirent *entry)
{
	const char *name = entry->d_name;

	return (ends_with(name, ".csv") || ends_with(name, ".csv.gz")) && !ends_with(name, ".events.csv") &&
	       !ends_with(name, ".events.csv.gz");
}

/* Whether the file begins as a trace does; true if it cannot be told, so that reading it says why. */
static bool begins_as_trace(const char *path)
{
	struct cbd_replay_error error;
	struct cbd_csv csv;
	bool is_trace = true;

	if (cbd_csv_open(&csv, path, &error) && cbd_csv_next(&csv, &error) == CBD_CSV_LINE) {
		is_trace = csv.fields >= 2 && strcmp(csv.field[0], "t_sim") == 0 &&
			   strcmp(csv.field[1], "true_offset_ns") == 0;
	}
	cbd_csv_close(&csv);
	return is_trace;
}

static int complain(const char *text)
{
	fprintf(stderr, "clockbound-replay: %s\n", text);
	return EXIT_INPUT;
}

static int judge_file(const char *path, const struct options *options, struct results *results)
{
	struct cbd_judgement *grown =
		realloc(results->judgement, (results->count + 1) * sizeof(*results->judgement));
	struct cbd_judgement *judgement;
	struct cbd_replay_error error;
	struct cbd_trace trace;
	bool is_good;

	if (grown == NULL) {
		return complain("no memory");
	}
	results->judgement = grown;
	judgement = &grown[results->count];
	if (!cbd_trace_read(&trace, path, &error)) {
		return complain(error.text);
	}
	results->count++;
	cbd_judge_init(judgement, trace.name);
	is_good = cbd_judge_trace(judgement, &trace, &options->judge) &&
		  cbd_judge_add(&results->whole, judgement);
	cbd_trace_free(&trace);
	return is_good ? EXIT_SUCCESS : complain("no memory");
}

static int judge_entry(const char *folder, const char *name, const struct options *options,
		       struct results *results)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path)) {
		fprintf(stderr, "clockbound-replay: %s/%s: the path is too long\n", folder, name);
		return EXIT_INPUT;
	}
	return begins_as_trace(path) ? judge_file(path, options, results) : EXIT_SUCCESS;
}

static int judge_folder(const char *folder, const struct options *options, struct results *results)
{
	struct dirent **entry = NULL;
	int count = scandir(folder, &entry, is_candidate, alphasort);
	size_t before = results->count;
	int status = EXIT_SUCCESS;

	if (count < 0) {
		fprintf(stderr, "clockbound-replay: %s: cannot be read: %s\n", folder, strerror(errno));
		return EXIT_INPUT;
	}
	for (int i = 0; i < count; i++) {
		if (status == EXIT_SUCCESS) {
			status = judge_entry(folder, entry[i]->d_name, options, results);
		}
		free(entry[i]);
	}
	free(entry);
	if (status == EXIT_SUCCESS && results->count == before) {
		fprintf(stderr, "clockbound-replay: %s: no traces (*.csv, *.csv.gz) in this folder\n",
			folder);
		return EXIT_INPUT;
	}
	return status;
}

static int judge_path(const char *path, const struct options *options, struct results *results)
{
	struct stat status;

	if (stat(path, &status) != 0) {
		fprintf(stderr, "clockbound-replay: %s: %s\n", path, strerror(errno));
		return EXIT_INPUT;
	}
	return S_ISDIR(status.st_mode) ? judge_folder(path, options, results)
				       : judge_file(path, options, results);
}

static bool parse_rho(const char *text, uint32_t *rho_ppb)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > RHO_MAX_PPB) {
		fprintf(stderr, "clockbound-replay: --rho-ppb: \"%s\" is no number from 0 to %u\n", text,
			RHO_MAX_PPB);
		return false;
	}
	*rho_ppb = (uint32_t)value;
	return true;
}

/* Returns -1 to go on, or the exit status. */
static int parse(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{"json", no_argument, NULL, 'j'},
		{"rho-ppb", required_argument, NULL, 'm'},
		{"tracking-only", no_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "jm:th", known, NULL)) != -1) {
		switch (letter) {
		case 'j':
			options->is_json = true;
			break;
		case 'm':
			if (!parse_rho(optarg, &options->judge.rho_ppb)) {
				return EXIT_USAGE;
			}
			break;
		case 't':
			options->judge.is_tracking_only = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct options options = {.judge = {.rho_ppb = RHO_DEFAULT_PPB}};
	struct results results = {0};
	int status = parse(argc, argv, &options);

	if (status >= 0) {
		return status;
	}
	status = EXIT_SUCCESS;
	cbd_judge_init(&results.whole, "all");
	for (int i = optind; i < argc && status == EXIT_SUCCESS; i++) {
		status = judge_path(argv[i], &options, &results);
	}
	if (status == EXIT_SUCCESS && options.is_json &&
	    !cbd_report_json(stdout, results.judgement, results.count)) {
		status = complain("cannot write the result");
	} else if (status == EXIT_SUCCESS && !options.is_json) {
		cbd_report_table(stdout, results.judgement, results.count, &results.whole);
	}
	if (fflush(stdout) != 0 && status == EXIT_SUCCESS) {
		status = complain("cannot write the result");
	}
	for (size_t i = 0; i < results.count; i++) {
		cbd_judge_free(&results.judgement[i]);
	}
	free(results.judgement);
	cbd_judge_free(&results.whole);
	return status;
}
