/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cbctl and libclockbound ask the daemon over clockbound.sock (SOCK_SEQPACKET, one request, one reply a
 * packet). Layout only. Native-endian: both ends are on one machine. Everything that a clock reader needs is on
 * the page and, where eBPF runs, on the kernel page, whose descriptor is handed out here; the rest is for people.
 *
 * A request whose reserved words are not zero is refused, so that they can be given a meaning later.
 */
#ifndef CLOCKBOUND_UAPI_CONTROL_H
#define CLOCKBOUND_UAPI_CONTROL_H

#include <clockbound/events.h>
#include <clockbound/types.h>

#define CLOCKBOUND_CONTROL_MAGIC   0x4c544343u /* bytes "CCTL" on a little-endian machine */
#define CLOCKBOUND_CONTROL_VERSION 1u

/* Requests. */
#define CLOCKBOUND_CONTROL_STATUS      1u /* answered with struct clockbound_control_status */
#define CLOCKBOUND_CONTROL_KERNEL_PAGE 2u /* with struct clockbound_control_kernel_page */
#define CLOCKBOUND_CONTROL_EVENTS      3u /* with struct clockbound_control_events */
#define CLOCKBOUND_CONTROL_VMCLOCK     4u /* with struct clockbound_control_vmclock */
#define CLOCKBOUND_CONTROL_INJECT      5u /* with the reply's head alone */

/* `result` of a reply. */
#define CLOCKBOUND_CONTROL_OK		   0u
#define CLOCKBOUND_CONTROL_BAD_REQUEST	   1u /* short, long, wrong magic, reserved words set */
#define CLOCKBOUND_CONTROL_BAD_VERSION	   2u /* a version this daemon does not speak */
#define CLOCKBOUND_CONTROL_UNKNOWN_REQUEST 3u /* a request this daemon does not know */

#define CLOCKBOUND_CONTROL_NOT_ALLOWED	 4u /* INJECT: the daemon was started without --allow-inject */
#define CLOCKBOUND_CONTROL_NOT_PERMITTED 5u /* INJECT: the caller is neither root nor the daemon's user */
#define CLOCKBOUND_CONTROL_NOT_VALID	 6u /* INJECT: there is no valid bound, and none is made up */

/* What is injected: the page and the segments say so until it ends, and nothing ever looks better than it is. */
#define CLOCKBOUND_INJECT_OFF	       0u /* ends what was injected */
#define CLOCKBOUND_INJECT_UNKNOWN      1u /* the status; not valid */
#define CLOCKBOUND_INJECT_SYNCHRONIZED 2u /* the status, if the bound is valid */
#define CLOCKBOUND_INJECT_FREE_RUNNING 3u /* the status, if the bound is valid */
#define CLOCKBOUND_INJECT_DISRUPTED    4u /* the status; not valid */
#define CLOCKBOUND_INJECT_STEP	       5u /* as if somebody had stepped CLOCK_REALTIME */
#define CLOCKBOUND_INJECT_STALL	       6u /* nothing is published, as if the daemon hung */
#define CLOCKBOUND_INJECT_EXPIRY       7u /* the bound is void, as if nothing had been published for very long */
#define CLOCKBOUND_INJECT_TORN	       8u /* as STALL, but in the middle of a publication */
#define CLOCKBOUND_INJECT_LAST	       8u
#define CLOCKBOUND_INJECT_MS_MAX       UINT64_C(3600000) /* an hour: whoever forgets it is not hurt for ever */

/* `phc_state`, and bits of `phc_uses`. */
#define CLOCKBOUND_PHC_NONE	    0u
#define CLOCKBOUND_PHC_GOOD	    1u
#define CLOCKBOUND_PHC_FAILED	    2u
#define CLOCKBOUND_PHC_USE_SOURCE   (1u << 0) /* read as a source of its own */
#define CLOCKBOUND_PHC_USE_FOLLOWED (1u << 1) /* its error is added when chronyd follows it */

#define CLOCKBOUND_CONTROL_TEXT	      128 /* bytes of a text, NUL included */
#define CLOCKBOUND_CONTROL_EVENTS_MAX 32  /* events in one reply */

