/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the kernel changes its clock: update_vsyscall() runs for every change, from any door, after all permission
 * checks and before any reader can see the new time. Its entry marks the page, its return sends the record. The
 * other functions are hooked only to say who it was.
 *
 * update_vsyscall() runs with interrupts off and the timekeeper locked, so the two programs on it never run twice
 * at a time. do_adjtimex() is entered before the permission check: by anybody, so nothing is marked there.
 */
#include "kernel_types.h"
#include "ring.bpf.h"

#include <bpf/bpf_tracing.h>

/* Callers in do_adjtimex() or do_settimeofday64() now. */
#define CALLERS 4096

/* One caller, and what changed in its call so far. */
struct caller {
	struct clockbound_event event;
	uint32_t has_change;
	uint32_t reserved;
};

/* Least recently used ones give way: nobody can fill it, and a lost one costs no more than a name. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CALLERS);
	__type(key, uint32_t);
	__type(value, struct caller);
} callers SEC(".maps");

/* A caller's record is too large for the stack beside another; made of this, which is zero. */
static const struct caller no_caller;

/* From the entry of update_vsyscall() to its return. */
struct change {
	uint32_t what;
	uint32_t is_resuming;
	uint32_t is_open; /* between both */
	uint32_t reserved;
	int64_t step_ns;
	int64_t rate_before_q58;
	int64_t rate_after_q58;
	uint64_t rate_sum_q58; /* what was added to rate_sum */
	uint64_t mono_ns;
};

/* Volatile, or the compiler takes it to pieces, which the kernel's BTF check refuses. */
static volatile struct change change;

/* @part / @whole in Q5.58, rounded down; a whole and more is 1. @whole is below 2^60. */
static __always_inline uint64_t quotient_q58(uint64_t part, uint64_t whole)
{
	uint64_t quotient = 0;
	uint64_t rest = part;
	int i;

	if (whole == 0 || part >= whole) {
		return 1ull << CLOCKBOUND_RATE_SHIFT;
	}
	/* Four bits at a time, 14 times, then two. */
	for (i = 0; i < 14; i++) {
		rest <<= 4;
		quotient = quotient << 4 | rest / whole;
		rest %= whole;
	}
	return quotient << 2 | (rest << 2) / whole;
}

/* By how much the clock is told to run faster than its nominal rate; timekeeping_adjust() turns it into mult. */
static __always_inline int64_t rate_of(struct timekeeper *tk)
{
	int64_t more = (int64_t)(tk->ntp_tick >> (tk->ntp_error_shift & 63)) - tk->xtime_remainder -
		       (int64_t)tk->raw_interval;

	return more < 0 ? -(int64_t)quotient_q58(-more, tk->raw_interval)
			: (int64_t)quotient_q58(more, tk->raw_interval);
}

static __always_inline void mark_step(struct clockbound_kernel_page *page, int64_t real_ns)
{
	change.step_ns = real_ns - page->last_real_ns;
	change.what = CLOCKBOUND_EVENT_STEP;
	page->last_real_ns = real_ns;
	cb_add(&page->epochs.clock_epoch, 1);
}

static __always_inline void mark_rate(struct clockbound_kernel_page *page, int64_t rate_q58)
{
	int64_t moved = rate_q58 - page->last_rate_q58;

	change.rate_before_q58 = page->last_rate_q58;
	page->last_rate_q58 = rate_q58;
	if (moved == 0) {
		return;
	}
	if (!change.what) {
		change.what = CLOCKBOUND_EVENT_RATE;
	}
	/* Two units, since both rates were rounded. The sum first: who sees the epoch sees the sum. */
	change.rate_sum_q58 = (uint64_t)(moved < 0 ? -moved : moved) + 2;
	cb_add(&page->rate_sum, change.rate_sum_q58);
	cb_add(&page->epochs.rate_epoch, 1);
}

/* The daemon gave up waiting before the change was made, and may have taken the old clock for the new one. */
static __always_inline void mark_again(struct clockbound_kernel_page *page)
{
	if (change.step_ns != 0) {
		cb_add(&page->epochs.clock_epoch, 1);
	}
	if (change.rate_sum_q58 != 0) {
		cb_add(&page->rate_sum, change.rate_sum_q58);
		cb_add(&page->epochs.rate_epoch, 1);
	}
}

SEC("fentry/update_vsyscall")
int BPF_PROG(update_entered, struct timekeeper *tk)
{
	struct clockbound_kernel_page *page = cb_page();
	uint64_t tick = tk->ntp_tick;
	int64_t real_ns = tk->offs_real;
	uint64_t clocksource = tk->cs_was_changed_seq;

	if (!page) {
		return 0;
	}
	cb_store(&page->heartbeat, page->heartbeat + 1);
	if (!page->is_seeded) {
		page->last_tick = tick;
		page->last_real_ns = real_ns;
		page->last_clocksource = clocksource;
		page->last_rate_q58 = rate_of(tk);
		cb_add(&page->is_seeded, 1); /* orders what is known before it */
		return 0;
	}
	if (tick == page->last_tick && real_ns == page->last_real_ns &&
	    clocksource == page->last_clocksource) {
		return 0;
	}
	cb_store(&page->in_flight_ns, bpf_ktime_get_ns());
	cb_store(&page->in_flight, 1); /* set, not counted: doing it twice does no harm */
	change.mono_ns = page->in_flight_ns;
	change.what = 0;
	change.step_ns = 0;
	change.rate_sum_q58 = 0;
	change.is_open = 1;
	if (real_ns != page->last_real_ns) {
		mark_step(page, real_ns);
	}
	mark_rate(page, rate_of(tk));
	change.rate_after_q58 = page->last_rate_q58;
	if (clocksource != page->last_clocksource) {
		change.what = CLOCKBOUND_EVENT_CLOCKSOURCE;
		cb_add(&page->epochs.counter_epoch, 1);
	}
	page->last_tick = tick;
	page->last_clocksource = clocksource;
	if (change.what) {
		cb_add(&page->events, 1);
	}
	return 0;
}

