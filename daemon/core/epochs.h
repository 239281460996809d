/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who counts the epochs: the core for itself, or the probe, whose numbers every anchor begins with. Also what the
 * core asks of others; the calls for them are in core.h. Pure.
 */
#ifndef CBD_CORE_EPOCHS_H
#define CBD_CORE_EPOCHS_H

#include "daemon/core/core.h"

/*
 * cbd_epochs_move - @mine counts one more: for itself, or by asking the probe, unless its number has moved already
 * @probes: the probe's number of the same kind, as an anchor read it; @request: CBD_REQUEST_BUMP_*
 * What is published then has the number that the probe will have, so that only a change beyond this one voids it.
 */
void cbd_epochs_move(struct cbd_core *core, uint32_t *mine, const struct cbd_epochs *epochs, uint32_t probes,
		     uint32_t request);

/* cbd_epochs_fill - core->out has taken the anchor's @epochs into account, and those that the probe will count */
void cbd_epochs_fill(struct cbd_core *core, const struct cbd_epochs *epochs);

#endif
