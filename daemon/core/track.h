/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd's time X = CLOCK_REALTIME + correction as a straight line on the counter. Between two updates of
 * chronyd X lies on it exactly, through every slew of chronyd's own; X off its line means that somebody else
 * moved the clock. This is the step detector that always runs. Pure.
 *
 * A step is also seen in CLOCK_REALTIME - CLOCK_MONOTONIC, which no slew changes; it tells whose step it was:
 * chronyd's own leaves X where it is, a stranger's takes X along. Source: docs/MATH.md, "The line test".
 */
#ifndef CBD_CORE_TRACK_H
#define CBD_CORE_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"
#include "daemon/core/q58.h"

/*
 * What the kernel lets the clock run off at most: tick +/- 10 %, frequency and adjtime() +/- 0.05 % each, its loop
 * +/- 12.5 %; together 0.226, up. Dimensionless, Q5.58.
 */
#define CBD_CLOCK_RATE_MAX_Q58 (CBD_Q58_ONE / 4)

/* What a poll shows of the clock's movement since the one before. */
enum cbd_track_verdict {
	CBD_TRACK_CALM,	    /* X is where it must be, or nothing is known yet */
	CBD_TRACK_STEP,	    /* somebody but chronyd stepped the clock */
	CBD_TRACK_SURPRISE, /* somebody but chronyd changes the clock's rate */
};

struct cbd_track_result {
	enum cbd_track_verdict verdict;
	bool is_same_update;   /* chronyd has not updated since the line began */
	bool is_clock_stepped; /* CLOCK_REALTIME was stepped, by whomever */
	bool has_move;	       /* move_ns is known */
	bool is_moved;	       /* X was, between both Trackings of the poll: its samples may be of either */
	bool is_inherited;   /* it is from a former daemon's line: whether there was an update is not known */
	int64_t step_ns;     /* by how much, as far as it is known */
	int64_t off_line_ns; /* magnitude of X's distance from its line; only for the same update */
	int64_t off_rate_q58; /* off_line_ns per ns since the line began, rounded up; SURPRISE only */
	int64_t move_ns;      /* how far this update moved X, signed; only for a new update */
	int64_t blur_ns;      /* how far move_ns may be off by the readings and the wire's quanta */
	int64_t slip_ns;      /* how far the clock was moved while chronyd answered */
	int64_t steer_ns;     /* how far X may be off by chronyd's own rate changes; only for a new update */
	int64_t elapsed_ns;   /* since the last poll */
	int64_t former_q58; /* chronyd's frequency before this update; the present one for the same update */
};

struct cbd_track {
	bool has_line;
	bool is_inherited; /* the line is a former daemon's */
	bool has_before;   /* step_ns and suspend_ns of the poll before are known */
	bool is_foreign;   /* the clock is steered by another than the chronyd we talk to (chronyd -x) */
	bool is_planned;   /* the line began with an update, and nobody has stepped the clock since */
	bool is_slew_seen; /* ... and X has kept to it under the kernel's rate of then: that slew is chronyd's */
	bool is_settled; /* whose hand steers the clock was once told apart: is_foreign is known */
	uint32_t reference_id;
	int64_t ref_time_ns;
	int64_t frequency_q58;
	uint64_t counter; /* the line's start: X was x_ns here */
	int64_t x_ns;
	int64_t clock_ns; /* CLOCK_REALTIME there */
	int64_t slack_ns; /* how far x_ns may be off: quantum, bracket, slip */
	int64_t kernel_rate_q58;
	bool has_kernel_rate;
	int64_t low_rate_q58; /* of the kernel's rates since CALM_UPDATES updates */
	int64_t high_rate_q58;
	uint32_t calm_updates;	 /* updates of chronyd since the kernel's rate last changed */
	uint64_t polled_counter; /* of the last poll */
	int64_t step_ns;	 /* of the last anchor */
	int64_t step_half_ns;
};

/* cbd_track_init - nothing known */
void cbd_track_init(struct cbd_track *track);

/* cbd_track_forget_line - the next poll begins a new line; whose steps they are stays known */
void cbd_track_forget_line(struct cbd_track *track);

/* A line as one daemon leaves it to the next: at @counter the clock showed @clock_ns, and X was @x_ns. */
struct cbd_track_past {
	uint64_t counter; /* 0: there is none */
	int64_t clock_ns;
	int64_t x_ns;
	int64_t frequency_q58;
	int64_t kernel_rate_q58;
	bool has_kernel_rate;
	bool is_settled;
	bool is_foreign;
};

/* cbd_track_leave - the line as it stands, for the next daemon */
void cbd_track_leave(const struct cbd_track *track, struct cbd_track_past *past);

/* cbd_track_inherit - goes on with a former daemon's line; the first poll is measured from it as an update is */
void cbd_track_inherit(struct cbd_track *track, const struct cbd_track_past *past);

/*
 * cbd_track_note - takes X of a poll that cannot be judged: chronyd is not synchronised
 * It does not update then, and X runs on: true, and a new line, if somebody else has moved it off its line. How far the
 * next update moves X is known. @off_ns: the distance. @rate_q58 0: the counter is not measured, and nothing is tested.
 * A line that a former daemon left, or of another frequency, ends here: how far X has left it, by chronyd's updates or
 * otherwise, is the distance.
 */
bool cbd_track_note(struct cbd_track *track, const struct cbd_poll *poll, uint64_t rate_q58,
		    int64_t uncertainty_q58, int64_t *off_ns);

/*
 * cbd_track_poll - tests a poll against the line, and begins a new line where chronyd has updated
 * @rate_q58, @uncertainty_q58: ns per tick of the undisciplined clock, and how far it may be off, relative
 */
struct cbd_track_result cbd_track_poll(struct cbd_track *track, const struct cbd_poll *poll,
				       uint64_t rate_q58, int64_t uncertainty_q58);

/*
 * cbd_track_watch - looks for steps without an answer of chronyd
 * Returns true, and the size, if the clock was stepped since the last anchor.
 */
bool cbd_track_watch(struct cbd_track *track, const struct cbd_anchor *now, int64_t *step_ns);

/* cbd_track_slope_q58 - ns per tick of X: rate * (1 - frequency), times the kernel's rate if it is foreign */
uint64_t cbd_track_slope_q58(const struct cbd_track *track, uint64_t rate_q58);

/*
 * cbd_track_foreign_q58 - how much the rate of a clock that another steers has changed of late; 0 if chronyd does
 * chronyd's estimate of the frequency lags behind such changes by up to its 64 samples.
 */
int64_t cbd_track_foreign_q58(const struct cbd_track *track);

/*
 * cbd_track_is_slew_known - whether the rate that the kernel gives the clock at @now is chronyd's own plan
 * Then chronyd ends it where CLOCK_REALTIME meets X. A stranger's slew goes on, and so does chronyd's own for a while
 * if a stranger has stepped the clock under it. Says no until X has kept to its line for half a second of it.
 */
bool cbd_track_is_slew_known(const struct cbd_track *track, const struct cbd_anchor *now);

#endif
