/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's only reader of clocks, and its judge of whether the hardware counter can be used. Everything
 * else is given times as arguments. Layer: daemon; uses <clockbound/counter.h> and daemon/core/poll.h.
 *
 * The clocks are function pointers with a context, so that tests and simulations put their own in place.
 */
#ifndef CBD_CLOCK_H
#define CBD_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "daemon/core/poll.h"
#include "daemon/core/slew.h"

/* Slower counters than this are not published: one tick would be more than 64 ns. */
#define CBD_CLOCK_COUNTER_HZ_MIN 15600000

struct cbd_clock {
	/* Ticks, read after everything that stands before the call. */
	uint64_t (*counter)(void *context);
	/* @clock in ns, rounded down; false if it cannot be read. */
	bool (*gettime)(void *context, clockid_t clock, int64_t *ns);
	/* Rate of CLOCK_REALTIME against MONOTONIC_RAW as the kernel was told, minus one; Q5.58, nearest; false if
	 * it is not known. */
	bool (*kernel_rate)(void *context, int64_t *rate_q58);
	/* By how much more or less it may be, for slews that are not in it; NULL: by nothing. Called after it. */
	int64_t (*kernel_rate_error)(void *context);
	void *context;
	/* VMClock now, is_torn if it cannot be read; NULL: there is none. With a context of its own. */
	void (*vm)(void *context, struct cbd_vm *vm);
	void *vm_context;
	/* The epochs in force, and that no change which they count is still to happen; NULL: the core counts. */
	void (*epochs)(void *context, struct cbd_epochs *epochs);
	void *epochs_context;
};

/* Where to look and what to trust. All zero is right outside of tests. */
struct cbd_clock_options {
	bool trust_counter;	      /* take a TSC without the invariant flags: some guests hide them */
	const char *clocksource_path; /* NULL: the kernel's own in /sys */
	const char *cpuinfo_path;     /* NULL: /proc/cpuinfo */
};

/* The machine's clocks. Never moved in memory after init: clock.context may point into it. */
struct cbd_clock_system {
	struct cbd_clock clock;
	bool has_counter;      /* the hardware counter is usable; else anchors count ns of MONOTONIC_RAW */
	uint32_t counter_kind; /* CLOCKBOUND_COUNTER_*, NONE without has_counter */
	uint64_t counter_hz;   /* measured over some ms, for display; 1000000000 without has_counter */
	char reason[192];      /* why the hardware counter is not used; "" if it is */
	char clocksource[64];  /* the kernel's, as it was at init; "" if not known */
	const char *clocksource_path; /* as the options said; outlives this */
	struct cbd_slew single;	      /* adjtime() */
	struct cbd_slew loop;	      /* ADJ_OFFSET */
};

/*
 * cbd_clock_system_init - looks at the machine and decides which counter anchors use
 * @options: NULL for the defaults; the strings outlive @system
 * Sleeps about 2 ms where there is a candidate, to measure its frequency. Never fails: without a usable hardware
 * counter CLOCK_MONOTONIC_RAW takes its place (1 tick = 1 ns) and reason says why.
 */
void cbd_clock_system_init(struct cbd_clock_system *system, const struct cbd_clock_options *options);

/*
 * cbd_clock_counter_changed - has the kernel left the counter that the anchors use?
 * One small read in /sys. True also when that cannot be read any more; always false without has_counter.
 */
bool cbd_clock_counter_changed(const struct cbd_clock_system *system);

/*
 * cbd_clock_anchor - all clocks at (nearly) one instant, each by the narrowest of several brackets
 * Order: VMClock, the epochs, MONOTONIC_COARSE, then MONOTONIC, then the brackets; so both are at most as late as the
 * brackets. Last VMClock again: a migration that falls between leaves the anchor torn.
 * Some microseconds. A step, a suspend offset or a kernel rate that cannot be had is marked as not known.
 * Returns 0, or -EIO if a clock cannot be read or the counter went back in every bracket; @anchor is untouched
 * then. Rounding: half-widths up.
 */
int cbd_clock_anchor(const struct cbd_clock *clock, struct cbd_anchor *anchor);

/* cbd_clock_step - CLOCK_REALTIME - CLOCK_MONOTONIC, and its half-width; false if it cannot be read */
bool cbd_clock_step(const struct cbd_clock *clock, int64_t *step_ns, int64_t *half_ns);

/* cbd_clock_mono_ns - CLOCK_MONOTONIC, or -1 if it cannot be read (a machine without it does not exist) */
int64_t cbd_clock_mono_ns(const struct cbd_clock *clock);

#endif
