/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program's compiler makes of the leaves of <clockbound/fast.h>: machine_code.sh disassembles these.
 * The number in each name is how many counter reads it must have.
 */
#include <clockbound/fast.h>

int leaf_1_now(const clockbound_fast *fast, clockbound_interval *out);
int leaf_1_now_relaxed(const clockbound_fast *fast, clockbound_interval *out);
int leaf_1_now_strict(const clockbound_fast *fast, clockbound_interval *out);
int leaf_1_now_within(const clockbound_fast *fast, clockbound_interval *out);
uint64_t leaf_1_counter(void);
int leaf_0_at_counter(const clockbound_fast *fast, uint64_t counter, clockbound_interval *out);
int leaf_0_at_realtime(const clockbound_fast *fast, int64_t real_ns, clockbound_interval *out);
clockbound_order leaf_0_compare(const clockbound_interval *a, const clockbound_interval *b);

int leaf_1_now(const clockbound_fast *fast, clockbound_interval *out)
{
	return clockbound_fast_now(fast, out);
}

int leaf_1_now_relaxed(const clockbound_fast *fast, clockbound_interval *out)
{
	return clockbound_fast_now_relaxed(fast, out);
}

int leaf_1_now_strict(const clockbound_fast *fast, clockbound_interval *out)
{
	return clockbound_fast_now_strict(fast, out);
}

int leaf_1_now_within(const clockbound_fast *fast, clockbound_interval *out)
{
	return clockbound_fast_now_within(fast, 1000000, out);
}

uint64_t leaf_1_counter(void)
{
	return clockbound_fast_counter();
}

int leaf_0_at_counter(const clockbound_fast *fast, uint64_t counter, clockbound_interval *out)
{
	return clockbound_fast_at_counter(fast, counter, out);
}

int leaf_0_at_realtime(const clockbound_fast *fast, int64_t real_ns, clockbound_interval *out)
{
	return clockbound_fast_at_realtime(fast, real_ns, out);
}

clockbound_order leaf_0_compare(const clockbound_interval *a, const clockbound_interval *b)
{
	return clockbound_compare(a, b);
}
