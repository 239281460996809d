/* SPDX-License-Identifier: Apache-2.0 */
/* Opening by path and by default: kinds are recognised by content, and every refusal says what was found. */
#include "tests/unit/client/world.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/src/context.h"

static struct clockbound_page page;
static struct clockbound_shm1 shm1;
static struct clockbound_shm2 shm2;

static int setup(void **state)
{
	world_page(&page);
	world_shm1(&shm1);
	world_shm2(&shm2);
	return world_reset(state);
}

/* Opens @size bytes as a file and expects a refusal of @kind whose text has the path and @says. */
static void expect_refusal(const void *bytes, size_t size, clockbound_err_kind kind, const char *says)
{
	const char *path = world_file("refused", bytes, size);
	clockbound_err err;

	assert_null(clockbound_open(path, &err));
	assert_int_equal(err.kind, kind);
	assert_int_equal(err.sys_errno, 0);
	assert_non_null(strstr(err.detail, path));
	assert_non_null(strstr(err.detail, says));
	assert_null(clockbound_open(path, NULL));
}

static void expect_opens(const char *path, int64_t half_ns)
{
	clockbound_now_result result;
	clockbound_err err;
	clockbound_ctx *ctx = clockbound_open(path, &err);

	assert_non_null(ctx);
	assert_null(clockbound_now(ctx, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_SYNCHRONIZED);
	assert_int_equal(result.latest.tv_nsec, half_ns);
	assert_null(clockbound_close(ctx));
}

static void every_kind_is_recognised_by_its_content(void **state)
{
	(void)state;
	shm1.bound_nsec = 70000;
	shm2.bound_nsec = 80000;
	expect_opens(world_file("one", &page, sizeof(page)), 50000);
	expect_opens(world_file("two", &shm1, sizeof(shm1)), 70000);
	expect_opens(world_file("three", &shm2, sizeof(shm2)), 80000);
}

static void a_file_longer_than_needed_is_fine(void **state)
{
	static uint8_t bytes[5000];

	(void)state;
	memcpy(bytes, &shm2, sizeof(shm2));
	expect_opens(world_file("long", bytes, sizeof(bytes)), 60000);
	memcpy(bytes, &page, sizeof(page));
	expect_opens(world_file("long", bytes, sizeof(bytes)), 50000);
}

static void a_missing_file_is_an_error_of_the_system(void **state)
{
	clockbound_err err;

	(void)state;
	assert_null(clockbound_open(world_path("missing"), &err));
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SYSCALL);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_non_null(strstr(err.detail, world_path("missing")));
	assert_non_null(strstr(err.detail, "is the daemon running?"));
}

static void a_directory_is_an_error_of_the_system(void **state)
{
	clockbound_err err;

	(void)state;
	assert_null(clockbound_open("/", &err));
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SYSCALL);
	assert_int_equal(err.sys_errno, EISDIR);
	assert_non_null(strstr(err.detail, "is a directory"));
}

static void a_file_without_permission_is_an_error_of_the_system(void **state)
{
	const char *path = world_file("secret", &page, sizeof(page));
	const uid_t user = geteuid();
	clockbound_err err;

	(void)state;
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(seteuid(user == 0 ? 65534 : user), 0); /* root may read everything */
	assert_null(clockbound_open(path, &err));
	assert_int_equal(seteuid(user), 0);
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SYSCALL);
	assert_int_equal(err.sys_errno, EACCES);
	assert_non_null(strstr(err.detail, path));
}

static void a_fifo_is_refused_without_waiting_for_a_writer(void **state)
{
	const char *path = world_path("fifo");
	clockbound_err err;

	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(clockbound_open(path, &err));
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED);
	assert_non_null(strstr(err.detail, "not a regular file"));
}

static void files_too_short_are_refused_and_say_how_long_they_are(void **state)
{
	(void)state;
	expect_refusal("", 0, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "empty");
	expect_refusal(&page, 15, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "15 bytes long");
	expect_refusal(&page, 16, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "16 bytes long");
	expect_refusal(&page, sizeof(page) - 1, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "4095 bytes long");
	expect_refusal(&shm1, 71, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "71 bytes long");
	expect_refusal(&shm1, 16, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "16 bytes long");
	expect_refusal(&shm2, 79, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "79 bytes long");
}

static void what_is_neither_page_nor_segment_is_refused_with_its_first_bytes(void **state)
{
	static const uint8_t zeros[4096];

	(void)state;
	expect_refusal("#!/bin/sh and more", 18, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED,
		       "23 21 2f 62 69 6e 2f 73");
	expect_refusal(zeros, sizeof(zeros), CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "not yet made");
	shm2.header.magic[1]++;
	expect_refusal(&shm2, sizeof(shm2), CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "begins with");
}

