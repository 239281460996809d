/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judgement: from polls and events to what is published. Pure: no I/O, no clock reads, times are
 * arguments; the same code runs in the daemon, in the simulated world and in clockbound-replay. One thread.
 *
 * Use: cbd_core_init(), then one cbd_core_on_*() per event; after each the publication is in `core->out`.
 * Source of every formula: docs/MATH.md.
 */
#ifndef CBD_CORE_CORE_H
#define CBD_CORE_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include <clockbound/types.h>

#include "daemon/core/account.h"
#include "daemon/core/agreement.h"
#include "daemon/core/calibrate.h"
#include "daemon/core/fallback.h"
#include "daemon/core/lines.h"
#include "daemon/core/meanwhile.h"
#include "daemon/core/phc.h"
#include "daemon/core/poll.h"
#include "daemon/core/sample.h"
#include "daemon/core/seconds.h"
#include "daemon/core/segment_fsm.h"
#include "daemon/core/stamps.h"
#include "daemon/core/track.h"
#include "daemon/core/wobble.h"

/* Settings, fixed for the life of a core. */
struct cbd_core_config {
	uint32_t rho_ppb;	 /* --max-drift-rate: how far the oscillator may leave chronyd's estimate */
	int64_t max_holdover_ns; /* void-after: this long after the last good poll */
	int64_t stale_after_ns;	 /* the daemon promises to publish more often than this */
	int64_t coarse_ns;	 /* resolution of CLOCK_MONOTONIC_COARSE, by which upstream's as-of may lag */
	bool allow_local;	 /* --allow-local: trust local mode (test set-ups) */
	bool has_counter;	 /* the kernel itself uses this counter: lines are published. Without, the
				  * anchors' counter is CLOCK_MONOTONIC_RAW in ns, and only the clock half is */
	bool has_phc;		 /* readings of a PTP hardware clock are brought by cbd_core_on_phc() */
	bool combines_phc;	 /* ... and it is a source of its own, beside chronyd */
	uint32_t phc_reference_id; /* of the refclock by which chronyd follows it; 0: any may be it */
};

/* Why a poll brought nothing. */
enum cbd_poll_failure {
	CBD_POLL_UNREACHABLE, /* no answer, or none that can be used */
	CBD_POLL_UNSETTLED,   /* updates kept falling between the two Trackings */
};

/* How chronyd's frequency has behaved, and X's line; outlives the daemon on the page. Rates are Q5.58. */
struct cbd_memory {
	int64_t steady_q58;	 /* chronyd's frequency, followed slowly: what an oscillator does */
	uint64_t steady_counter; /* when it was last followed; 0: not yet */
	int64_t calm_q58;	 /* its frequency before the first of the movements that may have misled it */
	uint32_t doubt_updates;	 /* updates for which that is remembered; 0: no doubt */
	/* As published; the track and the account have the present ones: */
	struct cbd_track_past x;
	struct cbd_account_sample sample; /* the selected one */
	uint64_t event_counter;		  /* of the latest event; 0: there was none */
	int64_t owed_ns;
	struct cbd_course course; /* of the clock half; its real_ns is as_of_real_ns */
	int64_t leap_ns;	  /* the announced leap second; outlives the counter, too */
};

/* What is to be published; everything a writer needs for the page and both segments. */
struct cbd_publication {
	/* Counter half */
	struct cbd_lines lines; /* base, both ends, both rates; meaningful if has_lines */
	bool has_lines;
	uint64_t stale_after_ticks; /* since lines.base */
	uint64_t void_after_ticks;  /* since lines.base; at least stale_after_ticks */
	uint32_t status;	    /* status word for counter readers */
	/* Clock half */
	int64_t as_of_mono_ns;
	int64_t as_of_real_ns;
	int64_t stale_after_mono_ns;
	int64_t void_after_mono_ns;
	int64_t bound_ns;
	uint32_t drift_ppb;
	uint32_t clock_status; /* status word for clock readers */
	/* Epochs: the slot has taken these into account, and the page's own follow them */
	uint32_t counter_epoch;
	uint32_t clock_epoch;
	uint32_t rate_epoch;
	uint64_t rate_sum;  /* the probe's, Q5.58; 0 without */
	uint64_t vm_marker; /* VMClock's, as it was before the anchor; 0 without */
	uint32_t vm_flags;  /* CLOCKBOUND_VM_* */
	int64_t suspend_ns;
	int64_t step_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC at as-of */
	struct cbd_terms terms;
	struct cbd_memory memory;
	/* Upstream's segments */
	struct cbd_segment segment;
};

