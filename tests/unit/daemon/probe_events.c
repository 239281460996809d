/* SPDX-License-Identifier: Apache-2.0 */
/* What the log says of changes of the clock, and that nobody can fill it by making them. */
#define _GNU_SOURCE /* pipe2() */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "daemon/probe/events.h"

#define SECOND_NS INT64_C(1000000000)

static int ends[2];
static struct cbd_events_told told;

static int open_log(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	memset(&told, 0, sizeof(told));
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		return -1;
	}
	cbd_log_init(ends[1], false, false);
	return 0;
}

static int close_log(void **state)
{
	(void)state;
	cbd_log_init(2, false, false);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* What was logged since the last call. */
static const char *logged(void)
{
	static char text[65536];
	ssize_t length = read(ends[0], text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

static int lines_of(const char *text)
{
	int lines = 0;

	for (; *text != '\0'; text++) {
		lines += *text == '\n';
	}
	return lines;
}

static struct clockbound_event step_of(int64_t ns)
{
	struct clockbound_event event = {
		.what = CLOCKBOUND_EVENT_STEP, .pid = 7, .comm = "date", .step_ns = ns};

	return event;
}

static void a_step_is_told_with_its_author_and_size(void **state)
{
	struct clockbound_event event = step_of(-5);

	(void)state;
	cbd_events_log(&told, &event, SECOND_NS);
	assert_string_equal(logged(), "clockbound: the clock was stepped by date (pid 7, uid 0): -5 ns\n");
}

static void a_flood_of_steps_is_told_of_so_many_times_a_second_and_counted(void **state)
{
	struct clockbound_event event = step_of(1);
	struct clockbound_event rate = {.what = CLOCKBOUND_EVENT_RATE};
	const char *text;

	(void)state;
	for (int i = 0; i < 1000; i++) { /* not told at all, nor counted */
		cbd_events_log(&told, &rate, 5 * SECOND_NS);
	}
	for (int64_t i = 0; i < 100000; i++) {
		cbd_events_log(&told, &event, 5 * SECOND_NS + i);
	}
	assert_int_equal(lines_of(logged()), CBD_EVENTS_LINES);
	cbd_events_log(&told, &event, 6 * SECOND_NS);
	text = logged();
	assert_int_equal(lines_of(text), 2);
	assert_non_null(strstr(text, "99980 more changes of the clock"));
	cbd_events_log(&told, &event, 6 * SECOND_NS + 1);
	assert_int_equal(lines_of(logged()), 1);
}

/* Goal: what was asked for and what it did, by call, result and modes. */
static void a_settime_that_could_not_read_its_time_is_no_step(void **state)
{
	struct clockbound_event event = {.what = CLOCKBOUND_EVENT_CALL, .call = CLOCKBOUND_CALL_SETTIME};

	(void)state;
	event.result = -EFAULT;
	assert_false(cbd_events_judge(&event));
	assert_int_equal(event.what, CLOCKBOUND_EVENT_CALL);
	event.result = 0;
	assert_true(cbd_events_judge(&event));
	assert_int_equal(event.what, CLOCKBOUND_EVENT_STEP);
	event = (struct clockbound_event){.what = CLOCKBOUND_EVENT_CALL,
					  .call = CLOCKBOUND_CALL_ADJTIMEX,
					  .modes = 0x0100, /* ADJ_SETOFFSET */
					  .value = 3,
					  .result = -EFAULT};
	assert_false(cbd_events_judge(&event));
	assert_int_equal(event.what, CLOCKBOUND_EVENT_STEP);
	assert_int_equal(event.step_ns, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_log, close_log)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_step_is_told_with_its_author_and_size),
		TEST(a_flood_of_steps_is_told_of_so_many_times_a_second_and_counted),
		TEST(a_settime_that_could_not_read_its_time_is_no_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
