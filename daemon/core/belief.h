/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which samples may be believed after the clock, the counter or the time scale changed. Pure, private to
 * daemon/core. Source: docs/MATH.md, "After an event".
 */
#ifndef CBD_CORE_BELIEF_H
#define CBD_CORE_BELIEF_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/core.h"

/* cbd_belief_is_from_after - the sample was certainly taken after the counter showed @counter */
bool cbd_belief_is_from_after(const struct cbd_core *core, uint64_t counter, const struct cbd_poll *poll,
			      const struct cbd_sample *sample);

/*
 * cbd_belief_is_counted - so many samples of the selected source have come since the event was seen that this one is after it
 * Counts them. chronyd has one request to a source under way at a time, so this tells that a sample was asked for after the
 * event without any clock, which a step makes useless.
 */
bool cbd_belief_is_counted(struct cbd_core *core, const struct cbd_poll *poll);

/*
 * cbd_belief_is_past_event - the sample may be taken although an event is pending
 * Tracking alone hangs on chronyd's regression, which after a stranger's step is wrong by more than it says for
 * minutes, although its reference is new: while the old lines live, its X must have come back into them, and be
 * there still at the next update, since it may only be crossing them.
 */
bool cbd_belief_is_past_event(struct cbd_core *core, const struct cbd_poll *poll,
			      const struct cbd_sample *sample);

/* cbd_belief_is_needed - chronyd has a sample that is not certainly from after the counter showed @counter */
bool cbd_belief_is_needed(const struct cbd_core *core, const struct cbd_poll *poll, uint64_t counter);

#endif
