/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking ptp4l: what its answers bound, and what they do not.
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
#include <unistd.h>

#include "daemon/source/phc_ptp4l.h"
#include "tests/unit/daemon/source/ptp4l_fake.h"

#define NOW_NS	INT64_C(50000000000)
#define PHC_NS	INT64_C(1768478437000000000)
#define RHO_PPB 50000u
/* By rho in the second since the last synchronisation, by a device that is slow by as much. */
#define RUNOFF_NS (50000 + 5 + 1)

struct fake {
	struct fake_ptp4l ptp4l;
	struct cbd_ptp4l client;
	int64_t dialled; /* 2^-16 ppm */
};

static char text[256];

static int ask(struct fake *fake, struct cbd_ptp4l_bound *bound)
{
	assert_int_equal(cbd_ptp4l_ask(&fake->client, NOW_NS), 0);
	fake_ptp4l_answer(&fake->ptp4l);
	cbd_ptp4l_take(&fake->client, NOW_NS);
	cbd_ptp4l_dialled(&fake->client, &fake->dialled);
	return cbd_ptp4l_bound(&fake->client, NOW_NS, PHC_NS, 0, RHO_PPB, bound, text, sizeof(text));
}

/* As many synchronisations as are asked for, the last at what is now the fake's; and the result of the last question. */
static int know(struct fake *fake, struct cbd_ptp4l_bound *bound)
{
	int64_t last_ns = fake->ptp4l.ingress_ns;
	int result = 0;
	int i;

	for (i = CBD_SERVO_SYNCS; i >= 0; i--) {
		fake->ptp4l.ingress_ns = last_ns - i;
		result = ask(fake, bound);
	}
	return result;
}

static void start_anew(struct fake *fake)
{
	cbd_ptp4l_close(&fake->client);
	assert_int_equal(cbd_ptp4l_open(&fake->client, fake->ptp4l.path, fake->ptp4l.domain,
					fake->ptp4l.transport_specific, text, sizeof(text)),
			 0);
}

static int setup(void **state)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	if (!fake_ptp4l_open(&fake->ptp4l, PHC_NS - 1000000000) ||
	    cbd_ptp4l_open(&fake->client, fake->ptp4l.path, fake->ptp4l.domain,
			   fake->ptp4l.transport_specific, text, sizeof(text)) != 0) {
		return -1;
	}
	*state = fake;
	return 0;
}

static int teardown(void **state)
{
	struct fake *fake = *state;

	cbd_ptp4l_close(&fake->client);
	fake_ptp4l_close(&fake->ptp4l);
	free(fake);
	return 0;
}

static void the_bound_is_the_sum_that_the_documentation_gives(void **state)
{
	struct cbd_ptp4l_bound bound;

	assert_int_equal(know(*state, &bound), 0);
	/* accuracy 100, path 501 (rounded up), offset 40, stamps, 50 us since the last synchronisation, and as much again
	 * of them, twice, for what the device has not shown of it; each rounded up */
	assert_int_equal(bound.bound_ns, 100 + 501 + 40 + CBD_PTP4L_STAMP_NS + RUNOFF_NS);
	assert_int_equal(bound.utc_offset_s, 37);
}

static void the_largest_of_the_last_offsets_counts(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;
	int i;

	assert_int_equal(know(fake, &bound), 0);
	fake->ptp4l.offset_ns = -9000;
	fake->ptp4l.ingress_ns++;
	assert_int_equal(ask(fake, &bound), 0);
	fake->ptp4l.offset_ns = 10;
	for (i = 1; i < CBD_SERVO_SYNCS; i++) {
		fake->ptp4l.ingress_ns++;
		assert_int_equal(ask(fake, &bound), 0);
		assert_true(bound.bound_ns > 9000 + 50000);
	}
	assert_int_equal(ask(fake, &bound), 0);
	assert_true(bound.bound_ns > 9000 + 50000); /* the same synchronisation again is no new one */
	fake->ptp4l.ingress_ns++;
	assert_int_equal(ask(fake, &bound), 0);
	assert_true(bound.bound_ns < 9000 + 50000);
}

