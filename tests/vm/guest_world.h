/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of the virtual machines share: the truth, and reads of the page against it.
 *
 * True time is the host's clock, asked over NTP. Between two answers it is carried on CLOCK_MONOTONIC_RAW, which
 * nothing in a guest can step or slew: "offset" below is true time minus CLOCK_MONOTONIC_RAW, in ns.
 */
#ifndef TESTS_VM_GUEST_WORLD_H
#define TESTS_VM_GUEST_WORLD_H

#include <clockbound.h>
#include <clockbound/fast.h>

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_SEC INT64_C(1000000000)
#define NS_PER_MS  INT64_C(1000000)

/* Where truth minus CLOCK_MONOTONIC_RAW lies, at an instant of the latter. */
struct offset {
	int64_t raw_ns;
	int64_t low_ns;
	int64_t high_ns;
};

/* One read of the page, between two readings of CLOCK_MONOTONIC_RAW. */
struct reading {
	int64_t before_ns;
	int64_t after_ns;
	clockbound_interval interval;
	bool is_valid;
};

/* world_ns - a clock, in ns; aborts if there is none */
int64_t world_ns(clockid_t clock);

/* world_sleep_ms - by CLOCK_MONOTONIC */
void world_sleep_ms(int64_t ms);

/* world_open - the page of DIR; ends the program with a message if it cannot be had */
clockbound_fast *world_open(const char *dir);

/* world_ask_truth - one NTP exchange with the host. Returns false if no answer came within a second. */
bool world_ask_truth(uint16_t port, struct offset *out);

/* world_read_counter, world_read_clock - a read by the counter (or what stands in for it), and by CLOCK_REALTIME */
void world_read_counter(const clockbound_fast *fast, struct reading *out);
void world_read_clock(const clockbound_fast *fast, struct reading *out);

/*
 * world_miss_ns - by how much a valid reading excludes the truth; 0 if it does not, or is not valid
 * @slack_ns: what CLOCK_MONOTONIC_RAW may have drifted between reading and @truth
 */
int64_t world_miss_ns(const struct reading *reading, const struct offset *truth, int64_t slack_ns);

/* world_slot_epoch - the clock_epoch that the daemon's latest publication has taken into account */
uint32_t world_slot_epoch(const clockbound_fast *fast);

#endif
