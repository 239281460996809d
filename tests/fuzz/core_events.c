/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any sequence of polls, failures and losses of the counter, with any values that the decoder and the clocks can
 * deliver, as events of the core: no undefined behaviour, no overflow, no illegal status, and the ends in order,
 * in the core and in the words of the page.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <clockbound/shm.h>

#include "daemon/core/core.h"
#include "daemon/core/q58.h"
#include "daemon/publish/page_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of the input; reads zeros behind its end. */
struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;

	bytes = bytes < input->left ? bytes : input->left;
	memcpy(&value, input->data, bytes);
	input->data += bytes;
	input->left -= bytes;
	return value;
}

/* Mostly small, sometimes large, by the first byte; within +-2^@power. */
static int64_t take_signed(struct input *input, unsigned int power)
{
	uint64_t kind = take(input, 1);
	uint64_t value = take(input, 1 + (kind & 7));
	int64_t limited = (int64_t)(value & ((UINT64_C(1) << power) - 1));

	return (kind & 8) != 0 ? -limited : limited;
}

static int64_t take_positive(struct input *input, unsigned int power)
{
	int64_t value = take_signed(input, power);

	return value < 0 ? -value : value;
}

static void fill_bracket(struct input *input, struct cbd_bracket *bracket, uint64_t counter, int64_t clock_ns)
{
	bracket->counter = counter + (uint64_t)take_signed(input, 48);
	bracket->half_ticks = (uint64_t)take_positive(input, 40);
	bracket->clock_ns = cbd_ns_add(clock_ns, take_signed(input, 62));
}

/* Of the 32 that there are, few do anything, so that the seeds mean what they meant. */
static void fill_vm(struct cbd_vm *vm, uint64_t flags)
{
	vm->is_torn = flags == 9;
	if (flags == 10) {
		vm->marker++;
	} else if (flags == 11) {
		vm->generation++;
	} else if (flags == 12 || flags == 13) {
		vm->flags = flags == 12 ? CLOCKBOUND_VM_WATCHED : 0;
	}
}

/* The clocks @passed after the anchor before, more or less as they should be. */
static void fill_anchor(struct input *input, struct cbd_anchor *anchor)
{
	uint64_t passed = (uint64_t)take_positive(input, 40);
	uint64_t flags = take(input, 1);

	fill_bracket(input, &anchor->real, anchor->real.counter + passed,
		     anchor->real.clock_ns + (int64_t)passed);
	fill_bracket(input, &anchor->raw, anchor->raw.counter + passed,
		     anchor->raw.clock_ns + (int64_t)passed);
	anchor->real.clock_ns %= INT64_C(1) << 62;
	anchor->raw.clock_ns %= INT64_C(1) << 62;
	anchor->mono_ns = (anchor->mono_ns + (int64_t)passed) % (INT64_C(1) << 62);
	anchor->coarse_ns = anchor->mono_ns;
	anchor->step_ns = cbd_ns_add(anchor->step_ns, take_signed(input, 62)) % (INT64_C(1) << 62);
	anchor->suspend_ns = cbd_ns_add(anchor->suspend_ns, take_signed(input, 50)) % (INT64_C(1) << 62);
	anchor->step_half_ns = take_positive(input, 40);
	anchor->suspend_half_ns = take_positive(input, 40);
	anchor->kernel_rate_q58 = take_signed(input, 56);
	anchor->has_step = (flags & 1) != 0;
	anchor->has_suspend = (flags & 2) != 0;
	anchor->has_kernel_rate = (flags & 4) != 0;
	fill_vm(&anchor->vm, flags >> 3);
}

static void fill_tracking(struct input *input, struct cbd_tracking *tracking)
{
	tracking->reference_id = (uint32_t)take(input, 1) | 0x7f7f0100u;
	tracking->stratum = (uint16_t)(take(input, 1) % 17);
	tracking->leap_status = (uint16_t)(take(input, 1) % 4);
	tracking->ref_time_ns = take_positive(input, 62);
	tracking->correction_ns = take_signed(input, 62);
	tracking->correction_quantum_ns = take_positive(input, 40);
	tracking->root_delay_ns = take_positive(input, 34);
	tracking->root_dispersion_ns = take_positive(input, 63);
	tracking->frequency_q58 = take_signed(input, 57);
	tracking->skew_q58 = take_positive(input, 63);
	tracking->residual_q58 = take_positive(input, 63);
	tracking->update_interval_ns = take_signed(input, 62);
	tracking->is_refclock = take(input, 1) != 0;
}

