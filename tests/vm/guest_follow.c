/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints the daemon's events as they come, or its own account of the probe.
 *
 *   vm_follow events DIR    until SIGTERM; a line "lost N" where events were forgotten before they could be asked for
 *   vm_follow status DIR    one line: rung, page id, heartbeat, events, dropped, refused, number of the last event
 */
#include "guest_events.h"
#include "guest_world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS 100

static volatile sig_atomic_t is_ending;

static void on_term(int number)
{
	(void)number;
	is_ending = 1;
}

static void drain(const char *dir, uint64_t *seen)
{
	struct clockbound_control_events events;
	uint32_t i;

	while (events_ask(dir, *seen, &events) && events.count > 0) {
		if (events.event[0].number > *seen + 1) {
			printf("lost %" PRIu64 "\n", events.event[0].number - *seen - 1);
		}
		for (i = 0; i < events.count; i++) {
			events_print("", &events.event[i]);
		}
		*seen = events.event[events.count - 1].number;
	}
}

static int follow(const char *dir)
{
	struct sigaction action = {.sa_handler = on_term};
	uint64_t seen = 0;
	bool is_last;

	(void)sigaction(SIGTERM, &action, NULL);
	do {
		is_last = is_ending != 0;
		drain(dir, &seen);
		world_sleep_ms(PAUSE_MS);
	} while (!is_last);
	return EXIT_SUCCESS;
}

static int status(const char *dir)
{
	struct clockbound_control_status got;

	if (!events_status(dir, &got)) {
		printf("no answer\n");
		return EXIT_FAILURE;
	}
	printf("rung=%" PRIu32 " page_id=%" PRIu64 " heartbeat=%" PRIu64 " events=%" PRIu64
	       " dropped=%" PRIu64 " refused=%" PRIu64 " last=%" PRIu64 " reason=%s\n",
	       got.probe_rung, got.kernel_page_id, got.probe_heartbeat, got.probe_events, got.probe_dropped,
	       got.probe_refused, got.last_event, got.probe_reason);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && strcmp(argv[1], "events") == 0) {
		return follow(argv[2]);
	}
	if (argc == 3 && strcmp(argv[1], "status") == 0) {
		return status(argv[2]);
	}
	fprintf(stderr, "usage: vm_follow events DIR | vm_follow status DIR\n");
	return 2;
}
