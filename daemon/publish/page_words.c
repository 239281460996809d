/* SPDX-License-Identifier: Apache-2.0 */
/* See page_words.h. Source of the formats: uapi/clockbound/page.h. */
#include "daemon/publish/page_words.h"

#include <string.h>

#define RATE_SHIFT   (CLOCKBOUND_RATE_SHIFT - CLOCKBOUND_PAGE_RATE_SHIFT)
#define DRIFT_NO_END UINT32_MAX /* page.h: unbounded */

static uint32_t rate_floor(uint64_t rate_q58)
{
	return (uint32_t)(rate_q58 >> RATE_SHIFT);
}

/* Rounded up; false if that does not fit. */
static bool rate_ceil(uint64_t rate_q58, uint32_t *rate)
{
	uint64_t up = (rate_q58 >> RATE_SHIFT) + ((rate_q58 & ((UINT64_C(1) << RATE_SHIFT) - 1)) != 0);

	*rate = (uint32_t)up;
	return up <= UINT32_MAX;
}

/* Ticks in units of 2^16, rounded down: a shorter life is the safe side. */
static uint32_t age_units_floor(uint64_t ticks)
{
	uint64_t units = ticks >> CLOCKBOUND_AGE_SHIFT;

	return units > UINT32_MAX ? UINT32_MAX : (uint32_t)units;
}

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The hot line's lines and ages; they stay 0, which is void, if there are none or they do not fit. */
static void make_lines(struct clockbound_hot *hot, const struct cbd_publication *publication)
{
	const struct cbd_lines *lines = &publication->lines;
	uint64_t short_ticks;
	uint32_t latest_rate;

	if (!publication->has_lines || !rate_ceil(lines->latest_rate, &latest_rate) ||
	    lines->latest_ns == INT64_MAX || lines->earliest_ns > lines->latest_ns ||
	    lines->earliest_rate > lines->latest_rate) {
		return;
	}
	hot->base = lines->base;
	hot->earliest_ns = lines->earliest_ns;
	hot->latest_ns = lines->latest_ns + 1; /* so that readers round both products down */
	hot->earliest_rate = rate_floor(lines->earliest_rate);
	hot->latest_rate = latest_rate;
	hot->void_after = age_units_floor(publication->void_after_ticks);
	hot->stale_after = min_u32(age_units_floor(publication->stale_after_ticks), hot->void_after);
	/* From the units, not the ticks: the short read and the whole read call the same ages stale. */
	short_ticks = (uint64_t)hot->stale_after << CLOCKBOUND_AGE_SHIFT;
	hot->short_after = short_ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)short_ticks;
}

static void make_terms(struct clockbound_terms *terms, const struct cbd_publication *publication,
		       uint32_t rho_ppb)
{
	const struct cbd_terms *from = &publication->terms;

	terms->correction_ns = from->correction_ns;
	terms->sample_offset_ns = from->sample_offset_ns;
	terms->sample_error_ns = from->sample_error_ns;
	terms->sample_age_ns = from->sample_age_ns;
	terms->growth_ns = from->growth_ns;
	terms->slip_ns = from->slip_ns;
	terms->bracket_ns = from->bracket_ns;
	terms->off_line_ns = from->off_line_ns;
	terms->floor_ns = from->floor_ns;
	terms->phc_ns = from->phc_ns;
	terms->root_delay_ns = from->root_delay_ns;
	terms->root_dispersion_ns = from->root_dispersion_ns;
	terms->suspend_ns = publication->suspend_ns;
	terms->growth_ppb = from->growth_ppb;
	terms->rho_ppb = rho_ppb;
	terms->skew_ppb = from->skew_ppb;
	terms->frequency_ppb = from->frequency_ppb;
	terms->rule = from->rule;
	terms->reference_id = from->reference_id;
}

