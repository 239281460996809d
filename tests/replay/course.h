/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The undisciplined counter of a trace that recorded only the clock: the clock's own course with every rate
 * change of chronyd divided out and every step left out. What bends the clock otherwise is the oscillator.
 * Private to trace.
 */
#ifndef CBD_REPLAY_COURSE_H
#define CBD_REPLAY_COURSE_H

#include "tests/replay/csv.h"
#include "tests/replay/trace.h"

/*
 * cbd_course_read - reads the events file at @path, and sets the counter of every row and event of @trace
 * Returns false and @error if it is no events file, or its times do not rise. @trace->event is then to be
 * freed.
 */
bool cbd_course_read(struct cbd_trace *trace, const char *path, struct cbd_replay_error *error);

#endif
