/* SPDX-License-Identifier: Apache-2.0 */
/* Upstream's segments, byte for byte, and going on with whatever a former writer left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <clockbound/types.h>

#include "daemon/publish/shm_writer.h"
#include "tests/unit/daemon/publish/scratch.h"

static int stores;
static int kill_at; /* 0: never */

void cbd_inject_store(void);
void cbd_inject_store(void)
{
	if (++stores == kill_at) {
		raise(SIGKILL);
	}
}

/* docs/PROTOCOL.md, golden vectors: as-of (1,2), void-after (1001,0), bound 123456, drift 50000, Synchronized. */
static const struct cbd_segment golden = {
	.as_of_ns = INT64_C(1000000002),
	.void_after_ns = INT64_C(1001000000000),
	.bound_ns = 123456,
	.max_drift_ppb = 50000,
	.status = (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED,
	.disruption_marker = 7,
	.supports_disruption = true,
};

static const uint8_t golden1[72] = {
	0x4e, 0x5a, 0x4d, 0x41, 0x00, 0x02, 0x42, 0x43, 0x48, 0,    0, 0, 1, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0,
	2,    0,    0,	  0,	0,    0,    0,	  0,	0xe9, 3,    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0x40, 0xe2, 1,	  0,	0,    0,    0,	  0,	0x50, 0xc3, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
};

static const uint8_t golden2[80] = {
	0x4e, 0x5a, 0x4d, 0x41, 0x00, 0x02, 0x42, 0x43, 0x50, 0,    0, 0, 2,	0, 2, 0, 1, 0, 0, 0,
	0,    0,    0,	  0,	2,    0,    0,	  0,	0,    0,    0, 0, 0xe9, 3, 0, 0, 0, 0, 0, 0,
	0,    0,    0,	  0,	0,    0,    0,	  0,	0x40, 0xe2, 1, 0, 0,	0, 0, 0, 7, 0, 0, 0,
	0,    0,    0,	  0,	0x50, 0xc3, 0,	  0,	1,    0,    0, 0, 1,	0, 0, 0, 0, 0, 0, 0,
};

static struct cbd_shm_writer opened(uint16_t version)
{
	struct cbd_shm_writer writer;

	assert_int_equal(cbd_shm_writer_open(&writer, &scratch_dir, version), 0);
	return writer;
}

static uint16_t generation_in(const char *name)
{
	struct clockbound_shm_header header;

	assert_int_equal(scratch_read(name, &header, sizeof(header)), sizeof(header));
	return header.generation;
}

static void a_first_publication_is_the_golden_vector_of_1_x(void **state)
{
	struct cbd_shm_writer writer = opened(CLOCKBOUND_SHM_VERSION_1);
	uint8_t bytes[128];

	(void)state;
	cbd_shm_writer_publish(&writer, &golden);
	assert_int_equal(scratch_read(CBD_SHM1_NAME, bytes, sizeof(bytes)), sizeof(golden1));
	assert_memory_equal(bytes, golden1, sizeof(golden1));
	cbd_shm_writer_close(&writer);
}

static void a_first_publication_is_the_golden_vector_of_2_x(void **state)
{
	struct cbd_shm_writer writer = opened(CLOCKBOUND_SHM_VERSION_2);
	uint8_t bytes[128];

	(void)state;
	cbd_shm_writer_publish(&writer, &golden);
	assert_int_equal(scratch_read(CBD_SHM2_NAME, bytes, sizeof(bytes)), sizeof(golden2));
	assert_memory_equal(bytes, golden2, sizeof(golden2));
	cbd_shm_writer_close(&writer);
}

static void before_the_first_publication_nothing_is_initialised(void **state)
{
	struct cbd_shm_writer writer = opened(CLOCKBOUND_SHM_VERSION_2);

	(void)state;
	assert_int_equal(writer.header->generation, 0);
	assert_int_equal(writer.header->version, 0);
	cbd_shm_writer_close(&writer);
}

static void a_valid_segment_is_gone_on_with_under_the_same_inode(void **state)
{
	struct cbd_shm_writer writer = opened(CLOCKBOUND_SHM_VERSION_2);
	ino_t inode = scratch_inode(CBD_SHM2_NAME);

	(void)state;
	cbd_shm_writer_publish(&writer, &golden);
	cbd_shm_writer_close(&writer);
	writer = opened(CLOCKBOUND_SHM_VERSION_2);
	assert_int_equal(writer.header->generation, 2);
	assert_int_equal(writer.header->version, 2);
	cbd_shm_writer_publish(&writer, &golden);
	assert_int_equal(writer.header->generation, 4);
	assert_int_equal(scratch_inode(CBD_SHM2_NAME), inode);
	cbd_shm_writer_close(&writer);
}

static void assert_same_figures(const struct cbd_segment *read, const struct cbd_segment *written)
{
	assert_int_equal(read->as_of_ns, written->as_of_ns);
	assert_int_equal(read->void_after_ns, written->void_after_ns);
	assert_int_equal(read->bound_ns, written->bound_ns);
	assert_int_equal(read->max_drift_ppb, written->max_drift_ppb);
	assert_int_equal(read->status, written->status);
}

static void what_was_published_can_be_read_back_by_the_next_writer(void **state)
{
	static const uint16_t versions[] = {CLOCKBOUND_SHM_VERSION_1, CLOCKBOUND_SHM_VERSION_2};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct cbd_shm_writer writer = opened(versions[i]);
		struct cbd_segment read;

		assert_false(cbd_shm_writer_read(&writer, &read));
		cbd_shm_writer_publish(&writer, &golden);
		cbd_shm_writer_close(&writer);
		writer = opened(versions[i]);
		assert_true(cbd_shm_writer_read(&writer, &read));
		assert_same_figures(&read, &golden);
		cbd_shm_writer_tear(&writer);
		assert_false(cbd_shm_writer_read(&writer, &read));
		cbd_shm_writer_close(&writer);
	}
}

