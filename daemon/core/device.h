/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PTP hardware clock's part in the judgement: what it adds to chronyd's samples, where it narrows or disputes
 * them, and what it proves while chronyd proves nothing. Pure, private to daemon/core.
 * Source: docs/MATH.md, "PTP hardware clocks".
 */
#ifndef CBD_CORE_DEVICE_H
#define CBD_CORE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/core.h"

/* cbd_device_reasons - PHC_FAILED if there should be a device and nothing good comes from it */
uint32_t cbd_device_reasons(const struct cbd_core *core);

/*
 * cbd_device_charge - what a sample of the source @reference_id lacks if that is the device, or may be
 * @is_refclock: one of chronyd's refclocks, each of which may be the device where no name of it is configured
 * Returns false, and says PHC_FAILED, if that is not known: the sample proves nothing.
 */
bool cbd_device_charge(struct cbd_core *core, uint32_t reference_id, bool is_refclock,
		       struct cbd_sample *sample);

/*
 * cbd_device_combine - the device's own interval at @now, with chronyd's sample of the same poll
 * Sets @is_disputed if they exclude each other. Returns whether the device proved anything.
 */
bool cbd_device_combine(const struct cbd_core *core, const struct cbd_anchor *now, int64_t growth_q58,
			struct cbd_sample *sample, bool *is_disputed);

/*
 * cbd_device_alone - brings the device's own interval at @now into agreement with the lines that stand
 * Where chronyd proves nothing. It begins no lines, since their slope is chronyd's, and none across a leap second.
 * Returns whether the device proved anything.
 */
bool cbd_device_alone(struct cbd_core *core, const struct cbd_anchor *now);

#endif
