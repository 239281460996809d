/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes what cbctl reads, without a daemon: pages and segments in every state, and a control socket that
 * answers once. For cbctl.sh and cbctl_daemon.sh. Includes uapi and the client's public headers only.
 *
 * cbctl_files DIR page|clock|fallback|invalid|expired|retired|wrong_magic|shm0|shm|shm_unknown
 * cbctl_files DIR retire: as a daemon marks the page that it gives up
 * cbctl_files DIR serve|serve_junk|serve_refusal
 */
#include <clockbound/control.h>
#include <clockbound/fast.h>
#include <clockbound/shm.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S      INT64_C(1000000000)
#define HALF_NS	      900000
#define SERVE_SECONDS 100

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* Ticks per second, from 20 ms; 0 without a counter. */
static uint64_t counter_hz(void)
{
	const struct timespec pause = {.tv_sec = 0, .tv_nsec = 20000000};
	int64_t from_ns = clock_ns(CLOCK_MONOTONIC_RAW);
	uint64_t from = clockbound_fast_counter();

	(void)nanosleep(&pause, NULL);
	return (uint64_t)((double)(clockbound_fast_counter() - from) * 1e9 /
			  (double)(clock_ns(CLOCK_MONOTONIC_RAW) - from_ns));
}

static int save(const char *directory, const char *name, const void *data, size_t size)
{
	char path[512];
	FILE *file;
	size_t written;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "wb");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	written = fwrite(data, 1, size, file);
	return fclose(file) == 0 && written == size ? 0 : 1;
}

/* The terms add up to 119 ns more than the half-width: earlier proofs narrowed it. */
static void fill_terms(struct clockbound_terms *terms, uint32_t rule)
{
	terms->correction_ns = -120000;
	terms->sample_offset_ns = 1500;
	terms->sample_error_ns = 600000;
	terms->sample_age_ns = 6 * NS_PER_S;
	terms->growth_ns = 300000;
	terms->slip_ns = 10;
	terms->bracket_ns = 100;
	terms->floor_ns = 9;
	terms->root_delay_ns = 1000001;
	terms->root_dispersion_ns = 200000;
	terms->growth_ppb = 50100;
	terms->rho_ppb = 50000;
	terms->skew_ppb = 90;
	terms->frequency_ppb = -12345;
	terms->rule = rule;
	terms->reference_id = 0x7f000001u;
}

static void fill_lines(struct clockbound_hot *hot, uint64_t hz, uint32_t status)
{
	double ns_per_tick = 1e9 / (double)hz;

	hot->base = clockbound_fast_counter();
	hot->earliest_ns = clock_ns(CLOCK_REALTIME) - HALF_NS;
	hot->latest_ns = hot->earliest_ns + INT64_C(2) * HALF_NS;
	hot->earliest_rate = (uint32_t)(ns_per_tick * 0.99995 * (1 << CLOCKBOUND_PAGE_RATE_SHIFT));
	hot->latest_rate = (uint32_t)(ns_per_tick * 1.00005 * (1 << CLOCKBOUND_PAGE_RATE_SHIFT)) + 1;
	hot->short_after = UINT32_MAX;
	hot->stale_after = (uint32_t)(hz * 600 >> CLOCKBOUND_AGE_SHIFT);
	hot->void_after = (uint32_t)(hz * 1000 >> CLOCKBOUND_AGE_SHIFT);
	hot->status = status;
}

static void fill_clock(struct clockbound_clock *half, uint32_t status)
{
	half->as_of_mono_ns = clock_ns(CLOCK_MONOTONIC);
	half->as_of_real_ns = clock_ns(CLOCK_REALTIME);
	half->stale_after_mono_ns = half->as_of_mono_ns + 600 * NS_PER_S;
	half->void_after_mono_ns = half->as_of_mono_ns + 1000 * NS_PER_S;
	half->bound_ns = HALF_NS;
	half->drift_ppb = 50100;
	half->status = status;
}

