/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to the clock beside chronyd's own work: steps, movements that nobody announced, leap seconds. Decides
 * whose hand it was, and from when on samples are believed again. Pure, private to daemon/core.
 * Source: docs/MATH.md, "The line test" and "After an event".
 */
#ifndef CBD_CORE_DISTURBANCE_H
#define CBD_CORE_DISTURBANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/core.h"

/* cbd_disturbance_begin - from @now on only samples from after it are believed, for @reason */
void cbd_disturbance_begin(struct cbd_core *core, uint32_t reason, const struct cbd_anchor *now);

/*
 * cbd_disturbance_doubt - what happens now may mislead chronyd's regression, and no answer of chronyd tells of it
 * Called before the next line begins: the frequency before it is the one to go by.
 */
void cbd_disturbance_doubt(struct cbd_core *core);

/* cbd_disturbance_error_q58 - how far chronyd's frequency may have been off, as the lines that stand were drawn, beside rho */
int64_t cbd_disturbance_error_q58(const struct cbd_core *core);

/* cbd_disturbance_step - CLOCK_REALTIME was stepped by an unknown hand: there is no answer of chronyd to tell by */
void cbd_disturbance_step(struct cbd_core *core, int64_t step_ns, const struct cbd_anchor *now);

/* cbd_disturbance_unsynchronised - the same of a poll at which chronyd was not synchronised: X only runs on then */
void cbd_disturbance_unsynchronised(struct cbd_core *core, const struct cbd_poll *poll);

/* cbd_disturbance_judge - did somebody move the clock since the last poll? @had_line: there was an X to tell by */
void cbd_disturbance_judge(struct cbd_core *core, const struct cbd_poll *poll,
			   const struct cbd_track_result *track, bool had_line);

/* cbd_disturbance_watch_leap - by the lines, if any: from when the announced leap second may have begun until it is over nothing is known */
void cbd_disturbance_watch_leap(struct cbd_core *core, const struct cbd_anchor *now);

/*
 * cbd_disturbance_is_past_leap - without lines: the announced leap second is not between @sample and now, nor near
 * One that is certainly from after it ends it.
 */
bool cbd_disturbance_is_past_leap(struct cbd_core *core, const struct cbd_poll *poll,
				  const struct cbd_sample *sample);

/* cbd_disturbance_note_leap - takes chronyd's announcement of a leap second, or its withdrawal */
void cbd_disturbance_note_leap(struct cbd_core *core, const struct cbd_poll *poll);

#endif
