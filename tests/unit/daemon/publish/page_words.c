/* SPDX-License-Identifier: Apache-2.0 */
/* From a publication to the page's words: every rounding outward, every edge void rather than wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clockbound/arith.h>

#include "daemon/publish/page_words.h"

#define RHO   50000u
#define UNITS (UINT64_C(1) << CLOCKBOUND_AGE_SHIFT)

static struct cbd_publication plain(void)
{
	struct cbd_publication publication;

	memset(&publication, 0, sizeof(publication));
	publication.has_lines = true;
	publication.lines.base = 1000;
	publication.lines.earliest_ns = 5000;
	publication.lines.latest_ns = 6000;
	publication.lines.earliest_rate = UINT64_C(3) << 56; /* 0.75 */
	publication.lines.latest_rate = UINT64_C(5) << 56;   /* 1.25 */
	publication.stale_after_ticks = 10 * UNITS;
	publication.void_after_ticks = 20 * UNITS;
	publication.status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID;
	publication.counter_epoch = 3;
	return publication;
}

static struct cbd_page_slot made(const struct cbd_publication *publication)
{
	struct cbd_page_slot slot;

	cbd_page_words_make(&slot, publication, RHO);
	return slot;
}

static void rates_are_rounded_outward(void **state)
{
	struct cbd_publication publication = plain();
	struct cbd_page_slot slot;

	(void)state;
	publication.lines.earliest_rate = (UINT64_C(7) << 32) + 0xffffffff;
	publication.lines.latest_rate = (UINT64_C(9) << 32) + 1;
	slot = made(&publication);
	assert_int_equal(slot.hot.earliest_rate, 7);
	assert_int_equal(slot.hot.latest_rate, 10);
	publication.lines.latest_rate = UINT64_C(9) << 32;
	assert_int_equal(made(&publication).hot.latest_rate, 9);
}

/* At every age the page's lines, read as readers do, enclose the core's. */
static void the_page_encloses_the_cores_lines_at_every_age(void **state)
{
	static const uint64_t ages[] = {0, 1, 2, 3, 65535, 65536, 1000003, 4294967295, UINT64_C(1) << 40};
	struct cbd_publication publication = plain();
	struct cbd_page_slot slot;
	size_t i;

	(void)state;
	publication.lines.earliest_rate = UINT64_C(0x0123456789abcdef);
	publication.lines.latest_rate = UINT64_C(0x0123456799abcdef);
	slot = made(&publication);
	for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		struct cbd_interval core = cbd_lines_at(&publication.lines, publication.lines.base + ages[i]);

		assert_true(slot.hot.earliest_ns +
				    clockbound_priv_scale_floor(ages[i], slot.hot.earliest_rate) <=
			    core.earliest_ns);
		assert_true(slot.hot.latest_ns + clockbound_priv_scale_floor(ages[i], slot.hot.latest_rate) >=
			    core.latest_ns);
	}
}

static void ages_are_rounded_down_and_saturate(void **state)
{
	struct cbd_publication publication = plain();
	struct cbd_page_slot slot;

	(void)state;
	publication.stale_after_ticks = 10 * UNITS + UNITS - 1;
	publication.void_after_ticks = 20 * UNITS - 1;
	slot = made(&publication);
	assert_int_equal(slot.hot.stale_after, 10);
	assert_int_equal(slot.hot.void_after, 19);
	assert_int_equal(slot.hot.short_after, 10 * UNITS);
	publication.stale_after_ticks = UINT64_MAX;
	publication.void_after_ticks = UINT64_MAX;
	slot = made(&publication);
	assert_int_equal(slot.hot.stale_after, UINT32_MAX);
	assert_int_equal(slot.hot.void_after, UINT32_MAX);
	assert_int_equal(slot.hot.short_after, UINT32_MAX);
}

