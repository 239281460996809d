/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the core's state to what is published: lines re-anchored at now, the clock half around CLOCK_REALTIME,
 * status words. Private to daemon/core.
 */
#ifndef CBD_CORE_PUBLICATION_H
#define CBD_CORE_PUBLICATION_H

#include "daemon/core/core.h"

/* cbd_publication_fill - fills core->out from what stands, as of @now */
void cbd_publication_fill(struct cbd_core *core, const struct cbd_anchor *now);

#endif
