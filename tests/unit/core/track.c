/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line test: what is chronyd's own, what is a stranger's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/track.h"
#include "tests/unit/core/world.h"

#define RATE ((uint64_t)CBD_Q58_ONE)

static struct cbd_track_result poll_of(struct cbd_track *track, struct world *world)
{
	world->poll.before = world_anchor(world);
	world_pass(world, 50000);
	world->poll.after = world_anchor(world);
	return cbd_track_poll(track, &world->poll, RATE, 0);
}

static void begin(struct cbd_track *track, struct world *world)
{
	world_init(world);
	cbd_track_init(track);
	poll_of(track, world);
}

static void x_on_its_line_is_calm(void **state)
{
	struct world world;
	struct cbd_track track;
	struct cbd_track_result result;

	(void)state;
	begin(&track, &world);
	world_pass(&world, 64 * SECOND);
	result = poll_of(&track, &world);
	assert_int_equal(result.verdict, CBD_TRACK_CALM);
	assert_true(result.is_same_update);
	assert_true(result.off_line_ns <= 1);
}

static void chronyds_own_slew_is_calm(void **state)
{
	struct world world;
	struct cbd_track track;
	struct cbd_track_result result;

	(void)state;
	begin(&track, &world);
	world.offset_ns += 80000000;		       /* 8 % of a second of slew ... */
	world.poll.tracking.correction_ns -= 80000000; /* ... that chronyd takes off its correction */
	world_pass(&world, SECOND);
	result = poll_of(&track, &world);
	assert_int_equal(result.verdict, CBD_TRACK_CALM);
}

/*
 * A poll that took chronyd 0.45 ms too long began the line, so that X may be off it by as much: a stranger's slew of 500 ppm,
 * which takes X with it, passes for calm for nearly a second, but not for chronyd's own.
 */
static void a_slew_that_takes_x_with_it_is_not_chronyds(void **state)
{
	struct world world;
	struct cbd_track track;
	struct cbd_track_result result;

	(void)state;
	begin(&track, &world);
	world_pass(&world, SECOND);
	world_sample(&world);
	world.poll.before = world_anchor(&world);
	world.offset_ns += 450000;
	world_pass(&world, 50000);
	world.poll.after = world_anchor(&world);
	world.offset_ns -= 450000;
	world.poll.before.kernel_rate_q58 = world.poll.after.kernel_rate_q58 = cbd_q58_from_ppb(500000);
	(void)cbd_track_poll(&track, &world.poll, RATE, 0);
	world_pass(&world, SECOND * 9 / 10);
	world.offset_ns += 450000;
	world.poll.before = world_anchor(&world);
	world_pass(&world, 50000);
	world.poll.after = world_anchor(&world);
	world.poll.before.kernel_rate_q58 = world.poll.after.kernel_rate_q58 = cbd_q58_from_ppb(500000);
	result = cbd_track_poll(&track, &world.poll, RATE, 0);
	assert_int_equal(result.verdict, CBD_TRACK_CALM);
	assert_false(cbd_track_is_slew_known(&track, &world.poll.before));
}

