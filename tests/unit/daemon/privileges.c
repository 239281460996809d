/* SPDX-License-Identifier: Apache-2.0 */
/* What is given up at the start, in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/privileges.h"

static int files_are_raised(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return 1;
	}
	limit.rlim_cur = 64;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return 2;
	}
	cbd_privileges_limit(true);
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == limit.rlim_max ? 0 : 3;
}

/* Descriptors that wait to be read by clients are counted against it. */
static void the_limit_of_open_files_is_as_high_as_it_may_be(void **state)
{
	pid_t child = fork();
	int status = -1;

	(void)state;
	if (child == 0) {
		_exit(files_are_raised());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_limit_of_open_files_is_as_high_as_it_may_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
