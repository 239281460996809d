/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_ptp4l_wire.h. All numbers are big-endian. */
#include "daemon/source/phc_ptp4l_wire.h"

#include <string.h>

#include "daemon/core/q58.h"

/* The common header, then the management part, then one TLV: type, length, id, data. */
enum {
	AT_TYPE = 0,	/* low half: messageType; high half: transportSpecific */
	AT_VERSION = 1, /* low half: 2 */
	AT_LENGTH = 2,
	AT_DOMAIN = 4,
	AT_SOURCE = 20, /* identity 8, port 2 */
	AT_SEQUENCE = 30,
	AT_CONTROL = 32,
	AT_INTERVAL = 33,
	AT_TARGET = 34, /* identity 8, port 2 */
	AT_ACTION = 46, /* low half */
	AT_TLV_TYPE = 48,
	AT_TLV_LENGTH = 50,
	AT_ID = 52,
	AT_DATA = 54,
};

#define TYPE_MANAGEMENT	   0x0d
#define VERSION		   2
#define CONTROL_MANAGEMENT 4
#define ACTION_GET	   0
#define ACTION_RESPONSE	   2
#define TLV_MANAGEMENT	   1
#define TLV_ERROR_STATUS   2 /* error, id */

/* Bits of the second byte of a message's time properties. */
#define FLAG_LEAP61    0x01
#define FLAG_LEAP59    0x02
#define FLAG_UTC_VALID 0x04
#define FLAG_PTP_SCALE 0x08

