/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upstream's state machine: see segment_fsm.h.
 */
#include "daemon/core/segment_fsm.h"

#include <clockbound/types.h>

void cbd_segment_fsm_init(struct cbd_segment_fsm *fsm)
{
	fsm->status = CLOCKBOUND_STATUS_UNKNOWN;
}

uint32_t cbd_segment_fsm_step(struct cbd_segment_fsm *fsm, enum cbd_chrony_status chrony,
			      enum cbd_disruption disruption)
{
	uint32_t before = fsm->status;

	if (disruption == CBD_DISRUPTION_NOW) {
		fsm->status = CLOCKBOUND_STATUS_DISRUPTED;
	} else if (disruption == CBD_DISRUPTION_UNKNOWN || before == CLOCKBOUND_STATUS_DISRUPTED ||
		   chrony == CBD_CHRONY_UNKNOWN) {
		/* Out of Disrupted the way leads through Unknown, whatever chronyd says. */
		fsm->status = CLOCKBOUND_STATUS_UNKNOWN;
	} else if (chrony == CBD_CHRONY_SYNCHRONIZED) {
		fsm->status = CLOCKBOUND_STATUS_SYNCHRONIZED;
	} else if (before != CLOCKBOUND_STATUS_UNKNOWN) {
		fsm->status = CLOCKBOUND_STATUS_FREE_RUNNING;
	}
	return fsm->status;
}
