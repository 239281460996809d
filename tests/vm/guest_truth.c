/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of the page against the host's clock, in a virtual machine.
 *
 *   vm_truth once DIR                  one read of each kind, one line each
 *   vm_truth watch DIR PORT SECONDS    reads and NTP exchanges in turn; no valid interval may exclude the truth
 *
 * A watch says "watching" after its first reads, and ends earlier on SIGTERM; never before READS_MIN reads of each kind,
 * which a slow host may need longer for.
 */
#include "guest_world.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READS_MIN 100
/* What is not had by then is not to be had. */
#define LATE_NS (120 * NS_PER_SEC)
/* Between exchange and read pass a few us; 1000 ppm of a whole ms would be this. */
#define SLACK_NS 1000

static volatile sig_atomic_t is_ending;

static void on_term(int number)
{
	(void)number;
	is_ending = 1;
}

static void print_reading(const char *name, const struct reading *reading)
{
	printf("%s valid=%d status=%s reasons=0x%" PRIx32 " source=%" PRIu32 " width_ns=%" PRId64 "\n", name,
	       reading->is_valid, clockbound_status_name(CLOCKBOUND_STATUS_OF(reading->interval.status)),
	       CLOCKBOUND_REASONS_OF(reading->interval.status), reading->interval.source,
	       clockbound_width_ns(&reading->interval));
}

static int once(const clockbound_fast *fast)
{
	struct reading reading;

	world_read_counter(fast, &reading);
	print_reading("counter", &reading);
	world_read_clock(fast, &reading);
	print_reading("clock", &reading);
	return EXIT_SUCCESS;
}

/* What came of one kind of reads. */
struct tally {
	const char *name;
	uint64_t reads;
	uint64_t invalid;
	uint64_t missed;
	int64_t worst_ns;
	int64_t narrowest_ns;
};

static void count(struct tally *tally, const struct reading *reading, const struct offset *truth)
{
	int64_t miss_ns = world_miss_ns(reading, truth, SLACK_NS);
	int64_t width_ns = clockbound_width_ns(&reading->interval);

	tally->reads++;
	tally->invalid += reading->is_valid ? 0 : 1;
	tally->missed += miss_ns > 0 ? 1 : 0;
	if (miss_ns > tally->worst_ns) {
		tally->worst_ns = miss_ns;
	}
	if (reading->is_valid && width_ns < tally->narrowest_ns) {
		tally->narrowest_ns = width_ns;
	}
}

static int watch(const clockbound_fast *fast, uint16_t port, int64_t seconds)
{
	struct tally tallies[2] = {{.name = "counter", .narrowest_ns = INT64_MAX},
				   {.name = "clock", .narrowest_ns = INT64_MAX}};
	struct sigaction action = {.sa_handler = on_term};
	int64_t end_ns = world_ns(CLOCK_MONOTONIC_RAW) + seconds * NS_PER_SEC;
	int64_t now_ns;
	uint64_t unanswered = 0;
	int64_t closest_ns = INT64_MAX;
	struct reading reading;
	struct offset truth;
	size_t i;

	(void)sigaction(SIGTERM, &action, NULL);
	for (;;) {
		now_ns = world_ns(CLOCK_MONOTONIC_RAW);
		if (now_ns >= end_ns + LATE_NS ||
		    (tallies[0].reads >= READS_MIN && (now_ns >= end_ns || is_ending != 0))) {
			break;
		}
		if (!world_ask_truth(port, &truth)) {
			unanswered++;
			continue;
		}
		world_read_counter(fast, &reading);
		count(&tallies[0], &reading, &truth);
		world_read_clock(fast, &reading);
		count(&tallies[1], &reading, &truth);
		if (tallies[0].reads == 1) {
			printf("watching\n");
		}
		if (truth.high_ns - truth.low_ns < closest_ns) {
			closest_ns = truth.high_ns - truth.low_ns;
		}
		world_sleep_ms(1);
	}
	for (i = 0; i < 2; i++) {
		printf("%s reads=%" PRIu64 " invalid=%" PRIu64 " missed=%" PRIu64 " worst_ns=%" PRId64
		       " narrowest_ns=%" PRId64 "\n",
		       tallies[i].name, tallies[i].reads, tallies[i].invalid, tallies[i].missed,
		       tallies[i].worst_ns, tallies[i].narrowest_ns);
	}
	if (tallies[0].reads < READS_MIN) {
		printf("harness: too few reads\n");
	}
	printf("truth known to %" PRId64 " ns at best, %" PRIu64 " exchanges without answer\n", closest_ns,
	       unanswered);
	return tallies[0].reads >= READS_MIN && tallies[0].missed + tallies[1].missed == 0 ? EXIT_SUCCESS
											   : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && strcmp(argv[1], "once") == 0) {
		return once(world_open(argv[2]));
	}
	if (argc == 5 && strcmp(argv[1], "watch") == 0) {
		return watch(world_open(argv[2]), (uint16_t)strtoul(argv[3], NULL, 10),
			     strtoll(argv[4], NULL, 10));
	}
	fprintf(stderr, "usage: vm_truth once DIR | vm_truth watch DIR PORT SECONDS\n");
	return 2;
}
