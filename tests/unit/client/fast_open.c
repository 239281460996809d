/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a page for the inline read. */
#include "tests/unit/client/world.h"

#include <errno.h>
#include <string.h>

#include <clockbound/fast.h>

static struct clockbound_page page;

static int setup(void **state)
{
	world_page(&page);
	return world_reset(state);
}

static void a_page_opens_and_is_read_inline_while_it_changes(void **state)
{
	const char *path = world_file("page", &page, sizeof(page));
	struct clockbound_page *shared = world_map("page", sizeof(page));
	clockbound_fast *fast = clockbound_fast_open(path, NULL);
	clockbound_interval interval;

	(void)state;
	assert_non_null(fast);
	assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.earliest_ns, WORLD_REAL_NS - 50000);
	clockbound_priv_seq_advance(&shared->control.seq);
	CLOCKBOUND_PRIV_STORE(&shared->slot[0].hot.earliest_ns, WORLD_REAL_NS - 1);
	assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.earliest_ns, WORLD_REAL_NS - 50000);
	clockbound_priv_seq_advance(&shared->control.seq);
	assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.earliest_ns, WORLD_REAL_NS - 1);
	clockbound_fast_close(fast);
}

static void a_segment_is_refused_and_told_what_to_use(void **state)
{
	struct clockbound_shm2 shm2;
	struct clockbound_shm1 shm1;
	clockbound_err err;

	(void)state;
	world_shm1(&shm1);
	world_shm2(&shm2);
	assert_null(clockbound_fast_open(world_file("shm0", &shm2, sizeof(shm2)), &err));
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED);
	assert_non_null(strstr(err.detail, "2.x"));
	assert_non_null(strstr(err.detail, "clockbound_open()"));
	assert_null(clockbound_fast_open(world_file("shm", &shm1, sizeof(shm1)), &err));
	assert_non_null(strstr(err.detail, "1.x"));
}

static void a_missing_page_is_an_error_of_the_system(void **state)
{
	clockbound_err err;

	(void)state;
	assert_null(clockbound_fast_open(world_path("missing"), &err));
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SYSCALL);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_non_null(strstr(err.detail, world_path("missing")));
}

static void closing_nothing_is_fine(void **state)
{
	(void)state;
	clockbound_fast_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_page_opens_and_is_read_inline_while_it_changes, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(a_segment_is_refused_and_told_what_to_use, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(a_missing_page_is_an_error_of_the_system, setup,
						world_remove),
		cmocka_unit_test(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