/* What ends where the clock meets X is known as such when X has kept to its line, and until somebody steps. */
static void a_slew_is_chronyds_once_x_has_kept_to_its_line(void **state)
{
	struct world world;
	struct cbd_track track;

	(void)state;
	begin(&track, &world);
	assert_false(cbd_track_is_slew_known(&track, &world.poll.before)); /* the slew has just begun */
	world_pass(&world, SECOND / 10);
	poll_of(&track, &world);
	assert_false(cbd_track_is_slew_known(&track, &world.poll.before));
	world_pass(&world, SECOND);
	poll_of(&track, &world);
	assert_true(cbd_track_is_slew_known(&track, &world.poll.before));
	world_sample(&world); /* a new update, and a new slew */
	poll_of(&track, &world);
	assert_false(cbd_track_is_slew_known(&track, &world.poll.before));
	world_pass(&world, SECOND);
	poll_of(&track, &world);
	assert_true(cbd_track_is_slew_known(&track, &world.poll.before));
	world.poll.before.kernel_rate_q58 = cbd_q58_from_ppb(1);
	assert_false(cbd_track_is_slew_known(&track, &world.poll.before)); /* another rate than chronyd's */
	world.poll.before.kernel_rate_q58 = 0;
	world.poll.before.kernel_rate_error_q58 = 1;
	assert_false(cbd_track_is_slew_known(&track, &world.poll.before)); /* or it may be another */
	world_step(&world, 2 * SECOND);
	poll_of(&track, &world);
	world_pass(&world, SECOND);
	poll_of(&track, &world);
	assert_false(cbd_track_is_slew_known(&track, &world.poll.before)); /* chronyd's plan is upset */
}

static void a_line_that_chronyd_does_not_stand_by_has_no_plan_of_its(void **state)
{
	struct world world;
	struct cbd_track track;
	int64_t off_ns;

	(void)state;
	begin(&track, &world);
	world_sample(&world);
	poll_of(&track, &world);
	world_pass(&world, SECOND);
	poll_of(&track, &world);
	assert_true(cbd_track_is_slew_known(&track, &world.poll.before));
	(void)cbd_track_note(&track, &world.poll, RATE, 0, &off_ns); /* it is not synchronised */
	assert_false(cbd_track_is_slew_known(&track, &world.poll.before));
}

static void a_step_is_seen_with_its_size_and_sign(void **state)
{
	static const int64_t sizes_ns[] = {50000, -50000, 100000000, -3 * SECOND, 100 * SECOND};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(sizes_ns) / sizeof(sizes_ns[0]); k++) {
		struct world world;
		struct cbd_track track;
		struct cbd_track_result result;

		begin(&track, &world);
		world_step(&world, sizes_ns[k]);
		world_pass(&world, SECOND);
		result = poll_of(&track, &world);
		assert_int_equal(result.verdict, CBD_TRACK_STEP);
		assert_true(result.is_clock_stepped);
		assert_in_range(cbd_ns_abs(result.step_ns - sizes_ns[k]), 0, 10);
		/* told once: the line goes on from where the clock is now */
		world_pass(&world, SECOND);
		result = poll_of(&track, &world);
		assert_int_equal(result.verdict, CBD_TRACK_CALM);
	}
}

static void without_clock_monotonic_a_step_is_still_seen_by_the_line(void **state)
{
	struct world world;
	struct cbd_track track;
	struct cbd_track_result result;

	(void)state;
	begin(&track, &world);
	world.offset_ns += 100000000;
	world_pass(&world, SECOND);
	world.poll.before = world_anchor(&world);
	world.poll.before.has_step = false;
	world.poll.after = world.poll.before;
	result = cbd_track_poll(&track, &world.poll, RATE, 0);
	assert_int_equal(result.verdict, CBD_TRACK_STEP);
}

static void movement_without_a_step_is_a_surprise(void **state)
{
	struct world world;
	struct cbd_track track;
	struct cbd_track_result result;

	(void)state;
	begin(&track, &world);
	world.offset_ns += 500000;
	world_pass(&world, SECOND);
	result = poll_of(&track, &world);
	assert_int_equal(result.verdict, CBD_TRACK_SURPRISE);
	assert_in_range(cbd_q58_to_ppb_ceil(result.off_rate_q58), 499900, 500100);
}

