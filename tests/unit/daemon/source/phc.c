/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PHC as a source: read no more often than it stands, lost and found again, and never believed without a bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "daemon/source/phc.h"
#include "tests/unit/daemon/source/phc_bed.h"

static void a_device_with_a_bound_gives_a_reading_a_poll(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	phc_start(&phc, &machine, "/dev/ptp0", 700);
	for (i = 0; i < 5; i++) {
		phc_poll_once(&phc, &machine);
		phc_assert_contained(&phc, &machine, 0);
		assert_int_equal(phc.reading.bound_ns, 700);
		assert_int_equal(phc.reading.widest_ns, 400);
		assert_false(phc.reading.is_failed);
	}
	assert_int_equal(machine.opened, 1);
	cbd_phc_close(&phc);
	assert_int_equal(machine.closed, 1);
}

static void a_device_on_tai_is_known_by_37_s_and_carried_to_utc(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;

	(void)state;
	fake_machine_init(&machine);
	machine.phc_less_raw_ns += 37 * FAKE_SECOND;
	phc_start(&phc, &machine, "eth0", 700);
	phc_poll_once(&phc, &machine);
	assert_false(phc.reading.has_offset);
	assert_non_null(strstr(phc.text, "neither UTC nor TAI"));
	machine.kernel_tai = 37;
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 37 * FAKE_SECOND);
	assert_int_equal(phc.scale, CBD_PHC_SCALE_TAI);
	cbd_phc_close(&phc);
}

/* By the kernel's word at any time, by the list's with a new day: a TAI - UTC of yesterday is a second wrong. */
static void a_leap_second_that_nobody_tells_of_is_seen(void **state)
{
	static const char list[] = "#@\t4200000000\n3692217600\t37\n3977510400\t38\n"; /* 2026-01-16 */
	struct fake_machine machine;
	struct cbd_phc phc;
	int by_list;

	(void)state;
	for (by_list = 0; by_list < 2; by_list++) {
		fake_machine_init(&machine);
		machine.phc_less_raw_ns += 37 * FAKE_SECOND;
		machine.kernel_tai = by_list ? 0 : 37;
		fake_machine_file(&machine, "/usr/share/zoneinfo/leap-seconds.list", list, 0);
		phc_start(&phc, &machine, "eth0", 700);
		phc_poll_once(&phc, &machine);
		phc_assert_contained(&phc, &machine, 37 * FAKE_SECOND);
		machine.raw_ns += (by_list ? 43200 : 100) * FAKE_SECOND;
		machine.kernel_tai = by_list ? 0 : 38;
		machine.real_less_raw_ns -= FAKE_SECOND;
		phc_poll_once(&phc, &machine);
		assert_false(phc.reading.has_offset);
		assert_non_null(strstr(phc.text, "no longer 37 s"));
		phc_poll_once(&phc, &machine);
		phc_assert_contained(&phc, &machine, 38 * FAKE_SECOND);
		cbd_phc_close(&phc);
	}
}

static void a_step_of_the_real_time_clock_does_not_change_the_scale(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;

	(void)state;
	fake_machine_init(&machine);
	machine.kernel_tai = 37;
	phc_start(&phc, &machine, "eth0", 700);
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 0);
	machine.real_less_raw_ns -= 37 * FAKE_SECOND;
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 0);
	machine.real_less_raw_ns -= 3600 * FAKE_SECOND;
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 0);
	cbd_phc_close(&phc);
}

static void a_device_that_somebody_sets_is_watched_before_it_counts_again(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	machine.is_steered = true;
	phc_start(&phc, &machine, "eth0", 700);
	phc_poll_once(&phc, &machine);
	machine.phc_less_raw_ns += 50000000;
	phc_poll_once(&phc, &machine);
	assert_int_equal(phc.stats.jumps, 1);
	assert_non_null(strstr(phc.text, "somebody set"));
	for (i = 0; i < 3; i++) {
		assert_false(phc.reading.has_offset);
		phc_poll_once(&phc, &machine);
	}
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 0);
	cbd_phc_close(&phc);
}

/* Nobody but the administrator tells its error, and that was before: also when it is set while it is read. */
static void a_device_that_is_set_while_it_is_read_has_no_bound(void **state)
{
	static const int64_t jumps_ns[] = {50000000, -50000000, 20000};
	struct fake_machine machine;
	struct cbd_phc phc;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(jumps_ns) / sizeof(jumps_ns[0]); i++) {
		fake_machine_init(&machine);
		phc_start(&phc, &machine, "eth0", 700);
		phc_poll_once(&phc, &machine);
		phc_assert_contained(&phc, &machine, 0);
		machine.jump_at = 5;
		machine.jump_ns = jumps_ns[i];
		phc_poll_once(&phc, &machine);
		assert_int_equal(phc.stats.dropped, 1);
		assert_non_null(strstr(phc.text, "exclude each other"));
		assert_false(phc.reading.has_offset || phc.reading.has_bound);
		cbd_phc_close(&phc);
	}
}

