/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire format: packets recorded from real chronyds, and each single way in which a reply can be wrong.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "daemon/source/chrony_wire.h"
#include "tests/harness/fake_chrony.h"

/* Bytes from hexadecimal with blanks; returns how many. */
static size_t unhex(const char *text, uint8_t *bytes)
{
	size_t count = 0;
	char *end;

	for (; *text != '\0'; text = end) {
		unsigned long byte = strtoul(text, &end, 16);

		if (end == text) {
			break;
		}
		bytes[count++] = (uint8_t)byte;
	}
	return count;
}

static const char SYNCHRONISED[] =
	"06 02 00 00 00 21 00 05 00 00 00 00 00 00 00 00 c4 56 cb 2f 00 00 00 00 00 00 00 00 7f 00 00 01 "
	"7f 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 02 00 00 00 00 00 00 6b 03 8c ea "
	"06 c0 d0 7e 00 80 69 12 dc b5 8e 48 de c2 0c 7f 0f 34 b4 80 f8 af 99 08 04 a7 f2 1d fc cd b3 a7 "
	"f8 a3 eb a1 04 82 4a b6";

static const char SMALL[] =
	"06 02 00 00 00 21 00 05 00 00 00 00 00 00 00 00 36 45 75 c8 00 00 00 00 00 00 00 00 7f 00 00 01 "
	"7f 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 02 00 00 00 00 00 00 6b 03 83 41 "
	"1d ba 0e 49 db 71 00 e5 da 8c 57 e6 de f4 cb 20 ff 32 ea f1 f2 8a 28 36 02 e2 2b 1d e0 e7 f6 38 "
	"e0 ef 00 74 08 81 c2 06";

static const char UNSYNCHRONISED[] =
	"06 02 00 00 00 21 00 05 00 00 00 00 00 00 00 00 01 02 03 04 00 00 00 00 00 00 00 00 00 00 00 00 "
	"00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00 00 "
	"00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 04 80 00 00 "
	"04 80 00 00 00 00 00 00";

static const char LOCAL[] =
	"06 02 00 00 00 21 00 05 00 00 00 00 00 00 00 00 11 22 33 44 00 00 00 00 00 00 00 00 7f 7f 01 01 "
	"00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 6b 03 83 35 "
	"1c 14 ac 58 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
	"00 00 00 00 00 00 00 00";

/* Checks and decodes a Tracking reply that is one. */
static struct cbd_tracking decoded(const char *text, uint32_t sequence)
{
	uint8_t data[128];
	size_t length = unhex(text, data);
	struct cbd_chrony_complaint complaint = {.text = ""};
	struct cbd_tracking tracking;

	assert_int_equal(cbd_chrony_wire_check(data, length, CBD_CHRONY_TRACKING, sequence, &complaint),
			 CBD_CHRONY_ACCEPTED);
	assert_int_equal(cbd_chrony_wire_tracking(data, &tracking, &complaint), CBD_CHRONY_ACCEPTED);
	return tracking;
}

/* Q5.58 as ppb, for comparing with what chronyc prints to 0.001 ppm. */
static int64_t ppb_of(int64_t q58)
{
	return llroundl((long double)q58 * 1e9L / 0x1p58L);
}

static void a_tracking_request_is_the_recorded_one(void **state)
{
	uint8_t packet[CBD_CHRONY_PACKET_MAX];
	uint8_t recorded[CBD_CHRONY_PACKET_MAX] = {0};

	(void)state;
	unhex("06 01 00 00 00 21 00 00 c4 56 cb 2f", recorded);
	assert_int_equal(cbd_chrony_wire_request(packet, CBD_CHRONY_TRACKING, 0xc456cb2f, 7), 104);
	assert_memory_equal(packet, recorded, 104);
}

