/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encodes requests and decodes replies of chronyd's command protocol, byte by byte: no struct is laid over a
 * datagram. Layer: daemon/source; pure.
 */
#include "daemon/source/chrony_wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/source/chrony_float.h"

#define VERSION		6
#define TYPE_REQUEST	1
#define TYPE_REPLY	2
#define REPLY_HEADER	28
#define STATUS_VERSION	18
#define LEAP_UNSYNC	3
#define STRATUM_MAX	16
#define STATE_MAX	5
#define MODE_MAX	2
#define FAMILY_NONE	0
#define FAMILY_IPV4	1
#define FAMILY_IPV6	2
#define FAMILY_ID	3	    /* a source whose name is not resolved yet */
#define NO_HIGH_SECONDS 0x7fffffffu /* a sender whose time_t has 32 bits */
#define NS_PER_SEC	1000000000

/* What chronyd sends for "infinite" or "does not fit" is 2^62, rounded towards zero; half of it is absurd. */
#define SATURATED_POWER 61
/* 2^4 = 16 s: NTP's own limit of a delay. */
#define DELAY_POWER 4
/* 2^32 s = 136 years: two such times still add in 63 bits of ns. */
#define TIME_POWER 32
/* 2^19 ppm: five times what Linux lets anybody set. */
#define FREQUENCY_POWER 19

/* Lengths and reply codes. A request is as long as its reply, or as its own payload if that is longer. */
struct exchange {
	enum cbd_chrony_command command;
	uint16_t request_length;
	uint16_t reply_code;
	uint16_t reply_length;
};

static const struct exchange exchanges[] = {
	{CBD_CHRONY_BURST, 68, 1, 28},	       {CBD_CHRONY_N_SOURCES, 32, 2, 32},
	{CBD_CHRONY_SOURCE_DATA, 76, 3, 76},   {CBD_CHRONY_TRACKING, 104, 5, 104},
	{CBD_CHRONY_RESET_SOURCES, 28, 1, 28}, {CBD_CHRONY_SELECT_DATA, 76, 23, 76},
};

static const struct exchange *exchange_of(enum cbd_chrony_command command)
{
	for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
		if (exchanges[i].command == command) {
			return &exchanges[i];
		}
	}
	return NULL;
}

static uint16_t load16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t load32(const uint8_t *bytes)
{
	return (uint32_t)load16(bytes) << 16 | load16(bytes + 2);
}

static void store16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static void store32(uint8_t *bytes, uint32_t value)
{
	store16(bytes, (uint16_t)(value >> 16));
	store16(bytes + 2, (uint16_t)value);
}

__attribute__((format(printf, 3, 4))) static enum cbd_chrony_verdict
complain(struct cbd_chrony_complaint *complaint, enum cbd_chrony_verdict verdict, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(complaint->text, sizeof(complaint->text), format, arguments);
	va_end(arguments);
	complaint->status = 0;
	return verdict;
}

/* The statuses that the commands above can bring; others are told by number. */
static const char *status_name(uint16_t status)
{
	switch (status) {
	case 1:
		return "failed";
	case 2:
		return "not authorised";
	case 3:
		return "command not known to this chronyd";
	case CBD_CHRONY_NO_SUCH_SOURCE:
		return "no such source";
	case 6:
		return "not enabled";
	case 18:
		return "protocol version not spoken";
	case 19:
		return "length not accepted";
	default:
		return "refused";
	}
}

size_t cbd_chrony_wire_request(uint8_t *packet, enum cbd_chrony_command command, uint32_t sequence,
			       uint32_t argument)
{
	const struct exchange *exchange = exchange_of(command);

	if (exchange == NULL) {
		return 0;
	}
	memset(packet, 0, CBD_CHRONY_PACKET_MAX);
	packet[0] = VERSION;
	packet[1] = TYPE_REQUEST;
	store16(packet + 4, (uint16_t)command);
	store32(packet + 8, sequence);
	if (command == CBD_CHRONY_SOURCE_DATA || command == CBD_CHRONY_SELECT_DATA) {
		store32(packet + 20, argument);
	}
	if (command == CBD_CHRONY_BURST) {
		store32(packet + 60,
			4); /* good samples wanted; mask and address stay unspecified: all sources */
		store32(packet + 64, 8); /* at most this many requests */
	}
	return exchange->request_length;
}

enum cbd_chrony_verdict cbd_chrony_wire_check(const uint8_t *data, size_t length,
					      enum cbd_chrony_command command, uint32_t sequence,
					      struct cbd_chrony_complaint *complaint)
{
	const struct exchange *exchange = exchange_of(command);
	uint16_t status;

