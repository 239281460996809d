/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device under a constant bound that was set, or has come back, looks right, since its driver sets it by
 * CLOCK_REALTIME: it counts when somebody is seen to steer it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "daemon/source/phc.h"
#include "tests/unit/daemon/source/phc_fake.h"

#define BOUND_FILE "/sys/class/ptp/ptp0/device/phc_error_bound"

static struct fake_machine machine;
static struct cbd_phc phc;

static void start(int64_t bound_ns)
{
	struct cbd_phc_options options = {
		.device = "/dev/ptp0", .interface = "", .ptp4l = "", .bound_ns = bound_ns, .rho_ppb = 50000};

	assert_int_equal(cbd_phc_init(&phc, &options, &machine.system, &machine.clock), 0);
}

static int setup(void **state)
{
	(void)state;
	fake_machine_init(&machine);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	cbd_phc_close(&phc);
	return 0;
}

static void poll_times(int times)
{
	while (times-- > 0) {
		machine.raw_ns += FAKE_SECOND;
		cbd_phc_begin(&phc);
		cbd_phc_poll(&phc, machine.raw_ns);
	}
}

/* Read, lost, and there again. */
static void bind_anew(int64_t bound_ns)
{
	start(bound_ns);
	poll_times(2);
	assert_true(phc.reading.has_offset); /* at the start the administrator's word is enough */
	machine.extended_raw = machine.extended_real = machine.plain = -ENODEV;
	poll_times(2);
	machine.extended_raw = machine.extended_real = machine.plain = 0;
}

static void unsteered(const char *why)
{
	int i;

	for (i = 0; i < 100; i++) {
		poll_times(1);
		assert_false(phc.reading.has_offset);
	}
	assert_non_null(strstr(phc.text, why));
	assert_true(phc.reading.is_failed && !phc.reading.has_bound);
}

static void a_device_that_was_bound_anew_counts_when_it_is_steered(void **state)
{
	(void)state;
	bind_anew(700);
	unsteered("nobody is seen to steer it");
	machine.frequency = -65536;
	poll_times(3);
	assert_false(phc.reading.has_offset); /* whoever it is gets time to do it */
	poll_times(1);
	assert_true(phc.reading.has_offset);
}

/* Its driver is loaded after we were started. */
static void a_device_that_comes_late_counts_when_it_is_steered(void **state)
{
	(void)state;
	machine.dev_path = "/dev/ptp9";
	start(700);
	poll_times(3);
	machine.dev_path = "/dev/ptp0";
	unsteered("nobody is seen to steer it");
	machine.frequency = 1;
	poll_times(4);
	assert_true(phc.reading.has_offset);
}

/* What was dialled before stays dialled: drivers keep it over a reset that sets the time. */
static void a_device_that_was_set_counts_when_it_is_steered_on(void **state)
{
	(void)state;
	machine.frequency = 4711;
	start(700);
	poll_times(2);
	machine.phc_less_raw_ns += 50000000;
	unsteered("nobody is seen to steer it");
	machine.frequency = 4712;
	poll_times(4);
	assert_true(phc.reading.has_offset);
}

/* ENA's, KVM's, VMware's: the hypervisor maintains it, and nothing can be dialled here. */
static void a_device_that_nobody_here_can_steer_needs_no_evidence(void **state)
{
	(void)state;
	machine.max_adj = 0;
	bind_anew(700);
	poll_times(4);
	assert_true(phc.reading.has_offset);
	machine.phc_less_raw_ns += 50000000;
	poll_times(5);
	assert_true(phc.reading.has_offset);
}

static void a_bound_of_the_drivers_own_needs_no_evidence(void **state)
{
	(void)state;
	fake_machine_file(&machine, BOUND_FILE, "450\n", 0);
	bind_anew(0);
	poll_times(5);
	assert_true(phc.reading.has_offset);
}

static void what_cannot_be_asked_is_no_evidence(void **state)
{
	(void)state;
	machine.frequency_result = -EPERM;
	bind_anew(700);
	machine.frequency = 99;
	unsteered("cannot be seen");
	machine.frequency_result = 0;
	poll_times(4);
	assert_true(phc.reading.has_offset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_device_that_was_bound_anew_counts_when_it_is_steered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_device_that_comes_late_counts_when_it_is_steered, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_device_that_was_set_counts_when_it_is_steered_on, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_device_that_nobody_here_can_steer_needs_no_evidence, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_bound_of_the_drivers_own_needs_no_evidence, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_asked_is_no_evidence, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
