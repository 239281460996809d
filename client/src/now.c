/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clockbound_now(): upstream's call, on a page by the inline read, on a segment by upstream's rules. Takes no
 * lock and makes no system call but the vDSO's clock_gettime, or those of the slow path; its errors are constants.
 */
#include "client/src/clocks.h"
#include "client/src/context.h"

#define NS_PER_SEC CLOCKBOUND_PRIV_NS_PER_SEC

/* How far the monotonic clock may lie before as-of and still count as age 0; upstream's code says 1000 ns. */
#define CAUSALITY_GRACE_NS 1000

/* A time before 1970, as a page that is not valid may give: seconds rounded down. Out of line, it is rare. */
static __attribute__((noinline, cold)) struct timespec split_any(int64_t ns)
{
	int64_t sec = ns / NS_PER_SEC;
	int64_t nsec = ns % NS_PER_SEC;

	if (nsec < 0) {
		sec -= 1;
		nsec += NS_PER_SEC;
	}
	return (struct timespec){.tv_sec = (time_t)sec, .tv_nsec = (long)nsec};
}

/* Both ends as timespecs. Most intervals are narrower than a second: then one division serves both. */
static inline void split(const clockbound_interval *interval, clockbound_now_result *result)
{
	uint64_t width = (uint64_t)interval->latest_ns - (uint64_t)interval->earliest_ns;
	uint64_t sec;
	uint64_t nsec;

	if (__builtin_expect(interval->earliest_ns < 0 || width >= (uint64_t)NS_PER_SEC, 0)) {
		result->earliest = split_any(interval->earliest_ns);
		result->latest = split_any(interval->latest_ns);
		return;
	}
	sec = (uint64_t)interval->earliest_ns / (uint64_t)NS_PER_SEC;
	nsec = (uint64_t)interval->earliest_ns % (uint64_t)NS_PER_SEC;
	result->earliest.tv_sec = (time_t)sec;
	result->earliest.tv_nsec = (long)nsec;
	nsec += width;
	if (nsec >= (uint64_t)NS_PER_SEC) {
		nsec -= (uint64_t)NS_PER_SEC;
		sec += 1;
	}
	result->latest.tv_sec = (time_t)sec;
	result->latest.tv_nsec = (long)nsec;
}

/* A page's status word in upstream's words: what is not valid is unknown, or known to be disrupted. */
static inline clockbound_clock_status page_status(uint32_t status)
{
	uint32_t value = CLOCKBOUND_STATUS_OF(status);

	if (value == CLOCKBOUND_STATUS_DISRUPTED) {
		return CLOCKBOUND_STA_DISRUPTED;
	}
	if ((status & CLOCKBOUND_VALID) == 0 || value > CLOCKBOUND_STATUS_DISRUPTED) {
		return CLOCKBOUND_STA_UNKNOWN;
	}
	return (clockbound_clock_status)value;
}

/* A segment's timespec in ns; one outside int64_t saturates, which leaves its order as it is. */
static int64_t segment_ns(int64_t sec, int64_t nsec)
{
	int64_t ns;

	if (__builtin_mul_overflow(sec, NS_PER_SEC, &ns)) {
		return sec < 0 ? INT64_MIN : INT64_MAX;
	}
	return clockbound_priv_add_sat(ns, nsec);
}

static const clockbound_err *segment_check(const struct clockbound_priv_segment *segment)
{
	if (segment->max_drift_ppb >= CLOCKBOUND_SHM_DRIFT_PPB_MAX) {
		return &clockbound_priv_err_drift;
	}
	if (segment->bound_nsec < 0) {
		return &clockbound_priv_err_bound;
	}
	if (segment->as_of_nsec < 0 || segment->as_of_nsec >= NS_PER_SEC || segment->void_after_nsec < 0 ||
	    segment->void_after_nsec >= NS_PER_SEC) {
		return &clockbound_priv_err_timespec;
	}
	if (segment->clock_status < CLOCKBOUND_STA_UNKNOWN ||
	    segment->clock_status > CLOCKBOUND_STA_DISRUPTED) {
		return &clockbound_priv_err_status;
	}
	return NULL;
}

