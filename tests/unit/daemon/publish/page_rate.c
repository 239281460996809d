/* SPDX-License-Identifier: Apache-2.0 */
/* The clock's rate was changed while no daemon looked: the slot that stands is wider by it, or not valid. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/core/q58.h"
#include "daemon/publish/page_writer.h"
#include "tests/unit/daemon/publish/scratch.h"

/* One tick is one ns. */
static const struct cbd_page_identity identity = {
	.boot_id = {1, 2}, .start_id = 3, .counter_kind = CLOCKBOUND_COUNTER_TSC, .counter_hz = 1000000000};

#define STEP_NS	   INT64_C(1700000000000000000)
#define SUSPEND_NS INT64_C(60000000000)
#define REAL_NS	   INT64_C(1700000100000000000)
#define RAW_NS	   INT64_C(100000000000)
#define ELAPSED_NS INT64_C(1024000000)
#define BOUND_NS   500000
#define DRIFT_PPB  70000u
/* Parts that divide ELAPSED_NS. */
#define RATE	(CBD_Q58_ONE / 1024)
#define RATE_NS (ELAPSED_NS / 1024)
/* As far as clocks can be read: both brackets, the former daemon's, rounding. */
#define READING_NS (50 + 10000 + 4)

static struct cbd_page_writer writer;
static const struct clockbound_page *page;
static struct cbd_anchor now;

static void publish(bool is_course_known)
{
	const struct cbd_publication publication = {
		.lines = {.base = 7,
			  .earliest_ns = REAL_NS - 7,
			  .latest_ns = REAL_NS + 7,
			  .earliest_rate = UINT64_C(1) << 58,
			  .latest_rate = UINT64_C(1) << 58},
		.has_lines = true,
		.stale_after_ticks = 10 << CLOCKBOUND_AGE_SHIFT,
		.void_after_ticks = 20 << CLOCKBOUND_AGE_SHIFT,
		.status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID,
		.clock_status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID,
		.counter_epoch = 4,
		.clock_epoch = 5,
		.rate_epoch = 6,
		.rate_sum = 7,
		.bound_ns = BOUND_NS,
		.drift_ppb = DRIFT_PPB,
		.step_ns = STEP_NS,
		.suspend_ns = SUSPEND_NS,
		.as_of_real_ns = REAL_NS,
		.memory.course = {.raw_ns = RAW_NS, .rate_q58 = RATE, .is_known = is_course_known},
	};

	cbd_page_writer_publish(&writer, &publication);
}

/* A daemon has published and died; @now: ELAPSED_NS later, the clock on its course. */
static int restart(void **state)
{
	if (scratch_make(state) != 0 || cbd_page_writer_open(&writer, &scratch_dir, &identity) != 0) {
		return -1;
	}
	publish(true);
	cbd_page_writer_close(&writer);
	now = (struct cbd_anchor){
		.real = {.counter = 5000, .half_ticks = 30, .clock_ns = REAL_NS + ELAPSED_NS + RATE_NS},
		/* Read some time after the clock. */
		.raw = {.counter = 5700, .half_ticks = 20, .clock_ns = RAW_NS + ELAPSED_NS + 700},
		.kernel_rate_q58 = RATE,
		.has_kernel_rate = true,
		.step_ns = STEP_NS,
		.step_half_ns = 100,
		.has_step = true,
		.suspend_ns = SUSPEND_NS,
		.suspend_half_ns = 100,
		.has_suspend = true,
	};
	if (cbd_page_writer_open(&writer, &scratch_dir, &identity) != 0) {
		return -1;
	}
	page = writer.page;
	return 0;
}

static int end(void **state)
{
	cbd_page_writer_close(&writer);
	return scratch_remove(state);
}

/* Both slots as they are now. */
static void check_slots(int64_t bound_ns, uint32_t drift_ppb)
{
	int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(page->slot[i].clock.bound_ns, bound_ns);
		assert_int_equal(page->slot[i].clock.drift_ppb, drift_ppb);
		assert_int_equal(page->slot[i].clock.clock_epoch, 5);
	}
	assert_int_equal(page->control.seq & 1, 0);
}

static void on_its_course_the_clock_costs_no_more_than_its_readings(void **state)
{
	(void)state;
	assert_int_equal(cbd_page_writer_look_back(&writer, &now), 0);
	check_slots(BOUND_NS + READING_NS, DRIFT_PPB);
	assert_int_equal(page->control.epochs.rate_epoch, 6);
}

static void a_rate_that_was_changed_and_lasts_widens_bound_and_drift(void **state)
{
	(void)state;
	now.real.clock_ns -= 2 * RATE_NS;
	now.kernel_rate_q58 = -RATE;
	assert_int_equal(cbd_page_writer_look_back(&writer, &now), CBD_REQUEST_BUMP_RATE);
	/* Half as much again as 2/1024: an age by a clock that has become slow is too short. */
	check_slots(BOUND_NS + READING_NS + 2 * RATE_NS, DRIFT_PPB + 2929688);
}

