/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAI - UTC, from whoever knows it: the kernel, if chronyd told it, or the list of leap seconds that tzdata installs.
 * A list that has expired, or cannot be read to its end, knows nothing. Layer: daemon/source.
 */
#ifndef CBD_SOURCE_PHC_SCALE_H
#define CBD_SOURCE_PHC_SCALE_H

#include <stdint.h>

#include "daemon/source/phc_system.h"

/* cbd_phc_scale_parse - TAI - UTC in seconds at @utc_s (POSIX) by the text of leap-seconds.list; 0: not known */
int32_t cbd_phc_scale_parse(const char *text, int64_t utc_s);

/* cbd_phc_scale_tai - TAI - UTC in seconds at @utc_s; 0: nobody knows */
int32_t cbd_phc_scale_tai(const struct cbd_phc_system *system, int64_t utc_s);

/*
 * cbd_phc_scale_again - the same, where it was @known_s at @known_at_s
 * What the kernel says at any time; the list is looked at when it can say something else, with another UTC day.
 */
int32_t cbd_phc_scale_again(const struct cbd_phc_system *system, int64_t utc_s, int32_t known_s,
			    int64_t known_at_s);

#endif
