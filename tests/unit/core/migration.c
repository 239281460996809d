/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement when the machine is moved or restored, which only VMClock's marker tells, and when somebody forces a
 * disruption by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <clockbound/page.h>

#include "tests/unit/core/world.h"

#define STATUS(core)		 CLOCKBOUND_STATUS_OF((core)->out.status)
#define IS_VALID(core)		 (((core)->out.status & CLOCKBOUND_VALID) != 0)
#define IS_CLOCK_VALID(core)	 (((core)->out.clock_status & CLOCKBOUND_VALID) != 0)
#define HAS_REASON(core, reason) (((core)->out.status & CLOCKBOUND_REASON_##reason) != 0)

static const struct cbd_vm first = {.marker = 7, .flags = CLOCKBOUND_VM_WATCHED};
static const struct cbd_vm second = {.marker = 8, .flags = CLOCKBOUND_VM_WATCHED};

/* A world with a VMClock, in which the core stands on lines. */
static void begin(struct world *world, struct cbd_core *core)
{
	struct cbd_core_config config = world_config();

	world_init(world);
	world->vm = first;
	cbd_core_init(core, &config);
	world_poll(world, core, 0);
	world_pass(world, SECOND);
	world_poll(world, core, 1);
	(void)cbd_core_take_request(core);
	assert_true(IS_VALID(core));
}

/* The machine goes on elsewhere, 10 s of true time later, and not one of its clocks shows it. */
static void migrate(struct world *world, const struct cbd_vm *vm)
{
	world->vm = *vm;
	world->now_ns += 10 * SECOND;
	world->frozen_ns += 10 * SECOND;
	world->offset_ns -= 10 * SECOND;
	world->lost_ticks -= 10 * SECOND;
}

static void assert_disrupted(const struct cbd_core *core)
{
	assert_false(IS_VALID(core));
	assert_false(IS_CLOCK_VALID(core));
	assert_false(core->out.has_lines);
	assert_int_equal(STATUS(core), CLOCKBOUND_STATUS_DISRUPTED);
	assert_int_equal(CLOCKBOUND_STATUS_OF(core->out.clock_status), CLOCKBOUND_STATUS_DISRUPTED);
	assert_true(HAS_REASON(core, MIGRATED));
	assert_int_equal(core->out.segment.status, CLOCKBOUND_STATUS_DISRUPTED);
}

/* Polls until a sample from after the event has been taken, and the core believes it. */
static void recover(struct world *world, struct cbd_core *core)
{
	int i;

	for (i = 1; i < 6; i++) {
		world_pass(world, SECOND);
		world_poll(world, core, (uint32_t)i + 2);
		assert_false(IS_VALID(core));
		assert_false(IS_CLOCK_VALID(core));
	}
	world_sample(world);
	world_pass(world, SECOND);
	world_poll(world, core, 1);
	assert_true(IS_VALID(core));
	assert_true(IS_CLOCK_VALID(core));
	assert_true(world_is_contained(world, core));
	assert_true(world_is_clock_contained(world, core));
	assert_int_equal(STATUS(core), CLOCKBOUND_STATUS_SYNCHRONIZED);
	assert_false(HAS_REASON(core, MIGRATED));
}

static void the_marker_is_published_with_the_lines_that_were_drawn_under_it(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	assert_int_equal(core.out.vm_marker, 7);
	assert_int_equal(core.out.vm_flags, CLOCKBOUND_VM_WATCHED);
	assert_int_equal(core.out.segment.disruption_marker, 7);
	assert_true(core.out.segment.supports_disruption);
}

static void without_a_vmclock_nothing_is_said_of_one(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &core);
	assert_true(IS_VALID(&core));
	assert_int_equal(core.out.vm_flags, 0);
	assert_false(core.out.segment.supports_disruption);
}

