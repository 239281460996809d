/* SPDX-License-Identifier: Apache-2.0 */
/* The text of --help. Its defaults are those of config.c; a unit test compares them. */
#include "daemon/config.h"

/* What is asked, and where. */
static void help_sources(FILE *to)
{
	fputs("Usage: clockbound [OPTION]...\n"
	      "\n"
	      "Computes from chronyd how wrong this machine's clock can be, and publishes it for every "
	      "process:\n"
	      "an interval that contains true time. Stays in the foreground.\n"
	      "\n"
	      "The bound:\n"
	      "  -m, --max-drift-rate PPM   how fast the oscillator may drift away from chronyd's estimate, "
	      "in ppm,\n"
	      "                             1 to 999999; in ppb if written 500ppb (default 50)\n"
	      "      --max-holdover SEC     how long the bound stays valid, growing, after chronyd's last "
	      "usable\n"
	      "                             answer; 1 to 86400 seconds (default 1000), and at "
	      "least\n"
	      "                             --poll-interval\n"
	      "      --allow-local          trust a chronyd in local mode, which nothing bounds; for test "
	      "set-ups\n"
	      "      --force-counter        trust the hardware counter although the CPU does not announce it "
	      "as\n"
	      "                             invariant; for guests whose hypervisor hides the flags\n"
	      "\n"
	      "Where:\n"
	      "      --runtime-dir DIR      what is published: page, shm0, shm, clockbound.sock\n"
	      "                             (default /run/clockbound, made if missing)\n"
	      "      --chrony-socket PATH   chronyd's command socket (default /run/chrony/chronyd.sock)\n"
	      "      --poll-interval SEC    ask chronyd this often; 0.1 to 16 seconds (default 1)\n"
	      "\n"
	      "Noticing that the clock is set:\n"
	      "      --probe HOW            the best way that may be tried: fentry, tracepoint (slows every "
	      "system\n"
	      "                             call a little), timerfd, off; or auto (default auto)\n"
	      "      --pin DIR              keep the kernel page over restarts, in this directory of a "
	      "bpffs\n"
	      "\n"
	      "PTP hardware clocks (PHC):\n"
	      "  -r, --phc-ref-id ID        chronyd follows a PHC by this name (PHC0): its error is added\n"
	      "  -i, --phc-interface IF     network interface of that PHC\n"
	      "      --phc-device DEVICE    read this PHC too, as a source beside chronyd: a path, or the "
	      "name "
	      "of an\n"
	      "                             interface; without -r its error is added to each refclock that "
	      "chronyd\n"
	      "                             follows\n"
	      "      --phc-error-bound-ns N the PHC is within N ns of UTC (default: as its driver says)\n"
	      "      --ptp4l SOCKET         the PHC is steered by the ptp4l of this socket, which tells its "
	      "error\n"
	      "      --ptp4l-domain N       its domainNumber, 0 to 127 (default 0)\n"
	      "      --ptp4l-transport-specific N\n"
	      "                             its transportSpecific, 0 to 15 (default 0; 1 with 802.1AS)\n"
	      "\n",
	      to);
}

/* What else is noticed, and how the daemon runs. */
static void help_running(FILE *to)
{
	fputs("Noticing that the machine is moved or restored:\n"
	      "      --vmclock HOW          the hypervisor's VMClock: auto, off, or the path of its device\n"
	      "                             (default auto)\n"
	      "  -d, --disable-clock-disruption-support\n"
	      "                             as --vmclock off; SIGUSR1 and SIGUSR2 do nothing\n"
	      "      --allow-inject         let root, and the daemon's user, publish what is not so, with\n"
	      "                             cbctl inject; for tests of your own programs\n"
	      "\n"
	      "Other sources (not in this version: a value that asks for one is refused):\n"
	      "      --clock-error-bound-source NAME\n"
	      "                             chrony (default chrony)\n"
	      "\n"
	      "Running:\n"
	      "      --config FILE          read 'key = value' lines, keys as the long options; the command "
	      "line wins\n"
	      "      --check-config         check the options and the file, and stop\n"
	      "  -j, --json-output          log JSON, one object a line, to stderr (default text)\n"
	      "  -v, --verbose              log more\n"
	      "  -h, --help                 print this and stop\n"
	      "  -V, --version              print the version and stop\n"
	      "\n"
	      "Exit status: 0 stopped by a signal, 1 failed, 2 wrong usage or configuration.\n"
	      "Manual pages: clockbound(8), clockbound.conf(5).\n",
	      to);
}

void cbd_config_help(FILE *to)
{
	help_sources(to);
	help_running(to);
}
