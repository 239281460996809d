/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our page: 4096 bytes, native-endian, mapped read-only by any number of processes. Layout only;
 * the barriers are in <clockbound/seq.h>, the reader is <clockbound/fast.h>.
 *
 * Writer (one daemon):  seq odd; write slot 0; seq even; write slot 1. Each change of seq sends readers to
 *                       the slot that is not being written: a daemon that stops anywhere stalls no one.
 * Reader:               1. load-acquire seq; the slot is `seq & 1`
 *                       2. read the counter, and load the slot's words, relaxed
 *                       3. load epochs.counter_epoch: it must be the slot's
 *                       4. acquire fence; load seq again: changed means from 1 again, a bounded number of
 *                          times, then "cannot". Unchanged means that all of 2 belongs together
 *                       5. age = counter - base; (age >> 16) >= void_after is dead, whatever else it says
 *                       6. earliest_ns + floor(age * earliest_rate), latest_ns + floor(age * latest_rate)
 * `latest_ns` is published one nanosecond high, so that rounding both products down rounds the interval outward.
 *
 * Rates on the page are Q6.26, so that an age below 2^32 ticks times a rate is one 64-bit product: that
 * decides whether a read costs less than clock_gettime(). Their rounding, outward, is 2^-26 ns per tick at
 * most: 39 ns per second of age at 2.6 GHz, under a thousandth of the growth at 50 ppm.
 *
 * A reader without a usable counter evaluates the clock half: epochs, slot, CLOCK_REALTIME, CLOCK_MONOTONIC,
 * epochs again. In this order a reader that is preempted gets a wider interval, never a wrong one.
 *
 * Every load and store is of 8 bytes at most and aligned. The page is never resized, unlinked or
 * truncated.
 */
#ifndef CLOCKBOUND_UAPI_PAGE_H
#define CLOCKBOUND_UAPI_PAGE_H

#include <clockbound/types.h>

#define CLOCKBOUND_PAGE_MAGIC	       UINT64_C(0x31474150444e4243) /* bytes "CBNDPAG1" on a little-endian machine */
#define CLOCKBOUND_PAGE_SIZE	       4096u
#define CLOCKBOUND_PAGE_VERSION	       1u
#define CLOCKBOUND_PAGE_COMPAT_VERSION 1u /* oldest reader for which this page is safe */

/* `capabilities`: what this page carries beyond version 1's lines and clock half. */
#define CLOCKBOUND_CAP_TERMS (1u << 0) /* the terms of the bound are written */

/* `epochs.flags` */
#define CLOCKBOUND_EPOCH_RETIRED                                                                             \
	(1u << 0) /* another page has taken this one's place; open again  \
					    */

/* Ages in the slot are counted in units of 2^16 ticks. */
#define CLOCKBOUND_AGE_SHIFT 16

/* Identity, line 0. Written once by the daemon that made the file, start_id by each daemon that
 * goes on with it. */
struct clockbound_identity {
	uint64_t magic;		 /* CLOCKBOUND_PAGE_MAGIC; 0 while the file is being made */
	uint32_t version;	 /* CLOCKBOUND_PAGE_VERSION */
	uint32_t compat_version; /* readers older than this must refuse the page */
	uint32_t size;		 /* CLOCKBOUND_PAGE_SIZE; a field exists if size reaches its end */
	uint32_t capabilities;	 /* CLOCKBOUND_CAP_* */
	uint64_t start_id;	 /* random, new with every start of the daemon; never 0 */
	uint64_t boot_id[2];	 /* the kernel's boot id: lines do not outlive it */
	uint32_t counter_kind;	 /* CLOCKBOUND_COUNTER_* that the lines run on */
	uint32_t reserved;	 /* 0 */
	uint64_t counter_hz;	 /* nominal frequency, for display; 0 unknown */
};

/*
 * Epochs: numbers that only go up. They stand here and, where eBPF runs, in the kernel's page too,
 * which then is the better home. A slot says which of them it has taken into account.
 */