static void a_rate_that_was_changed_and_changed_back_widens_the_bound(void **state)
{
	(void)state;
	now.real.clock_ns += 300000;
	assert_int_equal(cbd_page_writer_look_back(&writer, &now), CBD_REQUEST_BUMP_RATE);
	check_slots(BOUND_NS + READING_NS + 300000, DRIFT_PPB);
}

static void a_slew_that_may_be_at_work_widens_the_drift(void **state)
{
	(void)state;
	now.kernel_rate_error_q58 = CBD_Q58_ONE / 1000;
	assert_int_equal(cbd_page_writer_look_back(&writer, &now), CBD_REQUEST_BUMP_RATE);
	check_slots(BOUND_NS + READING_NS, DRIFT_PPB + 1500000);
}

static void a_rate_that_nobody_knows_makes_the_slot_not_valid(void **state)
{
	(void)state;
	now.has_kernel_rate = false;
	assert_int_equal(cbd_page_writer_look_back(&writer, &now), CBD_REQUEST_BUMP_EPOCH);
	assert_int_equal(page->control.epochs.clock_epoch, 6);
	check_slots(BOUND_NS, DRIFT_PPB);
}

static void a_course_that_nobody_left_makes_the_slot_not_valid(void **state)
{
	(void)state;
	publish(false);
	cbd_page_writer_close(&writer);
	assert_int_equal(cbd_page_writer_open(&writer, &scratch_dir, &identity), 0);
	assert_int_equal(cbd_page_writer_look_back(&writer, &now), CBD_REQUEST_BUMP_EPOCH);
	assert_int_equal(page->control.epochs.clock_epoch, 6);
}

/* What the former daemon's home had marked, and nobody mirrored or took into account. */
static void another_home_forgives_only_what_the_slot_was_widened_by(void **state)
{
	struct clockbound_epochs next = cbd_page_writer_next_epochs(&writer);

	(void)state;
	now.kernel_rate_q58 = 0;
	(void)cbd_page_writer_look_back(&writer, &now);
	cbd_page_writer_set_home(&writer, 77, &next, 0);
	assert_int_equal(page->control.epochs.rate_epoch, next.rate_epoch);
	assert_int_equal(page->slot[0].clock.clock_epoch, next.clock_epoch);
	/* Valid for now; but a stamp of the clock from meanwhile is not answered. */
	assert_int_equal(page->slot[0].clock.rate_epoch, next.rate_epoch - 1);
	assert_int_equal(page->slot[0].clock.rate_sum, 0);
	/* Later nobody has looked: more than 64 behind. */
	((struct clockbound_page *)writer.mapping.address)->control.epochs.rate_epoch += 5;
	next = cbd_page_writer_next_epochs(&writer);
	cbd_page_writer_set_home(&writer, 78, &next, 0);
	assert_true(next.rate_epoch - page->slot[0].clock.rate_epoch > 64);
}

static void while_it_stands_the_slot_is_widened_again_and_never_narrowed(void **state)
{
	(void)state;
	assert_int_equal(cbd_page_writer_look_back(&writer, &now), 0);
	now.real.clock_ns += 300000;
	assert_int_equal(cbd_page_writer_look_again(&writer, &now), CBD_REQUEST_BUMP_RATE);
	check_slots(BOUND_NS + READING_NS + 300000, DRIFT_PPB);
	assert_int_equal(page->control.epochs.rate_epoch, 6); /* the home's to move */
	now.real.clock_ns += 100000;
	now.kernel_rate_q58 = 0;
	(void)cbd_page_writer_look_again(&writer, &now);
	check_slots(BOUND_NS + READING_NS + 400000, DRIFT_PPB + 1464844);
	now.real.clock_ns -= 200000;
	now.kernel_rate_q58 = RATE;
	(void)cbd_page_writer_look_again(&writer, &now);
	check_slots(BOUND_NS + READING_NS + 400000, DRIFT_PPB + 1464844);
	publish(true);
	now.real.clock_ns += 1000000;
	assert_int_equal(cbd_page_writer_look_again(&writer, &now), 0);
	check_slots(BOUND_NS, DRIFT_PPB);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, restart, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(on_its_course_the_clock_costs_no_more_than_its_readings),
		TEST(a_rate_that_was_changed_and_lasts_widens_bound_and_drift),
		TEST(a_rate_that_was_changed_and_changed_back_widens_the_bound),
		TEST(a_slew_that_may_be_at_work_widens_the_drift),
		TEST(a_rate_that_nobody_knows_makes_the_slot_not_valid),
		TEST(a_course_that_nobody_left_makes_the_slot_not_valid),
		TEST(another_home_forgives_only_what_the_slot_was_widened_by),
		TEST(while_it_stands_the_slot_is_widened_again_and_never_narrowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