static void fill_source(struct input *input, struct cbd_source_data *source)
{
	source->reference_id = (uint32_t)take(input, 1);
	source->state = (uint16_t)(take(input, 1) % 6);
	source->mode = (uint16_t)(take(input, 1) % 3);
	source->since_s = (uint32_t)take_signed(input, 32);
	source->offset_ns = take_signed(input, 62);
	source->offset_quantum_ns = take_positive(input, 40);
	source->error_ns = take_positive(input, 63);
	source->mark = take(input, 1);
}

static void check(bool is_so)
{
	if (!is_so) {
		abort();
	}
}

static void check_status(uint32_t status)
{
	uint32_t value = CLOCKBOUND_STATUS_OF(status);

	check((status & ~(CLOCKBOUND_STATUS_MASK | CLOCKBOUND_VALID | CLOCKBOUND_REASON_MASK)) == 0);
	check(value <= CLOCKBOUND_STATUS_DISRUPTED);
	check((status & CLOCKBOUND_VALID) == 0 || value == CLOCKBOUND_STATUS_SYNCHRONIZED ||
	      value == CLOCKBOUND_STATUS_FREE_RUNNING);
}

static void check_publication(const struct cbd_core *core)
{
	const struct cbd_publication *out = &core->out;
	struct cbd_page_slot slot;

	check_status(out->status);
	check_status(out->clock_status);
	check((out->status & (CLOCKBOUND_REASON_MIGRATED | CLOCKBOUND_REASON_FORCED)) == 0 ||
	      ((out->status | out->clock_status) & CLOCKBOUND_VALID) == 0);
	check(!core->is_forced || (out->status & CLOCKBOUND_VALID) == 0);
	check(out->bound_ns >= 0);
	check(out->segment.status >= 0 && out->segment.status <= (int32_t)CLOCKBOUND_STATUS_DISRUPTED);
	if (out->segment.status == (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED ||
	    out->segment.status == (int32_t)CLOCKBOUND_STATUS_FREE_RUNNING) {
		check((out->clock_status & CLOCKBOUND_VALID) != 0);
		check(out->segment.max_drift_ppb >= out->drift_ppb);
		check(out->segment.max_drift_ppb < CLOCKBOUND_SHM_DRIFT_PPB_MAX);
		check(out->segment.bound_ns >= 0);
	}
	if (out->has_lines) {
		check(out->lines.earliest_ns <= out->lines.latest_ns);
		check(out->lines.earliest_rate <= out->lines.latest_rate);
		check(out->stale_after_ticks <= out->void_after_ticks);
	}
	cbd_page_words_make(&slot, out, core->config.rho_ppb);
	check(slot.hot.stale_after <= slot.hot.void_after);
	check(slot.hot.void_after == 0 || slot.hot.earliest_ns < slot.hot.latest_ns);
	check(slot.hot.earliest_rate <= slot.hot.latest_rate);
}

static void start(struct input *input, struct cbd_core *core)
{
	const struct cbd_core_config config = {
		.rho_ppb = (uint32_t)take_positive(input, 32),
		.max_holdover_ns = take_positive(input, 50),
		.stale_after_ns = take_positive(input, 40),
		.coarse_ns = take_positive(input, 24),
		.allow_local = take(input, 1) % 2 != 0,
		.has_counter = take(input, 1) % 4 != 0,
		.has_phc = true,
		.combines_phc = take(input, 1) % 4 != 0,
		.phc_reference_id = (uint32_t)take(input, 1),
	};
	struct cbd_inheritance page = {
		.lines = {.base = take(input, 6), .earliest_ns = take_signed(input, 62)},
		.void_after_ticks = (uint64_t)take_positive(input, 48),
		.void_after_mono_ns = take_signed(input, 62),
		.suspend_ns = take_signed(input, 60),
		.has_lines = true,
	};

	page.memory.steady_counter = take(input, 6);
	page.memory.steady_q58 = take_signed(input, 57);
	page.memory.calm_q58 = take_signed(input, 57);
	page.memory.doubt_updates = (uint32_t)take(input, 1);
	page.memory.x = (struct cbd_track_past){
		.counter = take(input, 6),
		.clock_ns = take_signed(input, 62),
		.x_ns = take_signed(input, 62),
		.frequency_q58 = take_signed(input, 57),
		.kernel_rate_q58 = take_signed(input, 57),
	};
	page.memory.x.has_kernel_rate = page.memory.x.counter % 2 != 0;
	page.memory.x.is_settled = page.memory.x.counter % 3 == 0;
	page.memory.x.is_foreign = page.memory.x.counter % 5 == 0;
	page.memory.owed_ns = take_signed(input, 62);
	page.memory.leap_ns = page.memory.owed_ns % 3 == 0 ? page.memory.x.x_ns : 0;
	page.memory.sample = (struct cbd_account_sample){.id = take(input, 1),
							 .mark = take(input, 1),
							 .offset_ns = take_signed(input, 62),
							 .is_credited = take(input, 1) % 2 != 0};
	page.step_ns = take_signed(input, 61);
	page.status = (uint32_t)take(input, 4);
	cbd_core_init(core, &config);
	if (take(input, 1) % 2 != 0) {
		page.lines.latest_ns = cbd_ns_add(page.lines.earliest_ns, take_positive(input, 60));
		page.lines.earliest_rate = (uint64_t)take_positive(input, 63);
		page.lines.latest_rate = page.lines.earliest_rate + (uint64_t)take_positive(input, 60);
		cbd_core_inherit(core, &page);
	}
	check_publication(core);
}

/* A reading near the anchor, or anywhere. */
static void read_phc(struct input *input, struct cbd_core *core, const struct cbd_anchor *anchor)
{
	struct cbd_phc_reading reading = {
		.raw_ns = cbd_ns_add(anchor->raw.clock_ns, take_signed(input, 40)),
		.low_ns = cbd_ns_add(cbd_ns_sub(anchor->real.clock_ns, anchor->raw.clock_ns),
				     take_signed(input, 63)),
		.bound_ns = take_signed(input, 63),
		.worst_bound_ns = take_signed(input, 63),
		.widest_ns = take_signed(input, 63),
		.has_offset = take(input, 1) % 4 != 0,
		.has_bound = take(input, 1) % 4 != 0,
		.is_failed = take(input, 1) % 4 == 0,
	};

	reading.high_ns = cbd_ns_add(reading.low_ns, take_signed(input, 63));
	cbd_core_on_phc(core, &reading);
}

static void poll_once(struct input *input, struct cbd_core *core, struct cbd_anchor *anchor)
{
	struct cbd_poll poll = {.sources = (uint32_t)(take(input, 1) % 4)};
	uint32_t i;

	fill_anchor(input, anchor);
	poll.before = *anchor;
	fill_anchor(input, anchor);
	poll.after = *anchor;
	fill_tracking(input, &poll.tracking);
	poll.has_source_data = take(input, 1) % 4 != 0;
	poll.is_since_whole = take(input, 1) % 2 != 0;
	for (i = 0; i < poll.sources; i++) {
		fill_source(input, &poll.source[i]);
	}
	cbd_core_on_poll(core, &poll);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct cbd_anchor anchor = {0};
	struct cbd_core core;

	start(&input, &core);
	while (input.left != 0) {
		uint64_t what = take(&input, 1);

		if (what >= 0xfe) { /* a disruption by hand begins, or ends */
			fill_anchor(&input, &anchor);
			cbd_core_force(&core, what == 0xfe, &anchor);
			check_publication(&core);
			continue;
		}
		switch (what % 8) {
		case 0:
			fill_anchor(&input, &anchor);
			cbd_core_on_poll_failed(&core, CBD_POLL_UNREACHABLE, &anchor);
			break;
		case 1:
			fill_anchor(&input, &anchor);
			cbd_core_on_counter_lost(&core, take(&input, 1) % 2 != 0, &anchor);
			break;
		case 2:
			read_phc(&input, &core, &anchor);
			break;
		default:
			poll_once(&input, &core, &anchor);
			break;
		}
		(void)cbd_core_take_request(&core);
		check_publication(&core);
	}
	return 0;
}
