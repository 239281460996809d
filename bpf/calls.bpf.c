/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * At the system calls that set the clock, where functions cannot be hooked. The entry marks the page if the caller
 * may set the clock and asks for it; the return marks it again if the clock may have changed, and sends the record.
 * Reads, and callers without CAP_SYS_TIME, leave no mark.
 *
 * Between entry and return the change may or may not have happened: `in_flight` says so, and the daemon takes
 * nothing it reads then for an acknowledgement. The second mark makes that certain even if the daemon gave up
 * waiting. Not seen here: int 0x80, slews after the call, the leap second, a resume.
 *
 * A caller who may set the clock, but asks for what the kernel refuses (ADJ_SETOFFSET of 2000000 us), is marked as if it
 * had been done: the kernel reads the argument again after us, and may find another there.
 *
 * The kernel skips these programs on a processor where it is busy with a BPF map or another such program, for a task
 * that was preempted too. What was missed then the daemon finds at its next poll: see cbd_bpf_has_missed().
 */
#include "kernel_types.h"
#include "ring.bpf.h"

#include <bpf/bpf_core_read.h>

#include "seen.h"

/* Callers between entry and return that may set the clock. */
#define CALLERS	     4096
#define CAP_SYS_TIME 25

/* 1 ppm / 2^16 and 1 us of 10 ms, in Q5.58, rounded up. */
#define FREQ_Q58_BY_1000 4398046512ll
#define TICK_Q58	 28823037615172ll
#define FREQ_MAX	 (500ll << 16)
#define TICK_NOMINAL	 10000
/* adjtime() slews by 500 ppm: there and back again; 2^58 / 10^6, up. */
#define SINGLESHOT_SUM_Q58 (1000 * 288230376152ll)

struct caller {
	struct clockbound_event event;
	uint64_t timex;	  /* the caller's, 0 for a settime */
	uint64_t round;	  /* of in_flight at entry */
	uint64_t sum_q58; /* what was added to rate_sum at entry */
	int64_t freq;	  /* before the call, as the next */
	int64_t tick;
	int64_t freq_asked; /* what the call makes of them, as the next */
	int64_t tick_asked;
	uint32_t is_step; /* it may step the clock */
	uint32_t reserved;
};

/* Least recently used ones give way: whose return was skipped would stay in it for ever. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CALLERS);
	__type(key, uint32_t);
	__type(value, struct caller);
} callers SEC(".maps");

static const struct caller no_caller;

/* Which programs have run; the daemon clears them. */
uint32_t seen[CB_SEEN];

/* As adjtimex() told last: 2^-16 ppm, and us of a tick of 10 ms. The daemon says what they begin with. */
int64_t freq;
int64_t tick = TICK_NOMINAL;

static __always_inline int64_t rate_q58(int64_t freq_now, int64_t tick_now)
{
	uint64_t magnitude = (uint64_t)(freq_now < 0 ? -freq_now : freq_now) * FREQ_Q58_BY_1000 / 1000;

	return (freq_now < 0 ? -(int64_t)magnitude : (int64_t)magnitude) +
	       (tick_now - TICK_NOMINAL) * TICK_Q58;
}

/* CAP_SYS_TIME in the first user namespace; a security module may refuse the call all the same. */
static __always_inline int may_set_clock(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	const struct cred *cred = BPF_CORE_READ(task, cred);
	uint64_t effective = 0;

	/* 8 bytes at the field's place, whatever its type is called. */
	bpf_core_read(&effective, sizeof(effective), &cred->cap_effective);
	return (effective >> CAP_SYS_TIME & 1) && BPF_CORE_READ(cred, user_ns, level) == 0;
}

static __always_inline void count_entry(struct clockbound_kernel_page *page, uint32_t index)
{
	seen[index] = 1;
	cb_add(&page->heartbeat, 1);
}

