/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server whose time the test shifts, behind a path that it delays: a relay of UDP between chronyd and a real
 * chronyd that serves this machine's clock. It holds requests and replies back for chosen times, and adds a shift
 * that it alone knows to every time stamp of a reply. So the true time is CLOCK_REALTIME + shift, known exactly,
 * and it runs at another rate than this machine's clock. Beside the relay a reader checks every path all along.
 *
 *   relay DIR LISTEN_PORT SERVER_PORT SECONDS
 *
 * Exit 0: every valid interval contained true time. The shift's rate stays within 20 ppm, so that it never leaves
 * chronyd's estimate by more than the daemon's 50 ppm.
 */
#include <clockbound.h>
#include <clockbound/fast.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SEC INT64_C(1000000000)
/* NTP counts from 1900. */
#define NTP_EPOCH_SEC INT64_C(2208988800)
#define PACKET_BYTES  512
#define PACKETS_MAX   64
#define PHASE_SEC     40
/* Between two rounds of reads. */
#define READ_PAUSE_NS 500000

/* A datagram on its way, and when it arrives. */
struct held {
	int64_t due_ns; /* CLOCK_MONOTONIC */
	size_t length;
	bool is_reply;
	uint8_t bytes[PACKET_BYTES];
};

static struct {
	int client_fd; /* chronyd's side */
	int server_fd; /* connected to the real server */
	struct sockaddr_in client;
	struct held held[PACKETS_MAX];
	size_t count;
	uint64_t sent;
	unsigned int seed;
} relay;

static int64_t start_ns; /* CLOCK_REALTIME when the shift began */
static atomic_bool is_over;

static int64_t clock_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

/* The true time less CLOCK_REALTIME when that shows @real_ns: +/- 20 ppm in turns of 70 s, from 30 ms on. */
static int64_t shift_at(int64_t real_ns)
{
	const int64_t turn_ns = 70 * NS_PER_SEC;
	int64_t since_ns = real_ns - start_ns;
	int64_t phase_ns = since_ns % (2 * turn_ns);
	int64_t up_ns = phase_ns < turn_ns ? phase_ns : 2 * turn_ns - phase_ns;

	return 30000000 + up_ns / 50000;
}

/* The delay of the next packet: which direction bears it changes with the phase. */
static int64_t delay_of(bool is_reply)
{
	int phase = (int)((clock_ns(CLOCK_REALTIME) - start_ns) / NS_PER_SEC / PHASE_SEC) % 6;
	int64_t random_ns = rand_r(&relay.seed) % 15000000;

	switch (phase) {
	case 0:
		return 100000;
	case 1:
		return is_reply ? 0 : 10000000; /* the whole round trip on the way there */
	case 2:
		return is_reply ? 10000000 : 0; /* the whole of it on the way back */
	case 3:
		return random_ns;
	case 4:
		return is_reply == (relay.sent % 4 < 2) ? 20000000 : 0; /* from one side to the other */
	default:
		return is_reply ? 25000000 : random_ns / 10;
	}
}

static void hold(const uint8_t *bytes, size_t length, bool is_reply)
{
	struct held *packet;

	if (relay.count == PACKETS_MAX) {
		return; /* lost, as packets are */
	}
	packet = &relay.held[relay.count++];
	packet->due_ns = clock_ns(CLOCK_MONOTONIC) + delay_of(is_reply);
	packet->length = length;
	packet->is_reply = is_reply;
	memcpy(packet->bytes, bytes, length);
}

