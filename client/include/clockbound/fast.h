/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inline read: one hardware counter read becomes [earliest, latest], an interval that contains
 * true time, with a status. The users' entry; it includes seq.h, counter.h and arith.h.
 *
 * Two families:
 *   clockbound_fast_*      leaves. No call, no lock, no division, no syscall, one counter read, at
 * most CLOCKBOUND_FAST_TRIES rounds. They answer (0) or say CLOCKBOUND_FAST_CANNOT.
 *   clockbound_interval_*  the leaf, and where it cannot answer the library's slow path, which
 * reads CLOCK_REALTIME instead or says why there is no bound. These always answer.
 *
 * Always look at `status` before the interval: without CLOCKBOUND_VALID it promises nothing.
 * Event A happened before event B for certain only if A.latest_ns < B.earliest_ns:
 * clockbound_compare().
 *
 * Open with clockbound_fast_open() and link with libclockbound; the inline code needs nothing else.
 * Errors never go through errno. All functions may be used by any number of threads at once and in
 * signal handlers; after fork the mapping stays valid.
 */
#ifndef CLOCKBOUND_FAST_H
#define CLOCKBOUND_FAST_H

#include <clockbound/page.h>
#include <clockbound/types.h>

#include <clockbound/arith.h>
#include <clockbound/counter.h>
#include <clockbound/seq.h>

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(CLOCKBOUND_API)
#define CLOCKBOUND_API __attribute__((visibility("default")))
#endif

/* fast_extern.c defines this to make the exported twins from the same bodies. */
#if !defined(CLOCKBOUND_FAST_LINKAGE)
#define CLOCKBOUND_FAST_LINKAGE static inline CLOCKBOUND_PRIV_INLINE
#endif

/* A leaf makes no call, so its parts may not be put out of line. */
#define CLOCKBOUND_PRIV_INLINE __attribute__((always_inline))

/* Rounds before a leaf gives up. Half would do: a round fails only if a publication (1 a second,
 * some 100 ns long) began in it. Each lasts some 20 ns, so giving up comes within 100 ns. */
#define CLOCKBOUND_FAST_TRIES 4

/* A leaf's answers. */
#define CLOCKBOUND_FAST_OK 0
#define CLOCKBOUND_FAST_CANNOT                                                                               \
	(-1) /* no lines, another counter epoch, or no stable slot: ask the slow path */

/* How far before its as-of a page may be asked for a CLOCK_REALTIME stamp. Farther back the
 * kernel's largest rate change (30 %) would make the interval useless. */
#define CLOCKBOUND_STAMP_BACK_NS_MAX INT64_C(1000000000)
/* The most by which a duration on the kernel's clock is off, as a part of it. The clock runs off by 0.226 at most: tick
 * 0.1, frequency and adjtime() 0.0005 each, its own loop 0.125. On one that is slow it is 0.226 / (1 - 0.226). */
#define CLOCKBOUND_STAMP_BACK_PPB 300000000u

/* An interval that contains true time if and only if status has CLOCKBOUND_VALID. */
typedef struct clockbound_interval {
	int64_t earliest_ns; /* ns since 1970-01-01 UTC; earliest_ns <= latest_ns always */
	int64_t latest_ns;
	uint32_t status; /* CLOCKBOUND_STATUS_*, CLOCKBOUND_VALID, CLOCKBOUND_REASON_* */
	uint32_t source; /* CLOCKBOUND_SOURCE_*: what the interval was computed from */
} clockbound_interval;

#define CLOCKBOUND_SOURCE_COUNTER 0u /* the hardware counter and the page's lines */
#define CLOCKBOUND_SOURCE_CLOCK	  1u /* CLOCK_REALTIME and the page's clock half */

/* Order of two intervals. */
typedef enum clockbound_order {
	CLOCKBOUND_BEFORE = -1,
	CLOCKBOUND_OVERLAPS = 0,
	CLOCKBOUND_AFTER = 1,
} clockbound_order;

struct clockbound_priv_kernel; /* the library's */

/*
 * A mapped page. The library makes it (clockbound_fast_open()), so it may grow at its end; never
 * copy it.
 */
typedef struct clockbound_fast {
	const struct clockbound_page *page; /* mapped read-only */
	/* The better home of the epochs: the page's own, or the kernel's. The library changes it when the daemon
	 * starts anew; either of its values stays readable until clockbound_fast_close(). */
	const struct clockbound_epochs *epochs;
	struct clockbound_priv_kernel *kernel; /* what the library knows of the kernel's; NULL: nothing */
	uint32_t
		is_blind; /* this processor lacks the instruction that reads the counter: CLOCK_REALTIME serves */
	uint32_t reserved; /* 0 */
	const uint64_t
		*vm_marker; /* VMClock's disruption marker, for strict reads; NULL: it was not asked for */
} clockbound_fast;

