/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chronyd made of paper: answers the command protocol on a Unix datagram socket as a test tells it to. It runs
 * on the test's own thread: nothing is answered until fake_chrony_serve() is called, so every interleaving is
 * exact. Layer: tests/harness.
 *
 * Use: fake_chrony_open(), change `tracking` and `source` with the helpers, set `tamper` to spoil replies, then
 * let the client send and call fake_chrony_serve() in turn.
 */
#ifndef FAKE_CHRONY_H
#define FAKE_CHRONY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FAKE_CHRONY_SOURCES_MAX 128

/* A reply about to be sent; tamper changes what it likes. */
struct fake_chrony_reply {
	uint8_t data[2048];
	size_t length;
	uint16_t command; /* of the request */
	unsigned number;  /* of this command's requests, from 1 */
	unsigned is_sent; /* how often it is sent: 1; 0 is silence */
};

struct fake_chrony {
	int fd;
	char directory[64]; /* its own, made by fake_chrony_open() */
	char path[108];
	uint8_t tracking[104];			     /* reply to Tracking without sequence */
	uint8_t source[FAKE_CHRONY_SOURCES_MAX][76]; /* replies to Source_Data without sequence */
	uint32_t sources;
	uint16_t status[256];	/* of the reply to each command; not 0: a refusal of 28 bytes */
	unsigned requests[256]; /* how many came of each command */
	uint8_t last[1024];	/* the last request */
	size_t last_length;
	struct sockaddr_un client; /* who sent it */
	socklen_t client_length;
	void (*tamper)(struct fake_chrony *fake, struct fake_chrony_reply *reply);
	void *context; /* tamper's */
};

/* fake_chrony_open - synchronised, one source, in a directory of its own; false with errno */
bool fake_chrony_open(struct fake_chrony *fake);

/* fake_chrony_kill - as SIGKILL: closed, the path stays; fake_chrony_stop - closed and unlinked */
void fake_chrony_kill(struct fake_chrony *fake);
void fake_chrony_stop(struct fake_chrony *fake);

/* fake_chrony_start - bound again (what lies at the path is unlinked), the directory made if it is gone */
bool fake_chrony_start(struct fake_chrony *fake);

/* fake_chrony_close - stopped, and the directory removed with all that is in it */
void fake_chrony_close(struct fake_chrony *fake);

/* fake_chrony_remove_directory - with all that is in it, as systemd removes a RuntimeDirectory */
void fake_chrony_remove_directory(struct fake_chrony *fake);

/* fake_chrony_serve - answers all requests that are queued; returns how many there were */
unsigned fake_chrony_serve(struct fake_chrony *fake);

/* fake_chrony_send - any bytes to the client that asked last; false if its queue is full or it is gone */
bool fake_chrony_send(struct fake_chrony *fake, const void *data, size_t length);

/* fake_chrony_put16, 32 - big-endian into a packet */
void fake_chrony_put16(uint8_t *packet, size_t offset, uint16_t value);
void fake_chrony_put32(uint8_t *packet, size_t offset, uint32_t value);

/* fake_chrony_put_float - @value as chronyd's float at @offset, to the nearest */
void fake_chrony_put_float(uint8_t *packet, size_t offset, double value);

/* fake_chrony_source - source @index: state, seconds since the sample, its offset (wire sign) and error in s */
void fake_chrony_source(struct fake_chrony *fake, uint32_t index, uint16_t state, uint32_t since_s,
			double latest_meas, double latest_meas_err);

#endif
