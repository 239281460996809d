/* SPDX-License-Identifier: Apache-2.0 */
/* See schedule.h. */
#include "daemon/schedule.h"

#include <string.h>

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void cbd_schedule_init(struct cbd_schedule *schedule, int64_t interval_ns, int64_t now_ns)
{
	memset(schedule, 0, sizeof(*schedule));
	schedule->interval_ns = interval_ns;
	schedule->start_ns = now_ns;
	schedule->grid_ns = now_ns;
	schedule->next_ns = now_ns;
}

void cbd_schedule_after_poll(struct cbd_schedule *schedule, int64_t now_ns, bool is_synced, bool wants_again)
{
	if (now_ns - schedule->grid_ns >= schedule->interval_ns) {
		/* Missed ones are not made up for. */
		schedule->grid_ns +=
			(now_ns - schedule->grid_ns) / schedule->interval_ns * schedule->interval_ns;
	}
	schedule->next_ns = schedule->grid_ns + schedule->interval_ns;
	schedule->has_synced = schedule->has_synced || is_synced;
	schedule->again = wants_again ? schedule->again + 1 : 0;
	if (wants_again && schedule->again <= CBD_SCHEDULE_AGAIN_MAX) {
		schedule->next_ns = min_ns(schedule->next_ns, now_ns + CBD_SCHEDULE_AGAIN_NS);
	} else if (!schedule->has_synced && now_ns - schedule->start_ns < CBD_SCHEDULE_EAGER_FOR_NS) {
		schedule->next_ns = min_ns(schedule->next_ns, now_ns + CBD_SCHEDULE_EAGER_NS);
	}
}

bool cbd_schedule_may_reset(struct cbd_schedule *schedule, int64_t now_ns)
{
	if (schedule->has_reset && now_ns - schedule->reset_ns < CBD_SCHEDULE_RESET_NS) {
		return false;
	}
	schedule->has_reset = true;
	schedule->reset_ns = now_ns;
	schedule->next_ns = now_ns;
	return true;
}
