/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running ptp4l says of the PHC that it steers: asked over its management socket, never waited for. A bound
 * is made of one complete, recent set of answers, or there is none. Layer: daemon/source.
 * Source: docs/MATH.md, "PTP hardware clocks".
 *
 * Use: cbd_ptp4l_ask() at the beginning of a poll, cbd_ptp4l_take() later in every poll, whatever else fails; what
 * comes later counts for the next poll. No answer tells what is dialled on the PHC: cbd_ptp4l_dialled(), before and
 * after, and when the PHC has been read.
 *
 * ptp4l answers with a sendto() that blocks, from the loop that steers the clock, and what we do not read counts
 * against its socket's send buffer (the size of our receive buffer is nothing to it). So nothing is asked before
 * everything is read: no more than the answers to one round of questions are ever in the queue.
 */
#ifndef CBD_SOURCE_PHC_PTP4L_H
#define CBD_SOURCE_PHC_PTP4L_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/source/phc_ptp4l_wire.h"
#include "daemon/source/phc_servo.h"

/* Answers older than this, or a last synchronisation longer ago than this, bound nothing. */
#define CBD_PTP4L_AGE_MAX_NS INT64_C(10000000000)
/* Hardware stamps at both ends of the link, the stamping unit's clock period and the PHC's own, together. */
#define CBD_PTP4L_STAMP_NS 100

struct cbd_ptp4l {
	int fd;		/* -1: closed, or none could be had */
	char path[108]; /* ptp4l's socket */
	uint8_t domain;
	uint8_t transport;
	bool is_bound; /* ptp4l, and nobody else, can send to it */
	uint16_t sequence;
	uint32_t ignored; /* datagrams that were no answer of use */
	/* When each answer came (CLOCK_MONOTONIC, 0: never), and what it said. */
	int64_t status_at_ns;
	int64_t current_at_ns;
	int64_t parent_at_ns;
	int64_t properties_at_ns;
	bool has_master;
	uint8_t status_master[CBD_PTP4L_CLOCK_ID];
	int64_t ingress_ns;
	struct cbd_servo servo; /* by the status alone, and by what is seen dialled */
	uint16_t steps;
	int64_t path_delay_ns; /* as E2E measures it */
	uint8_t parent_port[CBD_PTP4L_PORT_ID];
	uint8_t parent_master[CBD_PTP4L_CLOCK_ID];
	uint8_t clock_class;
	int64_t accuracy_ns; /* 0: unknown */
	int32_t utc_offset_s;
	bool has_utc_offset;
	bool is_ptp;
	bool is_leap;	       /* announced in the last answer */
	bool is_leap_near;     /* it was, and has not passed for all that is known */
	int32_t leap_offset_s; /* TAI - UTC when it was first announced */
	int64_t leap_day;      /* UTC days since 1970 when it was last */
	/* The port in state SLAVE: where the PHC is that is steered, and the delay that counts. */
	bool has_slave;
	uint8_t slave[CBD_PTP4L_PORT_ID];
	int64_t slave_at_ns;
	uint8_t mechanism;
	int64_t peer_delay_ns;
	int64_t hwclock_at_ns; /* 0: it has not told */
	bool is_hwclock_refused;
	int32_t index; /* of its PHC; -1: none */
};

/* What it bounds. */
struct cbd_ptp4l_bound {
	int64_t bound_ns;
	int32_t utc_offset_s; /* TAI - UTC */
};

/*
 * cbd_ptp4l_open - 0, or -errno (text); ptp4l need not be there
 * @domain, @transport: domainNumber and transportSpecific of its configuration; it ignores all others
 */
int cbd_ptp4l_open(struct cbd_ptp4l *self, const char *socket_path, uint8_t domain, uint8_t transport,
		   char *text, size_t size);

void cbd_ptp4l_close(struct cbd_ptp4l *self);

/*
 * cbd_ptp4l_ask - takes what has arrived, then sends the requests; 0 or -errno (nobody there, queue full)
 * @now_mono_ns: not later than now; what has arrived is taken to be so old
 */
int cbd_ptp4l_ask(struct cbd_ptp4l *self, int64_t now_mono_ns);

/* cbd_ptp4l_take - takes all that has arrived; from one who floods the queue, with its socket */
void cbd_ptp4l_take(struct cbd_ptp4l *self, int64_t now_mono_ns);

/* cbd_ptp4l_dialled - the frequency that is dialled on the PHC now, in 2^-16 ppm; NULL: it cannot be seen */
void cbd_ptp4l_dialled(struct cbd_ptp4l *self, const int64_t *frequency);

/*
 * cbd_ptp4l_bound - how far the PHC is from UTC + TAI - UTC, as it shows @phc_ns
 * @index:   the PHC that is read
 * @rho_ppb: how far its oscillator may be from all that was dialled against it of late
 * Returns 0, or -EAGAIN with the reason in @text: nothing is known, or not enough, or no longer.
 */
int cbd_ptp4l_bound(struct cbd_ptp4l *self, int64_t now_mono_ns, int64_t phc_ns, int index, uint32_t rho_ppb,
		    struct cbd_ptp4l_bound *bound, char *text, size_t size);

#endif