static void every_other_request_has_the_length_and_payload_of_the_protocol(void **state)
{
	uint8_t packet[CBD_CHRONY_PACKET_MAX];

	(void)state;
	assert_int_equal(cbd_chrony_wire_request(packet, CBD_CHRONY_N_SOURCES, 1, 0), 32);
	assert_int_equal(packet[5], 14);
	assert_int_equal(cbd_chrony_wire_request(packet, CBD_CHRONY_SOURCE_DATA, 1, 0x01020304), 76);
	assert_memory_equal(packet + 20, "\1\2\3\4", 4);
	assert_int_equal(cbd_chrony_wire_request(packet, CBD_CHRONY_RESET_SOURCES, 1, 0), 28);
	assert_int_equal(packet[5], 66);
	assert_int_equal(cbd_chrony_wire_request(packet, CBD_CHRONY_BURST, 1, 0), 68);
	assert_memory_equal(packet + 56, "\0\0\0\0\0\0\0\4\0\0\0\10", 12);
}

static void a_synchronised_reply_decodes_as_chronyc_prints_it(void **state)
{
	struct cbd_tracking tracking = decoded(SYNCHRONISED, 0xc456cb2f);

	(void)state;
	assert_int_equal(tracking.reference_id, 0x7f000001);
	assert_int_equal(tracking.stratum, 2);
	assert_int_equal(tracking.leap_status, 0);
	assert_true(tracking.ref_time_ns == INT64_C(1795394794113299582));
	assert_int_equal(tracking.correction_ns, 250801623); /* positive: slow */
	assert_int_equal(ppb_of(tracking.frequency_q58), -50824);
	assert_int_equal(ppb_of(tracking.residual_q58), 21);
	assert_int_equal(ppb_of(tracking.skew_q58), 1312);
	assert_in_range(tracking.root_delay_ns, 100440316, 100440316 + 13);
	assert_in_range(tracking.root_dispersion_ns, 20009818, 20009818 + 4);
	assert_int_equal(tracking.update_interval_ns, 1017904997);
	assert_false(tracking.is_refclock);
}

static void small_values_keep_their_sign_and_round_up(void **state)
{
	struct cbd_tracking tracking = decoded(SMALL, 0x364575c8);

	(void)state;
	assert_int_equal(tracking.correction_ns, -533); /* "0.000000533 seconds fast" */
	assert_int_equal(tracking.correction_quantum_ns, 2);
	assert_int_equal(ppb_of(tracking.frequency_q58), -200);
	assert_int_equal(tracking.root_delay_ns, 6914);
	assert_int_equal(tracking.root_dispersion_ns, 7123);
}

static void an_unsynchronised_reply_passes_with_its_constants(void **state)
{
	struct cbd_tracking tracking = decoded(UNSYNCHRONISED, 0x01020304);

	(void)state;
	assert_int_equal(tracking.leap_status, 3);
	assert_int_equal(tracking.stratum, 0);
	assert_int_equal(tracking.reference_id, 0);
	assert_int_equal(tracking.ref_time_ns, 0);
	assert_int_equal(tracking.root_delay_ns, 1000000120);
	assert_int_equal(tracking.root_dispersion_ns, 1000000120);
}

static void local_mode_shows_in_its_reference_id(void **state)
{
	struct cbd_tracking tracking = decoded(LOCAL, 0x11223344);

	(void)state;
	assert_int_equal(tracking.reference_id, CBD_CHRONY_LOCAL_ID);
	assert_int_equal(tracking.leap_status, 0);
	assert_int_equal(tracking.root_delay_ns, 0);
	assert_int_equal(tracking.root_dispersion_ns, 0);
	assert_true(tracking.is_refclock);
}

static void local_mode_under_another_name_is_given_its_own(void **state)
{
	uint8_t data[128];
	struct cbd_chrony_complaint complaint;
	struct cbd_tracking tracking;

	(void)state;
	unhex(LOCAL, data);
	fake_chrony_put32(data, 28, 0x54535400);
	assert_int_equal(cbd_chrony_wire_tracking(data, &tracking, &complaint), CBD_CHRONY_ACCEPTED);
	assert_int_equal(tracking.reference_id, CBD_CHRONY_LOCAL_ID);
}

static void an_ipv6_reference_has_its_id_and_stratum(void **state)
{
	uint8_t data[128];
	struct cbd_chrony_complaint complaint;
	struct cbd_tracking tracking;

	(void)state;
	unhex(SYNCHRONISED, data);
	unhex("cf 40 4d c8 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 02 00 00 00 04 00 00",
	      data + 28);
	assert_int_equal(cbd_chrony_wire_tracking(data, &tracking, &complaint), CBD_CHRONY_ACCEPTED);
	assert_int_equal(tracking.reference_id, 0xcf404dc8);
	assert_int_equal(tracking.stratum, 4);
	assert_false(tracking.is_refclock);
}

