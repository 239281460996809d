/* SPDX-License-Identifier: Apache-2.0 */
/* clockbound_now() on a page, on a 1.x and on a 2.x segment. */
#include "tests/unit/client/world.h"

#include <errno.h>
#include <string.h>

#include "client/src/context.h"

#define NS_PER_SEC INT64_C(1000000000)

static struct clockbound_page page;
static struct clockbound_shm1 shm1;
static struct clockbound_shm2 shm2;
static struct clockbound_ctx on_page;
static struct clockbound_ctx on_shm1;
static struct clockbound_ctx on_shm2;
static clockbound_now_result result;

/* Contexts made by hand, over memory that the test writes as a daemon would. */
static int setup(void **state)
{
	world_page(&page);
	world_shm1(&shm1);
	world_shm2(&shm2);
	memset(&on_page, 0, sizeof(on_page));
	memset(&on_shm1, 0, sizeof(on_shm1));
	memset(&on_shm2, 0, sizeof(on_shm2));
	clockbound_priv_fast_init(&on_page.fast, &page);
	on_shm1.file = (struct clockbound_priv_file){CLOCKBOUND_PRIV_SHM1, &shm1, sizeof(shm1)};
	on_shm2.file = (struct clockbound_priv_file){CLOCKBOUND_PRIV_SHM2, &shm2, sizeof(shm2)};
	world_fill(&result, sizeof(result));
	return world_reset(state);
}

static int64_t ns_of(const struct timespec *time)
{
	assert_in_range(time->tv_nsec, 0, NS_PER_SEC - 1);
	return (int64_t)time->tv_sec * NS_PER_SEC + time->tv_nsec;
}

static void expect(struct clockbound_ctx *ctx, int64_t earliest_ns, int64_t latest_ns,
		   clockbound_clock_status status)
{
	assert_null(clockbound_now(ctx, &result));
	assert_int_equal(ns_of(&result.earliest), earliest_ns);
	assert_int_equal(ns_of(&result.latest), latest_ns);
	assert_int_equal(result.clock_status, status);
}

/* An error, and the result untouched. */
static void expect_error(struct clockbound_ctx *ctx, clockbound_err_kind kind)
{
	const clockbound_err *err;
	clockbound_now_result before;

	world_fill(&result, sizeof(result));
	before = result;
	err = clockbound_now(ctx, &result);
	assert_non_null(err);
	assert_int_equal(err->kind, kind);
	assert_int_equal(err->sys_errno, kind == CLOCKBOUND_ERR_SYSCALL ? EPERM : 0);
	assert_true(strlen(err->detail) > 20);
	assert_memory_equal(&result, &before, sizeof(result));
}

