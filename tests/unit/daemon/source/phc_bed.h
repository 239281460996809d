/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the PHC as a source begin and go on with. Include after cmocka.h.
 */
#ifndef TESTS_UNIT_DAEMON_SOURCE_PHC_BED_H
#define TESTS_UNIT_DAEMON_SOURCE_PHC_BED_H

#include "daemon/source/phc.h"
#include "tests/unit/daemon/source/phc_fake.h"

static inline struct cbd_phc_options phc_options(const char *device, int64_t bound_ns)
{
	struct cbd_phc_options options = {
		.device = device, .interface = "", .ptp4l = "", .bound_ns = bound_ns, .rho_ppb = 50000};

	return options;
}

static inline void phc_start(struct cbd_phc *phc, struct fake_machine *machine, const char *device,
			     int64_t bound_ns)
{
	struct cbd_phc_options options = phc_options(device, bound_ns);

	assert_int_equal(cbd_phc_init(phc, &options, &machine->system, &machine->clock), 0);
}

/* A second passes on all clocks, and the device is read. */
static inline void phc_poll_once(struct cbd_phc *phc, struct fake_machine *machine)
{
	machine->raw_ns += FAKE_SECOND;
	cbd_phc_begin(phc);
	cbd_phc_poll(phc, machine->raw_ns);
}

static inline void phc_assert_contained(const struct cbd_phc *phc, const struct fake_machine *machine,
					int64_t scale_ns)
{
	assert_true(phc->reading.has_offset && phc->reading.has_bound);
	assert_true(phc->reading.low_ns <= machine->phc_less_raw_ns - scale_ns);
	assert_true(phc->reading.high_ns >= machine->phc_less_raw_ns - scale_ns);
	assert_string_equal(phc->text, "");
}

#endif