/* Adds the shift to one 64-bit NTP time stamp, rounded to the nearest of its units. */
static void shift_stamp(uint8_t *bytes)
{
	uint32_t words[2];
	uint64_t stamp;
	int64_t real_ns;
	int64_t shift_ns;

	memcpy(words, bytes, sizeof(words));
	stamp = (uint64_t)ntohl(words[0]) << 32 | ntohl(words[1]);
	if (stamp == 0) {
		return;
	}
	real_ns = ((int64_t)(stamp >> 32) - NTP_EPOCH_SEC) * NS_PER_SEC +
		  (int64_t)((stamp & UINT32_MAX) * (uint64_t)NS_PER_SEC >> 32);
	shift_ns = shift_at(real_ns);
	stamp += (uint64_t)llround(ldexp((double)shift_ns, 32) / (double)NS_PER_SEC);
	words[0] = htonl((uint32_t)(stamp >> 32));
	words[1] = htonl((uint32_t)stamp);
	memcpy(bytes, words, sizeof(words));
}

static void receive_request(void)
{
	uint8_t bytes[PACKET_BYTES];
	socklen_t size = sizeof(relay.client);
	ssize_t length = recvfrom(relay.client_fd, bytes, sizeof(bytes), MSG_DONTWAIT,
				  (struct sockaddr *)&relay.client, &size);

	if (length > 0) {
		hold(bytes, (size_t)length, false);
	}
}

/* Reference, receive and transmit time; the originate time is the client's own. */
static void receive_reply(void)
{
	uint8_t bytes[PACKET_BYTES];
	ssize_t length = recv(relay.server_fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (length >= 48) {
		shift_stamp(bytes + 16);
		shift_stamp(bytes + 32);
		shift_stamp(bytes + 40);
		hold(bytes, (size_t)length, true);
	}
}

/* Sends what is due; returns how long until the next, in ms, at most 100. */
static int send_due(void)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int64_t next_ns = now_ns + NS_PER_SEC / 10;
	size_t i = 0;

	while (i < relay.count) {
		struct held *packet = &relay.held[i];

		if (packet->due_ns > now_ns) {
			next_ns = packet->due_ns < next_ns ? packet->due_ns : next_ns;
			i++;
			continue;
		}
		if (packet->is_reply) {
			sendto(relay.client_fd, packet->bytes, packet->length, 0,
			       (struct sockaddr *)&relay.client, sizeof(relay.client));
		} else {
			send(relay.server_fd, packet->bytes, packet->length, 0);
		}
		relay.sent++;
		*packet = relay.held[--relay.count];
	}
	return (int)((next_ns - now_ns + 999999) / 1000000);
}

static void *run_relay(void *unused)
{
	struct pollfd fds[2] = {{.fd = relay.client_fd, .events = POLLIN},
				{.fd = relay.server_fd, .events = POLLIN}};

	while (!atomic_load(&is_over)) {
		poll(fds, 2, send_due());
		receive_request();
		receive_reply();
	}
	return unused;
}

/* One way to read, and what came of it. */
struct path {
	const char *name;
	const char *file;
	bool is_inline;
	bool is_clock;
	clockbound_fast *fast;
	clockbound_ctx *ctx;
	uint64_t reads;
	uint64_t valid;
	uint64_t missed;
	int64_t worst_ns; /* how far true time lay outside */
	int64_t widest_ns;
};

static struct path paths[] = {
	{.name = "inline", .file = "page", .is_inline = true},
	{.name = "clock", .file = "page", .is_inline = true, .is_clock = true},
	{.name = "page", .file = "page"},
	{.name = "shm0", .file = "shm0"},
	{.name = "shm", .file = "shm"},
};
#define PATHS (sizeof(paths) / sizeof(paths[0]))

static bool open_path(struct path *path, const char *dir)
{
	char file[256];

	snprintf(file, sizeof(file), "%s/%s", dir, path->file);
	if (path->is_inline) {
		path->fast = clockbound_fast_open(file, NULL);
		return path->fast != NULL;
	}
	path->ctx = clockbound_open(file, NULL);
	return path->ctx != NULL;
}

