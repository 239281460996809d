/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The redrawn screen of `cbctl watch`: the interval, its reasons, and the half-width over the last readings as
 * a row of bars. Writes ANSI sequences to stdout; never the alternate screen, so the last picture stays.
 */
#include "cbctl.h"

#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#define CLEAR	    "\033[H\033[2J"
#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
#define BOLD	    "\033[1m"
#define GREEN	    "\033[32m"
#define YELLOW	    "\033[33m"
#define RED	    "\033[31m"
#define PLAIN	    "\033[0m"

#define LEVELS 8

void cbc_screen_begin(struct cbc_screen *screen)
{
	memset(screen, 0, sizeof(*screen));
	(void)setlocale(LC_CTYPE, "");
	screen->is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	printf(HIDE_CURSOR);
}

void cbc_screen_end(void)
{
	printf(SHOW_CURSOR PLAIN);
}

static const char *bar(const struct cbc_screen *screen, int64_t half_ns, int64_t most_ns)
{
	static const char *const blocks[LEVELS] = {"\u2581", "\u2582", "\u2583", "\u2584",
						   "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const letters[LEVELS] = {"_", ".", ":", "-", "=", "+", "*", "#"};
	double part = most_ns > 0 ? (double)half_ns / (double)most_ns : 0.0;
	int level = (int)(part * LEVELS);

	if (half_ns < 0) {
		return "x";
	}
	level = level >= LEVELS ? LEVELS - 1 : level;
	return screen->is_utf8 ? blocks[level] : letters[level];
}

static void remember(struct cbc_screen *screen, const clockbound_interval *interval)
{
	bool is_good = clockbound_is_valid(interval) && cbc_is_bounded(interval);

	screen->half_ns[screen->count % CBC_HISTORY] = is_good ? cbc_half_ns(interval) : -1;
	screen->count++;
}

/* The readings kept, oldest first, scaled to the widest. */
static void draw_history(const struct cbc_screen *screen, int64_t interval_ns)
{
	size_t kept = screen->count < CBC_HISTORY ? screen->count : CBC_HISTORY;
	size_t first = screen->count - kept;
	int64_t most_ns = 0;
	int64_t least_ns = INT64_MAX;
	char least[CBC_TEXT_MAX];
	char most[CBC_TEXT_MAX];
	char span[CBC_TEXT_MAX];
	size_t i;

	for (i = 0; i < kept; i++) {
		int64_t half_ns = screen->half_ns[(first + i) % CBC_HISTORY];

		most_ns = half_ns > most_ns ? half_ns : most_ns;
		least_ns = half_ns >= 0 && half_ns < least_ns ? half_ns : least_ns;
	}
	printf("\nhalf-width over the last %s", cbc_format_duration((int64_t)kept * interval_ns, span));
	if (most_ns > 0) {
		printf(": %s to %s", cbc_format_duration(least_ns, least),
		       cbc_format_duration(most_ns, most));
	}
	printf("\n");
	for (i = 0; i < kept; i++) {
		printf("%s", bar(screen, screen->half_ns[(first + i) % CBC_HISTORY], most_ns));
	}
	printf("\n");
}

static const char *colour(const clockbound_interval *interval)
{
	if (!clockbound_is_valid(interval)) {
		return RED;
	}
	return CLOCKBOUND_STATUS_OF(interval->status) == CLOCKBOUND_STATUS_SYNCHRONIZED ? GREEN : YELLOW;
}

void cbc_screen_draw(struct cbc_screen *screen, const struct cbc_reading *reading, int64_t interval_ns)
{
	const clockbound_interval *interval = &reading->interval;
	char text[CBC_TEXT_MAX];

	remember(screen, interval);
	printf(CLEAR);
	if (cbc_is_bounded(interval)) {
		int64_t middle_ns = interval->earliest_ns + clockbound_width_ns(interval) / 2;

		printf(BOLD "%s" PLAIN, cbc_format_time(middle_ns, text));
		printf("  +/- " BOLD "%s" PLAIN "\n\n", cbc_format_duration(cbc_half_ns(interval), text));
	} else {
		printf(BOLD "no bound" PLAIN "\n\n");
	}
	printf("%s%s, %s" PLAIN ", from the %s, %s\n", colour(interval),
	       clockbound_status_name(interval->status),
	       clockbound_is_valid(interval) ? "valid" : "NOT VALID", cbc_source_name(interval->source),
	       reading->path);
	if (cbc_is_bounded(interval)) {
		printf("earliest  %s\n", cbc_format_time(interval->earliest_ns, text));
		printf("latest    %s\n", cbc_format_time(interval->latest_ns, text));
	}
	draw_history(screen, interval_ns);
	if (CLOCKBOUND_REASONS_OF(interval->status) != 0) {
		printf("\n");
		cbc_print_reasons(interval->status);
	}
}