static int make_page(const char *directory, const char *kind)
{
	static struct clockbound_page page;
	bool has_lines =
		strcmp(kind, "clock") != 0 && CLOCKBOUND_PRIV_COUNTER_KIND != CLOCKBOUND_COUNTER_NONE;
	bool is_fallback = strcmp(kind, "fallback") == 0;
	uint64_t hz = has_lines ? counter_hz() : 0;
	uint32_t status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID;

	if (is_fallback) {
		status |= CLOCKBOUND_REASON_FALLBACK;
	} else if (strcmp(kind, "invalid") == 0) {
		status = CLOCKBOUND_STATUS_UNKNOWN | CLOCKBOUND_REASON_LOCAL_MODE;
	}
	page.identity.magic = CLOCKBOUND_PAGE_MAGIC ^ (strcmp(kind, "wrong_magic") == 0 ? 1u : 0u);
	page.identity.version = CLOCKBOUND_PAGE_VERSION;
	page.identity.compat_version = CLOCKBOUND_PAGE_COMPAT_VERSION;
	page.identity.size = CLOCKBOUND_PAGE_SIZE;
	page.identity.capabilities = CLOCKBOUND_CAP_TERMS;
	page.identity.start_id = 1;
	page.identity.counter_kind = has_lines ? CLOCKBOUND_PRIV_COUNTER_KIND : CLOCKBOUND_COUNTER_NONE;
	page.identity.counter_hz = hz;
	page.control.publications = 42;
	if (has_lines) {
		fill_lines(&page.slot[0].hot, hz, status);
	}
	fill_clock(&page.slot[0].clock, status);
	fill_terms(&page.terms[0], is_fallback ? CLOCKBOUND_RULE_TRACKING : CLOCKBOUND_RULE_SAMPLE);
	if (strcmp(kind, "expired") == 0) {
		page.slot[0].hot.base -= hz * 2000;
		page.slot[0].clock.as_of_mono_ns -= 2000 * NS_PER_S;
		page.slot[0].clock.stale_after_mono_ns -= 2000 * NS_PER_S;
		page.slot[0].clock.void_after_mono_ns -= 2000 * NS_PER_S;
	}
	if (strcmp(kind, "retired") == 0) {
		page.control.epochs.flags = CLOCKBOUND_EPOCH_RETIRED;
	}
	page.slot[1] = page.slot[0];
	page.terms[1] = page.terms[0];
	return save(directory, "page", &page, sizeof(page));
}

/* In the file that is there, so that who has it mapped sees it. */
static int retire(const char *directory)
{
	const uint32_t flags = CLOCKBOUND_EPOCH_RETIRED;
	char path[512];
	FILE *file;
	bool is_written;

	(void)snprintf(path, sizeof(path), "%s/page", directory);
	file = fopen(path, "r+b");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	is_written =
		fseek(file, (long)offsetof(struct clockbound_page, control.epochs.flags), SEEK_SET) == 0 &&
		fwrite(&flags, sizeof(flags), 1, file) == 1;
	return fclose(file) == 0 && is_written ? 0 : 1;
}

static struct clockbound_shm_timespec coarse(int64_t later_s)
{
	int64_t ns = clock_ns(CLOCK_MONOTONIC_COARSE);

	return (struct clockbound_shm_timespec){.sec = ns / NS_PER_S + later_s,
						.nsec = later_s == 0 ? ns % NS_PER_S : 0};
}

static void fill_header(struct clockbound_shm_header *header, size_t size, uint16_t version)
{
	header->magic[0] = CLOCKBOUND_SHM_MAGIC_0;
	header->magic[1] = CLOCKBOUND_SHM_MAGIC_1;
	header->size = (uint32_t)size;
	header->version = version;
	header->generation = 2;
}

