/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control socket answers: from a request and what the loop and the probe say to one reply, with the
 * descriptor that goes with it. No socket here. One thread.
 */
#ifndef CBD_CONTROL_ANSWER_H
#define CBD_CONTROL_ANSWER_H

#include <stddef.h>

#include "daemon/control/server.h"

union cbd_control_answer {
	struct clockbound_control_reply reply;
	struct clockbound_control_status status;
	struct clockbound_control_kernel_page kernel_page;
	struct clockbound_control_events events;
	struct clockbound_control_vmclock vmclock;
};

/*
 * cbd_control_answer_make - the reply to a packet of @length bytes, of which @request has what fits
 * Returns the descriptor to be sent with it, which stays its owner's, or -1. reply.size is the whole reply's.
 */
int cbd_control_answer_make(const struct cbd_control *control,
			    const struct clockbound_control_request *request, size_t length,
			    union cbd_control_answer *answer);

/* cbd_control_answer_withhold - @answer goes without the descriptor that was meant for it, because of @why */
void cbd_control_answer_withhold(union cbd_control_answer *answer, const char *why);

#endif
