/* SPDX-License-Identifier: Apache-2.0 */
/* The leaves of <clockbound/fast.h> that run the lines over the counter. Inline, and as exported twins. */
#include "tests/unit/client/world.h"

#include "tests/unit/client/twins.h"

#define SYNCHRONIZED (CLOCKBOUND_VALID | CLOCKBOUND_STATUS_SYNCHRONIZED)
#define STALE	     (CLOCKBOUND_VALID | CLOCKBOUND_STATUS_FREE_RUNNING | CLOCKBOUND_REASON_DAEMON_STALE)
#define EARLIEST     (WORLD_REAL_NS - 50000)
#define LATEST	     (WORLD_REAL_NS + 50000)
#define UNIT	     (UINT64_C(1) << CLOCKBOUND_AGE_SHIFT)

static struct clockbound_page page;
static struct clockbound_epochs elsewhere;
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

/* Nothing may be written when the answer is "cannot". */
static void expect_cannot(void)
{
	clockbound_interval interval = {0, 0, 0, 0};
	clockbound_interval before;

	world_fill(&interval, sizeof(interval));
	before = interval;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_CANNOT);
	assert_memory_equal(&interval, &before, sizeof(interval));
	assert_int_equal(clockbound_fast_now_relaxed(&fast, &interval), CLOCKBOUND_FAST_CANNOT);
	assert_memory_equal(&interval, &before, sizeof(interval));
	assert_int_equal(clockbound_fast_now_within(&fast, 1, &interval), CLOCKBOUND_FAST_CANNOT);
	assert_memory_equal(&interval, &before, sizeof(interval));
}

static void now_at_the_base_gives_both_ends_as_published(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, EARLIEST, LATEST, SYNCHRONIZED);
	assert_int_equal(interval.source, CLOCKBOUND_SOURCE_COUNTER);
}

static void now_runs_both_lines_and_rounds_the_products_down(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	world.counter = WORLD_COUNTER + 1;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, EARLIEST, LATEST + 1, SYNCHRONIZED);
	world.counter = WORLD_COUNTER + 500000000;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, EARLIEST + 500000000 - 477, LATEST + 500000000 + 476, SYNCHRONIZED);
}

static void relaxed_gives_the_same_interval(void **state)
{
	clockbound_interval ordered;
	clockbound_interval relaxed;

	(void)state;
	world_fill(&ordered, sizeof(ordered));
	world_fill(&relaxed, sizeof(relaxed));
	world.counter += 12345;
	assert_int_equal(clockbound_fast_now(&fast, &ordered), CLOCKBOUND_FAST_OK);
	assert_int_equal(clockbound_fast_now_relaxed(&fast, &relaxed), CLOCKBOUND_FAST_OK);
	assert_memory_equal(&ordered, &relaxed, sizeof(ordered));
}

static void now_answers_below_short_after_and_not_from_it_on(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	world.counter = WORLD_COUNTER + 999999999;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	world.counter++;
	expect_cannot();
	page.slot[0].hot.short_after = 0;
	world.counter = WORLD_COUNTER;
	expect_cannot();
}

static void now_does_not_mistake_an_age_of_2_to_the_32_for_a_young_one(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	page.slot[0].hot.short_after = UINT32_MAX;
	world.counter = WORLD_COUNTER + UINT32_MAX - 1;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	world.counter++;
	expect_cannot();
	world.counter++;
	expect_cannot();
	world.counter = WORLD_COUNTER + (UINT64_C(5) << 32);
	expect_cannot();
}

static void now_does_not_answer_for_a_counter_behind_the_base(void **state)
{
	(void)state;
	world.counter = WORLD_COUNTER - 1;
	expect_cannot();
	world.counter = WORLD_COUNTER - (UINT64_C(1) << 32);
	expect_cannot();
	world.counter = WORLD_COUNTER + (UINT64_C(1) << 63);
	expect_cannot();
}

static void now_works_where_the_counter_wraps(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	page.slot[0].hot.base = UINT64_MAX - 9;
	world.counter = 10;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, EARLIEST + 19, LATEST + 20, SYNCHRONIZED);
}

