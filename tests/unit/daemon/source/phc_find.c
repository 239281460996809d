/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding a PHC, and the same one again; what its driver says of its error; what time scale lists say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "daemon/source/phc_bound.h"
#include "daemon/source/phc_find.h"
#include "daemon/source/phc_scale.h"
#include "tests/unit/daemon/source/phc_fake.h"

static char text[256];

static int find(struct fake_machine *machine, const char *what, const struct cbd_phc_identity *known,
		struct cbd_phc_identity *found)
{
	text[0] = '\0';
	return cbd_phc_find(&machine->system, what, known, found, text, sizeof(text));
}

static void a_device_is_found_by_interface_by_path_and_by_link(void **state)
{
	static const char *const names[] = {"eth0", "/dev/ptp0", "/dev/ptp_link"};
	struct fake_machine machine;
	size_t i;

	(void)state;
	fake_machine_init(&machine);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct cbd_phc_identity found;

		assert_int_equal(find(&machine, names[i], NULL, &found), 0);
		assert_string_equal(found.path, "/dev/ptp0");
		assert_string_equal(found.name, "525400123456");
		assert_string_equal(found.parent, "/sys/devices/pci0000:00/0000:00:02.0");
		assert_int_equal(found.index, 0);
	}
}

static void what_is_not_there_is_told_with_what_to_do(void **state)
{
	struct cbd_phc_identity found = {.index = 55};
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	assert_int_equal(find(&machine, "lo", NULL, &found), -ENODEV);
	assert_non_null(strstr(text, "interface lo has no PTP hardware clock"));
	assert_int_equal(find(&machine, "/dev/ptp9", NULL, &found), -ENOENT);
	assert_non_null(strstr(text, "/dev/ptp9"));
	machine.interface_index = 3;
	assert_int_equal(find(&machine, "eth0", NULL, &found), -ENOENT);
	assert_non_null(strstr(text, "ptp3"));
	assert_int_equal(found.index, 55); /* untouched */
}

static void a_clock_bound_anew_is_found_under_its_new_number(void **state)
{
	struct cbd_phc_identity known;
	struct cbd_phc_identity found;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	assert_int_equal(find(&machine, "/dev/ptp0", NULL, &known), 0);
	fake_machine_file(&machine, "/sys/class/ptp/ptp0/clock_name", NULL, -ENOENT);
	machine.dev_path = "/dev/ptp1";
	machine.class_device = "/sys/class/ptp/ptp1/device";
	machine.interface_index = -ENODEV;
	assert_int_equal(find(&machine, "/dev/ptp0", &known, &found), -ENODEV); /* not back yet */
	assert_int_equal(find(&machine, "eth0", &known, &found), -ENODEV);
	fake_machine_file(&machine, "/sys/class/ptp/ptp1/clock_name", "525400123456\n", 0);
	machine.interface_index = 1;
	assert_int_equal(find(&machine, "/dev/ptp0", &known, &found), 0);
	assert_string_equal(found.path, "/dev/ptp1");
	assert_int_equal(find(&machine, "eth0", &known, &found), 0);
	assert_string_equal(found.path, "/dev/ptp1");
}

/* udev may name the interface otherwise when its driver is bound anew: the clock hangs on what it hung on. */
static void a_clock_whose_interface_was_renamed_is_found_by_what_it_hangs_on(void **state)
{
	struct cbd_phc_identity known;
	struct cbd_phc_identity found;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	assert_int_equal(find(&machine, "eth0", NULL, &known), 0);
	machine.interface_index = -ENODEV;
	machine.dev_path = "/dev/ptp1";
	machine.class_device = "/sys/class/ptp/ptp1/device";
	fake_machine_file(&machine, "/sys/class/ptp/ptp0/clock_name", "vmclock0\n", 0);
	fake_machine_file(&machine, "/sys/class/ptp/ptp1/clock_name", "525400123456\n", 0);
	assert_int_equal(find(&machine, "eth0", &known, &found), 0);
	assert_string_equal(found.path, "/dev/ptp1");
	assert_int_equal(find(&machine, "eth0", NULL, &found), -ENODEV);
	machine.sys_device = "/sys/devices/pci0000:00/0000:00:03.0"; /* another card's */
	assert_int_equal(find(&machine, "eth0", &known, &found), -ENODEV);
	assert_non_null(strstr(text, "interface eth0"));
	/* One that hangs on nothing has only a name, which others may have. */
	machine.sys_device = NULL;
	known.parent[0] = '\0';
	assert_int_equal(find(&machine, "eth0", &known, &found), -ENODEV);
}

