/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VMClock's page, read within bounds whatever it says. Pages are memory that the test writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include <clockbound/page.h>

#include "tests/unit/daemon/source/vmclock_page.h"

#define NS_PER_MS INT64_C(1000000)

static struct cbd_vmclock attached(const void *page, size_t mapped)
{
	struct cbd_vmclock vmclock;

	memset(&vmclock, 0, sizeof(vmclock));
	vmclock.fd = -1;
	assert_true(cbd_vmclock_attach(&vmclock, page, mapped, &clocks));
	return vmclock;
}

static void a_good_page_gives_its_marker_and_follows_it(void **state)
{
	static union {
		struct clockbound_vmclock page;
		char bytes[4096];
	} memory;
	struct cbd_vmclock vmclock;
	struct cbd_vm vm;

	(void)state;
	memory.page = good_page();
	vmclock = attached(&memory, sizeof(memory));
	cbd_vmclock_read(&vmclock, &vm);
	assert_int_equal(vm.marker, 7);
	assert_int_equal(vm.flags, CLOCKBOUND_VM_WATCHED);
	assert_int_equal(vm.generation, 0);
	assert_false(vm.is_torn);
	memory.page.disruption_marker = htole64(0x1122334455667788);
	cbd_vmclock_read(&vmclock, &vm);
	assert_true(vm.marker == 0x1122334455667788);
	assert_false(vm.is_torn);
}

static void warnings_and_the_generation_are_taken_where_they_exist(void **state)
{
	static union {
		struct clockbound_vmclock page;
		char bytes[4096];
	} memory;
	static const struct {
		uint32_t size;
		uint32_t flags;
		uint64_t generation;
		uint8_t status;
	} cases[] = {
		{0x70, CLOCKBOUND_VM_DISRUPTION_SOON | CLOCKBOUND_VM_DISRUPTION_IMMINENT, 9, 2},
		{0x6f, CLOCKBOUND_VM_DISRUPTION_SOON | CLOCKBOUND_VM_DISRUPTION_IMMINENT, 0, 2},
		{0x23, CLOCKBOUND_VM_DISRUPTION_SOON | CLOCKBOUND_VM_DISRUPTION_IMMINENT, 0, 2},
		{0x22, CLOCKBOUND_VM_DISRUPTION_SOON | CLOCKBOUND_VM_DISRUPTION_IMMINENT, 0, 0},
		{0x1f, 0, 0, 0},
		{0x18, 0, 0, 0},
	};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct cbd_vmclock vmclock;
		struct cbd_vm vm;

		memory.page = good_page();
		memory.page.size = htole32(cases[k].size);
		memory.page.clock_status = 2;
		memory.page.flags = htole64(UINT64_MAX);
		memory.page.vm_generation_counter = htole64(9);
		vmclock = attached(&memory, cases[k].size);
		cbd_vmclock_read(&vmclock, &vm);
		assert_int_equal(vm.marker, 7);
		assert_int_equal(vm.flags, CLOCKBOUND_VM_WATCHED | cases[k].flags);
		assert_int_equal(vm.generation, cases[k].generation);
		assert_int_equal(vmclock.clock_status, cases[k].status);
		assert_false(vm.is_torn);
	}
}

static void a_generation_counter_that_is_not_announced_is_not_read(void **state)
{
	static struct clockbound_vmclock page;
	struct cbd_vmclock vmclock;
	struct cbd_vm vm;

	(void)state;
	page = good_page();
	page.size = htole32(sizeof(page));
	page.vm_generation_counter = htole64(9);
	vmclock = attached(&page, sizeof(page));
	cbd_vmclock_read(&vmclock, &vm);
	assert_int_equal(vm.generation, 0);
}

static void seq_zero_is_as_good_as_any_even_one(void **state)
{
	static struct clockbound_vmclock page;
	struct cbd_vmclock vmclock;
	struct cbd_vm vm;

	(void)state;
	page = good_page();
	page.size = htole32(sizeof(page));
	page.seq_count = 0;
	page.disruption_marker = 0;
	vmclock = attached(&page, sizeof(page));
	cbd_vmclock_read(&vmclock, &vm);
	assert_false(vm.is_torn);
	assert_int_equal(vm.marker, 0);
}

static void an_update_that_does_not_end_is_waited_for_no_longer_than_the_kernel_does(void **state)
{
	static struct clockbound_vmclock page;
	struct cbd_vmclock vmclock;
	struct cbd_vm vm;

	(void)state;
	page = good_page();
	page.size = htole32(sizeof(page));
	vmclock = attached(&page, sizeof(page));
	page.seq_count = htole32(3);
	cbd_vmclock_read(&vmclock, &vm);
	assert_false(vm.is_torn);
	assert_int_equal(vm.marker, 7);
	now_ns += CBD_VMCLOCK_PATIENCE_NS - NS_PER_MS;
	cbd_vmclock_read(&vmclock, &vm);
	assert_false(vm.is_torn);
	now_ns += 2 * NS_PER_MS;
	cbd_vmclock_read(&vmclock, &vm);
	assert_true(vm.is_torn);
	assert_true(vmclock.is_unreadable);
	assert_non_null(strstr(vmclock.text, "writer may be dead"));
	page.seq_count = htole32(4);
	cbd_vmclock_read(&vmclock, &vm);
	assert_false(vm.is_torn);
	assert_string_equal(vmclock.text, "");
	/* Its patience begins anew with the next update. */
	page.seq_count = htole32(5);
	cbd_vmclock_read(&vmclock, &vm);
	assert_false(vm.is_torn);
}

