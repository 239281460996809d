/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd's command protocol, version 6: requests as bytes, replies as the core's values. Pure: it does no I/O,
 * reads no clock and trusts no byte of a reply. It judges form ("this cannot be an answer of chronyd"), never
 * sense ("this clock is not synchronised"), which is the core's. Layer: daemon/source.
 *
 * Signs are turned here: offset = reference - local clock. Tracking's current_correction already is that;
 * Source_Data's latest_meas is positive when the clock is ahead and is negated where it is read.
 */
#ifndef CBD_SOURCE_CHRONY_WIRE_H
#define CBD_SOURCE_CHRONY_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/poll.h"

enum cbd_chrony_command {
	CBD_CHRONY_BURST = 3,
	CBD_CHRONY_N_SOURCES = 14,
	CBD_CHRONY_SOURCE_DATA = 15,
	CBD_CHRONY_TRACKING = 33,
	CBD_CHRONY_RESET_SOURCES = 66,
	CBD_CHRONY_SELECT_DATA = 69, /* since chrony 4.0 */
};

/* The longest request, and the longest reply, of the commands above: Tracking's. */
#define CBD_CHRONY_PACKET_MAX 104

/* Reference id of chronyd's local mode. */
#define CBD_CHRONY_LOCAL_ID 0x7f7f0101u

/* What to do with a datagram. */
enum cbd_chrony_verdict {
	CBD_CHRONY_ACCEPTED, /* the answer */
	CBD_CHRONY_IGNORED,  /* not the answer to this request: go on waiting */
	CBD_CHRONY_REFUSED,  /* the answer is no: a status, or a protocol that is not spoken here */
	CBD_CHRONY_BROKEN,   /* the answer, but not one that chronyd can mean */
};

/* Why a datagram was not accepted, for people: what, and the value that was wrong. */
struct cbd_chrony_complaint {
	char text[160];
	uint16_t status; /* of a refusal: chronyd's; otherwise 0 */
};

/* "No such source": the command is known all the same. */
#define CBD_CHRONY_NO_SUCH_SOURCE 4

/*
 * cbd_chrony_wire_request - the bytes of a request
 * @packet:   at least CBD_CHRONY_PACKET_MAX bytes
 * @argument: the index of Source_Data or Select_Data, from 0; ignored by the others. Burst asks all sources for 4 good
 *            samples of at most 8
 * Returns the length to send; a request is never shorter than its reply, or chronyd refuses it.
 */
size_t cbd_chrony_wire_request(uint8_t *packet, enum cbd_chrony_command command, uint32_t sequence,
			       uint32_t argument);

/*
 * cbd_chrony_wire_check - is this datagram the successful answer to (@command, @sequence)?
 * Checks header, status, reply code and length, in this order; @complaint is filled unless ACCEPTED.
 * Only an accepted datagram may be given to the three decoders below.
 */
enum cbd_chrony_verdict cbd_chrony_wire_check(const uint8_t *data, size_t length,
					      enum cbd_chrony_command command, uint32_t sequence,
					      struct cbd_chrony_complaint *complaint);

/*
 * cbd_chrony_wire_tracking - an accepted reply to Tracking in the core's units
 * Unsynchronised replies pass as they are (leap status 3, stratum 0, the constants 1 s). Local mode under
 * another name (no address, no delay, no dispersion) gets CBD_CHRONY_LOCAL_ID. Skew and dispersion saturate.
 * Returns ACCEPTED or BROKEN; @tracking is untouched unless ACCEPTED. Rounding: as struct cbd_tracking says.
 */
enum cbd_chrony_verdict cbd_chrony_wire_tracking(const uint8_t *data, struct cbd_tracking *tracking,
						 struct cbd_chrony_complaint *complaint);

/* cbd_chrony_wire_n_sources - an accepted reply to N_Sources: how many there are */
uint32_t cbd_chrony_wire_n_sources(const uint8_t *data);

/*
 * cbd_chrony_wire_source_data - an accepted reply to Source_Data in the core's units
 * reference_id is 0 for an IPv6 source (chronyd's is a part of the address's MD5) and for one not yet
 * resolved: the state, not the id, says which source is selected.
 * Returns ACCEPTED or BROKEN; @source is untouched unless ACCEPTED.
 */
enum cbd_chrony_verdict cbd_chrony_wire_source_data(const uint8_t *data, struct cbd_source_data *source,
						    struct cbd_chrony_complaint *complaint);

#endif