enum clockbound_priv_mode {
	CLOCKBOUND_PRIV_ORDERED, /* read the counter, after all earlier loads */
	CLOCKBOUND_PRIV_RELAXED, /* read the counter, in no order */
	CLOCKBOUND_PRIV_SAVED,	 /* the caller read it earlier */
	CLOCKBOUND_PRIV_STRICT,	 /* as ordered, and VMClock's marker after it */
	CLOCKBOUND_PRIV_CONTEXT, /* as strict while the slot says that a VMClock is watched, else as ordered */
};

/*
 * VMClock's disruption marker now. Read last, after the counter: a machine that was moved before its counter was
 * read shows another marker than its slot has. No fence is needed and none would help. A migration stops every
 * processor between two instructions: of a load that stands behind the counter in the program, whatever the
 * processor had read ahead is thrown away with the rest, and read again on the other host. So it is the compiler
 * that must keep the order, and does, since the counter is read by a volatile asm that clobbers memory.
 */
static inline CLOCKBOUND_PRIV_INLINE uint64_t clockbound_priv_vm_marker(const uint64_t *place)
{
	uint64_t marker = CLOCKBOUND_PRIV_LOAD(place);

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	marker = __builtin_bswap64(marker);
#endif
	return marker;
}

/* Where VMClock's marker stands, or NULL: one load of a word that the library sets at most once, in a context while
 * others read. What is there was mapped before, so that the address is all the order that is needed. */
static inline CLOCKBOUND_PRIV_INLINE const uint64_t *clockbound_priv_vm_place(const clockbound_fast *fast)
{
#if CLOCKBOUND_PRIV_TSAN
	return CLOCKBOUND_PRIV_LOAD(&fast->vm_marker);
#else
	return *(const uint64_t *const volatile *)&fast->vm_marker;
#endif
}

/* What a context's read has against its slot: 0 if no VMClock is watched, or if the marker is the slot's. */
static inline CLOCKBOUND_PRIV_INLINE uint64_t clockbound_priv_vm_doubt(const clockbound_fast *fast,
								       const struct clockbound_hot *hot)
{
	const uint64_t *place;

	if ((CLOCKBOUND_PRIV_LOAD(&hot->vm_flags) & CLOCKBOUND_VM_WATCHED) == 0) {
		return 0;
	}
	place = clockbound_priv_vm_place(fast);
	if (__builtin_expect(place == NULL, 0)) {
		return 1;
	}
	return CLOCKBOUND_PRIV_LOAD(&hot->vm_marker) ^ clockbound_priv_vm_marker(place);
}

/* What is known when nothing can be promised: everything is possible. */
static inline CLOCKBOUND_PRIV_INLINE void clockbound_priv_not_valid(uint32_t status, uint32_t reason,
								    clockbound_interval *out)
{
	out->earliest_ns = INT64_MIN;
	out->latest_ns = INT64_MAX;
	out->status = CLOCKBOUND_STATUS_UNKNOWN | CLOCKBOUND_REASONS_OF(status) | reason;
	out->source = CLOCKBOUND_SOURCE_COUNTER;
}

/* The status of a slot that the daemon should have replaced by now. */
static inline CLOCKBOUND_PRIV_INLINE uint32_t clockbound_priv_stale_status(uint32_t status)
{
	if (CLOCKBOUND_STATUS_OF(status) == CLOCKBOUND_STATUS_SYNCHRONIZED) {
		status += CLOCKBOUND_STATUS_FREE_RUNNING - CLOCKBOUND_STATUS_SYNCHRONIZED;
	}
	return status | CLOCKBOUND_REASON_DAEMON_STALE;
}

/* A slot's hot line, loaded word by word. */
struct clockbound_priv_snapshot {
	uint64_t base;
	int64_t earliest_ns;
	int64_t latest_ns;
	uint32_t earliest_rate;
	uint32_t latest_rate;
	uint32_t stale_after;
	uint32_t void_after;
	uint32_t status;
};

/* Where the epochs stand now: one load of a word that the slow path may change at any time. Either value does. An
 * atomic load is the same instruction, but gcc keeps its address in a register that a loop of reads wants. */
static inline CLOCKBOUND_PRIV_INLINE const struct clockbound_epochs *
clockbound_priv_epochs(const clockbound_fast *fast)
{
#if CLOCKBOUND_PRIV_TSAN
	return CLOCKBOUND_PRIV_LOAD(&fast->epochs);
#else
	return *(const struct clockbound_epochs *const volatile *)&fast->epochs;
#endif
}

/* Takes one consistent hot line whose lines belong to the counter's present epoch. */
static inline CLOCKBOUND_PRIV_INLINE int clockbound_priv_take(const clockbound_fast *fast,
							      struct clockbound_priv_snapshot *snapshot)
{
	int tries;

