/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the VMClock share: its page as QEMU makes it, and clocks that go on by themselves. */
#ifndef TESTS_UNIT_DAEMON_SOURCE_VMCLOCK_PAGE_H
#define TESTS_UNIT_DAEMON_SOURCE_VMCLOCK_PAGE_H

#include <endian.h>

#include "daemon/source/vmclock.h"

/* The test's clocks: everything goes on by itself at each reading. */
static int64_t now_ns;

static inline uint64_t counter(void *context)
{
	(void)context;
	return (uint64_t)(now_ns += 20);
}

static inline bool gettime(void *context, clockid_t clock, int64_t *ns)
{
	(void)context;
	(void)clock;
	*ns = now_ns += 20;
	return true;
}

static const struct cbd_clock clocks = {.counter = counter, .gettime = gettime};

/* As QEMU makes it, with a marker of 7. */
static inline struct clockbound_vmclock good_page(void)
{
	return (struct clockbound_vmclock){
		.magic = htole32(CLOCKBOUND_VMCLOCK_MAGIC),
		.size = htole32(4096),
		.version = htole16(1),
		.counter_id = 0xff,
		.seq_count = htole32(2),
		.disruption_marker = htole64(7),
	};
}

#endif
