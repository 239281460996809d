/* SPDX-License-Identifier: Apache-2.0 */
/* The page's epochs move to another home: readers keep what they have, and none believes the old home. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/publish/page_writer.h"
#include "tests/unit/daemon/publish/scratch.h"

static const struct cbd_page_identity identity = {
	.boot_id = {1, 2}, .start_id = 3, .counter_kind = CLOCKBOUND_COUNTER_TSC};

#define STEP_NS	   INT64_C(1700000000000000000)
#define SUSPEND_NS INT64_C(60000000000)
#define REAL_NS	   INT64_C(1700000100000000000)
#define RAW_NS	   INT64_C(100000000000)

static struct cbd_page_writer opened(void)
{
	struct cbd_page_writer writer;

	assert_int_equal(cbd_page_writer_open(&writer, &scratch_dir, &identity), 0);
	return writer;
}

static void publish(struct cbd_page_writer *writer)
{
	const struct cbd_publication publication = {
		.lines = {.base = 7,
			  .earliest_ns = 7000,
			  .latest_ns = 7007,
			  .earliest_rate = UINT64_C(1) << 58,
			  .latest_rate = UINT64_C(1) << 58},
		.has_lines = true,
		.stale_after_ticks = 10 << CLOCKBOUND_AGE_SHIFT,
		.void_after_ticks = 20 << CLOCKBOUND_AGE_SHIFT,
		.status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID,
		.counter_epoch = 4,
		.clock_epoch = 5,
		.rate_epoch = 6,
		.bound_ns = 9,
		.step_ns = STEP_NS,
		.suspend_ns = SUSPEND_NS,
		.as_of_real_ns = REAL_NS,
		.memory.course = {.raw_ns = RAW_NS, .is_known = true},
	};

	cbd_page_writer_publish(writer, &publication);
}

/* Both slots are still those of publish(), in epochs in which a reader takes them. */
static bool is_seen(const struct clockbound_page *page)
{
	const struct clockbound_epochs *epochs = &page->control.epochs;
	int i;

	for (i = 0; i < 2; i++) {
		if (page->slot[i].hot.base != 7 || page->slot[i].clock.bound_ns != 9 ||
		    page->slot[i].hot.counter_epoch != epochs->counter_epoch ||
		    page->slot[i].clock.clock_epoch != epochs->clock_epoch ||
		    page->slot[i].clock.rate_epoch != epochs->rate_epoch) {
			return false;
		}
	}
	return (page->control.seq & 1) == 0;
}

static void another_home_keeps_what_readers_have_under_numbers_that_none_has_seen(void **state)
{
	struct cbd_page_writer writer = opened();
	const struct clockbound_page *page;
	struct clockbound_epochs was;
	struct clockbound_epochs next;
	struct cbd_inheritance inheritance;

	(void)state;
	publish(&writer);
	cbd_page_writer_close(&writer);
	writer = opened();
	page = writer.page;
	was = page->control.epochs;
	next = cbd_page_writer_next_epochs(&writer);
	assert_true(next.counter_epoch > was.counter_epoch && next.clock_epoch > was.clock_epoch + 100000);
	cbd_page_writer_set_home(&writer, 77, &next, 5);
	assert_int_equal(page->control.kernel_page_id, 77);
	assert_memory_equal(&page->control.epochs, &next, sizeof(next));
	assert_true(is_seen(page));
	assert_int_equal(page->slot[0].hot.counter_epoch, next.counter_epoch);
	assert_int_equal(page->slot[1].clock.clock_epoch, next.clock_epoch);
	assert_int_equal(page->slot[1].clock.rate_sum, 5);
	assert_true(cbd_page_writer_inherit(&writer, &inheritance));
	assert_true(inheritance.has_lines);
	assert_int_equal(inheritance.counter_epoch, next.counter_epoch);
	was = next;
	next = cbd_page_writer_next_epochs(&writer);
	cbd_page_writer_set_home(&writer, 77, &next, 6); /* the pinned one: nothing changes */
	assert_memory_equal(&page->control.epochs, &was, sizeof(was));
	cbd_page_writer_set_home(&writer, 0, &next, 0);
	assert_int_equal(page->control.kernel_page_id, 0);
	assert_true(is_seen(page));
	cbd_page_writer_close(&writer);
}

static void another_home_does_not_forgive_what_the_slot_had_not_taken_into_account(void **state)
{
	struct cbd_page_writer writer = opened();
	struct clockbound_page *page;
	struct clockbound_epochs next;
	struct cbd_inheritance inheritance;

	(void)state;
	publish(&writer);
	cbd_page_writer_close(&writer);
	writer = opened();
	page = writer.page;
	page->control.epochs.counter_epoch++;
	page->control.epochs.clock_epoch++;
	page->control.epochs.rate_epoch++;
	next = cbd_page_writer_next_epochs(&writer);
	cbd_page_writer_set_home(&writer, 77, &next, 0);
	assert_int_not_equal(page->slot[0].hot.counter_epoch, next.counter_epoch);
	assert_int_not_equal(page->slot[0].clock.clock_epoch, next.clock_epoch);
	/* More than 64 behind: readers with a kernel page take it for one that has no end. */
	assert_true(next.rate_epoch - page->slot[0].clock.rate_epoch > 64);
	assert_true(next.rate_epoch - page->slot[1].clock.rate_epoch > 64);
	assert_true(cbd_page_writer_inherit(&writer, &inheritance));
	assert_false(inheritance.has_lines);
	cbd_page_writer_close(&writer);
}