static void whatever_marker_the_first_anchor_finds_is_no_event(void **state)
{
	static const uint64_t markers[] = {0, 1, 77, UINT64_MAX};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(markers) / sizeof(markers[0]); k++) {
		struct world world;
		struct cbd_core core;
		struct cbd_core_config config = world_config();

		world_init(&world);
		world.vm = (struct cbd_vm){.marker = markers[k], .flags = CLOCKBOUND_VM_WATCHED};
		cbd_core_init(&core, &config);
		world_poll(&world, &core, 0);
		world_pass(&world, SECOND);
		world_poll(&world, &core, 1);
		assert_true(IS_VALID(&core));
		assert_int_equal(core.stats.migrations, 0);
		assert_int_equal(core.out.counter_epoch, 0);
	}
}

static void any_other_marker_voids_everything_until_a_sample_from_after_it(void **state)
{
	static const uint64_t markers[] = {8, 6, 0, UINT64_MAX};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(markers) / sizeof(markers[0]); k++) {
		const struct cbd_vm vm = {.marker = markers[k], .flags = CLOCKBOUND_VM_WATCHED};
		struct world world;
		struct cbd_core core;

		begin(&world, &core);
		migrate(&world, &vm);
		world_poll(&world, &core, 2);
		assert_disrupted(&core);
		assert_int_equal(core.out.counter_epoch, 1);
		assert_int_equal(core.out.clock_epoch, 1);
		assert_int_equal(core.stats.migrations, 1);
		assert_int_equal(cbd_core_take_request(&core),
				 CBD_REQUEST_RESET_SOURCES | CBD_REQUEST_POLL_AGAIN);
		recover(&world, &core);
		assert_int_equal(core.out.vm_marker, markers[k]);
		assert_int_equal(core.out.counter_epoch, 1);
	}
}

static void a_generation_counter_that_changes_alone_is_the_same_event(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world.vm.generation = 3;
	world_poll(&world, &core, 1);
	assert_disrupted(&core);
}

static void what_is_noticed_between_two_polls_is_published_before_anybody_is_asked(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_anchor now;

	(void)state;
	begin(&world, &core);
	assert_false(cbd_core_is_vm_news(&core, &first));
	migrate(&world, &second);
	assert_true(cbd_core_is_vm_news(&core, &second));
	now = world_anchor(&world);
	assert_true(cbd_core_on_vm(&core, &now));
	assert_disrupted(&core);
	assert_true((cbd_core_take_request(&core) & CBD_REQUEST_RESET_SOURCES) != 0);
	assert_false(cbd_core_on_vm(&core, &now)); /* once */
	recover(&world, &core);
}

/* The poll was under way when the machine moved, and the daemon noticed before it was over. */
static void a_poll_that_began_before_the_migration_proves_nothing(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_anchor now;

	(void)state;
	begin(&world, &core);
	world_sample(&world);
	world.poll.before = world_anchor(&world);
	migrate(&world, &second);
	now = world_anchor(&world);
	assert_true(cbd_core_on_vm(&core, &now));
	(void)cbd_core_take_request(&core);
	world_pass(&world, 50000);
	world.poll.after = world_anchor(&world);
	cbd_core_on_poll(&core, &world.poll);
	assert_disrupted(&core);
	assert_int_equal(core.stats.migrations, 1);
	assert_true((cbd_core_take_request(&core) & CBD_REQUEST_POLL_AGAIN) != 0);
	recover(&world, &core);
}

static void a_migration_between_the_two_anchors_of_a_poll_is_seen(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	begin(&world, &core);
	world_sample(&world);
	world.poll.before = world_anchor(&world);
	migrate(&world, &second);
	world.poll.after = world_anchor(&world);
	cbd_core_on_poll(&core, &world.poll);
	assert_disrupted(&core);
	recover(&world, &core);
}

