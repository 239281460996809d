/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's state machine when chronyd is honest: the order of a poll, what it keeps, starting over, resets,
 * and every way in which chronyd goes away and comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static void a_poll_brings_tracking_and_every_source_between_two_anchors(void **state)
{
	struct fixture *fixture = *state;
	const struct cbd_poll *poll = &fixture->client.poll;

	fixture->fake.sources = 3;
	fake_chrony_source(&fixture->fake, 0, CBD_SOURCE_UNSELECTED, 5, -0.00001, 0.0007);
	fake_chrony_source(&fixture->fake, 1, CBD_SOURCE_SELECTED, 3, 0.00002, 0.0007);
	fake_chrony_source(&fixture->fake, 2, CBD_SOURCE_FALSETICKER, CBD_SINCE_NEVER, 0, 0);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_true(poll->has_source_data);
	assert_int_equal(poll->sources, 3);
	assert_int_equal(poll->source[0].offset_ns, 10000);
	assert_int_equal(poll->source[1].offset_ns, -20000);
	assert_int_equal(poll->source[1].state, CBD_SOURCE_SELECTED);
	assert_int_equal(poll->source[2].since_s, CBD_SINCE_NEVER);
	assert_int_equal(poll->tracking.correction_ns, 250000000);
	assert_true(poll->before.real.counter < poll->after.real.counter);
	assert_int_equal(fixture->fake.requests[33], 2);
	assert_int_equal(fixture->fake.requests[14], 1);
	assert_int_equal(fixture->fake.requests[15], 3);
	assert_true(cbd_chrony_deadline_ns(&fixture->client) == INT64_MAX);
	assert_string_equal(fixture->client.source_text, "");
}

static void a_second_poll_uses_the_same_socket_and_descriptor(void **state)
{
	struct fixture *fixture = *state;
	int fd = cbd_chrony_fd(&fixture->client);

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.socket.opened, 1);
	assert_int_equal(cbd_chrony_fd(&fixture->client), fd);
	assert_int_equal(fixture->client.stats.ignored, 0);
}

static void a_poll_begun_twice_is_one_poll(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(cbd_chrony_begin(&fixture->client, 0), CBD_CHRONY_PENDING);
	assert_int_equal(cbd_chrony_begin(&fixture->client, 500), CBD_CHRONY_PENDING);
	assert_int_equal(cbd_chrony_deadline_ns(&fixture->client), CBD_CHRONY_TIMEOUT_NS);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 1);
}

static void every_request_has_a_sequence_of_its_own(void **state)
{
	struct fixture *fixture = *state;
	uint8_t first[4];

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	memcpy(first, fixture->fake.last + 8, 4);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_memory_not_equal(first, fixture->fake.last + 8, 4);
}

/* More sources than are kept, the selected one last: it is kept, and so are those combined with it. */
static void the_selected_source_is_kept_however_many_there_are(void **state)
{
	struct fixture *fixture = *state;
	const struct cbd_poll *poll = &fixture->client.poll;
	unsigned selected = 0;
	unsigned combined = 0;

	fixture->fake.sources = 64;
	for (uint32_t i = 0; i < 64; i++) {
		fake_chrony_source(&fixture->fake, i,
				   i == 63	 ? CBD_SOURCE_SELECTED
				   : i % 16 == 5 ? CBD_SOURCE_UNSELECTED
						 : CBD_SOURCE_NONSELECTABLE,
				   1, 0, 0.001);
	}
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_true(poll->has_source_data);
	assert_int_equal(poll->sources, CBD_SOURCES_MAX);
	for (uint32_t i = 0; i < poll->sources; i++) {
		selected += poll->source[i].state == CBD_SOURCE_SELECTED;
		combined += poll->source[i].state == CBD_SOURCE_UNSELECTED;
	}
	assert_int_equal(selected, 1);
	assert_int_equal(combined, 4);
}

static void a_selected_source_beyond_those_asked_leaves_no_source_data(void **state)
{
	struct fixture *fixture = *state;

	fixture->fake.sources = 65;
	for (uint32_t i = 0; i < 65; i++) {
		fake_chrony_source(&fixture->fake, i,
				   i == 64 ? CBD_SOURCE_SELECTED : CBD_SOURCE_NONSELECTABLE, 1, 0, 0.001);
	}
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->fake.requests[15], CBD_CHRONY_ASKED_MAX);
	assert_false(fixture->client.poll.has_source_data);
	assert_int_equal(fixture->client.poll.sources, 0);
}

static void no_sources_are_all_sources(void **state)
{
	struct fixture *fixture = *state;

	fixture->fake.sources = 0;
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_true(fixture->client.poll.has_source_data);
	assert_int_equal(fixture->client.poll.sources, 0);
}

