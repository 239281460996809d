/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's clocks as functions of the counter: MONOTONIC_RAW by a constant, MONOTONIC by a rate that
 * adjtimex sets, REALTIME and BOOTTIME by what is added to it. Exact, in integers. It does not know true time.
 */
#ifndef TESTS_SIM_KERNEL_H
#define TESTS_SIM_KERNEL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "tests/sim/oscillator.h"

struct sim_kernel {
	uint64_t raw_q58;  /* ns per tick of MONOTONIC_RAW */
	uint64_t raw_tick; /* MONOTONIC_RAW is raw_ns here */
	int64_t raw_ns;
	uint64_t mono_tick; /* MONOTONIC is mono_q58 here */
	sim_i128 mono_q58;
	uint64_t mono_rate_q58; /* ns per tick of MONOTONIC */
	int64_t rate_q58;	/* of MONOTONIC against RAW, minus one: what adjtimex tells */
	int64_t wall_ns;	/* REALTIME - MONOTONIC */
	int64_t asleep_ns;	/* BOOTTIME - MONOTONIC */
	uint32_t changes;	/* of rate and of wall */
	bool uses_counter;	/* the counter is the clocksource */
};

/* sim_kernel_init - boots at @tick, CLOCK_REALTIME showing @real_ns */
void sim_kernel_init(struct sim_kernel *kernel, uint64_t hz, uint64_t tick, int64_t real_ns);

/* sim_kernel_read - what @clock shows at @tick, ns, rounded down; false for a clock that is not simulated */
bool sim_kernel_read(const struct sim_kernel *kernel, clockid_t clock, uint64_t tick, int64_t *ns);

int64_t sim_kernel_real_ns(const struct sim_kernel *kernel, uint64_t tick);
int64_t sim_kernel_mono_ns(const struct sim_kernel *kernel, uint64_t tick);

/* sim_kernel_set_rate - adjtimex: the nearest rate that tick and freq can tell; limited to 10 % */
void sim_kernel_set_rate(struct sim_kernel *kernel, uint64_t tick, double rate);

/* sim_kernel_step - moves CLOCK_REALTIME */
void sim_kernel_step(struct sim_kernel *kernel, int64_t step_ns);

/* sim_kernel_resume - MONOTONIC and RAW go on from where they were, on a counter that now shows @after */
void sim_kernel_resume(struct sim_kernel *kernel, uint64_t before, uint64_t after, int64_t slept_ns);

#endif
