/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the process's log settings. Lines are at most PIPE_BUF bytes and written in one call, so that lines of
 * several processes do not mix and a full pipe is seen before it blocks.
 */
#include "daemon/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

/* Half of this would cut a message with two long paths; double would not fit PIPE_BUF once JSON escapes it. */
#define MESSAGE_BYTES 900

static struct {
	int fd;
	bool is_json;
	bool is_verbose;
	bool has_prefix;
	uint64_t dropped;
} settings = {.fd = STDERR_FILENO};

/* Whether @fd is the stream that systemd promised to read as a journal. */
static bool is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device;
	unsigned long long inode;
	char *end;
	struct stat found;

	if (stream == NULL || fstat(fd, &found) != 0) {
		return false;
	}
	device = strtoull(stream, &end, 10);
	if (*end != ':') {
		return false;
	}
	inode = strtoull(end + 1, &end, 10);
	return *end == '\0' && found.st_dev == device && found.st_ino == inode;
}

void cbd_log_init(int fd, bool is_json, bool is_verbose)
{
	settings.fd = fd;
	settings.is_json = is_json;
	settings.is_verbose = is_verbose;
	settings.has_prefix = is_journal(fd);
	settings.dropped = 0;
}

uint64_t cbd_log_dropped(void)
{
	return settings.dropped;
}

static const char *level_name(enum cbd_log_level level)
{
	switch (level) {
	case CBD_LOG_ERROR:
		return "error";
	case CBD_LOG_WARNING:
		return "warning";
	case CBD_LOG_NOTICE:
		return "notice";
	case CBD_LOG_INFO:
		return "info";
	case CBD_LOG_DEBUG:
		return "debug";
	}
	return "error";
}

/* A message comes partly from outside: nothing in it may look like another line or another level. */
static void replace_controls(char *message)
{
	for (; *message != '\0'; message++) {
		if ((unsigned char)*message < ' ' || *message == 0x7f) {
			*message = ' ';
		}
	}
}

/* Text that jansson takes: what is not UTF-8 loses its high bytes. The caller owns the reference. */
static json_t *json_text(char *text)
{
	json_t *value = json_string(text);
	char *at;

	if (value != NULL) {
		return value;
	}
	for (at = text; *at != '\0'; at++) {
		if ((unsigned char)*at >= 0x80) {
			*at = '?';
		}
	}
	return json_string(text);
}

/* Length of the JSON line in @line, 0 if there is no memory for it. */
static size_t format_json(char *line, size_t size, enum cbd_log_level level, const char *event, char *message)
{
	struct timespec now;
	struct tm utc;
	char stamp[64];
	size_t length;
	json_t *record;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	length = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(stamp + length, sizeof(stamp) - length, ".%06ldZ", now.tv_nsec / 1000);
	record = json_pack("{s:s, s:s, s:s, s:o}", "time", stamp, "level", level_name(level), "event", event,
			   "message", json_text(message));
	if (record == NULL) {
		return 0;
	}
	length = json_dumpb(record, line, size - 1, JSON_COMPACT);
	json_decref(record);
	if (length == 0 || length > size - 1) {
		return 0;
	}
	line[length] = '\n';
	return length + 1;
}

static size_t format_text(char *line, size_t size, enum cbd_log_level level, const char *message)
{
	int length;

	if (settings.has_prefix) {
		length = snprintf(line, size, "<%d>%s\n", (int)level, message);
	} else if (level <= CBD_LOG_WARNING) {
		length = snprintf(line, size, "clockbound: %s: %s\n", level_name(level), message);
	} else {
		length = snprintf(line, size, "clockbound: %s\n", message);
	}
	return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

/* One write, only if it cannot block: a pipe that polls writable takes PIPE_BUF bytes at once (pipe(7)). */
static void put(const char *line, size_t length)
{
	struct pollfd room = {.fd = settings.fd, .events = POLLOUT};

	if (length == 0 || poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0 ||
	    write(settings.fd, line, length) != (ssize_t)length) {
		settings.dropped++;
	}
}

void cbd_log(enum cbd_log_level level, const char *event, const char *format, ...)
{
	char message[MESSAGE_BYTES];
	char line[4096];
	va_list arguments;

	if (level == CBD_LOG_DEBUG && !settings.is_verbose) {
		return;
	}
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	replace_controls(message);
	put(line, settings.is_json ? format_json(line, sizeof(line), level, event, message)
				   : format_text(line, sizeof(line), level, message));
}
