/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clockbound-bench: options and the choice of the question to measure. Times nothing itself.
 */
#include "bench/bench.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/invalidate.h"
#include "bench/probe.h"

/* Enough for a p99.9 that 50 batches exceed; with 20 it is mostly the luck of a few interrupts. */
#define NOW_ROUNDS_DEFAULT 50000u
#define NOW_ROUNDS_MAX	   10000000u
/* A round takes about 4 s with every rung. Half as many, and one disturbed round shows in the quartiles. */
#define PROBE_ROUNDS_DEFAULT 12u

static const char help_text[] =
	"Usage: clockbound-bench [OPTION]... now|probe|invalidate\n"
	"\n"
	"  now  what one read costs, beside clock_gettime in the same run: the inline read ordered and\n"
	"       relaxed, the library on the page and on both segments, with a writer, with threads\n"
	"  probe  what the daemon's probe adds to system calls, rung by rung: off, on, off, in turns; "
	"starts\n"
	"       daemons of its own and never sets a clock; without root only timerfd and off\n"
	"  invalidate  how long after the clock was stepped the daemon has published, and how many reads "
	"are\n"
	"       still valid meanwhile; steps CLOCK_REALTIME by 1 ns, there and back; needs CAP_SYS_TIME\n"
	"\n"
	"      --json             print one JSON object instead of a table\n"
	"      --rounds N         now: batches of 50 calls for each row (default 50000);\n"
	"                         probe: times off, on, off for each rung (default 12)\n"
	"      --runtime-dir DIR  a running daemon's files (now: default own files, on tmpfs; invalidate:\n"
	"                         default /run/clockbound)\n"
	"      --probe RUNG       fentry, tracepoint, timerfd or off; probe: only this one; invalidate: of "
	"the\n"
	"                         daemon that --own starts\n"
	"      --daemon PATH      the daemon to start (default: clockbound beside this program)\n"
	"      --move-clock       invalidate: do it\n"
	"      --steps N          invalidate: an even number of steps, at most 200 (default 24)\n"
	"      --own              invalidate: start a daemon, in a directory of its own\n"
	"      --chrony-socket PATH  of the chronyd that it asks (default: the daemon's)\n"
	"      --help             print this help and exit\n"
	"      --version          print the version and exit\n"
	"\n"
	"Exit status: 0 fine, 1 a read or a call gave a wrong result, 2 wrong usage, 3 no files, no daemon "
	"or\n"
	"no right to do it. It never fails for being slow, nor for a rung that is not possible here.\n";

enum option_id {
	OPTION_JSON = 256,
	OPTION_ROUNDS,
	OPTION_RUNTIME_DIR,
	OPTION_PROBE,
	OPTION_DAEMON,
	OPTION_MOVE_CLOCK,
	OPTION_STEPS,
	OPTION_OWN,
	OPTION_CHRONY_SOCKET,
	OPTION_HELP,
	OPTION_VERSION,
	OPTIONS_END,
};

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"rounds", required_argument, NULL, OPTION_ROUNDS},
	{"runtime-dir", required_argument, NULL, OPTION_RUNTIME_DIR},
	{"probe", required_argument, NULL, OPTION_PROBE},
	{"daemon", required_argument, NULL, OPTION_DAEMON},
	{"move-clock", no_argument, NULL, OPTION_MOVE_CLOCK},
	{"steps", required_argument, NULL, OPTION_STEPS},
	{"own", no_argument, NULL, OPTION_OWN},
	{"chrony-socket", required_argument, NULL, OPTION_CHRONY_SOCKET},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

/* One bit for each option; long_options has them in the order of their numbers. */
#define BIT(option) (1u << ((option)-OPTION_JSON))

struct verb {
	const char *name;
	uint32_t options; /* that mean something to it */
	uint32_t rounds;  /* default */
	uint32_t rounds_max;
	int (*run)(const struct cbb_options *options);
};

static const struct verb verbs[] = {
	{"now", BIT(OPTION_JSON) | BIT(OPTION_ROUNDS) | BIT(OPTION_RUNTIME_DIR), NOW_ROUNDS_DEFAULT,
	 NOW_ROUNDS_MAX, cbb_now},
	{"probe", BIT(OPTION_JSON) | BIT(OPTION_ROUNDS) | BIT(OPTION_PROBE) | BIT(OPTION_DAEMON),
	 PROBE_ROUNDS_DEFAULT, CBB_ROUNDS_MAX, cbb_probe},
	{"invalidate",
	 BIT(OPTION_JSON) | BIT(OPTION_RUNTIME_DIR) | BIT(OPTION_PROBE) | BIT(OPTION_DAEMON) |
		 BIT(OPTION_MOVE_CLOCK) | BIT(OPTION_STEPS) | BIT(OPTION_OWN) | BIT(OPTION_CHRONY_SOCKET),
	 0, 0, cbb_invalidate},
};

