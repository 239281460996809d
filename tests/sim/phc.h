/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated machine's PTP hardware clock: what daemon/source/phc.c, which runs here as it is shipped, asks of the
 * machine. It knows true time, as such a clock should, but for the error that the scenario gives it.
 */
#ifndef TESTS_SIM_PHC_H
#define TESTS_SIM_PHC_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/source/phc.h"
#include "tests/sim/rng.h"

struct sim_world;

/* How the device is. Without a bound there is none. */
struct sim_phc_model {
	int64_t bound_ns;   /* what its driver's file says */
	int64_t error_ns;   /* PHC - UTC (or TAI), the constant part ... */
	int64_t swing_ns;   /* ... and that of a triangle, up to this to each side ... */
	int32_t swing_s;    /* ... in this time; 0: 600 s */
	bool is_followed;   /* by chronyd, as its first source: upstream's -r and -i */
	bool is_own_source; /* --phc-device */
	bool counts_tai;
	bool is_old_kernel; /* stamps of CLOCK_REALTIME alone */
};

struct sim_phc {
	struct sim_rng rng;
	struct cbd_phc_system system;
	int64_t lie_ns;		/* added to its error */
	int64_t lie_until_ns;	/* all true time */
	int64_t gone_until_ns;	/* its driver is not bound */
	int64_t blind_until_ns; /* its bound cannot be read */
	int index;		/* of /dev/ptpN: another one each time */
	int fd;			/* of the last opening; earlier ones are dead */
};

void sim_phc_init(struct sim_world *world);

/* sim_phc_options - what a daemon is started with, if the scenario has a device */
void sim_phc_options(const struct sim_world *world, struct cbd_phc_options *options);

/* sim_phc_lie, sim_phc_leave, sim_phc_blind - what the script does to it; a lie lasts five minutes */
void sim_phc_lie(struct sim_world *world, int64_t ns);
void sim_phc_leave(struct sim_world *world, int64_t for_ns);
void sim_phc_blind(struct sim_world *world, int64_t for_ns);

#endif