/* Who we are to ptp4l; its answers are addressed to this. */
static const uint8_t own[CBD_PTP4L_PORT_ID] = {'c', 'l', 'k', 'b', 'o', 'u', 'n', 'd', 0, 1};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static int64_t get64(const uint8_t *at)
{
	return (int64_t)((uint64_t)get32(at) << 32 | get32(at + 4));
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void cbd_ptp4l_request(uint8_t *bytes, const struct cbd_ptp4l_question *question)
{
	memset(bytes, 0, CBD_PTP4L_REQUEST_SIZE);
	bytes[AT_TYPE] = (uint8_t)(question->transport << 4 | TYPE_MANAGEMENT);
	bytes[AT_VERSION] = VERSION;
	put16(bytes + AT_LENGTH, CBD_PTP4L_REQUEST_SIZE);
	bytes[AT_DOMAIN] = question->domain;
	memcpy(bytes + AT_SOURCE, own, sizeof(own));
	put16(bytes + AT_SEQUENCE, question->sequence);
	bytes[AT_CONTROL] = CONTROL_MANAGEMENT;
	bytes[AT_INTERVAL] = 0x7f;
	if (question->port != NULL) {
		memcpy(bytes + AT_TARGET, question->port, CBD_PTP4L_PORT_ID);
	} else {
		memset(bytes + AT_TARGET, 0xff, CBD_PTP4L_PORT_ID);
	}
	bytes[AT_ACTION] = ACTION_GET;
	put16(bytes + AT_TLV_TYPE, TLV_MANAGEMENT);
	put16(bytes + AT_TLV_LENGTH, 2); /* the id alone */
	put16(bytes + AT_ID, (uint16_t)question->id);
}

/* A TimeInterval, ns * 2^16, rounded up. */
static int64_t interval_ns(const uint8_t *at)
{
	int64_t scaled = get64(at);

	return scaled / 65536 + (scaled > 0 && scaled % 65536 != 0);
}

/* The data of @message->id; false if there is too little of it. */
static bool parse_clock(const uint8_t *data, size_t size, struct cbd_ptp4l_message *message)
{
	switch (message->id) {
	case CBD_PTP4L_CURRENT_DATA_SET:
		if (size < 18) {
			return false;
		}
		message->current.steps = get16(data);
		message->current.path_delay_ns = interval_ns(data + 10);
		return true;
	case CBD_PTP4L_PARENT_DATA_SET:
		if (size < 32) {
			return false;
		}
		memcpy(message->parent.port, data, CBD_PTP4L_PORT_ID);
		message->parent.clock_class = data[19];
		message->parent.accuracy = data[20];
		memcpy(message->parent.master, data + 24, CBD_PTP4L_CLOCK_ID);
		return true;
	case CBD_PTP4L_TIME_PROPERTIES_DATA_SET:
		if (size < 4) {
			return false;
		}
		message->properties.utc_offset_s = (int16_t)get16(data);
		message->properties.has_utc_offset = (data[2] & FLAG_UTC_VALID) != 0;
		message->properties.is_ptp = (data[2] & FLAG_PTP_SCALE) != 0;
		message->properties.is_leap = (data[2] & (FLAG_LEAP61 | FLAG_LEAP59)) != 0;
		return true;
	case CBD_PTP4L_TIME_STATUS_NP:
		if (size < 50) {
			return false;
		}
		message->status.offset_ns = get64(data);
		message->status.ingress_ns = get64(data + 8);
		message->status.has_master = get32(data + 38) != 0;
		memcpy(message->status.master, data + 42, CBD_PTP4L_CLOCK_ID);
		return true;
	default:
		return false;
	}
}

/* ... or of a port, whose identity comes first. */
static bool parse_port(const uint8_t *data, size_t size, struct cbd_ptp4l_message *message)
{
	switch (message->id) {
	case CBD_PTP4L_PORT_DATA_SET:
		if (size < 26) {
			return false;
		}
		memcpy(message->port.id, data, CBD_PTP4L_PORT_ID);
		message->port.state = data[10];
		message->port.peer_delay_ns = interval_ns(data + 12);
		message->port.mechanism = data[23];
		return true;
	case CBD_PTP4L_PORT_HWCLOCK_NP:
		if (size < 14) {
			return false;
		}
		memcpy(message->hwclock.id, data, CBD_PTP4L_PORT_ID);
		message->hwclock.index = (int32_t)get32(data + CBD_PTP4L_PORT_ID);
		return true;
	default:
		return false;
	}
}

static bool is_known_id(uint16_t id)
{
	switch (id) {
	case CBD_PTP4L_CURRENT_DATA_SET:
	case CBD_PTP4L_PARENT_DATA_SET:
	case CBD_PTP4L_TIME_PROPERTIES_DATA_SET:
	case CBD_PTP4L_PORT_DATA_SET:
	case CBD_PTP4L_TIME_STATUS_NP:
	case CBD_PTP4L_PORT_HWCLOCK_NP:
		return true;
	default:
		return false;
	}
}

bool cbd_ptp4l_parse(const uint8_t *bytes, size_t size, struct cbd_ptp4l_message *message)
{
	uint16_t length;
	uint16_t type;
	uint16_t id;

	if (size < AT_DATA || (bytes[AT_TYPE] & 0x0f) != TYPE_MANAGEMENT ||
	    (bytes[AT_VERSION] & 0x0f) != VERSION || get16(bytes + AT_LENGTH) > size ||
	    (bytes[AT_ACTION] & 0x0f) != ACTION_RESPONSE) {
		return false;
	}
	/* ptp4l passes on what other clocks on the network answer to others, to whoever asked it last. */
	if (memcmp(bytes + AT_TARGET, own, sizeof(own)) != 0) {
		return false;
	}
	type = get16(bytes + AT_TLV_TYPE);
	length = get16(bytes + AT_TLV_LENGTH);
	if ((type != TLV_MANAGEMENT && type != TLV_ERROR_STATUS) || length < 2 ||
	    length - 2u > size - AT_DATA || (type == TLV_ERROR_STATUS && length < 4)) {
		return false;
	}
	id = get16(bytes + (type == TLV_ERROR_STATUS ? AT_DATA : AT_ID));
	if (!is_known_id(id)) {
		return false;
	}
	memset(message, 0, sizeof(*message));
	message->sequence = get16(bytes + AT_SEQUENCE);
	message->domain = bytes[AT_DOMAIN];
	message->id = (enum cbd_ptp4l_id)id;
	message->is_refused = type == TLV_ERROR_STATUS;
	return message->is_refused || parse_clock(bytes + AT_DATA, length - 2u, message) ||
	       parse_port(bytes + AT_DATA, length - 2u, message);
}

bool cbd_ptp4l_is_disciplined(uint8_t clock_class)
{
	return clock_class == 6 || clock_class == 7 || clock_class == 13 || clock_class == 14;
}

int64_t cbd_ptp4l_accuracy_ns(uint8_t accuracy)
{
	static const int64_t ns[] = {
		25,	100,	 250,	  1000,	    2500,     10000,	 25000,	    100000,
		250000, 1000000, 2500000, 10000000, 25000000, 100000000, 250000000, 1000000000,
	};

	return accuracy >= 0x20 && accuracy - 0x20u < sizeof(ns) / sizeof(ns[0]) ? ns[accuracy - 0x20] : 0;
}
