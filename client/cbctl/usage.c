/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verbs and what --help says. The man page cbctl(1) tells the same; a test compares them.
 */
#include "cbctl.h"

const char cbc_help[] =
	"Usage: cbctl [--runtime-dir DIR] VERB [--json] [OPTION]...\n"
	"\n"
	"  now       the interval that contains true time\n"
	"  status    how far it can be trusted, what is wrong, and what the daemon does\n"
	"  explain   every term of the bound and its share\n"
	"  events    who moved the clock, when, how and by how much\n"
	"  watch     the interval once a second\n"
	"  waitsync  wait until the clock is synchronised and the bound valid\n"
	"  wait      commit wait: until now has certainly passed\n"
	"  metrics   all of it as Prometheus metrics\n"
	"  inject    make the daemon publish what is not so, to test your own programs\n"
	"\n"
	"      --runtime-dir DIR  where page, shm0, shm and clockbound.sock are (default /run/clockbound)\n"
	"      --json             print JSON instead of text\n"
	"      --help             print this help, or a verb's, and exit\n"
	"      --version          print the version and exit\n"
	"\n"
	"Exit status: 0 fine, 1 not to be trusted, 2 wrong usage, 3 no daemon or page.\n"
	"waitsync: 0 synchronised, 1 timeout, 2 error.\n";

const struct cbc_verb cbc_verbs[] = {
	{"now", cbc_cmd_now, 0,
	 "Usage: cbctl [--runtime-dir DIR] now [--json]\n"
	 "\n"
	 "Prints the interval that contains true time, from the first of page, shm0 and shm that is not "
	 "void.\n"},
	{"status", cbc_cmd_status, 0,
	 "Usage: cbctl [--runtime-dir DIR] status [--json]\n"
	 "\n"
	 "Prints the status, each reason with what to do, the rule in force, ages, and the daemon's "
	 "account.\n"},
	{"explain", cbc_cmd_explain, 0,
	 "Usage: cbctl [--runtime-dir DIR] explain [--json]\n"
	 "\n"
	 "Prints every term of the half-width with its share, and chrony's own documented bound beside "
	 "it.\n"},
	{"events", cbc_cmd_events, CBC_TAKES_FOLLOW,
	 "Usage: cbctl [--runtime-dir DIR] events [--json] [--follow]\n"
	 "\n"
	 "Prints the last 256 changes of CLOCK_REALTIME that the daemon knows of, oldest first: when, what, "
	 "by\n"
	 "how much, who, and through which call; and what VMClock told of migrations. How much of this it "
	 "can\n"
	 "see depends on its probe: cbctl status.\n"
	 "\n"
	 "      --follow  go on with those to come, until interrupted\n"},
	{"watch", cbc_cmd_watch, CBC_TAKES_INTERVAL | CBC_TAKES_COUNT,
	 "Usage: cbctl [--runtime-dir DIR] watch [--json] [--interval SECONDS] [--count N]\n"
	 "\n"
	 "Prints the interval again and again: a redrawn screen on a terminal, else a line each time.\n"
	 "\n"
	 "      --interval SECONDS  between two lines, 0.01 to 86400 (default 1)\n"
	 "      --count N           end after N lines (default: never)\n"},
	{"waitsync", cbc_cmd_waitsync, CBC_TAKES_INTERVAL | CBC_TAKES_TIMEOUT,
	 "Usage: cbctl [--runtime-dir DIR] waitsync [--json] [--timeout-seconds SECONDS] [--interval "
	 "SECONDS]\n"
	 "\n"
	 "Waits until the status is SYNCHRONIZED and the bound valid; a daemon that is not there yet is "
	 "waited\n"
	 "for. Exit status: 0 synchronised, 1 timeout, 2 error.\n"
	 "\n"
	 "      --timeout-seconds SECONDS  give up after so long (default: never)\n"
	 "      --interval SECONDS         between two looks, 0.01 to 86400 (default 0.1)\n"},
	{"wait", cbc_cmd_wait, CBC_TAKES_TIMEOUT,
	 "Usage: cbctl [--runtime-dir DIR] wait [--json] [--timeout-seconds SECONDS]\n"
	 "\n"
	 "Commit wait: takes now's latest and returns when earliest has passed it. Needs the page.\n"
	 "\n"
	 "      --timeout-seconds SECONDS  give up after so long (default: never)\n"},
	{"metrics", cbc_cmd_metrics, 0,
	 "Usage: cbctl [--runtime-dir DIR] metrics [--json]\n"
	 "\n"
	 "Prints what status tells as metrics, in Prometheus' text format, for instance for the textfile\n"
	 "collector of its node exporter. A clock that is not to be trusted is a metric, not an error: the\n"
	 "exit status is 0 whenever they were printed.\n"},
	{"inject", cbc_cmd_inject, CBC_TAKES_WORD | CBC_TAKES_SECONDS,
	 "Usage: cbctl [--runtime-dir DIR] inject KIND [--json] [--seconds SECONDS]\n"
	 "\n"
	 "Makes the daemon, if it was started with --allow-inject, publish what is not so. Page and status "
	 "say\n"
	 "INJECTED meanwhile, and it ends by itself. Only root and the daemon's own user may. KIND is one "
	 "of:\n"
	 "\n"
	 "  unknown       not valid, UNKNOWN\n"
	 "  synchronized  the status SYNCHRONIZED, if the bound is valid\n"
	 "  free-running  the status FREE_RUNNING, if the bound is valid\n"
	 "  disrupted     not valid, DISRUPTED, as after a migration\n"
	 "  step          as if somebody had stepped CLOCK_REALTIME\n"
	 "  stall         nothing is published, as if the daemon hung\n"
	 "  expiry        void, as if nothing had been published for very long\n"
	 "  torn          as stall, but from the middle of a publication on\n"
	 "  off           end what is injected\n"
	 "\n"
	 "      --seconds SECONDS  it ends after so long, 0.001 to 3600 (default 10)\n"},
	{NULL, NULL, 0, NULL},
};
