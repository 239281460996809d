/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commit wait: until true time is certainly past an instant. Sleeps while that is far, spins at the end; never
 * answers "past" without an interval that proves it.
 */
#include "client/src/clocks.h"
#include "client/src/context.h"

/* The kernel wakes a sleeper up to its timer slack (50 us) and a scheduling latency late: the last stretch is
 * spun. Half would often wake too late; double would only burn more. */
#define SPIN_NS INT64_C(100000)
/* Longest sleep at once: a page that becomes invalid, or narrower, is noticed within this. */
#define NAP_NS_MAX INT64_C(50000000)

/* Tells the processor that this is a spin. */
static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

/* How long to sleep towards an instant @left_ns away; 0: spin. */
static int64_t nap_ns(int64_t left_ns)
{
	int64_t ns = clockbound_priv_sub_sat(left_ns, SPIN_NS);

	if (ns <= 0) {
		return 0;
	}
	return ns < NAP_NS_MAX ? ns : NAP_NS_MAX;
}

int clockbound_wait_until_past(const clockbound_fast *fast, int64_t t_ns, int64_t timeout_ns,
			       clockbound_interval *out)
{
	clockbound_interval interval;
	int64_t deadline_ns = INT64_MAX;
	bool is_started = false;
	int64_t until_ns;
	int64_t mono_ns;

	if (out == NULL) {
		out = &interval;
	}
	for (;;) {
		if (fast->vm_marker != NULL) {
			clockbound_interval_now_strict(fast, out);
		} else {
			clockbound_interval_now(fast, out);
		}
		if (!clockbound_is_valid(out)) {
			return CLOCKBOUND_WAIT_NOT_VALID;
		}
		if (out->earliest_ns > t_ns) {
			return CLOCKBOUND_WAIT_PAST;
		}
		if (!clockbound_priv_clock_read(CLOCK_MONOTONIC, &mono_ns)) {
			return CLOCKBOUND_WAIT_TIMEOUT; /* cannot tell how long this takes: do not hang */
		}
		if (!is_started) {
			is_started = true;
			deadline_ns =
				timeout_ns < 0 ? INT64_MAX : clockbound_priv_add_sat(mono_ns, timeout_ns);
		}
		if (mono_ns >= deadline_ns) {
			return CLOCKBOUND_WAIT_TIMEOUT;
		}
		until_ns = nap_ns(clockbound_priv_sub_sat(t_ns, out->earliest_ns));
		if (until_ns == 0) {
			relax();
			continue;
		}
		until_ns = clockbound_priv_add_sat(mono_ns, until_ns);
		clockbound_priv_sleep_until(until_ns < deadline_ns ? until_ns : deadline_ns);
	}
}
