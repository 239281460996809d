/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon's tests share: a runtime directory of their own under /tmp, removed again. Included by one file
 * of each test program.
 */
#ifndef TESTS_UNIT_DAEMON_PUBLISH_SCRATCH_H
#define TESTS_UNIT_DAEMON_PUBLISH_SCRATCH_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/publish/mapping.h"

static char scratch_path[64];
static struct cbd_runtime_dir scratch_dir;

/* cmocka setup: an empty directory, open and locked as a daemon does it. */
static inline int scratch_make(void **state)
{
	(void)state;
	snprintf(scratch_path, sizeof(scratch_path), "/tmp/clockbound-test-XXXXXX");
	if (mkdtemp(scratch_path) == NULL) {
		return -1;
	}
	return cbd_runtime_dir_open(&scratch_dir, scratch_path);
}

/* cmocka teardown. Files and empty directories; nothing here makes more. */
static inline int scratch_remove(void **state)
{
	DIR *stream = opendir(scratch_path);
	struct dirent *entry;

	(void)state;
	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlinkat(dirfd(stream), entry->d_name, 0) != 0) {
			unlinkat(dirfd(stream), entry->d_name, AT_REMOVEDIR);
		}
	}
	if (stream != NULL) {
		closedir(stream);
	}
	if (scratch_dir.fd >= 0) {
		cbd_runtime_dir_close(&scratch_dir);
	}
	return rmdir(scratch_path);
}

/* The path of @name in it; one at a time. */
static inline const char *scratch_file(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", scratch_path, name);
	return path;
}

/* Writes a file of @size bytes. */
static inline void scratch_write(const char *name, const void *data, size_t size)
{
	FILE *file = fopen(scratch_file(name), "we");

	if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
		abort();
	}
}

/* Reads up to @size bytes; returns how many the file has. */
static inline size_t scratch_read(const char *name, void *data, size_t size)
{
	FILE *file = fopen(scratch_file(name), "re");
	size_t got;

	if (file == NULL) {
		abort();
	}
	got = fread(data, 1, size, file);
	fclose(file);
	return got;
}

static inline ino_t scratch_inode(const char *name)
{
	struct stat found;

	return stat(scratch_file(name), &found) == 0 ? found.st_ino : 0;
}

#endif