/* What changed now, added to what changed before in the same call. */
static __always_inline void add_change(struct clockbound_event *event, uint32_t is_further)
{
	if (!is_further || event->what != CLOCKBOUND_EVENT_STEP) {
		event->what = change.what;
	}
	if (!is_further) {
		event->rate_before_q58 = change.rate_before_q58;
	}
	event->step_ns += change.step_ns;
	event->rate_after_q58 = change.rate_after_q58;
	event->mono_ns = change.mono_ns;
}

SEC("fexit/update_vsyscall")
int BPF_PROG(update_returned, struct timekeeper *tk)
{
	struct clockbound_kernel_page *page = cb_page();
	uint32_t thread = (uint32_t)bpf_get_current_pid_tgid();
	struct clockbound_event event;
	struct caller *caller;

	if (!page || !change.is_open) {
		return 0;
	}
	change.is_open = 0;
	if (!page->in_flight) {
		mark_again(page);
	}
	cb_store(&page->in_flight, 0);
	if (change.is_resuming) {
		change.what = CLOCKBOUND_EVENT_RESUME;
		change.is_resuming = 0;
	}
	if (!change.what) {
		return 0;
	}
	caller = change.what == CLOCKBOUND_EVENT_RESUME ? 0 : bpf_map_lookup_elem(&callers, &thread);
	if (caller) {
		add_change(&caller->event, caller->has_change);
		caller->has_change = 1;
	} else {
		cb_event_begin(&event, CLOCKBOUND_CALL_NONE);
		add_change(&event, 0);
		cb_event_send(page, &event);
	}
	change.what = 0;
	return 0;
}

/* Notes that the running task is in the call; its record is where no stack has to hold it. */
static __always_inline struct caller *note_caller(uint32_t call)
{
	uint32_t thread = (uint32_t)bpf_get_current_pid_tgid();
	struct caller *caller;

	bpf_map_update_elem(&callers, &thread, &no_caller, BPF_ANY);
	caller = bpf_map_lookup_elem(&callers, &thread);
	if (caller) {
		cb_event_begin(&caller->event, call);
		cb_event_author(&caller->event);
		caller->event.mono_ns = bpf_ktime_get_ns();
	}
	return caller;
}

/* The call is over: sends its record if it changed anything, or was allowed to ask for it. */
static __always_inline void tell_caller(int32_t result, uint32_t is_request)
{
	struct clockbound_kernel_page *page = cb_page();
	uint32_t thread = (uint32_t)bpf_get_current_pid_tgid();
	struct caller *caller = bpf_map_lookup_elem(&callers, &thread);

	if (!caller || !page) {
		return;
	}
	caller->event.result = result;
	if (!caller->has_change) {
		caller->event.what = CLOCKBOUND_EVENT_CALL;
	}
	if (caller->has_change || (is_request && result >= 0)) {
		cb_event_send(page, &caller->event);
	} else if (result < 0) {
		cb_add(&page->refused, 1);
	}
	bpf_map_delete_elem(&callers, &thread);
}

SEC("fentry/do_adjtimex")
int BPF_PROG(adjtimex_entered, struct __kernel_timex *timex)
{
	struct caller *caller = note_caller(CLOCKBOUND_CALL_ADJTIMEX);
	uint32_t modes = timex->modes;

	if (!caller) {
		return 0;
	}
	caller->event.modes = modes;
	if (modes & CB_ADJ_SETOFFSET) {
		caller->event.value = timex->time.tv_sec * 1000000000 +
				      timex->time.tv_usec * (modes & CB_ADJ_NANO ? 1 : 1000);
	} else if (modes & CB_ADJ_OFFSET) {
		caller->event.value = timex->offset * (modes & CB_ADJ_NANO ? 1 : 1000);
	} else if (modes & CB_ADJ_FREQUENCY) {
		caller->event.value = timex->freq;
	} else if (modes & CB_ADJ_TICK) {
		caller->event.value = timex->tick;
	}
	return 0;
}

SEC("fexit/do_adjtimex")
int BPF_PROG(adjtimex_returned, struct __kernel_timex *timex, int result)
{
	uint32_t thread = (uint32_t)bpf_get_current_pid_tgid();
	struct caller *caller = bpf_map_lookup_elem(&callers, &thread);
	uint32_t modes = caller ? caller->event.modes : 0;

	tell_caller(result, modes != 0 && modes != CB_ADJ_SS_READ);
	return 0;
}

SEC("fentry/do_settimeofday64")
int BPF_PROG(settime_entered, const struct timespec64 *time)
{
	struct caller *caller = note_caller(CLOCKBOUND_CALL_SETTIME);

	if (caller) {
		caller->event.value = time->tv_sec * 1000000000 + time->tv_nsec;
	}
	return 0;
}

SEC("fexit/do_settimeofday64")
int BPF_PROG(settime_returned, const struct timespec64 *time, int result)
{
	tell_caller(result, 1);
	return 0;
}

/* Some counters stop while the machine sleeps. No reader runs before the call returns. */
SEC("fentry/timekeeping_resume")
int BPF_PROG(resumed)
{
	struct clockbound_kernel_page *page = cb_page();

	if (page) {
		change.is_resuming = 1;
		cb_add(&page->epochs.counter_epoch, 1);
	}
	return 0;
}

char cb_license[] SEC("license") = "Dual BSD/GPL";
