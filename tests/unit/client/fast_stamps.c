/* SPDX-License-Identifier: Apache-2.0 */
/* The rest of <clockbound/fast.h>: stamps of CLOCK_REALTIME, widths, order. Inline, and as exported twins. */
#include "tests/unit/client/world.h"

#include "tests/unit/client/twins.h"

#define SYNCHRONIZED (CLOCKBOUND_VALID | CLOCKBOUND_STATUS_SYNCHRONIZED)
#define STALE	     (CLOCKBOUND_VALID | CLOCKBOUND_STATUS_FREE_RUNNING | CLOCKBOUND_REASON_DAEMON_STALE)
#define EARLIEST     (WORLD_REAL_NS - 50000)
#define LATEST	     (WORLD_REAL_NS + 50000)

static struct clockbound_page page;
static const clockbound_fast fast = {&page, &page.control.epochs, NULL, 0, 0, NULL};

static int setup(void **state)
{
	world_page(&page);
	return world_reset(state);
}

static void expect(const clockbound_interval *interval, int64_t earliest_ns, int64_t latest_ns,
		   uint32_t status)
{
	assert_int_equal(interval->earliest_ns, earliest_ns);
	assert_int_equal(interval->latest_ns, latest_ns);
	assert_int_equal(interval->status, status);
}

static void width_saturates(void **state)
{
	const clockbound_interval all = {INT64_MIN, INT64_MAX, 0, 0};
	const clockbound_interval none = {5, 5, 0, 0};
	const clockbound_interval some = {-5, 5, 0, 0};

	(void)state;
	assert_int_equal(clockbound_width_ns(&all), INT64_MAX);
	assert_int_equal(clockbound_width_ns(&none), 0);
	assert_int_equal(clockbound_width_ns(&some), 10);
}

