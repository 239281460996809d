/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_ptp4l.h. */
#include "daemon/source/phc_ptp4l.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/core/q58.h"

/* A round of questions has 4 answers, and one or two for each port. More than this in the queue, and somebody floods. */
#define TAKE_MAX   1024
#define PORT_SLAVE 9
/* TAI - UTC was 10 s in 1972 and 37 s in 2026. */
#define UTC_OFFSET_MIN_S 10
#define UTC_OFFSET_MAX_S 99
#define SECONDS_PER_DAY	 86400

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

int cbd_ptp4l_open(struct cbd_ptp4l *self, const char *socket_path, uint8_t domain, uint8_t transport,
		   char *text, size_t size)
{
	int result;

	memset(self, 0, sizeof(*self));
	self->fd = -1;
	self->domain = domain;
	self->transport = transport;
	if (strlen(socket_path) >= sizeof(self->path)) {
		snprintf(text, size, "the path of ptp4l's socket is longer than %zu bytes",
			 sizeof(self->path) - 1);
		return -ENAMETOOLONG;
	}
	snprintf(self->path, sizeof(self->path), "%s", socket_path);
	self->fd = make_socket();
	if (self->fd < 0) {
		result = -errno;
		snprintf(text, size, "cannot make a socket for ptp4l: %s", strerror(-result));
		return result;
	}
	return 0;
}

void cbd_ptp4l_close(struct cbd_ptp4l *self)
{
	if (self->fd >= 0) {
		close(self->fd);
		self->fd = -1;
	}
}

/*
 * To whoever listens at the path now: ptp4l may have been started anew. The kernel drops what anybody else sends to a
 * connected socket, and what the one before has sent; the socket's own address, which everybody can see and send to,
 * is made only then. It is of the kernel's choice, so that ptp4l can answer and nothing is left in the file system.
 */
static int connect_to(struct cbd_ptp4l *self)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct sockaddr_un own = {.sun_family = AF_UNIX};

	memcpy(to.sun_path, self->path, sizeof(self->path));
	if (connect(self->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
	    (!self->is_bound && bind(self->fd, (const struct sockaddr *)&own, sizeof(own.sun_family)) != 0)) {
		return -errno;
	}
	self->is_bound = true;
	return 0;
}

/* What was known of the port that was slave, and what was measured by it. */
static void forget_slave(struct cbd_ptp4l *self)
{
	self->has_slave = false;
	self->slave_at_ns = 0;
	self->hwclock_at_ns = 0;
	self->current_at_ns = 0;
	cbd_servo_forget(&self->servo);
}

/* Another socket, which nobody has sent anything to: what was in the old one's queue holds up no sender any more. */
static void renew(struct cbd_ptp4l *self)
{
	if (self->fd >= 0) {
		close(self->fd);
	}
	self->fd = make_socket();
	self->is_bound = false;
	forget_slave(self);
}

static bool is_recent(int64_t at_ns, int64_t now_ns)
{
	return at_ns != 0 && cbd_ns_sub(now_ns, at_ns) <= CBD_PTP4L_AGE_MAX_NS;
}

