/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and fields of a CSV file, plain or gzipped, with errors that say file and line. Quotes are not known:
 * no trace has any. It owns the open file and the present line; it knows nothing of what the columns mean.
 * Layer: tests/replay, below trace.
 */
#ifndef CBD_REPLAY_CSV_H
#define CBD_REPLAY_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The widest known trace has 42 columns, 8 more with each source. */
#define CBD_CSV_FIELDS_MAX 96
#define CBD_CSV_LINE_MAX   4096

/* Why an input cannot be used: "file:line: what". */
struct cbd_replay_error {
	char text[512];
};

struct cbd_csv {
	void *file; /* zlib's */
	char path[256];
	uint32_t line_number;
	size_t fields;
	const char *field[CBD_CSV_FIELDS_MAX]; /* of the present line, ended by NUL */
	char line[CBD_CSV_LINE_MAX];
};

/* What cbd_csv_next() found. */
enum cbd_csv_verdict {
	CBD_CSV_LINE,
	CBD_CSV_END,
	CBD_CSV_BROKEN, /* the error is filled */
};

/* cbd_replay_fail - fills @error, "path:line: " first; always returns false */
__attribute__((format(printf, 3, 4))) bool
cbd_replay_fail(struct cbd_replay_error *error, const struct cbd_csv *csv, const char *format, ...);

/* cbd_csv_open - opens @path, gzipped or not; false, and @error, if it cannot. Close with cbd_csv_close(). */
bool cbd_csv_open(struct cbd_csv *csv, const char *path, struct cbd_replay_error *error);

void cbd_csv_close(struct cbd_csv *csv);

/*
 * cbd_csv_next - the next line, cut into fields
 * A line that is too long, has too many fields or a NUL byte, and a file that ends within its compressed
 * data, are broken.
 */
enum cbd_csv_verdict cbd_csv_next(struct cbd_csv *csv, struct cbd_replay_error *error);

/* cbd_csv_find - the index of the field that reads @name, or -1 */
int cbd_csv_find(const struct cbd_csv *csv, const char *name);

/* A column: where it stands, what it is called, and what its numbers may be. */
struct cbd_csv_column {
	const char *name;
	double minimum;
	double maximum;
	int index;
};

/* cbd_csv_number - the decimal number in @column of the present line; false, and @error, if it is none */
bool cbd_csv_number(const struct cbd_csv *csv, const struct cbd_csv_column *column, double *value,
		    struct cbd_replay_error *error);

/* cbd_csv_hex32 - the same for exactly eight hexadecimal digits */
bool cbd_csv_hex32(const struct cbd_csv *csv, const struct cbd_csv_column *column, uint32_t *value,
		   struct cbd_replay_error *error);

#endif