	for (tries = 0; tries < CLOCKBOUND_FAST_TRIES; tries++) {
		uint32_t seq = clockbound_priv_seq_begin(&fast->page->control.seq);
		const struct clockbound_hot *hot = &fast->page->slot[seq & 1].hot;
		uint32_t epoch = CLOCKBOUND_PRIV_LOAD(&hot->counter_epoch);

		snapshot->base = CLOCKBOUND_PRIV_LOAD(&hot->base);
		snapshot->earliest_ns = CLOCKBOUND_PRIV_LOAD(&hot->earliest_ns);
		snapshot->latest_ns = CLOCKBOUND_PRIV_LOAD(&hot->latest_ns);
		snapshot->earliest_rate = CLOCKBOUND_PRIV_LOAD(&hot->earliest_rate);
		snapshot->latest_rate = CLOCKBOUND_PRIV_LOAD(&hot->latest_rate);
		snapshot->stale_after = CLOCKBOUND_PRIV_LOAD(&hot->stale_after);
		snapshot->void_after = CLOCKBOUND_PRIV_LOAD(&hot->void_after);
		snapshot->status = CLOCKBOUND_PRIV_LOAD(&hot->status);
		epoch ^= CLOCKBOUND_PRIV_LOAD(&clockbound_priv_epochs(fast)->counter_epoch);
		if (!clockbound_priv_seq_retry(&fast->page->control.seq, seq)) {
			return epoch == 0 ? CLOCKBOUND_FAST_OK : CLOCKBOUND_FAST_CANNOT;
		}
	}
	return CLOCKBOUND_FAST_CANNOT;
}

/* Evaluates both lines @age ticks after their base, exactly; @age < 2^48, so a product is below 2^54 ns. */
static inline CLOCKBOUND_PRIV_INLINE int
clockbound_priv_forwards(const struct clockbound_priv_snapshot *snapshot, uint64_t age,
			 clockbound_interval *out)
{
	out->earliest_ns = clockbound_priv_add_sat(snapshot->earliest_ns,
						   clockbound_priv_scale_floor(age, snapshot->earliest_rate));
	out->latest_ns = clockbound_priv_add_sat(snapshot->latest_ns,
						 clockbound_priv_scale_floor(age, snapshot->latest_rate));
	out->status = age >> CLOCKBOUND_AGE_SHIFT >= snapshot->stale_after
			      ? clockbound_priv_stale_status(snapshot->status)
			      : snapshot->status;
	out->source = CLOCKBOUND_SOURCE_COUNTER;
	return CLOCKBOUND_FAST_OK;
}

/* Evaluates the lines before their base: the slopes are exchanged, so that the interval widens backwards. */
static inline CLOCKBOUND_PRIV_INLINE int
clockbound_priv_backwards(const struct clockbound_priv_snapshot *snapshot, uint64_t back,
			  clockbound_interval *out)
{
	if (back >> CLOCKBOUND_AGE_SHIFT >= snapshot->stale_after) {
		clockbound_priv_not_valid(snapshot->status, CLOCKBOUND_REASON_OUT_OF_RANGE, out);
		return CLOCKBOUND_FAST_OK;
	}
	out->earliest_ns = clockbound_priv_sub_sat(snapshot->earliest_ns,
						   clockbound_priv_scale_ceil(back, snapshot->latest_rate));
	out->latest_ns = clockbound_priv_sub_sat(snapshot->latest_ns,
						 clockbound_priv_scale_floor(back, snapshot->earliest_rate));
	out->status = snapshot->status;
	out->source = CLOCKBOUND_SOURCE_COUNTER;
	return CLOCKBOUND_FAST_OK;
}

/*
 * The whole read, for every age: behind the base, long, stale, void. "cannot" is left for no lines, another
 * counter epoch, no stable slot, and lines that make no sense. @counter may be older than the slot.
 */
static inline CLOCKBOUND_PRIV_INLINE int clockbound_priv_read_any(const clockbound_fast *fast,
								  enum clockbound_priv_mode mode,
								  uint64_t counter, clockbound_interval *out)
{
	struct clockbound_priv_snapshot snapshot;
	uint64_t age;

	if (clockbound_priv_take(fast, &snapshot) != CLOCKBOUND_FAST_OK || snapshot.void_after == 0 ||
	    snapshot.earliest_ns > snapshot.latest_ns || snapshot.earliest_rate > snapshot.latest_rate) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	age = counter - snapshot.base;
	if ((int64_t)age < 0) {
		if (mode == CLOCKBOUND_PRIV_SAVED) {
			return clockbound_priv_backwards(&snapshot, snapshot.base - counter, out);
		}
		/* Another core's counter may lag by less than a unit (2^16 ticks); more is a lost counter. */
		if ((snapshot.base - counter) >> CLOCKBOUND_AGE_SHIFT != 0) {
			return CLOCKBOUND_FAST_CANNOT;
		}
		age = 0;
	}
	if (age >> CLOCKBOUND_AGE_SHIFT >= snapshot.void_after) {
		clockbound_priv_not_valid(snapshot.status, CLOCKBOUND_REASON_EXPIRED, out);
		return CLOCKBOUND_FAST_OK;
	}
	return clockbound_priv_forwards(&snapshot, age, out);
}

/* Keeps gcc from folding neighbouring checks into one computed value, which costs a read two cycles. */
#define CLOCKBOUND_PRIV_APART() __asm__ __volatile__("")