static void under_chronyd_x_the_kernels_rate_belongs_to_the_line(void **state)
{
	struct world world;
	struct cbd_track track;
	struct cbd_track_result result;
	int i;

	(void)state;
	world_init(&world);
	cbd_track_init(&track);
	/* another program gives the clock +40 ppm; chronyd -x sees a perfect clock and corrects nothing */
	for (i = 0; i < 10; i++) {
		world.poll.before = world_anchor(&world);
		world.poll.before.kernel_rate_q58 = cbd_q58_from_ppb(40000);
		world.poll.after = world.poll.before;
		result = cbd_track_poll(&track, &world.poll, RATE, 0);
		assert_int_equal(result.verdict, CBD_TRACK_CALM);
		world_pass(&world, SECOND);
		world.offset_ns += 40000;
	}
	assert_true(track.is_foreign);
	assert_true(track.is_settled);
	assert_true(cbd_track_slope_q58(&track, RATE) > RATE);
}

/* The first polls are 200 ms apart: what an ordinary rate has done by then is less than a step would be. */
static void under_chronyd_x_the_hand_is_told_only_when_it_shows(void **state)
{
	struct world world;
	struct cbd_track track;
	struct cbd_track_result result;
	int i;

	(void)state;
	world_init(&world);
	cbd_track_init(&track);
	for (i = 0; i < 10; i++) {
		world.poll.before = world_anchor(&world);
		world.poll.before.kernel_rate_q58 = cbd_q58_from_ppb(20000);
		world.poll.after = world.poll.before;
		/* 20 ppm at first: as much as the rate that is looked for */
		result = cbd_track_poll(&track, &world.poll, RATE, cbd_q58_from_ppb(i < 2 ? 20000 : 100));
		assert_int_equal(result.verdict, CBD_TRACK_CALM);
		assert_false(track.is_settled && !track.is_foreign);
		world_pass(&world, SECOND / 5);
		world.offset_ns += 4000;
	}
	assert_true(track.is_settled && track.is_foreign);
}

static void a_step_that_an_update_hides_is_told_by_x_going_along(void **state)
{
	struct world world;
	struct cbd_track track;
	struct cbd_track_result result;

	(void)state;
	begin(&track, &world);
	world_sample(&world);
	world_step(&world, 20000000);
	world_pass(&world, SECOND);
	result = poll_of(&track, &world);
	assert_false(result.is_same_update);
	assert_int_equal(result.verdict, CBD_TRACK_STEP);
	/* chronyd's own: X stands still */
	begin(&track, &world);
	world_step(&world, 20000000);
	world_sample(&world);
	world_pass(&world, SECOND);
	result = poll_of(&track, &world);
	assert_int_equal(result.verdict, CBD_TRACK_CALM);
	assert_true(result.is_clock_stepped);
}

static void the_move_of_an_update_is_measured_from_the_old_line(void **state)
{
	struct world world;
	struct cbd_track track;
	struct cbd_track_result result;

	(void)state;
	begin(&track, &world);
	world_sample(&world);
	world.poll.tracking.correction_ns += 12345;
	world_pass(&world, SECOND);
	result = poll_of(&track, &world);
	assert_true(result.has_move);
	assert_in_range(result.move_ns, 12340, 12350);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x_on_its_line_is_calm),
		cmocka_unit_test(chronyds_own_slew_is_calm),
		cmocka_unit_test(a_slew_that_takes_x_with_it_is_not_chronyds),
		cmocka_unit_test(a_slew_is_chronyds_once_x_has_kept_to_its_line),
		cmocka_unit_test(a_line_that_chronyd_does_not_stand_by_has_no_plan_of_its),
		cmocka_unit_test(a_step_is_seen_with_its_size_and_sign),
		cmocka_unit_test(without_clock_monotonic_a_step_is_still_seen_by_the_line),
		cmocka_unit_test(movement_without_a_step_is_a_surprise),
		cmocka_unit_test(under_chronyd_x_the_kernels_rate_belongs_to_the_line),
		cmocka_unit_test(under_chronyd_x_the_hand_is_told_only_when_it_shows),
		cmocka_unit_test(a_step_that_an_update_hides_is_told_by_x_going_along),
		cmocka_unit_test(the_move_of_an_update_is_measured_from_the_old_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
