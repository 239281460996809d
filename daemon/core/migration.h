/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disruptions that no clock of this machine can show: it was moved to another host, or restored from an image, and
 * went on as if nothing had happened (VMClock tells), or somebody says so by hand. What was measured before is void.
 * Pure, private to daemon/core; the calls for others are in core.h. Source: docs/MATH.md, "After an event".
 */
#ifndef CBD_CORE_MIGRATION_H
#define CBD_CORE_MIGRATION_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/core.h"

/*
 * cbd_migration_voids - whether @poll proves nothing since the machine moved before, in or during it
 * If so core->out is filled. Every anchor of a poll must have been read under the VMClock that core knows.
 */
bool cbd_migration_voids(struct cbd_core *core, const struct cbd_poll *poll);

/* cbd_core_void - core.c: all that was measured is void for @reason, from @now on; fills core->out */
void cbd_core_void(struct cbd_core *core, uint32_t reason, const struct cbd_anchor *now);

#endif