struct clockbound_epochs {
	uint32_t counter_epoch; /* the counter cannot be trusted across a change of this */
	uint32_t clock_epoch;	/* CLOCK_REALTIME was stepped */
	uint32_t rate_epoch;	/* the rate of CLOCK_REALTIME was changed */
	uint32_t flags;		/* CLOCKBOUND_EPOCH_* */
};

/* Control, line 1. Daemon writes, readers load. */
struct clockbound_control {
	uint32_t seq;			 /* the latch: readers take slot `seq & 1` */
	uint32_t reserved0;		 /* 0 */
	uint64_t publications;		 /* publications since the file was made; for display */
	struct clockbound_epochs epochs; /* the file's home of the epochs */
	uint64_t kernel_page_id;	 /* of the kernel page in force; 0: none, these epochs are the home */
	uint64_t reserved1[2];		 /* 0 */
	int64_t step_ns; /* for the next daemon: CLOCK_REALTIME - CLOCK_MONOTONIC at the last publication; 0 unknown */
};

/* Slot, first line: what a counter reader needs, and nothing else. Under the latch. */
struct clockbound_hot {
	uint64_t base;		/* ticks: the counter at the instant the lines start from */
	int64_t earliest_ns;	/* earliest true time at base */
	int64_t latest_ns;	/* latest true time at base, one ns high (see above) */
	uint32_t earliest_rate; /* Q6.26 ns per tick, rounded down */
	uint32_t latest_rate;	/* Q6.26 ns per tick, rounded up */
	uint32_t short_after;	/* ticks since base: below it status stands as it is; <= stale_after */
	uint32_t stale_after; /* units of 2^16 ticks since base; <= void_after; how far lines run backwards */
	uint32_t void_after;  /* units of 2^16 ticks since base; 0: the lines are void */
	uint32_t status;      /* status word for counter readers, as of base */
	uint32_t counter_epoch; /* the counter_epoch that the lines belong to */
	uint32_t vm_flags;	/* CLOCKBOUND_VM_* */
	uint64_t vm_marker;	/* VMClock's disruption marker read before the anchor; 0 without VMClock */
};

/* `vm_flags` */
#define CLOCKBOUND_VM_WATCHED		  (1u << 0) /* the daemon watches a VMClock; vm_marker is its marker */
#define CLOCKBOUND_VM_DISRUPTION_SOON	  (1u << 1) /* it warns of a disruption within about a day */
#define CLOCKBOUND_VM_DISRUPTION_IMMINENT (1u << 2) /* it warns of a disruption within about an hour */

/* Slot, second line: what a CLOCK_REALTIME reader needs. Under the latch. */
struct clockbound_clock {
	int64_t as_of_mono_ns;	     /* CLOCK_MONOTONIC when the bound was computed */
	int64_t as_of_real_ns;	     /* CLOCK_REALTIME at the same instant */
	int64_t stale_after_mono_ns; /* CLOCK_MONOTONIC from which the daemon is late */
	int64_t void_after_mono_ns;  /* CLOCK_MONOTONIC from which the bound is void */
	int64_t bound_ns;	     /* half-width around CLOCK_REALTIME at as-of; rounded up */
	uint32_t drift_ppb;	     /* growth of bound_ns per second of age; rounded up; 4294967295:
				 unbounded */
	uint32_t status;	     /* status word for clock readers, as of as-of */
	uint32_t clock_epoch;	     /* the clock_epoch that the bound has taken into account */
	uint32_t rate_epoch;	     /* the rate_epoch that the bound has taken into account */
	uint64_t rate_sum; /* the kernel page's rate_sum that the bound has taken into account; 0 without */
};

/* Terms of the bound at as-of, in ns unless the name says otherwise, for `cbctl explain`. Under the
 * latch. */
