/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's log: one line an event on stderr, as text or as JSON. Whoever decides what an event means logs
 * it, once. It never decides anything itself, never blocks (a line that would block is counted and dropped),
 * and reads the clock only to stamp JSON lines for people. One thread.
 */
#ifndef CBD_LOG_H
#define CBD_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Levels by syslog's numbers, as systemd's <N> prefix wants them. */
enum cbd_log_level {
	CBD_LOG_ERROR = 3,   /* the daemon cannot do its work */
	CBD_LOG_WARNING = 4, /* the bound suffers, the daemon goes on */
	CBD_LOG_NOTICE = 5,  /* a change that an operator wants to see */
	CBD_LOG_INFO = 6,    /* start, stop, what was chosen and why */
	CBD_LOG_DEBUG = 7,   /* with --verbose only */
};

/*
 * cbd_log_init - how to log from now on; without it: text, not verbose, to stderr
 * @fd: where to; 2 but in tests
 * With text, lines begin with <N> if JOURNAL_STREAM names @fd (systemd.exec(5)), else with the program's name.
 */
void cbd_log_init(int fd, bool is_json, bool is_verbose);

/*
 * cbd_log - one event
 * @event:  a stable name for machines ("status_changed")
 * @format: the sentence for people; control characters are replaced, 900 bytes are kept
 */
void cbd_log(enum cbd_log_level level, const char *event, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* cbd_log_dropped - lines lost because the reader of the log did not read */
uint64_t cbd_log_dropped(void);

#endif
