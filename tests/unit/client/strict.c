/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict reads: VMClock's marker is looked at after the counter, and another one than the page's is never valid.
 * Compiled twice: the inline functions, and their exported twins.
 */
#include "tests/unit/client/world.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "client/src/context.h"
#include "tests/unit/client/twins.h"

static struct clockbound_page page;
static uint64_t marker; /* VMClock's, little-endian */
static const clockbound_fast fast = {&page, &page.control.epochs, NULL, 0, 0, &marker};
static const clockbound_fast lax = {&page, &page.control.epochs, NULL, 0, 0, NULL};

static void set_slots(uint64_t vm_marker, uint32_t vm_flags)
{
	int i;

	for (i = 0; i < 2; i++) {
		page.slot[i].hot.vm_marker = vm_marker;
		page.slot[i].hot.vm_flags = vm_flags;
	}
}

static int begin(void **state)
{
	if (world_reset(state) != 0) {
		return -1;
	}
	world_page(&page);
	marker = htole64(UINT64_C(0x1122334455667788));
	set_slots(UINT64_C(0x1122334455667788), CLOCKBOUND_VM_WATCHED);
	return 0;
}

static void a_strict_read_is_the_lax_one_while_the_marker_is_the_pages(void **state)
{
	clockbound_interval strict;
	clockbound_interval other;

	(void)state;
	world_pass(1000000);
	assert_int_equal(clockbound_fast_now_strict(&fast, &strict), CLOCKBOUND_FAST_OK);
	assert_int_equal(clockbound_fast_now(&fast, &other), CLOCKBOUND_FAST_OK);
	assert_memory_equal(&strict, &other, sizeof(strict));
	clockbound_interval_now_strict(&fast, &strict);
	assert_memory_equal(&strict, &other, sizeof(strict));
	clockbound_fast_slow_strict(&fast, &strict);
	assert_memory_equal(&strict, &other, sizeof(strict));
}

static void assert_migrated(const clockbound_interval *interval)
{
	assert_int_equal(interval->status & CLOCKBOUND_VALID, 0);
	assert_int_equal(CLOCKBOUND_STATUS_OF(interval->status), CLOCKBOUND_STATUS_DISRUPTED);
	assert_true((interval->status & CLOCKBOUND_REASON_MIGRATED) != 0);
	assert_true(interval->earliest_ns == INT64_MIN);
	assert_true(interval->latest_ns == INT64_MAX);
}

static void any_other_marker_is_seen_at_the_first_read(void **state)
{
	static const uint64_t markers[] = {0,
					   1,
					   UINT64_C(0x1122334455667787),
					   UINT64_C(0x1122334455667789),
					   UINT64_C(0x9122334455667788),
					   UINT64_MAX};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(markers) / sizeof(markers[0]); k++) {
		clockbound_interval interval;

		marker = htole64(markers[k]);
		world_fill(&interval, sizeof(interval));
		assert_int_equal(clockbound_fast_now_strict(&fast, &interval), CLOCKBOUND_FAST_CANNOT);
		clockbound_interval_now_strict(&fast, &interval);
		assert_migrated(&interval);
		clockbound_fast_slow_strict(&fast, &interval);
		assert_migrated(&interval);
		/* Those who do not look go on. */
		assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
		assert_true((interval.status & CLOCKBOUND_VALID) != 0);
	}
}

static void a_marker_of_0_is_one_like_any_other(void **state)
{
	clockbound_interval interval;

	(void)state;
	marker = 0;
	set_slots(0, CLOCKBOUND_VM_WATCHED);
	assert_int_equal(clockbound_fast_now_strict(&fast, &interval), CLOCKBOUND_FAST_OK);
	marker = htole64(1);
	assert_int_equal(clockbound_fast_now_strict(&fast, &interval), CLOCKBOUND_FAST_CANNOT);
}

static void a_page_that_nobody_watches_for_has_no_strict_answer(void **state)
{
	clockbound_interval interval;

	(void)state;
	set_slots(UINT64_C(0x1122334455667788), CLOCKBOUND_VM_DISRUPTION_SOON);
	assert_int_equal(clockbound_fast_now_strict(&fast, &interval), CLOCKBOUND_FAST_CANNOT);
	clockbound_interval_now_strict(&fast, &interval);
	assert_int_equal(interval.status & CLOCKBOUND_VALID, 0);
	assert_true((interval.status & CLOCKBOUND_REASON_UNWATCHED) != 0);
}

