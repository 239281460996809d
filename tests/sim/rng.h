/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated world's chance: integers from a seed, the same on every machine. Each actor has a stream of its
 * own, so that one that draws more often does not change what the others meet.
 */
#ifndef TESTS_SIM_RNG_H
#define TESTS_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct sim_rng {
	uint64_t state;
};

/* splitmix64 */
static inline uint64_t sim_rng_next(struct sim_rng *rng)
{
	uint64_t mixed = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

/* A stream for actor @number of the world that @seed makes. */
static inline struct sim_rng sim_rng_make(uint64_t seed, uint64_t number)
{
	struct sim_rng rng = {seed * UINT64_C(0xd1342543de82ef95) + number};

	rng.state = sim_rng_next(&rng) ^ number;
	return rng;
}

/* Uniform in [0, @count); 0 for a count of 0 or less. */
static inline int64_t sim_rng_below(struct sim_rng *rng, int64_t count)
{
	return count > 0 ? (int64_t)(sim_rng_next(rng) % (uint64_t)count) : 0;
}

/* Uniform in [@low, @high] */
static inline int64_t sim_rng_between(struct sim_rng *rng, int64_t low, int64_t high)
{
	return low + sim_rng_below(rng, high - low + 1);
}

/* True @ppm times of a million. */
static inline bool sim_rng_chance(struct sim_rng *rng, uint32_t ppm)
{
	return ppm != 0 && sim_rng_next(rng) % 1000000u < ppm;
}

/* Roughly exponential with mean @mean: the logarithm is taken piecewise linear, so no libm decides. */
static inline int64_t sim_rng_exponential(struct sim_rng *rng, int64_t mean)
{
	uint64_t draw = sim_rng_next(rng) | 1;
	int zeros = __builtin_clzll(draw);
	uint64_t rest = zeros == 63 ? 0 : draw << (zeros + 1) >> 44; /* 20 bits after the leading one */
	int64_t log2_q20 = ((int64_t)(zeros + 1) << 20) - (int64_t)rest;

	return (int64_t)((double)mean * 0.6931 * (double)log2_q20 / 1048576.0);
}

/* Roughly normal: mean 0, the given standard deviation, never beyond six of them. */
static inline int64_t sim_rng_normal(struct sim_rng *rng, int64_t deviation)
{
	int64_t sum = 0;
	int i;

	for (i = 0; i < 12; i++) {
		sum += (int64_t)(sim_rng_next(rng) >> 44);
	}
	return (int64_t)((double)deviation * ((double)sum / 1048576.0 - 6.0));
}

#endif
