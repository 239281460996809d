/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts of reasons and status. */
#include "tests/unit/client/world.h"

#include <string.h>

#include <clockbound/fast.h>

static void every_reason_has_a_name_and_a_text_of_its_own(void **state)
{
	uint32_t bit;
	uint32_t other;

	(void)state;
	for (bit = 1u << 9; bit != 0; bit <<= 1) {
		if ((bit & CLOCKBOUND_REASON_MASK) == 0) {
			assert_string_equal(clockbound_reason_name(bit), "");
			assert_string_equal(clockbound_reason_text(bit), "");
			continue;
		}
		assert_true(strlen(clockbound_reason_name(bit)) >= 4);
		assert_true(strlen(clockbound_reason_text(bit)) >= 20);
		for (other = 1u << 9; other < bit; other <<= 1) {
			assert_string_not_equal(clockbound_reason_name(bit), clockbound_reason_name(other));
			assert_string_not_equal(clockbound_reason_text(bit), clockbound_reason_text(other));
		}
	}
}

static void names_are_those_of_the_constants(void **state)
{
	(void)state;
	assert_string_equal(clockbound_reason_name(CLOCKBOUND_REASON_STEP), "STEP");
	assert_string_equal(clockbound_reason_name(CLOCKBOUND_REASON_NOT_SYNCED_YET), "NOT_SYNCED_YET");
	assert_string_equal(clockbound_reason_name(CLOCKBOUND_REASON_FORCED), "FORCED");
}

static void what_is_not_one_reason_has_no_name(void **state)
{
	(void)state;
	assert_string_equal(clockbound_reason_name(0), "");
	assert_string_equal(clockbound_reason_name(CLOCKBOUND_VALID), "");
	assert_string_equal(clockbound_reason_name(CLOCKBOUND_REASON_STEP | CLOCKBOUND_REASON_LEAP), "");
	assert_string_equal(clockbound_reason_text(UINT32_MAX), "");
}

static void status_names_ignore_all_but_the_status(void **state)
{
	(void)state;
	assert_string_equal(clockbound_status_name(CLOCKBOUND_STATUS_UNKNOWN), "UNKNOWN");
	assert_string_equal(clockbound_status_name(CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID),
			    "SYNCHRONIZED");
	assert_string_equal(clockbound_status_name(CLOCKBOUND_STATUS_FREE_RUNNING | CLOCKBOUND_REASON_STEP),
			    "FREE_RUNNING");
	assert_string_equal(clockbound_status_name(CLOCKBOUND_STATUS_DISRUPTED), "DISRUPTED");
	assert_string_equal(clockbound_status_name(4), "UNKNOWN");
	assert_string_equal(clockbound_status_name(UINT32_MAX), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_a_name_and_a_text_of_its_own),
		cmocka_unit_test(names_are_those_of_the_constants),
		cmocka_unit_test(what_is_not_one_reason_has_no_name),
		cmocka_unit_test(status_names_ignore_all_but_the_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
