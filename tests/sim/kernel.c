/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's clocks: see kernel.h.
 */
#include "tests/sim/kernel.h"

#define SHIFT	 58
#define ONE	 (INT64_C(1) << SHIFT)
#define BOOT_NS	 INT64_C(3600000000000) /* MONOTONIC when the world begins */
#define TICK_NS	 INT64_C(4000000)	/* HZ=250: what COARSE is cut to */
#define FREQ_PER 65536000000.0		/* adjtimex's freq: 2^-16 ppm */
#define RATE_MAX 0.1

void sim_kernel_init(struct sim_kernel *kernel, uint64_t hz, uint64_t tick, int64_t real_ns)
{
	*kernel = (struct sim_kernel){
		.raw_q58 = (uint64_t)(((sim_u128)1000000000u << SHIFT) / hz),
		.raw_tick = tick,
		.raw_ns = BOOT_NS,
		.mono_tick = tick,
		.mono_q58 = (sim_i128)BOOT_NS << SHIFT,
		.wall_ns = real_ns - BOOT_NS,
		.uses_counter = true,
	};
	kernel->mono_rate_q58 = kernel->raw_q58;
}

/* A counter that is behind stands still to the kernel, which takes the difference as 0. */
static uint64_t since(uint64_t from, uint64_t tick)
{
	return tick > from ? tick - from : 0;
}

static sim_i128 mono_q58(const struct sim_kernel *kernel, uint64_t tick)
{
	return kernel->mono_q58 +
	       (sim_i128)((sim_u128)since(kernel->mono_tick, tick) * kernel->mono_rate_q58);
}

int64_t sim_kernel_mono_ns(const struct sim_kernel *kernel, uint64_t tick)
{
	return (int64_t)(mono_q58(kernel, tick) >> SHIFT);
}

int64_t sim_kernel_real_ns(const struct sim_kernel *kernel, uint64_t tick)
{
	return sim_kernel_mono_ns(kernel, tick) + kernel->wall_ns;
}

static int64_t raw_ns(const struct sim_kernel *kernel, uint64_t tick)
{
	return kernel->raw_ns + (int64_t)((sim_u128)since(kernel->raw_tick, tick) * kernel->raw_q58 >> SHIFT);
}

bool sim_kernel_read(const struct sim_kernel *kernel, clockid_t clock, uint64_t tick, int64_t *ns)
{
	int64_t mono_ns = sim_kernel_mono_ns(kernel, tick);

	switch (clock) {
	case CLOCK_MONOTONIC:
		*ns = mono_ns;
		return true;
	case CLOCK_MONOTONIC_COARSE:
		*ns = mono_ns - mono_ns % TICK_NS;
		return true;
	case CLOCK_MONOTONIC_RAW:
		*ns = raw_ns(kernel, tick);
		return true;
	case CLOCK_BOOTTIME:
		*ns = mono_ns + kernel->asleep_ns;
		return true;
	case CLOCK_REALTIME:
		*ns = mono_ns + kernel->wall_ns;
		return true;
	default:
		return false;
	}
}

void sim_kernel_set_rate(struct sim_kernel *kernel, uint64_t tick, double rate)
{
	sim_i128 units;

	rate = rate > RATE_MAX ? RATE_MAX : rate < -RATE_MAX ? -RATE_MAX : rate;
	units = (sim_i128)(rate * FREQ_PER + (rate < 0 ? -0.5 : 0.5));
	kernel->mono_q58 = mono_q58(kernel, tick);
	kernel->mono_tick = tick > kernel->mono_tick ? tick : kernel->mono_tick;
	kernel->rate_q58 = (int64_t)(units * ONE / (sim_i128)FREQ_PER);
	kernel->mono_rate_q58 =
		(uint64_t)((sim_u128)kernel->raw_q58 * (sim_u128)(ONE + kernel->rate_q58) >> SHIFT);
	kernel->changes++;
}

void sim_kernel_step(struct sim_kernel *kernel, int64_t step_ns)
{
	kernel->wall_ns += step_ns;
	kernel->changes++;
}

void sim_kernel_resume(struct sim_kernel *kernel, uint64_t before, uint64_t after, int64_t slept_ns)
{
	kernel->mono_q58 = mono_q58(kernel, before);
	kernel->mono_tick = after;
	kernel->raw_ns = raw_ns(kernel, before);
	kernel->raw_tick = after;
	kernel->wall_ns += slept_ns;
	kernel->asleep_ns += slept_ns;
	kernel->changes++;
}
