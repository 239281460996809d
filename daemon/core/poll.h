/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one poll brings to the core: two anchors, chronyd's Tracking before and after, and its sources.
 * Plain values in the core's units; filled by daemon/source and daemon/clock.c, by the simulated world and by
 * clockbound-replay. Nothing here does I/O.
 *
 * Signs are turned where a reply is read: offset = reference - local clock, positive when the clock is slow.
 */
#ifndef CBD_CORE_POLL_H
#define CBD_CORE_POLL_H

#include <stdbool.h>
#include <stdint.h>

/* Sources of one poll that are kept; chronyd may have more, the selected one is always kept. */
#define CBD_SOURCES_MAX 16

/* since_sample of a source that has no sample. */
#define CBD_SINCE_NEVER UINT32_MAX

/* A clock reading between two counter readings, the narrowest of several. */
struct cbd_bracket {
	uint64_t counter;    /* ticks: the middle of the two counter readings */
	uint64_t half_ticks; /* half their distance, rounded up */
	int64_t clock_ns;    /* what the clock showed between them */
};

/* VMClock, beside the clocks of an anchor. */
struct cbd_vm {
	uint64_t marker;     /* its disruption marker, read before any clock */
	uint64_t generation; /* its generation counter, read with it; 0 without */
	uint32_t flags;	     /* CLOCKBOUND_VM_*; 0: there is no VMClock, and all else here is 0 */
	bool is_torn;	     /* either was another one after the clocks, or it cannot be read: no proof */
};

/* Epochs of the probe, read before any clock: what is anchored after has taken them into account. */
struct cbd_epochs {
	uint32_t counter;
	uint32_t clock;
	uint32_t rate;
	uint64_t rate_sum; /* Q5.58 */
	/* The kernel's rate, slews and all, as its page has it: read after the numbers, so at least as new as they. */
	int64_t kernel_rate_q58;
	bool has_kernel_rate; /* kernel_rate_q58 is known: the rung sees every change */
	bool may_slew;	      /* somebody has asked the kernel for a slew that the rung cannot see */
	bool has_kernel;      /* the probe counts, in the kernel page if it can; otherwise the core does */
};

/* The clocks at (nearly) one instant. */
struct cbd_anchor {
	struct cbd_epochs epochs; /* read first */
	struct cbd_bracket real;  /* CLOCK_REALTIME */
	struct cbd_bracket raw;	  /* CLOCK_MONOTONIC_RAW */
	int64_t mono_ns;	  /* CLOCK_MONOTONIC, read before real */
	int64_t coarse_ns;	  /* CLOCK_MONOTONIC_COARSE, read before everything else */
	int64_t step_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC: changes only when somebody steps the clock */
	int64_t step_half_ns;	 /* half-width of step_ns */
	int64_t suspend_ns;	 /* CLOCK_BOOTTIME - CLOCK_MONOTONIC: changes only when the machine sleeps */
	int64_t suspend_half_ns; /* half-width of suspend_ns */
	int64_t kernel_rate_q58; /* the rate the kernel gives CLOCK_REALTIME against MONOTONIC_RAW */
	int64_t kernel_rate_error_q58; /* how far it may be off that; 0 but for slews of which only adjtimex tells */
	struct cbd_vm vm;
	bool has_step;	      /* step_ns is known */
	bool has_suspend;     /* suspend_ns is known */
	bool has_kernel_rate; /* kernel_rate_q58 is known */
};

/* Tracking, checked by the source for form, not for sense. */
struct cbd_tracking {
	uint32_t reference_id; /* 0x7f7f0101: local mode; 0: unsynchronised */
	uint16_t stratum;      /* 0: unsynchronised */
	uint16_t leap_status;  /* 0 normal, 1 insert, 2 delete, 3 not synchronised */
	int64_t ref_time_ns;   /* CLOCK_REALTIME as chronyd corrects it; 0: never */
	int64_t correction_ns; /* X - CLOCK_REALTIME, positive when the clock is slow; to the nearest ns */
	int64_t correction_quantum_ns; /* what the wire may round away (0.75 of its last place), up, plus 1 ns */
	int64_t root_delay_ns;	       /* rounded up, the wire's own rounding included */
	int64_t root_dispersion_ns;    /* rounded up, the same */
	int64_t frequency_q58;	       /* positive: without correction the clock runs fast */
	int64_t skew_q58;	       /* rounded up; 0 or more */
	int64_t residual_q58;	       /* |residual frequency|, rounded up; 0 or more */
	int64_t update_interval_ns;    /* between the last two updates; 0 after the first */
	bool is_refclock;	       /* family 0: the reference is a refclock, or there is none */
};

/* chronyd's judgement of a source, by the numbers of its protocol. */
enum cbd_source_state {
	CBD_SOURCE_SELECTED = 0,
	CBD_SOURCE_NONSELECTABLE = 1,
	CBD_SOURCE_FALSETICKER = 2,
	CBD_SOURCE_JITTERY = 3,
	CBD_SOURCE_UNSELECTED = 4, /* combined with the selected one */
	CBD_SOURCE_SELECTABLE = 5,
};

/* What a source is, by the numbers of Source_Data. */
enum cbd_source_mode {
	CBD_SOURCE_MODE_CLIENT = 0,
	CBD_SOURCE_MODE_PEER = 1,
	CBD_SOURCE_MODE_REFCLOCK = 2,
};

/* Source_Data of one source. */
struct cbd_source_data {
	uint32_t reference_id; /* IPv4 address, first bytes of an IPv6 address's MD5, or a refclock's name */
	uint16_t state;	       /* enum cbd_source_state */
	uint16_t mode;	       /* enum cbd_source_mode */
	int16_t poll_log2;     /* interval at which chronyd asks it, log2 of seconds */
	uint32_t since_s;      /* whole seconds since the sample, up to 1 s too few; CBD_SINCE_NEVER */
	int64_t offset_ns;     /* reference - X at the sample, to the nearest ns (chronyd's sign turned) */
	int64_t first_offset_ns;   /* the same as first measured, before chronyd moved X on account of it */
	int64_t offset_quantum_ns; /* what the wire may round away (0.75 of its last place), up, plus 1 ns */
	int64_t error_ns;	   /* root delay / 2 + root dispersion of the sample; rounded up */
	uint64_t id;		   /* which source: its address or name, the same over chronyd's restarts */
	uint64_t mark;		   /* changes with every new sample of this source, and only then */
};

/* Everything one poll brings. */
struct cbd_poll {
	struct cbd_anchor before;     /* before the first request */
	struct cbd_anchor after;      /* after the last reply */
	struct cbd_tracking tracking; /* asked for before the sources */
	struct cbd_tracking again;    /* and after them; of the same update, or not asked for and all 0 */
	struct cbd_source_data source[CBD_SOURCES_MAX];
	uint32_t sources;     /* how many of source[] are filled */
	bool has_source_data; /* chronyd answered Source_Data for every source */
	/* since_s of NTP sources counts from the beginning of the second of chronyd's clock that the sample was in. */
	bool is_since_whole;
};

#endif
