/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PTP hardware clocks as evidence: what a reading proves contains true time, and what is not known proves nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/phc.h"
#include "daemon/core/q58.h"
#include "tests/unit/core/world.h"

/* A reading made at @raw_ns of a device that is @error_ns off, between stamps @width_ns apart. */
static struct cbd_phc_reading reading_of(const struct world *world, int64_t error_ns, int64_t width_ns)
{
	struct cbd_anchor now = world_anchor(world);
	int64_t offset_ns = world_true_ns(world) + error_ns - now.raw.clock_ns;
	struct cbd_phc_reading reading = {
		.raw_ns = now.raw.clock_ns,
		.low_ns = offset_ns - width_ns / 3,
		.high_ns = offset_ns + width_ns - width_ns / 3,
		.bound_ns = error_ns < 0 ? -error_ns + 1 : error_ns + 1,
		.worst_bound_ns = 1,
		.widest_ns = width_ns,
		.has_offset = true,
		.has_bound = true,
	};

	return reading;
}

static struct cbd_phc_carry carry_of(void)
{
	struct cbd_phc_carry carry = {
		.rate_q58 = (uint64_t)CBD_Q58_ONE,
		.growth_q58 = cbd_q58_from_ppb(50000),
	};

	return carry;
}

static void the_scale_is_utc_or_tai_or_refused(void **state)
{
	(void)state;
	assert_int_equal(cbd_phc_scale(0, 0), CBD_PHC_SCALE_UTC);
	assert_int_equal(cbd_phc_scale(-99999999, 37), CBD_PHC_SCALE_UTC);
	assert_int_equal(cbd_phc_scale(SECOND / 10, 37), CBD_PHC_SCALE_UNKNOWN);
	assert_int_equal(cbd_phc_scale(37 * SECOND, 37), CBD_PHC_SCALE_TAI);
	assert_int_equal(cbd_phc_scale(37 * SECOND, 0), CBD_PHC_SCALE_UNKNOWN);
	assert_int_equal(cbd_phc_scale(36 * SECOND, 37), CBD_PHC_SCALE_UNKNOWN);
	assert_int_equal(cbd_phc_scale(38 * SECOND, 37), CBD_PHC_SCALE_UNKNOWN);
	assert_int_equal(cbd_phc_scale(-37 * SECOND, 37), CBD_PHC_SCALE_UNKNOWN);
	assert_int_equal(cbd_phc_scale(400000000, 37), CBD_PHC_SCALE_UNKNOWN);
	assert_int_equal(cbd_phc_scale(INT64_MAX, 37), CBD_PHC_SCALE_UNKNOWN);
	assert_int_equal(cbd_phc_scale(INT64_MIN, 37), CBD_PHC_SCALE_UNKNOWN);
}

static void the_interval_contains_true_time_and_is_hardly_wider_than_read_and_bound(void **state)
{
	struct cbd_phc_carry carry = carry_of();
	struct cbd_interval interval;
	struct cbd_phc_reading reading;
	struct cbd_anchor anchor;
	struct world world;
	int64_t error_ns;

	(void)state;
	world_init(&world);
	for (error_ns = -3000; error_ns <= 3000; error_ns += 1500) {
		anchor = world_anchor(&world);
		reading = reading_of(&world, error_ns, 400);
		assert_true(cbd_phc_interval(&reading, &anchor, &carry, &interval));
		assert_true(interval.earliest_ns <= world_true_ns(&world));
		assert_true(interval.latest_ns >= world_true_ns(&world));
		assert_in_range(interval.latest_ns - interval.earliest_ns, 2 * reading.bound_ns + 400,
				2 * reading.bound_ns + 400 + 2 * 30);
	}
}

