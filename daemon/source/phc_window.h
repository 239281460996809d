/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The widest read of a PHC, and its worst error, of late: what chronyd's last sample of it may have suffered. Kept while
 * the device is lost. Pure. Layer: daemon/source.
 */
#ifndef CBD_SOURCE_PHC_WINDOW_H
#define CBD_SOURCE_PHC_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* So many readings are remembered, and for a minute and more however often it is read: a second shares a place. */
#define CBD_PHC_WINDOW	 64
#define CBD_PHC_PLACE_NS INT64_C(1000000000)

/* All zero: nothing has been read. */
struct cbd_phc_window {
	uint32_t place; /* the latest */
	bool is_begun;
	int64_t place_ns; /* when it was begun, CLOCK_MONOTONIC */
	int64_t width_ns[CBD_PHC_WINDOW];
	int64_t bound_ns[CBD_PHC_WINDOW];
};

/* cbd_phc_window_add - a good reading, @width_ns wide, of a device within @bound_ns */
void cbd_phc_window_add(struct cbd_phc_window *self, int64_t now_ns, int64_t width_ns, int64_t bound_ns);

/* cbd_phc_window_widest_ns, cbd_phc_window_worst_ns - the largest of each; 0: none */
int64_t cbd_phc_window_widest_ns(const struct cbd_phc_window *self);
int64_t cbd_phc_window_worst_ns(const struct cbd_phc_window *self);

#endif
