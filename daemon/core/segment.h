/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What upstream's segments say: upstream's status, and figures that are never narrower than what the page says to
 * clock readers at the same moment. Private to daemon/core.
 */
#ifndef CBD_CORE_SEGMENT_H
#define CBD_CORE_SEGMENT_H

#include "daemon/core/core.h"

/*
 * cbd_segment_fill - the segment after an event, once cbd_publication_fill() has said what the page says @now
 * Synchronised it is drawn anew; while it runs freely it only widens; what the page cannot bound is Unknown.
 */
void cbd_segment_fill(struct cbd_core *core, enum cbd_chrony_status chrony, enum cbd_disruption disruption,
		      const struct cbd_anchor *now);

#endif