/*
 * The short read: one publication, one counter value, two short products. Straight, and every doubt is
 * "cannot". What a read costs is the way from the counter's value to the last comparison, seven instructions
 * one after the other, and the retiring of what stands beside them; registers kept for the rare cases cost
 * two ns more.
 *
 * The counter is read after the first load of seq, and whichever of the loads below it the processor takes
 * earlier, the slot is one publication. It may even read the counter after the second load of seq: an older
 * slot holds for a later counter as well. Sums wrap rather than overflow, and lines that have turned round,
 * which no daemon writes, are no answer: nothing in a page is trusted to be well formed.
 */
static inline CLOCKBOUND_PRIV_INLINE int clockbound_priv_read_short(const clockbound_fast *fast,
								    enum clockbound_priv_mode mode,
								    clockbound_interval *out)
{
	const struct clockbound_page *page = fast->page;
	const uint32_t *now_epoch = &clockbound_priv_epochs(fast)->counter_epoch;
	const struct clockbound_hot *hot;
	uint64_t counter;
	uint64_t base;
	uint64_t age;
	uint64_t earliest;
	uint64_t latest;
	uint32_t ticks;
	uint32_t seq;
	uint32_t short_after;
	uint32_t status;
	uint32_t epoch;
	uint64_t vm_moved = 0;
	uint32_t vm_flags = 0;

	if (__builtin_expect(fast->is_blind != 0, 0)) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	if (mode == CLOCKBOUND_PRIV_STRICT && __builtin_expect(fast->vm_marker == NULL, 0)) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	seq = clockbound_priv_seq_begin(&page->control.seq);
	hot = &page->slot[seq & 1].hot;
	counter = mode == CLOCKBOUND_PRIV_RELAXED ? clockbound_priv_counter_relaxed()
						  : clockbound_priv_counter_ordered();
	base = CLOCKBOUND_PRIV_LOAD(&hot->base);
	ticks = (uint32_t)counter - (uint32_t)base;
	age = counter - base;
	short_after = CLOCKBOUND_PRIV_LOAD(&hot->short_after);
	/* The products start from the counter's low half, which x86 delivers as it is; that the high half adds
	 * nothing is checked beside them. Without this the compiler takes the low half of age, two steps later. */
	__asm__("" : "+r"(ticks));
	earliest = (uint64_t)CLOCKBOUND_PRIV_LOAD(&hot->earliest_ns) +
		   clockbound_priv_scale_short(ticks, CLOCKBOUND_PRIV_LOAD(&hot->earliest_rate));
	latest = (uint64_t)CLOCKBOUND_PRIV_LOAD(&hot->latest_ns) +
		 clockbound_priv_scale_short(ticks, CLOCKBOUND_PRIV_LOAD(&hot->latest_rate));
	status = CLOCKBOUND_PRIV_LOAD(&hot->status);
	epoch = CLOCKBOUND_PRIV_LOAD(&hot->counter_epoch) ^ CLOCKBOUND_PRIV_LOAD(now_epoch);
	if (mode == CLOCKBOUND_PRIV_STRICT) {
		vm_flags = CLOCKBOUND_PRIV_LOAD(&hot->vm_flags);
		vm_moved = CLOCKBOUND_PRIV_LOAD(&hot->vm_marker) ^ clockbound_priv_vm_marker(fast->vm_marker);
	} else if (mode == CLOCKBOUND_PRIV_CONTEXT) {
		vm_flags = CLOCKBOUND_VM_WATCHED; /* or there is no doubt */
		vm_moved = clockbound_priv_vm_doubt(fast, hot);
	}
	if (__builtin_expect(clockbound_priv_seq_retry(&page->control.seq, seq), 0)) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	CLOCKBOUND_PRIV_APART();
	if (__builtin_expect(epoch != 0, 0)) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	if ((mode == CLOCKBOUND_PRIV_STRICT || mode == CLOCKBOUND_PRIV_CONTEXT) &&
	    __builtin_expect(vm_moved != 0 || (vm_flags & CLOCKBOUND_VM_WATCHED) == 0, 0)) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	CLOCKBOUND_PRIV_APART();
	/* A counter behind the base is a large age. */
	if (__builtin_expect(age >= short_after, 0)) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	CLOCKBOUND_PRIV_APART();
	if (__builtin_expect((int64_t)earliest > (int64_t)latest, 0)) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	out->earliest_ns = (int64_t)earliest;
	out->latest_ns = (int64_t)latest;
	out->status = status;
	out->source = CLOCKBOUND_SOURCE_COUNTER;
	return CLOCKBOUND_FAST_OK;
}

/*
 * clockbound_fast_now - the interval that contains true time, without a syscall
 * @fast: from clockbound_fast_open(), alive for the call
 * @out:  untouched unless 0 is returned
 * Returns 0, or CLOCKBOUND_FAST_CANNOT: there is no recent publication (1.6 s at 2.6 GHz), no usable counter,
 * or a publication began just now. Then clockbound_interval_now() answers, or says why it cannot.
 * Threads:  any number at once; async-signal-safe; after fork the mapping stays valid.
 * Ordering: the counter is read after every load the caller made before the call.
 * Cost:     loads and one counter read, no loop; the first call may fault the page in.
 * Rounding: earliest down, latest up, at every step.
 * Source:   docs/MATH.md; terms of RFC 5905.
 */
