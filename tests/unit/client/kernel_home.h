/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page whose epochs stand in a kernel page, which is a file in the place of the map, and the daemon that hands it
 * out. One a program, for its tests.
 */
#ifndef TESTS_UNIT_CLIENT_KERNEL_HOME_H
#define TESTS_UNIT_CLIENT_KERNEL_HOME_H

#include "tests/unit/client/kernel_daemon.h"

#include <clockbound/fast.h>
#include <clockbound/kernel_page.h>

#define SYNCHRONIZED (CLOCKBOUND_VALID | CLOCKBOUND_STATUS_SYNCHRONIZED)
#define ID	     UINT64_C(0x1111)

static struct clockbound_page *page; /* the page's file, as the daemon writes it */
static struct clockbound_kernel_page *kernel;

/* A map of @id whose epochs begin with @first. */
static inline struct clockbound_kernel_page *make_map(const char *name, uint64_t id, uint32_t first)
{
	const struct clockbound_kernel_page made = {
		.magic = CLOCKBOUND_KERNEL_PAGE_MAGIC,
		.version = CLOCKBOUND_KERNEL_PAGE_VERSION,
		.size = sizeof(made),
		.id = id,
		.epochs = {.counter_epoch = first, .clock_epoch = first, .rate_epoch = first},
	};

	(void)unlink(world_path(name)); /* another file: what is mapped stays as it was */
	world_file(name, &made, sizeof(made));
	return world_map(name, sizeof(made));
}

static inline int home_setup(void **state)
{
	struct clockbound_page made;

	world_page(&made);
	made.control.kernel_page_id = ID;
	world_file("page", &made, sizeof(made));
	page = world_map("page", sizeof(made));
	kernel = make_map("map", ID, 0);
	daemon_side.id = ID;
	daemon_side.map = "map";
	daemon_side.is_silent = false;
	daemon_side.asked = 0;
	world_path("clockbound.sock");
	start_daemon();
	return world_reset(state);
}

static inline int home_teardown(void **state)
{
	stop_daemon();
	return world_remove(state);
}

static inline clockbound_fast *opened(void)
{
	clockbound_fast *fast = clockbound_fast_open(world_path("page"), NULL);

	assert_non_null(fast);
	return fast;
}

static inline clockbound_interval clock_now(const clockbound_fast *fast)
{
	clockbound_interval interval;

	clockbound_fast_clock_now(fast, &interval);
	assert_true(interval.earliest_ns <= interval.latest_ns);
	return interval;
}

#endif