static void another_clock_in_its_place_is_refused(void **state)
{
	struct cbd_phc_identity known;
	struct cbd_phc_identity found;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	assert_int_equal(find(&machine, "eth0", NULL, &known), 0);
	fake_machine_file(&machine, "/sys/class/ptp/ptp0/clock_name", "vmclock0\n", 0);
	assert_int_equal(find(&machine, "/dev/ptp0", &known, &found), -EXDEV);
	assert_non_null(strstr(text, "another one"));
	assert_int_equal(find(&machine, "eth0", &known, &found), -EXDEV);
	fake_machine_file(&machine, "/sys/class/ptp/ptp0/clock_name", "525400123456\n", 0);
	machine.sys_device = "/sys/devices/pci0000:00/0000:00:03.0"; /* the same name, on another card */
	assert_int_equal(find(&machine, "eth0", &known, &found), -EXDEV);
}

static void a_bound_is_a_whole_positive_number_of_ns_and_nothing_else(void **state)
{
	static const char *const wrong[] = {"",
					    "\n",
					    "0",
					    "0\n",
					    "-1",
					    "+5",
					    " 5",
					    "abc",
					    "5 ns",
					    "0x1f",
					    "4294967295",
					    "1000000001",
					    "99999999999999999999999",
					    "5\n5",
					    "1e3",
					    "5.5"};
	int64_t bound_ns = 77;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(cbd_phc_bound_parse(wrong[i], &bound_ns), -EINVAL);
		assert_int_equal(bound_ns, 77);
	}
	assert_int_equal(cbd_phc_bound_parse("5031\n", &bound_ns), 0);
	assert_int_equal(bound_ns, 5031);
	assert_int_equal(cbd_phc_bound_parse("1000000000", &bound_ns), 0);
}

static void the_bound_is_read_from_the_first_of_its_places_that_is_there(void **state)
{
	struct cbd_phc_bound_files files;
	struct fake_machine machine;
	int64_t bound_ns;

	(void)state;
	fake_machine_init(&machine);
	cbd_phc_bound_files_of(&files, &machine.system, 0, "eth0");
	assert_string_equal(files.path[0], "/sys/class/ptp/ptp0/device/phc_error_bound");
	assert_string_equal(files.path[1], "/sys/class/net/eth0/device/phc_error_bound");
	assert_string_equal(files.path[2], "/sys/bus/pci/devices/0000:00:02.0/phc_error_bound");
	assert_int_equal(cbd_phc_bound_read(&machine.system, &files, &bound_ns, text, sizeof(text)), -ENOENT);
	assert_non_null(strstr(text, "--phc-error-bound-ns"));
	fake_machine_file(&machine, files.path[2], "300\n", 0);
	assert_int_equal(cbd_phc_bound_read(&machine.system, &files, &bound_ns, text, sizeof(text)), 0);
	assert_int_equal(bound_ns, 300);
	fake_machine_file(&machine, files.path[1], "200\n", 0);
	assert_int_equal(cbd_phc_bound_read(&machine.system, &files, &bound_ns, text, sizeof(text)), 0);
	assert_int_equal(bound_ns, 200);
	/* One that is there and cannot be read is no reason to believe another. */
	fake_machine_file(&machine, files.path[0], NULL, -EBUSY);
	assert_int_equal(cbd_phc_bound_read(&machine.system, &files, &bound_ns, text, sizeof(text)), -EBUSY);
	assert_non_null(strstr(text, "last read failed"));
	fake_machine_file(&machine, files.path[0], "0\n", 0);
	assert_int_equal(cbd_phc_bound_read(&machine.system, &files, &bound_ns, text, sizeof(text)), -EINVAL);
	assert_non_null(strstr(text, "not been read since"));
	fake_machine_file(&machine, files.path[0],
			  "1111111111111111111111111111111111111111111111111111111111111111111111111111111",
			  0);
	assert_int_equal(cbd_phc_bound_read(&machine.system, &files, &bound_ns, text, sizeof(text)), -EFBIG);
	cbd_phc_bound_files_of(&files, &machine.system, -1, NULL);
	assert_int_equal(cbd_phc_bound_read(&machine.system, &files, &bound_ns, text, sizeof(text)), -ENOENT);
}