/* The anchor kept the marker from before its clocks and says that it was another one after them. */
static void a_torn_anchor_proves_nothing_whichever_it_is(void **state)
{
	int which;

	(void)state;
	for (which = 0; which < 2; which++) {
		struct world world;
		struct cbd_core core;

		begin(&world, &core);
		world_sample(&world);
		world.poll.before = world_anchor(&world);
		world_pass(&world, 50000);
		world.poll.after = world_anchor(&world);
		(which == 0 ? &world.poll.before : &world.poll.after)->vm.is_torn = true;
		cbd_core_on_poll(&core, &world.poll);
		if (which == 0) {
			assert_int_equal(core.stats.samples,
					 1); /* what stood stands: the marker is the same */
		} else {
			assert_disrupted(&core);
		}
	}
}

static void a_vmclock_that_cannot_be_read_is_one_event_that_lasts(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	begin(&world, &core);
	world.vm.is_torn = true;
	for (i = 0; i < 20; i++) {
		world_sample(&world);
		world_pass(&world, 3 * SECOND);
		world_poll(&world, &core, 1);
		assert_disrupted(&core);
		assert_int_equal(cbd_core_take_request(&core) & CBD_REQUEST_RESET_SOURCES,
				 i == 0 ? CBD_REQUEST_RESET_SOURCES : 0);
	}
	assert_int_equal(core.stats.migrations, 1);
	world.vm.is_torn = false;
	recover(&world, &core);
}

static void a_marker_that_changes_at_every_read_is_never_valid(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	begin(&world, &core);
	for (i = 0; i < 100; i++) {
		world.vm.marker++;
		world_sample(&world);
		world_pass(&world, 3 * SECOND);
		world_poll(&world, &core, 1);
		assert_disrupted(&core);
	}
}

static void a_failed_poll_notices_it_too(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_anchor now;

	(void)state;
	begin(&world, &core);
	migrate(&world, &second);
	now = world_anchor(&world);
	cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &now);
	assert_disrupted(&core);
}

/* Samples from before keep coming, as from a chronyd that cannot be told to forget them. */
static void samples_from_before_are_refused_for_as_long_as_they_come(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	begin(&world, &core);
	migrate(&world, &second);
	for (i = 0; i < 30; i++) {
		world_poll(&world, &core, (uint32_t)i + 1);
		assert_disrupted(&core);
		world_pass(&world, SECOND);
	}
}

/* A former daemon's page, drawn under @marker. */
static void inherit(struct cbd_core *core, const struct world *world, const struct cbd_core *former,
		    uint32_t vm_flags)
{
	struct cbd_core_config config = world_config();
	const struct cbd_inheritance page = {
		.lines = former->out.lines,
		.void_after_ticks = former->out.void_after_ticks,
		.void_after_mono_ns = former->out.void_after_mono_ns,
		.step_ns = former->out.step_ns,
		.status = former->out.status,
		.clock_status = former->out.clock_status,
		.terms = former->out.terms,
		.vm_marker = former->out.vm_marker,
		.vm_flags = vm_flags,
		.has_lines = true,
	};

	(void)world;
	cbd_core_init(core, &config);
	cbd_core_inherit(core, &page);
}

static void a_daemon_that_starts_after_a_migration_does_not_go_on_with_the_page(void **state)
{
	struct world world;
	struct cbd_core former;
	struct cbd_core core;

	(void)state;
	begin(&world, &former);
	inherit(&core, &world, &former, former.out.vm_flags);
	migrate(&world, &second);
	assert_true(cbd_core_is_vm_news(&core, &second));
	world_poll(&world, &core, 3);
	assert_disrupted(&core);
	recover(&world, &core);
}

static void a_daemon_that_starts_without_one_after_one_without_goes_on(void **state)
{
	struct world world;
	struct cbd_core former;
	struct cbd_core core;

	(void)state;
	world_begin(&world, &former);
	inherit(&core, &world, &former, 0);
	world_poll(&world, &core, 2);
	assert_int_equal(core.stats.migrations, 0);
	world_pass(&world, SECOND);
	world_poll(&world, &core, 3);
	assert_true(IS_VALID(&core));
	assert_true(world_is_contained(&world, &core));
}

