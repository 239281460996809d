/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is missing of X's movement in chronyd's own account: whatever it moves X by it takes off the offsets of its samples.
 * Pure, private to daemon/core. Source: docs/MATH.md, "The sample's account".
 */
#ifndef CBD_CORE_MISSING_H
#define CBD_CORE_MISSING_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"
#include "daemon/core/track.h"

struct cbd_core;

/*
 * cbd_missing_ns - by how much the selected sample's account differs from how far X did move at this update
 * False if there is no selected sample, or no line to measure X's movement by.
 */
bool cbd_missing_ns(const struct cbd_core *core, const struct cbd_poll *poll,
		    const struct cbd_track_result *track, int64_t *missing_ns);

/*
 * cbd_missing_is_credited - nothing that matters is missing
 * What is taken off a sample without X having moved, or the other way round, is a stranger's doing, or that of a kernel that
 * says that it made a step and did not: the sample says 0, and X is as wrong as before.
 */
bool cbd_missing_is_credited(const struct cbd_core *core, const struct cbd_poll *poll,
			     const struct cbd_track_result *track);

/*
 * cbd_missing_is_whole - the selected sample's account covers all updates since the last poll: it was seen then, or none
 * was missed, as the interval between the last two proves
 */
bool cbd_missing_is_whole(const struct cbd_core *core, const struct cbd_poll *poll,
			  const struct cbd_track_result *track);

/* cbd_missing_blur_ns - how much may be missing of the selected sample by readings alone, and by its age */
int64_t cbd_missing_blur_ns(const struct cbd_core *core, const struct cbd_poll *poll,
			    const struct cbd_track_result *track);

/*
 * cbd_missing_most_ns - the most that may be missing: of the selected sample; where an update was missed, or none is
 * selected, of any
 */
int64_t cbd_missing_most_ns(const struct cbd_core *core, const struct cbd_poll *poll,
			    const struct cbd_track_result *track);

/*
 * cbd_missing_is_sample_credited - nothing that matters is missing of this source's sample
 * @track: NULL if the poll was not tested, since chronyd is not synchronised: then X is not to have moved
 */
bool cbd_missing_is_sample_credited(const struct cbd_core *core, const struct cbd_poll *poll,
				    const struct cbd_source_data *source,
				    const struct cbd_track_result *track);

#endif
