/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step NS - steps CLOCK_REALTIME by NS nanoseconds with ADJ_SETOFFSET; at most 1000 either way
 * step refused - asks for a rate that nobody gets: nothing changes, but a probe tells of it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#define NS_MAX 1000

int main(int argc, char **argv)
{
	struct timex timex = {.modes = ADJ_SETOFFSET | ADJ_NANO};
	struct timex bad = {.modes = ADJ_TICK, .tick = 1};
	long ns = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (argc == 2 && strcmp(argv[1], "refused") == 0) {
		return adjtimex(&bad) < 0 ? 0 : 1;
	}
	if (ns == 0 || ns > NS_MAX || ns < -NS_MAX) {
		fputs("usage: step refused, or step NS: not 0, at most 1000 either way\n", stderr);
		return 2;
	}
	timex.time.tv_sec = ns < 0 ? -1 : 0;
	timex.time.tv_usec = ns < 0 ? 1000000000 + ns : ns;
	if (adjtimex(&timex) < 0) {
		perror("adjtimex");
		return 1;
	}
	return 0;
}
