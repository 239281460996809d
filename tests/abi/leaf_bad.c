/* SPDX-License-Identifier: Apache-2.0 */
/* The self-test of machine_code.sh: each function has one fault that it must find, leaf_1_good has none. */
#include <clockbound/fast.h>

int elsewhere(int value);
uint64_t leaf_1_good(void);
uint64_t leaf_1_bad_call(void);
int leaf_0_bad_tail_call(int value);
uint64_t leaf_0_bad_pointer_call(uint64_t (*function)(void));
uint64_t leaf_1_bad_lock(uint64_t *word);
uint64_t leaf_1_bad_exchange(uint64_t *word);
uint64_t leaf_1_bad_division(uint64_t a);
int64_t leaf_1_bad_signed_division(int64_t a);
uint64_t leaf_1_bad_syscall(void);
uint64_t leaf_1_bad_two_reads(void);
uint64_t leaf_1_bad_no_read(void);

uint64_t leaf_1_good(void)
{
	return clockbound_fast_counter();
}

uint64_t leaf_1_bad_call(void)
{
	return (uint64_t)elsewhere(1) + clockbound_fast_counter();
}

int leaf_0_bad_tail_call(int value)
{
	return elsewhere(value);
}

uint64_t leaf_0_bad_pointer_call(uint64_t (*function)(void))
{
	return function();
}

uint64_t leaf_1_bad_lock(uint64_t *word)
{
	__atomic_fetch_add(word, 1, __ATOMIC_SEQ_CST);
	return clockbound_fast_counter();
}

uint64_t leaf_1_bad_exchange(uint64_t *word)
{
	return __atomic_exchange_n(word, 1, __ATOMIC_ACQ_REL) + clockbound_fast_counter();
}

uint64_t leaf_1_bad_division(uint64_t a)
{
	return clockbound_fast_counter() / a;
}

int64_t leaf_1_bad_signed_division(int64_t a)
{
	return (int64_t)clockbound_fast_counter() / a;
}

uint64_t leaf_1_bad_syscall(void)
{
#if defined(__x86_64__)
	uint64_t result;

	__asm__ __volatile__("syscall" : "=a"(result) : "a"(39) : "rcx", "r11", "memory");
	return result + clockbound_fast_counter();
#else
	__asm__ __volatile__("svc #0" : : : "x0", "x8", "memory");
	return clockbound_fast_counter();
#endif
}

uint64_t leaf_1_bad_two_reads(void)
{
	return clockbound_fast_counter() + clockbound_fast_counter();
}

uint64_t leaf_1_bad_no_read(void)
{
	return 0;
}