static bool read_path(const struct path *path, int64_t *earliest_ns, int64_t *latest_ns)
{
	clockbound_now_result result;

	if (path->is_inline) {
		clockbound_interval interval;

		if (path->is_clock) {
			clockbound_fast_clock_now(path->fast, &interval);
		} else {
			clockbound_interval_now(path->fast, &interval);
		}
		*earliest_ns = interval.earliest_ns;
		*latest_ns = interval.latest_ns;
		return clockbound_is_valid(&interval) != 0;
	}
	if (clockbound_now(path->ctx, &result) != NULL || result.clock_status == CLOCKBOUND_STA_UNKNOWN ||
	    result.clock_status == CLOCKBOUND_STA_DISRUPTED) {
		return false;
	}
	*earliest_ns = (int64_t)result.earliest.tv_sec * NS_PER_SEC + result.earliest.tv_nsec;
	*latest_ns = (int64_t)result.latest.tv_sec * NS_PER_SEC + result.latest.tv_nsec;
	return true;
}

/* One read between two of the true time: it must contain one that lies between them. */
static void check_path(struct path *path)
{
	int64_t before_ns = clock_ns(CLOCK_REALTIME);
	int64_t earliest_ns = 0;
	int64_t latest_ns = 0;
	bool is_valid = read_path(path, &earliest_ns, &latest_ns);
	int64_t after_ns = clock_ns(CLOCK_REALTIME);
	int64_t outside_ns;

	path->reads++;
	if (!is_valid) {
		return;
	}
	path->valid++;
	before_ns += shift_at(before_ns);
	after_ns += shift_at(after_ns);
	outside_ns = earliest_ns - after_ns > before_ns - latest_ns ? earliest_ns - after_ns
								    : before_ns - latest_ns;
	if (outside_ns > 0) {
		path->missed++;
		path->worst_ns = outside_ns > path->worst_ns ? outside_ns : path->worst_ns;
	}
	if (latest_ns - earliest_ns > path->widest_ns) {
		path->widest_ns = latest_ns - earliest_ns;
	}
}

/* Reads through every path until the time is up. Returns the number of intervals that missed true time. */
static uint64_t check_until(int64_t end_ns, const char *dir)
{
	struct timespec pause = {.tv_nsec = READ_PAUSE_NS};
	uint64_t missed = 0;
	size_t i;

	while (clock_ns(CLOCK_MONOTONIC) < end_ns) {
		for (i = 0; i < PATHS; i++) {
			if ((paths[i].fast != NULL || paths[i].ctx != NULL) || open_path(&paths[i], dir)) {
				check_path(&paths[i]);
			}
		}
		nanosleep(&pause, NULL);
	}
	for (i = 0; i < PATHS; i++) {
		const struct path *path = &paths[i];

		printf("summary %s reads=%" PRIu64 " valid=%" PRIu64 " missed=%" PRIu64 " worst_ns=%" PRId64
		       " widest_ns=%" PRId64 "\n",
		       path->name, path->reads, path->valid, path->missed, path->worst_ns, path->widest_ns);
		missed += path->missed;
	}
	return missed;
}

static bool open_sockets(uint16_t listen_port, uint16_t server_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(listen_port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	relay.client_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	relay.server_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (relay.client_fd < 0 || relay.server_fd < 0 ||
	    bind(relay.client_fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		return false;
	}
	address.sin_port = htons(server_port);
	return connect(relay.server_fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	uint64_t missed;

	if (argc != 5) {
		fprintf(stderr, "usage: relay DIR LISTEN_PORT SERVER_PORT SECONDS\n");
		return 2;
	}
	relay.seed = 1;
	start_ns = clock_ns(CLOCK_REALTIME);
	if (!open_sockets((uint16_t)atoi(argv[2]), (uint16_t)atoi(argv[3])) ||
	    pthread_create(&thread, NULL, run_relay, NULL) != 0) {
		perror("relay");
		return 2;
	}
	missed = check_until(clock_ns(CLOCK_MONOTONIC) + atoi(argv[4]) * NS_PER_SEC, argv[1]);
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	return missed == 0 ? 0 : 1;
}