CLOCKBOUND_FAST_LINKAGE int clockbound_fast_now(const clockbound_fast *fast, clockbound_interval *out)
{
	return clockbound_priv_read_short(fast, CLOCKBOUND_PRIV_ORDERED, out);
}

/*
 * clockbound_fast_now_strict - the same, not answered if the virtual machine was moved or restored before the read
 * @fast: from clockbound_fast_open_strict(); with any other handle it never answers
 * The other reads leave that to the daemon, which looks at VMClock ten times a second: after a migration they may be
 * wrong for as long, or for as long as the daemon is stopped. This one looks itself, after it has read the counter.
 * Returns CLOCKBOUND_FAST_CANNOT also when the marker is not the page's: clockbound_interval_now_strict() says so.
 * Cost: one load more, of a page that is the hypervisor's: a few ns where it is cached, and where it is not some
 * 100 ns. The daemon has measured it: cbctl status. The rest as clockbound_fast_now().
 */
CLOCKBOUND_FAST_LINKAGE int clockbound_fast_now_strict(const clockbound_fast *fast, clockbound_interval *out)
{
	return clockbound_priv_read_short(fast, CLOCKBOUND_PRIV_STRICT, out);
}

/*
 * clockbound_fast_now_relaxed - the same without order against the caller's other loads, at half the cost
 * The counter may be read some tens of ns before or after the loads around the call: for the age of
 * something, not for deciding an order between threads.
 */
CLOCKBOUND_FAST_LINKAGE int clockbound_fast_now_relaxed(const clockbound_fast *fast, clockbound_interval *out)
{
	return clockbound_priv_read_short(fast, CLOCKBOUND_PRIV_RELAXED, out);
}

/*
 * clockbound_fast_counter - the counter itself, to be given to clockbound_fast_at_counter() later
 * Ordered as in clockbound_fast_now(). Returns ticks; 0 on machines without a usable counter.
 */
CLOCKBOUND_FAST_LINKAGE uint64_t clockbound_fast_counter(void)
{
	return clockbound_priv_counter_anywhere();
}

/*
 * clockbound_fast_at_counter - the interval that contains the true time at which @counter was read
 * @counter: from clockbound_fast_counter(), or the same instruction, in this boot and counter epoch
 * A value from before the page's base runs the lines backwards, as far as the page's stale-after (5
 * s by default); farther back the answer is not valid, CLOCKBOUND_REASON_OUT_OF_RANGE. Otherwise as
 * clockbound_fast_now().
 */
CLOCKBOUND_FAST_LINKAGE int clockbound_fast_at_counter(const clockbound_fast *fast, uint64_t counter,
						       clockbound_interval *out)
{
	return clockbound_priv_read_any(fast, CLOCKBOUND_PRIV_SAVED, counter, out);
}

/* clockbound_width_ns - latest - earliest, saturated */
CLOCKBOUND_FAST_LINKAGE int64_t clockbound_width_ns(const clockbound_interval *interval)
{
	return clockbound_priv_sub_sat(interval->latest_ns, interval->earliest_ns);
}

/* clockbound_is_valid - nonzero if the interval contains true time */
CLOCKBOUND_FAST_LINKAGE int clockbound_is_valid(const clockbound_interval *interval)
{
	return (interval->status & CLOCKBOUND_VALID) != 0;
}

/*
 * clockbound_cap_width - withdraws the promise from an interval wider than the caller can use
 * Sets CLOCKBOUND_REASON_TOO_WIDE and clears CLOCKBOUND_VALID if latest - earliest > @width_ns_max.
 */
CLOCKBOUND_FAST_LINKAGE void clockbound_cap_width(clockbound_interval *interval, int64_t width_ns_max)
{
	if (clockbound_priv_sub_sat(interval->latest_ns, interval->earliest_ns) > width_ns_max) {
		interval->status = (interval->status & ~CLOCKBOUND_VALID) | CLOCKBOUND_REASON_TOO_WIDE;
	}
}

/* clockbound_fast_now_within - clockbound_fast_now(), then clockbound_cap_width() */
CLOCKBOUND_FAST_LINKAGE int clockbound_fast_now_within(const clockbound_fast *fast, int64_t width_ns_max,
						       clockbound_interval *out)
{
	int result = clockbound_priv_read_short(fast, CLOCKBOUND_PRIV_ORDERED, out);

	if (result == CLOCKBOUND_FAST_OK) {
		clockbound_cap_width(out, width_ns_max);
	}
	return result;
}

/*
 * clockbound_compare - whether @a lies before @b, after it, or cannot be told
 * CLOCKBOUND_BEFORE only if a.latest < b.earliest. Both must be valid: an interval that is not
 * valid overlaps everything.
 */