/* What the core asks of the daemon beyond publishing. Taken, and cleared, by cbd_core_take_request(). */
#define CBD_REQUEST_RESET_SOURCES (1u << 0) /* ask chronyd to drop its samples, then for a burst */
#define CBD_REQUEST_POLL_AGAIN	  (1u << 1) /* this poll proved nothing (slip): poll again soon */
/* Asked of the probe, before core->out is published, which counts on it: cbd_core_take_bumps(). */
#define CBD_REQUEST_BUMP_EPOCH	 (1u << 2) /* a step was seen that moved no clock_epoch: move it */
#define CBD_REQUEST_BUMP_COUNTER (1u << 3) /* the same of the counter and counter_epoch */
#define CBD_REQUEST_BUMP_RATE	 (1u << 4) /* a change of the rate may have moved no rate_epoch */

/* What has happened, counted since the start. */
struct cbd_core_stats {
	uint64_t polls;		  /* answered */
	uint64_t failures;	  /* not answered */
	uint64_t samples;	  /* new samples taken */
	uint64_t slips;		  /* polls thrown away: the clock moved while chronyd answered */
	uint64_t steps;		  /* steps and surprises */
	uint64_t inconsistencies; /* contradictions that began */
	uint64_t migrations;	  /* disruptions that VMClock told of, or that somebody forced */
};

/* Events after which old samples are not believed; a daemon leaves what is pending to the next one. */
#define CBD_EVENTS                                                                                           \
	(CLOCKBOUND_REASON_STEP | CLOCKBOUND_REASON_SURPRISE | CLOCKBOUND_REASON_LEAP |                      \
	 CLOCKBOUND_REASON_COUNTER_LOST | CLOCKBOUND_REASON_MIGRATED | CLOCKBOUND_REASON_FORCED)

/* Only samples from after this instant are taken: the clock, the counter or the time scale changed. The latest, if over. */
struct cbd_core_event {
	uint64_t counter;
	int64_t blur_ns; /* ages of samples from before may be told short by this */
	uint64_t source; /* id of the source that was selected at the last poll since; meaningful if seen */
	uint64_t latest; /* mark of its latest sample then */
	uint32_t seen;	 /* its samples since, the first of which may be from before; 0: no poll yet */
	uint64_t update; /* fallback: mark of the update that was there when it was first looked at */
	uint64_t met;	 /* fallback: of the update that first brought X back into the lines; 0: none yet */
	uint32_t reason; /* CLOCKBOUND_REASON_*; 0: nothing is pending, and the rest is of the last one */
	bool is_dated;	 /* counter is known; an inherited event is dated by the first anchor */
	bool is_noted;	 /* the samples that were there are known for what they are */
	bool needs_two; /* ages tell nothing of it: the second sample of a source is the first from after it */
};

struct cbd_core {
	struct cbd_core_config config;
	struct cbd_publication out; /* what to publish now */
	struct cbd_core_stats stats;
	uint32_t requests; /* CBD_REQUEST_* not yet taken */

	struct cbd_calibration calibration; /* ns per tick of the undisciplined clock */
	struct cbd_track track;		    /* chronyd's X as a straight line: the step detector */
	struct cbd_fallback fallback;	    /* what the tracking-only rule remembers */
	struct cbd_agreement agreement;	    /* what stands */
	struct cbd_segment_fsm segment_fsm; /* upstream's status */
	struct cbd_core_event event;
	struct cbd_account account; /* what chronyd's samples do not know of X's movements */
	struct cbd_wobble wobble;   /* how closely its updates have followed each other */
	struct cbd_seconds seconds; /* whether refclocks' samples are of the right second */
	struct cbd_stamps stamps;   /* how far refclocks' stamps may be wrong */
	struct cbd_phc_reading phc; /* of this poll */
	struct cbd_anchor anchor;   /* the last one seen */
	struct cbd_vm vm;	    /* under which everything here was measured */
	struct cbd_terms terms;	    /* of the sample last taken */
	int64_t growth_q58;	    /* of the lines that stand */
	int64_t doubt_q58; /* how much chronyd's frequency may have been misled by movements of the clock */
	int64_t calm_error_q58; /* how far memory.calm_q58 itself may have been off */
	struct cbd_memory memory;
	int64_t measured_q58; /* rate of CLOCK_REALTIME against the counter between the last two anchors */
	int64_t measured_error_q58; /* how far that may be off */
	bool has_measured;
	bool has_clock_half;   /* inherited, without a counter: what is published stands until void_mono_ns */
	int64_t surprise_q58;  /* rate of it, charged to clock readers */
	uint64_t void_counter; /* the lines are void from here */
	int64_t void_mono_ns;  /* the clock half is void from here */
	int64_t leap_ns;       /* a leap second is announced, and falls then; 0: none */
	int64_t withdrawn_ns; /* ref_time of the update that first announced none, while all was calm; 0: none did */
	int64_t correction_ns; /* Tracking's last; X - CLOCK_REALTIME */
	uint32_t reasons;      /* of this moment */
	uint32_t rule;	       /* CLOCKBOUND_RULE_* that drew the lines that stand */
	bool has_vm;	       /* vm is known */
	bool has_generation;   /* and its generation counter */
	bool is_forced;	       /* somebody forces a disruption: no sample ends it */
	bool has_anchor;
	bool has_synced;     /* lines stood once since the start */
	bool is_disciplined; /* chronyd is synchronised and its correction is current */
	bool is_settling;    /* inherited lines stand and the counter is not measured yet: out says less than
				what is published, which should stand; false after every other event */
};

