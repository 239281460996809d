/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refclocks' stamps that are read late, after chronyd has changed its slew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/core/world.h"

/* chronyd has slewed the clock by @ns meanwhile; X is where it was. */
static void slew(struct world *world, int64_t ns)
{
	world->offset_ns += ns;
	world->poll.tracking.correction_ns -= ns;
}

/* A sample of whose stamps one was corrected by a slew that it was not under: off by @ns. */
static void take_late(struct world *world, int64_t ns)
{
	world->poll.tracking.ref_time_ns = world_true_ns(world);
	world->poll.source[0].mark++;
	world->poll.source[0].first_offset_ns = world->poll.source[0].offset_ns = ns;
}

static int64_t off_line_after(struct cbd_core *core, struct world *world)
{
	world_poll(world, core, 0);
	assert_int_not_equal(core->out.status & CLOCKBOUND_VALID, 0);
	assert_true(world_is_contained(world, core));
	return core->out.terms.off_line_ns;
}

static void a_stamp_is_wrong_by_what_was_slewed_in_a_second(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin_refclock(&world, &core);
	world_pass(&world, SECOND);
	slew(&world, 5000000);
	world_poll(&world, &core, 3);
	world_pass(&world, SECOND);
	take_late(&world, 5000000);
	/* that, and the slew that this update may begin with what is left */
	assert_in_range(off_line_after(&core, &world), 5000000, 10000100);
}

/* An update begins a slew: it works off no more in a second than there is. And that is forgotten when samples are younger. */
static void a_stamp_is_wrong_by_what_there_was_to_slew(void **state)
{
	struct world world;
	struct cbd_core core;
	int i;

	(void)state;
	world_begin_refclock(&world, &core);
	world_pass(&world, SECOND);
	slew(&world, 3000000);
	take_late(&world, 3000000);
	assert_in_range(off_line_after(&core, &world), 3000000, 4000000);
	for (i = 0; i < 5; i++) {
		world_pass(&world, SECOND);
		take_late(&world, 0);
		(void)off_line_after(&core, &world);
	}
	/* what is left to slew may still be begun with */
	assert_in_range(core.out.terms.off_line_ns, 3000000, 7000000);
	slew(&world, -3000000);
	for (i = 0; i < 6; i++) {
		world_pass(&world, SECOND);
		take_late(&world, 0);
		(void)off_line_after(&core, &world);
	}
	assert_in_range(core.out.terms.off_line_ns, 0, 100000);
}

static void a_servers_stamps_are_read_at_once(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin_refclock(&world, &core);
	world.poll.source[0].mode = CBD_SOURCE_MODE_CLIENT;
	world_pass(&world, SECOND);
	slew(&world, 5000000);
	world_poll(&world, &core, 3);
	world_pass(&world, SECOND);
	take_late(&world, 0);
	assert_in_range(off_line_after(&core, &world), 0, 100000);
}

/* What a stamp may be wrong by goes to the next daemon with all that is owed. */
static void the_next_daemon_knows(void **state)
{
	struct world world;
	struct cbd_core core;

	(void)state;
	world_begin_refclock(&world, &core);
	world_pass(&world, SECOND);
	slew(&world, 5000000);
	world_poll(&world, &core, 3);
	assert_true(core.out.memory.owed_ns >= 5000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stamp_is_wrong_by_what_was_slewed_in_a_second),
		cmocka_unit_test(a_stamp_is_wrong_by_what_there_was_to_slew),
		cmocka_unit_test(a_servers_stamps_are_read_at_once),
		cmocka_unit_test(the_next_daemon_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
