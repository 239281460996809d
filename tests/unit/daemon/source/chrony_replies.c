/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bad replies, through the real client: each alone is either ignored, so that the honest answer still counts, or
 * fails the poll with a text that says what was wrong; and the next poll is whole again.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"

/* One change to each reply to one command. */
struct spoiler {
	uint16_t command;
	int change_length; /* added to the length */
	size_t offset;
	uint8_t flip; /* bits turned over at offset */
	const char *text;
};

static void spoil(struct fake_chrony *fake, struct fake_chrony_reply *reply)
{
	const struct spoiler *spoiler = fake->context;

	if (reply->command != spoiler->command) {
		return;
	}
	reply->length = (size_t)((int)reply->length + spoiler->change_length);
	reply->data[spoiler->offset] ^= spoiler->flip;
}

/* Polls once with @spoiler in force, then once more without. */
static void expect_failure(struct fixture *fixture, struct spoiler *spoiler)
{
	fixture->fake.tamper = spoil;
	fixture->fake.context = spoiler;
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	assert_int_equal(fixture->client.failure, CBD_POLL_UNREACHABLE);
	if (strstr(fixture->client.text, spoiler->text) == NULL) {
		fail_msg("'%s' does not say '%s'", fixture->client.text, spoiler->text);
	}
	fixture->fake.tamper = NULL;
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
}

static void a_tracking_reply_that_is_wrong_fails_the_poll_and_says_how(void **state)
{
	struct spoiler spoilers[] = {
		{33, -1, 0, 0, "reply of 103 bytes to command 33, expected 104"},
		{33, -76, 0, 0, "reply of 28 bytes to command 33"},
		{33, 1, 0, 0, "reply of 105 bytes to command 33"},
		{33, 0, 0, 3, "chronyd speaks protocol version 5"},
		{33, 0, 7, 4, "reply code 1 to command 33, expected 5"},
		{33, 0, 9, 1, "status 1 (failed)"},
		{33, 0, 9, 18, "protocol version"},
		{33, 0, 55, 4, "leap status 4"},
		{33, 0, 53, 19, "stratum 17"},
		{33, 0, 49, 2, "family 3"},
		{33, 0, 64, 0x40, "reference time"},
		{33, 0, 92, 1, "root delay (s) is negative"},
		{33, 0, 68, 0x7e, "correction (s) is absurd"},
	};

	for (size_t i = 0; i < sizeof(spoilers) / sizeof(spoilers[0]); i++) {
		expect_failure(*state, &spoilers[i]);
	}
}

static void a_reply_that_is_not_the_answer_is_ignored_until_the_deadline(void **state)
{
	struct spoiler spoilers[] = {
		{33, 0, 1, 3, "1 other datagrams ignored"},   /* packet type */
		{33, 0, 2, 1, "1 other datagrams ignored"},   /* res1 */
		{33, 0, 5, 3, "1 other datagrams ignored"},   /* command */
		{33, 0, 16, 1, "1 other datagrams ignored"},  /* sequence */
		{33, -77, 0, 0, "1 other datagrams ignored"}, /* 27 bytes */
		{33, -104, 0, 0, "1 other datagrams ignored"},
		{33, 1400, 0, 0, "1 other datagrams ignored"}, /* cut by the receiver */
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(spoilers) / sizeof(spoilers[0]); i++) {
		expect_failure(fixture, &spoilers[i]);
		assert_int_equal(fixture->client.stats.ignored, i + 1);
	}
}

static void silence(struct fake_chrony *fake, struct fake_chrony_reply *reply)
{
	(void)fake;
	reply->is_sent = 0;
}

static void silence_fails_the_poll_at_its_deadline_and_not_before(void **state)
{
	struct fixture *fixture = *state;
	int64_t begun_ns = fixture->now_ns;

	fixture->fake.tamper = silence;
	assert_int_equal(cbd_chrony_begin(&fixture->client, begun_ns), CBD_CHRONY_PENDING);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 1);
	assert_int_equal(cbd_chrony_on_timeout(&fixture->client, begun_ns + CBD_CHRONY_TIMEOUT_NS - 1),
			 CBD_CHRONY_PENDING);
	assert_int_equal(cbd_chrony_on_timeout(&fixture->client, begun_ns + CBD_CHRONY_TIMEOUT_NS),
			 CBD_CHRONY_FAILED);
	assert_non_null(strstr(fixture->client.text, "no answer from chronyd"));
	assert_non_null(strstr(fixture->client.text, fixture->client.socket.own_path));
	assert_int_equal(cbd_chrony_on_timeout(&fixture->client, INT64_MAX), CBD_CHRONY_IDLE);
}