/* The caller may set the clock. Its record, filled but for modes and value; NULL: no room, and nothing is known. */
static __always_inline struct caller *note_caller(struct clockbound_kernel_page *page, uint32_t call)
{
	uint32_t thread = (uint32_t)bpf_get_current_pid_tgid();
	struct caller *caller;

	bpf_map_update_elem(&callers, &thread, &no_caller, BPF_ANY);
	caller = bpf_map_lookup_elem(&callers, &thread);
	if (!caller) {
		cb_add(&page->dropped, 1); /* no record will come */
	} else {
		cb_event_begin(&caller->event, call);
		cb_event_author(&caller->event);
		caller->event.what = CLOCKBOUND_EVENT_CALL;
		caller->event.mono_ns = bpf_ktime_get_ns();
		caller->round = cb_load(&page->in_flight_round);
		caller->freq = caller->freq_asked = freq;
		caller->tick = caller->tick_asked = tick;
	}
	return caller;
}

/*
 * The slew begins at a second to come, in the tick, where no program sees it. Before the mark: who has taken the mark
 * into account has seen this, or is still waiting for the call, whose return says it again.
 */
static __always_inline void note_slew(struct clockbound_kernel_page *page, uint32_t modes)
{
	if (modes & CB_ADJ_SLEW) {
		cb_store(&page->slew_ns, bpf_ktime_get_ns());
	}
}

/* Without room in `callers` nobody takes in_flight back: the daemon gives it up after its time. */
static __always_inline void mark(struct clockbound_kernel_page *page, uint32_t is_step, uint64_t sum_q58)
{
	cb_store(&page->in_flight_ns, bpf_ktime_get_ns());
	cb_add(&page->in_flight, 1);
	if (sum_q58) {
		cb_add(&page->rate_sum, sum_q58);
	}
	if (is_step) {
		cb_add(&page->epochs.clock_epoch, 1);
	} else {
		cb_add(&page->epochs.rate_epoch, 1);
	}
	cb_add(&page->events, 1);
}

/* A unit of the caller's offset, ns. MICRO is looked at last. */
static __always_inline int64_t unit_of(uint32_t modes)
{
	return (modes & (CB_ADJ_NANO | CB_ADJ_MICRO)) == CB_ADJ_NANO ? 1 : 1000;
}

/* By how much the rate can change because of this call, all changes added up. */
static __always_inline uint64_t rate_sum_of(const struct cb_user_timex *timex, struct caller *caller)
{
	int64_t before = rate_q58(freq, tick);
	uint64_t sum = 0;
	int64_t moved;

	if (timex->modes & CB_ADJ_ADJTIME) {
		return SINGLESHOT_SUM_Q58;
	}
	if (timex->modes & CB_ADJ_OFFSET) {
		/*
		 * The fastest loop takes a quarter of the offset in the first second, and less in each further: a half,
		 * there and back. Its frequency moves by 1/32 of it (PLL) and 1/1024 (FLL), and stays.
		 */
		uint64_t offset = timex->offset < 0 ? -(uint64_t)timex->offset : (uint64_t)timex->offset;

		offset = offset > 500000000 ? 500000000 : offset; /* before a product that could overflow */
		offset *= unit_of(timex->modes);
		offset = offset > 500000000 ? 500000000 : offset;
		sum = offset * 162129587ull; /* 2^58 * 9/16 / 10^9, up */
	}
	if (timex->modes & CB_ADJ_FREQUENCY) {
		freq = timex->freq > FREQ_MAX ? FREQ_MAX : timex->freq < -FREQ_MAX ? -FREQ_MAX : timex->freq;
	}
	if (timex->modes & CB_ADJ_TICK && timex->tick >= 9000 && timex->tick <= 11000) {
		tick = timex->tick;
	}
	moved = rate_q58(freq, tick) - before;
	if (caller) {
		caller->freq_asked = freq;
		caller->tick_asked = tick;
		caller->event.rate_before_q58 = before;
		caller->event.rate_after_q58 = before + moved;
	}
	return sum + (uint64_t)(moved < 0 ? -moved : moved) + (moved != 0);
}

