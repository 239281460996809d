/* SPDX-License-Identifier: Apache-2.0 */
/* All three files at once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/publish/publish.h"
#include "tests/unit/daemon/publish/scratch.h"

static const struct cbd_page_identity identity = {
	.boot_id = {1, 2}, .start_id = 3, .counter_kind = CLOCKBOUND_COUNTER_TSC};

static void one_publication_reaches_all_three_files(void **state)
{
	struct cbd_publisher publisher;
	struct cbd_publication publication;
	const struct clockbound_shm1 *shm1;
	const struct clockbound_shm2 *shm2;

	(void)state;
	memset(&publication, 0, sizeof(publication));
	publication.bound_ns = 5;
	publication.segment.bound_ns = 6;
	assert_int_equal(cbd_publisher_open(&publisher, &scratch_dir, &identity), 0);
	cbd_publish(&publisher, &publication);
	cbd_publish(&publisher, &publication);
	shm1 = publisher.shm1.mapping.address;
	shm2 = publisher.shm2.mapping.address;
	assert_int_equal(publisher.page.page->slot[0].clock.bound_ns, 5);
	assert_int_equal(shm1->bound_nsec, 6);
	assert_int_equal(shm2->bound_nsec, 6);
	assert_int_equal(shm1->header.generation, 4);
	assert_int_equal(shm2->header.generation, 4);
	assert_int_equal(publisher.publications, 2);
	cbd_publisher_close(&publisher);
}

/* Each of the three names in turn cannot be used: nothing stays open, and the error is that file's. */
static void a_file_that_cannot_be_used_fails_the_whole(void **state)
{
	static const char *const names[] = {CBD_PAGE_NAME, CBD_SHM1_NAME, CBD_SHM2_NAME};
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct cbd_publisher publisher;

		unlink(scratch_file(names[i]));
		assert_int_equal(mkdir(scratch_file(names[i]), 0755), 0);
		assert_int_equal(cbd_publisher_open(&publisher, &scratch_dir, &identity), -EINVAL);
		assert_int_equal(rmdir(scratch_file(names[i])), 0);
	}
}

/* Everything that can be taken from the daemon, and whether clients that have the old page are told to open again. */
static void a_publisher_whose_files_are_taken_away_retires_the_page_that_nobody_finds(void **state)
{
	static const struct {
		const char *name;
		int64_t size; /* that it is cut to; -1: removed; -2: its first bytes are overwritten */
		int result;
		uint32_t flags; /* of the old page, afterwards */
	} cases[] = {
		{CBD_PAGE_NAME, -1, -ENOENT, CLOCKBOUND_EPOCH_RETIRED},
		{CBD_PAGE_NAME, -2, -EBADMSG, CLOCKBOUND_EPOCH_RETIRED},
		{CBD_PAGE_NAME, CLOCKBOUND_PAGE_SIZE / 2, -ENODATA, 0},
		{CBD_PAGE_NAME, 0, -ENODATA, 0},
		{CBD_SHM1_NAME, -1, -ENOENT, 0},
		{CBD_SHM2_NAME, 0, -ENODATA, 0},
		{"clockbound.lock", -1, -ENOENT, 0},
	};
	struct cbd_publication publication;
	size_t i;

	(void)state;
	memset(&publication, 0, sizeof(publication));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *path = scratch_file(cases[i].name);
		struct cbd_publisher publisher;
		int page;
		uint32_t flags = 0;

		assert_int_equal(cbd_publisher_open(&publisher, &scratch_dir, &identity), 0);
		cbd_publish(&publisher, &publication);
		assert_int_equal(cbd_publisher_check(&publisher, &scratch_dir), 0);
		page = dup(publisher.page.mapping.fd);
		if (cases[i].size == -2) {
			assert_int_equal(pwrite(page, "x", 1, 0), 1);
		} else {
			assert_int_equal(cases[i].size < 0 ? unlink(path) : truncate(path, cases[i].size), 0);
		}
		assert_int_equal(cbd_publisher_check(&publisher, &scratch_dir), cases[i].result);
		pread(page, &flags, sizeof(flags), offsetof(struct clockbound_page, control.epochs.flags));
		assert_int_equal(flags, cases[i].flags);
		close(page);
		cbd_publisher_close(&publisher);
		cbd_runtime_dir_close(&scratch_dir);
		assert_int_equal(cbd_runtime_dir_open(&scratch_dir, scratch_path), 0);
	}
}

/* The next daemon goes on with what is there, and its clients are told nothing old. */
static void a_retired_page_that_is_found_again_is_retired_no_more(void **state)
{
	struct cbd_publisher publisher;

	(void)state;
	assert_int_equal(cbd_publisher_open(&publisher, &scratch_dir, &identity), 0);
	cbd_page_writer_retire(&publisher.page);
	assert_int_equal(publisher.page.page->control.epochs.flags, CLOCKBOUND_EPOCH_RETIRED);
	cbd_publisher_close(&publisher);
	assert_int_equal(cbd_publisher_open(&publisher, &scratch_dir, &identity), 0);
	assert_int_equal(publisher.page.page->control.epochs.flags, 0);
	cbd_publisher_close(&publisher);
}

/* Readers stay on the slot that is whole; the next publication mends all three, and so does the next daemon. */
static void what_was_torn_is_mended_by_the_next_publication_or_the_next_daemon(void **state)
{
	struct cbd_publisher publisher;
	struct cbd_publication publication;
	int how;

	(void)state;
	for (how = 0; how < 2; how++) {
		const struct clockbound_page *page;
		const struct clockbound_shm2 *shm2;

		memset(&publication, 0, sizeof(publication));
		publication.bound_ns = 5;
		assert_int_equal(cbd_publisher_open(&publisher, &scratch_dir, &identity), 0);
		cbd_publish(&publisher, &publication);
		cbd_publisher_tear(&publisher);
		page = publisher.page.page;
		shm2 = publisher.shm2.mapping.address;
		assert_int_equal(page->control.seq & 1, 1);
		assert_int_equal(page->slot[1].clock.bound_ns, 5);
		assert_true(page->slot[0].hot.base == UINT64_MAX);
		assert_int_equal(shm2->header.generation & 1, 1);
		cbd_publisher_tear(&publisher); /* again changes nothing */
		assert_int_equal(page->control.seq & 1, 1);
		if (how == 1) {
			cbd_publisher_close(&publisher);
			assert_int_equal(cbd_publisher_open(&publisher, &scratch_dir, &identity), 0);
			page = publisher.page.page;
			shm2 = publisher.shm2.mapping.address;
			assert_int_equal(page->slot[page->control.seq & 1].clock.bound_ns, 5);
		}
		publication.bound_ns = 7;
		cbd_publish(&publisher, &publication);
		assert_int_equal(page->control.seq & 1, 0);
		assert_int_equal(page->slot[0].clock.bound_ns, 7);
		assert_int_equal(page->slot[1].clock.bound_ns, 7);
		assert_int_equal(page->slot[0].hot.base, 0);
		assert_int_equal(shm2->header.generation & 1, 0);
		cbd_publisher_close(&publisher);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_publication_reaches_all_three_files),
		TEST(a_file_that_cannot_be_used_fails_the_whole),
		TEST(a_publisher_whose_files_are_taken_away_retires_the_page_that_nobody_finds),
		TEST(a_retired_page_that_is_found_again_is_retired_no_more),
		TEST(what_was_torn_is_mended_by_the_next_publication_or_the_next_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