struct clockbound_terms {
	int64_t correction_ns;	  /* current_correction: X - CLOCK_REALTIME, positive when the clock is
				  slow */
	int64_t sample_offset_ns; /* offset of the sample against X, reference - X */
	int64_t sample_error_ns;  /* latest_meas_err: root delay / 2 + root dispersion of that sample
				  */
	int64_t sample_age_ns;	  /* since_sample + 1 s */
	int64_t growth_ns;	  /* growth over the sample's age */
	int64_t slip_ns;	  /* how far the clock moved while chronyd answered */
	int64_t bracket_ns;	  /* half-widths of both anchors */
	int64_t off_line_ns;	  /* unexplained movement of X since the sample was first seen */
	int64_t floor_ns;	  /* rounding and wire quanta */
	int64_t phc_ns;		  /* error bound of the PHC; 0 without */
	int64_t root_delay_ns;	  /* Tracking's own, for comparison */
	int64_t root_dispersion_ns;
	int64_t suspend_ns;    /* CLOCK_BOOTTIME - CLOCK_MONOTONIC: a change means that the machine
				  slept */
	uint32_t growth_ppb;   /* rho + skew + |residual frequency| + uncertainty of the counter's
				  rate */
	uint32_t rho_ppb;      /* --max-drift-rate */
	uint32_t skew_ppb;     /* chronyd's skew + |residual frequency| */
	int32_t frequency_ppb; /* chronyd's frequency, positive when the clock runs fast without it
				*/
	uint32_t rule;	       /* CLOCKBOUND_RULE_* */
	uint32_t reference_id; /* Tracking's, host order */
};

/*
 * For the next daemon: how chronyd's frequency has behaved, and where its time was, which a restart must not forget. Under the latch;
 * readers do not need it. Rates are Q5.58, dimensionless.
 */
struct clockbound_memory {
	int64_t steady_rate;	 /* chronyd's frequency, followed as slowly as an oscillator drifts */
	uint64_t steady_counter; /* ticks: when it was last followed; 0: nothing is known */
	int64_t calm_rate;	 /* chronyd's frequency before a movement that it took for the oscillator's */
	uint32_t doubt_updates;	 /* updates of chronyd for which calm_rate still counts */
	uint32_t x_flags;	 /* CLOCKBOUND_X_* */
	uint64_t x_counter;	 /* ticks: where the line of chronyd's time began; 0: there is none */
	int64_t x_ns;		 /* chronyd's time there */
	int64_t x_clock_ns;	 /* CLOCK_REALTIME there */
	int64_t x_rate;		 /* chronyd's frequency on that line */
	int64_t x_kernel_rate;	 /* the kernel's rate of CLOCK_REALTIME, if CLOCKBOUND_X_KERNEL_RATE */
	int64_t owed_ns;	 /* by how much X may have moved unknown to chronyd's samples */
	uint64_t sample_id;	 /* which source was selected, as the daemon numbers them */
	uint64_t sample_mark;	 /* which sample of it; 0: none */
	int64_t sample_offset;	 /* its offset then */
	int64_t raw_ns;		 /* CLOCK_MONOTONIC_RAW at the clock half's as-of, if CLOCKBOUND_X_COURSE */
	int64_t clock_rate;	 /* the kernel's rate of CLOCK_REALTIME then, if CLOCKBOUND_X_COURSE */
	uint64_t event_counter;	 /* ticks: of the latest event that samples must be from after; 0: none */
};

#define CLOCKBOUND_X_KERNEL_RATE (1u << 0) /* x_kernel_rate is known */
#define CLOCKBOUND_X_SETTLED	 (1u << 1) /* whose hand steers the clock is known */
#define CLOCKBOUND_X_FOREIGN	 (1u << 2) /* another's than chronyd's */
#define CLOCKBOUND_X_CREDITED	 (1u << 3) /* the sample's account was whole */
#define CLOCKBOUND_X_COURSE	 (1u << 4) /* raw_ns and clock_rate are known */
#define CLOCKBOUND_X_BEFORE	 (1u << 5) /* the sample is not from after that event */