struct clockbound_control_request {
	uint32_t magic;	    /* CLOCKBOUND_CONTROL_MAGIC */
	uint32_t version;   /* CLOCKBOUND_CONTROL_VERSION */
	uint32_t request;   /* CLOCKBOUND_CONTROL_* */
	uint32_t kind;	    /* INJECT: CLOCKBOUND_INJECT_*; else 0 */
	uint64_t after;	    /* EVENTS: those with a higher number; else 0 */
	uint32_t for_ms;    /* INJECT: it ends by itself after so long; at most CLOCKBOUND_INJECT_MS_MAX */
	uint32_t reserved1; /* 0 */
};

/* Every reply begins so; size is that of the whole reply. */
struct clockbound_control_reply {
	uint32_t magic;
	uint32_t version;
	uint32_t request; /* the request answered */
	uint32_t result;  /* CLOCKBOUND_CONTROL_OK, or why not: then nothing follows */
	uint32_t size;
	uint32_t reserved[3]; /* 0 */
};

struct clockbound_control_status {
	struct clockbound_control_reply reply;
	uint64_t pid;
	uint64_t uptime_ns;	  /* since the daemon started, CLOCK_MONOTONIC */
	uint64_t polls;		  /* polls of chronyd that were answered */
	uint64_t poll_failures;	  /* polls that were not */
	uint64_t samples;	  /* new samples taken */
	uint64_t slips;		  /* samples thrown away: the clock moved while chronyd answered */
	uint64_t steps;		  /* steps and surprises seen by the line test */
	uint64_t inconsistencies; /* two proofs that excluded each other */
	uint64_t publications;
	uint64_t last_poll_ns;	  /* age of the last answered poll; UINT64_MAX: none yet */
	uint64_t round_trip_ns;	  /* of the last answered poll, all its requests together */
	uint64_t ignored_replies; /* stale, junk, wrong sequence */
	uint32_t sources;	  /* chronyd's sources at the last poll */
	uint32_t rule;		  /* CLOCKBOUND_RULE_* in force */
	uint32_t leap_status;	  /* chronyd's */
	uint32_t stratum;	  /* chronyd's */
	int64_t counter_hz;	  /* measured against CLOCK_MONOTONIC_RAW; 0 without a counter */
	uint32_t counter_uncertainty_ppb;
	uint32_t reserved; /* 0 */
	char daemon_version[CLOCKBOUND_CONTROL_TEXT];
	char chrony_socket[CLOCKBOUND_CONTROL_TEXT];
	char counter_reason[CLOCKBOUND_CONTROL_TEXT]; /* why the counter is not used; empty if it is */
	char last_failure
		[CLOCKBOUND_CONTROL_TEXT]; /* the last failed poll; empty if the last one succeeded */
	uint32_t probe_rung;		   /* CLOCKBOUND_RUNG_* */
	uint32_t reserved1;		   /* 0 */
	uint64_t kernel_page_id;	   /* 0: there is no kernel page, and the next four are 0 */
	uint64_t probe_heartbeat;	   /* calls of the hook since it was attached */
	uint64_t probe_events;		   /* changes that it marked */
	uint64_t probe_dropped;		   /* of these, records that were lost */
	uint64_t probe_refused; /* calls by those who may not set the clock, or that were refused */
	uint64_t last_event;	/* number of the last event; 0: none yet */
	char probe_reason[2 * CLOCKBOUND_CONTROL_TEXT]; /* why not a better rung; empty if there is none */
	uint32_t
		phc_state; /* CLOCKBOUND_PHC_NONE: there is no PTP hardware clock, and all that follows is 0 */
	uint32_t phc_uses;     /* CLOCKBOUND_PHC_USE_* */
	uint32_t phc_scale;    /* 0 not known, 1 UTC, 2 TAI */
	uint32_t reserved2;    /* 0 */
	int64_t phc_bound_ns;  /* its own error; 0: not known */
	int64_t phc_widest_ns; /* the widest reading of late; 0: not known */
	uint64_t phc_readings; /* good ones */
	uint64_t phc_failures; /* others */
	uint64_t phc_jumps;    /* somebody set it */
	uint64_t phc_openings; /* found, and found again */
	char phc_device[CLOCKBOUND_CONTROL_TEXT];
	char phc_method[CLOCKBOUND_CONTROL_TEXT];     /* how it is read; empty: not yet */
	char phc_reason[2 * CLOCKBOUND_CONTROL_TEXT]; /* why there is no reading; empty if there is one */
};

/* Where has_page is 1 the packet carries one descriptor (SCM_RIGHTS): map it PROT_READ, MAP_SHARED. */
struct clockbound_control_kernel_page {
	struct clockbound_control_reply reply;
	uint32_t has_page;
	uint32_t reserved;			  /* 0 */
	uint64_t id;				  /* struct clockbound_kernel_page.id */
	char reason[2 * CLOCKBOUND_CONTROL_TEXT]; /* why there is none; empty if there is one */
};

