/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where leap seconds can fall. POSIX time repeats or skips one second there, so no line may be carried over it.
 * Pure.
 */
#ifndef CBD_CORE_LEAP_H
#define CBD_CORE_LEAP_H

#include <stdbool.h>
#include <stdint.h>

/* cbd_leap_end_of_day_ns - the next UTC midnight after @utc_ns */
int64_t cbd_leap_end_of_day_ns(int64_t utc_ns);

/*
 * cbd_leap_begin_ns - from when on the leap second of this UTC day makes true time another
 * An inserted one repeats a second from midnight on; a deleted one leaves out the second before.
 */
int64_t cbd_leap_begin_ns(int64_t utc_ns, bool is_deleted);

/* cbd_leap_is_near_month_end - a UTC month begins within an hour of @utc_ns, before or after */
bool cbd_leap_is_near_month_end(int64_t utc_ns);

/* cbd_leap_is_possible - a UTC month begins between @from_ns and @to_ns, or within an hour of either */
bool cbd_leap_is_possible(int64_t from_ns, int64_t to_ns);

/* cbd_leap_is_one_second - a step of this size can be a leap second: 1 s, give or take a tenth */
bool cbd_leap_is_one_second(int64_t step_ns);

#endif
