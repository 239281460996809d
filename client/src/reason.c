/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and texts of status and reasons, for people: each text says what it means and what to do. Static.
 */
#include "client/src/context.h"

struct reason {
	uint32_t bit;
	const char *name;
	const char *text;
};

static const struct reason reasons[] = {
	{CLOCKBOUND_REASON_NOT_SYNCED_YET, "NOT_SYNCED_YET",
	 "chronyd has not synchronised since the daemon started; wait, or see `chronyc tracking`"},
	{CLOCKBOUND_REASON_LOCAL_MODE, "LOCAL_MODE",
	 "chronyd serves its own clock, which nothing bounds; give chronyd a reachable source, or in a test "
	 "set-up "
	 "start the daemon with --allow-local"},
	{CLOCKBOUND_REASON_CHRONY_UNREACHABLE, "CHRONY_UNREACHABLE",
	 "chronyd does not answer; check that it runs and that the daemon may use its socket"},
	{CLOCKBOUND_REASON_CHRONY_STALE, "CHRONY_STALE",
	 "chronyd answers from old measurements; see `chronyc sources` for the sources it lost"},
	{CLOCKBOUND_REASON_UNSYNCHRONISED, "UNSYNCHRONISED",
	 "chronyd lost its synchronisation; see `chronyc sources` for the sources it lost"},
	{CLOCKBOUND_REASON_STEP, "STEP",
	 "the clock was stepped and not measured since; find who sets it, and wait for chronyd's next "
	 "measurement"},
	{CLOCKBOUND_REASON_SURPRISE, "SURPRISE",
	 "the clock left the course that chronyd gave it; find what else steers it, such as another time "
	 "service"},
	{CLOCKBOUND_REASON_INCONSISTENT, "INCONSISTENT",
	 "two measurements exclude each other, or the page changes too fast to be read; the daemon's log has "
	 "both: "
	 "check the sources for one that is wrong"},
	{CLOCKBOUND_REASON_PHC_FAILED, "PHC_FAILED",
	 "the PTP hardware clock cannot be read or trusted; check the device and the daemon's permission to "
	 "use it"},
	{CLOCKBOUND_REASON_COUNTER_LOST, "COUNTER_LOST",
	 "the hardware counter is unusable, CLOCK_REALTIME serves instead; check the kernel's "
	 "current_clocksource"},
	{CLOCKBOUND_REASON_MIGRATED, "MIGRATED",
	 "the virtual machine was moved or restored and not measured since; wait for chronyd's next "
	 "measurement"},
	{CLOCKBOUND_REASON_LEAP, "LEAP",
	 "a leap second was due and nothing was measured since; wait for chronyd's next measurement"},
	{CLOCKBOUND_REASON_EXPIRED, "EXPIRED",
	 "nothing was published for so long that the bound is void; check that the daemon runs"},
	{CLOCKBOUND_REASON_DAEMON_STALE, "DAEMON_STALE",
	 "the daemon has published nothing for longer than it promised; check that it runs"},
	{CLOCKBOUND_REASON_RETIRED, "RETIRED",
	 "another page has taken this one's place; close this one and open again"},
	{CLOCKBOUND_REASON_FALLBACK, "FALLBACK",
	 "chronyd does not say how its sources measure, so the bound rests on its own estimate, which is no "
	 "guarantee; give the daemon access to chronyd's Unix socket"},
	{CLOCKBOUND_REASON_SLIP, "SLIP",
	 "the clock moved while chronyd answered, and the sample was thrown away; the next poll repeats it"},
	{CLOCKBOUND_REASON_TOO_WIDE, "TOO_WIDE",
	 "the interval is wider than the cap that the caller gave; raise the cap, or improve chronyd's "
	 "sources"},
	{CLOCKBOUND_REASON_OUT_OF_RANGE, "OUT_OF_RANGE",
	 "the instant asked for is too far from the page's own; ask sooner after it, or within the page's "
	 "life"},
	{CLOCKBOUND_REASON_FORCED, "FORCED",
	 "a person forced this status with SIGUSR1; SIGUSR2 to the daemon ends it"},
	{CLOCKBOUND_REASON_INJECTED, "INJECTED",
	 "what is published is a test's, made with `cbctl inject`; it ends by itself, or with `cbctl inject "
	 "off`"},
	{CLOCKBOUND_REASON_UNWATCHED, "UNWATCHED",
	 "a strict read was asked for, and the daemon watches no VMClock; read laxly, or start the daemon "
	 "with "
	 "--vmclock"},
};

static const struct reason *find(uint32_t bit)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].bit == bit) {
			return &reasons[i];
		}
	}
	return NULL;
}

const char *clockbound_reason_name(uint32_t reason)
{
	const struct reason *found = find(reason);

	return found != NULL ? found->name : "";
}

const char *clockbound_reason_text(uint32_t reason)
{
	const struct reason *found = find(reason);

	return found != NULL ? found->text : "";
}

const char *clockbound_status_name(uint32_t status)
{
	static const char *const names[] = {"UNKNOWN", "SYNCHRONIZED", "FREE_RUNNING", "DISRUPTED"};
	uint32_t value = CLOCKBOUND_STATUS_OF(status);

	return value < sizeof(names) / sizeof(names[0]) ? names[value] : "UNKNOWN";
}
