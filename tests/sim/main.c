/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs scenarios, some worlds of each, and says of each whether it came out as it must. Exit status 0 if all did,
 * 1 if one did not, 2 for wrong usage.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define SEED_DEFAULT 1
#define RUNS_DEFAULT 8

struct options {
	const char *scenario; /* NULL: all */
	uint64_t seed;
	int runs;
	int64_t seconds;	/* 0: as the scenario says */
	int64_t reads_a_second; /* 0: 10 */
	bool is_canary;
	bool is_verbose;
};

/* Over all worlds of this process. */
static struct {
	double seconds;
	uint64_t reads;
	uint64_t valid;
	int failures;
} total;

static void usage(FILE *to)
{
	fprintf(to,
		"sim [--scenario NAME] [--seed N] [--runs N] [--seconds N] [--reads-a-second N] [--verbose]\n"
		"    [--list] [--canary]\n"
		"Simulated worlds with known true time; every read is judged. The seed is --seed, or\n"
		"CLOCKBOUND_TEST_SEED; world k of a scenario has seed + k.\n"
		"--canary: succeeds if a scenario fails, for a core or a reader with a fault put in on "
		"purpose.\n");
}

static void tell(const struct sim_world *world, const char *wrong)
{
	const struct sim_oracle *oracle = &world->oracle;

	printf("%-72s seed %" PRIu64 ": %" PRIu64 " reads, %" PRIu64 " valid, closest %.3f us",
	       world->scenario->name, world->seed, oracle->reads, oracle->valid,
	       (double)oracle->margin_ns / 1e3);
	printf(", segment %" PRIu64 " of %" PRIu64, oracle->segment_valid, oracle->segment_reads);
	if (oracle->clock_window_faults != 0) {
		printf("; clock readers' window %.3f s", (double)oracle->clock_window_ns / 1e9);
	}
	if (oracle->segment_window_faults != 0) {
		printf("; the segment's window %.3f s", (double)oracle->segment_window_ns / 1e9);
	}
	if (oracle->counter_window_faults != 0) {
		printf("; counter readers' window %.3f s", (double)oracle->counter_window_ns / 1e9);
	}
	if (oracle->faults[SIM_FAULT_COUNTER] != 0) {
		printf("; %" PRIu64 " counter reads outside", oracle->faults[SIM_FAULT_COUNTER]);
	}
	if (oracle->faults[SIM_FAULT_CLOCK] != 0) {
		printf("; %" PRIu64 " clock reads outside", oracle->faults[SIM_FAULT_CLOCK]);
	}
	if (oracle->rate_broken_s != 0) {
		printf("; oscillator beyond the growth for %" PRIu64 " s", oracle->rate_broken_s);
	}
	printf("%s\n", wrong != NULL ? "; NOT AS IT MUST BE" : "");
}

/* One world. Returns whether it came out as it must. */
static bool run_one(const struct sim_scenario *scenario, const struct options *options, uint64_t seed,
		    struct sim_outcome *outcome)
{
	struct sim_scenario drawn = *scenario;
	struct sim_world *world;
	const char *wrong;

	if (drawn.draw != NULL) {
		drawn.draw(&drawn, seed);
	}
	world = sim_world_begin(&drawn, seed, options->seconds);
	if (options->reads_a_second != 0) {
		world->readers.gap_ns = INT64_C(1000000000) / options->reads_a_second;
	}
	sim_world_run(world);
	wrong = sim_oracle_verdict(world);
	sim_oracle_gather(world, outcome);
	total.seconds += (double)world->end_ns / 1e9;
	total.reads += world->oracle.reads;
	total.valid += world->oracle.valid;
	if (options->is_verbose || (wrong != NULL && !options->is_canary)) {
		tell(world, wrong);
	}
	if (wrong != NULL && !options->is_canary) {
		printf("%s: %s\nreplay: sim --verbose --runs 1 --scenario %s --seed %" PRIu64, scenario->name,
		       wrong, scenario->name, seed);
		printf(options->seconds != 0 ? " --seconds %" PRId64 "\n" : "\n", options->seconds);
	} else if (wrong != NULL) {
		printf("caught by %s, seed %" PRIu64 ": %s\n", scenario->name, seed, wrong);
	}
	return wrong == NULL;
}

