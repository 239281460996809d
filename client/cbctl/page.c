/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One slot of the page as a whole, with the interval made from it, for people who want to know why. Readers of
 * time use <clockbound/fast.h>.
 */
#include "cbctl.h"

#include <time.h>

/* A publication takes some 100 ns, once a second. */
#define TRIES 100

/* A word of any struct. */
typedef uint64_t __attribute__((may_alias)) word;

/* Loads @size bytes, a multiple of 8, word by word: a plain copy of what is being written is a data race. */
static void load_words(void *to, const void *from, size_t size)
{
	word *out = to;
	const word *in = from;
	size_t i;

	for (i = 0; i < size / sizeof(word); i++) {
		out[i] = CLOCKBOUND_PRIV_LOAD(&in[i]);
	}
}

bool cbc_page_take(const clockbound_fast *fast, struct cbc_page *page)
{
	const struct clockbound_page *from = fast->page;
	int tries;

	for (tries = 0; tries < TRIES; tries++) {
		uint32_t seq = clockbound_priv_seq_begin(&from->control.seq);
		uint32_t slot = seq & 1u;

		load_words(&page->identity, &from->identity, sizeof(page->identity));
		load_words(&page->epochs, fast->epochs, sizeof(page->epochs));
		load_words(&page->hot, &from->slot[slot].hot, sizeof(page->hot));
		load_words(&page->clock, &from->slot[slot].clock, sizeof(page->clock));
		load_words(&page->terms, &from->terms[slot], sizeof(page->terms));
		page->publications = CLOCKBOUND_PRIV_LOAD(&from->control.publications);
		page->mono_ns = cbc_clock_ns(CLOCK_MONOTONIC);
		page->real_ns = cbc_clock_ns(CLOCK_REALTIME);
		page->counter = clockbound_fast_counter();
		if (clockbound_fast_at_counter(fast, page->counter, &page->interval) != CLOCKBOUND_FAST_OK) {
			clockbound_fast_slow_now(fast, &page->interval);
		}
		if (!clockbound_priv_seq_retry(&from->control.seq, seq)) {
			return true;
		}
	}
	return false;
}
