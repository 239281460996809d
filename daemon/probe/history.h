/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last changes of the clock, whoever noticed them, for `cbctl events`. It numbers them, forgets the oldest,
 * and judges nothing. One thread.
 */
#ifndef CBD_PROBE_HISTORY_H
#define CBD_PROBE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include <clockbound/events.h>

#define CBD_HISTORY_EVENTS 256

/* Zeroed is empty. */
struct cbd_history {
	struct clockbound_event event[CBD_HISTORY_EVENTS]; /* number n stands at n % CBD_HISTORY_EVENTS */
	uint64_t last;					   /* number of the newest, the first is 1; 0: none */
};

/* cbd_history_add - keeps @event under the next number, whatever number it brings; returns what is kept */
const struct clockbound_event *cbd_history_add(struct cbd_history *history,
					       const struct clockbound_event *event);

/*
 * cbd_history_after - copies the oldest events kept whose number is above @number, at most @size of them
 * Returns how many. A first number above @number + 1 means that those between are forgotten.
 */
size_t cbd_history_after(const struct cbd_history *history, uint64_t number, struct clockbound_event *event,
			 size_t size);

#endif
