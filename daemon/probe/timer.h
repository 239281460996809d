/* SPDX-License-Identifier: Apache-2.0 */
/* A timer that the kernel cancels when CLOCK_REALTIME is stepped: no privilege, every step, after the fact. */
#ifndef CBD_PROBE_TIMER_H
#define CBD_PROBE_TIMER_H

#include <stdbool.h>

/* cbd_timer_open - an armed timer's descriptor, readable after a step; or -errno */
int cbd_timer_open(void);

/* cbd_timer_take - whether the clock was stepped since the last call; arms it again */
bool cbd_timer_take(int fd);

#endif
