/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ptp4l on a datagram socket that answers as told, byte by byte, and never waits for those who do not read: it
 * counts what they have not read. Tests change what differs.
 */
#ifndef TESTS_UNIT_DAEMON_SOURCE_PTP4L_FAKE_H
#define TESTS_UNIT_DAEMON_SOURCE_PTP4L_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_PORTS 250

struct fake_port {
	uint8_t state; /* 9: slave */
	uint8_t mechanism;
	int64_t peer_delay_scaled;
	int32_t index; /* of its PHC; -1: none */
};

struct fake_ptp4l {
	char directory[64];
	char path[100];
	int fd;
	int stranger_fd; /* 0, or who answers as well, before ptp4l does */
	/* What it answers. */
	int64_t offset_ns;
	int64_t ingress_ns;
	uint16_t steps;
	int64_t path_delay_scaled;
	uint8_t clock_class;
	uint8_t accuracy;
	int16_t utc_offset_s;
	uint8_t flags;
	int32_t has_master;
	uint8_t status_master; /* the last byte of the grandmaster's identity, as TIME_STATUS_NP tells it */
	uint8_t parent_master; /* ... and as PARENT_DATA_SET does */
	uint8_t parent_port;
	struct fake_port ports[FAKE_PORTS]; /* number 1 is at 0 */
	int port_count;
	uint8_t domain;
	uint8_t transport_specific;
	bool is_read_only;  /* PORT_HWCLOCK_NP is refused */
	bool is_to_others;  /* answers are addressed to somebody else */
	uint16_t silent_id; /* this one is not answered */
	/* Seen. */
	uint32_t requests;
	uint32_t answers;
	uint32_t blocked; /* answers with which the real one would have waited */
};

/* fake_ptp4l_open - E2E, one port, a slave that steers PHC 0, synchronised at @ingress_ns; false: no socket */
bool fake_ptp4l_open(struct fake_ptp4l *fake, int64_t ingress_ns);

void fake_ptp4l_close(struct fake_ptp4l *fake);

/* fake_ptp4l_restart - another socket at the same path */
bool fake_ptp4l_restart(struct fake_ptp4l *fake);

/* fake_ptp4l_answer - answers what has been asked */
void fake_ptp4l_answer(struct fake_ptp4l *fake);

/* fake_ptp4l_unread - bytes of the kernel's that its unread answers take */
int fake_ptp4l_unread(const struct fake_ptp4l *fake);

#endif