	if (exchange == NULL || length < REPLY_HEADER) {
		return complain(complaint, CBD_CHRONY_IGNORED, "%zu bytes are no reply", length);
	}
	if (data[1] != TYPE_REPLY || data[2] != 0 || data[3] != 0) {
		return complain(complaint, CBD_CHRONY_IGNORED, "packet type %u is no reply", data[1]);
	}
	if (load32(data + 16) != sequence) {
		return complain(complaint, CBD_CHRONY_IGNORED, "answer to another request");
	}
	if (load16(data + 4) != command) {
		return complain(complaint, CBD_CHRONY_IGNORED, "answer to command %u", load16(data + 4));
	}
	status = load16(data + 8);
	if (data[0] != VERSION || status == STATUS_VERSION) {
		return complain(complaint, CBD_CHRONY_REFUSED,
				"chronyd speaks protocol version %u, this program version %u", data[0],
				VERSION);
	}
	if (status != 0) {
		(void)complain(complaint, CBD_CHRONY_REFUSED,
			       "chronyd answered command %u with status %u (%s)", (unsigned)command, status,
			       status_name(status));
		complaint->status = status;
		return CBD_CHRONY_REFUSED;
	}
	if (load16(data + 6) != exchange->reply_code) {
		return complain(complaint, CBD_CHRONY_BROKEN, "reply code %u to command %u, expected %u",
				load16(data + 6), (unsigned)command, exchange->reply_code);
	}
	if (length != exchange->reply_length) {
		return complain(complaint, CBD_CHRONY_BROKEN, "reply of %zu bytes to command %u, expected %u",
				length, (unsigned)command, exchange->reply_length);
	}
	return CBD_CHRONY_ACCEPTED;
}

/* Seconds in two words and ns; false if they are no time since 1970 that fits. */
static bool load_timespec(const uint8_t *bytes, int64_t *ns)
{
	uint32_t high = load32(bytes);
	uint32_t nsec = load32(bytes + 8);
	uint64_t sec;

	if (high == NO_HIGH_SECONDS) {
		high = 0;
	}
	sec = (uint64_t)high << 32 | load32(bytes + 4);
	if (nsec >= NS_PER_SEC || sec >= INT64_MAX / NS_PER_SEC) {
		return false;
	}
	*ns = (int64_t)sec * NS_PER_SEC + nsec;
	return true;
}

/* One float of a reply, and what it may be. */
struct rule {
	const char *name;
	uint16_t offset;
	bool may_be_negative;
	int32_t limit_power; /* |value| stays below 2^this */
};

static bool check_floats(const uint8_t *data, const struct rule *rules, size_t count,
			 struct cbd_chrony_complaint *complaint)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t bits = load32(data + rules[i].offset);

		if (!rules[i].may_be_negative && cbd_chrony_float_is_negative(bits)) {
			complain(complaint, CBD_CHRONY_BROKEN, "%s is negative (wire value %08x)",
				 rules[i].name, bits);
			return false;
		}
		if (cbd_chrony_float_reaches(bits, rules[i].limit_power)) {
			complain(complaint, CBD_CHRONY_BROKEN, "%s is absurd: 2^%d or more (wire value %08x)",
				 rules[i].name, rules[i].limit_power, bits);
			return false;
		}
	}
	return true;
}

static const struct rule tracking_rules[] = {
	{"current correction (s)", 68, true, TIME_POWER},
	{"last offset (s)", 72, true, SATURATED_POWER},
	{"RMS offset (s)", 76, true, SATURATED_POWER},
	{"frequency (ppm)", 80, true, FREQUENCY_POWER},
	{"residual frequency (ppm)", 84, true, SATURATED_POWER},
	{"skew (ppm)", 88, false, SATURATED_POWER},
	{"root delay (s)", 92, false, DELAY_POWER},
	{"root dispersion (s)", 96, false, TIME_POWER},
	{"last update interval (s)", 100, false, TIME_POWER},
};

/* Terms that cannot be zero while chronyd follows a source: both have a floor, and NaN is sent as zero. */
static bool check_zeros(const uint8_t *data, uint16_t family, struct cbd_tracking *tracking,
			struct cbd_chrony_complaint *complaint)
{
	bool has_no_delay = cbd_chrony_float_is_zero(load32(data + 92));
	bool has_no_dispersion = cbd_chrony_float_is_zero(load32(data + 96));

	if (tracking->leap_status == LEAP_UNSYNC || tracking->stratum == 0 ||
	    tracking->reference_id == CBD_CHRONY_LOCAL_ID) {
		return true;
	}
	if (family == FAMILY_NONE && has_no_delay && has_no_dispersion) {
		tracking->reference_id = CBD_CHRONY_LOCAL_ID;
		return true;
	}
	/* A refclock with the option `delay 0` is the one reference without delay. */
	if (has_no_dispersion || (has_no_delay && family != FAMILY_NONE)) {
		complain(complaint, CBD_CHRONY_BROKEN, "%s is zero while chronyd is synchronised",
			 has_no_dispersion ? "root dispersion" : "root delay");
		return false;
	}
	return true;
}

