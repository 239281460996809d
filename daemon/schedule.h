/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When to ask chronyd next. Pure: times are arguments, CLOCK_MONOTONIC ns. Polls keep to a grid of the poll
 * interval; what cannot wait so long comes between.
 */
#ifndef CBD_SCHEDULE_H
#define CBD_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

/* Until the first synchronised answer: often enough for a valid interval well within 3 s of chronyd's. */
#define CBD_SCHEDULE_EAGER_NS INT64_C(200000000)
/* ... but not for ever: a chronyd that is not there costs no more than one that is. */
#define CBD_SCHEDULE_EAGER_FOR_NS INT64_C(10000000000)
/* A poll that proved nothing is worth another one soon; chronyd's slews and updates are over by then. */
#define CBD_SCHEDULE_AGAIN_NS INT64_C(100000000)
/* In a row; after that something lasts, and the next poll of the grid will do. */
#define CBD_SCHEDULE_AGAIN_MAX 5
/* Resetting chronyd's sources drops all its samples: not more often than this, as upstream. */
#define CBD_SCHEDULE_RESET_NS INT64_C(10000000000)

struct cbd_schedule {
	int64_t next_ns; /* when the next poll is due */
	/* private */
	int64_t interval_ns;
	int64_t grid_ns; /* the last poll of the grid that is over */
	int64_t start_ns;
	int64_t reset_ns; /* when sources were last reset; meaningful if has_reset */
	uint32_t again;	  /* polls again in a row */
	bool has_reset;
	bool has_synced;
};

/* cbd_schedule_init - the first poll is due at once */
void cbd_schedule_init(struct cbd_schedule *schedule, int64_t interval_ns, int64_t now_ns);

/*
 * cbd_schedule_after_poll - a poll has ended, one way or the other
 * @is_synced: chronyd has given a valid bound; @wants_again: this poll proved nothing
 */
void cbd_schedule_after_poll(struct cbd_schedule *schedule, int64_t now_ns, bool is_synced, bool wants_again);

/* cbd_schedule_may_reset - whether sources may be reset now; if so, the next poll is due at once, to do it */
bool cbd_schedule_may_reset(struct cbd_schedule *schedule, int64_t now_ns);

#endif
