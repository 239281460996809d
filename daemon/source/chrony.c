/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The poll of chronyd as a state machine: each step sends one request and waits for its answer. Layer:
 * daemon/source.
 */
#include "daemon/source/chrony.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* Longer than any reply that is taken, so that a longer one is seen as such and not only as cut. */
#define RECEIVE_SIZE 1024

/* Leap status that means "not synchronised". */
#define LEAP_UNSYNC 3

int cbd_chrony_init(struct cbd_chrony *self, const char *socket_path, const char *runtime_dir,
		    const struct cbd_clock *clock)
{
	int error;

	memset(self, 0, sizeof(*self));
	self->clock = clock;
	self->deadline_ns = INT64_MAX;
	error = cbd_chrony_socket_init(&self->socket, socket_path, runtime_dir);
	memcpy(self->text, self->socket.text, sizeof(self->socket.text));
	return error;
}

static void become_idle(struct cbd_chrony *self)
{
	self->step = CBD_CHRONY_STEP_IDLE;
	self->deadline_ns = INT64_MAX;
}

void cbd_chrony_close(struct cbd_chrony *self)
{
	become_idle(self);
	cbd_chrony_socket_destroy(&self->socket);
}

int cbd_chrony_fd(const struct cbd_chrony *self)
{
	return self->socket.epoll_fd;
}

int64_t cbd_chrony_deadline_ns(const struct cbd_chrony *self)
{
	return self->deadline_ns;
}

void cbd_chrony_request_reset(struct cbd_chrony *self)
{
	self->wants_reset = true;
}

__attribute__((format(printf, 3, 4))) static enum cbd_chrony_result
fail(struct cbd_chrony *self, enum cbd_poll_failure failure, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(self->text, sizeof(self->text), format, arguments);
	va_end(arguments);
	self->failure = failure;
	self->is_late = false;
	self->stats.failures++;
	become_idle(self);
	return CBD_CHRONY_FAILED;
}

/* chronyd answered in time, for all that is known: not its failure, and worth another poll at once. */
static enum cbd_chrony_result fail_late(struct cbd_chrony *self)
{
	(void)fail(self, CBD_POLL_UNSETTLED,
		   "the daemon did not run for so long that chronyd's answer is more than %d ms old",
		   CBD_CHRONY_TIMEOUT_NS / 1000000);
	self->is_late = true;
	return CBD_CHRONY_FAILED;
}

/* Unpredictable, so that nobody who can write to the own socket can answer in chronyd's place unseen. */
static uint32_t fresh_sequence(const struct cbd_chrony *self)
{
	uint32_t sequence;

	if (getrandom(&sequence, sizeof(sequence), GRND_NONBLOCK) == (ssize_t)sizeof(sequence)) {
		return sequence;
	}
	/* Early in the boot: the counter's low bits, and never the number used before. */
	return self->sequence * 2654435761u + 1u + (uint32_t)self->clock->counter(self->clock->context);
}

static enum cbd_chrony_command command_of(enum cbd_chrony_step step)
{
	switch (step) {
	case CBD_CHRONY_STEP_RESET:
		return CBD_CHRONY_RESET_SOURCES;
	case CBD_CHRONY_STEP_BURST:
		return CBD_CHRONY_BURST;
	case CBD_CHRONY_STEP_SELECT_DATA:
		return CBD_CHRONY_SELECT_DATA;
	case CBD_CHRONY_STEP_N_SOURCES:
		return CBD_CHRONY_N_SOURCES;
	case CBD_CHRONY_STEP_SOURCE_DATA:
		return CBD_CHRONY_SOURCE_DATA;
	default:
		return CBD_CHRONY_TRACKING;
	}
}

/* chronyd went away, or came back as another, since the socket was connected. */
static bool is_gone(int error)
{
	return error == -ECONNREFUSED || error == -ENOTCONN || error == -ECONNRESET || error == -ENOENT ||
	       error == -EPIPE;
}

/* Connects anew: what chronyd that is, is not known. */
static int open_socket(struct cbd_chrony *self)
{
	self->kind_tries = CBD_CHRONY_KIND_TRIES;
	self->is_since_whole = false;
	self->poll.is_since_whole = false;
	return cbd_chrony_socket_open(&self->socket);
}

/* Sends the request of @step and waits for its answer. */
static enum cbd_chrony_result ask(struct cbd_chrony *self, enum cbd_chrony_step step)
{
	uint8_t packet[CBD_CHRONY_PACKET_MAX];
	bool is_first = self->step == CBD_CHRONY_STEP_IDLE;
	size_t length;
	int error;