CLOCKBOUND_FAST_LINKAGE clockbound_order clockbound_compare(const clockbound_interval *a,
							    const clockbound_interval *b)
{
	if ((a->status & b->status & CLOCKBOUND_VALID) == 0) {
		return CLOCKBOUND_OVERLAPS;
	}
	if (a->latest_ns < b->earliest_ns) {
		return CLOCKBOUND_BEFORE;
	}
	return b->latest_ns < a->earliest_ns ? CLOCKBOUND_AFTER : CLOCKBOUND_OVERLAPS;
}

/* A slot's clock line, loaded word by word. */
struct clockbound_priv_clock_snapshot {
	int64_t as_of_mono_ns;
	int64_t as_of_real_ns;
	int64_t stale_after_mono_ns;
	int64_t void_after_mono_ns;
	int64_t bound_ns;
	uint32_t drift_ppb;
	uint32_t status;
	uint32_t clock_epoch;
	uint32_t rate_epoch;
	uint64_t rate_sum; /* Q5.58; meaningful beside a kernel page */
};

/* Takes one consistent clock half. The caller compares clock_epoch with the epochs, before and
 * after, and allows for a rate that it has not seen. */
static inline CLOCKBOUND_PRIV_INLINE int
clockbound_priv_clock_take(const clockbound_fast *fast, struct clockbound_priv_clock_snapshot *snapshot)
{
	const struct clockbound_page *page = fast->page;
	int tries;

	for (tries = 0; tries < CLOCKBOUND_FAST_TRIES; tries++) {
		uint32_t seq = clockbound_priv_seq_begin(&page->control.seq);
		const struct clockbound_clock *half = &page->slot[seq & 1].clock;

		snapshot->as_of_mono_ns = CLOCKBOUND_PRIV_LOAD(&half->as_of_mono_ns);
		snapshot->as_of_real_ns = CLOCKBOUND_PRIV_LOAD(&half->as_of_real_ns);
		snapshot->stale_after_mono_ns = CLOCKBOUND_PRIV_LOAD(&half->stale_after_mono_ns);
		snapshot->void_after_mono_ns = CLOCKBOUND_PRIV_LOAD(&half->void_after_mono_ns);
		snapshot->bound_ns = CLOCKBOUND_PRIV_LOAD(&half->bound_ns);
		snapshot->drift_ppb = CLOCKBOUND_PRIV_LOAD(&half->drift_ppb);
		snapshot->status = CLOCKBOUND_PRIV_LOAD(&half->status);
		snapshot->clock_epoch = CLOCKBOUND_PRIV_LOAD(&half->clock_epoch);
		snapshot->rate_epoch = CLOCKBOUND_PRIV_LOAD(&half->rate_epoch);
		snapshot->rate_sum = CLOCKBOUND_PRIV_LOAD(&half->rate_sum);
		if (!clockbound_priv_seq_retry(&page->control.seq, seq)) {
			return CLOCKBOUND_FAST_OK;
		}
	}
	return CLOCKBOUND_FAST_CANNOT;
}

/* A status that promises nothing any more: what is known to be disrupted stays so, all else is unknown. */
static inline CLOCKBOUND_PRIV_INLINE uint32_t clockbound_priv_withdrawn(uint32_t status)
{
	if ((status & (CLOCKBOUND_VALID | CLOCKBOUND_STATUS_MASK)) == CLOCKBOUND_STATUS_DISRUPTED) {
		return status;
	}
	return status & ~(CLOCKBOUND_VALID | CLOCKBOUND_STATUS_MASK);
}

/*
 * Evaluates a clock half for a clock reading @real_ns taken @age_ns after as-of (negative: before
 * it). Whatever the page says, earliest <= latest, and a negative bound is never valid.
 */
static inline CLOCKBOUND_PRIV_INLINE void
clockbound_priv_clock_evaluate(const struct clockbound_priv_clock_snapshot *snapshot, int64_t real_ns,
			       int64_t age_ns, clockbound_interval *out)
{
	int64_t life_ns = clockbound_priv_sub_sat(snapshot->void_after_mono_ns, snapshot->as_of_mono_ns);
	int64_t calm_ns = clockbound_priv_sub_sat(snapshot->stale_after_mono_ns, snapshot->as_of_mono_ns);
	int64_t bound_ns = snapshot->bound_ns > 0 ? snapshot->bound_ns : 0;
	uint32_t status = snapshot->status;

	if (age_ns < 0) {
		/* The clock's rate before as-of is not known: allow for the largest. */
		int64_t back_ns = clockbound_priv_sub_sat(0, age_ns);

		bound_ns = clockbound_priv_add_sat(
			bound_ns, clockbound_priv_growth_ns(back_ns, CLOCKBOUND_STAMP_BACK_PPB));
		bound_ns = clockbound_priv_add_sat(bound_ns,
						   clockbound_priv_growth_ns(back_ns, snapshot->drift_ppb));
		if (back_ns > CLOCKBOUND_STAMP_BACK_NS_MAX) {
			status = (status & ~(CLOCKBOUND_VALID | CLOCKBOUND_STATUS_MASK)) |
				 CLOCKBOUND_REASON_OUT_OF_RANGE;
		}
	} else {
		bound_ns = clockbound_priv_add_sat(bound_ns,
						   clockbound_priv_growth_ns(age_ns, snapshot->drift_ppb));
		if (age_ns >= life_ns) {
			status = clockbound_priv_withdrawn(status);
			/* A slot that never had a bound is not dead while its daemon is punctual. */
			if ((snapshot->status & CLOCKBOUND_VALID) != 0 || age_ns >= calm_ns) {
				status |= CLOCKBOUND_REASON_EXPIRED;
			}
		} else if (age_ns >= calm_ns) {
			status = clockbound_priv_stale_status(status);
		}
	}
	if (snapshot->bound_ns < 0 || bound_ns == INT64_MAX || snapshot->drift_ppb == UINT32_MAX) {
		status = clockbound_priv_withdrawn(status);
	}
	out->earliest_ns = clockbound_priv_sub_sat(real_ns, bound_ns);
	out->latest_ns = clockbound_priv_add_sat(real_ns, bound_ns);
	out->status = status;
	out->source = CLOCKBOUND_SOURCE_CLOCK;
}

