/* SPDX-License-Identifier: Apache-2.0 */
/* How long a slew is reckoned with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/core/slew.h"

#define SECOND CBD_NS_PER_SEC

static void without_a_sign_there_is_no_slew(void **state)
{
	struct cbd_slew slew = {0};

	(void)state;
	assert_false(cbd_slew_look(&slew, false, 1));
	assert_false(cbd_slew_look(&slew, false, 1000 * SECOND));
}

static void a_slew_is_reckoned_with_until_long_after_it_was_first_seen_gone(void **state)
{
	struct cbd_slew slew = {0};
	int64_t gone_ns = 5000 * SECOND;

	(void)state;
	assert_true(cbd_slew_look(&slew, true, 7 * SECOND));
	assert_true(cbd_slew_look(&slew, true, 3000 * SECOND));
	/* It may have gone just now, however long ago somebody last looked. */
	assert_true(cbd_slew_look(&slew, false, gone_ns));
	assert_true(cbd_slew_look(&slew, false, gone_ns + CBD_SLEW_HOLD_NS - 1));
	assert_false(cbd_slew_look(&slew, false, gone_ns + CBD_SLEW_HOLD_NS));
}

/* 500 ppm in the last second of an adjtime(); 0.5 s at a quarter each second, the other way too. */
static void what_slews_do_is_within_what_is_charged(void **state)
{
	(void)state;
	assert_true((double)CBD_SLEW_SINGLE_Q58 >= 500e-6 * 0x1p58);
	assert_true((double)CBD_SLEW_LOOP_Q58 >= 0.5 / 4 * 0x1p58);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_sign_there_is_no_slew),
		cmocka_unit_test(a_slew_is_reckoned_with_until_long_after_it_was_first_seen_gone),
		cmocka_unit_test(what_slews_do_is_within_what_is_charged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