enum cbd_chrony_verdict cbd_chrony_wire_tracking(const uint8_t *data, struct cbd_tracking *tracking,
						 struct cbd_chrony_complaint *complaint)
{
	uint16_t family = load16(data + 48);
	struct cbd_tracking read = {
		.reference_id = load32(data + 28),
		.stratum = load16(data + 52),
		.leap_status = load16(data + 54),
		.correction_ns = cbd_chrony_float_ns_nearest(load32(data + 68)),
		.correction_quantum_ns = cbd_chrony_float_ns_quantum(load32(data + 68)),
		.frequency_q58 = cbd_chrony_float_q58_nearest(load32(data + 80)),
		.residual_q58 = cbd_chrony_float_q58_up(load32(data + 84)),
		.skew_q58 = cbd_chrony_float_q58_up(load32(data + 88)),
		.root_delay_ns = cbd_chrony_float_ns_up(load32(data + 92)),
		.root_dispersion_ns = cbd_chrony_float_ns_up(load32(data + 96)),
		.update_interval_ns = cbd_chrony_float_ns_nearest(load32(data + 100)),
		.is_refclock = family == FAMILY_NONE,
	};

	if (read.leap_status > LEAP_UNSYNC || read.stratum > STRATUM_MAX || family > FAMILY_IPV6) {
		return complain(complaint, CBD_CHRONY_BROKEN,
				"leap status %u, stratum %u, address family %u cannot be", read.leap_status,
				read.stratum, family);
	}
	if (!load_timespec(data + 56, &read.ref_time_ns)) {
		return complain(complaint, CBD_CHRONY_BROKEN, "reference time %08x %08x s %u ns cannot be",
				load32(data + 56), load32(data + 60), load32(data + 64));
	}
	if (!check_floats(data, tracking_rules, sizeof(tracking_rules) / sizeof(tracking_rules[0]),
			  complaint) ||
	    !check_zeros(data, family, &read, complaint)) {
		return CBD_CHRONY_BROKEN;
	}
	*tracking = read;
	return CBD_CHRONY_ACCEPTED;
}

uint32_t cbd_chrony_wire_n_sources(const uint8_t *data)
{
	return load32(data + 28);
}

/* FNV-1a, 64 bits: enough to tell two samples of one source apart; nobody gains by a collision. */
static uint64_t hash(uint64_t state, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		state = (state ^ bytes[i]) * 0x100000001b3u;
	}
	return state;
}

static uint64_t source_id(const uint8_t *data)
{
	return hash(0xcbf29ce484222325u, data + 28, 20);
}

static uint64_t sample_mark(const uint8_t *data)
{
	/* The offset as first measured, which chronyd never changes. The sample's error it does raise. */
	return hash(source_id(data), data + 64, 4);
}

static const struct rule source_rules[] = {
	{"first offset of the latest sample (s)", 64, true, TIME_POWER},
	{"offset of the latest sample (s)", 68, true, TIME_POWER},
	{"error of the latest sample (s)", 72, false, TIME_POWER},
};

enum cbd_chrony_verdict cbd_chrony_wire_source_data(const uint8_t *data, struct cbd_source_data *source,
						    struct cbd_chrony_complaint *complaint)
{
	uint16_t family = load16(data + 44);
	struct cbd_source_data read = {
		.reference_id = family == FAMILY_IPV4 ? load32(data + 28) : 0,
		.poll_log2 = (int16_t)load16(data + 48),
		.state = load16(data + 52),
		.mode = load16(data + 54),
		.since_s = load32(data + 60),
		.offset_ns = -cbd_chrony_float_ns_nearest(load32(data + 68)), /* wire: positive is ahead */
		.first_offset_ns = -cbd_chrony_float_ns_nearest(load32(data + 64)),
		.offset_quantum_ns = cbd_chrony_float_ns_quantum(load32(data + 68)),
		.error_ns = cbd_chrony_float_ns_up(load32(data + 72)),
		.id = source_id(data),
		.mark = sample_mark(data),
	};

	if (read.state > STATE_MAX || read.mode > MODE_MAX || family > FAMILY_ID) {
		return complain(complaint, CBD_CHRONY_BROKEN,
				"source state %u, mode %u, address family %u cannot be", read.state,
				read.mode, family);
	}
	if (!check_floats(data, source_rules, sizeof(source_rules) / sizeof(source_rules[0]), complaint)) {
		return CBD_CHRONY_BROKEN;
	}
	if (read.error_ns == 0) {
		/* chronyd sends what is no number as 0, and a sample's error is its clock's precision at least. */
		read.since_s = CBD_SINCE_NEVER;
	}
	*source = read;
	return CBD_CHRONY_ACCEPTED;
}