static void an_age_below_one_unit_is_void(void **state)
{
	struct cbd_publication publication = plain();

	(void)state;
	publication.stale_after_ticks = UNITS - 1;
	publication.void_after_ticks = UNITS - 1;
	assert_int_equal(made(&publication).hot.void_after, 0);
	assert_int_equal(made(&publication).hot.short_after, 0);
}

static void stale_never_comes_after_void(void **state)
{
	struct cbd_publication publication = plain();

	(void)state;
	publication.stale_after_ticks = 30 * UNITS;
	assert_int_equal(made(&publication).hot.stale_after, 20);
	assert_int_equal(made(&publication).hot.short_after, 20 * UNITS);
}

static void lines_that_do_not_fit_are_void(void **state)
{
	struct cbd_publication publication = plain();

	(void)state;
	publication.lines.latest_rate = UINT64_MAX; /* 2^32 after rounding up */
	assert_int_equal(made(&publication).hot.void_after, 0);
	publication = plain();
	publication.lines.latest_rate = UINT64_C(0xffffffff) << 32;
	assert_int_equal(made(&publication).hot.latest_rate, UINT32_MAX);
	publication = plain();
	publication.lines.latest_ns = INT64_MAX;
	assert_int_equal(made(&publication).hot.void_after, 0);
	publication = plain();
	publication.lines.earliest_ns = publication.lines.latest_ns + 1;
	assert_int_equal(made(&publication).hot.void_after, 0);
	publication = plain();
	publication.lines.earliest_rate = publication.lines.latest_rate + 1;
	assert_int_equal(made(&publication).hot.void_after, 0);
}

static void without_lines_the_hot_half_is_void_and_the_clock_half_stands(void **state)
{
	struct cbd_publication publication = plain();
	struct cbd_page_slot slot;

	(void)state;
	publication.has_lines = false;
	publication.bound_ns = 77;
	publication.clock_status = CLOCKBOUND_VALID;
	slot = made(&publication);
	assert_int_equal(slot.hot.void_after, 0);
	assert_int_equal(slot.hot.short_after, 0);
	assert_int_equal(slot.hot.status, publication.status);
	assert_int_equal(slot.hot.counter_epoch, 3);
	assert_int_equal(slot.clock.bound_ns, 77);
	assert_int_equal(slot.clock.status, CLOCKBOUND_VALID);
}

static void every_field_of_the_clock_half_and_the_terms_arrives(void **state)
{
	struct cbd_publication publication = plain();
	struct cbd_page_slot slot;

	(void)state;
	publication.as_of_mono_ns = 1;
	publication.as_of_real_ns = 2;
	publication.stale_after_mono_ns = 3;
	publication.void_after_mono_ns = 4;
	publication.drift_ppb = 5;
	publication.clock_epoch = 6;
	publication.rate_epoch = 7;
	publication.vm_marker = 8;
	publication.suspend_ns = 9;
	publication.terms =
		(struct cbd_terms){10, 11, 12, 13, 14, 15, 16, 17, 18, 26, 19, 20, 21, 22, -23, 1, 25};
	slot = made(&publication);
	assert_int_equal(slot.clock.as_of_mono_ns, 1);
	assert_int_equal(slot.clock.as_of_real_ns, 2);
	assert_int_equal(slot.clock.stale_after_mono_ns, 3);
	assert_int_equal(slot.clock.void_after_mono_ns, 4);
	assert_int_equal(slot.clock.drift_ppb, 5);
	assert_int_equal(slot.clock.clock_epoch, 6);
	assert_int_equal(slot.clock.rate_epoch, 7);
	assert_int_equal(slot.hot.vm_marker, 8);
	assert_int_equal(slot.terms.suspend_ns, 9);
	assert_int_equal(slot.terms.correction_ns, publication.terms.correction_ns);
	assert_int_equal(slot.terms.sample_offset_ns, publication.terms.sample_offset_ns);
	assert_int_equal(slot.terms.sample_error_ns, publication.terms.sample_error_ns);
	assert_int_equal(slot.terms.sample_age_ns, publication.terms.sample_age_ns);
	assert_int_equal(slot.terms.growth_ns, publication.terms.growth_ns);
	assert_int_equal(slot.terms.slip_ns, publication.terms.slip_ns);
	assert_int_equal(slot.terms.bracket_ns, publication.terms.bracket_ns);
	assert_int_equal(slot.terms.off_line_ns, publication.terms.off_line_ns);
	assert_int_equal(slot.terms.floor_ns, publication.terms.floor_ns);
	assert_int_equal(slot.terms.phc_ns, publication.terms.phc_ns);
	assert_int_equal(slot.terms.root_delay_ns, publication.terms.root_delay_ns);
	assert_int_equal(slot.terms.root_dispersion_ns, publication.terms.root_dispersion_ns);
	assert_int_equal(slot.terms.growth_ppb, publication.terms.growth_ppb);
	assert_int_equal(slot.terms.rho_ppb, RHO);
	assert_int_equal(slot.terms.skew_ppb, publication.terms.skew_ppb);
	assert_int_equal(slot.terms.frequency_ppb, publication.terms.frequency_ppb);
	assert_int_equal(slot.terms.rule, publication.terms.rule);
	assert_int_equal(slot.terms.reference_id, publication.terms.reference_id);
}