static void make_memory(struct clockbound_memory *memory, const struct cbd_memory *from)
{
	memory->steady_rate = from->steady_q58;
	memory->steady_counter = from->steady_counter;
	memory->calm_rate = from->calm_q58;
	memory->doubt_updates = from->doubt_updates;
	memory->owed_ns = from->owed_ns;
	memory->x_counter = from->x.counter;
	memory->x_ns = from->x.x_ns;
	memory->x_clock_ns = from->x.clock_ns;
	memory->x_rate = from->x.frequency_q58;
	memory->x_kernel_rate = from->x.kernel_rate_q58;
	memory->x_flags = (from->x.has_kernel_rate ? CLOCKBOUND_X_KERNEL_RATE : 0) |
			  (from->x.is_settled ? CLOCKBOUND_X_SETTLED : 0) |
			  (from->x.is_foreign ? CLOCKBOUND_X_FOREIGN : 0) |
			  (from->sample.is_credited ? CLOCKBOUND_X_CREDITED : 0) |
			  (from->course.is_known ? CLOCKBOUND_X_COURSE : 0) |
			  (from->sample.is_from_before ? CLOCKBOUND_X_BEFORE : 0);
	memory->event_counter = from->event_counter;
	memory->sample_id = from->sample.id;
	memory->sample_mark = from->sample.mark;
	memory->sample_offset = from->sample.offset_ns;
	memory->raw_ns = from->course.raw_ns;
	memory->clock_rate = from->course.rate_q58;
}

/* What a next daemon goes on with. */
static void read_memory(struct cbd_memory *memory, const struct clockbound_memory *from)
{
	memory->steady_q58 = from->steady_rate;
	memory->steady_counter = from->steady_counter;
	memory->calm_q58 = from->calm_rate;
	memory->doubt_updates = from->doubt_updates;
	memory->owed_ns = from->owed_ns;
	memory->x.counter = from->x_counter;
	memory->x.x_ns = from->x_ns;
	memory->x.clock_ns = from->x_clock_ns;
	memory->x.frequency_q58 = from->x_rate;
	memory->x.kernel_rate_q58 = from->x_kernel_rate;
	memory->x.has_kernel_rate = (from->x_flags & CLOCKBOUND_X_KERNEL_RATE) != 0;
	memory->x.is_settled = (from->x_flags & CLOCKBOUND_X_SETTLED) != 0;
	memory->x.is_foreign = (from->x_flags & CLOCKBOUND_X_FOREIGN) != 0;
	memory->sample.id = from->sample_id;
	memory->sample.mark = from->sample_mark;
	memory->sample.offset_ns = from->sample_offset;
	memory->sample.is_credited = (from->x_flags & CLOCKBOUND_X_CREDITED) != 0;
	memory->sample.is_from_before = (from->x_flags & CLOCKBOUND_X_BEFORE) != 0;
	memory->event_counter = from->event_counter;
	memory->course.raw_ns = from->raw_ns;
	memory->course.rate_q58 = from->clock_rate;
	memory->course.is_known = (from->x_flags & CLOCKBOUND_X_COURSE) != 0;
}

static void read_terms(struct cbd_terms *terms, const struct clockbound_terms *from)
{
	terms->correction_ns = from->correction_ns;
	terms->sample_offset_ns = from->sample_offset_ns;
	terms->sample_error_ns = from->sample_error_ns;
	terms->sample_age_ns = from->sample_age_ns;
	terms->growth_ns = from->growth_ns;
	terms->slip_ns = from->slip_ns;
	terms->bracket_ns = from->bracket_ns;
	terms->off_line_ns = from->off_line_ns;
	terms->floor_ns = from->floor_ns;
	terms->phc_ns = from->phc_ns;
	terms->root_delay_ns = from->root_delay_ns;
	terms->root_dispersion_ns = from->root_dispersion_ns;
	terms->growth_ppb = from->growth_ppb;
	terms->skew_ppb = from->skew_ppb;
	terms->frequency_ppb = from->frequency_ppb;
	terms->rule = from->rule;
	terms->reference_id = from->reference_id;
}

