/* SPDX-License-Identifier: Apache-2.0 */
/* The truth of the virtual machines, and reads against it. See guest_world.h. */
#include "guest_world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* The host, as QEMU's user network shows it. */
#define HOST_ADDRESS "10.0.2.2"
#define NTP_BYTES    48
#define NTP_CLIENT   0x23 /* version 4, mode 3 */
#define NTP_RECEIVED 32
#define NTP_SENT     40
/* Seconds from 1900 to 1970. */
#define NTP_ERA INT64_C(2208988800)
/*
 * CLOCK_MONOTONIC_RAW during one exchange (about a ms), and what the server's stamps are rounded to. Where an exchange
 * takes longer, emulation may calibrate that clock wrong by 1000 ppm.
 */
#define EXCHANGE_SLACK_NS  2000
#define EXCHANGE_SLACK_PER 1000
#define PATH_BYTES	   256

int64_t world_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0) {
		abort();
	}
	return (int64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

void world_sleep_ms(int64_t ms)
{
	struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

clockbound_fast *world_open(const char *dir)
{
	char name[PATH_BYTES];
	clockbound_err err = {.kind = CLOCKBOUND_ERR_NONE};
	clockbound_fast *fast;

	(void)snprintf(name, sizeof(name), "%s/page", dir);
	fast = clockbound_fast_open(name, &err);
	if (fast == NULL) {
		fprintf(stderr, "cannot open %s: kind %d, %s\n", name, (int)err.kind, err.detail);
		exit(3);
	}
	return fast;
}

static int64_t ntp_ns(const unsigned char *stamp)
{
	uint32_t seconds;
	uint32_t fraction;

	memcpy(&seconds, stamp, sizeof(seconds));
	memcpy(&fraction, stamp + sizeof(seconds), sizeof(fraction));
	return ((int64_t)ntohl(seconds) - NTP_ERA) * NS_PER_SEC +
	       (int64_t)(((uint64_t)ntohl(fraction) * (uint64_t)NS_PER_SEC) >> 32);
}

/* The server received after we sent, and sent before we received: that bounds its clock at the end. */
bool world_ask_truth(uint16_t port, struct offset *out)
{
	struct sockaddr_in host = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct timeval limit = {.tv_sec = 1, .tv_usec = 0};
	unsigned char packet[NTP_BYTES] = {NTP_CLIENT};
	int64_t begin_ns;
	int64_t slack_ns;
	ssize_t got = -1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, HOST_ADDRESS, &host.sin_addr);
	begin_ns = world_ns(CLOCK_MONOTONIC_RAW);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (struct sockaddr *)&host, sizeof(host)) == 0 &&
	    send(fd, packet, sizeof(packet), 0) == (ssize_t)sizeof(packet)) {
		got = recv(fd, packet, sizeof(packet), 0);
	}
	out->raw_ns = world_ns(CLOCK_MONOTONIC_RAW);
	if (fd >= 0) {
		(void)close(fd);
	}
	slack_ns = EXCHANGE_SLACK_NS + (out->raw_ns - begin_ns) / EXCHANGE_SLACK_PER;
	out->low_ns = ntp_ns(packet + NTP_SENT) - out->raw_ns - slack_ns;
	out->high_ns = ntp_ns(packet + NTP_RECEIVED) - begin_ns + slack_ns;
	return got == (ssize_t)sizeof(packet);
}

void world_read_counter(const clockbound_fast *fast, struct reading *out)
{
	out->before_ns = world_ns(CLOCK_MONOTONIC_RAW);
	clockbound_interval_now(fast, &out->interval);
	out->after_ns = world_ns(CLOCK_MONOTONIC_RAW);
	out->is_valid = clockbound_is_valid(&out->interval) != 0;
}

void world_read_clock(const clockbound_fast *fast, struct reading *out)
{
	out->before_ns = world_ns(CLOCK_MONOTONIC_RAW);
	clockbound_fast_clock_now(fast, &out->interval);
	out->after_ns = world_ns(CLOCK_MONOTONIC_RAW);
	out->is_valid = clockbound_is_valid(&out->interval) != 0;
}

int64_t world_miss_ns(const struct reading *reading, const struct offset *truth, int64_t slack_ns)
{
	int64_t early_ns = reading->interval.earliest_ns - reading->after_ns - truth->high_ns;
	int64_t late_ns = truth->low_ns - (reading->interval.latest_ns - reading->before_ns);
	int64_t miss_ns = early_ns > late_ns ? early_ns : late_ns;

	if (!reading->is_valid || miss_ns <= slack_ns) {
		return 0;
	}
	return miss_ns;
}

uint32_t world_slot_epoch(const clockbound_fast *fast)
{
	const struct clockbound_page *page = fast->page;
	uint32_t seq = __atomic_load_n(&page->control.seq, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&page->slot[seq & 1].clock.clock_epoch, __ATOMIC_ACQUIRE);
}