/* Upstream's status of a snapshot of @age_ns, @mono_ns being now. */
static clockbound_clock_status segment_status(const struct clockbound_priv_segment *segment, int64_t age_ns,
					      int64_t mono_ns)
{
	clockbound_clock_status status = (clockbound_clock_status)segment->clock_status;

	if (status == CLOCKBOUND_STA_UNKNOWN || status == CLOCKBOUND_STA_DISRUPTED ||
	    age_ns < CLOCKBOUND_SHM_GRACE_SEC * NS_PER_SEC) {
		return status;
	}
	return mono_ns < segment_ns(segment->void_after_sec, segment->void_after_nsec)
		       ? CLOCKBOUND_STA_FREE_RUNNING
		       : CLOCKBOUND_STA_UNKNOWN;
}

/* The segment says that VMClock counts: a marker that differs, or that cannot be seen, withdraws the promise. */
static bool is_marker_stale(clockbound_ctx *ctx, const struct clockbound_priv_segment *segment)
{
	if (segment->disruption_support == 0) {
		return false;
	}
	return !clockbound_priv_watch(ctx) ||
	       clockbound_priv_vm_marker(clockbound_priv_vm_place(&ctx->fast)) != segment->disruption_marker;
}

/* Snapshot, CLOCK_REALTIME, then the monotonic clock: a thread that is preempted between them sees too great an
 * age, hence too wide an interval, never too narrow a one. */
static const clockbound_err *segment_now(clockbound_ctx *ctx, clockbound_now_result *result)
{
	struct clockbound_priv_segment segment;
	const clockbound_err *malformed;
	clockbound_interval interval;
	int64_t real_ns;
	int64_t mono_ns;
	int64_t age_ns;
	int64_t bound_ns;

	if (!clockbound_priv_snapshot_take(&ctx->file, &ctx->cache, &segment)) {
		return &clockbound_priv_err_never_written;
	}
	malformed = segment_check(&segment);
	if (malformed != NULL) {
		return malformed;
	}
	if (!clockbound_priv_clock_read(CLOCK_REALTIME, &real_ns) ||
	    !clockbound_priv_clock_read(CLOCK_MONOTONIC_COARSE, &mono_ns)) {
		return &clockbound_priv_err_clock;
	}
	age_ns = clockbound_priv_sub_sat(mono_ns, segment_ns(segment.as_of_sec, segment.as_of_nsec));
	if (age_ns < -CAUSALITY_GRACE_NS) {
		return &clockbound_priv_err_causality;
	}
	age_ns = age_ns < 0 ? 0 : age_ns;
	bound_ns = clockbound_priv_add_sat(segment.bound_nsec,
					   clockbound_priv_growth_ns(age_ns, segment.max_drift_ppb));
	interval.earliest_ns = clockbound_priv_sub_sat(real_ns, bound_ns);
	interval.latest_ns = clockbound_priv_add_sat(real_ns, bound_ns);
	split(&interval, result);
	result->clock_status = is_marker_stale(ctx, &segment) ? CLOCKBOUND_STA_UNKNOWN
							      : segment_status(&segment, age_ns, mono_ns);
	return NULL;
}

const clockbound_err *clockbound_now(clockbound_ctx *ctx, clockbound_now_result *result)
{
	clockbound_interval interval;

	if (__builtin_expect(ctx->fast.page == NULL, 0)) {
		return segment_now(ctx, result);
	}
	if (__builtin_expect(clockbound_priv_read_short(&ctx->fast, CLOCKBOUND_PRIV_CONTEXT, &interval) !=
				     CLOCKBOUND_FAST_OK,
			     0)) {
		clockbound_priv_context_slow(ctx, &interval);
	}
	split(&interval, result);
	result->clock_status = page_status(interval.status);
	return NULL;
}
