/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots of a segment while it is written, abandoned or replaced. */
#include "tests/unit/client/world.h"

#include <string.h>

#include "client/src/context.h"

static struct clockbound_shm2 shm;
static struct clockbound_priv_cache cache;
static struct clockbound_priv_segment segment;
static const struct clockbound_priv_file file = {CLOCKBOUND_PRIV_SHM2, &shm, sizeof(shm)};

static int setup(void **state)
{
	(void)state;
	world_shm2(&shm);
	memset(&cache, 0, sizeof(cache));
	memset(&segment, 0, sizeof(segment));
	return 0;
}

static void a_quiet_segment_is_taken_whole(void **state)
{
	(void)state;
	shm.disruption_marker = 3;
	shm.disruption_support = 1;
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	assert_int_equal(segment.as_of_sec, WORLD_MONO_NS / 1000000000);
	assert_int_equal(segment.void_after_sec, WORLD_MONO_NS / 1000000000 + 1000);
	assert_int_equal(segment.bound_nsec, 60000);
	assert_int_equal(segment.max_drift_ppb, 1000);
	assert_int_equal(segment.clock_status, CLOCKBOUND_STA_SYNCHRONIZED);
	assert_int_equal(segment.disruption_marker, 3);
	assert_int_equal(segment.disruption_support, 1);
	assert_int_equal(segment.generation, 2);
}

static void a_segment_being_written_gives_the_last_good_snapshot(void **state)
{
	(void)state;
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	clockbound_priv_generation_open(&shm.header.generation);
	shm.bound_nsec = 1;
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	assert_int_equal(segment.bound_nsec, 60000);
	clockbound_priv_generation_close(&shm.header.generation);
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	assert_int_equal(segment.bound_nsec, 1);
	assert_int_equal(segment.generation, 4);
}

static void a_segment_that_was_wiped_gives_the_last_good_snapshot(void **state)
{
	(void)state;
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	memset(&shm, 0, sizeof(shm));
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	assert_int_equal(segment.bound_nsec, 60000);
}

static void a_segment_that_changed_its_layout_gives_the_last_good_snapshot(void **state)
{
	(void)state;
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	shm.header.version = CLOCKBOUND_SHM_VERSION_1;
	shm.bound_nsec = 1;
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	assert_int_equal(segment.bound_nsec, 60000);
}

static void a_segment_never_seen_whole_gives_nothing(void **state)
{
	(void)state;
	shm.header.generation = 3;
	assert_false(clockbound_priv_snapshot_take(&file, &cache, &segment));
	shm.header.generation = 0;
	assert_false(clockbound_priv_snapshot_take(&file, &cache, &segment));
}

static void the_latest_of_many_snapshots_is_kept(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 70000; i++) {
		clockbound_priv_generation_open(&shm.header.generation);
		shm.bound_nsec = i;
		clockbound_priv_generation_close(&shm.header.generation);
		assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	}
	clockbound_priv_generation_open(&shm.header.generation);
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	assert_int_equal(segment.bound_nsec, 69999);
}

static void an_unchanged_segment_writes_nothing_into_the_context(void **state)
{
	uint32_t seq;

	(void)state;
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	seq = cache.seq;
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	assert_int_equal(cache.seq, seq);
}

static void a_thread_that_is_keeping_one_makes_nobody_wait(void **state)
{
	(void)state;
	cache.writing = 1; /* as if a thread had been stopped there, or this were its forked child */
	assert_true(clockbound_priv_snapshot_take(&file, &cache, &segment));
	assert_int_equal(segment.bound_nsec, 60000);
	shm.header.generation = 3;
	assert_false(clockbound_priv_snapshot_take(&file, &cache, &segment));
}

static void the_1_x_layout_leaves_disruption_fields_zero(void **state)
{
	struct clockbound_shm1 shm1;
	const struct clockbound_priv_file file1 = {CLOCKBOUND_PRIV_SHM1, &shm1, sizeof(shm1)};

	(void)state;
	world_shm1(&shm1);
	shm1.padding = UINT32_MAX;
	shm1.reserved = UINT32_MAX;
	world_fill(&segment, sizeof(segment));
	assert_true(clockbound_priv_snapshot_take(&file1, &cache, &segment));
	assert_int_equal(segment.disruption_marker, 0);
	assert_int_equal(segment.disruption_support, 0);
	assert_int_equal(segment.max_drift_ppb, 1000);
	assert_int_equal(segment.clock_status, CLOCKBOUND_STA_SYNCHRONIZED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_quiet_segment_is_taken_whole, setup),
		cmocka_unit_test_setup(a_segment_being_written_gives_the_last_good_snapshot, setup),
		cmocka_unit_test_setup(a_segment_that_was_wiped_gives_the_last_good_snapshot, setup),
		cmocka_unit_test_setup(a_segment_that_changed_its_layout_gives_the_last_good_snapshot, setup),
		cmocka_unit_test_setup(a_segment_never_seen_whole_gives_nothing, setup),
		cmocka_unit_test_setup(the_latest_of_many_snapshots_is_kept, setup),
		cmocka_unit_test_setup(an_unchanged_segment_writes_nothing_into_the_context, setup),
		cmocka_unit_test_setup(a_thread_that_is_keeping_one_makes_nobody_wait, setup),
		cmocka_unit_test_setup(the_1_x_layout_leaves_disruption_fields_zero, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