/* After an outlier a servo dials as much as the offset a second, and more; nobody takes it back before the next one. */
static void what_was_dialled_of_late_may_still_be_running(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;
	int64_t before_ns;
	int i;

	fake->dialled = 65536 * 17; /* what the oscillator is off by, steadily, is no matter */
	assert_int_equal(know(fake, &bound), 0);
	before_ns = bound.bound_ns;
	assert_int_equal(before_ns, 100 + 501 + 40 + CBD_PTP4L_STAMP_NS + RUNOFF_NS);
	fake->dialled -= 65536 * 140; /* at once, though no synchronisation is known that it is due to */
	assert_int_equal(ask(fake, &bound), 0);
	assert_in_range(bound.bound_ns - before_ns, 140000, 140000 + 100);
	cbd_ptp4l_dialled(&fake->client, &(int64_t){65536 * INT64_C(600000)});
	assert_int_equal(
		cbd_ptp4l_bound(&fake->client, NOW_NS, PHC_NS, 0, RHO_PPB, &bound, text, sizeof(text)),
		-EAGAIN);
	assert_non_null(strstr(text, "half of"));
	assert_int_equal(know(fake, &bound), 0);
	fake->dialled += 65536 * 140;
	for (i = 1; i < CBD_SERVO_SYNCS; i++) {
		fake->ptp4l.ingress_ns++;
		assert_int_equal(ask(fake, &bound), 0);
		assert_true(bound.bound_ns - before_ns >= 140000);
	}
	fake->ptp4l.ingress_ns++;
	assert_int_equal(ask(fake, &bound), 0);
	assert_true(bound.bound_ns <= before_ns);
}

static void refused(struct fake *fake, const char *why)
{
	struct cbd_ptp4l_bound bound;

	assert_int_equal(ask(fake, &bound), -EAGAIN);
	assert_non_null(strstr(text, why));
}

/* ... also when it has gone on for long. */
static void refused_for_good(struct fake *fake, const char *why)
{
	struct cbd_ptp4l_bound bound;

	assert_int_equal(know(fake, &bound), -EAGAIN);
	assert_non_null(strstr(text, why));
}

static void a_grandmaster_of_unknown_accuracy_bounds_nothing(void **state)
{
	static const uint8_t unknown[] = {0x00, 0x1f, 0x30, 0x31, 0x80, 0xfe, 0xff};
	struct fake *fake = *state;
	size_t i;

	for (i = 0; i < sizeof(unknown); i++) {
		fake->ptp4l.accuracy = unknown[i];
		refused_for_good(fake, "how accurate");
	}
}

/* ptp4l's own default is 248 with accuracy unknown; whoever configures an accuracy may have left the class. */
static void a_grandmaster_that_nothing_disciplines_bounds_nothing(void **state)
{
	static const uint8_t good[] = {6, 7, 13, 14};
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;
	int class;

	for (class = 0; class <= UINT8_MAX; class ++) {
		fake->ptp4l.clock_class = (uint8_t) class;
		if (memchr(good, class, sizeof(good)) != NULL) {
			assert_int_equal(know(fake, &bound), 0);
		} else {
			refused_for_good(fake, "clockClass");
		}
	}
}

static void no_grandmaster_no_ptp_scale_no_bound(void **state)
{
	static const int16_t offsets[] = {0, -37, 9, 100, 0x7fff};
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;
	size_t i;

	assert_int_equal(know(fake, &bound), 0);
	fake->ptp4l.has_master = 0;
	refused(fake, "no grandmaster");
	fake->ptp4l.has_master = 1;
	fake->ptp4l.flags = 0x04;
	refused(fake, "PTP time scale");
	fake->ptp4l.flags = 0x08;
	refused(fake, "PTP time scale");
	fake->ptp4l.flags = 0x0c;
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		fake->ptp4l.utc_offset_s = offsets[i];
		refused(fake, "TAI - UTC");
	}
	fake->ptp4l.utc_offset_s = 37;
	assert_int_equal(ask(fake, &bound), 0);
	fake->ptp4l.ingress_ns = PHC_NS - CBD_PTP4L_AGE_MAX_NS - 1;
	refused(fake, "not synchronised lately");
	fake->ptp4l.ingress_ns = PHC_NS + 1;
	refused(fake, "not synchronised lately");
}

static void a_path_delay_that_is_not_known_bounds_nothing(void **state)
{
	static const int64_t scaled[] = {0, -1, -65536, INT64_MIN};
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;
	size_t i;

	assert_int_equal(know(fake, &bound), 0);
	for (i = 0; i < sizeof(scaled) / sizeof(scaled[0]); i++) {
		fake->ptp4l.path_delay_scaled = scaled[i];
		refused(fake, "no path delay");
	}
}

