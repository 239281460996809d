/* SPDX-License-Identifier: Apache-2.0 */
/* See home.h. */
#include "daemon/probe/home.h"

#include <string.h>

#include <clockbound/seq.h>

#include "daemon/core/core.h"
#include "daemon/log.h"

/* A change that is in flight is over after less than a microsecond, unless its caller lost the processor. */
#define WAIT_NS INT64_C(50000)
/* A caller that has not returned after so long is not waited for: its return marks the page once more. */
#define IN_FLIGHT_NS INT64_C(1000000000)

const struct clockbound_kernel_page *cbd_home_page(const struct cbd_probe *probe)
{
	return probe->bpf == NULL || probe->is_home_lost ? NULL : cbd_bpf_page(probe->bpf);
}

bool cbd_home_is_settled(const struct clockbound_kernel_page *page)
{
	return page == NULL || clockbound_priv_kernel_load(&page->in_flight) == 0;
}

/* The kernel's rate where programs see every change of it, or that they have seen somebody ask for a slew. */
static void read_rate(struct cbd_probe *probe, const struct clockbound_kernel_page *page,
		      struct cbd_epochs *epochs)
{
	uint64_t asked_ns = clockbound_priv_kernel_load(&page->slew_ns);
	bool is_new = asked_ns != probe->slew_asked_ns;

	probe->slew_asked_ns = asked_ns;
	epochs->has_kernel_rate =
		probe->rung == CBD_PROBE_FENTRY && clockbound_priv_kernel_load(&page->is_seeded) != 0;
	epochs->kernel_rate_q58 =
		(int64_t)clockbound_priv_kernel_load((const uint64_t *)&page->last_rate_q58);
	epochs->may_slew = cbd_slew_look(&probe->slew, is_new, cbd_clock_mono_ns(probe->clock));
}

/* The epochs, then whether all that they count has happened: in this order. See bpf/page.bpf.h. */
static bool read_settled(struct cbd_probe *probe, const struct clockbound_kernel_page *page,
			 struct cbd_epochs *epochs)
{
	epochs->has_kernel = true;
	epochs->counter = clockbound_priv_kernel_epoch(&page->epochs.counter_epoch);
	epochs->clock = clockbound_priv_kernel_epoch(&page->epochs.clock_epoch);
	epochs->rate = clockbound_priv_kernel_epoch(&page->epochs.rate_epoch);
	epochs->rate_sum = clockbound_priv_kernel_load(&page->rate_sum);
	read_rate(probe, page, epochs);
	return cbd_home_is_settled(page);
}

void cbd_home_begin(struct cbd_probe *probe)
{
	const struct clockbound_kernel_page *page = cbd_home_page(probe);

	if (page != NULL) {
		read_settled(probe, page, &probe->settled);
	}
}

/* The clock's number is one further than what the page file's slots become: nobody knows what the programs have marked
 * since the last anchor. */
void cbd_home_lose(struct cbd_probe *probe)
{
	cbd_log(CBD_LOG_WARNING, "kernel_page_lost",
		"the kernel page cannot be written any more: the page file's epochs serve");
	cbd_probe_current(probe, &probe->left);
	probe->own = probe->left;
	probe->own.counter_epoch += 0x10000;
	probe->own.clock_epoch += 0x100000;
	probe->own.rate_epoch += 0x100000;
	probe->home = probe->own;
	probe->own.clock_epoch++;
	probe->is_home_lost = true;
	probe->wants_poll = true;
}

/*
 * A caller that does not come back: its mark stands, and a further one makes sure. What is anchored now has old
 * numbers still, so the next poll is not to wait. True if there is nothing to wait for.
 */
static bool give_up_waiting(struct cbd_probe *probe, const struct clockbound_kernel_page *page,
			    int64_t now_ns)
{
	if (now_ns - (int64_t)clockbound_priv_kernel_load(&page->in_flight_ns) < IN_FLIGHT_NS) {
		return false;
	}
	/* In the middle of an anchor nothing is renumbered: that is for after the poll. */
	probe->is_unwritable = cbd_bpf_control(probe->bpf, CB_CONTROL_LAND | CB_CONTROL_BUMP_CLOCK) != 0;
	probe->wants_poll = true;
	return true;
}

static void own_epochs(const struct cbd_probe *probe, struct cbd_epochs *epochs)
{
	*epochs = (struct cbd_epochs){
		.has_kernel = true,
		.counter = probe->own.counter_epoch,
		.clock = probe->own.clock_epoch,
		.rate = probe->own.rate_epoch,
	};
}

void cbd_probe_epochs(void *context, struct cbd_epochs *epochs)
{
	struct cbd_probe *probe = context;
	const struct clockbound_kernel_page *page = cbd_home_page(probe);
	int64_t end_ns = cbd_clock_mono_ns(probe->clock) + WAIT_NS;
	struct cbd_epochs now = {.has_kernel = true};
	bool is_settled;

	if (page == NULL) {
		own_epochs(probe, epochs);
		return;
	}
	do {
		int64_t now_ns = cbd_clock_mono_ns(probe->clock);

		is_settled = read_settled(probe, page, &now);
		if (!is_settled && (give_up_waiting(probe, page, now_ns) || now_ns >= end_ns)) {
			break;
		}
	} while (!is_settled);
	if (is_settled) {
		probe->settled = now;
	}
	/* The counter does not wait: what is in flight moves no counter. */
	*epochs = probe->settled;
	epochs->counter = now.counter;
}

void cbd_probe_current(const struct cbd_probe *probe, struct clockbound_epochs *epochs)
{
	const struct clockbound_kernel_page *page = cbd_home_page(probe);

	memset(epochs, 0, sizeof(*epochs));
	if (page == NULL) {
		*epochs = probe->own;
		return;
	}
	epochs->counter_epoch = clockbound_priv_kernel_epoch(&page->epochs.counter_epoch);
	epochs->clock_epoch = clockbound_priv_kernel_epoch(&page->epochs.clock_epoch);
	epochs->rate_epoch = clockbound_priv_kernel_epoch(&page->epochs.rate_epoch);
}

void cbd_probe_bump(struct cbd_probe *probe, uint32_t requests)
{
	uint64_t what = ((requests & CBD_REQUEST_BUMP_EPOCH) != 0 ? CB_CONTROL_BUMP_CLOCK : 0) |
			((requests & CBD_REQUEST_BUMP_COUNTER) != 0 ? CB_CONTROL_BUMP_COUNTER : 0) |
			((requests & CBD_REQUEST_BUMP_RATE) != 0 ? CB_CONTROL_BUMP_RATE : 0);

	if (what == 0) {
		return;
	}
	if (cbd_home_page(probe) != NULL) {
		if (cbd_bpf_control(probe->bpf, what) == 0) {
			return;
		}
		cbd_home_lose(probe);
	}
	probe->own.clock_epoch += (what & CB_CONTROL_BUMP_CLOCK) != 0;
	probe->own.counter_epoch += (what & CB_CONTROL_BUMP_COUNTER) != 0;
	probe->own.rate_epoch += (what & CB_CONTROL_BUMP_RATE) != 0;
}