static void what_no_client_would_take_is_not_read_back(void **state)
{
	static const struct cbd_segment none = {.void_after_ns = 0};
	struct cbd_shm_writer writer = opened(CLOCKBOUND_SHM_VERSION_2);
	struct cbd_segment bad[5] = {golden, golden, golden, golden, none};
	struct clockbound_shm2 *file = writer.mapping.address;
	struct cbd_segment read;
	size_t i;

	(void)state;
	bad[0].bound_ns = -1;
	bad[1].max_drift_ppb = CLOCKBOUND_SHM_DRIFT_PPB_MAX;
	bad[2].status = 4;
	bad[3].status = -1;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cbd_shm_writer_publish(&writer, &bad[i]);
		assert_false(cbd_shm_writer_read(&writer, &read));
	}
	cbd_shm_writer_publish(&writer, &golden);
	file->as_of.sec = INT64_MAX / 1000000000 + 1;
	assert_false(cbd_shm_writer_read(&writer, &read));
	file->as_of.sec = -1;
	assert_false(cbd_shm_writer_read(&writer, &read));
	file->as_of.sec = 1;
	file->void_after.nsec = 1000000000;
	assert_false(cbd_shm_writer_read(&writer, &read));
	cbd_shm_writer_close(&writer);
}

static void the_generation_wraps_to_2_and_never_to_0(void **state)
{
	struct cbd_shm_writer writer = opened(CLOCKBOUND_SHM_VERSION_1);

	(void)state;
	cbd_shm_writer_publish(&writer, &golden);
	writer.header->generation = 65534;
	cbd_shm_writer_publish(&writer, &golden);
	assert_int_equal(writer.header->generation, 2);
	cbd_shm_writer_close(&writer);
}

