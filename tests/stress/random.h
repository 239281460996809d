/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers from a seed that a failing test prints; CLOCKBOUND_TEST_SEED repeats it. */
#ifndef TESTS_STRESS_RANDOM_H
#define TESTS_STRESS_RANDOM_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static uint64_t random_seed;
static uint64_t random_state;

/* random_begin - takes the seed from the environment, or from the clock */
static inline void random_begin(void)
{
	const char *seed = getenv("CLOCKBOUND_TEST_SEED");

	random_seed = seed != NULL ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	random_state = random_seed * UINT64_C(2654435769) + 1;
}

/* random_u64 - splitmix64: a counter, mixed */
static inline uint64_t random_u64(void)
{
	uint64_t mixed;

	random_state += UINT64_C(0x9e3779b97f4a7c15);
	mixed = random_state;
	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

/* random_below - 0 to @limit - 1 */
static inline uint64_t random_below(uint64_t limit)
{
	return random_u64() % limit;
}

/* random_fill - @size bytes, a multiple of 8, aligned */
static inline void random_fill(void *bytes, size_t size)
{
	uint64_t *word = bytes;
	size_t i;

	for (i = 0; i < size / sizeof(*word); i++) {
		word[i] = random_u64();
	}
}

#endif