static void the_memory_arrives_at_the_next_daemon(void **state)
{
	struct cbd_publication publication = plain();
	struct cbd_inheritance inheritance;
	struct cbd_page_slot slot;

	(void)state;
	publication.memory = (struct cbd_memory){
		.steady_q58 = -1,
		.steady_counter = 2,
		.calm_q58 = -3,
		.doubt_updates = 4,
		.x = {.counter = 5,
		      .clock_ns = 6,
		      .x_ns = -7,
		      .frequency_q58 = -8,
		      .kernel_rate_q58 = 9,
		      .has_kernel_rate = true,
		      .is_foreign = true},
		.owed_ns = 10,
		.course = {.raw_ns = 14, .rate_q58 = -15, .is_known = true},
		.sample =
			{.id = 11, .mark = 12, .offset_ns = -13, .is_credited = true, .is_from_before = true},
		.event_counter = 16,
		.leap_ns = 17,
	};
	slot = made(&publication);
	cbd_page_words_read(&inheritance, &slot);
	assert_int_equal(inheritance.memory.steady_q58, -1);
	assert_int_equal(inheritance.memory.steady_counter, 2);
	assert_int_equal(inheritance.memory.calm_q58, -3);
	assert_int_equal(inheritance.memory.doubt_updates, 4);
	assert_int_equal(inheritance.memory.x.counter, 5);
	assert_int_equal(inheritance.memory.x.clock_ns, 6);
	assert_int_equal(inheritance.memory.x.x_ns, -7);
	assert_int_equal(inheritance.memory.x.frequency_q58, -8);
	assert_int_equal(inheritance.memory.x.kernel_rate_q58, 9);
	assert_true(inheritance.memory.x.has_kernel_rate);
	assert_false(inheritance.memory.x.is_settled);
	assert_true(inheritance.memory.x.is_foreign);
	assert_int_equal(inheritance.memory.owed_ns, 10);
	assert_int_equal(inheritance.memory.sample.id, 11);
	assert_int_equal(inheritance.memory.sample.mark, 12);
	assert_int_equal(inheritance.memory.sample.offset_ns, -13);
	assert_true(inheritance.memory.sample.is_credited);
	assert_true(inheritance.memory.sample.is_from_before);
	assert_int_equal(inheritance.memory.event_counter, 16);
	assert_int_equal(inheritance.memory.leap_ns, 17);
	assert_int_equal(inheritance.memory.course.real_ns, publication.as_of_real_ns);
	assert_int_equal(inheritance.memory.course.raw_ns, 14);
	assert_int_equal(inheritance.memory.course.rate_q58, -15);
	assert_true(inheritance.memory.course.is_known);
}