	self->step = step;
	self->sequence = fresh_sequence(self);
	length = cbd_chrony_wire_request(packet, command_of(step), self->sequence, self->asked);
	error = cbd_chrony_socket_send(&self->socket, packet, length, &self->stats.ignored);
	/* Only before anything was learnt: answers of two chronyds are never mixed in one poll. */
	if (is_first && is_gone(error)) {
		error = open_socket(self);
		if (error != 0) {
			return fail(self, CBD_POLL_UNREACHABLE, "%s", self->socket.text);
		}
		error = cbd_chrony_socket_send(&self->socket, packet, length, &self->stats.ignored);
	}
	self->is_unsent = error == -EAGAIN;
	if (error != 0 && !self->is_unsent) {
		cbd_chrony_socket_close(&self->socket);
		return fail(self, CBD_POLL_UNREACHABLE, "send to chronyd at %s: %s", self->socket.peer_path,
			    strerror(-error));
	}
	if (step == CBD_CHRONY_STEP_RESET && !self->is_unsent) {
		self->wants_reset = false;
	}
	return CBD_CHRONY_PENDING;
}

/* The poll proper, from its first anchor on; also when it starts over. */
static enum cbd_chrony_result ask_tracking(struct cbd_chrony *self)
{
	memset(&self->poll, 0, sizeof(self->poll));
	self->told = 0;
	self->poll.is_since_whole = self->is_since_whole;
	self->source_text[0] = '\0';
	self->asked = 0;
	self->has_selected = false;
	if (cbd_clock_anchor(self->clock, &self->poll.before) != 0) {
		return fail(self, CBD_POLL_UNREACHABLE,
			    "the clocks cannot be read together with the counter");
	}
	return ask(self, CBD_CHRONY_STEP_TRACKING);
}

/* Before the first anchor, once: is it a chronyd that counts since_sample from a whole second on? 4.0 and later are. */
static enum cbd_chrony_result ask_kind_or_tracking(struct cbd_chrony *self)
{
	if (self->kind_tries == 0) {
		return ask_tracking(self);
	}
	self->kind_tries--;
	self->asked = 0;
	return ask(self, CBD_CHRONY_STEP_SELECT_DATA);
}

static enum cbd_chrony_result on_kind(struct cbd_chrony *self, bool is_since_whole)
{
	self->kind_tries = 0;
	self->is_since_whole = is_since_whole;
	return ask_tracking(self);
}

enum cbd_chrony_result cbd_chrony_begin(struct cbd_chrony *self, int64_t now_mono_ns)
{
	if (self->step != CBD_CHRONY_STEP_IDLE) {
		return CBD_CHRONY_PENDING;
	}
	self->stats.polls++;
	self->restarts = 0;
	self->poll_ignored = self->stats.ignored;
	if (!cbd_chrony_socket_is_intact(&self->socket) && open_socket(self) != 0) {
		return fail(self, CBD_POLL_UNREACHABLE, "%s", self->socket.text);
	}
	self->deadline_ns = now_mono_ns + CBD_CHRONY_TIMEOUT_NS;
	if (self->wants_reset) {
		self->reset_text[0] = '\0';
		return ask(self, CBD_CHRONY_STEP_RESET);
	}
	return ask_kind_or_tracking(self);
}

/* Source_Data cannot be had: the poll goes on without, and the core falls back. */
static enum cbd_chrony_result go_without_sources(struct cbd_chrony *self, const char *why)
{
	snprintf(self->source_text, sizeof(self->source_text), "%s", why);
	self->poll.sources = 0;
	self->poll.has_source_data = false;
	self->stats.refusals++;
	return ask(self, CBD_CHRONY_STEP_TRACKING_AGAIN);
}

/* Which sources matter most to the core: the selected one, then those combined with it. */
static int weight_of(const struct cbd_source_data *source)
{
	return source->state == CBD_SOURCE_SELECTED ? 2 : source->state == CBD_SOURCE_UNSELECTED ? 1 : 0;
}

static void keep(struct cbd_chrony *self, const struct cbd_source_data *source)
{
	struct cbd_poll *poll = &self->poll;
	uint32_t least = 0;

	self->has_selected = self->has_selected || source->state == CBD_SOURCE_SELECTED;
	if (poll->sources < CBD_SOURCES_MAX) {
		poll->source[poll->sources++] = *source;
		return;
	}
	for (uint32_t i = 1; i < CBD_SOURCES_MAX; i++) {
		if (weight_of(&poll->source[i]) < weight_of(&poll->source[least])) {
			least = i;
		}
	}
	if (weight_of(&poll->source[least]) < weight_of(source)) {
		poll->source[least] = *source;
	}
}

