/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_window.h. */
#include "daemon/source/phc_window.h"

#include "daemon/core/q58.h"

void cbd_phc_window_add(struct cbd_phc_window *self, int64_t now_ns, int64_t width_ns, int64_t bound_ns)
{
	if (!self->is_begun || cbd_ns_sub(now_ns, self->place_ns) >= CBD_PHC_PLACE_NS) {
		self->place = (self->place + 1) % CBD_PHC_WINDOW;
		self->place_ns = now_ns;
		self->width_ns[self->place] = 0;
		self->bound_ns[self->place] = 0;
		self->is_begun = true;
	}
	self->width_ns[self->place] = cbd_ns_max(self->width_ns[self->place], width_ns);
	self->bound_ns[self->place] = cbd_ns_max(self->bound_ns[self->place], bound_ns);
}

/* Places that have not been taken are 0. */
static int64_t largest_ns(const int64_t *places)
{
	int64_t ns = 0;
	int i;

	for (i = 0; i < CBD_PHC_WINDOW; i++) {
		ns = cbd_ns_max(ns, places[i]);
	}
	return ns;
}

int64_t cbd_phc_window_widest_ns(const struct cbd_phc_window *self)
{
	return largest_ns(self->width_ns);
}

int64_t cbd_phc_window_worst_ns(const struct cbd_phc_window *self)
{
	return largest_ns(self->bound_ns);
}