/* cbd_core_init - a core that has seen nothing: UNKNOWN, NOT_SYNCED_YET, no lines */
void cbd_core_init(struct cbd_core *core, const struct cbd_core_config *config);

/* What a page published before this daemon started, in the same boot. */
struct cbd_inheritance {
	struct cbd_lines lines;
	uint64_t void_after_ticks; /* since lines.base */
	int64_t void_after_mono_ns;
	int64_t suspend_ns; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC then: a difference now voids the lines */
	int64_t step_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC then: a difference now is a step; 0: not known */
	int64_t as_of_real_ns; /* CLOCK_REALTIME at lines.base */
	uint32_t status;       /* status words: reasons that outlive a daemon */
	uint32_t clock_status;
	struct cbd_terms terms;	  /* of the bound that stood: rule and growth are gone on with */
	struct cbd_memory memory; /* zeros but for the leap second if the counter is another */
	uint32_t counter_epoch;
	uint32_t clock_epoch;
	uint32_t rate_epoch;
	uint64_t vm_marker; /* under which they were drawn, if vm_flags says that it was watched */
	uint32_t vm_flags;
	bool has_lines; /* lines were valid for this kind of counter */
};

/*
 * cbd_core_inherit - goes on with what stood on the page, so that no client notices the restart
 * The lines hold until their own void-after; they are the "old" that the first sample must meet.
 */
void cbd_core_inherit(struct cbd_core *core, const struct cbd_inheritance *page);

/*
 * cbd_core_inherit_segment - goes on with upstream's segment as a former daemon left it
 * Its figures stand until they are replaced. Its status stands as long as what was inherited of the page bears it
 * out; one from another boot does not outlive the first event.
 */
void cbd_core_inherit_segment(struct cbd_core *core, const struct cbd_segment *segment);

/*
 * cbd_core_on_phc - a reading of the PTP hardware clock, made within this poll; the next event judges it
 * Each poll brings one, if only to say that there is none.
 */
void cbd_core_on_phc(struct cbd_core *core, const struct cbd_phc_reading *reading);

/* cbd_core_on_poll - chronyd answered; judges and fills core->out */
void cbd_core_on_poll(struct cbd_core *core, const struct cbd_poll *poll);

/* cbd_core_on_poll_failed - chronyd did not answer, or not usably; @now: an anchor taken after */
void cbd_core_on_poll_failed(struct cbd_core *core, enum cbd_poll_failure failure,
			     const struct cbd_anchor *now);

/*
 * cbd_core_on_counter_lost - the counter cannot be trusted across @now; fills core->out with void lines
 * @has_counter: the kernel still uses it, so that it serves again from @now on; otherwise the anchors'
 * "counter" is CLOCK_MONOTONIC_RAW in ns from @now on, and only the clock half is published
 */
void cbd_core_on_counter_lost(struct cbd_core *core, bool has_counter, const struct cbd_anchor *now);

/* cbd_core_is_vm_news - @vm, read by itself, is worth an anchor and cbd_core_on_vm(): something changed */
bool cbd_core_is_vm_news(const struct cbd_core *core, const struct cbd_vm *vm);

/*
 * cbd_core_on_vm - VMClock was looked at between two polls: @now, an anchor taken after it seemed to have changed
 * Returns whether core->out was filled anew and is to be published at once, before chronyd is asked for anything.
 */
bool cbd_core_on_vm(struct cbd_core *core, const struct cbd_anchor *now);

/*
 * cbd_core_force - a disruption by hand begins, or ends; fills core->out
 * While it lasts nothing is valid; after it a sample from after its beginning is needed.
 */
void cbd_core_force(struct cbd_core *core, bool is_forced, const struct cbd_anchor *now);

/* cbd_core_take_request - what the core asks for (CBD_REQUEST_*, no BUMP_), once */
uint32_t cbd_core_take_request(struct cbd_core *core);

/* cbd_core_take_bumps - which of the probe's epochs the core asks to move (CBD_REQUEST_BUMP_*), once */
uint32_t cbd_core_take_bumps(struct cbd_core *core);

/*
 * cbd_core_rehome - the probe counts with other numbers from now on: they say the same as the former ones
 * Whatever is drawn stands.
 */
void cbd_core_rehome(struct cbd_core *core, const struct cbd_epochs *epochs);

#endif