static void now_takes_the_slot_that_seq_names(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	page.slot[1].hot.earliest_ns = 1;
	page.slot[1].hot.latest_ns = 2;
	page.control.seq = 1;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, 1, 2, SYNCHRONIZED);
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, 1, 2, SYNCHRONIZED);
	page.control.seq = UINT32_MAX - 1;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, EARLIEST, LATEST, SYNCHRONIZED);
}

static void another_counter_epoch_stops_every_read_of_the_counter(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	page.control.epochs.counter_epoch = 1;
	expect_cannot();
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER, &interval), CLOCKBOUND_FAST_CANNOT);
	page.slot[0].hot.counter_epoch = 1;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	page.slot[0].hot.counter_epoch = 2;
	expect_cannot();
}

static void the_epochs_are_read_from_the_better_home(void **state)
{
	const clockbound_fast better = {&page, &elsewhere, NULL, 0, 0, NULL};
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	elsewhere.counter_epoch = 7;
	elsewhere.clock_epoch = 7;
	assert_int_equal(clockbound_fast_now(&better, &interval), CLOCKBOUND_FAST_CANNOT);
	assert_int_equal(clockbound_fast_at_realtime(&better, WORLD_REAL_NS, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(clockbound_is_valid(&interval), 0);
	page.slot[0].hot.counter_epoch = 7;
	page.slot[0].clock.clock_epoch = 7;
	assert_int_equal(clockbound_fast_now(&better, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(clockbound_fast_at_realtime(&better, WORLD_REAL_NS, &interval), CLOCKBOUND_FAST_OK);
	assert_int_not_equal(clockbound_is_valid(&interval), 0);
}

static void lines_that_turned_round_are_no_answer(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	page.slot[0].hot.earliest_ns = LATEST + 1;
	expect_cannot();
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER, &interval), CLOCKBOUND_FAST_CANNOT);
	page.slot[0].hot.earliest_ns = LATEST;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	page.slot[0].hot.earliest_rate = page.slot[0].hot.latest_rate + 1;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER, &interval), CLOCKBOUND_FAST_CANNOT);
}

static void void_lines_are_no_answer_for_a_saved_counter(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	page.slot[0].hot.void_after = 0;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER, &interval), CLOCKBOUND_FAST_CANNOT);
}

static void a_saved_counter_is_stale_from_stale_after_on(void **state)
{
	uint64_t stale = (uint64_t)page.slot[0].hot.stale_after * UNIT;
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER + stale - 1, &interval),
			 CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER + stale, &interval),
			 CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, STALE);
	page.slot[0].hot.status = CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_STEP;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER + stale, &interval),
			 CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_STEP |
						  CLOCKBOUND_REASON_DAEMON_STALE);
}

static void a_saved_counter_is_void_from_void_after_on_whatever_else_the_page_says(void **state)
{
	uint64_t end = (uint64_t)page.slot[0].hot.void_after * UNIT;
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	page.slot[0].hot.status |= CLOCKBOUND_REASON_FALLBACK;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER + end - 1, &interval),
			 CLOCKBOUND_FAST_OK);
	assert_int_not_equal(clockbound_is_valid(&interval), 0);
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER + end, &interval),
			 CLOCKBOUND_FAST_OK);
	expect(&interval, INT64_MIN, INT64_MAX, CLOCKBOUND_REASON_EXPIRED | CLOCKBOUND_REASON_FALLBACK);
	page.slot[0].hot.void_after = UINT32_MAX;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER + INT64_MAX, &interval),
			 CLOCKBOUND_FAST_OK);
	expect(&interval, INT64_MIN, INT64_MAX, CLOCKBOUND_REASON_EXPIRED | CLOCKBOUND_REASON_FALLBACK);
}

static void an_old_page_runs_its_lines_exactly(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	/* 900 s at 2^-20 off one: 858306.88 ns each way */
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER + UINT64_C(900000000000), &interval),
			 CLOCKBOUND_FAST_OK);
	expect(&interval, EARLIEST + INT64_C(900000000000) - 858307, LATEST + INT64_C(900000000000) + 858306,
	       STALE);
}

