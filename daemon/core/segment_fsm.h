/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upstream's state machine of the status in its segments, and what a segment holds. Upstream's rule is kept
 * for upstream's clients: only a Synchronized report replaces as-of. Pure.
 * Source: upstream's daemon at 2.0.2.
 */
#ifndef CBD_CORE_SEGMENT_FSM_H
#define CBD_CORE_SEGMENT_FSM_H

#include <stdbool.h>
#include <stdint.h>

/* A segment's payload. */
struct cbd_segment {
	int64_t as_of_ns;      /* CLOCK_MONOTONIC_COARSE before chronyd was asked; 0: never synchronised */
	int64_t void_after_ns; /* as-of's whole seconds + 1000 s, or before: --max-holdover, a leap second */
	int64_t bound_ns;      /* half-width around CLOCK_REALTIME at as-of; rounded up */
	uint32_t max_drift_ppb;
	int32_t status; /* CLOCKBOUND_STATUS_* */
	uint64_t disruption_marker;
	bool supports_disruption;
};

/* What chronyd says, as upstream sees it. */
enum cbd_chrony_status {
	CBD_CHRONY_UNKNOWN,
	CBD_CHRONY_SYNCHRONIZED,
	CBD_CHRONY_FREE_RUNNING,
};

/* What is known of disruptions. */
enum cbd_disruption {
	CBD_DISRUPTION_NONE,
	CBD_DISRUPTION_NOW,
	CBD_DISRUPTION_UNKNOWN,
};

struct cbd_segment_fsm {
	uint32_t status; /* CLOCKBOUND_STATUS_* */
};

/* cbd_segment_fsm_init - the state of a daemon that has just started: Unknown */
void cbd_segment_fsm_init(struct cbd_segment_fsm *fsm);

/* cbd_segment_fsm_step - one transition of upstream's table; returns the new CLOCKBOUND_STATUS_* */
uint32_t cbd_segment_fsm_step(struct cbd_segment_fsm *fsm, enum cbd_chrony_status chrony,
			      enum cbd_disruption disruption);

#endif
