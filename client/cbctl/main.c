/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl: options, verb, dispatch. Reads no clock and no page itself.
 */
#include "cbctl.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX	     1e9
#define INTERVAL_SECONDS_MIN 0.01
#define INTERVAL_SECONDS_MAX 86400.0
#define LASTING_SECONDS_MIN  0.001
#define LASTING_SECONDS_MAX  3600.0

enum option_id {
	OPTION_RUNTIME_DIR = 256,
	OPTION_JSON,
	OPTION_INTERVAL,
	OPTION_COUNT,
	OPTION_TIMEOUT,
	OPTION_FOLLOW,
	OPTION_SECONDS,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
	{"json", no_argument, NULL, OPTION_JSON},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"count", required_argument, NULL, OPTION_COUNT},
	{"timeout-seconds", required_argument, NULL, OPTION_TIMEOUT},
	{"follow", no_argument, NULL, OPTION_FOLLOW},
	{"seconds", required_argument, NULL, OPTION_SECONDS},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

/* The command line as it was read. */
struct command {
	struct cbc_options options;
	uint32_t given; /* CBC_TAKES_* of the options given */
	bool is_help;
	bool is_version;
};

static bool complain(const char *what, const char *word)
{
	(void)fprintf(stderr, "cbctl: %s%s\nTry 'cbctl --help'.\n", what, word);
	return false;
}

/* getopt has not moved on from a word of short options until it has seen the last of them: it names the one itself. */
static bool complain_of_option(const char *word)
{
	const char name[] = {'-', (char)optopt, '\0'};

	return complain("unknown option ", optopt > 0 && optopt < OPTION_RUNTIME_DIR ? name : word);
}

/* Decimal seconds within the limits, as ns rounded to the nearest. */
static bool parse_seconds(const char *text, double min, double max, int64_t *ns)
{
	double value;
	char *end;

	if ((text[0] < '0' || text[0] > '9') && text[0] != '.') {
		return false;
	}
	errno = 0;
	value = strtod(text, &end);
	if (*end != '\0' || errno != 0 || !isfinite(value) || value < min || value > max) {
		return false;
	}
	*ns = (int64_t)(value * (double)CBC_NS_PER_S + 0.5);
	return true;
}

static bool parse_count(const char *text, uint64_t *count)
{
	char *end;

	errno = 0;
	*count = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *count > 0;
}

static bool take_option(int option, char **argv, struct command *command)
{
	struct cbc_options *options = &command->options;

	switch (option) {
	case OPTION_RUNTIME_DIR:
		options->runtime_dir = optarg;
		return optarg[0] != '\0' || complain("--runtime-dir takes a directory, not nothing", "");
	case OPTION_JSON:
		options->is_json = true;
		return true;
	case OPTION_INTERVAL:
		command->given |= CBC_TAKES_INTERVAL;
		return parse_seconds(optarg, INTERVAL_SECONDS_MIN, INTERVAL_SECONDS_MAX,
				     &options->interval_ns) ||
		       complain("--interval takes seconds from 0.01 to 86400, not ", optarg);
	case OPTION_COUNT:
		command->given |= CBC_TAKES_COUNT;
		return parse_count(optarg, &options->count) ||
		       complain("--count takes a number from 1 on, not ", optarg);
	case OPTION_TIMEOUT:
		command->given |= CBC_TAKES_TIMEOUT;
		return parse_seconds(optarg, 0.0, SECONDS_MAX, &options->timeout_ns) ||
		       complain("--timeout-seconds takes seconds from 0 to 1000000000, not ", optarg);
	case OPTION_FOLLOW:
		command->given |= CBC_TAKES_FOLLOW;
		options->is_following = true;
		return true;
	case OPTION_SECONDS:
		command->given |= CBC_TAKES_SECONDS;
		return parse_seconds(optarg, LASTING_SECONDS_MIN, LASTING_SECONDS_MAX,
				     &options->seconds_ns) ||
		       complain("--seconds takes seconds from 0.001 to 3600, not ", optarg);
	case OPTION_HELP:
		command->is_help = true;
		return true;
	case OPTION_VERSION:
		command->is_version = true;
		return true;
	case ':':
		return complain("a value is missing after ", argv[optind - 1]);
	default:
		return complain_of_option(argv[optind - 1]);
	}
}

