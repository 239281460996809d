/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PHC as a source whose error its driver tells, as ENA's: no reading without it, and none that it does not cover.
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

#define BOUND_FILE "/sys/class/ptp/ptp0/device/phc_error_bound"

static void without_a_bound_there_is_no_reading(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;

	(void)state;
	fake_machine_init(&machine);
	phc_start(&phc, &machine, "eth0", 0);
	phc_poll_once(&phc, &machine);
	assert_false(phc.reading.has_offset || phc.reading.has_bound);
	assert_true(phc.reading.is_failed);
	assert_non_null(strstr(phc.text, "error of the device is not known"));
	cbd_phc_close(&phc);
}

/* text, 0, negative, huge, empty, the driver's own mark, busy, gone: none of them is a bound. */
static void a_hostile_bound_file_is_no_bound(void **state)
{
	static const char *const texts[] = {"abc\n", "0\n",	     "-1\n", "99999999999999999999\n",
					    "",	     "4294967295\n", NULL,   NULL};
	static const int errors[] = {0, 0, 0, 0, 0, 0, -EBUSY, -ENOENT};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fake_machine machine;
		struct cbd_phc phc;

		fake_machine_init(&machine);
		fake_machine_file(&machine, BOUND_FILE, "450\n", 0);
		phc_start(&phc, &machine, "eth0", 0);
		phc_poll_once(&phc, &machine);
		phc_assert_contained(&phc, &machine, 0);
		assert_int_equal(phc.reading.bound_ns, 450);
		fake_machine_file(&machine, BOUND_FILE, texts[i], errors[i]);
		phc_poll_once(&phc, &machine);
		assert_false(phc.reading.has_offset);
		assert_int_not_equal(phc.text[0], '\0');
		/* At once, but where the device may merely have been asked too often. */
		assert_int_equal(phc.reading.has_bound, errors[i] == -EBUSY);
		machine.raw_ns += CBD_PHC_GRACE_NS;
		phc_poll_once(&phc, &machine);
		assert_false(phc.reading.has_bound);
		assert_true(phc.reading.is_failed);
		cbd_phc_close(&phc);
	}
}

/* Each sample is a reading of the device with an error of its own, which the next one overwrites. */
static void the_bound_covers_every_sample_of_a_reading(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	uint32_t at;

	(void)state;
	for (at = 0; at <= 5; at++) {
		fake_machine_init(&machine);
		fake_machine_file(&machine, "/sys/class/ptp/ptp0/clock_name", "ena-ptp-05\n", 0);
		fake_machine_file(&machine, BOUND_FILE, "450\n", 0);
		machine.peak_text = "9000\n";
		machine.peak_at = at;
		phc_start(&phc, &machine, "eth0", 0);
		phc_poll_once(&phc, &machine);
		phc_assert_contained(&phc, &machine, 0);
		assert_int_equal(machine.samples, 5);
		assert_int_equal(phc.reading.bound_ns, 9000);
		cbd_phc_close(&phc);
		machine.samples = 0;
		machine.peak_text = "4294967295\n";
		phc_start(&phc, &machine, "eth0", 0);
		phc_poll_once(&phc, &machine);
		assert_int_equal(phc.reading.has_offset, at == 0);
		cbd_phc_close(&phc);
	}
}

static void an_interrupted_sample_costs_nothing(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;

	(void)state;
	fake_machine_init(&machine);
	fake_machine_file(&machine, BOUND_FILE, "450\n", 0);
	phc_start(&phc, &machine, "eth0", 0);
	machine.wide_after = 3;
	machine.wide_ns = 30000000;
	phc_poll_once(&phc, &machine);
	phc_assert_contained(&phc, &machine, 0);
	machine.wide_after = 0;
	machine.wide_at = 0; /* all of them */
	phc_poll_once(&phc, &machine);
	assert_false(phc.reading.has_offset);
	assert_true(phc.reading.has_bound && !phc.reading.is_failed);
	cbd_phc_close(&phc);
}

