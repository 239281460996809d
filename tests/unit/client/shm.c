/* SPDX-License-Identifier: Apache-2.0 */
/* Upstream's segments byte for byte: golden vectors of what upstream's daemons write on a little-endian machine. */
#include "tests/unit/client/world.h"

#include <string.h>

static const uint8_t golden_shm1[72] = {
	0x4e, 0x5a, 0x4d, 0x41, 0x00, 0x02, 0x42, 0x43, /* magic */
	0x48, 0x00, 0x00, 0x00, 0x01, 0x00, 0x02, 0x00, /* size, version, generation */
	0x01, 0,    0,	  0,	0,    0,    0,	  0,	0x02, 0, 0, 0, 0, 0, 0, 0, /* as-of */
	0xe9, 0x03, 0,	  0,	0,    0,    0,	  0,	0,    0, 0, 0, 0, 0, 0, 0, /* void-after */
	0x40, 0xe2, 0x01, 0,	0,    0,    0,	  0,				   /* bound */
	0x50, 0xc3, 0x00, 0x00, 0,    0,    0,	  0,	0x01, 0, 0, 0, 0, 0, 0, 0, /* drift, status */
};

static const uint8_t golden_shm2[80] = {
	0x4e, 0x5a, 0x4d, 0x41, 0x00, 0x02, 0x42, 0x43, /* magic */
	0x50, 0x00, 0x00, 0x00, 0x02, 0x00, 0x02, 0x00, /* size, version, generation */
	0x01, 0,    0,	  0,	0,    0,    0,	  0,	0x02, 0, 0, 0, 0, 0, 0, 0, /* as-of */
	0xe9, 0x03, 0,	  0,	0,    0,    0,	  0,	0,    0, 0, 0, 0, 0, 0, 0, /* void-after */
	0x40, 0xe2, 0x01, 0,	0,    0,    0,	  0,				   /* bound */
	0x07, 0,    0,	  0,	0,    0,    0,	  0,				   /* disruption marker */
	0x50, 0xc3, 0x00, 0x00, 0x01, 0,    0,	  0,				   /* drift, status */
	0x01, 0,    0,	  0,	0,    0,    0,	  0,				   /* disruption support */
};

static void the_1_x_layout_makes_upstreams_bytes(void **state)
{
	struct clockbound_shm1 shm;

	(void)state;
	memset(&shm, 0, sizeof(shm));
	shm.header.magic[0] = CLOCKBOUND_SHM_MAGIC_0;
	shm.header.magic[1] = CLOCKBOUND_SHM_MAGIC_1;
	shm.header.size = sizeof(shm);
	shm.header.version = CLOCKBOUND_SHM_VERSION_1;
	shm.header.generation = 2;
	shm.as_of.sec = 1;
	shm.as_of.nsec = 2;
	shm.void_after.sec = shm.as_of.sec + CLOCKBOUND_SHM_VOID_AFTER_SEC;
	shm.bound_nsec = 123456;
	shm.max_drift_ppb = 50000;
	shm.clock_status = CLOCKBOUND_STA_SYNCHRONIZED;
	assert_memory_equal(&shm, golden_shm1, sizeof(golden_shm1));
}

static void the_2_x_layout_makes_upstreams_bytes(void **state)
{
	struct clockbound_shm2 shm;

	(void)state;
	memset(&shm, 0, sizeof(shm));
	shm.header.magic[0] = CLOCKBOUND_SHM_MAGIC_0;
	shm.header.magic[1] = CLOCKBOUND_SHM_MAGIC_1;
	shm.header.size = sizeof(shm);
	shm.header.version = CLOCKBOUND_SHM_VERSION_2;
	shm.header.generation = 2;
	shm.as_of.sec = 1;
	shm.as_of.nsec = 2;
	shm.void_after.sec = shm.as_of.sec + CLOCKBOUND_SHM_VOID_AFTER_SEC;
	shm.bound_nsec = 123456;
	shm.disruption_marker = 7;
	shm.max_drift_ppb = 50000;
	shm.clock_status = CLOCKBOUND_STA_SYNCHRONIZED;
	shm.disruption_support = 1;
	assert_memory_equal(&shm, golden_shm2, sizeof(golden_shm2));
}

/* As-of is (1, 2), so half a second later the bound has grown by 25000 ns. */
static void check_golden(const uint8_t *golden, size_t size)
{
	clockbound_ctx *ctx = clockbound_open(world_file("golden", golden, size), NULL);
	clockbound_now_result result;

	assert_non_null(ctx);
	world.coarse_ns = 1500000002;
	assert_null(clockbound_now(ctx, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_SYNCHRONIZED);
	assert_int_equal(result.earliest.tv_sec, WORLD_REAL_NS / 1000000000 - 1);
	assert_int_equal(result.earliest.tv_nsec, 1000000000 - 123456 - 25000);
	assert_int_equal(result.latest.tv_sec, WORLD_REAL_NS / 1000000000);
	assert_int_equal(result.latest.tv_nsec, 123456 + 25000);
	assert_null(clockbound_close(ctx));
}

static void the_library_reads_upstreams_1_x_bytes(void **state)
{
	(void)state;
	check_golden(golden_shm1, sizeof(golden_shm1));
}

static void the_library_reads_upstreams_2_x_bytes(void **state)
{
	uint8_t golden[sizeof(golden_shm2)];

	(void)state;
	memcpy(golden, golden_shm2, sizeof(golden));
	golden[72] = 0; /* without asking for a VMClock, which this test has not */
	check_golden(golden, sizeof(golden));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_1_x_layout_makes_upstreams_bytes, world_reset),
		cmocka_unit_test_setup(the_2_x_layout_makes_upstreams_bytes, world_reset),
		cmocka_unit_test_setup_teardown(the_library_reads_upstreams_1_x_bytes, world_reset,
						world_remove),
		cmocka_unit_test_setup_teardown(the_library_reads_upstreams_2_x_bytes, world_reset,
						world_remove),
	};
	const uint16_t probe = 1;

	if (*(const uint8_t *)&probe != 1) {
		print_message("skipped: the golden vectors are little-endian\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
