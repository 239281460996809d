/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What chronyd says of itself, and what looks synchronised and is not. Pure.
 */
#ifndef CBD_CORE_CHRONY_STATE_H
#define CBD_CORE_CHRONY_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"

/*
 * cbd_chrony_state_reasons - CLOCKBOUND_REASON_* that keep a Tracking from being used; 0 if it is synchronised
 * Local mode has leap status 0 and all terms 0, even silently after the sources are lost: only the reference id
 * tells. @allow_local: trust it all the same.
 */
uint32_t cbd_chrony_state_reasons(const struct cbd_tracking *tracking, bool allow_local);

/*
 * cbd_chrony_state_is_stale - the reference is older than 8 update intervals: its sources are lost
 * Upstream's rule, with 2 s for what ref_time and the interval are off by, and with the selected source's polling
 * interval where that is longer than the last update interval. chronyd itself never says so.
 */
bool cbd_chrony_state_is_stale(const struct cbd_poll *poll);

#endif