/* Reading and making again adds nothing: a hundred restarts do not widen the interval. */
static void what_is_read_back_encloses_and_does_not_grow(void **state)
{
	struct cbd_publication publication = plain();
	struct cbd_publication again = plain();
	struct cbd_page_slot slot;
	struct cbd_page_slot second;
	struct cbd_inheritance inheritance;

	(void)state;
	publication.lines.earliest_rate += 1;
	publication.lines.latest_rate += 1;
	slot = made(&publication);
	cbd_page_words_read(&inheritance, &slot);
	assert_true(inheritance.has_lines);
	assert_int_equal(inheritance.lines.latest_ns, publication.lines.latest_ns);
	assert_true(inheritance.lines.earliest_rate <= publication.lines.earliest_rate);
	assert_true(inheritance.lines.latest_rate >= publication.lines.latest_rate);
	again.lines = inheritance.lines;
	again.void_after_ticks = inheritance.void_after_ticks;
	second = made(&again);
	assert_memory_equal(&second.hot, &slot.hot, sizeof(slot.hot));
}

/* chronyd that admits an error of 2 s a second, at its start: earliest stands still, and that is a bound. */
static void lines_whose_earliest_stands_still_are_inherited(void **state)
{
	struct cbd_publication publication = plain();
	struct cbd_page_slot slot;
	struct cbd_inheritance inheritance;

	(void)state;
	publication.lines.earliest_rate = 0;
	slot = made(&publication);
	cbd_page_words_read(&inheritance, &slot);
	assert_true(inheritance.has_lines);
	assert_int_equal(inheritance.lines.earliest_rate, 0);
}

static void lines_that_are_not_valid_or_make_no_sense_are_not_inherited(void **state)
{
	struct cbd_publication publication = plain();
	struct cbd_page_slot slot = made(&publication);
	struct cbd_page_slot bad;
	struct cbd_inheritance inheritance;

	(void)state;
	bad = slot;
	bad.hot.status &= ~CLOCKBOUND_VALID;
	cbd_page_words_read(&inheritance, &bad);
	assert_false(inheritance.has_lines);
	bad = slot;
	bad.hot.void_after = 0;
	cbd_page_words_read(&inheritance, &bad);
	assert_false(inheritance.has_lines);
	bad = slot;
	bad.hot.stale_after = bad.hot.void_after + 1;
	cbd_page_words_read(&inheritance, &bad);
	assert_false(inheritance.has_lines);
	bad = slot;
	bad.hot.earliest_ns = bad.hot.latest_ns + 1;
	cbd_page_words_read(&inheritance, &bad);
	assert_false(inheritance.has_lines);
	bad = slot;
	bad.hot.earliest_rate = bad.hot.latest_rate + 1;
	cbd_page_words_read(&inheritance, &bad);
	assert_false(inheritance.has_lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_rounded_outward),
		cmocka_unit_test(the_page_encloses_the_cores_lines_at_every_age),
		cmocka_unit_test(ages_are_rounded_down_and_saturate),
		cmocka_unit_test(an_age_below_one_unit_is_void),
		cmocka_unit_test(stale_never_comes_after_void),
		cmocka_unit_test(lines_that_do_not_fit_are_void),
		cmocka_unit_test(without_lines_the_hot_half_is_void_and_the_clock_half_stands),
		cmocka_unit_test(every_field_of_the_clock_half_and_the_terms_arrives),
		cmocka_unit_test(the_memory_arrives_at_the_next_daemon),
		cmocka_unit_test(what_is_read_back_encloses_and_does_not_grow),
		cmocka_unit_test(lines_whose_earliest_stands_still_are_inherited),
		cmocka_unit_test(lines_that_are_not_valid_or_make_no_sense_are_not_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
