/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sample interval: every term counts, and every one widens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <clockbound/types.h>

#include "daemon/core/q58.h"
#include "daemon/core/sample.h"
#include "tests/unit/core/world.h"

static struct cbd_sample_context context_of(void)
{
	struct cbd_sample_context context = {
		.growth_q58 = cbd_q58_from_ppb(50000),
		.rate_q58 = (uint64_t)CBD_Q58_ONE,
		.rho_q58 = cbd_q58_from_ppb(50000),
	};

	return context;
}

static int64_t half_of(const struct cbd_sample *sample)
{
	return (sample->interval.latest_ns - sample->interval.earliest_ns) / 2;
}

static void the_half_width_is_the_sum_of_its_terms(void **state)
{
	struct world world;
	struct cbd_sample_context context = context_of();
	struct cbd_sample sample;
	const struct cbd_terms *terms = &sample.terms;

	(void)state;
	world_init(&world);
	world.poll.before = world_anchor(&world);
	world.poll.after = world_anchor(&world);
	world.poll.source[0].since_s = 9;
	context.slip_ns = 300;
	context.off_line_ns = 70;
	assert_true(cbd_sample_from_source(&world.poll, &world.poll.source[0], &context, &sample));
	assert_int_equal(half_of(&sample), terms->sample_error_ns + terms->growth_ns + terms->slip_ns +
						   terms->bracket_ns + terms->off_line_ns + terms->floor_ns);
	assert_int_equal(terms->sample_error_ns, 200000);
	assert_int_equal(terms->sample_age_ns, 10 * SECOND);
	/* over the age, and over six round trips' halves before it: by those the exchange is timed */
	assert_in_range(terms->growth_ns, 500060, 500062);
	assert_int_equal(terms->slip_ns, 300);
	assert_int_equal(terms->bracket_ns, 60);
	assert_int_equal(terms->off_line_ns, 70);
	assert_int_equal(terms->rule, CLOCKBOUND_RULE_SAMPLE);
}

/* World's X is at 12:00:00 sharp, and 0.25 s past it after a quarter of a second. */
static int64_t age_of(struct world *world)
{
	struct cbd_sample_context context = context_of();
	struct cbd_sample sample;

	world->poll.before = world_anchor(world);
	world->poll.after = world_anchor(world);
	assert_true(cbd_sample_from_source(&world->poll, &world->poll.source[0], &context, &sample));
	assert_int_equal(sample.age_ns, sample.terms.sample_age_ns);
	return sample.age_ns;
}

static void a_sample_of_a_known_second_is_as_old_as_that_second(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world.poll.source[0].since_s = 9;
	world.poll.is_since_whole = true;
	world_pass(&world, SECOND / 4);
	assert_in_range(age_of(&world), 9 * SECOND + SECOND / 4, 9 * SECOND + SECOND / 4 + 200);
	world.poll.tracking.correction_ns = SECOND / 2; /* X is what chronyd counts by, not the clock */
	assert_in_range(age_of(&world), 9 * SECOND + SECOND * 3 / 4, 9 * SECOND + SECOND * 3 / 4 + 200);
	world.poll.is_since_whole = false;
	assert_int_equal(age_of(&world), 10 * SECOND);
	world.poll.is_since_whole = true;
	world.poll.source[0].mode = 2; /* a refclock's is not cut */
	assert_int_equal(age_of(&world), 10 * SECOND);
}

/* chronyd may have looked at its clock on either side of the second: then it is a second more. */
static void a_sample_is_a_whole_second_older_where_the_second_is_not_certain(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world.poll.source[0].since_s = 9;
	world.poll.is_since_whole = true;
	assert_int_equal(age_of(&world), 10 * SECOND);
	world.poll.tracking.correction_quantum_ns = 400;
	world_pass(&world, 300);
	assert_int_equal(age_of(&world), 10 * SECOND);
	world_pass(&world, 300);
	assert_in_range(age_of(&world), 9 * SECOND + 600, 9 * SECOND + 600 + 1000);
	world_pass(&world, SECOND - 601);
	assert_int_equal(age_of(&world), 10 * SECOND);
}

static void the_centre_is_the_clock_plus_correction_plus_offset(void **state)
{
	struct world world;
	struct cbd_sample_context context = context_of();
	struct cbd_sample sample;
	int64_t centre_ns;

	(void)state;
	world_init(&world);
	world.poll.before = world_anchor(&world);
	world.poll.after = world_anchor(&world);
	world.poll.tracking.correction_ns = 1000000;
	world.poll.source[0].offset_ns = -300;
	assert_true(cbd_sample_from_source(&world.poll, &world.poll.source[0], &context, &sample));
	centre_ns = sample.interval.earliest_ns / 2 + sample.interval.latest_ns / 2;
	assert_in_range(centre_ns - world.poll.before.real.clock_ns, 1000000 - 302, 1000000 - 298);
}

