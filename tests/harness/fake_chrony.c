/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fake's socket and its honest answers; tests spoil them. Layer: tests/harness.
 */
#include "tests/harness/fake_chrony.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPLY_HEADER 28

void fake_chrony_put16(uint8_t *packet, size_t offset, uint16_t value)
{
	packet[offset] = (uint8_t)(value >> 8);
	packet[offset + 1] = (uint8_t)value;
}

void fake_chrony_put32(uint8_t *packet, size_t offset, uint32_t value)
{
	fake_chrony_put16(packet, offset, (uint16_t)(value >> 16));
	fake_chrony_put16(packet, offset + 2, (uint16_t)value);
}

void fake_chrony_put_float(uint8_t *packet, size_t offset, double value)
{
	int exponent = 0;
	double fraction = frexp(value, &exponent); /* 0.5 <= |fraction| < 1 */
	int32_t coefficient = (int32_t)lround(ldexp(fraction, 24));

	if (coefficient == 1 << 24) {
		coefficient /= 2;
		exponent++;
	}
	fake_chrony_put32(packet, offset,
			  ((uint32_t)(exponent + 1) & 0x7f) << 25 | ((uint32_t)coefficient & 0x1ffffff));
}

static void put_header(uint8_t *packet, uint16_t command, uint16_t reply_code)
{
	packet[0] = 6;
	packet[1] = 2;
	fake_chrony_put16(packet, 4, command);
	fake_chrony_put16(packet, 6, reply_code);
}

/* Synchronised to 127.0.0.1, 0.25 s slow, losing 50 ppm. */
static void put_tracking(uint8_t *packet)
{
	put_header(packet, 33, 5);
	fake_chrony_put32(packet, 28, 0x7f000001);
	fake_chrony_put32(packet, 32, 0x7f000001);
	fake_chrony_put16(packet, 48, 1);
	fake_chrony_put16(packet, 52, 2);
	fake_chrony_put32(packet, 60, 1795394794);
	fake_chrony_put32(packet, 64, 113299582);
	fake_chrony_put_float(packet, 68, 0.25);
	fake_chrony_put_float(packet, 80, -50.0);
	fake_chrony_put_float(packet, 84, -0.5);
	fake_chrony_put_float(packet, 88, 1.0);
	fake_chrony_put_float(packet, 92, 0.001);
	fake_chrony_put_float(packet, 96, 0.0005);
	fake_chrony_put_float(packet, 100, 16.0);
}

void fake_chrony_source(struct fake_chrony *fake, uint32_t index, uint16_t state, uint32_t since_s,
			double latest_meas, double latest_meas_err)
{
	uint8_t *packet = fake->source[index];

	put_header(packet, 15, 3);
	fake_chrony_put32(packet, 28, 0x7f000001 + index);
	fake_chrony_put16(packet, 44, 1);
	fake_chrony_put16(packet, 48, 4);
	fake_chrony_put16(packet, 50, 1);
	fake_chrony_put16(packet, 52, state);
	fake_chrony_put16(packet, 58, 255);
	fake_chrony_put32(packet, 60, since_s);
	fake_chrony_put_float(packet, 64, latest_meas);
	fake_chrony_put_float(packet, 68, latest_meas);
	fake_chrony_put_float(packet, 72, latest_meas_err);
}

bool fake_chrony_start(struct fake_chrony *fake)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (mkdir(fake->directory, 0750) != 0 && errno != EEXIST) {
		return false;
	}
	memcpy(address.sun_path, fake->path, sizeof(fake->path));
	unlink(fake->path);
	fake->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fake->fd >= 0 && bind(fake->fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

bool fake_chrony_open(struct fake_chrony *fake)
{
	memset(fake, 0, sizeof(*fake));
	fake->fd = -1;
	snprintf(fake->directory, sizeof(fake->directory), "/tmp/fake-chrony.XXXXXX");
	if (mkdtemp(fake->directory) == NULL) {
		return false;
	}
	snprintf(fake->path, sizeof(fake->path), "%s/chronyd.sock", fake->directory);
	put_tracking(fake->tracking);
	fake->sources = 1;
	fake_chrony_source(fake, 0, 0, 3, 0.00001, 0.0007);
	return fake_chrony_start(fake);
}

void fake_chrony_kill(struct fake_chrony *fake)
{
	if (fake->fd >= 0) {
		close(fake->fd);
	}
	fake->fd = -1;
}

void fake_chrony_stop(struct fake_chrony *fake)
{
	fake_chrony_kill(fake);
	unlink(fake->path);
}

void fake_chrony_remove_directory(struct fake_chrony *fake)
{
	DIR *directory = opendir(fake->directory);
	struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			unlinkat(dirfd(directory), entry->d_name, 0);
		}
	}
	if (directory != NULL) {
		closedir(directory);
	}
	rmdir(fake->directory);
}

void fake_chrony_close(struct fake_chrony *fake)
{
	fake_chrony_kill(fake);
	fake_chrony_remove_directory(fake);
}

bool fake_chrony_send(struct fake_chrony *fake, const void *data, size_t length)
{
	return sendto(fake->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&fake->client, fake->client_length) == (ssize_t)length;
}

static void set_payload(struct fake_chrony_reply *reply, const void *packet, size_t length)
{
	memcpy(reply->data, packet, length);
	reply->length = length;
}

static void answer(struct fake_chrony *fake, struct fake_chrony_reply *reply)
{
	uint32_t index = (uint32_t)fake->last[20] << 24 | (uint32_t)fake->last[21] << 16 |
			 (uint32_t)fake->last[22] << 8 | fake->last[23];
	uint16_t status = fake->status[reply->command & 255];

	reply->length = REPLY_HEADER;
	put_header(reply->data, reply->command, 1);
	if (status == 0 && (reply->command == 15 || reply->command == 69) && index >= fake->sources) {
		status = 4;
	}
	if (status != 0) {
		fake_chrony_put16(reply->data, 8, status);
	} else if (reply->command == 33) {
		set_payload(reply, fake->tracking, 104);
	} else if (reply->command == 15) {
		set_payload(reply, fake->source[index], 76);
	} else if (reply->command == 69) {
		put_header(reply->data, reply->command, 23);
		reply->length = 76;
	} else if (reply->command == 14) {
		put_header(reply->data, reply->command, 2);
		fake_chrony_put32(reply->data, 28, fake->sources);
		reply->length = 32;
	}
	memcpy(reply->data + 16, fake->last + 8, 4); /* the sequence */
}

unsigned fake_chrony_serve(struct fake_chrony *fake)
{
	unsigned served = 0;
	ssize_t length;

	for (;;) {
		struct fake_chrony_reply reply = {.is_sent = 1};

		fake->client_length = sizeof(fake->client);
		length = recvfrom(fake->fd, fake->last, sizeof(fake->last), MSG_DONTWAIT,
				  (struct sockaddr *)&fake->client, &fake->client_length);
		if (length < REPLY_HEADER) {
			return served; /* nothing more; chronyd is silent about shorter requests */
		}
		served++;
		fake->last_length = (size_t)length;
		reply.command = (uint16_t)(fake->last[4] << 8 | fake->last[5]);
		reply.number = ++fake->requests[reply.command & 255];
		answer(fake, &reply);
		if (fake->tamper != NULL) {
			fake->tamper(fake, &reply);
		}
		for (unsigned i = 0; i < reply.is_sent; i++) {
			fake_chrony_send(fake, reply.data, reply.length);
		}
	}
}