static void recorded_errors_are_refused_with_their_status(void **state)
{
	static const struct {
		const char *packet;
		enum cbd_chrony_command command;
		const char *word;
	} errors[] = {
		{"06 02 00 00 00 21 00 01 00 13 00 00 00 00 00 00 de ad be ef 00 00 00 00 00 00 00 00",
		 CBD_CHRONY_TRACKING, "status 19"},
		{"06 02 00 00 00 21 00 01 00 12 00 00 00 00 00 00 de ad be ef 00 00 00 00 00 00 00 00",
		 CBD_CHRONY_TRACKING, "protocol version 6"},
		{"06 02 00 00 00 42 00 01 00 03 00 00 00 00 00 00 de ad be ef 00 00 00 00 00 00 00 00",
		 CBD_CHRONY_RESET_SOURCES, "status 3"},
	};
	uint8_t data[128];

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct cbd_chrony_complaint complaint = {.text = ""};
		size_t length = unhex(errors[i].packet, data);

		assert_int_equal(
			cbd_chrony_wire_check(data, length, errors[i].command, 0xdeadbeef, &complaint),
			CBD_CHRONY_REFUSED);
		assert_non_null(strstr(complaint.text, errors[i].word));
	}
}

static void a_header_that_is_wrong_in_one_place_gets_its_verdict(void **state)
{
	static const struct {
		size_t offset;
		uint8_t byte;
		enum cbd_chrony_verdict verdict;
	} changes[] = {
		{0, 5, CBD_CHRONY_REFUSED},  /* version */
		{1, 1, CBD_CHRONY_IGNORED},  /* a request */
		{2, 1, CBD_CHRONY_IGNORED},  /* res1 */
		{3, 1, CBD_CHRONY_IGNORED},  /* res2 */
		{5, 34, CBD_CHRONY_IGNORED}, /* command */
		{7, 3, CBD_CHRONY_BROKEN},   /* reply code */
		{9, 1, CBD_CHRONY_REFUSED},  /* status */
		{9, 18, CBD_CHRONY_REFUSED}, /* status: bad protocol version */
		{16, 0, CBD_CHRONY_IGNORED}, /* sequence */
		{19, 0, CBD_CHRONY_IGNORED},
	};
	struct cbd_chrony_complaint complaint;
	uint8_t data[128];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		unhex(SYNCHRONISED, data);
		data[changes[i].offset] = changes[i].byte;
		assert_int_equal(
			cbd_chrony_wire_check(data, 104, CBD_CHRONY_TRACKING, 0xc456cb2f, &complaint),
			changes[i].verdict);
	}
}

static void every_wrong_length_is_ignored_or_broken(void **state)
{
	struct cbd_chrony_complaint complaint;
	uint8_t data[256] = {0};

	(void)state;
	unhex(SYNCHRONISED, data);
	for (size_t length = 0; length < sizeof(data); length++) {
		enum cbd_chrony_verdict expected = length < 28	   ? CBD_CHRONY_IGNORED
						   : length == 104 ? CBD_CHRONY_ACCEPTED
								   : CBD_CHRONY_BROKEN;

		assert_int_equal(
			cbd_chrony_wire_check(data, length, CBD_CHRONY_TRACKING, 0xc456cb2f, &complaint),
			expected);
	}
}