/* chrony 4.0 and later know Select_Data, and count since_sample of NTP sources from the whole second. */
static void what_kind_of_chronyd_it_is_is_asked_once_for_each_connection(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_true(fixture->client.poll.is_since_whole);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_true(fixture->client.poll.is_since_whole);
	assert_int_equal(fixture->fake.requests[69], 1);
	fake_chrony_stop(&fixture->fake);
	assert_true(fake_chrony_start(&fixture->fake)); /* an older one takes its place */
	fixture->fake.status[69] = 3;
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_false(fixture->client.poll.is_since_whole);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_false(fixture->client.poll.is_since_whole);
	assert_int_equal(fixture->fake.requests[69], 2);
}

static void a_chronyd_without_sources_knows_select_data_all_the_same(void **state)
{
	struct fixture *fixture = *state;

	fixture->fake.sources = 0;
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_true(fixture->client.poll.is_since_whole);
}

static void say_nothing_of_select_data(struct fake_chrony *fake, struct fake_chrony_reply *reply)
{
	(void)fake;
	reply->is_sent = reply->command != 69;
}

static void a_chronyd_that_does_not_say_what_kind_it_is_is_asked_three_times(void **state)
{
	struct fixture *fixture = *state;
	unsigned i;

	fixture->fake.tamper = say_nothing_of_select_data;
	for (i = 0; i < CBD_CHRONY_KIND_TRIES; i++) {
		assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	}
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_false(fixture->client.poll.is_since_whole);
	assert_int_equal(fixture->fake.requests[69], CBD_CHRONY_KIND_TRIES);
}

/* chronyd updates its clock after every *context-th Tracking. */
static void update_after_tracking(struct fake_chrony *fake, struct fake_chrony_reply *reply)
{
	unsigned *updates = fake->context;

	if (reply->command == 33 && *updates > 0 && reply->number % 2 == 1) {
		(*updates)--;
		fake->tracking[63]++;
	}
}