/* The oscillator at the limit of what is allowed, in both directions, the reading before and after the anchor. */
static void a_reading_is_carried_to_the_anchor_with_growth_in_both_directions(void **state)
{
	static const int64_t distances[] = {-SECOND, -2000000, -1, 0, 1, 2000000, SECOND, 9 * SECOND};
	struct cbd_phc_carry carry = carry_of();
	struct world world;
	size_t i;
	int sign;

	(void)state;
	world_init(&world);
	for (i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		for (sign = -1; sign <= 1; sign++) {
			struct cbd_phc_reading reading = reading_of(&world, 0, 100);
			struct cbd_anchor anchor = world_anchor(&world);
			/* CLOCK_MONOTONIC_RAW went distance, true time a little more or less. */
			int64_t truth_ns =
				world_true_ns(&world) + distances[i] + sign * (distances[i] / 1000000 * 49);
			struct cbd_interval interval;

			anchor.raw.clock_ns += distances[i];
			assert_true(cbd_phc_interval(&reading, &anchor, &carry, &interval));
			assert_true(interval.earliest_ns <= truth_ns && truth_ns <= interval.latest_ns);
		}
	}
}

static void chronyds_frequency_is_taken_off_on_the_way(void **state)
{
	struct cbd_phc_carry carry = carry_of();
	struct cbd_phc_reading reading;
	struct cbd_interval interval;
	struct cbd_anchor anchor;
	struct world world;

	(void)state;
	world_init(&world);
	reading = reading_of(&world, 0, 0);
	anchor = world_anchor(&world);
	anchor.raw.clock_ns += SECOND;
	carry.growth_q58 = 0;
	carry.frequency_q58 = cbd_q58_from_ppb(100000); /* the clock is fast: true time went 100 us less */
	assert_true(cbd_phc_interval(&reading, &anchor, &carry, &interval));
	assert_in_range(world_true_ns(&world) + SECOND - 100000, interval.earliest_ns, interval.latest_ns);
	assert_true(interval.latest_ns - interval.earliest_ns < 60);
	carry.frequency_q58 = -carry.frequency_q58;
	assert_true(cbd_phc_interval(&reading, &anchor, &carry, &interval));
	assert_in_range(world_true_ns(&world) + SECOND + 100000, interval.earliest_ns, interval.latest_ns);
}

static void the_anchors_two_brackets_may_lie_apart_on_the_counter(void **state)
{
	struct cbd_phc_carry carry = carry_of();
	struct cbd_phc_reading reading;
	struct cbd_interval interval;
	struct cbd_anchor anchor;
	struct world world;

	(void)state;
	world_init(&world);
	reading = reading_of(&world, 0, 0);
	anchor = world_anchor(&world);
	anchor.real.counter += 700000;
	assert_true(cbd_phc_interval(&reading, &anchor, &carry, &interval));
	assert_in_range(world_true_ns(&world) + 700000, interval.earliest_ns, interval.latest_ns);
	anchor.real.counter -= 2 * 700000;
	assert_true(cbd_phc_interval(&reading, &anchor, &carry, &interval));
	assert_in_range(world_true_ns(&world) - 700000, interval.earliest_ns, interval.latest_ns);
}

static void what_is_not_known_proves_nothing(void **state)
{
	struct cbd_phc_carry carry = carry_of();
	struct cbd_phc_reading good;
	struct cbd_phc_reading bad;
	struct cbd_interval interval;
	struct cbd_anchor anchor;
	struct world world;

	(void)state;
	world_init(&world);
	anchor = world_anchor(&world);
	good = reading_of(&world, 0, 100);
	assert_true(cbd_phc_interval(&good, &anchor, &carry, &interval));
	bad = good;
	bad.has_offset = false;
	assert_false(cbd_phc_interval(&bad, &anchor, &carry, &interval));
	bad = good;
	bad.has_bound = false;
	assert_false(cbd_phc_interval(&bad, &anchor, &carry, &interval));
	bad = good;
	bad.bound_ns = 0;
	assert_false(cbd_phc_interval(&bad, &anchor, &carry, &interval));
	bad = good;
	bad.bound_ns = -5;
	assert_false(cbd_phc_interval(&bad, &anchor, &carry, &interval));
	bad = good;
	bad.low_ns = bad.high_ns + 1;
	assert_false(cbd_phc_interval(&bad, &anchor, &carry, &interval));
	bad = good;
	bad.raw_ns -= 10 * SECOND + 1;
	assert_false(cbd_phc_interval(&bad, &anchor, &carry, &interval));
	bad = good;
	bad.raw_ns = INT64_MIN;
	assert_false(cbd_phc_interval(&bad, &anchor, &carry, &interval));
}

