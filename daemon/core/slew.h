/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slews of the kernel's own that no question shows to their end. adjtimex() tells what is left to be slewed, and the
 * kernel takes each second's part off that when the second begins: what it says is nothing may still be at work, for
 * one second. So after the last sign of a slew one is reckoned with for a while. Pure.
 */
#ifndef CBD_CORE_SLEW_H
#define CBD_CORE_SLEW_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/q58.h"

/* adjtime(): 500 us a second (MAX_TICKADJ). */
#define CBD_SLEW_SINGLE_Q58 (CBD_Q58_ONE / 2000 + 1)
/* ADJ_OFFSET: at most 0.5 s (MAXPHASE), of it at most a quarter in each second (SHIFT_PLL). */
#define CBD_SLEW_LOOP_Q58 (CBD_Q58_ONE / 8)

/*
 * After the last sign: more than the last second of a slew, which a clock that is slow and an idle machine, whose tick
 * comes late, draw out. And a loop's offset is told in whole us: of less than that each second takes 2^-n, n from 2 on,
 * which after 30 s is below 0.02 ppm whatever n.
 */
#define CBD_SLEW_HOLD_NS INT64_C(30000000000)

/* Zero: no sign was ever seen. */
struct cbd_slew {
	int64_t end_ns; /* CLOCK_MONOTONIC */
	bool was_seen;	/* the last time that somebody looked */
};

/* cbd_slew_look - whether a slew may be at work at @now_ns, of which there @is_sign or not */
bool cbd_slew_look(struct cbd_slew *slew, bool is_sign, int64_t now_ns);

#endif