static void a_tracking_field_that_cannot_be_is_refused_by_name(void **state)
{
	static const struct {
		size_t offset;
		uint32_t word;
		const char *name;
	} changes[] = {
		{52, 0x00020004, "leap status 4"},
		{52, 0x00110000, "stratum 17"},
		{48, 0x00030000, "family 3"},
		{64, 1000000000, "reference time"},
		{56, 0xffffffff, "reference time"},
		{92, 0xfd333333, "root delay (s) is negative"},
		{96, 0xfd333333, "root dispersion (s) is negative"},
		{88, 0xfd333333, "skew (ppm) is negative"},
		{100, 0xfd333333, "interval (s) is negative"},
		{68, 0x7f000000, "correction (s) is absurd"},
		{72, 0x7effffff, "last offset (s) is absurd"},
		{80, 0x7effffff, "frequency (ppm) is absurd"},
		{84, 0x7effffff, "residual frequency (ppm) is absurd"},
		{88, 0x7effffff, "skew (ppm) is absurd"},
		{92, 0x0c800000, "root delay (s) is absurd"}, /* 16 s */
		{96, 0x7effffff, "root dispersion (s) is absurd"},
		{92, 0, "root delay is zero"},
		{96, 0, "root dispersion is zero"},
	};
	uint8_t data[128];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct cbd_chrony_complaint complaint = {.text = ""};
		struct cbd_tracking tracking = {.stratum = 99};

		unhex(SYNCHRONISED, data);
		fake_chrony_put32(data, changes[i].offset, changes[i].word);
		assert_int_equal(cbd_chrony_wire_tracking(data, &tracking, &complaint), CBD_CHRONY_BROKEN);
		assert_int_equal(tracking.stratum, 99);
		if (strstr(complaint.text, changes[i].name) == NULL) {
			fail_msg("'%s' does not say '%s'", complaint.text, changes[i].name);
		}
	}
}

static void the_extremes_right_after_a_start_are_taken(void **state)
{
	struct cbd_chrony_complaint complaint;
	struct cbd_tracking tracking;
	uint8_t data[128];

	(void)state;
	unhex(SYNCHRONISED, data);
	fake_chrony_put32(data, 88, 0x2af42400);       /* skew 1e6 ppm */
	fake_chrony_put_float(data, 96, 1000.0);       /* dispersion 1e3 s */
	fake_chrony_put_float(data, 68, -315360000.0); /* ten years fast, with -x */
	fake_chrony_put32(data, 56, 0x7fffffff);       /* a sender whose time_t has 32 bits */
	fake_chrony_put16(data, 52, 16);
	assert_int_equal(cbd_chrony_wire_tracking(data, &tracking, &complaint), CBD_CHRONY_ACCEPTED);
	assert_true(tracking.skew_q58 >= INT64_C(1) << 58);
	assert_true(tracking.root_dispersion_ns >= INT64_C(1000000000000));
	assert_true(tracking.correction_ns == INT64_C(-315360000000000000));
	assert_true(tracking.ref_time_ns == INT64_C(1795394794113299582));
}

static void a_refclock_without_delay_is_taken(void **state)
{
	struct cbd_chrony_complaint complaint;
	struct cbd_tracking tracking;
	uint8_t data[128];

	(void)state;
	unhex(SYNCHRONISED, data);
	fake_chrony_put32(data, 28, 0x50484330);
	fake_chrony_put32(data, 32, 0);
	fake_chrony_put16(data, 48, 0);
	fake_chrony_put32(data, 92, 0);
	assert_int_equal(cbd_chrony_wire_tracking(data, &tracking, &complaint), CBD_CHRONY_ACCEPTED);
	assert_int_equal(tracking.reference_id, 0x50484330);
	assert_true(tracking.is_refclock);
}

/* One source of the fake, decoded. */
static struct cbd_source_data source_of(struct fake_chrony *fake)
{
	struct cbd_chrony_complaint complaint;
	struct cbd_source_data source;

	assert_int_equal(cbd_chrony_wire_source_data(fake->source[0], &source, &complaint),
			 CBD_CHRONY_ACCEPTED);
	return source;
}

static void a_source_ahead_on_the_wire_has_a_negative_offset_here(void **state)
{
	struct fake_chrony fake = {0};
	struct cbd_source_data source;

	(void)state;
	fake_chrony_source(&fake, 0, CBD_SOURCE_UNSELECTED, 17, 0.000125, 0.0005);
	source = source_of(&fake);
	assert_int_equal(source.offset_ns, -125000);
	assert_in_range(source.error_ns, 500000, 500001);
	assert_int_equal(source.since_s, 17);
	assert_int_equal(source.state, CBD_SOURCE_UNSELECTED);
	assert_int_equal(source.mode, 0);
	assert_int_equal(source.reference_id, 0x7f000001);
}

/* It sends what is no number as 0. */
static void a_sample_without_an_error_is_none(void **state)
{
	struct fake_chrony fake = {0};

	(void)state;
	fake_chrony_source(&fake, 0, 0, 17, 0.000125, 0.0);
	assert_int_equal(source_of(&fake).since_s, CBD_SINCE_NEVER);
	fake_chrony_source(&fake, 0, 0, 17, 0.000125, 1e-9);
	assert_int_equal(source_of(&fake).since_s, 17);
}

