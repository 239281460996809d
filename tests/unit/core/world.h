/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small exact world for the core's unit tests: a 1 GHz counter, a clock some ns off true time, a chronyd that
 * reports it honestly. Each test states only what differs.
 */
#ifndef TESTS_UNIT_CORE_WORLD_H
#define TESTS_UNIT_CORE_WORLD_H

#include <string.h>

#include "daemon/core/core.h"
#include "daemon/core/q58.h"

#define SECOND CBD_NS_PER_SEC
/* 2026-01-15T12:00:00Z, far from any month's end. */
#define WORLD_START_NS (INT64_C(1768478400) * SECOND)
/* What the counter shows when the world begins. */
#define WORLD_COUNTER UINT64_C(5000000000000)

struct world {
	int64_t now_ns;		  /* since the start, true time */
	int64_t offset_ns;	  /* CLOCK_REALTIME - true time */
	int64_t stepped_ns;	  /* sum of all steps of CLOCK_REALTIME */
	int64_t asleep_ns;	  /* time slept */
	int64_t lost_ticks;	  /* added to the counter */
	struct cbd_epochs epochs; /* zeroed: there is no probe */
	int64_t frozen_ns;	  /* time in which no clock of the machine went on */
	struct cbd_vm vm;	  /* zeroed: there is no VMClock */
	struct cbd_poll poll;
};

static inline struct cbd_core_config world_config(void)
{
	struct cbd_core_config config = {
		.rho_ppb = 50000,
		.max_holdover_ns = 1000 * SECOND,
		.stale_after_ns = 5 * SECOND,
		.coarse_ns = 4000000,
		.has_counter = true,
	};

	return config;
}

/* True time now. */
static inline int64_t world_true_ns(const struct world *world)
{
	return WORLD_START_NS + world->now_ns;
}

static inline uint64_t world_counter(const struct world *world)
{
	return WORLD_COUNTER + (uint64_t)(world->now_ns + world->lost_ticks);
}

static inline struct cbd_anchor world_anchor(const struct world *world)
{
	struct cbd_anchor anchor = {
		.epochs = world->epochs,
		.real = {world_counter(world), 20, world_true_ns(world) + world->offset_ns},
		.raw = {world_counter(world), 20, 7 * SECOND + world->now_ns - world->frozen_ns},
		.mono_ns = 3 * SECOND + world->now_ns - world->frozen_ns,
		.coarse_ns = 3 * SECOND + world->now_ns - world->frozen_ns,
		.step_ns = WORLD_START_NS - 3 * SECOND + world->stepped_ns,
		.step_half_ns = 30,
		.suspend_ns = world->asleep_ns,
		.suspend_half_ns = 30,
		.vm = world->vm,
		.has_step = true,
		.has_suspend = true,
		.has_kernel_rate = true,
	};

	return anchor;
}

/* A chronyd that has one server, 200 us of error, and knows the clock's offset exactly. */
static inline void world_init(struct world *world)
{
	struct cbd_source_data *source = &world->poll.source[0];

	memset(world, 0, sizeof(*world));
	world->poll.sources = 1;
	world->poll.has_source_data = true;
	world->poll.tracking = (struct cbd_tracking){
		.reference_id = 0xc0a87b01,
		.stratum = 2,
		.ref_time_ns = WORLD_START_NS - SECOND / 2,
		.correction_quantum_ns = 1,
		.root_delay_ns = 200000,
		.root_dispersion_ns = 100000,
		.skew_q58 = CBD_Q58_ONE / 10000000,
		.update_interval_ns = 64 * SECOND,
	};
	*source = (struct cbd_source_data){
		.reference_id = 0xc0a87b01,
		.state = CBD_SOURCE_SELECTED,
		.offset_quantum_ns = 1,
		.error_ns = 200000,
		.mark = 1,
	};
}

/* Lets time pass; the sample grows older with it. */
static inline void world_pass(struct world *world, int64_t ns)
{
	world->now_ns += ns;
}

/* Somebody steps CLOCK_REALTIME; chronyd knows nothing of it. */
static inline void world_step(struct world *world, int64_t ns)
{
	world->offset_ns += ns;
	world->stepped_ns += ns;
}

/* chronyd takes a new sample and updates: it now knows the clock's offset. */
static inline void world_sample(struct world *world)
{
	struct cbd_source_data *source = &world->poll.source[0];

	/* As first measured, against the X of before; what is taken off it is what X moves by. */
	source->first_offset_ns = -(world->offset_ns + world->poll.tracking.correction_ns);
	world->poll.tracking.ref_time_ns = world_true_ns(world);
	world->poll.tracking.correction_ns = -world->offset_ns;
	source->mark++;
	source->since_s = 0;
	source->offset_ns = 0;
}

/* One poll of the core, with @sample_age whole seconds since the sample. */
static inline void world_poll(struct world *world, struct cbd_core *core, uint32_t sample_age_s)
{
	world->poll.source[0].since_s = sample_age_s;
	world->poll.before = world_anchor(world);
	world_pass(world, 50000);
	world->poll.after = world_anchor(world);
	cbd_core_on_poll(core, &world->poll);
}

/* A core that has polled long enough to know its counter and to stand on lines. */
static inline void world_begin(struct world *world, struct cbd_core *core)
{
	struct cbd_core_config config = world_config();

	world_init(world);
	cbd_core_init(core, &config);
	world_poll(world, core, 0);
	world_pass(world, SECOND);
	world_poll(world, core, 1);
	(void)cbd_core_take_request(core);
}

/* The same, and its source is a refclock that is asked every second; no request is pending. */
static inline void world_begin_refclock(struct world *world, struct cbd_core *core)
{
	world_begin(world, core);
	world->poll.source[0].id = 1;
	world->poll.source[0].mode = CBD_SOURCE_MODE_REFCLOCK;
	world_pass(world, SECOND);
	world_poll(world, core, 2);
	(void)cbd_core_take_request(core);
}

/* What the daemon of @core leaves on the page. */
static inline struct cbd_inheritance world_left_by(const struct cbd_core *core)
{
	struct cbd_inheritance page = {
		.lines = core->out.lines,
		.void_after_ticks = core->out.void_after_ticks,
		.void_after_mono_ns = core->out.void_after_mono_ns,
		.step_ns = core->out.step_ns,
		.as_of_real_ns = core->out.as_of_real_ns,
		.status = core->out.status,
		.clock_status = core->out.clock_status,
		.terms = core->out.terms,
		.memory = core->out.memory,
		.has_lines = true,
	};

	return page;
}

/* Whether the published lines contain true time now. */
static inline bool world_is_contained(const struct world *world, const struct cbd_core *core)
{
	struct cbd_interval at = cbd_lines_at(&core->out.lines, world_counter(world));
	int64_t now_ns = world_true_ns(world);

	return at.earliest_ns <= now_ns && now_ns <= at.latest_ns;
}

/* Whether the published clock half contains true time now. */
static inline bool world_is_clock_contained(const struct world *world, const struct cbd_core *core)
{
	int64_t real_ns = world_true_ns(world) + world->offset_ns;

	return cbd_ns_abs(real_ns - world_true_ns(world)) <= core->out.bound_ns;
}

#endif