/* A step, or rates beyond measure, that the slot has not taken into account. */
static inline CLOCKBOUND_PRIV_INLINE void clockbound_priv_clock_disrupted(clockbound_interval *out,
									  uint32_t reason)
{
	out->status &= ~(CLOCKBOUND_VALID | CLOCKBOUND_STATUS_MASK);
	out->status |= CLOCKBOUND_STATUS_DISRUPTED | reason;
}

/*
 * clockbound_fast_at_realtime - the interval that contains the true time at which CLOCK_REALTIME
 * showed @real_ns
 * @real_ns: a stamp by this machine's CLOCK_REALTIME (a packet's, a log record's), ns since 1970
 * Valid from CLOCKBOUND_STAMP_BACK_NS_MAX before the page's as-of until its void-after; stamps
 * before as-of are widened by the kernel's largest rate (30 %), so stamps of the last milliseconds
 * are meant. Nothing may have stepped the clock between the stamp and the page's as-of: that shows
 * as DISRUPTED only while the page has not taken the step into account. After the daemon came back with another
 * kernel page DISRUPTED too, until a call of clockbound_interval_now() has followed it.
 * Returns 0, or CLOCKBOUND_FAST_CANNOT also where the clock's rate was changed and the page has not taken that into
 * account, before the stamp or after it: some ms, as long as chronyd takes to answer the daemon; chronyd itself makes
 * two such changes an update. Ask again, or take clockbound_interval_now(), which has no such pause. The rest as
 * clockbound_fast_now(); no clock and no counter is read.
 */
CLOCKBOUND_FAST_LINKAGE int clockbound_fast_at_realtime(const clockbound_fast *fast, int64_t real_ns,
							clockbound_interval *out)
{
	struct clockbound_priv_clock_snapshot snapshot;
	const struct clockbound_epochs *epochs = clockbound_priv_epochs(fast);
	int is_stepped;

	if (clockbound_priv_clock_take(fast, &snapshot) != CLOCKBOUND_FAST_OK) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	is_stepped = CLOCKBOUND_PRIV_LOAD(&epochs->clock_epoch) != snapshot.clock_epoch;
	/* How long the clock has run at which rate up to the stamp nobody knows but the slot that comes. */
	if (!is_stepped && CLOCKBOUND_PRIV_LOAD(&epochs->rate_epoch) != snapshot.rate_epoch) {
		return CLOCKBOUND_FAST_CANNOT;
	}
	clockbound_priv_clock_evaluate(&snapshot, real_ns,
				       clockbound_priv_sub_sat(real_ns, snapshot.as_of_real_ns), out);
	if (is_stepped) {
		clockbound_priv_clock_disrupted(out, CLOCKBOUND_REASON_STEP);
	}
	return CLOCKBOUND_FAST_OK;
}

struct clockbound_err; /* <clockbound.h> */

/*
 * clockbound_fast_open - maps a page for the inline read
 * @path: our page; NULL: the default path. A segment of upstream's has no lines: use clockbound_open() for it
 * @err:  filled on failure; may be NULL. See <clockbound.h>
 * Returns a handle, or NULL. Any thread. Makes system calls. Where the page names a kernel page it is asked for
 * over clockbound.sock beside @path, for 100 ms at most; without it the file's epochs serve.
 */
CLOCKBOUND_API clockbound_fast *clockbound_fast_open(const char *path, struct clockbound_err *err);

/*
 * clockbound_fast_open_strict - the same, for reads that look at VMClock themselves: the calls in _strict
 * The daemon is asked over clockbound.sock beside @path for a descriptor of the VMClock page that it watches, since
 * the device is root's; it need not run afterwards. Returns NULL also where no VMClock is watched.
 * On such a handle clockbound_wait_until_past() is strict as well; reads without _strict in their names are not.
 */
CLOCKBOUND_API clockbound_fast *clockbound_fast_open_strict(const char *path, struct clockbound_err *err);