static void every_invalid_file_is_wiped_in_place(void **state)
{
	static const struct {
		size_t offset;
		uint8_t byte;
	} faults[] = {
		{0, 0},	 /* magic */
		{7, 0},	 /* magic */
		{8, 72}, /* the other version's size */
		{12, 1}, /* the other version */
		{12, 3}, /* a later one */
		{14, 0}, /* never initialised */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct cbd_shm_writer writer;
		uint8_t bytes[80];
		ino_t inode;

		memcpy(bytes, golden2, sizeof(bytes));
		bytes[faults[i].offset] = faults[i].byte;
		scratch_write(CBD_SHM2_NAME, bytes, sizeof(bytes));
		inode = scratch_inode(CBD_SHM2_NAME);
		writer = opened(CLOCKBOUND_SHM_VERSION_2);
		assert_int_equal(writer.header->generation, 0);
		assert_int_equal(writer.header->version, 0);
		cbd_shm_writer_publish(&writer, &golden);
		scratch_read(CBD_SHM2_NAME, bytes, sizeof(bytes));
		assert_memory_equal(bytes, golden2, sizeof(bytes));
		assert_int_equal(scratch_inode(CBD_SHM2_NAME), inode);
		cbd_shm_writer_close(&writer);
	}
}

static void disrupted_is_written_as_unknown_to_1_x(void **state)
{
	struct cbd_shm_writer one = opened(CLOCKBOUND_SHM_VERSION_1);
	struct cbd_shm_writer two = opened(CLOCKBOUND_SHM_VERSION_2);
	struct cbd_segment segment = golden;

	(void)state;
	segment.status = (int32_t)CLOCKBOUND_STATUS_DISRUPTED;
	cbd_shm_writer_publish(&one, &segment);
	cbd_shm_writer_publish(&two, &segment);
	assert_int_equal(((struct clockbound_shm1 *)one.mapping.address)->clock_status, 0);
	assert_int_equal(((struct clockbound_shm2 *)two.mapping.address)->clock_status, 3);
	cbd_shm_writer_close(&one);
	cbd_shm_writer_close(&two);
}

/* Goal: whatever store a writer dies at, clients have the old segment or none, and the next daemon mends it. */
static void a_writer_killed_at_any_store_is_gone_on_with(void **state)
{
	int last = 0;
	int k;

	(void)state;
	for (k = 1; k == 1 || k <= last; k++) {
		struct cbd_shm_writer writer = opened(CLOCKBOUND_SHM_VERSION_2);
		struct cbd_segment segment = golden;
		struct clockbound_shm2 seen;
		uint16_t generation;
		pid_t child;
		int status;

		stores = 0;
		cbd_shm_writer_publish(&writer, &golden);
		last = stores + 1;
		generation = writer.header->generation;
		segment.bound_ns = 999;
		child = fork();
		if (child == 0) {
			stores = 0;
			kill_at = k;
			cbd_shm_writer_publish(&writer, &segment);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(WIFSIGNALED(status), k < last);
		cbd_shm_writer_close(&writer);
		scratch_read(CBD_SHM2_NAME, &seen, sizeof(seen));
		if (seen.header.generation == generation) {
			assert_int_equal(seen.bound_nsec, golden.bound_ns);
		} else if ((seen.header.generation & 1) == 0) {
			assert_int_equal(seen.bound_nsec, segment.bound_ns);
		}
		writer = opened(CLOCKBOUND_SHM_VERSION_2);
		assert_int_equal(writer.header->version, 2);
		cbd_shm_writer_publish(&writer, &golden);
		assert_int_equal(generation_in(CBD_SHM2_NAME) & 1, 0);
		assert_true(generation_in(CBD_SHM2_NAME) != generation);
		cbd_shm_writer_close(&writer);
	}
	assert_true(last > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_first_publication_is_the_golden_vector_of_1_x),
		TEST(a_first_publication_is_the_golden_vector_of_2_x),
		TEST(before_the_first_publication_nothing_is_initialised),
		TEST(a_valid_segment_is_gone_on_with_under_the_same_inode),
		TEST(what_was_published_can_be_read_back_by_the_next_writer),
		TEST(what_no_client_would_take_is_not_read_back),
		TEST(the_generation_wraps_to_2_and_never_to_0),
		TEST(every_invalid_file_is_wiped_in_place),
		TEST(disrupted_is_written_as_unknown_to_1_x),
		TEST(a_writer_killed_at_any_store_is_gone_on_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
