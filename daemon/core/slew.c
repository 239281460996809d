/* SPDX-License-Identifier: Apache-2.0 */
/* See slew.h. */
#include "daemon/core/slew.h"

bool cbd_slew_look(struct cbd_slew *slew, bool is_sign, int64_t now_ns)
{
	/* From when it was first seen gone: how long before it went nobody knows. */
	if (is_sign || slew->was_seen) {
		slew->end_ns = cbd_ns_add(now_ns, CBD_SLEW_HOLD_NS);
	}
	slew->was_seen = is_sign;
	return now_ns < slew->end_ns;
}
