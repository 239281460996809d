/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PHC as a source, with a ptp4l that tells its error. linuxptp answers with a sendto() that blocks, from the loop
 * that steers the clock: however it stands with the device, its answers are read. And what it says of TAI - UTC counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/source/phc.h"
#include "tests/unit/daemon/source/phc_fake.h"
#include "tests/unit/daemon/source/ptp4l_fake.h"

#define POLLS 600

struct world {
	struct fake_ptp4l ptp4l;
	struct fake_machine machine;
	struct cbd_phc phc;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct cbd_phc_options options = {.device = "/dev/ptp0", .interface = "", .rho_ppb = 50000};

	fake_machine_init(&world->machine);
	world->machine.phc_less_raw_ns += 37 * FAKE_SECOND;
	if (!fake_ptp4l_open(&world->ptp4l, 0)) {
		return -1;
	}
	options.ptp4l = world->ptp4l.path;
	*state = world;
	return cbd_phc_init(&world->phc, &options, &world->machine.system, &world->machine.clock);
}

static int teardown(void **state)
{
	struct world *world = *state;

	cbd_phc_close(&world->phc);
	fake_ptp4l_close(&world->ptp4l);
	free(world);
	return 0;
}

static void poll_once(struct world *world)
{
	struct fake_machine *machine = &world->machine;

	machine->raw_ns += FAKE_SECOND;
	world->ptp4l.ingress_ns = machine->raw_ns + machine->phc_less_raw_ns - FAKE_SECOND / 2;
	cbd_phc_begin(&world->phc);
	fake_ptp4l_answer(&world->ptp4l);
	cbd_phc_poll(&world->phc, machine->raw_ns);
}

static void poll_often(struct world *world)
{
	int i;

	for (i = 0; i < POLLS; i++) {
		poll_once(world);
		assert_int_equal(fake_ptp4l_unread(&world->ptp4l), 0);
	}
	assert_int_equal(world->ptp4l.blocked, 0);
	assert_true(world->ptp4l.answers >= POLLS * 4);
}

static void answers_are_read_while_the_device_is_good(void **state)
{
	struct world *world = *state;

	poll_often(world);
	assert_true(world->phc.reading.has_offset);
}

static void answers_are_read_while_there_is_no_device(void **state)
{
	struct world *world = *state;

	world->machine.dev_path = "/dev/ptp7";
	poll_often(world);
	assert_int_equal(world->machine.opened, 0);
}

static void answers_are_read_while_the_device_may_not_be_opened(void **state)
{
	struct world *world = *state;

	world->machine.open_result = -EACCES;
	poll_often(world);
}

static void answers_are_read_while_the_device_fails(void **state)
{
	static const int errors[] = {-EBUSY, -EIO, -EOPNOTSUPP, -ETIMEDOUT, -EBADMSG};
	struct world *world = *state;
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		world->machine.extended_raw = world->machine.extended_real = world->machine.plain = errors[i];
		poll_often(world);
		assert_false(world->phc.reading.has_offset);
	}
}

static void answers_are_read_while_the_device_is_lost(void **state)
{
	struct world *world = *state;

	poll_once(world);
	world->machine.extended_raw = world->machine.extended_real = world->machine.plain = -ENODEV;
	poll_often(world);
}

static void answers_are_read_while_somebody_sets_the_device(void **state)
{
	struct world *world = *state;
	int i;

	for (i = 0; i < POLLS; i++) {
		world->machine.phc_less_raw_ns += 50000000;
		poll_once(world);
		assert_int_equal(fake_ptp4l_unread(&world->ptp4l), 0);
	}
	assert_true(world->phc.stats.jumps > POLLS / 2);
}

static void answers_of_many_ports_are_read(void **state)
{
	struct world *world = *state;

	world->ptp4l.port_count = FAKE_PORTS / 2;
	poll_often(world);
	world->ptp4l.port_count = 40;
	poll_often(world);
}

