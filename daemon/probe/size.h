/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large a step was that a record does not tell: from what CLOCK_REALTIME - CLOCK_MONOTONIC was before and is now, or
 * was set to. Private to daemon/probe.
 */
#ifndef CBD_PROBE_SIZE_H
#define CBD_PROBE_SIZE_H

#include "daemon/probe/probe.h"

/*
 * cbd_size_measure - fills step_ns and uncertainty_ns of @event, both 0 where nobody can tell
 * @took_ns: how long the call took; 0: not known. The clocks tell only as long as no later change was marked. After one
 * the time that was set tells, to half of what the call took.
 */
void cbd_size_measure(struct cbd_probe *probe, struct clockbound_event *event, uint32_t took_ns);

/* cbd_size_go_along - a step of known size is not to be seen once more */
void cbd_size_go_along(struct cbd_probe *probe, int64_t step_ns);

#endif
