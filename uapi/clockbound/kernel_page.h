/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel page: one element of a frozen BPF array map (BPF_F_MMAPABLE) that only our BPF programs write, in the
 * kernel, before CLOCK_REALTIME moves for any reader. The better home of the epochs. Layout only, shared with BPF.
 *
 * A reader maps it read-only from the descriptor that the daemon's socket hands out. It never goes back, and is
 * never shared with another daemon: one that starts anew makes a new one, or goes on with the pinned one.
 */
#ifndef CLOCKBOUND_UAPI_KERNEL_PAGE_H
#define CLOCKBOUND_UAPI_KERNEL_PAGE_H

#include <clockbound/page.h>

#define CLOCKBOUND_KERNEL_PAGE_MAGIC                                                                         \
	UINT64_C(0x314b4150444e4243) /* bytes "CBNDPAK1" on a little-endian machine */
#define CLOCKBOUND_KERNEL_PAGE_VERSION 1u

struct clockbound_kernel_page {
	/* Line 0: identity, written by the daemon before the map is frozen. */
	uint64_t magic;
	uint32_t version;
	uint32_t size; /* of this struct */
	uint64_t boot_id[2];
	uint64_t id;	       /* random, never 0: the page's control.kernel_page_id names it */
	uint64_t reserved0[3]; /* 0 */

	/* Line 1: what readers look at. */
	struct clockbound_epochs epochs; /* same numbers as in the file, which the daemon makes follow */
	uint64_t rate_sum;		 /* sum of all |rate changes| of CLOCK_REALTIME, Q5.58, wraps */
	uint64_t in_flight;		 /* changes that are marked and may not have happened yet; 0: none */
	uint64_t in_flight_ns;		 /* CLOCK_MONOTONIC when the last of them was marked */
	uint64_t in_flight_round;	 /* how often in_flight was given up and began anew at 0 */
	uint64_t slew_ns;		 /* as in_flight_ns: a call asked for a slew that no program sees */
	uint64_t reserved1[1];		 /* 0 */

	/* Line 2: for people. */
	uint64_t heartbeat;    /* calls of the hook since it was attached */
	uint64_t events;       /* changes that were marked */
	uint64_t dropped;      /* of these, records for which the ring had no room */
	uint64_t refused;      /* callers who may not set the clock, or whom the kernel refused */
	uint64_t reserved2[4]; /* 0 */

	/* Line 3: the BPF programs' memory. */
	uint64_t last_tick;	   /* timekeeper.ntp_tick at the last call */
	int64_t last_real_ns;	   /* timekeeper.offs_real at the last call */
	uint64_t last_clocksource; /* timekeeper.cs_was_changed_seq at the last call */
	uint64_t is_seeded;	   /* all of this line is known */
	int64_t last_rate_q58;	   /* the clock's rate against its nominal one at the last call */
	uint64_t reserved3[3];	   /* 0 */

	uint64_t unused[480]; /* 0 */
};

CLOCKBOUND_AT(clockbound_kernel_page, magic, 0);
CLOCKBOUND_AT(clockbound_kernel_page, version, 8);
CLOCKBOUND_AT(clockbound_kernel_page, size, 12);
CLOCKBOUND_AT(clockbound_kernel_page, boot_id, 16);
CLOCKBOUND_AT(clockbound_kernel_page, id, 32);
CLOCKBOUND_AT(clockbound_kernel_page, epochs, 64);
CLOCKBOUND_AT(clockbound_kernel_page, rate_sum, 80);
CLOCKBOUND_AT(clockbound_kernel_page, in_flight, 88);
CLOCKBOUND_AT(clockbound_kernel_page, in_flight_ns, 96);
CLOCKBOUND_AT(clockbound_kernel_page, in_flight_round, 104);
CLOCKBOUND_AT(clockbound_kernel_page, slew_ns, 112);
CLOCKBOUND_AT(clockbound_kernel_page, heartbeat, 128);
CLOCKBOUND_AT(clockbound_kernel_page, events, 136);
CLOCKBOUND_AT(clockbound_kernel_page, dropped, 144);
CLOCKBOUND_AT(clockbound_kernel_page, refused, 152);
CLOCKBOUND_AT(clockbound_kernel_page, last_tick, 192);
CLOCKBOUND_AT(clockbound_kernel_page, last_real_ns, 200);
CLOCKBOUND_AT(clockbound_kernel_page, last_clocksource, 208);
CLOCKBOUND_AT(clockbound_kernel_page, is_seeded, 216);
CLOCKBOUND_AT(clockbound_kernel_page, last_rate_q58, 224);
CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_kernel_page) == 4096, "the kernel page is one page");

#endif