/* ptp4l may be slow, and the PHC's poll may fail to come: one round of questions is all that is ever unread. */
static void answers_that_come_after_the_poll_are_read_before_more_is_asked(void **state)
{
	struct world *world = *state;
	int one_round;
	int i;

	cbd_phc_begin(&world->phc);
	fake_ptp4l_answer(&world->ptp4l);
	one_round = fake_ptp4l_unread(&world->ptp4l);
	assert_true(one_round > 0);
	for (i = 0; i < POLLS; i++) {
		cbd_phc_begin(&world->phc);
		fake_ptp4l_answer(&world->ptp4l);
		assert_true(fake_ptp4l_unread(&world->ptp4l) <= 2 * one_round);
	}
	assert_int_equal(world->ptp4l.blocked, 0);
	cbd_phc_close(&world->phc);
	assert_int_equal(fake_ptp4l_unread(&world->ptp4l), 0);
}

/* One that sends more than anybody asked for is left, with its socket. */
static void a_flood_ends(void **state)
{
	struct world *world = *state;
	uint8_t junk[60] = {0};
	struct sockaddr_storage own;
	socklen_t length = sizeof(own);
	int i;

	poll_once(world);
	assert_int_equal(getsockname(world->phc.ptp4l.fd, (struct sockaddr *)&own, &length), 0);
	for (i = 0; i < 5000; i++) {
		(void)sendto(world->ptp4l.fd, junk, sizeof(junk), MSG_DONTWAIT, (struct sockaddr *)&own,
			     length);
	}
	poll_once(world);
	poll_once(world);
	assert_int_equal(fake_ptp4l_unread(&world->ptp4l), 0);
}

static void poll_times(struct world *world, int times)
{
	while (times-- > 0) {
		poll_once(world);
	}
}

/* Nobody announced it: the new TAI - UTC drops the reading, and the device counts when CLOCK_REALTIME agrees. */
static void another_tai_less_utc_is_not_ignored(void **state)
{
	struct world *world = *state;

	poll_times(world, 20);
	assert_true(world->phc.reading.has_offset);
	assert_int_equal(world->phc.utc_offset_ns, 37 * FAKE_SECOND);
	world->ptp4l.utc_offset_s = 38;
	poll_once(world);
	assert_false(world->phc.reading.has_offset);
	assert_non_null(strstr(world->phc.text, "no longer 37 s"));
	poll_times(world, 5);
	assert_false(world->phc.reading.has_offset);
	assert_non_null(strstr(world->phc.text, "neither UTC nor TAI"));
	world->machine.real_less_raw_ns -= FAKE_SECOND;
	poll_once(world);
	assert_true(world->phc.reading.has_offset);
	assert_int_equal(world->phc.utc_offset_ns, 38 * FAKE_SECOND);
}

static void a_leap_second_that_is_announced_ends_the_use_of_the_device(void **state)
{
	static const uint8_t flags[] = {0x01, 0x02};
	struct world *world = *state;
	size_t i;

	for (i = 0; i < sizeof(flags); i++) {
		poll_times(world, 20);
		assert_true(world->phc.reading.has_offset);
		world->ptp4l.flags |= flags[i];
		poll_once(world);
		assert_false(world->phc.reading.has_offset);
		assert_non_null(strstr(world->phc.text, "leap second"));
		poll_times(world, 5);
		assert_false(world->phc.reading.has_offset);
		/* It has passed: the flag is gone, the offset is another one, and so is CLOCK_REALTIME. */
		world->ptp4l.flags = 0x0c;
		world->ptp4l.utc_offset_s += i == 0 ? 1 : -1;
		world->machine.real_less_raw_ns -= i == 0 ? FAKE_SECOND : -FAKE_SECOND;
		poll_once(world);
		assert_non_null(strstr(world->phc.text, "leap second"));
		poll_once(world);
		assert_non_null(strstr(world->phc.text, "no longer"));
		poll_once(world);
		assert_true(world->phc.reading.has_offset);
	}
}