static void a_counter_from_before_the_base_widens_backwards(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER - 1000000000, &interval),
			 CLOCKBOUND_FAST_OK);
	expect(&interval, EARLIEST - 1000000954, LATEST - 999999046, SYNCHRONIZED);
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER - 1, &interval), CLOCKBOUND_FAST_OK);
	expect(&interval, EARLIEST - 2, LATEST, SYNCHRONIZED);
}

static void a_counter_too_far_before_the_base_is_out_of_range(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};
	uint64_t far;

	(void)state;
	page.slot[0].hot.stale_after = 3;
	far = 3 * UNIT;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER - far + 1, &interval),
			 CLOCKBOUND_FAST_OK);
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER - far, &interval),
			 CLOCKBOUND_FAST_OK);
	expect(&interval, INT64_MIN, INT64_MAX, CLOCKBOUND_REASON_OUT_OF_RANGE);
}

static void lines_at_the_ends_of_int64_saturate_in_order(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	page.slot[0].hot.earliest_ns = INT64_MAX - 1;
	page.slot[0].hot.latest_ns = INT64_MAX;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER + 1000000000, &interval),
			 CLOCKBOUND_FAST_OK);
	expect(&interval, INT64_MAX, INT64_MAX, SYNCHRONIZED);
	page.slot[0].hot.earliest_ns = INT64_MIN;
	page.slot[0].hot.latest_ns = INT64_MIN;
	assert_int_equal(clockbound_fast_at_counter(&fast, WORLD_COUNTER - 1000, &interval),
			 CLOCKBOUND_FAST_OK);
	expect(&interval, INT64_MIN, INT64_MIN, SYNCHRONIZED);
}

static void the_counter_is_given_as_it_is(void **state)
{
	(void)state;
	assert_int_equal(clockbound_fast_counter(), WORLD_COUNTER);
}

static void interval_now_answers_where_the_leaf_cannot(void **state)
{
	clockbound_interval interval = {0, 0, 0, 0};

	(void)state;
	clockbound_interval_now(&fast, &interval);
	expect(&interval, EARLIEST, LATEST, SYNCHRONIZED);
	world_pass(1000000000);
	expect_cannot();
	clockbound_interval_now(&fast, &interval);
	expect(&interval, EARLIEST + 1000000000 - 954, LATEST + 1000000000 + 953, SYNCHRONIZED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(now_at_the_base_gives_both_ends_as_published, setup),
		cmocka_unit_test_setup(now_runs_both_lines_and_rounds_the_products_down, setup),
		cmocka_unit_test_setup(relaxed_gives_the_same_interval, setup),
		cmocka_unit_test_setup(now_answers_below_short_after_and_not_from_it_on, setup),
		cmocka_unit_test_setup(now_does_not_mistake_an_age_of_2_to_the_32_for_a_young_one, setup),
		cmocka_unit_test_setup(now_does_not_answer_for_a_counter_behind_the_base, setup),
		cmocka_unit_test_setup(now_works_where_the_counter_wraps, setup),
		cmocka_unit_test_setup(now_takes_the_slot_that_seq_names, setup),
		cmocka_unit_test_setup(another_counter_epoch_stops_every_read_of_the_counter, setup),
		cmocka_unit_test_setup(the_epochs_are_read_from_the_better_home, setup),
		cmocka_unit_test_setup(lines_that_turned_round_are_no_answer, setup),
		cmocka_unit_test_setup(void_lines_are_no_answer_for_a_saved_counter, setup),
		cmocka_unit_test_setup(a_saved_counter_is_stale_from_stale_after_on, setup),
		cmocka_unit_test_setup(a_saved_counter_is_void_from_void_after_on_whatever_else_the_page_says,
				       setup),
		cmocka_unit_test_setup(an_old_page_runs_its_lines_exactly, setup),
		cmocka_unit_test_setup(a_counter_from_before_the_base_widens_backwards, setup),
		cmocka_unit_test_setup(a_counter_too_far_before_the_base_is_out_of_range, setup),
		cmocka_unit_test_setup(lines_at_the_ends_of_int64_saturate_in_order, setup),
		cmocka_unit_test_setup(the_counter_is_given_as_it_is, setup),
		cmocka_unit_test_setup(interval_now_answers_where_the_leaf_cannot, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