static void the_worst_bound_of_late_is_remembered(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	fake_machine_file(&machine, BOUND_FILE, "9000\n", 0);
	phc_start(&phc, &machine, "eth0", 0);
	machine.tick_ns = 900;
	phc_poll_once(&phc, &machine);
	machine.tick_ns = 200;
	fake_machine_file(&machine, BOUND_FILE, "450\n", 0);
	for (i = 1; i < CBD_PHC_WINDOW; i++) {
		phc_poll_once(&phc, &machine);
		assert_int_equal(phc.reading.bound_ns, 450);
		assert_int_equal(phc.reading.worst_bound_ns, 9000);
		assert_int_equal(phc.reading.widest_ns, 1800);
	}
	phc_poll_once(&phc, &machine);
	assert_int_equal(phc.reading.worst_bound_ns, 450);
	assert_int_equal(phc.reading.widest_ns, 400);
	cbd_phc_close(&phc);
}

/* chronyd's last sample may be of the time before. */
static void what_was_worst_is_remembered_over_a_loss_of_the_device(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	fake_machine_file(&machine, BOUND_FILE, "90000\n", 0);
	phc_start(&phc, &machine, "eth0", 0);
	machine.tick_ns = 5000;
	phc_poll_once(&phc, &machine);
	machine.extended_raw = machine.extended_real = machine.plain = -ENODEV;
	phc_poll_once(&phc, &machine);
	machine.extended_raw = machine.extended_real = machine.plain = 0;
	machine.tick_ns = 200;
	fake_machine_file(&machine, BOUND_FILE, "450\n", 0);
	for (i = 0; i < 9 && !phc.reading.has_offset; i++) {
		phc_poll_once(&phc, &machine);
	}
	phc_assert_contained(&phc, &machine, 0);
	assert_int_equal(phc.stats.openings, 2);
	assert_int_equal(phc.reading.worst_bound_ns, 90000);
	assert_int_equal(phc.reading.widest_ns, 10000);
	cbd_phc_close(&phc);
}

/* chronyd's sample of a refclock is the mean of 16 s by default: our window must not be shorter. */
static void what_was_worst_is_remembered_for_a_minute_however_often_it_is_polled(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	fake_machine_file(&machine, BOUND_FILE, "9000\n", 0);
	phc_start(&phc, &machine, "eth0", 0);
	phc_poll_once(&phc, &machine);
	fake_machine_file(&machine, BOUND_FILE, "450\n", 0);
	for (i = 0; i < 5 * (CBD_PHC_WINDOW - 2); i++) {
		machine.raw_ns += FAKE_SECOND / 5;
		cbd_phc_begin(&phc);
		cbd_phc_poll(&phc, machine.raw_ns);
		assert_int_equal(phc.reading.bound_ns, 450);
		assert_int_equal(phc.reading.worst_bound_ns, 9000);
	}
	cbd_phc_close(&phc);
}

/* 125 requests a second for everybody together: however often we poll, ours are ten. */
static void an_ena_device_is_asked_for_ten_samples_a_second_at_most(void **state)
{
	struct fake_machine machine;
	struct cbd_phc phc;
	int i;

	(void)state;
	fake_machine_init(&machine);
	fake_machine_file(&machine, "/sys/class/ptp/ptp0/clock_name", "ena-ptp-05\n", 0);
	fake_machine_file(&machine, BOUND_FILE, "4500\n", 0);
	phc_start(&phc, &machine, "eth0", 0);
	for (i = 0; i < 1000; i++) {
		machine.raw_ns += FAKE_SECOND / 100;
		cbd_phc_poll(&phc, machine.raw_ns);
	}
	assert_in_range(machine.samples, 80, 105);
	assert_true(phc.reading.has_bound && !phc.reading.is_failed);
	cbd_phc_close(&phc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_bound_there_is_no_reading),
		cmocka_unit_test(a_hostile_bound_file_is_no_bound),
		cmocka_unit_test(the_bound_covers_every_sample_of_a_reading),
		cmocka_unit_test(an_interrupted_sample_costs_nothing),
		cmocka_unit_test(the_worst_bound_of_late_is_remembered),
		cmocka_unit_test(what_was_worst_is_remembered_over_a_loss_of_the_device),
		cmocka_unit_test(what_was_worst_is_remembered_for_a_minute_however_often_it_is_polled),
		cmocka_unit_test(an_ena_device_is_asked_for_ten_samples_a_second_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