/* The whole page. */
struct clockbound_page {
	struct clockbound_identity identity; /* line 0 */
	struct clockbound_control control;   /* line 1 */
	struct {
		struct clockbound_hot hot;     /* lines 2 and 4 */
		struct clockbound_clock clock; /* lines 3 and 5 */
	} slot[2];
	struct clockbound_terms terms[2];   /* lines 6, 7 and 8, 9 */
	struct clockbound_memory memory[2]; /* lines 10, 11 and 12, 13 */
	/* For the next daemon, under the latch: when the leap second that is announced falls; 0: none */
	int64_t leap_ns[2];   /* line 14 */
	uint64_t unused[398]; /* 0 */
};

#define CLOCKBOUND_AT(type, field, offset)                                                                   \
	CLOCKBOUND_STATIC_ASSERT(offsetof(struct type, field) == (offset),                                   \
				 #type "." #field " must stand at " #offset)

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_identity) == 64, "identity is one line");
CLOCKBOUND_AT(clockbound_identity, magic, 0);
CLOCKBOUND_AT(clockbound_identity, version, 8);
CLOCKBOUND_AT(clockbound_identity, compat_version, 12);
CLOCKBOUND_AT(clockbound_identity, size, 16);
CLOCKBOUND_AT(clockbound_identity, capabilities, 20);
CLOCKBOUND_AT(clockbound_identity, start_id, 24);
CLOCKBOUND_AT(clockbound_identity, boot_id, 32);
CLOCKBOUND_AT(clockbound_identity, counter_kind, 48);
CLOCKBOUND_AT(clockbound_identity, reserved, 52);
CLOCKBOUND_AT(clockbound_identity, counter_hz, 56);

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_epochs) == 16, "epochs are 16 bytes");
CLOCKBOUND_AT(clockbound_epochs, counter_epoch, 0);
CLOCKBOUND_AT(clockbound_epochs, clock_epoch, 4);
CLOCKBOUND_AT(clockbound_epochs, rate_epoch, 8);
CLOCKBOUND_AT(clockbound_epochs, flags, 12);

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_control) == 64, "control is one line");
CLOCKBOUND_AT(clockbound_control, seq, 0);
CLOCKBOUND_AT(clockbound_control, reserved0, 4);
CLOCKBOUND_AT(clockbound_control, publications, 8);
CLOCKBOUND_AT(clockbound_control, epochs, 16);
CLOCKBOUND_AT(clockbound_control, kernel_page_id, 32);
CLOCKBOUND_AT(clockbound_control, reserved1, 40);
CLOCKBOUND_AT(clockbound_control, step_ns, 56);

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_hot) == 64, "the hot half is one line");
CLOCKBOUND_AT(clockbound_hot, base, 0);
CLOCKBOUND_AT(clockbound_hot, earliest_ns, 8);
CLOCKBOUND_AT(clockbound_hot, latest_ns, 16);
CLOCKBOUND_AT(clockbound_hot, earliest_rate, 24);
CLOCKBOUND_AT(clockbound_hot, latest_rate, 28);
CLOCKBOUND_AT(clockbound_hot, short_after, 32);
CLOCKBOUND_AT(clockbound_hot, stale_after, 36);
CLOCKBOUND_AT(clockbound_hot, void_after, 40);
CLOCKBOUND_AT(clockbound_hot, status, 44);
CLOCKBOUND_AT(clockbound_hot, counter_epoch, 48);
CLOCKBOUND_AT(clockbound_hot, vm_flags, 52);
CLOCKBOUND_AT(clockbound_hot, vm_marker, 56);

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_clock) == 64, "the clock half is one line");
CLOCKBOUND_AT(clockbound_clock, as_of_mono_ns, 0);
CLOCKBOUND_AT(clockbound_clock, as_of_real_ns, 8);
CLOCKBOUND_AT(clockbound_clock, stale_after_mono_ns, 16);
CLOCKBOUND_AT(clockbound_clock, void_after_mono_ns, 24);
CLOCKBOUND_AT(clockbound_clock, bound_ns, 32);
CLOCKBOUND_AT(clockbound_clock, drift_ppb, 40);
CLOCKBOUND_AT(clockbound_clock, status, 44);
CLOCKBOUND_AT(clockbound_clock, clock_epoch, 48);
CLOCKBOUND_AT(clockbound_clock, rate_epoch, 52);
CLOCKBOUND_AT(clockbound_clock, rate_sum, 56);

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_terms) == 128, "the terms are two lines");
CLOCKBOUND_AT(clockbound_terms, correction_ns, 0);
CLOCKBOUND_AT(clockbound_terms, sample_offset_ns, 8);
CLOCKBOUND_AT(clockbound_terms, sample_error_ns, 16);
CLOCKBOUND_AT(clockbound_terms, sample_age_ns, 24);
CLOCKBOUND_AT(clockbound_terms, growth_ns, 32);
CLOCKBOUND_AT(clockbound_terms, slip_ns, 40);
CLOCKBOUND_AT(clockbound_terms, bracket_ns, 48);
CLOCKBOUND_AT(clockbound_terms, off_line_ns, 56);
CLOCKBOUND_AT(clockbound_terms, floor_ns, 64);
CLOCKBOUND_AT(clockbound_terms, phc_ns, 72);
CLOCKBOUND_AT(clockbound_terms, root_delay_ns, 80);
CLOCKBOUND_AT(clockbound_terms, root_dispersion_ns, 88);
CLOCKBOUND_AT(clockbound_terms, suspend_ns, 96);
CLOCKBOUND_AT(clockbound_terms, growth_ppb, 104);
CLOCKBOUND_AT(clockbound_terms, rho_ppb, 108);
CLOCKBOUND_AT(clockbound_terms, skew_ppb, 112);
CLOCKBOUND_AT(clockbound_terms, frequency_ppb, 116);
CLOCKBOUND_AT(clockbound_terms, rule, 120);
CLOCKBOUND_AT(clockbound_terms, reference_id, 124);

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_memory) == 128, "a memory is two lines");
CLOCKBOUND_AT(clockbound_memory, steady_rate, 0);
CLOCKBOUND_AT(clockbound_memory, steady_counter, 8);
CLOCKBOUND_AT(clockbound_memory, calm_rate, 16);
CLOCKBOUND_AT(clockbound_memory, doubt_updates, 24);
CLOCKBOUND_AT(clockbound_memory, x_flags, 28);
CLOCKBOUND_AT(clockbound_memory, x_counter, 32);
CLOCKBOUND_AT(clockbound_memory, x_ns, 40);
CLOCKBOUND_AT(clockbound_memory, x_clock_ns, 48);
CLOCKBOUND_AT(clockbound_memory, x_rate, 56);
CLOCKBOUND_AT(clockbound_memory, x_kernel_rate, 64);
CLOCKBOUND_AT(clockbound_memory, owed_ns, 72);
CLOCKBOUND_AT(clockbound_memory, sample_id, 80);
CLOCKBOUND_AT(clockbound_memory, sample_mark, 88);
CLOCKBOUND_AT(clockbound_memory, sample_offset, 96);
CLOCKBOUND_AT(clockbound_memory, raw_ns, 104);
CLOCKBOUND_AT(clockbound_memory, clock_rate, 112);
CLOCKBOUND_AT(clockbound_memory, event_counter, 120);

CLOCKBOUND_STATIC_ASSERT(sizeof(struct clockbound_page) == CLOCKBOUND_PAGE_SIZE, "the page is 4096 bytes");
CLOCKBOUND_AT(clockbound_page, identity, 0);
CLOCKBOUND_AT(clockbound_page, control, 64);
CLOCKBOUND_AT(clockbound_page, slot, 128);
CLOCKBOUND_AT(clockbound_page, slot[1], 256);
CLOCKBOUND_AT(clockbound_page, terms, 384);
CLOCKBOUND_AT(clockbound_page, memory, 640);
CLOCKBOUND_AT(clockbound_page, leap_ns, 896);
CLOCKBOUND_AT(clockbound_page, unused, 912);
#endif
