/* SPDX-License-Identifier: Apache-2.0 */
/* See size.h. */
#include "daemon/probe/size.h"

#include "daemon/probe/home.h"

/* The programs' clock is CLOCK_MONOTONIC by a copy that may lag the reader's; and halves are cut. */
#define PROGRAM_OFF_NS 100

/* What the clocks show is @event's doing: everything that was marked has happened, and nothing after it was marked. */
static bool is_latest(const struct cbd_probe *probe, const struct clockbound_event *event)
{
	struct clockbound_epochs now;

	cbd_probe_current(probe, &now);
	return now.clock_epoch == event->clock_epoch && cbd_home_is_settled(cbd_home_page(probe));
}

/* Nothing has moved the clock: neither did a call that did not even ask for it, as far as is known. */
static bool is_unmoved(const struct cbd_probe *probe, const struct clockbound_event *event, int64_t step_ns,
		       int64_t half_ns)
{
	int64_t moved_ns = step_ns - probe->step_ns;
	int64_t slack_ns = half_ns + probe->step_half_ns;

	return !cbd_events_is_asked_for(event) && probe->has_step && moved_ns <= slack_ns &&
	       moved_ns >= -slack_ns;
}

/* The difference between both clocks after @event; false: nobody can tell. */
static bool after(const struct cbd_probe *probe, const struct clockbound_event *event, uint32_t took_ns,
		  int64_t *step_ns, int64_t *half_ns)
{
	if (cbd_clock_step(probe->clock, step_ns, half_ns) &&
	    (is_latest(probe, event) || is_unmoved(probe, event, *step_ns, *half_ns))) {
		return true;
	}
	if (event->call != CLOCKBOUND_CALL_SETTIME || event->value == 0 || took_ns == 0 ||
	    took_ns == UINT32_MAX) {
		return false;
	}
	/* It was set at some instant of the call. */
	*half_ns = took_ns / 2 + PROGRAM_OFF_NS;
	*step_ns = event->value - (int64_t)event->mono_ns - took_ns / 2;
	return true;
}

void cbd_size_measure(struct cbd_probe *probe, struct clockbound_event *event, uint32_t took_ns)
{
	int64_t step_ns;
	int64_t half_ns;
	bool had_step = probe->has_step;

	probe->has_step = after(probe, event, took_ns, &step_ns, &half_ns);
	if (!probe->has_step) {
		return;
	}
	if (had_step) {
		event->step_ns = step_ns - probe->step_ns;
		event->uncertainty_ns = (uint32_t)(half_ns + probe->step_half_ns);
	}
	probe->step_ns = step_ns;
	probe->step_half_ns = half_ns;
}

void cbd_size_go_along(struct cbd_probe *probe, int64_t step_ns)
{
	if (probe->rung == CBD_PROBE_TRACEPOINT) {
		probe->step_ns += step_ns; /* a later record of the same batch may need what comes after */
	} else {
		probe->has_step = cbd_clock_step(probe->clock, &probe->step_ns, &probe->step_half_ns);
	}
}