/* Writes as a hypervisor does that gives the time a million times a second, and now and then moves the machine. */
struct restless {
	struct clockbound_vmclock page;
	bool is_over;
};

static void *write_for_ever(void *context)
{
	struct restless *restless = context;
	uint32_t seq = 2;
	uint64_t marker = 0;

	while (!__atomic_load_n(&restless->is_over, __ATOMIC_RELAXED)) {
		__atomic_store_n(&restless->page.seq_count, htole32(++seq), __ATOMIC_RELEASE);
		__atomic_store_n(&restless->page.disruption_marker, htole64(++marker), __ATOMIC_RELEASE);
		__atomic_store_n(&restless->page.flags, htole64(CLOCKBOUND_VMCLOCK_HAS_GENERATION),
				 __ATOMIC_RELEASE);
		__atomic_store_n(&restless->page.vm_generation_counter, htole64(marker), __ATOMIC_RELEASE);
		__atomic_store_n(&restless->page.seq_count, htole32(++seq), __ATOMIC_RELEASE);
	}
	return NULL;
}

static void a_marker_that_changes_at_every_read_ends_every_read_and_never_goes_back(void **state)
{
	static struct restless restless;
	struct cbd_vmclock vmclock;
	uint64_t last = 0;
	pthread_t writer;
	int i;

	(void)state;
	restless.page = good_page();
	restless.page.size = htole32(sizeof(restless.page));
	restless.page.disruption_marker = 0;
	vmclock = attached(&restless.page, sizeof(restless.page));
	assert_int_equal(pthread_create(&writer, NULL, write_for_ever, &restless), 0);
	for (i = 0; i < 20000; i++) {
		struct cbd_vm vm;

		cbd_vmclock_read(&vmclock, &vm);
		assert_true(vm.marker >= last);
		last = vm.marker;
	}
	__atomic_store_n(&restless.is_over, true, __ATOMIC_RELAXED);
	pthread_join(writer, NULL);
}

static void random_bytes_are_refused_or_read_and_nothing_else(void **state)
{
	static uint64_t memory[512];
	uint64_t random = 88172645463325252u;
	int round;

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct cbd_vmclock vmclock;
		struct cbd_vm vm;
		size_t at;

		for (at = 0; at < 16; at++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			memory[at] = random;
		}
		if (round % 2 == 0) { /* as far as a page must be one to be looked at more closely */
			struct clockbound_vmclock good = good_page();

			memcpy(memory, &good, 12);
		}
		memset(&vmclock, 0, sizeof(vmclock));
		vmclock.fd = -1;
		if (cbd_vmclock_attach(&vmclock, memory, sizeof(memory), &clocks)) {
			cbd_vmclock_read(&vmclock, &vm);
			assert_true((vm.flags & CLOCKBOUND_VM_WATCHED) != 0);
			assert_int_equal(round % 2, 0);
		} else {
			assert_true(vmclock.text[0] != '\0');
			assert_int_equal(round % 2, 1);
		}
	}
}

static void what_is_none_any_more_proves_nothing_until_it_is_one_again(void **state)
{
	static union {
		struct clockbound_vmclock page;
		char bytes[4096];
	} memory;
	struct cbd_vmclock vmclock;
	struct cbd_vm vm;

	(void)state;
	memory.page = good_page();
	vmclock = attached(&memory, sizeof(memory));
	memory.page.magic = 0;
	cbd_vmclock_read(&vmclock, &vm);
	assert_true(vm.is_torn);
	assert_non_null(strstr(vmclock.text, "magic is 0x00000000"));
	memory.page = good_page();
	memory.page.size = htole32(4097);
	cbd_vmclock_read(&vmclock, &vm);
	assert_true(vm.is_torn);
	memory.page = good_page();
	cbd_vmclock_read(&vmclock, &vm);
	assert_false(vm.is_torn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_page_gives_its_marker_and_follows_it),
		cmocka_unit_test(warnings_and_the_generation_are_taken_where_they_exist),
		cmocka_unit_test(a_generation_counter_that_is_not_announced_is_not_read),
		cmocka_unit_test(seq_zero_is_as_good_as_any_even_one),
		cmocka_unit_test(an_update_that_does_not_end_is_waited_for_no_longer_than_the_kernel_does),
		cmocka_unit_test(a_marker_that_changes_at_every_read_ends_every_read_and_never_goes_back),
		cmocka_unit_test(random_bytes_are_refused_or_read_and_nothing_else),
		cmocka_unit_test(what_is_none_any_more_proves_nothing_until_it_is_one_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
