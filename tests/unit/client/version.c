/* SPDX-License-Identifier: Apache-2.0 */
/* The version's form. */
#include "tests/unit/client/world.h"

#include <stdio.h>

static void the_version_is_three_numbers(void **state)
{
	unsigned int major;
	unsigned int minor;
	unsigned int patch;
	char rest;

	(void)state;
	assert_int_equal(sscanf(clockbound_version(), "%u.%u.%u%c", &major, &minor, &patch, &rest), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_version_is_three_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