static int usage(const char *what, const char *word)
{
	(void)fprintf(stderr, "clockbound-bench: %s%s\nTry 'clockbound-bench --help'.\n", what, word);
	return CBB_EXIT_USAGE;
}

static bool parse_number(const char *text, uint32_t max, uint32_t *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0 || value > max) {
		return false;
	}
	*number = (uint32_t)value;
	return true;
}

static bool is_rung(const char *name)
{
	return strcmp(name, "fentry") == 0 || strcmp(name, "tracepoint") == 0 ||
	       strcmp(name, "timerfd") == 0 || strcmp(name, "off") == 0;
}

/* Options that carry a value; returns an exit code to end with, or -1 to go on. */
static int take_value(int option, struct cbb_options *options)
{
	switch (option) {
	case OPTION_ROUNDS:
		if (!parse_number(optarg, NOW_ROUNDS_MAX, &options->rounds)) {
			return usage("--rounds takes a number from 1 to 10000000, not ", optarg);
		}
		return -1;
	case OPTION_STEPS:
		if (!parse_number(optarg, CBB_STEPS_MAX, &options->steps) || options->steps % 2 != 0) {
			return usage("--steps takes an even number from 2 to 200, not ", optarg);
		}
		return -1;
	case OPTION_PROBE:
		if (!is_rung(optarg)) {
			return usage("--probe takes fentry, tracepoint, timerfd or off, not ", optarg);
		}
		options->rung = optarg;
		return -1;
	case OPTION_RUNTIME_DIR:
		options->runtime_dir = optarg;
		return -1;
	case OPTION_DAEMON:
		options->daemon = optarg;
		return -1;
	default:
		options->chrony_socket = optarg;
		return -1;
	}
}

/* Reads one option; returns an exit code to end with, or -1 to go on. */
static int take_option(int option, char **argv, struct cbb_options *options)
{
	switch (option) {
	case OPTION_JSON:
		options->is_json = true;
		return -1;
	case OPTION_MOVE_CLOCK:
		options->may_move_clock = true;
		return -1;
	case OPTION_OWN:
		options->is_own = true;
		return -1;
	case OPTION_HELP:
		return fputs(help_text, stdout) == EOF ? CBB_EXIT_WRONG : CBB_EXIT_FINE;
	case OPTION_VERSION:
		return printf("clockbound-bench %s\n", clockbound_version()) < 0 ? CBB_EXIT_WRONG
										 : CBB_EXIT_FINE;
	case ':':
		return usage("an argument is missing after ", argv[optind - 1]);
	case '?':
		return usage("unknown option ", argv[optind - 1]);
	default:
		return take_value(option, options);
	}
}

/* Options that the verb does not know, or that exclude each other; returns an exit code, or -1 to go on. */
static int check(const struct verb *verb, uint32_t given, const struct cbb_options *options)
{
	const uint32_t of_own = BIT(OPTION_PROBE) | BIT(OPTION_DAEMON) | BIT(OPTION_CHRONY_SOCKET);
	int option;

	for (option = OPTION_JSON; option < OPTIONS_END; option++) {
		if ((given & BIT(option) & ~verb->options) != 0) {
			(void)fprintf(stderr, "clockbound-bench: --%s means nothing to ",
				      long_options[option - OPTION_JSON].name);
			(void)fprintf(stderr, "%s\nTry 'clockbound-bench --help'.\n", verb->name);
			return CBB_EXIT_USAGE;
		}
	}
	if ((given & BIT(OPTION_ROUNDS)) != 0 && options->rounds > verb->rounds_max) {
		return usage("so many rounds are too many for ", verb->name);
	}
	if (verb->run == cbb_invalidate && !options->is_own && (given & of_own) != 0) {
		return usage(
			"--probe, --daemon and --chrony-socket are for a daemon that is started: say --own",
			"");
	}
	if (options->is_own && options->runtime_dir != NULL) {
		return usage("--own starts a daemon, --runtime-dir names one that runs: say one of them", "");
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct cbb_options options = {.steps = CBB_STEPS_DEFAULT};
	const struct verb *verb = NULL;
	uint32_t given = 0;
	int option;
	int code;
	size_t i;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		code = take_option(option, argv, &options);
		if (code >= 0) {
			return code;
		}
		given |= BIT(option);
	}
	if (optind >= argc) {
		return usage("say what to measure: now, probe or invalidate", "");
	}
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		verb = strcmp(argv[optind], verbs[i].name) == 0 ? &verbs[i] : verb;
	}
	if (verb == NULL) {
		return usage("no such measurement: ", argv[optind]);
	}
	if (optind + 1 < argc) {
		return usage("one argument too many: ", argv[optind + 1]);
	}
	code = check(verb, given, &options);
	if (code >= 0) {
		return code;
	}
	if (options.rounds == 0) {
		options.rounds = verb->rounds;
	}
	return verb->run(&options);
}
