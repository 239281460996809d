/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leap seconds: see leap.h.
 */
#include "daemon/core/leap.h"

#include <time.h>

#include "daemon/core/q58.h"

#define DAY_NS	(86400 * CBD_NS_PER_SEC)
#define HOUR_NS (3600 * CBD_NS_PER_SEC)

int64_t cbd_leap_end_of_day_ns(int64_t utc_ns)
{
	int64_t day = utc_ns / DAY_NS;

	if (utc_ns % DAY_NS < 0) {
		day--;
	}
	return day >= INT64_MAX / DAY_NS ? INT64_MAX : (day + 1) * DAY_NS;
}

int64_t cbd_leap_begin_ns(int64_t utc_ns, bool is_deleted)
{
	return cbd_ns_sub(cbd_leap_end_of_day_ns(utc_ns), is_deleted ? CBD_NS_PER_SEC : 0);
}

static int month_of(int64_t utc_ns)
{
	time_t seconds = utc_ns / CBD_NS_PER_SEC;
	struct tm parts;

	return gmtime_r(&seconds, &parts) == NULL ? -1 : parts.tm_mon;
}

bool cbd_leap_is_near_month_end(int64_t utc_ns)
{
	return cbd_leap_is_possible(utc_ns, utc_ns);
}

bool cbd_leap_is_possible(int64_t from_ns, int64_t to_ns)
{
	return month_of(cbd_ns_sub(from_ns, HOUR_NS)) != month_of(cbd_ns_add(to_ns, HOUR_NS));
}

bool cbd_leap_is_one_second(int64_t step_ns)
{
	int64_t size_ns = cbd_ns_abs(step_ns);

	return size_ns > CBD_NS_PER_SEC * 9 / 10 && size_ns < CBD_NS_PER_SEC * 11 / 10;
}
