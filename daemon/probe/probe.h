/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe: whatever tells the daemon, sooner than the next poll, that somebody moved the clock. It attaches the
 * best rung of its ladder that proves to work, says why not a better one, and keeps the kernel page. It never
 * judges a change: the core does. One thread.
 */
#ifndef CBD_PROBE_PROBE_H
#define CBD_PROBE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include <clockbound/events.h>
#include <clockbound/kernel_page.h>

#include "daemon/clock.h"
#include "daemon/probe/bpf.h"
#include "daemon/probe/events.h"
#include "daemon/probe/history.h"

enum cbd_probe_rung {
	CBD_PROBE_POLL = CLOCKBOUND_RUNG_POLL,
	CBD_PROBE_TIMERFD = CLOCKBOUND_RUNG_TIMERFD,
	CBD_PROBE_TRACEPOINT = CLOCKBOUND_RUNG_TRACEPOINT,
	CBD_PROBE_FENTRY = CLOCKBOUND_RUNG_FENTRY,
};

/* For people; texts are NUL-terminated. */
struct cbd_probe_info {
	enum cbd_probe_rung rung;
	char reason[256];   /* why not a better rung; empty if there is none */
	uint64_t page_id;   /* the kernel page's id; 0: there is no kernel page */
	uint64_t heartbeat; /* the kernel page's, as the next three; 0 without one */
	uint64_t events;
	uint64_t dropped;
	uint64_t refused;
};

struct cbd_probe_options {
	const char *best;    /* the best rung that may be tried: auto, fentry, tracepoint, timerfd, off */
	const char *pin_dir; /* bpffs directory of the kernel page's pin; empty: none */
	uint64_t boot_id[2];
	uint64_t former_id;		      /* kernel page that the page file names */
	struct clockbound_epochs file_epochs; /* the page file's */
	struct clockbound_epochs next_epochs; /* that a new home begins with */
	const struct cbd_clock *clock;	      /* outlives the probe */
};

struct cbd_probe {
	const struct cbd_clock *clock;
	enum cbd_probe_rung rung;
	char reason[256];
	struct cbd_bpf *bpf;	       /* the kernel page; NULL: there is none */
	struct clockbound_epochs home; /* what the home of the epochs began with */
	struct clockbound_epochs left; /* the kernel page's when it was lost */
	struct clockbound_epochs own;  /* the epochs without a kernel page */
	struct cbd_epochs settled;     /* the last ones read with nothing in flight */
	struct cbd_slew slew;	/* that calls have asked for, where the rung sees no more of it than that */
	uint64_t slew_asked_ns; /* the kernel page's slew_ns when it was last looked at */
	struct cbd_history history;
	struct cbd_events_told told;
	int epoll_fd;
	int timer_fd;	 /* -1: none */
	int64_t step_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC after the last event or poll */
	int64_t step_half_ns;
	uint32_t polled_epoch; /* clock_epoch when step_ns was last taken from a poll */
	uint64_t cancels;      /* timerfd: how often the clock was stepped, not yet explained by a record */
	uint64_t missed;       /* polls that found that changes may have left no mark */
	bool has_step;
	bool wants_poll;
	bool is_unwritable; /* found out in the middle of an anchor; becomes is_home_lost after it */
	bool is_home_lost;  /* the kernel page is not written any more: the file is the home now */
};

/*
 * cbd_probe_open - attaches the best rung that works; never fails: the last rung needs nothing
 * Up to a second. What is attached and why nothing better is logged. @probe is never moved afterwards.
 */
void cbd_probe_open(struct cbd_probe *probe, const struct cbd_probe_options *options);

/* cbd_probe_close - detaches, up to 1.3 s with tracepoints; a pinned page stays */
void cbd_probe_close(struct cbd_probe *probe);

/* cbd_probe_fd - readable when cbd_probe_on_ready() has something to do; the probe's own */
int cbd_probe_fd(const struct cbd_probe *probe);

/* cbd_probe_on_ready - takes what waits into the history, logs steps; true: chronyd is to be asked at once */
bool cbd_probe_on_ready(struct cbd_probe *probe);

/*
 * cbd_probe_on_poll - a poll has ended, and @anchor was read in it
 * Looks for steps that no program saw, and for programs that no longer fire, and falls back if so. True: chronyd is
 * to be asked at once.
 */
bool cbd_probe_on_poll(struct cbd_probe *probe, const struct cbd_anchor *anchor);

/*
 * cbd_probe_bump - moves epochs (CBD_REQUEST_BUMP_*) on behalf of the core
 * That the kernel page cannot be written any more is found out here or after a poll: `is_home_lost`.
 */
void cbd_probe_bump(struct cbd_probe *probe, uint32_t requests);

/* cbd_probe_tell - takes into the history what another part of the daemon noticed, and has logged */
void cbd_probe_tell(struct cbd_probe *probe, uint32_t what, int64_t value);

/*
 * cbd_probe_epochs - the epochs, for struct cbd_clock; @context is the probe
 * While a change is marked and may not have happened yet, waits some microseconds, then gives the last ones before:
 * what is anchored now must not pass for having made that change.
 */
void cbd_probe_epochs(void *context, struct cbd_epochs *epochs);

/* cbd_probe_current - the epochs as they stand, in flight or not, for the page file to follow */
void cbd_probe_current(const struct cbd_probe *probe, struct clockbound_epochs *epochs);

/* cbd_probe_info - what the probe is doing now; fills all of @info */
void cbd_probe_info(const struct cbd_probe *probe, struct cbd_probe_info *info);

/* cbd_probe_map_fd - read-write descriptor of the frozen map, the probe's own; -1: there is no kernel page */
int cbd_probe_map_fd(const struct cbd_probe *probe);

/* cbd_probe_events - the last events of every rung, the poll's line test included; the probe's own */
const struct cbd_history *cbd_probe_events(const struct cbd_probe *probe);

#endif
