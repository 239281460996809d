/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_scale.h. */
#include "daemon/source/phc_scale.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LEAP_LIST "/usr/share/zoneinfo/leap-seconds.list"
/* The list had 10 kB in 2026. */
#define LEAP_LIST_MAX 32768
/* The list counts from 1900, POSIX from 1970. */
#define NTP_TO_POSIX INT64_C(2208988800)
/* TAI - UTC was 10 s in 1972 and 37 s in 2026. */
#define TAI_MIN 10
#define TAI_MAX 99
#define DAY_S	86400

/* Two numbers at the start of a line; false if it has not two. */
static bool parse_line(const char *line, int64_t *ntp_s, int32_t *tai_s)
{
	char *end = NULL;
	long tai;

	*ntp_s = strtoll(line, &end, 10);
	if (end == line || !isblank((unsigned char)*end)) {
		return false;
	}
	line = end;
	tai = strtol(line, &end, 10);
	if (end == line || tai < TAI_MIN || tai > TAI_MAX) {
		return false;
	}
	*tai_s = (int32_t)tai;
	return true;
}

int32_t cbd_phc_scale_parse(const char *text, int64_t utc_s)
{
	const int64_t now_s = utc_s + NTP_TO_POSIX;
	int64_t expires_s = INT64_MIN;
	int32_t tai_s = 0;
	const char *line = text;

	while (*line != '\0') {
		const char *end = line + strcspn(line, "\n");
		int64_t ntp_s;
		int32_t at_s;

		if (strncmp(line, "#@", 2) == 0) {
			expires_s = strtoll(line + 2, NULL, 10);
		} else if (isdigit((unsigned char)*line)) {
			if (!parse_line(line, &ntp_s, &at_s)) {
				return 0;
			}
			if (ntp_s <= now_s) {
				tai_s = at_s;
			}
		}
		line = *end == '\n' ? end + 1 : end;
	}
	return now_s < expires_s ? tai_s : 0;
}

static int32_t kernel_tai(const struct cbd_phc_system *system)
{
	int tai_s = system->kernel_tai(system->context);

	return tai_s >= TAI_MIN && tai_s <= TAI_MAX ? tai_s : 0;
}

int32_t cbd_phc_scale_again(const struct cbd_phc_system *system, int64_t utc_s, int32_t known_s,
			    int64_t known_at_s)
{
	int32_t tai_s = kernel_tai(system);

	if (tai_s == 0) {
		tai_s = utc_s / DAY_S == known_at_s / DAY_S ? known_s : cbd_phc_scale_tai(system, utc_s);
	}
	return tai_s;
}

int32_t cbd_phc_scale_tai(const struct cbd_phc_system *system, int64_t utc_s)
{
	int32_t tai_s = kernel_tai(system);
	char *text;

	if (tai_s != 0) {
		return tai_s;
	}
	text = malloc(LEAP_LIST_MAX);
	if (text != NULL && system->read_file(system->context, LEAP_LIST, text, LEAP_LIST_MAX) > 0) {
		tai_s = cbd_phc_scale_parse(text, utc_s);
	}
	free(text);
	return tai_s;
}