/* What one daemon watched and the other did not cannot be compared: nothing tells of a migration between them. */
static void a_daemon_that_watches_what_its_predecessor_did_not_measures_anew(void **state)
{
	const struct cbd_vm none = {0};
	struct world world;
	struct cbd_core former;
	struct cbd_core core;
	uint32_t k;

	(void)state;
	for (k = 0; k < 2; k++) {
		begin(&world, &former);
		inherit(&core, &world, &former, k == 0 ? former.out.vm_flags : 0);
		migrate(&world, k == 0 ? &none : &second);
		world_poll(&world, &core, 3);
		assert_disrupted(&core);
		recover(&world, &core);
	}
}

static void a_forced_disruption_lasts_until_it_is_ended_and_a_sample_came(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_anchor now;
	int i;

	(void)state;
	world_begin(&world, &core);
	now = world_anchor(&world);
	cbd_core_force(&core, true, &now);
	for (i = 0; i < 10; i++) {
		assert_false(IS_VALID(&core));
		assert_false(IS_CLOCK_VALID(&core));
		assert_int_equal(STATUS(&core), CLOCKBOUND_STATUS_DISRUPTED);
		assert_true(HAS_REASON(&core, FORCED));
		assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_DISRUPTED);
		assert_int_equal(cbd_core_take_request(&core) & CBD_REQUEST_RESET_SOURCES,
				 i == 0 ? CBD_REQUEST_RESET_SOURCES : 0);
		world_sample(&world);
		world_pass(&world, 3 * SECOND);
		world_poll(&world, &core, 2);
	}
	now = world_anchor(&world);
	cbd_core_force(&core, false, &now);
	assert_false(IS_VALID(&core));
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_UNKNOWN);
	world_sample(&world);
	world_pass(&world, 3 * SECOND);
	world_poll(&world, &core, 1);
	assert_true(IS_VALID(&core));
	assert_false(HAS_REASON(&core, FORCED));
	assert_true(world_is_contained(&world, &core));
	assert_int_equal(core.out.segment.status, CLOCKBOUND_STATUS_SYNCHRONIZED);
}

static void to_end_what_was_not_forced_changes_nothing(void **state)
{
	struct world world;
	struct cbd_core core;
	struct cbd_anchor now;

	(void)state;
	world_begin(&world, &core);
	now = world_anchor(&world);
	cbd_core_force(&core, false, &now);
	assert_true(IS_VALID(&core));
	assert_int_equal(core.stats.migrations, 0);
	assert_int_equal(cbd_core_take_request(&core), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_marker_is_published_with_the_lines_that_were_drawn_under_it),
		cmocka_unit_test(without_a_vmclock_nothing_is_said_of_one),
		cmocka_unit_test(whatever_marker_the_first_anchor_finds_is_no_event),
		cmocka_unit_test(any_other_marker_voids_everything_until_a_sample_from_after_it),
		cmocka_unit_test(a_generation_counter_that_changes_alone_is_the_same_event),
		cmocka_unit_test(what_is_noticed_between_two_polls_is_published_before_anybody_is_asked),
		cmocka_unit_test(a_poll_that_began_before_the_migration_proves_nothing),
		cmocka_unit_test(a_migration_between_the_two_anchors_of_a_poll_is_seen),
		cmocka_unit_test(a_torn_anchor_proves_nothing_whichever_it_is),
		cmocka_unit_test(a_vmclock_that_cannot_be_read_is_one_event_that_lasts),
		cmocka_unit_test(a_marker_that_changes_at_every_read_is_never_valid),
		cmocka_unit_test(a_failed_poll_notices_it_too),
		cmocka_unit_test(samples_from_before_are_refused_for_as_long_as_they_come),
		cmocka_unit_test(a_daemon_that_starts_after_a_migration_does_not_go_on_with_the_page),
		cmocka_unit_test(a_daemon_that_starts_without_one_after_one_without_goes_on),
		cmocka_unit_test(a_daemon_that_watches_what_its_predecessor_did_not_measures_anew),
		cmocka_unit_test(a_forced_disruption_lasts_until_it_is_ended_and_a_sample_came),
		cmocka_unit_test(to_end_what_was_not_forced_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
