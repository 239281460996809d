/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV through zlib, which reads plain files as they are: see csv.h.
 */
#include "tests/replay/csv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

bool cbd_replay_fail(struct cbd_replay_error *error, const struct cbd_csv *csv, const char *format, ...)
{
	va_list arguments;
	int length = csv->line_number > 0 ? snprintf(error->text, sizeof(error->text), "%s:%u: ", csv->path,
						     csv->line_number)
					  : snprintf(error->text, sizeof(error->text), "%s: ", csv->path);

	va_start(arguments, format);
	vsnprintf(error->text + length, sizeof(error->text) - (size_t)length, format, arguments);
	va_end(arguments);
	return false;
}

bool cbd_csv_open(struct cbd_csv *csv, const char *path, struct cbd_replay_error *error)
{
	*csv = (struct cbd_csv){0};
	if (snprintf(csv->path, sizeof(csv->path), "%s", path) >= (int)sizeof(csv->path)) {
		return cbd_replay_fail(error, csv, "the path is too long");
	}
	errno = 0;
	csv->file = gzopen(path, "re");
	if (csv->file == NULL) {
		return cbd_replay_fail(error, csv, "cannot be opened: %s",
				       errno != 0 ? strerror(errno) : "no memory");
	}
	return true;
}

void cbd_csv_close(struct cbd_csv *csv)
{
	if (csv->file != NULL) {
		(void)gzclose_r(csv->file);
		csv->file = NULL;
	}
}

static bool split(struct cbd_csv *csv, struct cbd_replay_error *error)
{
	char *rest = csv->line;

	csv->fields = 0;
	while (rest != NULL) {
		if (csv->fields == CBD_CSV_FIELDS_MAX) {
			return cbd_replay_fail(error, csv, "more than %d fields", CBD_CSV_FIELDS_MAX);
		}
		csv->field[csv->fields++] = strsep(&rest, ",");
	}
	return true;
}

/* The end of the file, or why it cannot be read on. */
static enum cbd_csv_verdict judge_end(struct cbd_csv *csv, struct cbd_replay_error *error)
{
	int code = Z_OK;
	const char *text = gzerror(csv->file, &code);

	if (code == Z_OK || code == Z_STREAM_END) {
		return CBD_CSV_END;
	}
	if (code == Z_ERRNO) {
		text = strerror(errno);
	}
	cbd_replay_fail(error, csv, "cannot be read on after this line: %s", text);
	return CBD_CSV_BROKEN;
}

/* Reads up to the line's end, NUL bytes included, which a string function would take for the end. */
static enum cbd_csv_verdict read_line(struct cbd_csv *csv, struct cbd_replay_error *error)
{
	size_t length = 0;
	int byte = gzgetc((gzFile)csv->file);

	if (byte < 0) {
		return judge_end(csv, error);
	}
	csv->line_number++;
	while (byte >= 0 && byte != '\n') {
		if (byte == '\0' || length + 1 == sizeof(csv->line)) {
			cbd_replay_fail(error, csv,
					byte == '\0' ? "a NUL byte" : "the line is too long for a trace");
			return CBD_CSV_BROKEN;
		}
		csv->line[length++] = (char)byte;
		byte = gzgetc((gzFile)csv->file);
	}
	if (byte < 0 && judge_end(csv, error) == CBD_CSV_BROKEN) {
		return CBD_CSV_BROKEN;
	}
	if (length > 0 && csv->line[length - 1] == '\r') {
		length--;
	}
	csv->line[length] = '\0';
	return CBD_CSV_LINE;
}

enum cbd_csv_verdict cbd_csv_next(struct cbd_csv *csv, struct cbd_replay_error *error)
{
	enum cbd_csv_verdict verdict = read_line(csv, error);

	if (verdict == CBD_CSV_LINE && !split(csv, error)) {
		return CBD_CSV_BROKEN;
	}
	return verdict;
}

int cbd_csv_find(const struct cbd_csv *csv, const char *name)
{
	for (size_t i = 0; i < csv->fields; i++) {
		if (strcmp(csv->field[i], name) == 0) {
			return (int)i;
		}
	}
	return -1;
}

bool cbd_csv_number(const struct cbd_csv *csv, const struct cbd_csv_column *column, double *value,
		    struct cbd_replay_error *error)
{
	const char *text = csv->field[column->index];
	char *end;
	double number = strtod(text, &end);

	/* strtod() also knows nan, inf and hexadecimal, which no trace has. */
	if (end == text || *end != '\0' || text[strspn(text, "+-.0123456789eE")] != '\0') {
		return cbd_replay_fail(error, csv, "column %s: \"%.40s\" is no number", column->name, text);
	}
	if (!(number >= column->minimum && number <= column->maximum)) {
		return cbd_replay_fail(error, csv, "column %s: %.40s is not within %.12g and %.12g",
				       column->name, text, column->minimum, column->maximum);
	}
	*value = number;
	return true;
}

bool cbd_csv_hex32(const struct cbd_csv *csv, const struct cbd_csv_column *column, uint32_t *value,
		   struct cbd_replay_error *error)
{
	const char *text = csv->field[column->index];

	if (strlen(text) != 8 || text[strspn(text, "0123456789abcdefABCDEF")] != '\0') {
		return cbd_replay_fail(error, csv, "column %s: \"%.40s\" is not eight hexadecimal digits",
				       column->name, text);
	}
	*value = (uint32_t)strtoul(text, NULL, 16);
	return true;
}