static void segments_never_written_are_refused(void **state)
{
	(void)state;
	shm1.header.generation = 0;
	expect_refusal(&shm1, sizeof(shm1), CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "generation 0");
	shm2.header.version = 0;
	expect_refusal(&shm2, sizeof(shm2), CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, "version 0");
}

static void later_layouts_and_pages_for_later_readers_are_not_supported(void **state)
{
	(void)state;
	shm2.header.version = 3;
	expect_refusal(&shm2, sizeof(shm2), CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED, "layout 3");
	page.identity.compat_version = CLOCKBOUND_PAGE_VERSION + 1;
	page.identity.version = CLOCKBOUND_PAGE_VERSION + 1;
	expect_refusal(&page, sizeof(page), CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED,
		       "for readers of version 2");
}

static void a_later_page_that_is_still_for_us_opens(void **state)
{
	(void)state;
	page.identity.version = CLOCKBOUND_PAGE_VERSION + 1;
	page.identity.capabilities = UINT32_MAX;
	expect_opens(world_file("later", &page, sizeof(page)), 50000);
}

static void a_size_field_that_lies_is_malformed(void **state)
{
	(void)state;
	page.identity.size = CLOCKBOUND_PAGE_SIZE - 1;
	expect_refusal(&page, sizeof(page), CLOCKBOUND_ERR_SEGMENT_MALFORMED, "says 4095");
	page.identity.size = CLOCKBOUND_PAGE_SIZE + 1;
	expect_refusal(&page, sizeof(page), CLOCKBOUND_ERR_SEGMENT_MALFORMED, "says 4097");
	shm1.header.size = 71;
	expect_refusal(&shm1, sizeof(shm1), CLOCKBOUND_ERR_SEGMENT_MALFORMED, "says 71");
	shm2.header.size = 72;
	expect_refusal(&shm2, sizeof(shm2), CLOCKBOUND_ERR_SEGMENT_MALFORMED, "says 72");
	shm2.header.size = UINT32_MAX;
	expect_refusal(&shm2, sizeof(shm2), CLOCKBOUND_ERR_SEGMENT_MALFORMED, "says 4294967295");
}

static void a_page_whose_versions_are_zero_is_malformed(void **state)
{
	(void)state;
	page.identity.version = 0;
	expect_refusal(&page, sizeof(page), CLOCKBOUND_ERR_SEGMENT_MALFORMED, "version 0");
	page.identity.version = 1;
	page.identity.compat_version = 0;
	expect_refusal(&page, sizeof(page), CLOCKBOUND_ERR_SEGMENT_MALFORMED, "compat_version 0");
}

static void a_page_on_another_kind_of_counter_is_malformed_but_one_on_none_opens(void **state)
{
	(void)state;
	page.identity.counter_kind = CLOCKBOUND_COUNTER_CNTVCT;
	expect_refusal(&page, sizeof(page), CLOCKBOUND_ERR_SEGMENT_MALFORMED, "counter_kind is 2");
	page.identity.counter_kind = CLOCKBOUND_COUNTER_NONE;
	expect_opens(world_file("none", &page, sizeof(page)), 50000);
}

static void a_page_of_another_boot_is_refused(void **state)
{
	(void)state;
	page.identity.boot_id[0] = 0x0123456789abcdef;
	page.identity.boot_id[1] = 0xfedcba9876543210;
	expect_refusal(&page, sizeof(page), CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED,
		       "0123456789abcdeffedcba9876543210");
}

static void a_segment_that_asks_for_a_vmclock_needs_one(void **state)
{
	static const uint8_t vmclock[24] = {'V', 'C', 'L', 'K', 0, 0x10, 0, 0, 1};
	clockbound_now_result result;
	const char *path;
	clockbound_ctx *ctx;
	clockbound_err err;

	(void)state;
	shm2.disruption_support = 1;
	path = world_file("shm0", &shm2, sizeof(shm2));
	assert_null(clockbound_vmclock_open(path, world_path("no_vmclock"), &err));
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SYSCALL);
	assert_int_equal(err.sys_errno, ENOENT);
	ctx = clockbound_vmclock_open(path, world_file("vmclock", vmclock, sizeof(vmclock)), &err);
	assert_non_null(ctx);
	assert_null(clockbound_now(ctx, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_SYNCHRONIZED);
	assert_null(clockbound_close(ctx));
	shm2.disruption_support = 0;
	ctx = clockbound_vmclock_open(world_file("shm0", &shm2, sizeof(shm2)), world_path("no_vmclock"),
				      &err);
	assert_non_null(ctx);
	assert_null(clockbound_close(ctx));
}

static clockbound_err_kind open_best(const char *const paths[], enum clockbound_priv_kind *kind)
{
	clockbound_err err = {CLOCKBOUND_ERR_NONE, 0, NULL};
	clockbound_ctx *ctx = clockbound_priv_open_best(paths, 3, world_path("no_vmclock"), &err);

	if (ctx != NULL) {
		*kind = ctx->file.kind;
		assert_null(clockbound_close(ctx));
		return CLOCKBOUND_ERR_NONE;
	}
	assert_int_not_equal(err.kind, CLOCKBOUND_ERR_NONE);
	return err.kind;
}