static enum cbd_chrony_result ask_next_source(struct cbd_chrony *self)
{
	if (self->asked < self->ask) {
		return ask(self, CBD_CHRONY_STEP_SOURCE_DATA);
	}
	if (self->told > self->ask && !self->has_selected) {
		return go_without_sources(self, "the selected source is not among the first 64");
	}
	self->poll.has_source_data = true;
	return ask(self, CBD_CHRONY_STEP_TRACKING_AGAIN);
}

static enum cbd_chrony_result on_source_data(struct cbd_chrony *self, const uint8_t *data)
{
	struct cbd_chrony_complaint complaint;
	struct cbd_source_data source;

	if (cbd_chrony_wire_source_data(data, &source, &complaint) != CBD_CHRONY_ACCEPTED) {
		return go_without_sources(self, complaint.text);
	}
	keep(self, &source);
	self->asked++;
	return ask_next_source(self);
}

/* Nothing can be computed from it, so it need not stand still. Old chronyds refresh local mode's time always. */
static bool is_unusable(const struct cbd_tracking *tracking)
{
	return tracking->leap_status == LEAP_UNSYNC || tracking->stratum == 0 ||
	       tracking->reference_id == CBD_CHRONY_LOCAL_ID;
}

static bool is_same_update(const struct cbd_tracking *a, const struct cbd_tracking *b)
{
	if (a->reference_id != b->reference_id || a->leap_status != b->leap_status ||
	    a->stratum != b->stratum) {
		return false;
	}
	return a->ref_time_ns == b->ref_time_ns || (is_unusable(a) && is_unusable(b));
}

static enum cbd_chrony_result on_tracking_again(struct cbd_chrony *self, const struct cbd_tracking *again)
{
	/* After the anchor, so that a stop anywhere in the poll is seen. */
	if (cbd_clock_mono_ns(self->clock) >= self->deadline_ns) {
		return fail_late(self);
	}
	if (is_same_update(&self->poll.tracking, again)) {
		self->poll.again = *again;
		become_idle(self);
		return CBD_CHRONY_DONE;
	}
	if (self->restarts == CBD_CHRONY_RESTARTS_MAX) {
		return fail(self, CBD_POLL_UNSETTLED,
			    "chronyd updated its clock during each of %d attempts to read it",
			    CBD_CHRONY_RESTARTS_MAX + 1);
	}
	self->restarts++;
	self->stats.restarts++;
	return ask_tracking(self);
}

static enum cbd_chrony_result on_tracking(struct cbd_chrony *self, const uint8_t *data)
{
	struct cbd_chrony_complaint complaint;
	struct cbd_tracking tracking;

	/* Before anything is computed: the earlier, the narrower. */
	if (self->step == CBD_CHRONY_STEP_TRACKING_AGAIN &&
	    cbd_clock_anchor(self->clock, &self->poll.after) != 0) {
		return fail(self, CBD_POLL_UNREACHABLE,
			    "the clocks cannot be read together with the counter");
	}
	if (cbd_chrony_wire_tracking(data, &tracking, &complaint) != CBD_CHRONY_ACCEPTED) {
		return fail(self, CBD_POLL_UNREACHABLE, "chronyd at %s: Tracking: %s", self->socket.peer_path,
			    complaint.text);
	}
	if (self->step == CBD_CHRONY_STEP_TRACKING_AGAIN) {
		return on_tracking_again(self, &tracking);
	}
	self->poll.tracking = tracking;
	return ask(self, CBD_CHRONY_STEP_N_SOURCES);
}

static enum cbd_chrony_result on_answer(struct cbd_chrony *self, const uint8_t *data)
{
	switch (self->step) {
	case CBD_CHRONY_STEP_RESET:
		return ask(self, CBD_CHRONY_STEP_BURST);
	case CBD_CHRONY_STEP_BURST:
		return ask_kind_or_tracking(self);
	case CBD_CHRONY_STEP_SELECT_DATA:
		return on_kind(self, true);
	case CBD_CHRONY_STEP_N_SOURCES:
		self->told = cbd_chrony_wire_n_sources(data);
		self->ask = self->told < CBD_CHRONY_ASKED_MAX ? self->told : CBD_CHRONY_ASKED_MAX;
		return ask_next_source(self);
	case CBD_CHRONY_STEP_SOURCE_DATA:
		return on_source_data(self, data);
	default:
		return on_tracking(self, data);
	}
}