void cbd_page_words_make(struct cbd_page_slot *slot, const struct cbd_publication *publication,
			 uint32_t rho_ppb)
{
	memset(slot, 0, sizeof(*slot));
	make_lines(&slot->hot, publication);
	slot->hot.status = publication->status;
	slot->hot.counter_epoch = publication->counter_epoch;
	slot->hot.vm_marker = publication->vm_marker;
	slot->hot.vm_flags = publication->vm_flags;
	slot->clock.as_of_mono_ns = publication->as_of_mono_ns;
	slot->clock.as_of_real_ns = publication->as_of_real_ns;
	slot->clock.stale_after_mono_ns = publication->stale_after_mono_ns;
	slot->clock.void_after_mono_ns = publication->void_after_mono_ns;
	slot->clock.bound_ns = publication->bound_ns;
	slot->clock.drift_ppb = publication->drift_ppb;
	slot->clock.status = publication->clock_status;
	slot->clock.clock_epoch = publication->clock_epoch;
	slot->clock.rate_epoch = publication->rate_epoch;
	slot->clock.rate_sum = publication->rate_sum;
	make_terms(&slot->terms, publication, rho_ppb);
	make_memory(&slot->memory, &publication->memory);
	slot->leap_ns = publication->memory.leap_ns;
}

static bool is_well_formed(const struct clockbound_hot *hot)
{
	return (hot->status & CLOCKBOUND_VALID) != 0 && hot->void_after != 0 &&
	       hot->stale_after <= hot->void_after && hot->earliest_ns < hot->latest_ns &&
	       hot->latest_rate != 0 && hot->earliest_rate <= hot->latest_rate;
}

void cbd_page_words_read(struct cbd_inheritance *inheritance, const struct cbd_page_slot *slot)
{
	const struct clockbound_hot *hot = &slot->hot;

	memset(inheritance, 0, sizeof(*inheritance));
	inheritance->void_after_mono_ns = slot->clock.void_after_mono_ns;
	inheritance->suspend_ns = slot->terms.suspend_ns;
	inheritance->as_of_real_ns = slot->clock.as_of_real_ns;
	inheritance->status = hot->status;
	inheritance->clock_status = slot->clock.status;
	inheritance->vm_marker = hot->vm_marker;
	inheritance->vm_flags = hot->vm_flags;
	read_terms(&inheritance->terms, &slot->terms);
	read_memory(&inheritance->memory, &slot->memory);
	inheritance->memory.course.real_ns = slot->clock.as_of_real_ns;
	inheritance->memory.leap_ns = slot->leap_ns;
	inheritance->has_lines = is_well_formed(hot);
	if (inheritance->has_lines) {
		inheritance->lines.base = hot->base;
		inheritance->lines.earliest_ns = hot->earliest_ns;
		inheritance->lines.latest_ns = hot->latest_ns - 1; /* what make_lines() added */
		inheritance->lines.earliest_rate = (uint64_t)hot->earliest_rate << RATE_SHIFT;
		inheritance->lines.latest_rate = (uint64_t)hot->latest_rate << RATE_SHIFT;
		inheritance->void_after_ticks = (uint64_t)hot->void_after << CLOCKBOUND_AGE_SHIFT;
	}
}

void cbd_page_words_void(struct cbd_page_slot *slot, const struct clockbound_epochs *epochs, uint32_t status)
{
	memset(slot, 0, sizeof(*slot));
	slot->hot.status = status;
	slot->hot.counter_epoch = epochs->counter_epoch;
	slot->clock.drift_ppb = DRIFT_NO_END;
	slot->clock.status = status;
	slot->clock.clock_epoch = epochs->clock_epoch;
	slot->clock.rate_epoch = epochs->rate_epoch;
}
