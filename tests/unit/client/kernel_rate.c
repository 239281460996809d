/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates of the clock that the slot has not seen: what a read of the clock is widened by, and when that is not known.
 */
#include "tests/unit/client/kernel_home.h"

static void a_rate_that_the_slot_has_not_seen_widens_by_its_change_times_the_age(void **state)
{
	clockbound_fast *fast = opened();
	clockbound_interval interval;

	(void)state;
	page->slot[0].clock.rate_sum = UINT64_MAX - 9; /* sums wrap */
	kernel->rate_sum = page->slot[0].clock.rate_sum;
	world_pass(2000000000);
	interval = clock_now(fast);
	assert_int_equal(interval.latest_ns, world.real_ns + 62000);
	kernel->epochs.rate_epoch = 1;
	kernel->rate_sum += 1; /* 2^-58 for 2 s: less than 1 ns, rounded up to it */
	interval = clock_now(fast);
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_int_equal(interval.latest_ns, world.real_ns + 62001);
	assert_int_equal(interval.earliest_ns, world.real_ns - 62001);
	kernel->rate_sum = page->slot[0].clock.rate_sum + (UINT64_C(1) << 38); /* 2^-20, 1.5 times */
	assert_int_equal(clock_now(fast).latest_ns, world.real_ns + 62000 + 2862);
	kernel->rate_sum = page->slot[0].clock.rate_sum - 1; /* more than anything can be */
	interval = clock_now(fast);
	assert_true(interval.latest_ns - interval.earliest_ns > INT64_C(100000000000));
	clockbound_fast_close(fast);
}

/* The age is the clock's own: one that has become slow by @rate tells 1 - rate of the true one. */
static void a_clock_that_has_become_slow_is_charged_for_its_own_short_age(void **state)
{
	clockbound_fast *fast = opened();
	int permille;

	(void)state;
	kernel->epochs.rate_epoch = 1;
	for (permille = 0; permille <= 226; permille++) {
		int64_t slow_ns = INT64_C(1000000) * permille; /* after one true second */
		clockbound_interval interval;

		(void)world_reset(state);
		kernel->rate_sum = page->slot[0].clock.rate_sum +
				   (uint64_t)permille * ((UINT64_C(1) << CLOCKBOUND_RATE_SHIFT) / 1000 + 1);
		world_pass(INT64_C(1000000000) - slow_ns);
		interval = clock_now(fast);
		assert_int_equal(interval.status, SYNCHRONIZED);
		assert_true(interval.latest_ns - world.real_ns >= 61000 + slow_ns);
	}
	clockbound_fast_close(fast);
}

/* The sum begins anew after 64.0: what is left of it then says nothing. */
static void a_sum_of_more_changes_than_it_can_hold_is_not_believed(void **state)
{
	clockbound_fast *fast = opened();
	clockbound_interval interval;

	(void)state;
	kernel->rate_sum = 1000;
	kernel->epochs.rate_epoch = 64;
	interval = clock_now(fast);
	assert_int_equal(interval.status, SYNCHRONIZED);
	kernel->epochs.rate_epoch = 65;
	interval = clock_now(fast);
	assert_int_equal(interval.status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_SURPRISE);
	kernel->epochs.rate_epoch = 322; /* there and back 322 times by a fifth: 64.4 */
	assert_int_equal(clock_now(fast).status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_SURPRISE);
	page->slot[0].clock.rate_epoch = 300;
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	page->slot[0].clock.rate_epoch = UINT32_MAX - 3; /* the number begins anew too */
	kernel->epochs.rate_epoch = 60;
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	kernel->epochs.rate_epoch = 61;
	assert_int_equal(clock_now(fast).status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_SURPRISE);
	clockbound_fast_close(fast);
}

static void a_stamp_under_a_rate_that_only_the_kernel_has_seen_is_not_answered(void **state)
{
	clockbound_fast *fast = opened();
	clockbound_interval interval;

	(void)state;
	assert_int_equal(clockbound_fast_at_realtime(fast, world.real_ns, &interval), CLOCKBOUND_FAST_OK);
	kernel->epochs.rate_epoch = 1; /* the file still says 0, as the slot does */
	assert_int_equal(clockbound_fast_at_realtime(fast, world.real_ns, &interval), CLOCKBOUND_FAST_CANNOT);
	page->slot[0].clock.rate_epoch = 1;
	assert_int_equal(clockbound_fast_at_realtime(fast, world.real_ns, &interval), CLOCKBOUND_FAST_OK);
	clockbound_fast_close(fast);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, home_setup, home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rate_that_the_slot_has_not_seen_widens_by_its_change_times_the_age),
		TEST(a_clock_that_has_become_slow_is_charged_for_its_own_short_age),
		TEST(a_sum_of_more_changes_than_it_can_hold_is_not_believed),
		TEST(a_stamp_under_a_rate_that_only_the_kernel_has_seen_is_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