static int make_shm0(const char *directory)
{
	struct clockbound_shm2 shm = {.bound_nsec = HALF_NS, .max_drift_ppb = 50000};

	fill_header(&shm.header, sizeof(shm), CLOCKBOUND_SHM_VERSION_2);
	shm.as_of = coarse(0);
	shm.void_after = coarse(1000);
	shm.clock_status = (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED;
	return save(directory, "shm0", &shm, sizeof(shm));
}

static int make_shm(const char *directory, uint32_t status)
{
	struct clockbound_shm1 shm = {.bound_nsec = HALF_NS, .max_drift_ppb = 50000};

	fill_header(&shm.header, sizeof(shm), CLOCKBOUND_SHM_VERSION_1);
	shm.as_of = coarse(0);
	shm.void_after = coarse(1000);
	shm.clock_status = (int32_t)status;
	return save(directory, "shm", &shm, sizeof(shm));
}

/* An answer with every field set to something that can be recognised. */
static void fill_answer(struct clockbound_control_status *status)
{
	status->reply.magic = CLOCKBOUND_CONTROL_MAGIC;
	status->reply.version = CLOCKBOUND_CONTROL_VERSION;
	status->reply.request = CLOCKBOUND_CONTROL_STATUS;
	status->reply.size = sizeof(*status);
	status->pid = 4711;
	status->uptime_ns = 90 * UINT64_C(1000000000);
	status->polls = 88;
	status->poll_failures = 2;
	status->publications = 91;
	status->last_poll_ns = 500000000;
	status->stratum = 3;
	status->rule = CLOCKBOUND_RULE_SAMPLE;
	status->sources = 4;
	(void)snprintf(status->daemon_version, sizeof(status->daemon_version), "9.8.7");
	(void)snprintf(status->chrony_socket, sizeof(status->chrony_socket), "/run/chrony/chronyd.sock");
	(void)snprintf(status->probe_reason, sizeof(status->probe_reason), "no BTF on this kernel");
	status->last_event = 12;
	/* A text without an end: the reader must end it. */
	memset(status->last_failure, 'x', sizeof(status->last_failure));
}

/* Number @number of 40 events: steps but for the last three, which are one of every kind that has a look of its own. */
static struct clockbound_event made_event(uint64_t number)
{
	struct clockbound_event event = {.version = CLOCKBOUND_EVENT_VERSION,
					 .size = sizeof(event),
					 .what = CLOCKBOUND_EVENT_STEP,
					 .call = CLOCKBOUND_CALL_SETTIME,
					 .number = number,
					 .mono_ns = 1000000000 + number,
					 .step_ns = 1500000001,
					 .value = INT64_C(1000000000000000000),
					 .pid = 321,
					 .uid = 7,
					 .comm = "da\x01te",
					 .uncertainty_ns = 40};

	if (number == 38) {
		event.what = CLOCKBOUND_EVENT_RATE;
		event.call = CLOCKBOUND_CALL_ADJTIMEX;
		event.modes = 0x4002;
		event.rate_before_q58 = INT64_C(1) << 38;
		event.rate_after_q58 = -(INT64_C(1) << 38);
		event.value = -65536;
		event.result = 5;
	} else if (number == 39) {
		event.what = CLOCKBOUND_EVENT_RESUME;
		event.call = CLOCKBOUND_CALL_NONE;
		event.pid = 0;
		event.step_ns = -INT64_MAX;
	} else if (number == 40) {
		event.what = 99; /* of a later version */
		event.call = CLOCKBOUND_CALL_ADJTIMEX;
		event.modes = 0x80000100;
		event.value = -1;
		event.result = -14;
	}
	return event;
}

/* Answers requests for 40 events, forgetful of the first two. */
static int serve_events(int listener)
{
	for (;;) {
		struct clockbound_control_events events = {.last = 40};
		struct clockbound_control_request request;
		int peer = accept(listener, NULL, NULL);
		uint64_t number;

		if (peer < 0 || recv(peer, &request, sizeof(request), 0) != (ssize_t)sizeof(request) ||
		    request.request != CLOCKBOUND_CONTROL_EVENTS) {
			return 1;
		}
		events.reply.magic = CLOCKBOUND_CONTROL_MAGIC;
		events.reply.version = CLOCKBOUND_CONTROL_VERSION;
		events.reply.request = CLOCKBOUND_CONTROL_EVENTS;
		events.reply.size = sizeof(events);
		number = request.after < 2 ? 3 : request.after + 1;
		for (; number <= 40 && events.count < CLOCKBOUND_CONTROL_EVENTS_MAX; number++) {
			events.event[events.count++] = made_event(number);
		}
		(void)send(peer, &events, sizeof(events), MSG_NOSIGNAL);
		(void)close(peer);
	}
}

/*
 * Answers one request, or those for events; ends after SERVE_SECONDS at most. The socket has its name once it listens:
 * whoever waits for the name is not refused.
 */
static int serve(const char *directory, const char *kind)
{
	struct clockbound_control_status status = {.pid = 0};
	struct clockbound_control_request request;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char name[sizeof(address.sun_path)];
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int peer;

	(void)alarm(SERVE_SECONDS);
	(void)snprintf(name, sizeof(name), "%s/clockbound.sock", directory);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/unnamed", directory);
	if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(listener, 1) != 0 || rename(address.sun_path, name) != 0) {
		perror(address.sun_path);
		return 1;
	}
	if (strcmp(kind, "serve_events") == 0) {
		return serve_events(listener);
	}
	peer = accept(listener, NULL, NULL);
	if (peer < 0 || recv(peer, &request, sizeof(request), 0) != (ssize_t)sizeof(request) ||
	    request.magic != CLOCKBOUND_CONTROL_MAGIC || request.request != CLOCKBOUND_CONTROL_STATUS) {
		return 1;
	}
	fill_answer(&status);
	if (strcmp(kind, "serve_tracepoint") == 0) {
		status.probe_rung = CLOCKBOUND_RUNG_TRACEPOINT;
		status.kernel_page_id = 99;
		status.probe_heartbeat = 1000;
		status.probe_dropped = 3;
	}
	if (strcmp(kind, "serve_refusal") == 0) {
		status.reply.result = CLOCKBOUND_CONTROL_BAD_REQUEST;
		status.reply.size = sizeof(status.reply);
		return send(peer, &status, sizeof(status.reply), MSG_NOSIGNAL) < 0;
	}
	if (strcmp(kind, "serve_junk") == 0) {
		return send(peer, "junk", 4, MSG_NOSIGNAL) < 0;
	}
	return send(peer, &status, sizeof(status), MSG_NOSIGNAL) < 0;
}

int main(int argc, char **argv)
{
	const char *kind = argc == 3 ? argv[2] : "";

	if (argc != 3) {
		(void)fprintf(stderr, "usage: cbctl_files DIR KIND\n");
		return 2;
	}
	if (strncmp(kind, "serve", 5) == 0) {
		return serve(argv[1], kind);
	}
	if (strcmp(kind, "retire") == 0) {
		return retire(argv[1]);
	}
	if (strcmp(kind, "shm0") == 0) {
		return make_shm0(argv[1]);
	}
	if (strncmp(kind, "shm", 3) == 0) {
		return make_shm(argv[1], strcmp(kind, "shm") == 0 ? CLOCKBOUND_STATUS_SYNCHRONIZED
								  : CLOCKBOUND_STATUS_UNKNOWN);
	}
	return make_page(argv[1], kind);
}
