/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of the clocks between a former daemon's last publication and now, while nobody looked. A slot that stays
 * in force is widened by what the clock may have left its course, and by how much faster it may leave it. Pure.
 * Source: docs/MATH.md, "Over a restart".
 */
#ifndef CBD_CORE_MEANWHILE_H
#define CBD_CORE_MEANWHILE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"

/* The course of CLOCK_REALTIME over CLOCK_MONOTONIC_RAW that the drift of a publication allows for. */
struct cbd_course {
	int64_t real_ns;  /* the clock at as-of */
	int64_t raw_ns;	  /* CLOCK_MONOTONIC_RAW at the same instant */
	int64_t rate_q58; /* the kernel's rate of the clock then */
	bool is_known;
};

/* What a former daemon left of the clocks. */
struct cbd_former {
	struct cbd_course course;
	int64_t step_ns;    /* CLOCK_REALTIME - CLOCK_MONOTONIC; 0: not known */
	int64_t suspend_ns; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC */
	uint64_t rate_q58;  /* ns per tick of the anchors' counter, roughly; 0: not known */
};

struct cbd_meanwhile {
	bool is_clock_lost;   /* stepped, or not shown not to be, or nobody knows how fast it runs */
	bool is_counter_lost; /* the machine slept, or may have */
	bool is_rate_moved;   /* the rate was changed, though it may be back */
	int64_t off_ns;	      /* how far the clock may be off its course; unless is_clock_lost, as the next */
	int64_t faster_q58;   /* how much faster than allowed for it may leave X, by a reader's age */
};

/* cbd_course_make - the course at @now; @rate_q58: ns per tick of the anchor's counter, roughly */
struct cbd_course cbd_course_make(const struct cbd_anchor *now, uint64_t rate_q58);

/* cbd_meanwhile_judge - @now: NULL if nothing could be read. Rounding: off_ns and faster_q58 up. */
struct cbd_meanwhile cbd_meanwhile_judge(const struct cbd_former *former, const struct cbd_anchor *now);

#endif
