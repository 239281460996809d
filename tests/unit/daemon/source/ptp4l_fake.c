/* SPDX-License-Identifier: Apache-2.0 */
/* See ptp4l_fake.h. */
#include "tests/unit/daemon/source/ptp4l_fake.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/source/phc_ptp4l_wire.h"

struct question {
	uint16_t id;
	struct sockaddr_un from;
	socklen_t length;
	uint8_t source[10];
	uint8_t bytes[256]; /* becomes the answer */
};

static void put(uint8_t *at, uint64_t value, int bytes)
{
	while (bytes-- > 0) {
		at[bytes] = (uint8_t)value;
		value >>= 8;
	}
}

static void put_identity(uint8_t *at, int port)
{
	memset(at, 0, 10);
	at[7] = 0xc1;
	put(at + 8, (uint64_t)port, 2);
}

/* Fills the data of one response of the clock and returns its size. */
static size_t fill_clock(const struct fake_ptp4l *fake, uint16_t id, uint8_t *data)
{
	switch (id) {
	case CBD_PTP4L_CURRENT_DATA_SET:
		put(data, fake->steps, 2);
		put(data + 10, (uint64_t)fake->path_delay_scaled, 8);
		return 18;
	case CBD_PTP4L_PARENT_DATA_SET:
		data[7] = fake->parent_master;
		data[9] = fake->parent_port;
		data[19] = fake->clock_class;
		data[20] = fake->accuracy;
		data[31] = fake->parent_master;
		return 32;
	case CBD_PTP4L_TIME_PROPERTIES_DATA_SET:
		put(data, (uint16_t)fake->utc_offset_s, 2);
		data[2] = fake->flags;
		return 4;
	case CBD_PTP4L_TIME_STATUS_NP:
		put(data, (uint64_t)fake->offset_ns, 8);
		put(data + 8, (uint64_t)fake->ingress_ns, 8);
		put(data + 38, (uint64_t)fake->has_master, 4);
		data[49] = fake->status_master;
		return 50;
	default:
		return 0;
	}
}

/* ... and of its port @number. */
static size_t fill_port(const struct fake_ptp4l *fake, uint16_t id, int number, uint8_t *data)
{
	const struct fake_port *port = &fake->ports[number - 1];

	put_identity(data, number);
	if (id == CBD_PTP4L_PORT_DATA_SET) {
		data[10] = port->state;
		put(data + 12, (uint64_t)port->peer_delay_scaled, 8);
		data[23] = port->mechanism;
		return 26;
	}
	put(data + 10, (uint64_t)port->index, 4);
	return 16;
}

static void send_answer(struct fake_ptp4l *fake, struct question *question, size_t data)
{
	uint8_t *bytes = question->bytes;

	memcpy(bytes + 34, question->source, sizeof(question->source));
	bytes[34] ^= fake->is_to_others ? 1 : 0;
	put_identity(bytes + 20, 0);
	bytes[46] = 2;
	put(bytes + 50, data + 2, 2);
	put(bytes + 2, 54 + data, 2);
	if (fake->stranger_fd > 0) {
		(void)sendto(fake->stranger_fd, bytes, 54 + data, MSG_DONTWAIT,
			     (struct sockaddr *)&question->from, question->length);
	}
	if (question->id == fake->silent_id) {
		return;
	}
	if (sendto(fake->fd, bytes, 54 + data, MSG_DONTWAIT, (struct sockaddr *)&question->from,
		   question->length) > 0) {
		fake->answers++;
	} else {
		fake->blocked += errno == EAGAIN;
	}
}

/* "Not supported", as linuxptp says it. */
static void refuse(struct fake_ptp4l *fake, struct question *question)
{
	put(question->bytes + 48, 2, 2);
	put(question->bytes + 52, 6, 2);
	put(question->bytes + 54, question->id, 2);
	send_answer(fake, question, 6);
}