/* chronyd was stopped for a while: it answers requests that were given up long ago. */
static void answers_to_earlier_requests_are_never_taken(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(cbd_chrony_begin(&fixture->client, 0), CBD_CHRONY_PENDING);
		assert_int_equal(cbd_chrony_on_timeout(&fixture->client, INT64_MAX), CBD_CHRONY_FAILED);
	}
	fake_chrony_put_float(fixture->fake.tracking, 68, 99.0);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 3);
	fake_chrony_put_float(fixture->fake.tracking, 68, 0.25);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.stats.ignored, 3);
	assert_int_equal(fixture->client.poll.tracking.correction_ns, 250000000);
}

static void an_answer_to_an_earlier_request_that_comes_within_a_poll_is_ignored(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(cbd_chrony_begin(&fixture->client, 0), CBD_CHRONY_PENDING);
	assert_int_equal(cbd_chrony_on_timeout(&fixture->client, INT64_MAX), CBD_CHRONY_FAILED);
	assert_int_equal(cbd_chrony_begin(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 2); /* the old one first */
	assert_int_equal(fixture_go_on(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.stats.ignored, 1);
}

static void an_idle_client_throws_away_what_comes(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_true(fake_chrony_send(&fixture->fake, "junk", 4));
	assert_true(fixture_is_readable(fixture));
	assert_int_equal(cbd_chrony_on_readable(&fixture->client, fixture->now_ns), CBD_CHRONY_IDLE);
	assert_false(fixture_is_readable(fixture));
}

/* A hundred datagrams of every length and content before each honest answer. */
static void flood(struct fake_chrony *fake, struct fake_chrony_reply *reply)
{
	uint8_t junk[300];

	(void)reply;
	for (unsigned i = 0; i < 100; i++) {
		memset(junk, (int)i, sizeof(junk));
		fake_chrony_send(fake, junk, i * 3);
	}
}

static void a_flood_of_junk_hides_no_answer_and_never_holds_the_loop(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	fixture->fake.tamper = flood;
	assert_int_equal(cbd_chrony_begin(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 1);
	assert_int_equal(cbd_chrony_on_readable(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	assert_int_equal(fixture->client.stats.ignored, CBD_CHRONY_RECEIVE_MAX);
	assert_int_equal(fixture_go_on(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.stats.ignored, 400);
}

static void a_flood_without_an_answer_ends_at_the_deadline(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(cbd_chrony_begin(&fixture->client, 0), CBD_CHRONY_PENDING);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 1);
	assert_true(fake_chrony_send(&fixture->fake, "junk", 4));
	assert_int_equal(cbd_chrony_on_readable(&fixture->client, 0), CBD_CHRONY_PENDING);
	for (unsigned i = 0; i < 2 * CBD_CHRONY_RECEIVE_MAX; i++) {
		fake_chrony_send(&fixture->fake, "junk", 4);
	}
	assert_int_equal(cbd_chrony_on_readable(&fixture->client, CBD_CHRONY_TIMEOUT_NS), CBD_CHRONY_FAILED);
}

static void nobody_but_the_connected_chronyd_can_answer(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int stranger = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	memcpy(address.sun_path, fixture->client.socket.own_path, sizeof(address.sun_path));
	assert_int_equal(sendto(stranger, "junk", 4, 0, (const struct sockaddr *)&address, sizeof(address)),
			 -1);
	assert_int_equal(errno, EPERM);
	close(stranger);
}

static void a_chronyd_that_takes_no_requests_is_waited_for_and_then_failed(void **state)
{
	struct fixture *fixture = *state;
	enum cbd_chrony_result result = CBD_CHRONY_FAILED;
	int polls = 0;

	/* Nobody serves: the queue fills up, and no call blocks. */
	while (polls < 10000 && strstr(fixture->client.text, "takes no more requests") == NULL) {
		assert_int_equal(cbd_chrony_begin(&fixture->client, 0), CBD_CHRONY_PENDING);
		result = cbd_chrony_on_timeout(&fixture->client, INT64_MAX);
		assert_int_equal(result, CBD_CHRONY_FAILED);
		polls++;
	}
	assert_true(polls > 1 && polls < 10000);
	fake_chrony_serve(&fixture->fake);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
}

static void unsynchronised_constants_and_local_mode_are_passed_to_the_core(void **state)
{
	struct fixture *fixture = *state;

	fake_chrony_put32(fixture->fake.tracking, 52, 3);
	fake_chrony_put32(fixture->fake.tracking, 28, 0);
	fake_chrony_put_float(fixture->fake.tracking, 92, 1.0);
	fake_chrony_put_float(fixture->fake.tracking, 96, 1.0);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.poll.tracking.leap_status, 3);
	fake_chrony_put32(fixture->fake.tracking, 52, 0x00010000);
	fake_chrony_put32(fixture->fake.tracking, 28, CBD_CHRONY_LOCAL_ID);
	fake_chrony_put32(fixture->fake.tracking, 92, 0);
	fake_chrony_put32(fixture->fake.tracking, 96, 0);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.poll.tracking.reference_id, CBD_CHRONY_LOCAL_ID);
}

static void floats_at_their_extremes_are_taken_or_named(void **state)
{
	struct fixture *fixture = *state;

	fake_chrony_put_float(fixture->fake.tracking, 88, 1e6);
	fake_chrony_put_float(fixture->fake.tracking, 96, 1e3);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_true(fixture->client.poll.tracking.skew_q58 > INT64_C(1) << 58);
	assert_in_range(fixture->client.poll.tracking.root_dispersion_ns, 1000000000000, 1000000200000);
	fake_chrony_put_float(fixture->fake.tracking, 92, -0.001);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	assert_non_null(strstr(fixture->client.text, "root delay (s) is negative"));
}

static void sources_that_chronyd_refuses_leave_tracking_alone(void **state)
{
	static const uint16_t statuses[] = {2, 3, 4, 18, 19};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 2 * sizeof(statuses) / sizeof(statuses[0]); i++) {
		uint16_t command = i % 2 == 0 ? 14 : 15;

		fixture->fake.status[command] = statuses[i / 2];
		assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
		assert_false(fixture->client.poll.has_source_data);
		assert_int_equal(fixture->client.poll.sources, 0);
		assert_int_equal(fixture->client.told, command == 14 ? 0 : 1);
		assert_string_not_equal(fixture->client.source_text, "");
		assert_int_equal(fixture->client.poll.tracking.stratum, 2);
		fixture->fake.status[command] = 0;
	}
	assert_int_equal(fixture->client.stats.refusals, 10);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_true(fixture->client.poll.has_source_data);
}

static void a_source_that_vanishes_within_a_poll_leaves_tracking_alone(void **state)
{
	struct fixture *fixture = *state;

	fixture->fake.sources = 2;
	fake_chrony_source(&fixture->fake, 1, CBD_SOURCE_UNSELECTED, 3, 0, 0.001);
	assert_int_equal(cbd_chrony_begin(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	for (int i = 0; i < 3; i++) { /* Select_Data, Tracking, N_Sources */
		assert_int_equal(fake_chrony_serve(&fixture->fake), 1);
		assert_int_equal(cbd_chrony_on_readable(&fixture->client, fixture->now_ns),
				 CBD_CHRONY_PENDING);
	}
	fixture->fake.sources = 1;
	assert_int_equal(fixture_go_on(fixture), CBD_CHRONY_DONE);
	assert_false(fixture->client.poll.has_source_data);
	assert_non_null(strstr(fixture->client.source_text, "no such source"));
}

static void a_source_reply_that_is_broken_leaves_tracking_alone(void **state)
{
	struct spoiler spoilers[] = {
		{15, -1, 0, 0, "reply of 75 bytes"},
		{15, 1, 0, 0, "reply of 77 bytes"},
		{15, 0, 7, 5, "reply code 6"},
		{15, 0, 53, 6, "source state 6"},
		{15, 0, 72, 0x80, "error of the latest"},
		{14, 4, 0, 0, "reply of 36 bytes"},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(spoilers) / sizeof(spoilers[0]); i++) {
		fixture->fake.tamper = spoil;
		fixture->fake.context = &spoilers[i];
		assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
		assert_false(fixture->client.poll.has_source_data);
		assert_non_null(strstr(fixture->client.source_text, spoilers[i].text));
	}
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(a_tracking_reply_that_is_wrong_fails_the_poll_and_says_how),
		WITH_FIXTURE(a_reply_that_is_not_the_answer_is_ignored_until_the_deadline),
		WITH_FIXTURE(silence_fails_the_poll_at_its_deadline_and_not_before),
		WITH_FIXTURE(answers_to_earlier_requests_are_never_taken),
		WITH_FIXTURE(an_answer_to_an_earlier_request_that_comes_within_a_poll_is_ignored),
		WITH_FIXTURE(an_idle_client_throws_away_what_comes),
		WITH_FIXTURE(a_flood_of_junk_hides_no_answer_and_never_holds_the_loop),
		WITH_FIXTURE(a_flood_without_an_answer_ends_at_the_deadline),
		WITH_FIXTURE(nobody_but_the_connected_chronyd_can_answer),
		WITH_FIXTURE(a_chronyd_that_takes_no_requests_is_waited_for_and_then_failed),
		WITH_FIXTURE(unsynchronised_constants_and_local_mode_are_passed_to_the_core),
		WITH_FIXTURE(floats_at_their_extremes_are_taken_or_named),
		WITH_FIXTURE(sources_that_chronyd_refuses_leave_tracking_alone),
		WITH_FIXTURE(a_source_that_vanishes_within_a_poll_leaves_tracking_alone),
		WITH_FIXTURE(a_source_reply_that_is_broken_leaves_tracking_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