static __always_inline int64_t value_of(const struct cb_user_timex *timex)
{
	if (timex->modes & CB_ADJ_SETOFFSET) {
		return timex->tv_sec * 1000000000 + timex->tv_usec * (timex->modes & CB_ADJ_NANO ? 1 : 1000);
	}
	if (timex->modes & CB_ADJ_OFFSET) {
		return timex->offset * unit_of(timex->modes);
	}
	if (timex->modes & CB_ADJ_FREQUENCY) {
		return timex->freq;
	}
	return timex->modes & CB_ADJ_TICK ? timex->tick : 0;
}

static __always_inline int enter_adjtimex(struct clockbound_kernel_page *page, uint64_t address)
{
	struct cb_user_timex timex = {};
	struct caller *caller;
	/* A page that is not there yet reads as zeroes, which would look like a question: it counts as a step. */
	int is_unread = bpf_probe_read_user(&timex, sizeof(timex), (const void *)address) != 0;
	uint64_t sum_q58 = 0;

	if (!is_unread && (timex.modes == 0 || timex.modes == CB_ADJ_SS_READ)) {
		return 0;
	}
	if (!may_set_clock()) {
		cb_add(&page->refused, 1);
		return 0;
	}
	caller = note_caller(page, CLOCKBOUND_CALL_ADJTIMEX);
	if (!is_unread) {
		sum_q58 = rate_sum_of(&timex, caller);
	}
	if (caller) {
		caller->timex = address;
		caller->is_step = is_unread || timex.modes & CB_ADJ_SETOFFSET;
		caller->sum_q58 = sum_q58;
		caller->event.modes = timex.modes;
		caller->event.value = value_of(&timex);
	}
	note_slew(page, is_unread ? CB_ADJ_SLEW : timex.modes);
	mark(page, is_unread || timex.modes & CB_ADJ_SETOFFSET, sum_q58);
	return 0;
}

static __always_inline int enter_settime(struct clockbound_kernel_page *page, uint64_t address, int64_t unit)
{
	int64_t time[2] = {};
	struct caller *caller;

	if (!may_set_clock()) {
		cb_add(&page->refused, 1);
		return 0;
	}
	caller = note_caller(page, CLOCKBOUND_CALL_SETTIME);
	if (caller) {
		caller->is_step = 1;
		if (bpf_probe_read_user(time, sizeof(time), (const void *)address) == 0) {
			caller->event.value = time[0] * 1000000000 + time[1] * unit;
		}
	}
	mark(page, 1, 0);
	return 0;
}

/* After an adjtimex() that was let in, what the kernel says it is now; else what it was before. */
static __always_inline void settle_rate(struct caller *caller, int64_t result)
{
	struct cb_user_timex timex = {};

	if (result >= 0) {
		if (bpf_probe_read_user(&timex, sizeof(timex), (const void *)caller->timex) == 0) {
			freq = timex.freq;
			tick = timex.tick;
			if (!caller->event.modes) {
				caller->event.modes = timex.modes;
			}
		}
	} else if (result != -14) {
		/* Unless somebody who was let in has changed them meanwhile. */
		freq = freq == caller->freq_asked ? caller->freq : freq;
		tick = tick == caller->tick_asked ? caller->tick : tick;
		caller->event.rate_after_q58 = caller->event.rate_before_q58;
	}
}