static void a_source_without_a_sample_gives_none(void **state)
{
	struct world world;
	struct cbd_sample_context context = context_of();
	struct cbd_sample sample;

	(void)state;
	world_init(&world);
	world.poll.source[0].since_s = CBD_SINCE_NEVER;
	assert_false(cbd_sample_from_source(&world.poll, &world.poll.source[0], &context, &sample));
	/* chronyd up to 4.6 after a step forward that failed: dated in the future, which wraps */
	world.poll.source[0].since_s = UINT32_MAX - 1;
	assert_false(cbd_sample_from_source(&world.poll, &world.poll.source[0], &context, &sample));
	assert_ptr_equal(cbd_sample_selected(&world.poll), &world.poll.source[0]);
}

static void only_the_selected_state_is_selected(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	assert_ptr_equal(cbd_sample_selected(&world.poll), &world.poll.source[0]);
	world.poll.source[0].state = CBD_SOURCE_UNSELECTED;
	assert_null(cbd_sample_selected(&world.poll));
	world.poll.sources = 0;
	world.poll.source[0].state = CBD_SOURCE_SELECTED;
	assert_null(cbd_sample_selected(&world.poll));
}

static void extremes_saturate_and_stay_ordered(void **state)
{
	struct world world;
	struct cbd_sample_context context = context_of();
	struct cbd_sample sample;

	(void)state;
	world_init(&world);
	context.growth_q58 = INT64_MAX;
	context.slip_ns = INT64_MAX;
	world.poll.source[0].error_ns = INT64_MAX;
	world.poll.source[0].offset_ns = INT64_MIN;
	world.poll.source[0].since_s = INT32_MAX;
	world.poll.tracking.correction_ns = INT64_MAX;
	world.poll.before.real.half_ticks = UINT64_MAX;
	assert_true(cbd_sample_from_source(&world.poll, &world.poll.source[0], &context, &sample));
	assert_true(sample.interval.earliest_ns <= sample.interval.latest_ns);
	cbd_sample_from_tracking(&world.poll, &context, &sample);
	assert_true(sample.interval.earliest_ns <= sample.interval.latest_ns);
}

static void the_fallback_adds_what_maxclockerror_leaves_out_of_rho(void **state)
{
	struct world world;
	struct cbd_sample_context context = context_of();
	struct cbd_sample sample;

	(void)state;
	world_init(&world);
	world_pass(&world, 10 * SECOND);
	world.poll.before = world_anchor(&world);
	world.poll.after = world_anchor(&world);
	cbd_sample_from_tracking(&world.poll, &context, &sample);
	assert_int_equal(sample.terms.rule, CLOCKBOUND_RULE_TRACKING);
	/* dispersion + delay / 2, and 50 ppm of 10.5 s */
	assert_in_range(half_of(&sample), 100000 + 100000 + 525000, 100000 + 100000 + 525000 + 100);
	context.maxclockerror_q58 = context.rho_q58;
	cbd_sample_from_tracking(&world.poll, &context, &sample);
	assert_in_range(half_of(&sample), 200000, 200100);
}

static void the_fallback_believes_no_update_more_than_a_sixth_of_its_move(void **state)
{
	struct world world;
	struct cbd_sample_context context = context_of();
	struct cbd_sample sample;

	(void)state;
	world_init(&world);
	world.poll.before = world_anchor(&world);
	world.poll.after = world_anchor(&world);
	context.last_move_ns = 1000000;
	cbd_sample_from_tracking(&world.poll, &context, &sample);
	assert_in_range(half_of(&sample), 6000000, 6000100);
	/* and what the update left grows as everything does */
	context.since_update_ns = 100 * SECOND;
	cbd_sample_from_tracking(&world.poll, &context, &sample);
	assert_in_range(half_of(&sample), 11000000, 11000100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_half_width_is_the_sum_of_its_terms),
		cmocka_unit_test(a_sample_of_a_known_second_is_as_old_as_that_second),
		cmocka_unit_test(a_sample_is_a_whole_second_older_where_the_second_is_not_certain),
		cmocka_unit_test(the_centre_is_the_clock_plus_correction_plus_offset),
		cmocka_unit_test(a_source_without_a_sample_gives_none),
		cmocka_unit_test(only_the_selected_state_is_selected),
		cmocka_unit_test(extremes_saturate_and_stay_ordered),
		cmocka_unit_test(the_fallback_adds_what_maxclockerror_leaves_out_of_rho),
		cmocka_unit_test(the_fallback_believes_no_update_more_than_a_sixth_of_its_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