/* What a driver does to a clock that it brings up, under a ptp4l that steers it to TAI. */
static void a_device_that_falls_back_from_tai_to_utc_is_steered_by_nobody(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	machine.is_steered = true;
	machine.kernel_tai = 37;
	phc_start(&phc, &machine, "eth0", 700);
	phc_poll_once(&phc, &machine); /* not yet steered, for all that is known */
	phc_assert_contained(&phc, &machine, 0);
	machine.phc_less_raw_ns += 37 * FAKE_SECOND;
	for (i = 0; i < 5; i++) {
		phc_poll_once(&phc, &machine);
	}
	phc_assert_contained(&phc, &machine, 37 * FAKE_SECOND);
	machine.phc_less_raw_ns -= 37 * FAKE_SECOND;
	for (i = 0; i < 20; i++) {
		phc_poll_once(&phc, &machine);
		assert_false(phc.reading.has_offset);
	}
	assert_true(phc.reading.is_failed);
	assert_non_null(strstr(phc.text, "nobody steers it"));
	machine.phc_less_raw_ns += 37 * FAKE_SECOND;
	for (i = 0; i < 5; i++) {
		phc_poll_once(&phc, &machine);
	}
	phc_assert_contained(&phc, &machine, 37 * FAKE_SECOND);
	cbd_phc_close(&phc);
}

static void a_device_that_is_slewed_goes_on(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	phc_start(&phc, &machine, "eth0", 700);
	for (i = 0; i < 100; i++) {
		machine.phc_less_raw_ns += i < 50 ? 500000 : -500000; /* 500 ppm */
		phc_poll_once(&phc, &machine);
		phc_assert_contained(&phc, &machine, 0);
	}
	cbd_phc_close(&phc);
}

static void a_lost_device_is_found_under_its_new_number_within_ten_seconds(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	machine.is_steered = true;
	phc_start(&phc, &machine, "/dev/ptp0", 700);
	phc_poll_once(&phc, &machine);
	machine.extended_raw = machine.extended_real = machine.plain = -ENODEV;
	fake_machine_file(&machine, "/sys/class/ptp/ptp0/clock_name", NULL, -ENOENT);
	machine.dev_path = "/dev/ptp1";
	machine.class_device = "/sys/class/ptp/ptp1/device";
	phc_poll_once(&phc, &machine);
	assert_int_equal(machine.closed, 1); /* at once: its number stays taken meanwhile */
	assert_non_null(strstr(phc.text, "is gone"));
	for (i = 0; i < 10; i++) {
		phc_poll_once(&phc, &machine);
		assert_false(phc.reading.has_offset);
	}
	assert_true(phc.reading.is_failed);
	fake_machine_file(&machine, "/sys/class/ptp/ptp1/clock_name", "525400123456\n", 0);
	machine.extended_raw = 0;
	for (i = 0; i < 9 && !phc.reading.has_offset; i++) {
		phc_poll_once(&phc, &machine);
	}
	phc_assert_contained(&phc, &machine, 0);
	assert_string_equal(machine.opened_path, "/dev/ptp1");
	assert_false(phc.reading.is_failed);
	assert_true(i >= 3); /* not at once: its driver has set it from CLOCK_REALTIME */
	cbd_phc_close(&phc);
}

static void another_device_under_the_old_number_is_not_taken(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	phc_start(&phc, &machine, "/dev/ptp0", 700);
	phc_poll_once(&phc, &machine);
	machine.extended_raw = -ENODEV;
	phc_poll_once(&phc, &machine);
	machine.extended_raw = 0;
	fake_machine_file(&machine, "/sys/class/ptp/ptp0/clock_name", "vmclock0\n", 0);
	for (i = 0; i < 10; i++) {
		phc_poll_once(&phc, &machine);
		assert_false(phc.reading.has_offset);
	}
	assert_non_null(strstr(phc.text, "is another one now"));
	cbd_phc_close(&phc);
}

