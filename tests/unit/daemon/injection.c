/* SPDX-License-Identifier: Apache-2.0 */
/* What is injected: every kind says so, and none makes anything look better than it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <clockbound/control.h>

#include "daemon/injection.h"

static struct cbd_publication valid_publication(void)
{
	struct cbd_publication out;

	memset(&out, 0, sizeof(out));
	out.has_lines = true;
	out.stale_after_ticks = 5000;
	out.void_after_ticks = 1000000;
	out.as_of_mono_ns = 1000;
	out.void_after_mono_ns = 2000;
	out.status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID | CLOCKBOUND_REASON_FALLBACK;
	out.clock_status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID;
	out.segment.status = (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED;
	out.segment.as_of_ns = 1000;
	out.segment.void_after_ns = 2000;
	return out;
}

static struct cbd_publication unknown_publication(void)
{
	struct cbd_publication out = valid_publication();

	out.has_lines = false;
	out.status = CLOCKBOUND_STATUS_UNKNOWN | CLOCKBOUND_REASON_NOT_SYNCED_YET;
	out.clock_status = out.status;
	out.segment.status = (int32_t)CLOCKBOUND_STATUS_UNKNOWN;
	return out;
}

static void nothing_changes_what_is_published_but_what_says_so(void **state)
{
	struct cbd_publication out = valid_publication();
	const struct cbd_publication before = out;
	uint32_t kind;

	(void)state;
	cbd_injection_apply(CLOCKBOUND_INJECT_OFF, &out);
	assert_memory_equal(&out, &before, sizeof(out));
	for (kind = 1; kind <= CLOCKBOUND_INJECT_LAST; kind++) {
		out = valid_publication();
		cbd_injection_apply(kind, &out);
		assert_true((out.status & CLOCKBOUND_REASON_INJECTED) != 0);
		assert_true((out.clock_status & CLOCKBOUND_REASON_INJECTED) != 0);
		assert_true((out.status & CLOCKBOUND_REASON_FALLBACK) != 0);
	}
}

static void what_is_not_valid_never_becomes_so(void **state)
{
	uint32_t kind;

	(void)state;
	for (kind = 1; kind <= CLOCKBOUND_INJECT_LAST; kind++) {
		struct cbd_publication out = unknown_publication();

		cbd_injection_apply(kind, &out);
		assert_int_equal(out.status & CLOCKBOUND_VALID, 0);
		assert_int_equal(out.clock_status & CLOCKBOUND_VALID, 0);
		assert_int_not_equal(CLOCKBOUND_STATUS_OF(out.status), CLOCKBOUND_STATUS_SYNCHRONIZED);
		assert_int_not_equal(CLOCKBOUND_STATUS_OF(out.status), CLOCKBOUND_STATUS_FREE_RUNNING);
		assert_true(out.segment.status == (int32_t)CLOCKBOUND_STATUS_UNKNOWN ||
			    out.segment.status == (int32_t)CLOCKBOUND_STATUS_DISRUPTED);
	}
}

static void each_status_is_forced_on_page_and_segments_alike(void **state)
{
	static const struct {
		uint32_t kind;
		uint32_t status;
		bool is_valid;
	} cases[] = {
		{CLOCKBOUND_INJECT_UNKNOWN, CLOCKBOUND_STATUS_UNKNOWN, false},
		{CLOCKBOUND_INJECT_SYNCHRONIZED, CLOCKBOUND_STATUS_SYNCHRONIZED, true},
		{CLOCKBOUND_INJECT_FREE_RUNNING, CLOCKBOUND_STATUS_FREE_RUNNING, true},
		{CLOCKBOUND_INJECT_DISRUPTED, CLOCKBOUND_STATUS_DISRUPTED, false},
	};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct cbd_publication out = valid_publication();

		cbd_injection_apply(cases[k].kind, &out);
		assert_int_equal(CLOCKBOUND_STATUS_OF(out.status), cases[k].status);
		assert_int_equal(CLOCKBOUND_STATUS_OF(out.clock_status), cases[k].status);
		assert_int_equal(out.segment.status, cases[k].status);
		assert_int_equal((out.status & CLOCKBOUND_VALID) != 0, cases[k].is_valid);
	}
}

static void a_step_leaves_the_lines_and_disrupts_the_clock(void **state)
{
	struct cbd_publication out = valid_publication();

	(void)state;
	cbd_injection_apply(CLOCKBOUND_INJECT_STEP, &out);
	assert_true((out.status & CLOCKBOUND_VALID) != 0);
	assert_true(out.has_lines);
	assert_true((out.status & CLOCKBOUND_REASON_STEP) != 0);
	assert_int_equal(out.clock_status & CLOCKBOUND_VALID, 0);
	assert_int_equal(CLOCKBOUND_STATUS_OF(out.clock_status), CLOCKBOUND_STATUS_DISRUPTED);
	assert_int_equal(out.segment.status, CLOCKBOUND_STATUS_DISRUPTED);
}

static void expiry_leaves_nothing_that_lives(void **state)
{
	struct cbd_publication out = valid_publication();

	(void)state;
	cbd_injection_apply(CLOCKBOUND_INJECT_EXPIRY, &out);
	assert_false(out.has_lines);
	assert_int_equal(out.void_after_ticks, 0);
	assert_int_equal(out.void_after_mono_ns, out.as_of_mono_ns);
	assert_int_equal(out.segment.void_after_ns, out.segment.as_of_ns);
	assert_true((out.status & CLOCKBOUND_REASON_EXPIRED) != 0);
	assert_int_equal(out.segment.status, CLOCKBOUND_STATUS_UNKNOWN);
}

static void only_a_stall_and_a_torn_write_stop_what_is_published(void **state)
{
	uint32_t kind;

	(void)state;
	for (kind = 0; kind <= CLOCKBOUND_INJECT_LAST; kind++) {
		assert_int_equal(cbd_injection_holds(kind),
				 kind == CLOCKBOUND_INJECT_STALL || kind == CLOCKBOUND_INJECT_TORN);
		assert_true(strlen(cbd_injection_name(kind)) > 2);
	}
	assert_string_equal(cbd_injection_name(CLOCKBOUND_INJECT_LAST + 1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changes_what_is_published_but_what_says_so),
		cmocka_unit_test(what_is_not_valid_never_becomes_so),
		cmocka_unit_test(each_status_is_forced_on_page_and_segments_alike),
		cmocka_unit_test(a_step_leaves_the_lines_and_disrupts_the_clock),
		cmocka_unit_test(expiry_leaves_nothing_that_lives),
		cmocka_unit_test(only_a_stall_and_a_torn_write_stop_what_is_published),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
