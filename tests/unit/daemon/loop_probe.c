/* SPDX-License-Identifier: Apache-2.0 */
/* When the next poll comes after the clock was moved, however often that happens. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/loop.h"

#define START_NS    INT64_C(1000000000000)
#define INTERVAL_NS INT64_C(1000000000)
#define MS_NS	    INT64_C(1000000)

static struct cbd_loop loop;
static int64_t now_ns;

static bool say_time(void *context, clockid_t clock, int64_t *ns)
{
	(void)context;
	(void)clock;
	*ns = now_ns;
	return true;
}

/* Between two polls, the last of which began just now. */
static int start(void **state)
{
	(void)state;
	memset(&loop, 0, sizeof(loop));
	now_ns = START_NS;
	loop.failure = -EIO; /* there is no page to follow */
	loop.clocks.clock.gettime = say_time;
	loop.probe.clock = &loop.clocks.clock;
	loop.probe.timer_fd = -1;
	loop.begin_ns = START_NS;
	cbd_schedule_init(&loop.schedule, INTERVAL_NS, START_NS);
	loop.schedule.next_ns = START_NS + INTERVAL_NS;
	return 0;
}

/* The probe wakes the loop: somebody moved the clock, or was allowed to and did not. */
static void wake(void)
{
	loop.probe.wants_poll = true;
	cbd_loop_probe_on_ready(&loop);
}

static void a_change_brings_the_next_poll_forward(void **state)
{
	(void)state;
	now_ns += 300 * MS_NS;
	wake();
	assert_int_equal(loop.schedule.next_ns, now_ns);
}

static void changes_close_together_do_not_make_a_flood_of_polls(void **state)
{
	(void)state;
	now_ns += 1 * MS_NS;
	wake();
	assert_true(loop.schedule.next_ns > now_ns);
	assert_true(loop.schedule.next_ns <= START_NS + 5 * MS_NS);
}

static void a_thousand_changes_before_it_do_not_put_it_off(void **state)
{
	int64_t due_ns;
	int i;

	(void)state;
	now_ns += 1 * MS_NS;
	wake();
	due_ns = loop.schedule.next_ns;
	for (i = 0; i < 1000; i++) {
		now_ns += MS_NS / 1000;
		wake();
		assert_int_equal(loop.schedule.next_ns, due_ns);
	}
}

static void a_poll_that_is_due_earlier_stays_so(void **state)
{
	(void)state;
	now_ns += 1 * MS_NS;
	loop.schedule.next_ns = now_ns + 1;
	wake();
	assert_int_equal(loop.schedule.next_ns, now_ns + 1);
}

static void during_a_poll_another_is_wanted_after_it(void **state)
{
	(void)state;
	loop.is_polling = true;
	now_ns += 1 * MS_NS;
	wake();
	assert_true(loop.wants_poll);
	assert_int_equal(loop.schedule.next_ns, START_NS + INTERVAL_NS);
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_change_brings_the_next_poll_forward),
		TEST(changes_close_together_do_not_make_a_flood_of_polls),
		TEST(a_thousand_changes_before_it_do_not_put_it_off),
		TEST(a_poll_that_is_due_earlier_stays_so),
		TEST(during_a_poll_another_is_wanted_after_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
