/* SPDX-License-Identifier: Apache-2.0 */
/* Recognising a VMClock page, and its marker. */
#include "tests/unit/client/world.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client/src/context.h"

/* Little-endian on every CPU: magic, size, version 1 and its neighbours, seq_count, marker 7. */
static const uint8_t good[24] = {'V', 'C', 'L', 'K', 0x00, 0x10, 0, 0, 1, 0, 1, 0,
				 0,   0,   0,	0,   7,	   0,	 0, 0, 0, 0, 0, 0};

static clockbound_err refuse(const uint8_t *bytes, size_t size)
{
	struct clockbound_priv_vmclock vmclock = {NULL};
	clockbound_err err;

	assert_false(clockbound_priv_vmclock_open(&vmclock, world_file("vmclock", bytes, size), &err));
	assert_null(vmclock.map);
	return err;
}

static void a_good_page_gives_its_marker_and_follows_it(void **state)
{
	struct clockbound_priv_vmclock vmclock = {NULL};
	uint8_t *map;

	(void)state;
	assert_true(clockbound_priv_vmclock_open(&vmclock, world_file("vmclock", good, sizeof(good)), NULL));
	assert_int_equal(clockbound_priv_vm_marker(clockbound_priv_vmclock_word(&vmclock)), 7);
	map = world_map("vmclock", sizeof(good));
	map[17] = 1;
	assert_int_equal(clockbound_priv_vm_marker(clockbound_priv_vmclock_word(&vmclock)), 0x107);
	clockbound_priv_vmclock_close(&vmclock);
	assert_null(vmclock.map);
	clockbound_priv_vmclock_close(&vmclock);
}

static void a_missing_device_is_an_error_with_its_name_and_a_remedy(void **state)
{
	struct clockbound_priv_vmclock vmclock = {NULL};
	clockbound_err err;

	(void)state;
	assert_false(clockbound_priv_vmclock_open(&vmclock, world_path("nothing"), &err));
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SYSCALL);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_non_null(strstr(err.detail, world_path("nothing")));
	assert_non_null(strstr(err.detail, "--disable-clock-disruption-support"));
}

static void wrong_magic_version_or_size_is_refused(void **state)
{
	uint8_t bytes[sizeof(good)];

	(void)state;
	memcpy(bytes, good, sizeof(good));
	bytes[0] = 'W';
	assert_int_equal(refuse(bytes, sizeof(bytes)).kind, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED);
	memcpy(bytes, good, sizeof(good));
	bytes[8] = 2;
	assert_int_equal(refuse(bytes, sizeof(bytes)).kind, CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED);
	memcpy(bytes, good, sizeof(good));
	bytes[4] = 0x17;
	bytes[5] = 0;
	assert_int_equal(refuse(bytes, sizeof(bytes)).kind, CLOCKBOUND_ERR_SEGMENT_MALFORMED);
}

static void a_file_too_short_or_no_file_is_refused_before_it_is_mapped(void **state)
{
	struct clockbound_priv_vmclock vmclock = {NULL};
	clockbound_err err;

	(void)state;
	assert_int_equal(refuse(good, sizeof(good) - 1).kind, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED);
	assert_int_equal(refuse(good, 0).kind, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED);
	assert_false(clockbound_priv_vmclock_open(&vmclock, "/", &err));
	assert_int_equal(err.kind, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_good_page_gives_its_marker_and_follows_it, world_remove),
		cmocka_unit_test_teardown(a_missing_device_is_an_error_with_its_name_and_a_remedy,
					  world_remove),
		cmocka_unit_test_teardown(wrong_magic_version_or_size_is_refused, world_remove),
		cmocka_unit_test_teardown(a_file_too_short_or_no_file_is_refused_before_it_is_mapped,
					  world_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