/*
 * Where has_vmclock is 1 the packet carries one descriptor (SCM_RIGHTS): map what it has, one page at most, PROT_READ,
 * MAP_SHARED. See <clockbound/vmclock.h>.
 */
struct clockbound_control_vmclock {
	struct clockbound_control_reply reply;
	uint32_t has_vmclock;
	uint32_t vm_flags; /* CLOCKBOUND_VM_* */
	uint64_t marker;
	uint64_t migrations; /* since the daemon started; forced ones among them */
	uint64_t
		recovery_ns; /* from noticing the last one until a bound was valid again; 0: none, or not yet */
	uint32_t load_ps;    /* what one load of the marker costs, and so a strict read more than another */
	uint32_t tick_ms;    /* how often the daemon looks; 0: it is notified as well */
	uint32_t clock_status; /* CLOCKBOUND_VMCLOCK_* */
	uint32_t inject_kind;  /* CLOCKBOUND_INJECT_* in force */
	uint64_t inject_left_ms;
	char path[2 * CLOCKBOUND_CONTROL_TEXT];
	char reason
		[2 *
		 CLOCKBOUND_CONTROL_TEXT]; /* why there is none, or what is wrong with it; empty if all is well */
};

struct clockbound_control_events {
	struct clockbound_control_reply reply;
	uint64_t last;	/* number of the newest event; 0: none yet */
	uint32_t count; /* of the events that follow, oldest first */
	uint32_t start; /* another one means another daemon, which counts from 1 again; never 0 */
	struct clockbound_event event[CLOCKBOUND_CONTROL_EVENTS_MAX]; /* from `count` on 0 */
};

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_control_request) == 32, "request is 32 bytes");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_request, magic) == 0, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_request, version) == 4, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_request, request) == 8, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_request, kind) == 12, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_request, after) == 16, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_request, for_ms) == 24, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_request, reserved1) == 28, "");
CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_control_reply) == 32, "reply head is 32 bytes");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_reply, magic) == 0, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_reply, version) == 4, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_reply, request) == 8, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_reply, result) == 12, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_reply, size) == 16, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_reply, reserved) == 20, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, pid) == 32, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, uptime_ns) == 40, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, polls) == 48, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, poll_failures) == 56, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, samples) == 64, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, slips) == 72, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, steps) == 80, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, inconsistencies) == 88, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, publications) == 96, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, last_poll_ns) == 104, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, round_trip_ns) == 112, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, ignored_replies) == 120, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, sources) == 128, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, rule) == 132, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, leap_status) == 136, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, stratum) == 140, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, counter_hz) == 144, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, counter_uncertainty_ppb) == 152, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, reserved) == 156, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, daemon_version) == 160, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, chrony_socket) == 288, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, counter_reason) == 416, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, last_failure) == 544, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, probe_rung) == 672, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, reserved1) == 676, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, kernel_page_id) == 680, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, probe_heartbeat) == 688, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, probe_events) == 696, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, probe_dropped) == 704, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, probe_refused) == 712, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, last_event) == 720, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, probe_reason) == 728, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_state) == 984, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_uses) == 988, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_scale) == 992, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, reserved2) == 996, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_bound_ns) == 1000, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_widest_ns) == 1008, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_readings) == 1016, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_failures) == 1024, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_jumps) == 1032, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_openings) == 1040, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_device) == 1048, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_method) == 1176, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_status, phc_reason) == 1304, "");
CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_control_status) == 1560, "status is 1560 bytes");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_kernel_page, has_page) == 32, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_kernel_page, id) == 40, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_kernel_page, reason) == 48, "");
CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_control_kernel_page) == 304, "no padding");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, has_vmclock) == 32, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, vm_flags) == 36, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, marker) == 40, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, migrations) == 48, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, recovery_ns) == 56, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, load_ps) == 64, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, tick_ms) == 68, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, clock_status) == 72, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, inject_kind) == 76, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, inject_left_ms) == 80, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, path) == 88, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_vmclock, reason) == 344, "");
CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_control_vmclock) == 600, "no padding");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_events, last) == 32, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_events, count) == 40, "");
CLOCKBOUND_STATIC_ASSERT(offsetof(struct clockbound_control_events, event) == 48, "");
CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_control_events) == 3632, "no padding");

#endif