static void a_busy_device_is_left_alone_for_longer_and_longer(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	uint32_t asked;
	int i;

	(void)state;
	fake_machine_init(&machine);
	phc_start(&phc, &machine, "eth0", 700);
	phc_poll_once(&phc, &machine);
	machine.extended_raw = -EBUSY;
	asked = machine.controls;
	for (i = 0; i < 60; i++) {
		phc_poll_once(&phc, &machine);
	}
	assert_true(machine.controls - asked <= 11); /* 1, 2, 4, 8, 8 ... */
	assert_true(machine.controls - asked >= 8);
	assert_true(phc.reading.is_failed && !phc.reading.has_bound);
	machine.extended_raw = 0;
	for (i = 0; i < 9 && !phc.reading.has_offset; i++) {
		phc_poll_once(&phc, &machine);
	}
	phc_assert_contained(&phc, &machine, 0);
	cbd_phc_close(&phc);
}

static void a_device_that_may_not_be_opened_says_who_may(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;

	(void)state;
	fake_machine_init(&machine);
	machine.open_result = -EACCES;
	phc_start(&phc, &machine, "eth0", 700);
	phc_poll_once(&phc, &machine);
	assert_true(phc.reading.is_failed);
	assert_non_null(strstr(phc.text, "group clock"));
	machine.open_result = 7;
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 0);
	cbd_phc_close(&phc);
}

/* By cross time stamps ours have no width; those that chronyd makes with the driver's stamps have. */
static void the_widest_read_is_by_the_way_that_chronyd_may_read(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;

	(void)state;
	fake_machine_init(&machine);
	machine.precise = 0;
	machine.tick_ns = 5000;
	phc_start(&phc, &machine, "eth0", 700);
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 0);
	assert_int_equal(phc.method, CBD_PHC_PRECISE);
	assert_true(phc.reading.high_ns - phc.reading.low_ns <= 104);
	assert_int_equal(phc.reading.widest_ns, 10000);
	machine.extended_real = -EOPNOTSUPP; /* the kernel's own around the driver, then */
	machine.tick_ns = 7000;
	phc_poll_once(&phc, &machine);
	assert_int_equal(phc.reading.widest_ns, 14000);
	cbd_phc_close(&phc);
	/* A device that has nothing but cross time stamps cannot be read otherwise by chronyd either. */
	machine.plain = machine.extended_raw = -EOPNOTSUPP;
	phc_start(&phc, &machine, "eth0", 700);
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 0);
	assert_int_equal(phc.reading.widest_ns, 100);
	/* One that failed now is not known to be narrow. */
	machine.plain = -EBUSY;
	phc_poll_once(&phc, &machine);
	assert_false(phc.reading.has_offset);
	assert_int_equal(phc.stats.busy, 1);
	cbd_phc_close(&phc);
}

static void two_names_for_two_devices_are_refused(void **state)
{
	struct cbd_phc_options options = phc_options("/dev/ptp0", 700);
	struct fake_machine machine;
	struct cbd_phc phc;

	(void)state;
	fake_machine_init(&machine);
	fake_machine_file(&machine, "/sys/class/ptp/ptp4/clock_name", "another\n", 0);
	machine.interface_index = 4;
	options.interface = "eth0";
	assert_int_equal(cbd_phc_init(&phc, &options, &machine.system, &machine.clock), 0);
	phc_poll_once(&phc, &machine);
	assert_false(phc.reading.has_offset);
	assert_non_null(strstr(phc.text, "two devices"));
	machine.interface_index = 0;
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 0);
	cbd_phc_close(&phc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_with_a_bound_gives_a_reading_a_poll),
		cmocka_unit_test(a_device_on_tai_is_known_by_37_s_and_carried_to_utc),
		cmocka_unit_test(a_leap_second_that_nobody_tells_of_is_seen),
		cmocka_unit_test(a_step_of_the_real_time_clock_does_not_change_the_scale),
		cmocka_unit_test(a_device_that_somebody_sets_is_watched_before_it_counts_again),
		cmocka_unit_test(a_device_that_is_set_while_it_is_read_has_no_bound),
		cmocka_unit_test(a_device_that_falls_back_from_tai_to_utc_is_steered_by_nobody),
		cmocka_unit_test(a_device_that_is_slewed_goes_on),
		cmocka_unit_test(a_lost_device_is_found_under_its_new_number_within_ten_seconds),
		cmocka_unit_test(another_device_under_the_old_number_is_not_taken),
		cmocka_unit_test(a_busy_device_is_left_alone_for_longer_and_longer),
		cmocka_unit_test(a_device_that_may_not_be_opened_says_who_may),
		cmocka_unit_test(the_widest_read_is_by_the_way_that_chronyd_may_read),
		cmocka_unit_test(two_names_for_two_devices_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
