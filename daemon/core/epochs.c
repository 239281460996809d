/* SPDX-License-Identifier: Apache-2.0 */
/* See epochs.h. */
#include "daemon/core/epochs.h"

#define BUMPS (CBD_REQUEST_BUMP_EPOCH | CBD_REQUEST_BUMP_COUNTER)

uint32_t cbd_core_take_request(struct cbd_core *core)
{
	uint32_t requests = core->requests & ~BUMPS;

	core->requests &= BUMPS;
	return requests;
}

uint32_t cbd_core_take_bumps(struct cbd_core *core)
{
	uint32_t bumps = core->requests & BUMPS;

	core->requests &= ~BUMPS;
	return bumps;
}

void cbd_core_rehome(struct cbd_core *core, const struct cbd_epochs *epochs)
{
	core->out.counter_epoch = epochs->counter;
	core->out.clock_epoch = epochs->clock;
	core->out.rate_epoch = epochs->rate;
	core->out.rate_sum = epochs->rate_sum;
}

void cbd_epochs_move(struct cbd_core *core, uint32_t *mine, const struct cbd_epochs *epochs, uint32_t probes,
		     uint32_t request)
{
	if (!epochs->has_kernel) {
		(*mine)++;
	} else if (probes == *mine) {
		core->requests |= request;
	}
}

void cbd_epochs_fill(struct cbd_core *core, const struct cbd_epochs *epochs)
{
	struct cbd_publication *out = &core->out;

	if (!epochs->has_kernel) {
		return;
	}
	out->counter_epoch = epochs->counter + ((core->requests & CBD_REQUEST_BUMP_COUNTER) != 0);
	out->clock_epoch = epochs->clock + ((core->requests & CBD_REQUEST_BUMP_EPOCH) != 0);
	out->rate_epoch = epochs->rate;
	out->rate_sum = epochs->rate_sum;
}
