/* SPDX-License-Identifier: Apache-2.0 */
/* When polls are due, in a time that the test makes up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/schedule.h"

#define SECOND INT64_C(1000000000)
#define START  (100 * SECOND)

static struct cbd_schedule started(int64_t interval_ns)
{
	struct cbd_schedule schedule;

	cbd_schedule_init(&schedule, interval_ns, START);
	return schedule;
}

static void the_first_poll_is_due_at_once(void **state)
{
	(void)state;
	assert_int_equal(started(SECOND).next_ns, START);
}

static void polls_keep_to_the_grid_however_late_they_end(void **state)
{
	struct cbd_schedule schedule = started(SECOND);

	(void)state;
	cbd_schedule_after_poll(&schedule, START + 5000, true, false);
	assert_int_equal(schedule.next_ns, START + SECOND);
	cbd_schedule_after_poll(&schedule, START + SECOND + 900000, true, false);
	assert_int_equal(schedule.next_ns, START + 2 * SECOND);
	/* One that took three intervals: the missed ones are not made up for. */
	cbd_schedule_after_poll(&schedule, START + 5 * SECOND + 1, true, false);
	assert_int_equal(schedule.next_ns, START + 6 * SECOND);
	cbd_schedule_after_poll(&schedule, START + 6 * SECOND, true, false);
	assert_int_equal(schedule.next_ns, START + 7 * SECOND);
}

static void before_the_first_bound_it_asks_every_200_ms(void **state)
{
	struct cbd_schedule schedule = started(SECOND);

	(void)state;
	cbd_schedule_after_poll(&schedule, START, false, false);
	assert_int_equal(schedule.next_ns, START + CBD_SCHEDULE_EAGER_NS);
	cbd_schedule_after_poll(&schedule, START + CBD_SCHEDULE_EAGER_NS, true, false);
	assert_int_equal(schedule.next_ns, START + SECOND);
	/* Losing it later is not the start. */
	cbd_schedule_after_poll(&schedule, START + SECOND, false, false);
	assert_int_equal(schedule.next_ns, START + 2 * SECOND);
}

static void the_haste_of_the_start_ends(void **state)
{
	struct cbd_schedule schedule = started(SECOND);

	(void)state;
	cbd_schedule_after_poll(&schedule, START + CBD_SCHEDULE_EAGER_FOR_NS, false, false);
	assert_int_equal(schedule.next_ns, START + CBD_SCHEDULE_EAGER_FOR_NS + SECOND);
}

static void a_poll_that_proved_nothing_is_repeated_soon_a_few_times(void **state)
{
	struct cbd_schedule schedule = started(10 * SECOND);
	int64_t now = START;
	int i;

	(void)state;
	cbd_schedule_after_poll(&schedule, now, true, false);
	for (i = 0; i < CBD_SCHEDULE_AGAIN_MAX; i++) {
		cbd_schedule_after_poll(&schedule, now, true, true);
		assert_int_equal(schedule.next_ns, now + CBD_SCHEDULE_AGAIN_NS);
		now = schedule.next_ns;
	}
	cbd_schedule_after_poll(&schedule, now, true, true);
	assert_int_equal(schedule.next_ns, START + 10 * SECOND);
	/* One that proves something makes the next repetitions possible. */
	cbd_schedule_after_poll(&schedule, START + 10 * SECOND, true, false);
	cbd_schedule_after_poll(&schedule, START + 20 * SECOND, true, true);
	assert_int_equal(schedule.next_ns, START + 20 * SECOND + CBD_SCHEDULE_AGAIN_NS);
}

static void an_interval_shorter_than_the_haste_stays(void **state)
{
	struct cbd_schedule schedule = started(SECOND / 10);

	(void)state;
	cbd_schedule_after_poll(&schedule, START, false, false);
	assert_int_equal(schedule.next_ns, START + SECOND / 10);
}

static void sources_are_reset_at_once_and_then_not_for_10_s(void **state)
{
	struct cbd_schedule schedule = started(SECOND);

	(void)state;
	cbd_schedule_after_poll(&schedule, START + 1, true, false);
	assert_true(cbd_schedule_may_reset(&schedule, START + 1));
	assert_int_equal(schedule.next_ns, START + 1);
	assert_false(cbd_schedule_may_reset(&schedule, START + CBD_SCHEDULE_RESET_NS));
	assert_true(cbd_schedule_may_reset(&schedule, START + 1 + CBD_SCHEDULE_RESET_NS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_poll_is_due_at_once),
		cmocka_unit_test(polls_keep_to_the_grid_however_late_they_end),
		cmocka_unit_test(before_the_first_bound_it_asks_every_200_ms),
		cmocka_unit_test(the_haste_of_the_start_ends),
		cmocka_unit_test(a_poll_that_proved_nothing_is_repeated_soon_a_few_times),
		cmocka_unit_test(an_interval_shorter_than_the_haste_stays),
		cmocka_unit_test(sources_are_reset_at_once_and_then_not_for_10_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