static void absurd_numbers_saturate_and_widen(void **state)
{
	struct cbd_phc_carry carry = carry_of();
	struct cbd_phc_reading reading;
	struct cbd_interval interval;
	struct cbd_anchor anchor;
	struct world world;

	(void)state;
	world_init(&world);
	anchor = world_anchor(&world);
	reading = reading_of(&world, 0, 100);
	reading.bound_ns = INT64_MAX;
	assert_true(cbd_phc_interval(&reading, &anchor, &carry, &interval));
	assert_true(interval.earliest_ns < 0 && interval.latest_ns == INT64_MAX);
	reading.low_ns = INT64_MIN;
	reading.high_ns = INT64_MAX;
	carry.growth_q58 = INT64_MAX;
	assert_true(cbd_phc_interval(&reading, &anchor, &carry, &interval));
	assert_true(interval.earliest_ns == INT64_MIN && interval.latest_ns == INT64_MAX);
}

static void two_that_meet_are_intersected_and_two_that_do_not_are_covered(void **state)
{
	struct cbd_interval a = {0, 1000};
	struct cbd_interval b = {900, 5000};
	struct cbd_interval c = {1001, 5000};

	(void)state;
	assert_false(cbd_phc_combine(&a, &b));
	assert_int_equal(a.earliest_ns, 900);
	assert_int_equal(a.latest_ns, 1000);
	a.earliest_ns = 0;
	assert_true(cbd_phc_combine(&a, &c));
	assert_int_equal(a.earliest_ns, 0);
	assert_int_equal(a.latest_ns, 5000);
}

static void a_followed_device_adds_its_error_and_the_reads_that_chronyds_delay_leaves_out(void **state)
{
	struct cbd_phc_reading reading = {
		.bound_ns = 5000, .worst_bound_ns = 7000, .widest_ns = 1000, .has_bound = true};
	struct cbd_sample sample = {.interval = {0, 0}};

	(void)state;
	assert_true(cbd_phc_charge(&reading, &sample));
	assert_int_equal(sample.terms.phc_ns, 7000 + 500 + 1);
	assert_int_equal(sample.interval.earliest_ns, -7501);
	assert_int_equal(sample.interval.latest_ns, 7501);
	sample = (struct cbd_sample){.terms.root_delay_ns = 10000}; /* refclock PHC ... delay 0.000010 */
	assert_true(cbd_phc_charge(&reading, &sample));
	assert_int_equal(sample.terms.phc_ns, 7000 + 1);
	reading.worst_bound_ns = 0;
	assert_true(cbd_phc_charge(&reading, &sample));
	assert_int_equal(sample.terms.phc_ns, 5000 + 1);
}

static void a_followed_device_of_unknown_error_proves_nothing(void **state)
{
	struct cbd_phc_reading reading = {.bound_ns = 5000, .has_bound = false};
	struct cbd_sample sample = {.interval = {-3, 3}};

	(void)state;
	assert_false(cbd_phc_charge(&reading, &sample));
	reading.has_bound = true;
	reading.bound_ns = 0;
	assert_false(cbd_phc_charge(&reading, &sample));
	assert_int_equal(sample.interval.latest_ns, 3);
	assert_int_equal(sample.terms.phc_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_scale_is_utc_or_tai_or_refused),
		cmocka_unit_test(the_interval_contains_true_time_and_is_hardly_wider_than_read_and_bound),
		cmocka_unit_test(a_reading_is_carried_to_the_anchor_with_growth_in_both_directions),
		cmocka_unit_test(chronyds_frequency_is_taken_off_on_the_way),
		cmocka_unit_test(the_anchors_two_brackets_may_lie_apart_on_the_counter),
		cmocka_unit_test(what_is_not_known_proves_nothing),
		cmocka_unit_test(absurd_numbers_saturate_and_widen),
		cmocka_unit_test(two_that_meet_are_intersected_and_two_that_do_not_are_covered),
		cmocka_unit_test(
			a_followed_device_adds_its_error_and_the_reads_that_chronyds_delay_leaves_out),
		cmocka_unit_test(a_followed_device_of_unknown_error_proves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
