/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See config_file.h. inih splits the lines; they are read here, since its callback is not told the line and it
 * cuts long lines in two.
 */
#include "daemon/config_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ini.h>

struct reading {
	FILE *stream;
	const char *path;
	cbd_config_take *take;
	void *context;
	char *error;
	size_t size;
	int line;
	int is_bad;
};

static void fail(struct reading *reading, const char *why)
{
	if (!reading->is_bad) {
		snprintf(reading->error, reading->size, "%s:%d: %s", reading->path, reading->line, why);
		reading->is_bad = 1;
	}
}

/* inih skips it in the first line. */
static const char *without_bom(const char *line)
{
	return strncmp(line, "\xef\xbb\xbf", 3) == 0 ? line + 3 : line;
}

/* inih's reader: one line, whole, or the end of the file, which also comes after the first error. */
static char *read_line(char *line, int size, void *context)
{
	struct reading *reading = context;
	const char *text;
	size_t length;

	if (reading->is_bad || fgets(line, size, reading->stream) == NULL) {
		return NULL;
	}
	reading->line++;
	length = strlen(line);
	if (length == 0 || (line[length - 1] != '\n' && !feof(reading->stream))) {
		fail(reading, "the line is too long or holds a NUL byte");
		return NULL;
	}
	text = reading->line == 1 ? without_bom(line) : line;
	if (text[strspn(text, " \t\r\v\f")] == '[') {
		/* inih tells of a section only with its first key: one without keys, or with one behind it, is lost. */
		fail(reading, "sections have no meaning here: remove this line");
		return NULL;
	}
	if (isspace((unsigned char)line[0])) {
		/* inih would take an indented line as the continuation of the value before. */
		memmove(line, line + strspn(line, " \t\r\v\f"), strlen(line + strspn(line, " \t\r\v\f")) + 1);
	}
	return line;
}

static int take_line(void *context, const char *section, const char *key, const char *value)
{
	struct reading *reading = context;
	char why[400];

	(void)section; /* read_line() refuses them */
	if (!reading->take(reading->context, key, value, why, sizeof(why))) {
		fail(reading, why);
		return 0;
	}
	return 1;
}

int cbd_config_file_read(const char *path, cbd_config_take *take, void *context, char *error, size_t size)
{
	struct reading reading = {
		.path = path, .take = take, .context = context, .error = error, .size = size};
	int result;

	reading.stream = fopen(path, "re");
	if (reading.stream == NULL) {
		snprintf(error, size, "%s: cannot read the configuration: %s", path, strerror(errno));
		return -1;
	}
	result = ini_parse_stream(read_line, &reading, take_line, &reading);
	if (ferror(reading.stream)) {
		snprintf(error, size, "%s: cannot read the configuration: %s", path, strerror(errno));
		reading.is_bad = 1;
	}
	fclose(reading.stream);
	if (result != 0 && !reading.is_bad) {
		reading.line = result > 0 ? result : reading.line;
		fail(&reading, "not 'key = value'");
	}
	return reading.is_bad ? -1 : 0;
}