static void run_scenario(const struct sim_scenario *scenario, const struct options *options)
{
	struct sim_outcome outcome = {0};
	const char *missing;
	int run;

	for (run = 0; run < options->runs; run++) {
		if (!run_one(scenario, options, options->seed + (uint64_t)run, &outcome)) {
			total.failures++;
			if (options->is_canary) {
				return;
			}
		}
	}
	missing = sim_oracle_outcome(scenario, &outcome);
	if (missing != NULL && options->runs > 1) {
		printf("%s: in %d worlds from seed %" PRIu64 ": %s\n", scenario->name, options->runs,
		       options->seed, missing);
		total.failures++;
	}
}

static const struct sim_scenario_list *const lists[] = {&sim_scenarios,	     &sim_oscillator_scenarios,
							&sim_phc_scenarios,  &sim_vm_scenarios,
							&sim_late_scenarios, &sim_random_scenarios};

/* Scenario @at of all files; NULL past the last. */
static const struct sim_scenario *scenario_at(int at)
{
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (at < lists[i]->count) {
			return &lists[i]->first[at];
		}
		at -= lists[i]->count;
	}
	return NULL;
}

static int list(void)
{
	int i;

	for (i = 0; scenario_at(i) != NULL; i++) {
		printf("%s\n", scenario_at(i)->name);
	}
	return 0;
}

static int run(const struct options *options)
{
	bool is_found = false;
	int i;

	for (i = 0; scenario_at(i) != NULL; i++) {
		if (options->scenario != NULL && strcmp(options->scenario, scenario_at(i)->name) != 0) {
			continue;
		}
		is_found = true;
		run_scenario(scenario_at(i), options);
		if (options->is_canary && total.failures != 0) {
			return 0;
		}
	}
	if (!is_found) {
		fprintf(stderr, "sim: no scenario %s; see --list\n", options->scenario);
		return 2;
	}
	printf("%.0f s simulated, %" PRIu64 " reads, %" PRIu64 " of them valid, %d failures\n", total.seconds,
	       total.reads, total.valid, total.failures);
	if (options->is_canary) {
		printf("not caught: a fault put in on purpose went unnoticed\n");
		return 1;
	}
	return total.failures == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{"scenario", required_argument, NULL, 's'}, {"seed", required_argument, NULL, 'e'},
		{"runs", required_argument, NULL, 'r'},	    {"seconds", required_argument, NULL, 't'},
		{"list", no_argument, NULL, 'l'},	    {"canary", no_argument, NULL, 'c'},
		{"verbose", no_argument, NULL, 'v'},	    {"reads-a-second", required_argument, NULL, 'a'},
		{"help", no_argument, NULL, 'h'},	    {NULL, 0, NULL, 0},
	};
	const char *seed = getenv("CLOCKBOUND_TEST_SEED");
	struct options options = {.seed = SEED_DEFAULT, .runs = RUNS_DEFAULT};
	int option;

	options.seed = seed != NULL ? strtoull(seed, NULL, 0) : SEED_DEFAULT;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 's':
			options.scenario = optarg;
			break;
		case 'e':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			options.runs = (int)strtol(optarg, NULL, 0);
			break;
		case 't':
			options.seconds = strtoll(optarg, NULL, 0);
			break;
		case 'a':
			options.reads_a_second = strtoll(optarg, NULL, 0);
			break;
		case 'l':
			return list();
		case 'c':
			options.is_canary = true;
			break;
		case 'v':
			options.is_verbose = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	return run(&options);
}
