/* SPDX-License-Identifier: Apache-2.0 */
/* See meanwhile.h. */
#include "daemon/core/meanwhile.h"

#include "daemon/core/q58.h"

/* How far the former daemon's readings may have been off, as the core takes them. */
#define CLOCK_OFF_NS   10000
#define SUSPEND_OFF_NS 1000000
/* Two rates closer than this, 0.01 ppm, are one that was told in two ways: CLOCK_OFF_NS in the longest life of a slot. */
#define RATE_OFF_Q58 (CBD_Q58_ONE / 100000000)
/* Products and readings that were cut to whole ns. */
#define ROUNDING_NS 4

/* The difference @now +- @half, and @then by a former daemon who may have been off by @off: shown to be the same? */
static bool is_still(int64_t now, int64_t half, int64_t then, int64_t off)
{
	return cbd_ns_abs(cbd_ns_sub(now, then)) <= cbd_ns_add(half, off);
}

static int64_t signed_growth_ns(int64_t duration_ns, int64_t rate_q58)
{
	int64_t growth_ns = cbd_q58_growth_ns(duration_ns, cbd_ns_abs(rate_q58));

	return (duration_ns < 0) == (rate_q58 < 0) ? growth_ns : -growth_ns;
}

struct cbd_course cbd_course_make(const struct cbd_anchor *now, uint64_t rate_q58)
{
	const struct cbd_bracket *real = &now->real;
	const struct cbd_bracket *raw = &now->raw;
	int64_t later_ns = raw->counter >= real->counter
				   ? cbd_ticks_to_ns_floor(raw->counter - real->counter, rate_q58)
				   : -cbd_ticks_to_ns_floor(real->counter - raw->counter, rate_q58);

	return (struct cbd_course){
		.real_ns = real->clock_ns,
		.raw_ns = cbd_ns_sub(raw->clock_ns, later_ns),
		.rate_q58 = now->kernel_rate_q58,
		.is_known = now->has_kernel_rate && rate_q58 != 0,
	};
}

/* How far the clock has left its course, and at which rate it goes on. */
static void judge_rate(const struct cbd_former *former, const struct cbd_anchor *now,
		       struct cbd_meanwhile *meanwhile)
{
	const struct cbd_course *then = &former->course;
	struct cbd_course here = cbd_course_make(now, former->rate_q58);
	int64_t elapsed_ns = cbd_ns_sub(here.raw_ns, then->raw_ns);
	int64_t course_ns = cbd_ns_add(elapsed_ns, signed_growth_ns(elapsed_ns, then->rate_q58));
	int64_t off_ns = cbd_ns_abs(cbd_ns_sub(cbd_ns_sub(here.real_ns, then->real_ns), course_ns));
	int64_t half_ns = cbd_ns_add(cbd_ticks_to_ns_ceil(now->real.half_ticks, former->rate_q58),
				     cbd_ticks_to_ns_ceil(now->raw.half_ticks, former->rate_q58));
	int64_t change = cbd_ns_abs(cbd_ns_sub(here.rate_q58, then->rate_q58));

	half_ns = cbd_ns_add(half_ns, CLOCK_OFF_NS + ROUNDING_NS);
	if (!then->is_known || !here.is_known || elapsed_ns < 0) {
		meanwhile->is_clock_lost = true;
		return;
	}
	meanwhile->is_rate_moved =
		off_ns > half_ns || change > RATE_OFF_Q58 || now->kernel_rate_error_q58 != 0;
	meanwhile->off_ns = cbd_ns_add(off_ns, half_ns);
	/* Half as much again, for an age by a clock that has become slow: as readers take what rate_sum has. */
	change = cbd_q58_add(change, now->kernel_rate_error_q58);
	meanwhile->faster_q58 = cbd_q58_add(change, change / 2 + change % 2);
}

struct cbd_meanwhile cbd_meanwhile_judge(const struct cbd_former *former, const struct cbd_anchor *now)
{
	struct cbd_meanwhile meanwhile = {0};

	if (now == NULL) {
		return (struct cbd_meanwhile){.is_clock_lost = true, .is_counter_lost = true};
	}
	judge_rate(former, now, &meanwhile);
	if (!now->has_step || former->step_ns == 0 ||
	    !is_still(now->step_ns, now->step_half_ns, former->step_ns, CLOCK_OFF_NS)) {
		meanwhile.is_clock_lost = true;
	}
	if (!now->has_suspend ||
	    !is_still(now->suspend_ns, now->suspend_half_ns, former->suspend_ns, SUSPEND_OFF_NS)) {
		meanwhile.is_counter_lost = true;
	}
	return meanwhile;
}