static void an_update_between_the_two_trackings_starts_the_poll_over_with_a_new_anchor(void **state)
{
	struct fixture *fixture = *state;
	unsigned updates = 1;
	int64_t begun_ns;

	fixture->fake.tamper = update_after_tracking;
	fixture->fake.context = &updates;
	assert_int_equal(cbd_chrony_begin(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	begun_ns = fixture->client.poll.before.mono_ns;
	assert_int_equal(fixture_go_on(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.stats.restarts, 1);
	assert_int_equal(fixture->fake.requests[33], 4);
	assert_true(fixture->client.poll.before.mono_ns > begun_ns);
	assert_int_equal(fixture->client.poll.sources, 1);
	assert_true(fixture->client.poll.tracking.ref_time_ns == INT64_C(1795394795113299582));
}

/* The correction of each of both, so that the core sees X move in between. */
static void both_trackings_come_with_the_poll(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(cbd_chrony_begin(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 1);
	fake_chrony_put_float(fixture->fake.tracking, 68, 0.125);
	assert_int_equal(fixture_go_on(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.poll.again.correction_ns, 125000000);
	assert_int_not_equal(fixture->client.poll.tracking.correction_ns, 125000000);
	assert_true(fixture->client.poll.again.ref_time_ns == fixture->client.poll.tracking.ref_time_ns);
}

static void updates_that_never_stop_leave_the_poll_unsettled(void **state)
{
	struct fixture *fixture = *state;
	unsigned updates = 1000;

	fixture->fake.tamper = update_after_tracking;
	fixture->fake.context = &updates;
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	assert_int_equal(fixture->client.failure, CBD_POLL_UNSETTLED);
	assert_int_equal(fixture->fake.requests[33], 2 * (CBD_CHRONY_RESTARTS_MAX + 1));
	updates = 0;
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
}

static void another_reference_at_the_same_time_is_an_update_too(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(cbd_chrony_begin(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 1);
	fake_chrony_put32(fixture->fake.tracking, 28, 0x7f000002);
	assert_int_equal(fixture_go_on(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.stats.restarts, 1);
	assert_int_equal(fixture->client.poll.tracking.reference_id, 0x7f000002);
}

/* chronyd up to 3.5 gives local mode a new time at every request. */
static void local_mode_need_not_stand_still(void **state)
{
	struct fixture *fixture = *state;
	unsigned updates = 1000;

	fake_chrony_put32(fixture->fake.tracking, 28, CBD_CHRONY_LOCAL_ID);
	fixture->fake.tamper = update_after_tracking;
	fixture->fake.context = &updates;
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.stats.restarts, 0);
}

static void a_reset_goes_before_the_poll_once_and_asks_for_a_burst(void **state)
{
	struct fixture *fixture = *state;

	cbd_chrony_request_reset(&fixture->client);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->fake.requests[66], 1);
	assert_int_equal(fixture->fake.requests[3], 1);
	assert_string_equal(fixture->client.reset_text, "");
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->fake.requests[66], 1);
}

static void a_reset_that_chronyd_does_not_know_is_told_and_fails_nothing(void **state)
{
	struct fixture *fixture = *state;

	fixture->fake.status[66] = 3;
	fixture->fake.status[3] = 4;
	cbd_chrony_request_reset(&fixture->client);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_non_null(strstr(fixture->client.reset_text, "Reset_Sources: chronyd answered command 66 with "
							   "status 3"));
	assert_true(fixture->client.poll.has_source_data);
}

static void a_reset_waits_for_a_chronyd_that_is_not_there(void **state)
{
	struct fixture *fixture = *state;

	fake_chrony_stop(&fixture->fake);
	cbd_chrony_request_reset(&fixture->client);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	assert_true(fake_chrony_start(&fixture->fake));
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->fake.requests[66], 1);
}

static void a_chronyd_that_never_started_is_named_with_its_path(void **state)
{
	struct fixture *fixture = *state;

	fake_chrony_stop(&fixture->fake);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	assert_int_equal(fixture->client.failure, CBD_POLL_UNREACHABLE);
	assert_non_null(strstr(fixture->client.text, fixture->fake.path));
	assert_non_null(strstr(fixture->client.text, "not running"));
	assert_true(fake_chrony_start(&fixture->fake));
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
}

static void a_chronyd_that_was_killed_is_unreachable_until_it_is_back(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	fake_chrony_kill(&fixture->fake);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	assert_non_null(strstr(fixture->client.text, "chronyd is not running"));
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	assert_true(fake_chrony_start(&fixture->fake));
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
}

static void a_restart_between_two_polls_loses_none(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	fake_chrony_stop(&fixture->fake);
	assert_true(fake_chrony_start(&fixture->fake));
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.socket.opened, 2);
	assert_int_equal(fixture->client.stats.failures, 0);
}

static void a_restart_within_a_poll_fails_that_poll_alone(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(cbd_chrony_begin(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 1);
	fake_chrony_stop(&fixture->fake);
	assert_true(fake_chrony_start(&fixture->fake));
	assert_int_equal(fixture_go_on(fixture), CBD_CHRONY_FAILED);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
}

static void a_run_directory_removed_and_made_again_is_bound_anew(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	fake_chrony_kill(&fixture->fake);
	fake_chrony_remove_directory(&fixture->fake);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	assert_true(fake_chrony_start(&fixture->fake));
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(stat(fixture->client.socket.own_path, &status), 0);
	assert_non_null(strstr(fixture->client.socket.own_path, fixture->fake.directory));
}

/* The directory goes and comes while chronyd's old socket still is open somewhere. */
static void an_own_path_that_vanished_is_bound_anew_at_the_next_poll(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(unlink(fixture->client.socket.own_path), 0);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(fixture->client.socket.opened, 2);
}

static void another_chronyd_at_the_same_path_is_the_one_asked(void **state)
{
	struct fixture *fixture = *state;
	int old = -1;

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	old = fixture->fake.fd; /* stays open, and would take requests for ever */
	assert_true(fake_chrony_start(&fixture->fake));
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	close(old);
}

/* The daemon is stopped with the last answer in its queue, and goes on seconds later. */
static void an_answer_that_waited_past_the_deadline_is_none(void **state)
{
	struct fixture *fixture = *state;
	enum cbd_chrony_result result = cbd_chrony_begin(&fixture->client, fixture->now_ns);

	while (fixture->fake.requests[33] < 2) {
		assert_int_equal(result, CBD_CHRONY_PENDING);
		if (fake_chrony_serve(&fixture->fake) > 0 && fixture->fake.requests[33] < 2) {
			result = cbd_chrony_on_readable(&fixture->client, fixture->now_ns);
		}
	}
	fixture->now_ns = cbd_chrony_deadline_ns(&fixture->client) + INT64_C(4000000000);
	assert_int_equal(cbd_chrony_on_readable(&fixture->client, fixture->now_ns), CBD_CHRONY_FAILED);
	assert_int_equal(fixture->client.failure, CBD_POLL_UNSETTLED);
	assert_true(fixture->client.is_late);
	assert_false(fixture_is_readable(fixture));
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
}

/* Stopped after the loop took the time, and before the answer was taken from the queue. */
static void a_stop_within_the_last_wake_up_is_seen_in_the_clock(void **state)
{
	struct fixture *fixture = *state;
	enum cbd_chrony_result result = cbd_chrony_begin(&fixture->client, fixture->now_ns);
	int64_t told_ns = fixture->now_ns;

	while (fixture->fake.requests[33] < 2) {
		assert_int_equal(result, CBD_CHRONY_PENDING);
		if (fake_chrony_serve(&fixture->fake) > 0 && fixture->fake.requests[33] < 2) {
			result = cbd_chrony_on_readable(&fixture->client, fixture->now_ns);
		}
	}
	fixture->now_ns += INT64_C(4000000000);
	assert_int_equal(cbd_chrony_on_readable(&fixture->client, told_ns), CBD_CHRONY_FAILED);
	assert_true(fixture->client.is_late);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
}

/* A timer that is looked at before the socket, at the same wake-up. */
static void a_late_timer_tells_an_answer_that_is_there_from_a_chronyd_that_hangs(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(cbd_chrony_begin(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	assert_int_equal(fake_chrony_serve(&fixture->fake), 1);
	fixture->now_ns = cbd_chrony_deadline_ns(&fixture->client);
	assert_int_equal(cbd_chrony_on_timeout(&fixture->client, fixture->now_ns), CBD_CHRONY_FAILED);
	assert_true(fixture->client.is_late);
	assert_int_equal(cbd_chrony_begin(&fixture->client, fixture->now_ns), CBD_CHRONY_PENDING);
	fixture->now_ns = cbd_chrony_deadline_ns(&fixture->client);
	assert_int_equal(cbd_chrony_on_timeout(&fixture->client, fixture->now_ns), CBD_CHRONY_FAILED);
	assert_false(fixture->client.is_late);
	assert_int_equal(fixture->client.failure, CBD_POLL_UNREACHABLE);
}

static void clocks_that_cannot_be_read_fail_the_poll(void **state)
{
	struct fixture *fixture = *state;

	fixture->is_broken = true;
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_FAILED);
	assert_non_null(strstr(fixture->client.text, "clocks"));
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(a_poll_brings_tracking_and_every_source_between_two_anchors),
		WITH_FIXTURE(a_second_poll_uses_the_same_socket_and_descriptor),
		WITH_FIXTURE(a_poll_begun_twice_is_one_poll),
		WITH_FIXTURE(every_request_has_a_sequence_of_its_own),
		WITH_FIXTURE(the_selected_source_is_kept_however_many_there_are),
		WITH_FIXTURE(a_selected_source_beyond_those_asked_leaves_no_source_data),
		WITH_FIXTURE(no_sources_are_all_sources),
		WITH_FIXTURE(what_kind_of_chronyd_it_is_is_asked_once_for_each_connection),
		WITH_FIXTURE(a_chronyd_without_sources_knows_select_data_all_the_same),
		WITH_FIXTURE(a_chronyd_that_does_not_say_what_kind_it_is_is_asked_three_times),
		WITH_FIXTURE(an_update_between_the_two_trackings_starts_the_poll_over_with_a_new_anchor),
		WITH_FIXTURE(both_trackings_come_with_the_poll),
		WITH_FIXTURE(updates_that_never_stop_leave_the_poll_unsettled),
		WITH_FIXTURE(another_reference_at_the_same_time_is_an_update_too),
		WITH_FIXTURE(local_mode_need_not_stand_still),
		WITH_FIXTURE(a_reset_goes_before_the_poll_once_and_asks_for_a_burst),
		WITH_FIXTURE(a_reset_that_chronyd_does_not_know_is_told_and_fails_nothing),
		WITH_FIXTURE(a_reset_waits_for_a_chronyd_that_is_not_there),
		WITH_FIXTURE(a_chronyd_that_never_started_is_named_with_its_path),
		WITH_FIXTURE(a_chronyd_that_was_killed_is_unreachable_until_it_is_back),
		WITH_FIXTURE(a_restart_between_two_polls_loses_none),
		WITH_FIXTURE(a_restart_within_a_poll_fails_that_poll_alone),
		WITH_FIXTURE(a_run_directory_removed_and_made_again_is_bound_anew),
		WITH_FIXTURE(an_own_path_that_vanished_is_bound_anew_at_the_next_poll),
		WITH_FIXTURE(another_chronyd_at_the_same_path_is_the_one_asked),
		WITH_FIXTURE(an_answer_that_waited_past_the_deadline_is_none),
		WITH_FIXTURE(a_stop_within_the_last_wake_up_is_seen_in_the_clock),
		WITH_FIXTURE(a_late_timer_tells_an_answer_that_is_there_from_a_chronyd_that_hangs),
		WITH_FIXTURE(clocks_that_cannot_be_read_fail_the_poll),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