static void on_a_page_the_lines_answer(void **state)
{
	(void)state;
	expect(&on_page, WORLD_REAL_NS - 50000, WORLD_REAL_NS + 50000, CLOCKBOUND_STA_SYNCHRONIZED);
	world_pass(NS_PER_SEC);
	expect(&on_page, WORLD_REAL_NS + NS_PER_SEC - 50954, WORLD_REAL_NS + NS_PER_SEC + 50953,
	       CLOCKBOUND_STA_SYNCHRONIZED);
	world_pass(9 * NS_PER_SEC);
	assert_null(clockbound_now(&on_page, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_FREE_RUNNING);
	world_pass(1000 * NS_PER_SEC);
	assert_null(clockbound_now(&on_page, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_UNKNOWN);
	assert_int_equal(result.earliest.tv_sec, INT64_MIN / NS_PER_SEC - 1);
	assert_int_equal(result.latest.tv_sec, INT64_MAX / NS_PER_SEC);
}

static void a_pages_status_is_unknown_unless_it_is_valid_or_disrupted(void **state)
{
	static const struct {
		uint32_t word;
		clockbound_clock_status status;
	} table[] = {
		{CLOCKBOUND_VALID | CLOCKBOUND_STATUS_SYNCHRONIZED, CLOCKBOUND_STA_SYNCHRONIZED},
		{CLOCKBOUND_VALID | CLOCKBOUND_STATUS_FREE_RUNNING, CLOCKBOUND_STA_FREE_RUNNING},
		{CLOCKBOUND_VALID | CLOCKBOUND_STATUS_UNKNOWN, CLOCKBOUND_STA_UNKNOWN},
		{CLOCKBOUND_VALID | CLOCKBOUND_STATUS_DISRUPTED, CLOCKBOUND_STA_DISRUPTED},
		{CLOCKBOUND_STATUS_SYNCHRONIZED, CLOCKBOUND_STA_UNKNOWN},
		{CLOCKBOUND_STATUS_FREE_RUNNING, CLOCKBOUND_STA_UNKNOWN},
		{CLOCKBOUND_STATUS_UNKNOWN, CLOCKBOUND_STA_UNKNOWN},
		{CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_STEP, CLOCKBOUND_STA_DISRUPTED},
		{CLOCKBOUND_VALID | 4, CLOCKBOUND_STA_UNKNOWN},
		{UINT32_MAX, CLOCKBOUND_STA_UNKNOWN},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		page.slot[0].hot.status = table[i].word;
		assert_null(clockbound_now(&on_page, &result));
		assert_int_equal(result.clock_status, table[i].status);
		assert_true(ns_of(&result.earliest) <= ns_of(&result.latest));
	}
}

static void timespecs_carry_over_the_second_and_round_towards_the_past(void **state)
{
	static const int64_t earliest[] = {0, 1, NS_PER_SEC - 1, -1, -NS_PER_SEC, -NS_PER_SEC - 1, INT64_MIN};
	static const int64_t width[] = {0, 1, NS_PER_SEC - 1, NS_PER_SEC, 5 * NS_PER_SEC + 7};
	size_t i;
	size_t j;

	(void)state;
	for (i = 0; i < sizeof(earliest) / sizeof(earliest[0]); i++) {
		for (j = 0; j < sizeof(width) / sizeof(width[0]); j++) {
			page.slot[0].hot.earliest_ns = earliest[i];
			page.slot[0].hot.latest_ns = earliest[i] + width[j];
			assert_null(clockbound_now(&on_page, &result));
			if (earliest[i] == INT64_MIN) {
				assert_int_equal(result.earliest.tv_sec, INT64_C(-9223372037));
				assert_int_equal(result.earliest.tv_nsec, 145224192);
				continue;
			}
			assert_int_equal(ns_of(&result.earliest), earliest[i]);
			assert_int_equal(ns_of(&result.latest), earliest[i] + width[j]);
		}
	}
}

static void on_a_segment_the_bound_grows_with_its_age_rounded_up(void **state)
{
	(void)state;
	expect(&on_shm1, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, CLOCKBOUND_STA_SYNCHRONIZED);
	expect(&on_shm2, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, CLOCKBOUND_STA_SYNCHRONIZED);
	world.coarse_ns += 1;
	expect(&on_shm1, WORLD_REAL_NS - 60001, WORLD_REAL_NS + 60001, CLOCKBOUND_STA_SYNCHRONIZED);
	expect(&on_shm2, WORLD_REAL_NS - 60001, WORLD_REAL_NS + 60001, CLOCKBOUND_STA_SYNCHRONIZED);
}

static void a_segment_is_as_written_for_5_s_then_free_running_then_unknown(void **state)
{
	(void)state;
	world.coarse_ns = WORLD_MONO_NS + 5 * NS_PER_SEC - 1;
	expect(&on_shm2, WORLD_REAL_NS - 65000, WORLD_REAL_NS + 65000, CLOCKBOUND_STA_SYNCHRONIZED);
	world.coarse_ns = WORLD_MONO_NS + 5 * NS_PER_SEC;
	expect(&on_shm2, WORLD_REAL_NS - 65000, WORLD_REAL_NS + 65000, CLOCKBOUND_STA_FREE_RUNNING);
	world.coarse_ns = WORLD_MONO_NS + 1000 * NS_PER_SEC - 1;
	expect(&on_shm2, WORLD_REAL_NS - 1060000, WORLD_REAL_NS + 1060000, CLOCKBOUND_STA_FREE_RUNNING);
	world.coarse_ns = WORLD_MONO_NS + 1000 * NS_PER_SEC;
	expect(&on_shm2, WORLD_REAL_NS - 1060000, WORLD_REAL_NS + 1060000, CLOCKBOUND_STA_UNKNOWN);
	expect(&on_shm1, WORLD_REAL_NS - 1060000, WORLD_REAL_NS + 1060000, CLOCKBOUND_STA_UNKNOWN);
}

static void unknown_and_disrupted_stay_what_they_are_at_any_age(void **state)
{
	static const int64_t ages[] = {0, 5 * NS_PER_SEC, 1000 * NS_PER_SEC};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		world.coarse_ns = WORLD_MONO_NS + ages[i];
		shm2.clock_status = CLOCKBOUND_STA_UNKNOWN;
		shm2.header.generation = (uint16_t)(shm2.header.generation + 2);
		assert_null(clockbound_now(&on_shm2, &result));
		assert_int_equal(result.clock_status, CLOCKBOUND_STA_UNKNOWN);
		shm2.clock_status = CLOCKBOUND_STA_DISRUPTED;
		assert_null(clockbound_now(&on_shm2, &result));
		assert_int_equal(result.clock_status, CLOCKBOUND_STA_DISRUPTED);
	}
}

static void a_free_running_segment_within_5_s_is_free_running(void **state)
{
	(void)state;
	shm1.clock_status = CLOCKBOUND_STA_FREE_RUNNING;
	expect(&on_shm1, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, CLOCKBOUND_STA_FREE_RUNNING);
}

static void a_monotonic_clock_up_to_1000_ns_before_as_of_is_age_zero_and_further_a_breach(void **state)
{
	(void)state;
	world.coarse_ns = WORLD_MONO_NS - 1000;
	expect(&on_shm2, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, CLOCKBOUND_STA_SYNCHRONIZED);
	world.coarse_ns = WORLD_MONO_NS - 1001;
	expect_error(&on_shm2, CLOCKBOUND_ERR_CAUSALITY_BREACH);
	expect_error(&on_shm1, CLOCKBOUND_ERR_CAUSALITY_BREACH);
}

static void a_drift_of_a_second_per_second_is_malformed(void **state)
{
	(void)state;
	shm2.max_drift_ppb = 999999999;
	assert_null(clockbound_now(&on_shm2, &result));
	shm2.max_drift_ppb = 1000000000;
	expect_error(&on_shm2, CLOCKBOUND_ERR_SEGMENT_MALFORMED);
	shm1.max_drift_ppb = UINT32_MAX;
	expect_error(&on_shm1, CLOCKBOUND_ERR_SEGMENT_MALFORMED);
}

static void values_that_cannot_be_are_malformed(void **state)
{
	(void)state;
	shm2.bound_nsec = -1;
	expect_error(&on_shm2, CLOCKBOUND_ERR_SEGMENT_MALFORMED);
	world_shm2(&shm2);
	shm2.as_of.nsec = NS_PER_SEC;
	expect_error(&on_shm2, CLOCKBOUND_ERR_SEGMENT_MALFORMED);
	world_shm2(&shm2);
	shm2.void_after.nsec = -1;
	expect_error(&on_shm2, CLOCKBOUND_ERR_SEGMENT_MALFORMED);
	world_shm2(&shm2);
	shm2.clock_status = 4;
	expect_error(&on_shm2, CLOCKBOUND_ERR_SEGMENT_MALFORMED);
	shm2.clock_status = -1;
	expect_error(&on_shm2, CLOCKBOUND_ERR_SEGMENT_MALFORMED);
}

static void extreme_values_saturate_in_order(void **state)
{
	(void)state;
	shm2.bound_nsec = INT64_MAX;
	assert_null(clockbound_now(&on_shm2, &result));
	assert_true(ns_of(&result.earliest) <= ns_of(&result.latest));
	world_shm2(&shm2);
	shm2.as_of.sec = INT64_MIN;
	shm2.void_after.sec = INT64_MAX;
	assert_null(clockbound_now(&on_shm2, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_FREE_RUNNING);
	shm2.void_after.sec = INT64_MIN;
	assert_null(clockbound_now(&on_shm2, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_UNKNOWN);
	shm2.as_of.sec = INT64_MAX;
	expect_error(&on_shm2, CLOCKBOUND_ERR_CAUSALITY_BREACH);
}

static void a_segment_being_written_answers_from_the_last_snapshot_until_that_is_too_old(void **state)
{
	(void)state;
	assert_null(clockbound_now(&on_shm2, &result));
	shm2.header.generation |= 1;
	shm2.bound_nsec = 1;
	expect(&on_shm2, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, CLOCKBOUND_STA_SYNCHRONIZED);
	world.coarse_ns += 5 * NS_PER_SEC;
	expect(&on_shm2, WORLD_REAL_NS - 65000, WORLD_REAL_NS + 65000, CLOCKBOUND_STA_FREE_RUNNING);
	world.coarse_ns += 1000 * NS_PER_SEC;
	assert_null(clockbound_now(&on_shm2, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_UNKNOWN);
}

static void a_segment_never_seen_whole_is_not_initialized(void **state)
{
	(void)state;
	shm1.header.generation = 5;
	expect_error(&on_shm1, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED);
}

static void a_clock_that_cannot_be_read_is_an_error_of_the_system(void **state)
{
	(void)state;
	world.clock_fails = true;
	expect_error(&on_shm2, CLOCKBOUND_ERR_SYSCALL);
	page.slot[0].hot.void_after = 0;
	page.slot[0].hot.short_after = 0;
	assert_null(clockbound_now(&on_page, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_UNKNOWN);
}

static void a_vmclock_marker_other_than_the_segments_is_unknown(void **state)
{
	static uint64_t vmclock[3] = {0, 0, 7};

	(void)state;
	on_shm2.vmclock.map = vmclock;
	shm2.disruption_support = 1;
	shm2.disruption_marker = 7;
	expect(&on_shm2, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, CLOCKBOUND_STA_SYNCHRONIZED);
	vmclock[2] = 8;
	expect(&on_shm2, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, CLOCKBOUND_STA_UNKNOWN);
	shm2.disruption_support = 0;
	expect(&on_shm2, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, CLOCKBOUND_STA_SYNCHRONIZED);
}

static void a_segment_that_wants_a_vmclock_nobody_could_map_is_unknown(void **state)
{
	(void)state;
	shm2.disruption_support = 1;
	expect(&on_shm2, WORLD_REAL_NS - 60000, WORLD_REAL_NS + 60000, CLOCKBOUND_STA_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(on_a_page_the_lines_answer, setup),
		cmocka_unit_test_setup(a_pages_status_is_unknown_unless_it_is_valid_or_disrupted, setup),
		cmocka_unit_test_setup(timespecs_carry_over_the_second_and_round_towards_the_past, setup),
		cmocka_unit_test_setup(on_a_segment_the_bound_grows_with_its_age_rounded_up, setup),
		cmocka_unit_test_setup(a_segment_is_as_written_for_5_s_then_free_running_then_unknown, setup),
		cmocka_unit_test_setup(unknown_and_disrupted_stay_what_they_are_at_any_age, setup),
		cmocka_unit_test_setup(a_free_running_segment_within_5_s_is_free_running, setup),
		cmocka_unit_test_setup(
			a_monotonic_clock_up_to_1000_ns_before_as_of_is_age_zero_and_further_a_breach, setup),
		cmocka_unit_test_setup(a_drift_of_a_second_per_second_is_malformed, setup),
		cmocka_unit_test_setup(values_that_cannot_be_are_malformed, setup),
		cmocka_unit_test_setup(extreme_values_saturate_in_order, setup),
		cmocka_unit_test_setup(
			a_segment_being_written_answers_from_the_last_snapshot_until_that_is_too_old, setup),
		cmocka_unit_test_setup(a_segment_never_seen_whole_is_not_initialized, setup),
		cmocka_unit_test_setup(a_clock_that_cannot_be_read_is_an_error_of_the_system, setup),
		cmocka_unit_test_setup(a_vmclock_marker_other_than_the_segments_is_unknown, setup),
		cmocka_unit_test_setup(a_segment_that_wants_a_vmclock_nobody_could_map_is_unknown, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
