/* SPDX-License-Identifier: Apache-2.0 */
/* One event, one line, whatever is in it; and never a wait. */
#define _GNU_SOURCE /* pipe2() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/log.h"

static int ends[2];
static char text[8192];

static int open_pipe(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int close_pipe(void **state)
{
	(void)state;
	close(ends[0]);
	close(ends[1]);
	cbd_log_init(2, false, false);
	return 0;
}

static const char *logged(void)
{
	ssize_t length = read(ends[0], text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

static void text_names_the_program_and_the_level_of_what_is_bad(void **state)
{
	(void)state;
	cbd_log_init(ends[1], false, false);
	cbd_log(CBD_LOG_INFO, "e", "fine %d", 1);
	cbd_log(CBD_LOG_WARNING, "e", "less so");
	cbd_log(CBD_LOG_ERROR, "e", "bad");
	assert_string_equal(logged(),
			    "clockbound: fine 1\nclockbound: warning: less so\nclockbound: error: bad\n");
}

static void debug_lines_need_verbose(void **state)
{
	(void)state;
	cbd_log_init(ends[1], false, false);
	cbd_log(CBD_LOG_DEBUG, "e", "hidden");
	assert_string_equal(logged(), "");
	cbd_log_init(ends[1], false, true);
	cbd_log(CBD_LOG_DEBUG, "e", "shown");
	assert_string_equal(logged(), "clockbound: shown\n");
}

static void a_journal_gets_the_level_in_front(void **state)
{
	struct stat found;
	char stream[64];

	(void)state;
	assert_int_equal(fstat(ends[1], &found), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)found.st_dev,
		 (unsigned long long)found.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	cbd_log_init(ends[1], false, false);
	cbd_log(CBD_LOG_WARNING, "e", "careful");
	assert_string_equal(logged(), "<4>careful\n");
	setenv("JOURNAL_STREAM", "1:1", 1);
	cbd_log_init(ends[1], false, false);
	cbd_log(CBD_LOG_NOTICE, "e", "elsewhere");
	assert_string_equal(logged(), "clockbound: elsewhere\n");
	unsetenv("JOURNAL_STREAM");
}

static void json_lines_parse_and_hold_everything(void **state)
{
	json_t *line;

	(void)state;
	cbd_log_init(ends[1], true, false);
	cbd_log(CBD_LOG_NOTICE, "status_changed", "a \"quoted\" \\ word");
	line = json_loads(logged(), 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "level")), "notice");
	assert_string_equal(json_string_value(json_object_get(line, "event")), "status_changed");
	assert_string_equal(json_string_value(json_object_get(line, "message")), "a \"quoted\" \\ word");
	assert_int_equal(strlen(json_string_value(json_object_get(line, "time"))),
			 strlen("2026-01-01T00:00:00.000000Z"));
	json_decref(line);
}

static void nothing_in_a_message_makes_a_second_line(void **state)
{
	(void)state;
	cbd_log_init(ends[1], false, false);
	cbd_log(CBD_LOG_NOTICE, "e", "%s", "one\n<3>two\r\x1b[0m\x7f");
	assert_string_equal(logged(), "clockbound: one <3>two  [0m \n");
}

static void bytes_that_are_no_text_do_not_lose_a_json_line(void **state)
{
	json_t *line;

	(void)state;
	cbd_log_init(ends[1], true, false);
	cbd_log(CBD_LOG_NOTICE, "e", "/run/%s", "\xff\xfe/x");
	line = json_loads(logged(), 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "message")), "/run/?\?/x");
	json_decref(line);
}

static void a_long_message_is_cut_and_stays_one_line(void **state)
{
	char big[4000];

	(void)state;
	memset(big, '"', sizeof(big) - 1); /* two bytes each in JSON */
	big[sizeof(big) - 1] = '\0';
	cbd_log_init(ends[1], true, false);
	cbd_log(CBD_LOG_NOTICE, "e", "%s", big);
	assert_int_equal(cbd_log_dropped(), 0);
	assert_non_null(strchr(logged(), '\n'));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

/* The pipe is filled; a blocking write would hang here until the test's time-out. */
static void a_reader_who_does_not_read_costs_lines_and_no_time(void **state)
{
	static char block[4096];
	int flags = fcntl(ends[1], F_GETFL);

	(void)state;
	while (write(ends[1], block, sizeof(block)) > 0) {
	}
	assert_int_equal(fcntl(ends[1], F_SETFL, flags & ~O_NONBLOCK), 0);
	cbd_log_init(ends[1], false, false);
	cbd_log(CBD_LOG_NOTICE, "e", "lost");
	assert_int_equal(cbd_log_dropped(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_pipe, close_pipe)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_names_the_program_and_the_level_of_what_is_bad),
		TEST(debug_lines_need_verbose),
		TEST(a_journal_gets_the_level_in_front),
		TEST(json_lines_parse_and_hold_everything),
		TEST(nothing_in_a_message_makes_a_second_line),
		TEST(bytes_that_are_no_text_do_not_lose_a_json_line),
		TEST(a_long_message_is_cut_and_stays_one_line),
		TEST(a_reader_who_does_not_read_costs_lines_and_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
