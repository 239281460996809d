/* SPDX-License-Identifier: Apache-2.0 */
/* See history.h. */
#include "daemon/probe/history.h"

const struct clockbound_event *cbd_history_add(struct cbd_history *history,
					       const struct clockbound_event *event)
{
	struct clockbound_event *place = &history->event[++history->last % CBD_HISTORY_EVENTS];

	*place = *event;
	place->number = history->last;
	return place;
}

size_t cbd_history_after(const struct cbd_history *history, uint64_t number, struct clockbound_event *event,
			 size_t size)
{
	uint64_t oldest = history->last < CBD_HISTORY_EVENTS ? 1 : history->last - CBD_HISTORY_EVENTS + 1;
	uint64_t next = number < oldest ? oldest : number + 1;
	size_t count = 0;

	if (number >= history->last) {
		return 0;
	}
	for (; next <= history->last && count < size; next++) {
		event[count++] = history->event[next % CBD_HISTORY_EVENTS];
	}
	return count;
}