/* clockbound_fast_close - unmaps and frees; no thread may be reading. @fast may be NULL. */
CLOCKBOUND_API void clockbound_fast_close(clockbound_fast *fast);

/*
 * clockbound_fast_has_kernel_page - nonzero if the epochs are read from the kernel's own page, into which eBPF
 * writes before anybody can see a clock that was moved; 0: from the file, which the daemon makes follow
 * It may change when the daemon starts anew. Any number of threads; async-signal-safe.
 */
CLOCKBOUND_API int clockbound_fast_has_kernel_page(const clockbound_fast *fast);

/*
 * The slow path, in the library: what a leaf cannot answer. Tries the lines at every age, then CLOCK_REALTIME
 * and CLOCK_MONOTONIC (vDSO) with the clock half. Always fills @out; an interval that cannot be proved has no
 * CLOCKBOUND_VALID, and reasons. Any number of threads; async-signal-safe.
 * When the daemon has started anew with another kernel page, one call asks for it over clockbound.sock beside
 * the page, with system calls and some 10 ms of waiting at most; the others go on with the file's epochs.
 */
CLOCKBOUND_API void clockbound_fast_slow_now(const clockbound_fast *fast, clockbound_interval *out);

/* clockbound_fast_slow_strict - the same for strict reads: never valid on a handle that was not opened for them */
CLOCKBOUND_API void clockbound_fast_slow_strict(const clockbound_fast *fast, clockbound_interval *out);

/* clockbound_fast_clock_now - the same from CLOCK_REALTIME alone, as a machine without a counter does it */
CLOCKBOUND_API void clockbound_fast_clock_now(const clockbound_fast *fast, clockbound_interval *out);

/*
 * clockbound_interval_now - the interval that contains true time, from whatever source this machine has
 * The leaf, and where it cannot answer clockbound_fast_slow_now(). Always fills @out.
 */
CLOCKBOUND_FAST_LINKAGE void clockbound_interval_now(const clockbound_fast *fast, clockbound_interval *out)
{
	if (__builtin_expect(clockbound_priv_read_short(fast, CLOCKBOUND_PRIV_ORDERED, out) !=
				     CLOCKBOUND_FAST_OK,
			     0)) {
		/* Its own variable: the caller's stays in registers, since no call ever sees its address. */
		clockbound_interval slow;

		clockbound_fast_slow_now(fast, &slow);
		*out = slow;
	}
}

/*
 * clockbound_interval_now_strict - the same with clockbound_fast_now_strict()
 * After a migration: DISRUPTED, not valid, CLOCKBOUND_REASON_MIGRATED, from the first read on until the daemon has
 * measured anew. Where it cannot be checked: not valid, CLOCKBOUND_REASON_UNWATCHED.
 */
CLOCKBOUND_FAST_LINKAGE void clockbound_interval_now_strict(const clockbound_fast *fast,
							    clockbound_interval *out)
{
	if (__builtin_expect(
		    clockbound_priv_read_short(fast, CLOCKBOUND_PRIV_STRICT, out) != CLOCKBOUND_FAST_OK, 0)) {
		clockbound_interval slow;

		clockbound_fast_slow_strict(fast, &slow);
		*out = slow;
	}
}

/* clockbound_wait_until_past() answers. */
#define CLOCKBOUND_WAIT_PAST	  0    /* @t_ns has certainly passed */
#define CLOCKBOUND_WAIT_TIMEOUT	  1    /* it has not, within the time allowed */
#define CLOCKBOUND_WAIT_NOT_VALID (-1) /* there is no valid interval to wait with: see status in @out */

/*
 * clockbound_wait_until_past - commit wait: returns when true time is certainly later than @t_ns
 * @t_ns:       ns since 1970; typically the latest_ns of the interval that stamped the commit
 * @timeout_ns: at most this long, by CLOCK_MONOTONIC; negative: no limit
 * @out:        the last interval read; may be NULL
 * Sleeps while earliest is far from @t_ns, spins at the end. After CLOCKBOUND_WAIT_PAST earliest_ns > @t_ns.
 * Any number of threads; returns early with CLOCKBOUND_WAIT_NOT_VALID as soon as a read is not valid.
 */
CLOCKBOUND_API int clockbound_wait_until_past(const clockbound_fast *fast, int64_t t_ns, int64_t timeout_ns,
					      clockbound_interval *out);

/*
 * clockbound_reason_name - the name of one CLOCKBOUND_REASON_* bit, as cbctl prints it ("STEP"); "" if unknown
 * clockbound_reason_text - a sentence that says what it means and what to do. Static.
 * clockbound_status_name - "UNKNOWN", "SYNCHRONIZED", "FREE_RUNNING", "DISRUPTED". Static.
 */
CLOCKBOUND_API const char *clockbound_reason_name(uint32_t reason);
CLOCKBOUND_API const char *clockbound_reason_text(uint32_t reason);
CLOCKBOUND_API const char *clockbound_status_name(uint32_t status);

#ifdef __cplusplus
}
#endif

#endif