static int send_request(struct cbd_ptp4l *self, enum cbd_ptp4l_id id, const uint8_t *port)
{
	const struct cbd_ptp4l_question question = {.id = id,
						    .port = port,
						    .domain = self->domain,
						    .transport = self->transport,
						    .sequence = self->sequence};
	uint8_t request[CBD_PTP4L_REQUEST_SIZE];
	int result = 0;

	cbd_ptp4l_request(request, &question);
	if (send(self->fd, request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		result = -errno;
		if (result != -EAGAIN) {
			renew(self); /* ptp4l went away, and the kernel has disconnected the socket */
		}
	}
	return result;
}

int cbd_ptp4l_ask(struct cbd_ptp4l *self, int64_t now_mono_ns)
{
	/* What is learned of the ports comes first: it may make what was known of the rest void. */
	static const enum cbd_ptp4l_id asked[] = {CBD_PTP4L_PARENT_DATA_SET, CBD_PTP4L_TIME_STATUS_NP,
						  CBD_PTP4L_CURRENT_DATA_SET,
						  CBD_PTP4L_TIME_PROPERTIES_DATA_SET};
	int result;
	size_t i;

	cbd_ptp4l_take(self, now_mono_ns);
	if (self->has_slave && !is_recent(self->slave_at_ns, now_mono_ns)) {
		forget_slave(self); /* of a ptp4l that is no more: this one does not know it */
	}
	result = self->fd >= 0 ? connect_to(self) : -EBADF;
	if (result != 0) {
		return result;
	}
	self->sequence++;
	/* Every port answers while it is not known which one is the slave, and then that one alone. */
	result = send_request(self, CBD_PTP4L_PORT_DATA_SET, self->has_slave ? self->slave : NULL);
	if (result == 0 && self->has_slave) {
		result = send_request(self, CBD_PTP4L_PORT_HWCLOCK_NP, self->slave);
	}
	for (i = 0; i < sizeof(asked) / sizeof(asked[0]) && result == 0; i++) {
		result = send_request(self, asked[i], NULL);
	}
	return result;
}

static void take_status(struct cbd_ptp4l *self, const struct cbd_ptp4l_message *message, int64_t now_ns)
{
	if (memcmp(self->status_master, message->status.master, sizeof(self->status_master)) != 0) {
		memcpy(self->status_master, message->status.master, sizeof(self->status_master));
		cbd_servo_forget(&self->servo);
	}
	if (self->servo.syncs == 0 || message->status.ingress_ns != self->ingress_ns) {
		cbd_servo_measured(&self->servo, message->status.offset_ns);
	}
	self->ingress_ns = message->status.ingress_ns;
	self->has_master = message->status.has_master;
	self->status_at_ns = now_ns;
}

/* From another port another path is heard, though the grandmaster be the same. */
static void take_parent(struct cbd_ptp4l *self, const struct cbd_ptp4l_message *message, int64_t now_ns)
{
	if (memcmp(self->parent_port, message->parent.port, sizeof(self->parent_port)) != 0) {
		memcpy(self->parent_port, message->parent.port, sizeof(self->parent_port));
		cbd_servo_forget(&self->servo);
		self->current_at_ns = 0;
	}
	memcpy(self->parent_master, message->parent.master, sizeof(self->parent_master));
	self->clock_class = message->parent.clock_class;
	self->accuracy_ns = cbd_ptp4l_accuracy_ns(message->parent.accuracy);
	self->parent_at_ns = now_ns;
}

/* One answer for each port that was asked; one of them is the slave, or was. */
static void take_port(struct cbd_ptp4l *self, const struct cbd_ptp4l_message *message, int64_t now_ns)
{
	bool is_same = self->has_slave && memcmp(self->slave, message->port.id, sizeof(self->slave)) == 0;

	if (message->port.state != PORT_SLAVE) {
		if (is_same) {
			forget_slave(self);
		}
		return;
	}
	if (!is_same) {
		forget_slave(self);
		memcpy(self->slave, message->port.id, sizeof(self->slave));
		self->has_slave = true;
	}
	self->mechanism = message->port.mechanism;
	self->peer_delay_ns = message->port.peer_delay_ns;
	self->slave_at_ns = now_ns;
}

static void take_hwclock(struct cbd_ptp4l *self, const struct cbd_ptp4l_message *message, int64_t now_ns)
{
	if (!self->has_slave || memcmp(self->slave, message->hwclock.id, sizeof(self->slave)) != 0) {
		return;
	}
	if (self->hwclock_at_ns != 0 && self->index != message->hwclock.index) {
		cbd_servo_forget(&self->servo);
	}
	self->index = message->hwclock.index;
	self->hwclock_at_ns = now_ns;
}

static int64_t utc_day(const struct cbd_ptp4l *self, int64_t phc_ns)
{
	return (phc_ns / CBD_NS_PER_SEC - self->utc_offset_s) / SECONDS_PER_DAY;
}

/* TAI - UTC goes wrong somewhere about a leap second: in what the master says, in ptp4l's copy, or in ours. */
static void take_properties(struct cbd_ptp4l *self, const struct cbd_ptp4l_message *message, int64_t now_ns)
{
	self->utc_offset_s = message->properties.utc_offset_s;
	self->has_utc_offset = message->properties.has_utc_offset;
	self->is_ptp = message->properties.is_ptp;
	self->is_leap = message->properties.is_leap;
	self->properties_at_ns = now_ns;
	if (self->is_leap) {
		self->leap_offset_s = self->is_leap_near ? self->leap_offset_s : self->utc_offset_s;
		self->leap_day = cbd_ns_max(self->leap_day, utc_day(self, self->ingress_ns));
		self->is_leap_near = true;
	}
}

static void take_message(struct cbd_ptp4l *self, const struct cbd_ptp4l_message *message, int64_t now_ns)
{
	switch (message->id) {
	case CBD_PTP4L_CURRENT_DATA_SET:
		self->steps = message->current.steps;
		self->path_delay_ns = message->current.path_delay_ns;
		self->current_at_ns = now_ns;
		break;
	case CBD_PTP4L_PARENT_DATA_SET:
		take_parent(self, message, now_ns);
		break;
	case CBD_PTP4L_TIME_PROPERTIES_DATA_SET:
		take_properties(self, message, now_ns);
		break;
	case CBD_PTP4L_PORT_DATA_SET:
		take_port(self, message, now_ns);
		break;
	case CBD_PTP4L_TIME_STATUS_NP:
		take_status(self, message, now_ns);
		break;
	case CBD_PTP4L_PORT_HWCLOCK_NP:
		take_hwclock(self, message, now_ns);
		break;
	}
}

/* The read-only socket says nothing of clocks, nor does linuxptp before 4.0. */
static void take_refusal(struct cbd_ptp4l *self, const struct cbd_ptp4l_message *message)
{
	if (message->id == CBD_PTP4L_PORT_HWCLOCK_NP) {
		self->is_hwclock_refused = true;
		self->hwclock_at_ns = 0;
	}
}

void cbd_ptp4l_take(struct cbd_ptp4l *self, int64_t now_mono_ns)
{
	uint8_t bytes[CBD_PTP4L_MESSAGE_MAX];
	struct cbd_ptp4l_message message;
	int i;

	for (i = 0; i < TAKE_MAX && self->fd >= 0; i++) {
		ssize_t size = recv(self->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (size < 0 && errno == EAGAIN) {
			return;
		}
		if (size < 0 && errno != EINTR) {
			break;
		}
		/* Of the last two rounds of questions; answers to older ones are about another time. */
		if (size > 0 && cbd_ptp4l_parse(bytes, (size_t)size, &message) &&
		    message.domain == self->domain && (uint16_t)(self->sequence - message.sequence) <= 1) {
			if (message.is_refused) {
				take_refusal(self, &message);
			} else {
				take_message(self, &message, now_mono_ns);
			}
		} else {
			self->ignored++;
		}
	}
	renew(self);
}

void cbd_ptp4l_dialled(struct cbd_ptp4l *self, const int64_t *frequency)
{
	if (frequency != NULL) {
		cbd_servo_dialled(&self->servo, *frequency);
	} else {
		cbd_servo_hidden(&self->servo);
	}
}

/* Whether that clock is the one that is read. */
static const char *why_not_clock(const struct cbd_ptp4l *self, int64_t now_ns, int index)
{
	if (!is_recent(self->hwclock_at_ns, now_ns)) {
		return self->is_hwclock_refused ? "does not say which PHC it steers: only its read-write "
						  "socket tells (/var/run/"
						  "ptp4l, not ptp4lro), of linuxptp 4.0 or later"
						: "has not said yet which PHC it steers";
	}
	if (self->index < 0) {
		return "has no PHC at the port that is slave: time_stamping is not hardware";
	}
	if (self->index != index) {
		return "steers another PTP hardware clock than the one that is read";
	}
	return NULL;
}

/* The mean delay of both directions; 0 or less: it is not known. */
static int64_t delay_ns(const struct cbd_ptp4l *self)
{
	switch (self->mechanism) {
	case CBD_PTP4L_E2E:
		return self->path_delay_ns;
	case CBD_PTP4L_P2P:
	case CBD_PTP4L_COMMON_P2P:
		return self->peer_delay_ns;
	default:
		return 0;
	}
}

/* What of the master, and of the way to it, cannot be bounded. */
static const char *why_not_master(const struct cbd_ptp4l *self)
{
	if (memcmp(self->status_master, self->parent_master, sizeof(self->status_master)) != 0) {
		return "is changing its grandmaster";
	}
	if (self->steps != 1) {
		return "hears its grandmaster through boundary clocks (stepsRemoved is not 1): the delay of "
		       "the "
		       "path beyond the first is not known";
	}
	if (!cbd_ptp4l_is_disciplined(self->clock_class)) {
		return "follows a grandmaster that nothing disciplines: its clockClass is not 6, 7, 13 or 14";
	}
	if (self->accuracy_ns == 0) {
		return "follows a grandmaster that does not say how accurate it is";
	}
	if (!self->is_ptp || !self->has_utc_offset || self->utc_offset_s < UTC_OFFSET_MIN_S ||
	    self->utc_offset_s > UTC_OFFSET_MAX_S) {
		return "follows a grandmaster that is not on the PTP time scale, or does not say TAI - UTC";
	}
	if (delay_ns(self) <= 0) {
		return "reports no path delay, or a negative one";
	}
	return NULL;
}

/* While it is announced, then until TAI - UTC has changed or that day is over; and this time still. */
static bool is_about_leap(struct cbd_ptp4l *self, int64_t phc_ns)
{
	bool was_near = self->is_leap_near;

	if (self->is_leap) {
		self->leap_day = cbd_ns_max(self->leap_day, utc_day(self, phc_ns));
	} else if (self->utc_offset_s != self->leap_offset_s || utc_day(self, phc_ns) > self->leap_day) {
		self->is_leap_near = false;
	}
	return was_near;
}

/* Why there is no bound; NULL if there is one. */
static const char *why_not(const struct cbd_ptp4l *self, int64_t now_ns, int64_t phc_ns, int index)
{
	int64_t since_ns = cbd_ns_sub(phc_ns, self->ingress_ns);
	const char *reason;

	if (!is_recent(self->status_at_ns, now_ns) || !is_recent(self->parent_at_ns, now_ns) ||
	    !is_recent(self->properties_at_ns, now_ns)) {
		return "does not answer, or not to everything; is it running, is this its socket, and may "
		       "the "
		       "daemon write to it?";
	}
	if (!self->has_master) {
		return "has no grandmaster";
	}
	if (!self->has_slave || !is_recent(self->slave_at_ns, now_ns)) {
		return "has no port in state SLAVE";
	}
	if (!is_recent(self->current_at_ns, now_ns)) {
		return "has not said yet how it hears its grandmaster";
	}
	reason = why_not_clock(self, now_ns, index);
	if (reason == NULL) {
		reason = why_not_master(self);
	}
	if (reason == NULL && !self->servo.is_dial_seen) {
		reason = "dials a frequency on the PHC that cannot be seen (clock_adjtime without modes "
			 "tells it)";
	}
	if (reason == NULL && !cbd_servo_is_known(&self->servo)) {
		reason = "was synchronised only a few times since it found its grandmaster, or since what it "
			 "dials is seen";
	}
	if (reason == NULL && (since_ns < 0 || since_ns > CBD_PTP4L_AGE_MAX_NS)) {
		reason = "was not synchronised lately, or not by this clock";
	}
	return reason;
}

int cbd_ptp4l_bound(struct cbd_ptp4l *self, int64_t now_mono_ns, int64_t phc_ns, int index, uint32_t rho_ppb,
		    struct cbd_ptp4l_bound *bound, char *text, size_t size)
{
	bool is_leap = is_about_leap(self, phc_ns);
	const char *reason = why_not(self, now_mono_ns, phc_ns, index);
	int64_t runoff_ns = cbd_servo_runoff_ns(&self->servo, cbd_ns_sub(phc_ns, self->ingress_ns), rho_ppb);
	int64_t sum_ns;

	if (reason == NULL && runoff_ns == INT64_MAX) {
		reason = "dials more than half of the PHC's own rate";
	}
	if (reason == NULL && is_leap) {
		reason = "announces a leap second, or has: until that has passed, nobody knows which TAI - "
			 "UTC is meant";
	}
	if (reason != NULL) {
		snprintf(text, size, "ptp4l at %s %s", self->path, reason);
		return -EAGAIN;
	}
	/* The mean of both directions: the one that counts is anywhere from none to twice it. */
	sum_ns = cbd_ns_add(self->accuracy_ns, delay_ns(self));
	sum_ns = cbd_ns_add(sum_ns, cbd_ns_add(cbd_servo_offset_ns(&self->servo), CBD_PTP4L_STAMP_NS));
	sum_ns = cbd_ns_add(sum_ns, runoff_ns);
	bound->bound_ns = sum_ns;
	bound->utc_offset_s = self->utc_offset_s;
	return 0;
}
