/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd's own state: see chrony_state.h.
 */
#include "daemon/core/chrony_state.h"

#include <stddef.h>

#include <clockbound/types.h>

#include "daemon/core/q58.h"
#include "daemon/core/sample.h"

/* Local mode's reference id. */
#define REFERENCE_LOCAL 0x7f7f0101u
/* Upstream: stale is a reference older than this many update intervals ... */
#define STALE_INTERVALS 8
/* ... plus what ref_time and the interval are off by: moved back by up to 1 s, cut to seconds. */
#define STALE_GRACE_NS (2 * CBD_NS_PER_SEC)
/* After the first update there is no interval yet: the longest that chronyd polls by default. */
#define INTERVAL_DEFAULT_NS (1024 * CBD_NS_PER_SEC)
/* chronyd's own limit of a polling interval: 2^24 s. */
#define POLL_LOG2_MAX 24

static bool is_local_mode(const struct cbd_tracking *tracking)
{
	return tracking->reference_id == REFERENCE_LOCAL ||
	       (tracking->is_refclock && tracking->root_delay_ns == 0 && tracking->root_dispersion_ns == 0);
}

uint32_t cbd_chrony_state_reasons(const struct cbd_tracking *tracking, bool allow_local)
{
	if (tracking->leap_status == 3 || tracking->stratum == 0) {
		return CLOCKBOUND_REASON_UNSYNCHRONISED;
	}
	return is_local_mode(tracking) && !allow_local ? CLOCKBOUND_REASON_LOCAL_MODE : 0;
}

/* How often chronyd asks the source that it has selected; 0 if that is not known, or below a second. */
static int64_t selected_interval_ns(const struct cbd_poll *poll)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);

	if (selected == NULL || selected->poll_log2 < 0 || selected->poll_log2 > POLL_LOG2_MAX) {
		return 0;
	}
	return CBD_NS_PER_SEC << selected->poll_log2;
}

bool cbd_chrony_state_is_stale(const struct cbd_poll *poll)
{
	const struct cbd_tracking *tracking = &poll->tracking;
	int64_t x_ns = cbd_ns_add(poll->before.real.clock_ns, tracking->correction_ns);
	int64_t interval_ns =
		tracking->update_interval_ns > 0 ? tracking->update_interval_ns : INTERVAL_DEFAULT_NS;
	int64_t limit_ns;

	/* The last interval may be a burst's: a minute of false alarms after every start, without this. */
	interval_ns = cbd_ns_max(interval_ns, selected_interval_ns(poll));
	limit_ns = cbd_ns_min(interval_ns, INT64_MAX / (INT64_C(2) * STALE_INTERVALS)) * STALE_INTERVALS;
	return cbd_ns_sub(x_ns, tracking->ref_time_ns) > cbd_ns_add(limit_ns, STALE_GRACE_NS);
}