static void a_cap_withdraws_the_promise_from_what_is_wider(void **state)
{
	clockbound_interval interval = {0, 100, SYNCHRONIZED, 0};

	(void)state;
	clockbound_cap_width(&interval, 100);
	expect(&interval, 0, 100, SYNCHRONIZED);
	clockbound_cap_width(&interval, 99);
	expect(&interval, 0, 100, CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_REASON_TOO_WIDE);
	assert_int_equal(clockbound_fast_now_within(&fast, 100000, &interval), CLOCKBOUND_FAST_OK);
	assert_int_not_equal(clockbound_is_valid(&interval), 0);
	assert_int_equal(clockbound_fast_now_within(&fast, 99999, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, EARLIEST, LATEST, CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_REASON_TOO_WIDE);
}

static void order_is_certain_only_between_valid_intervals_that_do_not_touch(void **state)
{
	const clockbound_interval a = {10, 20, SYNCHRONIZED, 0};
	const clockbound_interval touches = {20, 30, SYNCHRONIZED, 0};
	const clockbound_interval after = {21, 30, SYNCHRONIZED, 0};
	clockbound_interval invalid = after;

	(void)state;
	assert_int_equal(clockbound_compare(&a, &after), CLOCKBOUND_BEFORE);
	assert_int_equal(clockbound_compare(&after, &a), CLOCKBOUND_AFTER);
	assert_int_equal(clockbound_compare(&a, &touches), CLOCKBOUND_OVERLAPS);
	assert_int_equal(clockbound_compare(&touches, &a), CLOCKBOUND_OVERLAPS);
	assert_int_equal(clockbound_compare(&a, &a), CLOCKBOUND_OVERLAPS);
	invalid.status &= ~CLOCKBOUND_VALID;
	assert_int_equal(clockbound_compare(&a, &invalid), CLOCKBOUND_OVERLAPS);
	assert_int_equal(clockbound_compare(&invalid, &a), CLOCKBOUND_OVERLAPS);
}

static void a_stamp_is_surrounded_by_the_bound_at_its_age(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};
	int64_t stamp_ns = WORLD_REAL_NS + 2000000001;

	(void)state;
	assert_int_equal(clockbound_fast_at_realtime(&fast, WORLD_REAL_NS, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, SYNCHRONIZED);
	assert_int_equal(interval.source, CLOCKBOUND_SOURCE_CLOCK);
	assert_int_equal(clockbound_fast_at_realtime(&fast, stamp_ns, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, stamp_ns - 62001, stamp_ns + 62001, SYNCHRONIZED);
}

static void a_stamp_from_before_as_of_is_widened_by_the_kernels_largest_rate(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};
	int64_t stamp_ns = WORLD_REAL_NS - 1000;

	(void)state;
	assert_int_equal(clockbound_fast_at_realtime(&fast, stamp_ns, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, stamp_ns - 60301, stamp_ns + 60301, SYNCHRONIZED);
	stamp_ns = WORLD_REAL_NS - CLOCKBOUND_STAMP_BACK_NS_MAX;
	assert_int_equal(clockbound_fast_at_realtime(&fast, stamp_ns, &interval), CLOCKBOUND_FAST_OK);
	assert_int_not_equal(clockbound_is_valid(&interval), 0);
	assert_int_equal(clockbound_fast_at_realtime(&fast, stamp_ns - 1, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, CLOCKBOUND_REASON_OUT_OF_RANGE);
}

static void a_stamp_grows_stale_and_void_with_its_age(void **state)
{
	int64_t stale_ns = WORLD_REAL_NS + INT64_C(5000000000);
	int64_t void_ns = WORLD_REAL_NS + INT64_C(1000000000000);
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	assert_int_equal(clockbound_fast_at_realtime(&fast, stale_ns - 1, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_int_equal(clockbound_fast_at_realtime(&fast, stale_ns, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, STALE);
	assert_int_equal(clockbound_fast_at_realtime(&fast, void_ns - 1, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, STALE);
	assert_int_equal(clockbound_fast_at_realtime(&fast, void_ns, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, CLOCKBOUND_REASON_EXPIRED);
}

static void a_stamp_under_a_step_that_the_slot_has_not_seen_is_disrupted(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	page.control.epochs.clock_epoch = 1;
	assert_int_equal(clockbound_fast_at_realtime(&fast, WORLD_REAL_NS, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_STEP);
}

static void a_stamp_under_a_rate_that_the_slot_has_not_seen_is_not_answered(void **state)
{
	clockbound_interval interval = {1, 2, 3, 4};
	const clockbound_interval untouched = interval;

	(void)state;
	page.control.epochs.rate_epoch = 1;
	assert_int_equal(clockbound_fast_at_realtime(&fast, WORLD_REAL_NS, &interval),
			 CLOCKBOUND_FAST_CANNOT);
	assert_memory_equal(&interval, &untouched, sizeof(interval));
	page.slot[0].clock.rate_epoch = 1;
	assert_int_equal(clockbound_fast_at_realtime(&fast, WORLD_REAL_NS, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, SYNCHRONIZED);
	page.control.epochs.rate_epoch = 2; /* and a step, of which it can tell */
	page.control.epochs.clock_epoch = 1;
	assert_int_equal(clockbound_fast_at_realtime(&fast, WORLD_REAL_NS, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_STEP);
}

/* However the clock ran up to as-of: the stamp was made so long ago by the true time, and not otherwise. */
static void the_widening_before_as_of_covers_all_that_the_kernel_can_do(void **state)
{
	int permille;

	(void)state;
	for (permille = -226; permille <= 226; permille++) {
		double rate = permille / 1000.0;
		double off = rate / (1 + rate);

		assert_true((off < 0 ? -off : off) * 1e9 <= CLOCKBOUND_STAMP_BACK_PPB);
	}
}

static void a_bound_that_cannot_be_is_not_valid_and_still_in_order(void **state)
{
	static const int64_t bounds[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX - 1};
	clockbound_interval interval = {0, 0, 0, 0};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		page.slot[0].clock.bound_ns = bounds[i];
		assert_int_equal(clockbound_fast_at_realtime(&fast, WORLD_REAL_NS + 1000000000, &interval),
				 CLOCKBOUND_FAST_OK);
		assert_int_equal(clockbound_is_valid(&interval), 0);
		assert_true(interval.earliest_ns <= interval.latest_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(width_saturates, setup),
		cmocka_unit_test_setup(a_cap_withdraws_the_promise_from_what_is_wider, setup),
		cmocka_unit_test_setup(order_is_certain_only_between_valid_intervals_that_do_not_touch,
				       setup),
		cmocka_unit_test_setup(a_stamp_is_surrounded_by_the_bound_at_its_age, setup),
		cmocka_unit_test_setup(a_stamp_from_before_as_of_is_widened_by_the_kernels_largest_rate,
				       setup),
		cmocka_unit_test_setup(a_stamp_grows_stale_and_void_with_its_age, setup),
		cmocka_unit_test_setup(a_stamp_under_a_step_that_the_slot_has_not_seen_is_disrupted, setup),
		cmocka_unit_test_setup(a_stamp_under_a_rate_that_the_slot_has_not_seen_is_not_answered,
				       setup),
		cmocka_unit_test_setup(the_widening_before_as_of_covers_all_that_the_kernel_can_do, setup),
		cmocka_unit_test_setup(a_bound_that_cannot_be_is_not_valid_and_still_in_order, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