static __always_inline int leave(uint32_t index, int64_t result)
{
	struct clockbound_kernel_page *page = cb_page();
	uint32_t thread = (uint32_t)bpf_get_current_pid_tgid();
	struct caller *caller = bpf_map_lookup_elem(&callers, &thread);
	int may_have_changed = result >= 0;
	uint64_t took_ns;

	seen[index] = 1;
	if (!caller || !page) {
		return 0;
	}
	took_ns = bpf_ktime_get_ns() - caller->event.mono_ns;
	if (caller->timex) {
		/* -EFAULT: the clock may have been stepped, and only the answer could not be written. */
		may_have_changed = result >= 0 || result == -14;
		settle_rate(caller, result);
		note_slew(page, may_have_changed ? caller->event.modes : 0);
	}
	if (!may_have_changed) {
		cb_add(&page->refused, 1);
	} else if (caller->is_step) {
		cb_add(&page->epochs.clock_epoch, 1);
	} else if (caller->round != cb_load(&page->in_flight_round)) {
		/* The daemon gave up waiting, and may have taken the old rate for the new one. */
		cb_add(&page->rate_sum, caller->sum_q58);
		cb_add(&page->epochs.rate_epoch, 1);
	}
	caller->event.result = (int32_t)result;
	caller->event.uncertainty_ns = took_ns > 0xffffffffu ? 0xffffffffu : (uint32_t)took_ns;
	cb_event_send(page, &caller->event);
	if (caller->round == cb_load(&page->in_flight_round)) {
		cb_add(&page->in_flight, -1);
	}
	bpf_map_delete_elem(&callers, &thread);
	return 0;
}

SEC("tracepoint/syscalls/sys_enter_adjtimex")
int enter_adjtimex_call(struct cb_sys_enter *call)
{
	struct clockbound_kernel_page *page = cb_page();

	if (!page) {
		return 0;
	}
	count_entry(page, CB_SEEN_ADJTIMEX);
	return enter_adjtimex(page, call->args[0]);
}

SEC("tracepoint/syscalls/sys_enter_clock_adjtime")
int enter_clock_adjtime_call(struct cb_sys_enter *call)
{
	struct clockbound_kernel_page *page = cb_page();

	if (!page) {
		return 0;
	}
	count_entry(page, CB_SEEN_CLOCK_ADJTIME);
	return (int32_t)call->args[0] == 0 ? enter_adjtimex(page, call->args[1]) : 0;
}

SEC("tracepoint/syscalls/sys_enter_clock_settime")
int enter_clock_settime_call(struct cb_sys_enter *call)
{
	struct clockbound_kernel_page *page = cb_page();

	if (!page) {
		return 0;
	}
	count_entry(page, CB_SEEN_CLOCK_SETTIME);
	return (int32_t)call->args[0] == 0 ? enter_settime(page, call->args[1], 1) : 0;
}

/* With a time zone alone it steps the clock once after boot. */
SEC("tracepoint/syscalls/sys_enter_settimeofday")
int enter_settimeofday_call(struct cb_sys_enter *call)
{
	struct clockbound_kernel_page *page = cb_page();

	if (!page) {
		return 0;
	}
	count_entry(page, CB_SEEN_SETTIMEOFDAY);
	return call->args[0] || call->args[1] ? enter_settime(page, call->args[0], 1000) : 0;
}

SEC("tracepoint/syscalls/sys_exit_adjtimex")
int leave_adjtimex_call(struct cb_sys_exit *call)
{
	return leave(CB_SEEN_ADJTIMEX_LEFT, call->result);
}

SEC("tracepoint/syscalls/sys_exit_clock_adjtime")
int leave_clock_adjtime_call(struct cb_sys_exit *call)
{
	return leave(CB_SEEN_CLOCK_ADJTIME_LEFT, call->result);
}

SEC("tracepoint/syscalls/sys_exit_clock_settime")
int leave_clock_settime_call(struct cb_sys_exit *call)
{
	return leave(CB_SEEN_CLOCK_SETTIME_LEFT, call->result);
}

SEC("tracepoint/syscalls/sys_exit_settimeofday")
int leave_settimeofday_call(struct cb_sys_exit *call)
{
	return leave(CB_SEEN_SETTIMEOFDAY_LEFT, call->result);
}

char cb_license[] SEC("license") = "Dual BSD/GPL";