static void a_handle_that_was_not_opened_for_it_has_none_either(void **state)
{
	clockbound_interval interval;

	(void)state;
	assert_int_equal(clockbound_fast_now_strict(&lax, &interval), CLOCKBOUND_FAST_CANNOT);
	clockbound_interval_now_strict(&lax, &interval);
	assert_int_equal(interval.status & CLOCKBOUND_VALID, 0);
	assert_true((interval.status & CLOCKBOUND_REASON_UNWATCHED) != 0);
}

static void without_lines(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		page.slot[i].hot.short_after = 0;
		page.slot[i].hot.stale_after = 0;
		page.slot[i].hot.void_after = 0;
	}
}

/* The clock is read where the counter cannot be: the marker is looked at after it. */
static void move_at_the_clock(int clock)
{
	if (clock == CLOCK_REALTIME) {
		marker = htole64(9);
	}
}

static void a_move_while_the_slow_path_reads_the_clock_is_seen(void **state)
{
	clockbound_interval interval;

	(void)state;
	without_lines();
	clockbound_interval_now_strict(&fast, &interval);
	assert_true((interval.status & CLOCKBOUND_VALID) != 0);
	assert_int_equal(interval.source, CLOCKBOUND_SOURCE_CLOCK);
	world.on_clock = move_at_the_clock;
	clockbound_interval_now_strict(&fast, &interval);
	assert_migrated(&interval);
}

/* A publication falls into each round: the slot's marker and the answer may not belong together. */
static void publish_at_the_clock(int clock)
{
	if (clock == CLOCK_REALTIME) {
		page.control.seq += 2;
	}
}

static void a_page_that_never_rests_is_given_up(void **state)
{
	clockbound_interval interval;

	(void)state;
	without_lines();
	world.on_clock = publish_at_the_clock;
	clockbound_interval_now_strict(&fast, &interval);
	assert_int_equal(interval.status & CLOCKBOUND_VALID, 0);
	assert_true((interval.status & CLOCKBOUND_REASON_INCONSISTENT) != 0);
}

static void waiting_and_upstreams_call_are_strict_on_a_strict_handle(void **state)
{
	struct clockbound_ctx context = {.fast = fast};
	clockbound_now_result result;
	clockbound_interval interval;

	(void)state;
	assert_int_equal(clockbound_wait_until_past(&fast, 0, 0, &interval), CLOCKBOUND_WAIT_PAST);
	assert_null(clockbound_now(&context, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_SYNCHRONIZED);
	marker = 0;
	assert_int_equal(clockbound_wait_until_past(&fast, 0, 0, &interval), CLOCKBOUND_WAIT_NOT_VALID);
	assert_null(clockbound_now(&context, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_DISRUPTED);
	assert_int_equal(clockbound_wait_until_past(&lax, 0, 0, &interval), CLOCKBOUND_WAIT_PAST);
}

static void opening_strictly_without_a_daemon_says_so_and_opens_nothing(void **state)
{
	clockbound_err err;

	(void)state;
	assert_null(clockbound_fast_open_strict(world_file("page", &page, sizeof(page)), &err));
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SYSCALL);
	assert_non_null(strstr(err.detail, "clockbound.sock"));
	assert_null(clockbound_fast_open_strict(world_path("nothing"), &err));
	assert_non_null(strstr(err.detail, "nothing"));
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, world_remove)
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_strict_read_is_the_lax_one_while_the_marker_is_the_pages),
		IN_WORLD(any_other_marker_is_seen_at_the_first_read),
		IN_WORLD(a_marker_of_0_is_one_like_any_other),
		IN_WORLD(a_page_that_nobody_watches_for_has_no_strict_answer),
		IN_WORLD(a_handle_that_was_not_opened_for_it_has_none_either),
		IN_WORLD(a_move_while_the_slow_path_reads_the_clock_is_seen),
		IN_WORLD(a_page_that_never_rests_is_given_up),
		IN_WORLD(waiting_and_upstreams_call_are_strict_on_a_strict_handle),
		IN_WORLD(opening_strictly_without_a_daemon_says_so_and_opens_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
