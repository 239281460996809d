/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The management messages of IEEE 1588 as ptp4l of linuxptp speaks them on its Unix socket: requests (GET alone) and
 * what is taken from the responses. Bytes in, values out; no I/O. Layer: daemon/source.
 */
#ifndef CBD_SOURCE_PHC_PTP4L_WIRE_H
#define CBD_SOURCE_PHC_PTP4L_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CBD_PTP4L_REQUEST_SIZE 54
#define CBD_PTP4L_MESSAGE_MAX  1500

/* What is asked for: managementId of the standard, and linuxptp's own from 0xc000. */
enum cbd_ptp4l_id {
	CBD_PTP4L_CURRENT_DATA_SET = 0x2001,
	CBD_PTP4L_PARENT_DATA_SET = 0x2002,
	CBD_PTP4L_TIME_PROPERTIES_DATA_SET = 0x2003,
	CBD_PTP4L_PORT_DATA_SET = 0x2004,
	CBD_PTP4L_TIME_STATUS_NP = 0xc000,
	CBD_PTP4L_PORT_HWCLOCK_NP = 0xc009,
};

#define CBD_PTP4L_CLOCK_ID 8
/* Of a clock, and the number of its port. */
#define CBD_PTP4L_PORT_ID 10

/* What a port's delayMechanism may be; everything else measures no delay. */
enum cbd_ptp4l_mechanism {
	CBD_PTP4L_E2E = 1, /* the whole path, in CURRENT_DATA_SET; linuxptp leaves 0 there with all others */
	CBD_PTP4L_P2P = 2, /* the link, in the port's own data set */
	CBD_PTP4L_COMMON_P2P = 3, /* so too, measured for all domains together */
};

/* One response, by its id. */
struct cbd_ptp4l_message {
	enum cbd_ptp4l_id id;
	uint16_t sequence;
	uint8_t domain;
	bool is_refused; /* an error status: there is nothing more */
	union {
		struct {
			uint16_t steps;	       /* stepsRemoved: 1 if the grandmaster itself is heard */
			int64_t path_delay_ns; /* meanPathDelay, rounded up */
		} current;
		struct {
			uint8_t port[CBD_PTP4L_PORT_ID];    /* that is heard */
			uint8_t master[CBD_PTP4L_CLOCK_ID]; /* the grandmaster */
			uint8_t clock_class;		    /* its clockClass */
			uint8_t accuracy;		    /* its clockAccuracy */
		} parent;
		struct {
			int16_t utc_offset_s;
			bool has_utc_offset; /* currentUtcOffsetValid */
			bool is_ptp;	     /* ptpTimescale: TAI */
			bool is_leap;	     /* leap59 or leap61: at the end of this UTC day */
		} properties;
		struct {
			uint8_t id[CBD_PTP4L_PORT_ID];
			uint8_t state;	       /* 9: slave */
			uint8_t mechanism;     /* enum cbd_ptp4l_mechanism, or another */
			int64_t peer_delay_ns; /* peerMeanPathDelay, rounded up */
		} port;
		struct {
			int64_t offset_ns;  /* of the PHC from the grandmaster, as last measured */
			int64_t ingress_ns; /* when that was, by the PHC */
			bool has_master;
			uint8_t master[CBD_PTP4L_CLOCK_ID];
		} status;
		struct {
			uint8_t id[CBD_PTP4L_PORT_ID];
			int32_t index; /* -1: none, packets are stamped in software */
		} hwclock;
	};
};

/* A GET of @id. */
struct cbd_ptp4l_question {
	enum cbd_ptp4l_id id;
	const uint8_t *port; /* CBD_PTP4L_PORT_ID bytes; NULL: every port of every clock */
	uint8_t domain;
	uint8_t transport; /* transportSpecific */
	uint16_t sequence;
};

/* cbd_ptp4l_request - fills @bytes (CBD_PTP4L_REQUEST_SIZE) */
void cbd_ptp4l_request(uint8_t *bytes, const struct cbd_ptp4l_question *question);

/* cbd_ptp4l_parse - false for what is no well-formed response, or refusal, to us, with one of our ids */
bool cbd_ptp4l_parse(const uint8_t *bytes, size_t size, struct cbd_ptp4l_message *message);

/*
 * cbd_ptp4l_is_disciplined - whether a grandmaster of this clockClass follows a reference, or holds over within its
 * specification: 6 and 7 of the PTP time scale, 13 and 14 of another. All others run free, or are no grandmasters.
 * Source: IEEE 1588, clockClass.
 */
bool cbd_ptp4l_is_disciplined(uint8_t clock_class);

/* cbd_ptp4l_accuracy_ns - what a clockAccuracy promises; 0 for none: unknown, reserved, or worse than a second */
int64_t cbd_ptp4l_accuracy_ns(uint8_t accuracy);

#endif