/* linuxptp fills meanPathDelay by E2E alone: of P2P it is the port that knows. */
static void of_p2p_the_delay_is_the_ports(void **state)
{
	static const uint8_t mechanisms[] = {CBD_PTP4L_P2P, CBD_PTP4L_COMMON_P2P};
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;
	size_t i;

	for (i = 0; i < sizeof(mechanisms); i++) {
		fake->ptp4l.ports[0].mechanism = mechanisms[i];
		fake->ptp4l.path_delay_scaled = 0;
		fake->ptp4l.ports[0].peer_delay_scaled = 700 * 65536;
		assert_int_equal(know(fake, &bound), 0);
		assert_int_equal(bound.bound_ns, 100 + 700 + 40 + CBD_PTP4L_STAMP_NS + RUNOFF_NS);
		fake->ptp4l.path_delay_scaled = 500 * 65536;
		fake->ptp4l.ports[0].peer_delay_scaled = 0;
		refused(fake, "no path delay");
	}
	fake->ptp4l.ports[0].peer_delay_scaled = 700 * 65536;
	fake->ptp4l.ports[0].mechanism = 0xfe; /* none */
	refused(fake, "no path delay");
	fake->ptp4l.ports[0].mechanism = 4; /* "special" */
	refused(fake, "no path delay");
}

static void what_is_heard_through_boundary_clocks_bounds_nothing(void **state)
{
	static const uint16_t steps[] = {0, 2, 3, 255};
	struct fake *fake = *state;
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		fake->ptp4l.steps = steps[i];
		refused_for_good(fake, "stepsRemoved");
	}
}

static void only_the_clock_that_is_read_is_bounded(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;

	assert_int_equal(know(fake, &bound), 0);
	fake->ptp4l.ports[0].index = 2;
	refused(fake, "another PTP hardware clock");
	fake->ptp4l.ports[0].index = -1; /* time_stamping software */
	refused_for_good(fake, "no PHC");
	fake->ptp4l.ports[0].index = 0;
	assert_int_equal(know(fake, &bound), 0);
	assert_int_equal(
		cbd_ptp4l_bound(&fake->client, NOW_NS, PHC_NS, -1, RHO_PPB, &bound, text, sizeof(text)),
		-EAGAIN);
}

/* ptp4lro: linuxptp answers PORT_HWCLOCK_NP there with an error. */
static void the_read_only_socket_is_not_enough(void **state)
{
	struct fake *fake = *state;

	fake->ptp4l.is_read_only = true;
	refused_for_good(fake, "read-write socket");
}

static void a_port_that_is_no_slave_bounds_nothing(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;

	fake->ptp4l.ports[0].state = 8; /* uncalibrated */
	refused_for_good(fake, "SLAVE");
	fake->ptp4l.ports[0].state = 9;
	assert_int_equal(know(fake, &bound), 0);
	fake->ptp4l.ports[0].state = 8;
	refused(fake, "SLAVE"); /* at once, and what it measured before is gone */
	fake->ptp4l.ports[0].state = 9;
	refused(fake, "not said yet");
	assert_int_equal(know(fake, &bound), 0);
}

/* boundary_clock_jbod: each port has its own PHC, delay and state. */
static void of_several_ports_the_slave_counts(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;
	int i;

	fake->ptp4l.port_count = 5;
	for (i = 0; i < 5; i++) {
		fake->ptp4l.ports[i] = (struct fake_port){6, CBD_PTP4L_P2P, (i + 1) * 1000 * 65536, i};
	}
	fake->ptp4l.ports[0].state = 9;
	assert_int_equal(know(fake, &bound), 0);
	assert_int_equal(bound.bound_ns, 100 + 1000 + 40 + CBD_PTP4L_STAMP_NS + RUNOFF_NS);
	fake->ptp4l.offset_ns = 5000;
	fake->ptp4l.ports[0].state = 6;
	fake->ptp4l.ports[3].state = 9;
	refused(fake, "SLAVE");
	refused_for_good(fake, "another PTP hardware clock");
	assert_int_equal(
		cbd_ptp4l_bound(&fake->client, NOW_NS, PHC_NS, 3, RHO_PPB, &bound, text, sizeof(text)), 0);
	assert_int_equal(bound.bound_ns, 100 + 4000 + 5000 + CBD_PTP4L_STAMP_NS + RUNOFF_NS);
}

/* Else the small offsets from one would bound what the servo does about those from the other. */
static void offsets_are_of_one_grandmaster_and_one_path(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;

	assert_int_equal(know(fake, &bound), 0);
	fake->ptp4l.status_master = 0xa2;
	refused(fake, "changing its grandmaster");
	fake->ptp4l.parent_master = 0xa2;
	refused(fake, "only a few times");
	assert_int_equal(know(fake, &bound), 0);
	fake->ptp4l.parent_port = 2;
	refused(fake, "only a few times");
	assert_int_equal(know(fake, &bound), 0);
}