static void answer_ports(struct fake_ptp4l *fake, struct question *question)
{
	static const uint8_t every[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	uint8_t target[10];
	uint8_t own[10];
	int number;

	memcpy(target, question->bytes + 34, sizeof(target));
	for (number = 1; number <= fake->port_count; number++) {
		put_identity(own, number);
		if ((memcmp(target, every, 8) == 0 || memcmp(target, own, 8) == 0) &&
		    (memcmp(target + 8, every, 2) == 0 || memcmp(target + 8, own + 8, 2) == 0)) {
			memset(question->bytes + 54, 0, sizeof(question->bytes) - 54);
			send_answer(fake, question,
				    fill_port(fake, question->id, number, question->bytes + 54));
		}
	}
}

static void answer_one(struct fake_ptp4l *fake, struct question *question)
{
	size_t data;

	fake->requests++;
	question->id = (uint16_t)(question->bytes[52] << 8 | question->bytes[53]);
	memcpy(question->source, question->bytes + 20, sizeof(question->source));
	assert_int_equal(question->bytes[46] & 0x0f, 0); /* GET, and nothing but that */
	if (question->bytes[4] != fake->domain || question->bytes[0] >> 4 != fake->transport_specific) {
		return;
	}
	memset(question->bytes + 54, 0, sizeof(question->bytes) - 54);
	if (question->id == CBD_PTP4L_PORT_HWCLOCK_NP && fake->is_read_only) {
		refuse(fake, question);
	} else if (question->id == CBD_PTP4L_PORT_DATA_SET || question->id == CBD_PTP4L_PORT_HWCLOCK_NP) {
		answer_ports(fake, question);
	} else {
		data = fill_clock(fake, question->id, question->bytes + 54);
		assert_int_not_equal(data, 0);
		send_answer(fake, question, data);
	}
}

void fake_ptp4l_answer(struct fake_ptp4l *fake)
{
	struct question question = {.length = sizeof(question.from)};
	ssize_t size;

	while ((size = recvfrom(fake->fd, question.bytes, sizeof(question.bytes), MSG_DONTWAIT,
				(struct sockaddr *)&question.from, &question.length)) > 0) {
		assert_int_equal(size, CBD_PTP4L_REQUEST_SIZE);
		answer_one(fake, &question);
		question.length = sizeof(question.from);
	}
}

int fake_ptp4l_unread(const struct fake_ptp4l *fake)
{
	int bytes = -1;

	return ioctl(fake->fd, SIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

static bool open_socket(struct fake_ptp4l *fake)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->path);
	fake->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return bind(fake->fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

bool fake_ptp4l_restart(struct fake_ptp4l *fake)
{
	if (fake->fd >= 0) {
		close(fake->fd);
	}
	unlink(fake->path);
	return open_socket(fake);
}

bool fake_ptp4l_open(struct fake_ptp4l *fake, int64_t ingress_ns)
{
	int i;

	memset(fake, 0, sizeof(*fake));
	snprintf(fake->directory, sizeof(fake->directory), "/tmp/cb-ptp4l-XXXXXX");
	if (mkdtemp(fake->directory) == NULL) {
		return false;
	}
	snprintf(fake->path, sizeof(fake->path), "%s/ptp4l", fake->directory);
	fake->offset_ns = -40;
	fake->ingress_ns = ingress_ns;
	fake->steps = 1;
	fake->path_delay_scaled = 500 * 65536 + 1;
	fake->clock_class = 6;
	fake->accuracy = 0x21;
	fake->utc_offset_s = 37;
	fake->flags = 0x0c;
	fake->has_master = 1;
	fake->status_master = fake->parent_master = 0xa1;
	fake->parent_port = 1;
	fake->port_count = 1;
	for (i = 0; i < FAKE_PORTS; i++) {
		fake->ports[i] = (struct fake_port){.state = 6, .mechanism = 1};
	}
	fake->ports[0].state = 9;
	return open_socket(fake);
}

void fake_ptp4l_close(struct fake_ptp4l *fake)
{
	close(fake->fd);
	unlink(fake->path);
	rmdir(fake->directory);
}