static enum cbd_chrony_result on_refusal(struct cbd_chrony *self,
					 const struct cbd_chrony_complaint *complaint)
{
	switch (self->step) {
	case CBD_CHRONY_STEP_RESET:
		snprintf(self->reset_text, sizeof(self->reset_text), "Reset_Sources: %s", complaint->text);
		return ask(self, CBD_CHRONY_STEP_BURST);
	case CBD_CHRONY_STEP_BURST:
		if (self->reset_text[0] == '\0') {
			snprintf(self->reset_text, sizeof(self->reset_text), "Burst: %s", complaint->text);
		}
		return ask_kind_or_tracking(self);
	case CBD_CHRONY_STEP_SELECT_DATA:
		return on_kind(self, complaint->status == CBD_CHRONY_NO_SUCH_SOURCE);
	case CBD_CHRONY_STEP_N_SOURCES:
	case CBD_CHRONY_STEP_SOURCE_DATA:
		return go_without_sources(self, complaint->text);
	default:
		return fail(self, CBD_POLL_UNREACHABLE, "chronyd at %s: %s", self->socket.peer_path,
			    complaint->text);
	}
}

/* One datagram; @length may be more than RECEIVE_SIZE, then it was cut. */
static enum cbd_chrony_result on_datagram(struct cbd_chrony *self, const uint8_t *data, size_t length)
{
	struct cbd_chrony_complaint complaint;
	enum cbd_chrony_verdict verdict = CBD_CHRONY_IGNORED;

	if (length <= RECEIVE_SIZE && self->step != CBD_CHRONY_STEP_IDLE) {
		verdict = cbd_chrony_wire_check(data, length, command_of(self->step), self->sequence,
						&complaint);
	}
	if (verdict == CBD_CHRONY_IGNORED) {
		self->stats.ignored++;
		return self->step == CBD_CHRONY_STEP_IDLE ? CBD_CHRONY_IDLE : CBD_CHRONY_PENDING;
	}
	return verdict == CBD_CHRONY_ACCEPTED ? on_answer(self, data) : on_refusal(self, &complaint);
}

/* Throws away what is queued; was the answer that the poll waits for among it? */
static bool drain_answer(struct cbd_chrony *self)
{
	uint8_t data[RECEIVE_SIZE];
	struct cbd_chrony_complaint complaint;
	bool is_found = false;

	for (int i = 0; i < CBD_CHRONY_RECEIVE_MAX; i++) {
		ssize_t length = cbd_chrony_socket_receive(&self->socket, data, sizeof(data));

		if (length < 0) {
			break;
		}
		is_found = is_found ||
			   (length <= RECEIVE_SIZE &&
			    cbd_chrony_wire_check(data, (size_t)length, command_of(self->step),
						  self->sequence, &complaint) == CBD_CHRONY_ACCEPTED);
	}
	return is_found;
}

enum cbd_chrony_result cbd_chrony_on_readable(struct cbd_chrony *self, int64_t now_mono_ns)
{
	uint8_t data[RECEIVE_SIZE];
	enum cbd_chrony_result result;
	ssize_t length;

	if (now_mono_ns >= self->deadline_ns) {
		return cbd_chrony_on_timeout(self, now_mono_ns);
	}
	for (int i = 0; i < CBD_CHRONY_RECEIVE_MAX; i++) {
		length = cbd_chrony_socket_receive(&self->socket, data, sizeof(data));
		if (length == -EAGAIN || length == -EINTR) {
			break;
		}
		if (length < 0) {
			cbd_chrony_socket_close(&self->socket);
			if (self->step == CBD_CHRONY_STEP_IDLE) {
				return CBD_CHRONY_IDLE;
			}
			return fail(self, CBD_POLL_UNREACHABLE, "receive from chronyd at %s: %s",
				    self->socket.peer_path, strerror((int)-length));
		}
		result = on_datagram(self, data, (size_t)length);
		if (result == CBD_CHRONY_DONE || result == CBD_CHRONY_FAILED) {
			return result;
		}
	}
	return cbd_chrony_on_timeout(self, now_mono_ns);
}

enum cbd_chrony_result cbd_chrony_on_timeout(struct cbd_chrony *self, int64_t now_mono_ns)
{
	uint64_t ignored = self->stats.ignored - self->poll_ignored;

	if (self->step == CBD_CHRONY_STEP_IDLE) {
		return CBD_CHRONY_IDLE;
	}
	if (now_mono_ns < self->deadline_ns) {
		return CBD_CHRONY_PENDING;
	}
	if (drain_answer(self)) {
		return fail_late(self);
	}
	if (self->is_unsent) {
		return fail(self, CBD_POLL_UNREACHABLE, "chronyd at %s takes no more requests: it hangs",
			    self->socket.peer_path);
	}
	return fail(
		self, CBD_POLL_UNREACHABLE,
		"no answer from chronyd at %s within %d ms (%llu other datagrams ignored): it hangs, or may "
		"not write to %s",
		self->socket.peer_path, CBD_CHRONY_TIMEOUT_NS / 1000000, (unsigned long long)ignored,
		self->socket.own_path);
}
