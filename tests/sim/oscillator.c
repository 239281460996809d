/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The oscillator: see oscillator.h.
 */
#include "tests/sim/oscillator.h"

#define STEP_NS	     INT64_C(1000000000)
#define E15	     INT64_C(1000000000000000)
#define E15_PER_PPB  INT64_C(1000000)
#define E15_PER_PPT  INT64_C(1000)
#define FIRST_TICKS  UINT64_C(7000000000000)
#define HZ_DEFAULT   UINT64_C(2600000000)
#define SINE_DEFAULT 3600
#define BASE_DEFAULT 12000 /* ppb */
#define WALK_DEFAULT 1000  /* 1e-12 per square root of a second */
#define TURN	     6.283185307179586

static void set_rate(struct sim_oscillator *oscillator)
{
	const struct sim_oscillator_model *model = &oscillator->model;
	sim_u128 nominal = ((sim_u128)oscillator->hz << 56) / 1000000000u;

	oscillator->error_e15 = model->base_ppb * E15_PER_PPB + oscillator->walk_e15 + oscillator->ramp_e15 +
				oscillator->flip_e15 + oscillator->jump_e15 +
				(int64_t)((double)(model->sine_ppb * E15_PER_PPB) * oscillator->sine);
	oscillator->rate_q56 = (uint64_t)(nominal * (sim_u128)(E15 + oscillator->error_e15) / (sim_u128)E15);
}

void sim_oscillator_init(struct sim_oscillator *oscillator, const struct sim_oscillator_model *model,
			 uint64_t seed)
{
	*oscillator = (struct sim_oscillator){
		.model = *model,
		.rng = sim_rng_make(seed, 1),
		.hz = model->hz != 0 ? model->hz : HZ_DEFAULT,
		.cosine = 1.0,
		.from_q56 = (sim_u128)FIRST_TICKS << 56,
		.ramp_step_e15 = model->ramp_ppt * E15_PER_PPT,
		.flip_e15 = model->flip_ppb * E15_PER_PPB,
		.next_ns = STEP_NS,
	};
	if (model->base_ppb == 0) {
		oscillator->model.base_ppb = BASE_DEFAULT;
		oscillator->model.walk_ppt = WALK_DEFAULT;
	}
	set_rate(oscillator);
}

static sim_u128 count_q56(const struct sim_oscillator *oscillator, int64_t now_ns)
{
	return oscillator->from_q56 +
	       (sim_u128)(uint64_t)(now_ns - oscillator->from_ns) * oscillator->rate_q56;
}

uint64_t sim_oscillator_ticks(const struct sim_oscillator *oscillator, int64_t now_ns)
{
	return (uint64_t)(count_q56(oscillator, now_ns) >> 56);
}

static void begin_stretch(struct sim_oscillator *oscillator, int64_t now_ns)
{
	oscillator->from_q56 = count_q56(oscillator, now_ns);
	oscillator->from_ns = now_ns;
}

/* The pointer turns by a small angle: two terms of the series and a correction of its length are enough. */
static void turn_pointer(struct sim_oscillator *oscillator)
{
	int64_t period_s =
		oscillator->model.sine_period_s != 0 ? oscillator->model.sine_period_s : SINE_DEFAULT;
	double angle = TURN / (double)period_s;
	double s = angle - angle * angle * angle / 6.0;
	double c = 1.0 - angle * angle / 2.0 + angle * angle * angle * angle / 24.0;
	double sine = oscillator->sine * c + oscillator->cosine * s;
	double cosine = oscillator->cosine * c - oscillator->sine * s;
	double length = 1.5 - 0.5 * (sine * sine + cosine * cosine);

	oscillator->sine = sine * length;
	oscillator->cosine = cosine * length;
}

void sim_oscillator_turn(struct sim_oscillator *oscillator, int64_t now_ns)
{
	const struct sim_oscillator_model *model = &oscillator->model;
	int64_t limit_e15 = model->ramp_limit_ppb * E15_PER_PPB;

	begin_stretch(oscillator, now_ns);
	oscillator->walk_e15 += sim_rng_normal(&oscillator->rng, model->walk_ppt * E15_PER_PPT);
	oscillator->ramp_e15 += oscillator->ramp_step_e15;
	if (oscillator->ramp_e15 > limit_e15 || oscillator->ramp_e15 < -limit_e15) {
		oscillator->ramp_step_e15 = -oscillator->ramp_step_e15;
		oscillator->ramp_e15 += oscillator->ramp_step_e15;
	}
	if (model->flip_every_s != 0 && sim_rng_below(&oscillator->rng, model->flip_every_s) == 0) {
		oscillator->flip_e15 = -oscillator->flip_e15;
	}
	if (model->sine_ppb != 0) {
		turn_pointer(oscillator);
	}
	set_rate(oscillator);
	oscillator->next_ns = now_ns + STEP_NS;
}

void sim_oscillator_jump(struct sim_oscillator *oscillator, int64_t now_ns, int64_t ppb)
{
	begin_stretch(oscillator, now_ns);
	oscillator->jump_e15 += ppb * E15_PER_PPB;
	set_rate(oscillator);
}

void sim_oscillator_set(struct sim_oscillator *oscillator, int64_t now_ns, uint64_t ticks)
{
	oscillator->from_ns = now_ns;
	oscillator->from_q56 = (sim_u128)ticks << 56;
}