/* A daemon that is restarted by kill -9, with an anchor of its first instant. */
static struct cbd_page_writer restarted(struct cbd_anchor *now)
{
	struct cbd_page_writer writer = opened();

	publish(&writer);
	cbd_page_writer_close(&writer);
	*now = (struct cbd_anchor){
		.real = {.counter = 1000, .half_ticks = 30, .clock_ns = REAL_NS + 1000000000},
		.raw = {.counter = 1100, .half_ticks = 20, .clock_ns = RAW_NS + 1000000100},
		.has_kernel_rate = true,
		.step_ns = STEP_NS,
		.step_half_ns = 100,
		.has_step = true,
		.suspend_ns = SUSPEND_NS,
		.suspend_half_ns = 100,
		.has_suspend = true,
	};
	return opened();
}

/* What becomes of both halves in another home, after a look back at @now. */
static void check_moved(const struct cbd_anchor *now, bool is_clock_valid, bool is_counter_valid)
{
	struct cbd_anchor ignored;
	struct cbd_page_writer writer = restarted(&ignored);
	const struct clockbound_page *page = writer.page;
	struct clockbound_epochs next = cbd_page_writer_next_epochs(&writer);
	struct cbd_inheritance inheritance;
	uint32_t moved = cbd_page_writer_look_back(&writer, now);
	int i;

	assert_int_equal((moved & CBD_REQUEST_BUMP_EPOCH) == 0, is_clock_valid);
	assert_int_equal((moved & CBD_REQUEST_BUMP_COUNTER) == 0, is_counter_valid);
	/* At once for readers of the file, and in the new home too. */
	for (i = 0; i < 2; i++) {
		const struct clockbound_epochs *epochs = &page->control.epochs;

		assert_int_equal(page->slot[i].clock.clock_epoch == epochs->clock_epoch, is_clock_valid);
		assert_int_equal(page->slot[i].hot.counter_epoch == epochs->counter_epoch, is_counter_valid);
	}
	cbd_page_writer_set_home(&writer, cbd_page_writer_home(&writer) + 1, &next, 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(page->slot[i].clock.clock_epoch == next.clock_epoch, is_clock_valid);
		assert_int_equal(page->slot[i].hot.counter_epoch == next.counter_epoch, is_counter_valid);
	}
	assert_true(cbd_page_writer_inherit(&writer, &inheritance));
	assert_int_equal(inheritance.has_lines, is_counter_valid);
	cbd_page_writer_close(&writer);
}

static void a_restart_in_which_nothing_moved_has_no_gap(void **state)
{
	struct cbd_anchor now;
	struct cbd_page_writer writer = restarted(&now);

	(void)state;
	now.real.clock_ns += 50;
	assert_int_equal(cbd_page_writer_look_back(&writer, &now), 0);
	/* Wider by what could not be told: its readings, the former daemon's, what they came to, and rounding. */
	assert_int_equal(writer.page->slot[0].clock.bound_ns, 9 + 50 + 10000 + 50 + 4);
	assert_int_equal(writer.page->slot[1].clock.bound_ns, 9 + 50 + 10000 + 50 + 4);
	assert_int_equal(writer.page->slot[0].clock.drift_ppb, 0);
	cbd_page_writer_close(&writer);
	check_moved(&now, true, true);
}

static void a_step_that_nobody_mirrored_is_not_forgiven(void **state)
{
	struct cbd_anchor now;
	struct cbd_page_writer writer = restarted(&now);

	(void)state;
	cbd_page_writer_close(&writer);
	now.step_ns += 20000;
	check_moved(&now, false, true);
	now.step_ns = STEP_NS - 1000000000;
	check_moved(&now, false, true);
	now.step_ns = INT64_MIN;
	check_moved(&now, false, true);
	now.step_ns = STEP_NS;
	now.has_step = false;
	check_moved(&now, false, true);
}

static void a_sleep_that_nobody_mirrored_is_not_forgiven(void **state)
{
	struct cbd_anchor now;
	struct cbd_page_writer writer = restarted(&now);

	(void)state;
	cbd_page_writer_close(&writer);
	now.suspend_ns += 2000000;
	check_moved(&now, true, false);
	now.suspend_ns = SUSPEND_NS;
	now.has_suspend = false;
	check_moved(&now, true, false);
	check_moved(NULL, false, false);
}

static void a_page_of_another_boot_is_void_already(void **state)
{
	static const struct cbd_page_identity next_boot = {
		.boot_id = {9, 9}, .start_id = 3, .counter_kind = CLOCKBOUND_COUNTER_TSC};
	struct cbd_anchor now;
	struct cbd_page_writer writer = restarted(&now);
	struct clockbound_epochs was;

	(void)state;
	cbd_page_writer_close(&writer);
	assert_int_equal(cbd_page_writer_open(&writer, &scratch_dir, &next_boot), 0);
	was = writer.page->control.epochs;
	now.step_ns = 1;
	assert_int_equal(cbd_page_writer_look_back(&writer, &now), 0);
	assert_memory_equal(&writer.page->control.epochs, &was, sizeof(was));
	cbd_page_writer_close(&writer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_home_keeps_what_readers_have_under_numbers_that_none_has_seen),
		TEST(another_home_does_not_forgive_what_the_slot_had_not_taken_into_account),
		TEST(a_restart_in_which_nothing_moved_has_no_gap),
		TEST(a_step_that_nobody_mirrored_is_not_forgiven),
		TEST(a_sleep_that_nobody_mirrored_is_not_forgiven),
		TEST(a_page_of_another_boot_is_void_already),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