static void by_default_the_first_file_that_is_alive_is_opened(void **state)
{
	enum clockbound_priv_kind kind;
	const char *paths[3];

	(void)state;
	paths[0] = world_path("page");
	paths[1] = world_path("shm0");
	paths[2] = world_path("shm");
	assert_int_equal(open_best(paths, &kind), CLOCKBOUND_ERR_SYSCALL);
	(void)world_file("shm", &shm1, sizeof(shm1));
	assert_int_equal(open_best(paths, &kind), CLOCKBOUND_ERR_NONE);
	assert_int_equal(kind, CLOCKBOUND_PRIV_SHM1);
	(void)world_file("shm0", &shm2, sizeof(shm2));
	assert_int_equal(open_best(paths, &kind), CLOCKBOUND_ERR_NONE);
	assert_int_equal(kind, CLOCKBOUND_PRIV_SHM2);
	(void)world_file("page", &page, sizeof(page));
	assert_int_equal(open_best(paths, &kind), CLOCKBOUND_ERR_NONE);
	assert_int_equal(kind, CLOCKBOUND_PRIV_PAGE);
}

static void by_default_a_dead_page_does_not_hide_a_live_segment(void **state)
{
	enum clockbound_priv_kind kind;
	const char *paths[3];

	(void)state;
	paths[0] = world_file("page", &page, sizeof(page));
	paths[1] = world_path("shm0");
	paths[2] = world_path("shm");
	world_pass(INT64_C(2000000000000));
	assert_int_equal(open_best(paths, &kind), CLOCKBOUND_ERR_NONE);
	assert_int_equal(kind, CLOCKBOUND_PRIV_PAGE);
	shm2.as_of.sec += 2000;
	shm2.void_after.sec += 2000;
	(void)world_file("shm0", &shm2, sizeof(shm2));
	assert_int_equal(open_best(paths, &kind), CLOCKBOUND_ERR_NONE);
	assert_int_equal(kind, CLOCKBOUND_PRIV_SHM2);
	(void)world_file("page", "x", 1);
	assert_int_equal(open_best(paths, &kind), CLOCKBOUND_ERR_NONE);
	assert_int_equal(kind, CLOCKBOUND_PRIV_SHM2);
}

static void by_default_the_failure_told_is_not_the_missing_file(void **state)
{
	enum clockbound_priv_kind kind;
	const char *paths[3];

	(void)state;
	paths[0] = world_path("page");
	paths[1] = world_file("shm0", &shm2, 20);
	paths[2] = world_path("shm");
	assert_int_equal(open_best(paths, &kind), CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED);
}

static void closing_nothing_is_fine(void **state)
{
	(void)state;
	assert_null(clockbound_close(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind_is_recognised_by_its_content, setup, world_remove),
		cmocka_unit_test_setup_teardown(a_file_longer_than_needed_is_fine, setup, world_remove),
		cmocka_unit_test_setup_teardown(a_missing_file_is_an_error_of_the_system, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(a_directory_is_an_error_of_the_system, setup, world_remove),
		cmocka_unit_test_setup_teardown(a_file_without_permission_is_an_error_of_the_system, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(a_fifo_is_refused_without_waiting_for_a_writer, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(files_too_short_are_refused_and_say_how_long_they_are, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(
			what_is_neither_page_nor_segment_is_refused_with_its_first_bytes, setup,
			world_remove),
		cmocka_unit_test_setup_teardown(segments_never_written_are_refused, setup, world_remove),
		cmocka_unit_test_setup_teardown(later_layouts_and_pages_for_later_readers_are_not_supported,
						setup, world_remove),
		cmocka_unit_test_setup_teardown(a_later_page_that_is_still_for_us_opens, setup, world_remove),
		cmocka_unit_test_setup_teardown(a_size_field_that_lies_is_malformed, setup, world_remove),
		cmocka_unit_test_setup_teardown(a_page_whose_versions_are_zero_is_malformed, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(
			a_page_on_another_kind_of_counter_is_malformed_but_one_on_none_opens, setup,
			world_remove),
		cmocka_unit_test_setup_teardown(a_page_of_another_boot_is_refused, setup, world_remove),
		cmocka_unit_test_setup_teardown(a_segment_that_asks_for_a_vmclock_needs_one, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(by_default_the_first_file_that_is_alive_is_opened, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(by_default_a_dead_page_does_not_hide_a_live_segment, setup,
						world_remove),
		cmocka_unit_test_setup_teardown(by_default_the_failure_told_is_not_the_missing_file, setup,
						world_remove),
		cmocka_unit_test(closing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