static void an_announcement_that_is_taken_back_holds_until_the_day_is_over(void **state)
{
	struct world *world = *state;
	int i;

	poll_times(world, 20);
	world->ptp4l.flags = 0x0c | 0x01;
	poll_times(world, 3);
	world->ptp4l.flags = 0x0c;
	for (i = 0; i < 12 * 60; i++) {
		world->machine.raw_ns += 59 * FAKE_SECOND;
		poll_once(world);
		if (world->phc.reading.has_offset) {
			break;
		}
	}
	/* from noon to midnight */
	assert_in_range(i, 12 * 60 - 2, 12 * 60 + 2);
}

/*
 * As linuxptp's servo answers an offset of 100 us that was the network's alone, and then hears nothing more: it has
 * dialled 140 ppm, and the device runs off from where it was right.
 */
static void what_the_servo_has_dialled_runs_on_while_no_synchronisation_comes(void **state)
{
	struct world *world = *state;
	int64_t right_ns = world->machine.phc_less_raw_ns;
	int64_t ingress_ns;
	int readings = 0;
	int i;

	world->machine.frequency = -3 * 65536;
	poll_times(world, 20);
	assert_true(world->phc.reading.has_offset);
	world->ptp4l.offset_ns = 100000;
	world->machine.frequency -= 140 * 65536;
	poll_once(world);
	ingress_ns = world->ptp4l.ingress_ns;
	for (i = 0; i < 12; i++) {
		world->machine.phc_less_raw_ns -= 140000;
		world->machine.raw_ns += FAKE_SECOND;
		world->ptp4l.ingress_ns = ingress_ns;
		cbd_phc_begin(&world->phc);
		fake_ptp4l_answer(&world->ptp4l);
		cbd_phc_poll(&world->phc, world->machine.raw_ns);
		if (world->phc.reading.has_offset) {
			readings++;
			assert_true(world->phc.reading.bound_ns >= right_ns - world->machine.phc_less_raw_ns);
		}
	}
	assert_in_range(readings, 8, 10);
}

static void without_a_sight_of_what_is_dialled_there_is_no_bound(void **state)
{
	struct world *world = *state;

	poll_times(world, 20);
	world->machine.frequency_result = -EPERM;
	poll_once(world);
	assert_false(world->phc.reading.has_offset || world->phc.reading.has_bound);
	assert_non_null(strstr(world->phc.text, "cannot be seen"));
	world->machine.frequency_result = 0;
	poll_times(world, 7);
	assert_false(world->phc.reading.has_offset);
	poll_once(world);
	assert_true(world->phc.reading.has_offset);
	/* On a device that nobody can dial, nothing is. */
	world->machine.max_adj = 0;
	world->machine.frequency_result = -EOPNOTSUPP;
	poll_once(world);
	assert_true(world->phc.reading.has_offset);
}

/* As a driver sets a clock that it brings up. */
static void a_device_on_utc_is_not_steered_by_ptp4l(void **state)
{
	struct world *world = *state;

	world->machine.phc_less_raw_ns -= 37 * FAKE_SECOND;
	poll_times(world, 20);
	assert_false(world->phc.reading.has_offset);
	assert_non_null(strstr(world->phc.text, "steers counts TAI"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_are_read_while_the_device_is_good, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_are_read_while_there_is_no_device, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_are_read_while_the_device_may_not_be_opened, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answers_are_read_while_the_device_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_are_read_while_the_device_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_are_read_while_somebody_sets_the_device, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answers_of_many_ports_are_read, setup, teardown),
		cmocka_unit_test_setup_teardown(
			answers_that_come_after_the_poll_are_read_before_more_is_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(a_flood_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(another_tai_less_utc_is_not_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(a_leap_second_that_is_announced_ends_the_use_of_the_device,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_announcement_that_is_taken_back_holds_until_the_day_is_over, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_the_servo_has_dialled_runs_on_while_no_synchronisation_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_sight_of_what_is_dialled_there_is_no_bound, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_device_on_utc_is_not_steered_by_ptp4l, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