static void every_answer_is_needed(void **state)
{
	static const uint16_t needed[] = {CBD_PTP4L_TIME_STATUS_NP,	      CBD_PTP4L_CURRENT_DATA_SET,
					  CBD_PTP4L_PARENT_DATA_SET,	      CBD_PTP4L_PORT_HWCLOCK_NP,
					  CBD_PTP4L_TIME_PROPERTIES_DATA_SET, CBD_PTP4L_PORT_DATA_SET};
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		start_anew(fake);
		fake->ptp4l.silent_id = needed[i];
		assert_int_equal(know(fake, &bound), -EAGAIN);
	}
}

static void answers_grow_old(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;

	assert_int_equal(know(fake, &bound), 0);
	assert_int_equal(cbd_ptp4l_bound(&fake->client, NOW_NS + CBD_PTP4L_AGE_MAX_NS + 1, PHC_NS, 0, RHO_PPB,
					 &bound, text, sizeof(text)),
			 -EAGAIN);
	assert_non_null(strstr(text, "does not answer"));
}

static void nobody_there_is_an_error_and_no_bound(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;

	unlink(fake->ptp4l.path);
	assert_int_equal(cbd_ptp4l_ask(&fake->client, NOW_NS), -ENOENT);
	assert_int_equal(
		cbd_ptp4l_bound(&fake->client, NOW_NS, PHC_NS, 0, RHO_PPB, &bound, text, sizeof(text)),
		-EAGAIN);
}

/* The address of the client's socket is in /proc/net/unix for everybody to see, and its numbers are easily guessed. */
static void nobody_else_can_answer(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;

	fake->ptp4l.silent_id = CBD_PTP4L_PARENT_DATA_SET;
	fake->ptp4l.stranger_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	refused(fake, "does not answer");
	close(fake->ptp4l.stranger_fd);
	fake->ptp4l.stranger_fd = 0;
	fake->ptp4l.silent_id = 0;
	assert_int_equal(know(fake, &bound), 0);
}

/* ptp4l passes on to its read-write socket what other clocks of the network answer to others, with any number. */
static void answers_to_others_are_ignored(void **state)
{
	struct fake *fake = *state;

	fake->ptp4l.is_to_others = true;
	refused_for_good(fake, "does not answer");
	assert_true(fake->client.ignored > 4);
}

/* ptp4l ignores what is of another domain, and, with 802.1AS, of another transport. */
static void another_domain_and_transport_are_asked_where_that_is_told(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;

	fake->ptp4l.domain = 24;
	fake->ptp4l.transport_specific = 1;
	refused_for_good(fake, "does not answer");
	start_anew(fake);
	assert_int_equal(know(fake, &bound), 0);
}

static void one_that_is_started_anew_is_found(void **state)
{
	struct cbd_ptp4l_bound bound;
	struct fake *fake = *state;

	assert_int_equal(know(fake, &bound), 0);
	close(fake->ptp4l.fd);
	fake->ptp4l.fd = -1;
	assert_int_equal(cbd_ptp4l_ask(&fake->client, NOW_NS), -ECONNREFUSED);
	assert_true(fake_ptp4l_restart(&fake->ptp4l));
	fake->ptp4l.accuracy = 0x22;
	assert_int_equal(know(fake, &bound), 0);
	assert_int_equal(bound.bound_ns, 250 + 501 + 40 + CBD_PTP4L_STAMP_NS + RUNOFF_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_bound_is_the_sum_that_the_documentation_gives, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_largest_of_the_last_offsets_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(a_grandmaster_of_unknown_accuracy_bounds_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_grandmaster_that_nothing_disciplines_bounds_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_grandmaster_no_ptp_scale_no_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(a_path_delay_that_is_not_known_bounds_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(of_p2p_the_delay_is_the_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_heard_through_boundary_clocks_bounds_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(only_the_clock_that_is_read_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(the_read_only_socket_is_not_enough, setup, teardown),
		cmocka_unit_test_setup_teardown(a_port_that_is_no_slave_bounds_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(of_several_ports_the_slave_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(offsets_are_of_one_grandmaster_and_one_path, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_dialled_of_late_may_still_be_running, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_answer_is_needed, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_grow_old, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_there_is_an_error_and_no_bound, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_else_can_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_to_others_are_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(another_domain_and_transport_are_asked_where_that_is_told,
						setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_is_started_anew_is_found, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
