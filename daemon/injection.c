/* SPDX-License-Identifier: Apache-2.0 */
/* See injection.h. */
#include "daemon/injection.h"

#include <clockbound/control.h>

static const char *const names[] = {
	[CLOCKBOUND_INJECT_OFF] = "off",
	[CLOCKBOUND_INJECT_UNKNOWN] = "unknown",
	[CLOCKBOUND_INJECT_SYNCHRONIZED] = "synchronized",
	[CLOCKBOUND_INJECT_FREE_RUNNING] = "free-running",
	[CLOCKBOUND_INJECT_DISRUPTED] = "disrupted",
	[CLOCKBOUND_INJECT_STEP] = "step",
	[CLOCKBOUND_INJECT_STALL] = "stall",
	[CLOCKBOUND_INJECT_EXPIRY] = "expiry",
	[CLOCKBOUND_INJECT_TORN] = "torn",
};

const char *cbd_injection_name(uint32_t kind)
{
	return kind <= CLOCKBOUND_INJECT_LAST ? names[kind] : "";
}

/* Both status words, and upstream's, become @status without a valid bound. */
static void withdraw(struct cbd_publication *out, uint32_t status, uint32_t reason)
{
	out->status = status | CLOCKBOUND_REASONS_OF(out->status) | reason;
	out->clock_status = status | CLOCKBOUND_REASONS_OF(out->clock_status) | reason;
	out->segment.status = (int32_t)status;
}

/* What is valid becomes @status; what is not stays as it is. */
static void rename_valid(struct cbd_publication *out, uint32_t status)
{
	if ((out->status & CLOCKBOUND_VALID) != 0) {
		out->status = (out->status & ~CLOCKBOUND_STATUS_MASK) | status;
	}
	if ((out->clock_status & CLOCKBOUND_VALID) != 0) {
		out->clock_status = (out->clock_status & ~CLOCKBOUND_STATUS_MASK) | status;
	}
	if (out->segment.status == (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED ||
	    out->segment.status == (int32_t)CLOCKBOUND_STATUS_FREE_RUNNING) {
		out->segment.status = (int32_t)status;
	}
}

/* As the core publishes a stranger's step: the lines hold, whoever reads CLOCK_REALTIME must not. */
static void step(struct cbd_publication *out)
{
	rename_valid(out, CLOCKBOUND_STATUS_FREE_RUNNING);
	out->status |= CLOCKBOUND_REASON_STEP;
	out->clock_status = CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASONS_OF(out->clock_status) |
			    CLOCKBOUND_REASON_STEP;
	out->segment.status = (int32_t)CLOCKBOUND_STATUS_DISRUPTED;
}

static void expire(struct cbd_publication *out)
{
	withdraw(out, CLOCKBOUND_STATUS_UNKNOWN, CLOCKBOUND_REASON_EXPIRED);
	out->has_lines = false;
	out->void_after_ticks = 0;
	out->stale_after_ticks = 0;
	out->void_after_mono_ns = out->as_of_mono_ns;
	out->segment.void_after_ns = out->segment.as_of_ns;
}

void cbd_injection_apply(uint32_t kind, struct cbd_publication *out)
{
	switch (kind) {
	case CLOCKBOUND_INJECT_OFF:
		return;
	case CLOCKBOUND_INJECT_UNKNOWN:
		withdraw(out, CLOCKBOUND_STATUS_UNKNOWN, 0);
		break;
	case CLOCKBOUND_INJECT_SYNCHRONIZED:
		rename_valid(out, CLOCKBOUND_STATUS_SYNCHRONIZED);
		break;
	case CLOCKBOUND_INJECT_FREE_RUNNING:
		rename_valid(out, CLOCKBOUND_STATUS_FREE_RUNNING);
		break;
	case CLOCKBOUND_INJECT_DISRUPTED:
		withdraw(out, CLOCKBOUND_STATUS_DISRUPTED, 0);
		break;
	case CLOCKBOUND_INJECT_STEP:
		step(out);
		break;
	case CLOCKBOUND_INJECT_EXPIRY:
		expire(out);
		break;
	default:
		break;
	}
	out->status |= CLOCKBOUND_REASON_INJECTED;
	out->clock_status |= CLOCKBOUND_REASON_INJECTED;
}

bool cbd_injection_holds(uint32_t kind)
{
	return kind == CLOCKBOUND_INJECT_STALL || kind == CLOCKBOUND_INJECT_TORN;
}