static const struct cbc_verb *find_verb(const char *name)
{
	const struct cbc_verb *verb;

	for (verb = cbc_verbs; verb->name != NULL; verb++) {
		if (strcmp(verb->name, name) == 0) {
			return verb;
		}
	}
	return NULL;
}

/* Whether @verb takes every option that was given. */
static bool check_options(const struct cbc_verb *verb, uint32_t given)
{
	uint32_t wrong = given & ~verb->takes;
	const char *name = (wrong & CBC_TAKES_INTERVAL) != 0  ? "--interval"
			   : (wrong & CBC_TAKES_COUNT) != 0   ? "--count"
			   : (wrong & CBC_TAKES_FOLLOW) != 0  ? "--follow"
			   : (wrong & CBC_TAKES_SECONDS) != 0 ? "--seconds"
							      : "--timeout-seconds";

	if (wrong != 0) {
		(void)fprintf(stderr, "cbctl: %s does not take %s\nTry 'cbctl %s --help'.\n", verb->name,
			      name, verb->name);
	}
	return wrong == 0;
}

/* What cannot be told in full is refused. */
static bool check_directory(const struct cbc_options *options)
{
	json_t *text = options->is_json ? json_string(options->runtime_dir) : NULL;
	bool is_told = text != NULL || !options->is_json;

	json_decref(text);
	if (strlen(options->runtime_dir) > CBC_DIRECTORY_MAX) {
		(void)cbc_complain(options, CBC_EXIT_USAGE, "--runtime-dir is longer than %d bytes",
				   CBC_DIRECTORY_MAX);
		return false;
	}
	if (!is_told) {
		(void)cbc_complain(options, CBC_EXIT_USAGE,
				   "--runtime-dir is not UTF-8, as --json must be: leave out --json");
	}
	return is_told;
}

static int run(int argc, char **argv, struct command *command)
{
	const struct cbc_verb *verb;

	if (command->is_version) {
		printf("cbctl %s\n", clockbound_version());
		return cbc_finish(CBC_EXIT_FINE);
	}
	if (optind >= argc) {
		if (command->is_help) {
			printf("%s", cbc_help);
			return cbc_finish(CBC_EXIT_FINE);
		}
		(void)complain(
			"a verb is missing: now, status, explain, events, watch, waitsync, wait, metrics or "
			"inject",
			"");
		return CBC_EXIT_USAGE;
	}
	verb = find_verb(argv[optind]);
	if (verb == NULL) {
		(void)complain("unknown verb ", argv[optind]);
		return CBC_EXIT_USAGE;
	}
	if (command->is_help) {
		printf("%s", verb->help);
		return cbc_finish(CBC_EXIT_FINE);
	}
	if (optind + 1 < argc && (verb->takes & CBC_TAKES_WORD) != 0) {
		command->options.word = argv[++optind];
	}
	if (optind + 1 < argc) {
		(void)complain("one argument too many: ", argv[optind + 1]);
		return CBC_EXIT_USAGE;
	}
	if (!check_options(verb, command->given)) {
		return CBC_EXIT_USAGE;
	}
	if (!check_directory(&command->options)) {
		return CBC_EXIT_USAGE;
	}
	return verb->run(&command->options);
}

int main(int argc, char **argv)
{
	struct command command = {
		.options = {.runtime_dir = CBC_DEFAULT_DIR, .timeout_ns = -1},
	};
	int option;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (!take_option(option, argv, &command)) {
			return CBC_EXIT_USAGE;
		}
	}
	return run(argc, argv, &command);
}
