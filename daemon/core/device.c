/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PTP hardware clock in the judgement: see device.h.
 */
#include "daemon/core/device.h"

#include "daemon/core/leap.h"
#include "daemon/core/q58.h"

/* The slope of lines that stand is known by their rates, which a page has cut to 2^-26 ns per tick. */
#define SLOPE_BLUR_PPB 64u
/* An oscillator's own course changes by rho in so long: its temperature takes that. */
#define WANDER_NS (1000 * CBD_NS_PER_SEC)
/* Longer than this nothing is carried. */
#define ALONE_MAX_NS (16 * WANDER_NS)
/* chronyd's frequency where it is not known: more than any oscillator has. */
#define FREQUENCY_BLUR_PPB 500000u

uint32_t cbd_device_reasons(const struct cbd_core *core)
{
	return core->config.has_phc && core->phc.is_failed ? CLOCKBOUND_REASON_PHC_FAILED : 0;
}

/* By the name that the administrator gave; where he gave none, any refclock may be the device under another name. */
static bool may_be_device(const struct cbd_core *core, uint32_t reference_id, bool is_refclock)
{
	if (core->config.phc_reference_id != 0) {
		return reference_id == core->config.phc_reference_id;
	}
	return core->config.has_phc && is_refclock;
}

bool cbd_device_charge(struct cbd_core *core, uint32_t reference_id, bool is_refclock,
		       struct cbd_sample *sample)
{
	if (!may_be_device(core, reference_id, is_refclock)) {
		return true;
	}
	if (!cbd_phc_charge(&core->phc, sample)) {
		core->reasons |= CLOCKBOUND_REASON_PHC_FAILED;
		return false;
	}
	return true;
}

/* The device's interval at @now, true time running as @carry says; false if it proves nothing. */
static bool interval_at(const struct cbd_core *core, const struct cbd_anchor *now,
			struct cbd_phc_carry *carry, struct cbd_interval *interval)
{
	carry->rate_q58 = cbd_calibration_rate_q58(&core->calibration);
	return core->config.combines_phc && core->calibration.has_rate &&
	       (core->event.reason & CLOCKBOUND_REASON_LEAP) == 0 &&
	       cbd_phc_interval(&core->phc, now, carry, interval);
}

bool cbd_device_combine(const struct cbd_core *core, const struct cbd_anchor *now, int64_t growth_q58,
			struct cbd_sample *sample, bool *is_disputed)
{
	struct cbd_phc_carry carry = {
		.frequency_q58 = core->track.frequency_q58,
		.growth_q58 = growth_q58,
	};
	struct cbd_interval interval;

	if (!core->track.has_line) {
		carry.growth_q58 = cbd_q58_add(growth_q58, cbd_q58_from_ppb(FREQUENCY_BLUR_PPB));
	}
	if (!interval_at(core, now, &carry, &interval)) {
		return false;
	}
	if (cbd_phc_combine(&sample->interval, &interval)) {
		*is_disputed = true;
	}
	return true;
}

/*
 * How fast true time may leave the slope of the lines by now, while nobody measures the oscillator anew: what it was
 * when they were drawn, and how far the oscillator may have wandered since. Adds up over as long as the device is alone.
 */
static int64_t growth_by_now(const struct cbd_core *core, int64_t elapsed_ns)
{
	int64_t part_q58 = elapsed_ns * (CBD_Q58_ONE / WANDER_NS + 1);

	return cbd_q58_add(core->growth_q58,
			   cbd_q58_add(cbd_q58_product(cbd_q58_from_ppb(core->config.rho_ppb), part_q58), 1));
}

/* Whether a leap second may fall before the lines end that are drawn at @interval, and nobody would tell. */
static bool is_leap_possible(const struct cbd_core *core, const struct cbd_interval *interval)
{
	return cbd_leap_is_possible(interval->earliest_ns,
				    cbd_ns_add(interval->latest_ns, core->config.max_holdover_ns));
}

bool cbd_device_alone(struct cbd_core *core, const struct cbd_anchor *now)
{
	uint64_t ticks = now->real.counter - core->agreement.counter;
	int64_t elapsed_ns = cbd_ticks_to_ns_ceil(ticks, cbd_calibration_rate_q58(&core->calibration));
	const struct cbd_lines *lines = &core->agreement.lines;
	int64_t growth_q58;
	struct cbd_agreement_entry entry = {
		.counter = now->real.counter,
		/* No new sample of chronyd's: a contradiction that stands is not settled by the device's own word. */
		.mark = core->agreement.mark,
		.slope_q58 = lines->earliest_rate / 2 + lines->latest_rate / 2,
		.is_memoryless = core->rule == CLOCKBOUND_RULE_TRACKING,
	};
	/* As the lines run, which is proved, and not by chronyd's frequency of now, which may have been misled. */
	struct cbd_phc_carry carry = {
		.frequency_q58 =
			cbd_rate_lag_q58(entry.slope_q58, cbd_calibration_rate_q58(&core->calibration)),
	};

	if (!core->agreement.has_lines || now->real.counter >= core->void_counter ||
	    now->real.counter < core->agreement.counter || elapsed_ns > ALONE_MAX_NS) {
		return false;
	}
	growth_q58 = growth_by_now(core, elapsed_ns);
	entry.growth_q58 = cbd_q58_add(growth_q58, cbd_q58_from_ppb(SLOPE_BLUR_PPB));
	carry.growth_q58 = cbd_q58_add(entry.growth_q58, cbd_calibration_uncertainty_q58(&core->calibration));
	if (!interval_at(core, now, &carry, &entry.interval) || is_leap_possible(core, &entry.interval)) {
		return false;
	}
	core->growth_q58 = growth_q58;
	core->terms.growth_ppb = cbd_q58_to_ppb_ceil(growth_q58);
	if (cbd_agreement_take(&core->agreement, &entry)) {
		core->stats.inconsistencies++;
	}
	return true;
}