static void the_mark_changes_with_a_new_sample_and_not_with_its_age_slew_or_error(void **state)
{
	struct fake_chrony fake = {0};
	uint64_t mark;

	(void)state;
	fake_chrony_source(&fake, 0, 0, 17, 0.000125, 0.0005);
	mark = source_of(&fake).mark;
	fake_chrony_put32(fake.source[0], 60, 18);
	fake_chrony_put16(fake.source[0], 52, CBD_SOURCE_SELECTABLE);
	fake_chrony_put_float(fake.source[0], 68, 0.000100);
	assert_true(source_of(&fake).mark == mark);
	fake_chrony_put_float(fake.source[0], 64, 0.000126);
	assert_true(source_of(&fake).mark != mark);
	fake_chrony_source(&fake, 0, 0, 17, 0.000125, 0.00051);
	assert_true(source_of(&fake).mark == mark);
	fake_chrony_source(&fake, 0, 0, 17, 0.000125, 0.0005);
	fake.source[0][31]++;
	assert_true(source_of(&fake).mark != mark);
}

static void a_source_without_ipv4_address_has_no_reference_id(void **state)
{
	struct fake_chrony fake = {0};

	(void)state;
	for (uint16_t family = 0; family <= 3; family++) {
		fake_chrony_source(&fake, 0, 0, CBD_SINCE_NEVER, 0, 0);
		fake_chrony_put16(fake.source[0], 44, family);
		assert_int_equal(source_of(&fake).reference_id, family == 1 ? 0x7f000001 : 0);
		assert_int_equal(source_of(&fake).since_s, CBD_SINCE_NEVER);
	}
}

static void a_source_field_that_cannot_be_is_broken(void **state)
{
	static const struct {
		size_t offset;
		uint32_t word;
	} changes[] = {
		{44, 0x00040000}, /* family */
		{52, 0x00060000}, /* state */
		{52, 0x00000003}, /* mode */
		{68, 0x7effffff}, {72, 0x7effffff}, {72, 0xfd333333},
	};
	struct fake_chrony fake = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct cbd_chrony_complaint complaint;
		struct cbd_source_data source;

		fake_chrony_source(&fake, 0, 0, 17, 0.000125, 0.0005);
		fake_chrony_put32(fake.source[0], changes[i].offset, changes[i].word);
		assert_int_equal(cbd_chrony_wire_source_data(fake.source[0], &source, &complaint),
				 CBD_CHRONY_BROKEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tracking_request_is_the_recorded_one),
		cmocka_unit_test(every_other_request_has_the_length_and_payload_of_the_protocol),
		cmocka_unit_test(a_synchronised_reply_decodes_as_chronyc_prints_it),
		cmocka_unit_test(small_values_keep_their_sign_and_round_up),
		cmocka_unit_test(an_unsynchronised_reply_passes_with_its_constants),
		cmocka_unit_test(local_mode_shows_in_its_reference_id),
		cmocka_unit_test(local_mode_under_another_name_is_given_its_own),
		cmocka_unit_test(an_ipv6_reference_has_its_id_and_stratum),
		cmocka_unit_test(recorded_errors_are_refused_with_their_status),
		cmocka_unit_test(a_header_that_is_wrong_in_one_place_gets_its_verdict),
		cmocka_unit_test(every_wrong_length_is_ignored_or_broken),
		cmocka_unit_test(a_tracking_field_that_cannot_be_is_refused_by_name),
		cmocka_unit_test(the_extremes_right_after_a_start_are_taken),
		cmocka_unit_test(a_refclock_without_delay_is_taken),
		cmocka_unit_test(a_source_ahead_on_the_wire_has_a_negative_offset_here),
		cmocka_unit_test(a_sample_without_an_error_is_none),
		cmocka_unit_test(the_mark_changes_with_a_new_sample_and_not_with_its_age_slew_or_error),
		cmocka_unit_test(a_source_without_ipv4_address_has_no_reference_id),
		cmocka_unit_test(a_source_field_that_cannot_be_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