static void a_slot_name_that_leads_elsewhere_is_not_followed(void **state)
{
	struct cbd_phc_bound_files files;
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	fake_machine_file(&machine, "/sys/class/net/eth0/device/uevent", "PCI_SLOT_NAME=../../../tmp\n", 0);
	cbd_phc_bound_files_of(&files, &machine.system, 0, "eth0");
	assert_string_equal(files.path[2], "");
	fake_machine_file(&machine, "/sys/class/net/eth0/device/uevent", "DRIVER=x\nNO_PCI_SLOT_NAME=1\n", 0);
	cbd_phc_bound_files_of(&files, &machine.system, 0, "eth0");
	assert_string_equal(files.path[2], "");
}

/* 2017-01-01 is 3692217600 and 2026-12-28 is 4007404800 by the list's count. */
#define LIST                                                                                                 \
	"#\tcomment\n#$\t 3960835200\n#@\t4007404800\n2272060800\t10\t# 1 Jan 1972\n3644697600\t36\t# 1 "    \
	"Jul 2015\n"                                                                                         \
	"3692217600\t37\t# 1 Jan 2017\n"

static void tai_comes_from_a_list_that_has_not_expired(void **state)
{
	(void)state;
	assert_int_equal(cbd_phc_scale_parse(LIST, 1768478400), 37);
	assert_int_equal(cbd_phc_scale_parse(LIST, 1483228800), 37); /* 2017-01-01 */
	assert_int_equal(cbd_phc_scale_parse(LIST, 1483228799), 36);
	assert_int_equal(cbd_phc_scale_parse(LIST, 4007404800 - 2208988800), 0); /* expired */
	assert_int_equal(cbd_phc_scale_parse(LIST, 0), 0);
	assert_int_equal(cbd_phc_scale_parse("", 1768478400), 0);
	assert_int_equal(cbd_phc_scale_parse("3692217600\t37\n", 1768478400), 0); /* no expiry */
	assert_int_equal(cbd_phc_scale_parse("#@ 4007404800\n3692217600\tseven\n", 1768478400), 0);
	assert_int_equal(cbd_phc_scale_parse("#@ 4007404800\n3692217600\t-37\n", 1768478400), 0);
	assert_int_equal(cbd_phc_scale_parse("#@ 4007404800\n3692217600", 1768478400), 0);
}

static void the_kernel_is_asked_before_the_list(void **state)
{
	struct fake_machine machine;

	(void)state;
	fake_machine_init(&machine);
	assert_int_equal(cbd_phc_scale_tai(&machine.system, 1768478400), 0);
	fake_machine_file(&machine, "/usr/share/zoneinfo/leap-seconds.list", LIST, 0);
	assert_int_equal(cbd_phc_scale_tai(&machine.system, 1768478400), 37);
	machine.kernel_tai = 38;
	assert_int_equal(cbd_phc_scale_tai(&machine.system, 1768478400), 38);
	machine.kernel_tai = -5;
	assert_int_equal(cbd_phc_scale_tai(&machine.system, 1768478400), 37);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_is_found_by_interface_by_path_and_by_link),
		cmocka_unit_test(what_is_not_there_is_told_with_what_to_do),
		cmocka_unit_test(a_clock_bound_anew_is_found_under_its_new_number),
		cmocka_unit_test(a_clock_whose_interface_was_renamed_is_found_by_what_it_hangs_on),
		cmocka_unit_test(another_clock_in_its_place_is_refused),
		cmocka_unit_test(a_bound_is_a_whole_positive_number_of_ns_and_nothing_else),
		cmocka_unit_test(the_bound_is_read_from_the_first_of_its_places_that_is_there),
		cmocka_unit_test(a_slot_name_that_leads_elsewhere_is_not_followed),
		cmocka_unit_test(tai_comes_from_a_list_that_has_not_expired),
		cmocka_unit_test(the_kernel_is_asked_before_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
