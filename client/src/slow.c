/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the inline read cannot answer: lines of any age, then CLOCK_REALTIME with the page's clock half, or the
 * reasons why there is no bound. Always answers, in a bounded number of rounds.
 */
#include "client/src/clocks.h"
#include "client/src/context.h"

/* Rounds that look for a moment in which neither the page nor the epochs change. A step between two loads costs
 * one more round; half would do. */
#define SLOW_TRIES 4

/*
 * Changes of the rate since the slot of which the sum is believed. It holds 64.0, then begins anew. One change adds at
 * most 0.483: from one end of what the kernel allows to the other it is 0.452 (2 * 0.226, docs/MATH.md), and a call
 * is charged 9/32 for the largest offset and 0.201 for tick and frequency. So these are below 31, and as many more may
 * have been added whose epochs were not yet.
 */
#define RATE_CHANGES_MAX 64u

/* A page that another has replaced still tells the truth until void-after, but somebody should know. */
static void note_retired(const clockbound_fast *fast, clockbound_interval *out)
{
	if ((CLOCKBOUND_PRIV_LOAD(&fast->page->control.epochs.flags) & CLOCKBOUND_EPOCH_RETIRED) != 0) {
		out->status |= CLOCKBOUND_REASON_RETIRED;
	}
}

/*
 * By how much a clock that runs at another rate since the slot may be off after @age_ns; rounded up, saturated. Half as
 * much again, since an age by a clock that has become slow is too short: 1 / (1 - 0.226) is below 1.3, and the rest is
 * for the slot's own drift, which allows for the rate of its own time only.
 * @sum: Q5.58, all changes of the rate that the slot has not taken into account
 */
static int64_t rate_growth_ns(uint64_t sum, int64_t age_ns)
{
	clockbound_priv_u128 product = (clockbound_priv_u128)sum * (age_ns > 0 ? (uint64_t)age_ns : 0);

	product += product / 2 + product % 2;
	product = (product + (UINT64_C(1) << CLOCKBOUND_RATE_SHIFT) - 1) >> CLOCKBOUND_RATE_SHIFT;
	return product > (clockbound_priv_u128)INT64_MAX ? INT64_MAX : (int64_t)product;
}

/* Where the epochs stand for this read: never in the map of a daemon that is gone, unlike fast->epochs, which one
 * thread changes for all. */
static const struct clockbound_epochs *epochs_now(const clockbound_fast *fast,
						  const struct clockbound_kernel_page *kernel)
{
	if (kernel != NULL) {
		return &kernel->epochs;
	}
	return fast->kernel != NULL ? &fast->page->control.epochs : fast->epochs;
}

/*
 * Widens the slot's bound by the changes of the rate that it has not seen, from clocks that were read before. False:
 * they are too many to be told by their sum. The epoch last, so that what the sum has it has, too.
 */
static bool charge_rate(const struct clockbound_kernel_page *kernel,
			struct clockbound_priv_clock_snapshot *snapshot, int64_t age_ns)
{
	uint64_t sum = clockbound_priv_kernel_load(&kernel->rate_sum) - snapshot->rate_sum;

	if (snapshot->bound_ns >= 0) {
		snapshot->bound_ns = clockbound_priv_add_sat(snapshot->bound_ns, rate_growth_ns(sum, age_ns));
	}
	return CLOCKBOUND_PRIV_LOAD(&kernel->epochs.rate_epoch) - snapshot->rate_epoch <= RATE_CHANGES_MAX;
}

/* Epochs, slot, CLOCK_REALTIME, CLOCK_MONOTONIC, epochs: in this order a thread that is preempted anywhere gets
 * too great an age, hence a wider interval, and a step between is seen. False if there was no stable slot. */
static bool clock_round(const clockbound_fast *fast, bool *is_settled, clockbound_interval *out)
{
	const struct clockbound_kernel_page *kernel = clockbound_priv_kernel_now(fast);
	const uint32_t *now_epoch = &epochs_now(fast, kernel)->clock_epoch;
	struct clockbound_priv_clock_snapshot snapshot;
	uint32_t epoch = clockbound_priv_seq_begin(now_epoch);
	int64_t real_ns;
	int64_t mono_ns;
	int64_t age_ns;
	bool is_bounded;

	if (clockbound_priv_clock_take(fast, &snapshot) != CLOCKBOUND_FAST_OK ||
	    !clockbound_priv_clock_read(CLOCK_REALTIME, &real_ns) ||
	    !clockbound_priv_clock_read(CLOCK_MONOTONIC, &mono_ns)) {
		return false;
	}
	/* Its fence orders the clocks before rate_sum too: the kernel adds to it before the clock's rate changes. */
	*is_settled = !clockbound_priv_seq_retry(now_epoch, epoch) && snapshot.clock_epoch == epoch;
	age_ns = clockbound_priv_sub_sat(mono_ns, snapshot.as_of_mono_ns);
	is_bounded = kernel == NULL || charge_rate(kernel, &snapshot, age_ns);
	clockbound_priv_clock_evaluate(&snapshot, real_ns, age_ns, out);
	if (!*is_settled) {
		clockbound_priv_clock_disrupted(out, CLOCKBOUND_REASON_STEP);
	} else if (!is_bounded) {
		clockbound_priv_clock_disrupted(out, CLOCKBOUND_REASON_SURPRISE);
	}
	return true;
}

void clockbound_fast_clock_now(const clockbound_fast *fast, clockbound_interval *out)
{
	bool is_settled = false;
	bool is_answered = false;
	int tries;

	for (tries = 0; tries < SLOW_TRIES && !is_settled; tries++) {
		is_answered = clock_round(fast, &is_settled, out);
	}
	if (!is_answered) {
		/* No clock, or a page that changes all the time, which no daemon makes. */
		clockbound_priv_not_valid(CLOCKBOUND_STATUS_UNKNOWN, CLOCKBOUND_REASON_INCONSISTENT, out);
	}
	out->source = CLOCKBOUND_SOURCE_CLOCK;
	note_retired(fast, out);
}

void clockbound_fast_slow_now(const clockbound_fast *fast, clockbound_interval *out)
{
	/* First of all, since the lines of a daemon that came back are compared with its own kernel page. */
	const clockbound_fast now = {
		.page = fast->page,
		.epochs = epochs_now(fast, clockbound_priv_kernel_now(fast)),
		.kernel = NULL,
	};
	int tries;

	/* Twice, since a thread preempted between counter and slot may find the slot's base ahead of it. */
	for (tries = 0; tries < 2 && fast->is_blind == 0; tries++) {
		if (clockbound_priv_read_any(&now, CLOCKBOUND_PRIV_ORDERED, clockbound_priv_counter_ordered(),
					     out) == CLOCKBOUND_FAST_OK) {
			note_retired(fast, out);
			return;
		}
	}
	clockbound_fast_clock_now(fast, out);
}
