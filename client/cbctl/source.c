/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a runtime directory offers to be read: our page, else upstream's 2.x or 1.x segment. Opens and reads
 * through the library only, and looks at the first bytes of what the library refuses.
 */
#include "cbctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <clockbound/shm.h>

#define PAGE_NAME "page"

/* What lies at @path; false if nothing does. What may not be looked at is something too, all zeros. */
static bool find_file(const char *path, struct stat *found)
{
	memset(found, 0, sizeof(*found));
	return stat(path, found) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* Whether a file that the library does not open may still become a page or a segment, or was one before a reboot: it
 * is empty, or begins as these do or with zeros. Anything else is damage, for which the library has the same word. */
static bool is_unfinished(const char *path)
{
	const uint32_t segment[2] = {CLOCKBOUND_SHM_MAGIC_0, CLOCKBOUND_SHM_MAGIC_1};
	const uint64_t page = CLOCKBOUND_PAGE_MAGIC;
	uint64_t begin = 0; /* stays where the file ends */
	struct stat found;
	FILE *file;

	if (!find_file(path, &found) || !S_ISREG(found.st_mode)) {
		return false;
	}
	file = fopen(path, "rbe");
	if (file == NULL) {
		return false;
	}
	(void)!fread(&begin, 1, sizeof(begin), file);
	(void)fclose(file);
	return begin == 0 || begin == page || memcmp(&begin, segment, sizeof(begin)) == 0;
}

static enum cbc_open_result judge(const clockbound_err *error, const char *path)
{
	if (error->kind == CLOCKBOUND_ERR_SYSCALL) {
		return error->sys_errno == ENOENT ? CBC_OPEN_NONE : CBC_OPEN_BAD;
	}
	return error->kind == CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED && is_unfinished(path) ? CBC_OPEN_NONE
											    : CBC_OPEN_BAD;
}

/* One file of the directory. @detail is untouched if nothing is there. */
static enum cbc_open_result open_one(struct cbc_source *source, const char *directory, const char *name,
				     char detail[CBC_DETAIL_MAX])
{
	clockbound_err error = {.kind = CLOCKBOUND_ERR_NONE, .sys_errno = 0, .detail = ""};
	struct stat found;

	memset(source, 0, sizeof(*source));
	(void)snprintf(source->path, sizeof(source->path), "%.480s/%s", directory, name);
	if (!find_file(source->path, &found)) {
		return CBC_OPEN_NONE;
	}
	source->device = found.st_dev;
	source->inode = found.st_ino;
	if (strcmp(name, PAGE_NAME) == 0) {
		source->fast = clockbound_fast_open(source->path, &error);
	} else {
		source->ctx = clockbound_open(source->path, &error);
	}
	if (source->fast != NULL || source->ctx != NULL) {
		return CBC_OPEN_OK;
	}
	(void)snprintf(detail, CBC_DETAIL_MAX, "%s", error.detail);
	return judge(&error, source->path);
}

/* Whether it still says something; as the library chooses, client/src/open.c, so that both take the same file. */
static bool is_alive(const struct cbc_source *source)
{
	clockbound_now_result result;
	clockbound_interval interval;

	if (source->fast == NULL) {
		return clockbound_now(source->ctx, &result) == NULL &&
		       result.clock_status != CLOCKBOUND_STA_UNKNOWN;
	}
	clockbound_fast_slow_now(source->fast, &interval);
	return (interval.status & (CLOCKBOUND_REASON_EXPIRED | CLOCKBOUND_REASON_RETIRED)) == 0;
}

enum cbc_open_result cbc_source_open(struct cbc_source *source, const char *directory,
				     char detail[CBC_DETAIL_MAX])
{
	static const char *const names[] = {PAGE_NAME, "shm0", "shm"};
	struct cbc_source dead = {.fast = NULL, .ctx = NULL};
	char failure[CBC_DETAIL_MAX] = "";
	bool has_dead = false;
	size_t i;

	detail[0] = '\0';
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum cbc_open_result result = open_one(source, directory, names[i], failure);

		if (result == CBC_OPEN_OK && is_alive(source)) {
			cbc_source_close(&dead);
			return CBC_OPEN_OK;
		}
		if (result == CBC_OPEN_OK && !has_dead) {
			dead = *source;
			has_dead = true;
		} else if (result == CBC_OPEN_OK) {
			cbc_source_close(source);
		} else if (result == CBC_OPEN_BAD && !has_dead) {
			(void)snprintf(detail, CBC_DETAIL_MAX, "%s", failure);
			return result;
		} else if (detail[0] == '\0') {
			(void)snprintf(detail, CBC_DETAIL_MAX, "%s", failure);
		}
	}
	if (has_dead) {
		*source = dead;
		return CBC_OPEN_OK;
	}
	if (detail[0] == '\0') {
		(void)snprintf(
			detail, CBC_DETAIL_MAX,
			"%.480s holds no page, shm0 or shm: start the daemon, or give its --runtime-dir",
			directory);
	}
	return CBC_OPEN_NONE;
}

enum cbc_open_result cbc_source_open_page(struct cbc_source *source, const char *directory,
					  char detail[CBC_DETAIL_MAX])
{
	detail[0] = '\0';
	if (open_one(source, directory, PAGE_NAME, detail) == CBC_OPEN_OK) {
		return CBC_OPEN_OK;
	}
	return cbc_source_open(source, directory, detail);
}

bool cbc_source_is_replaced(const struct cbc_source *source)
{
	struct stat found;

	return !find_file(source->path, &found) ||
	       (found.st_ino != 0 && (found.st_ino != source->inode || found.st_dev != source->device));
}

void cbc_source_close(struct cbc_source *source)
{
	clockbound_fast_close(source->fast);
	(void)clockbound_close(source->ctx);
	source->fast = NULL;
	source->ctx = NULL;
}

static int64_t join(const struct timespec *time)
{
	int64_t ns;

	if (__builtin_mul_overflow((int64_t)time->tv_sec, CBC_NS_PER_S, &ns) ||
	    __builtin_add_overflow(ns, (int64_t)time->tv_nsec, &ns)) {
		return time->tv_sec < 0 ? INT64_MIN : INT64_MAX;
	}
	return ns;
}

/* Upstream's four words say which intervals are promised: SYNCHRONIZED and FREE_RUNNING. */
static bool read_segment(clockbound_ctx *ctx, clockbound_interval *interval, char detail[CBC_DETAIL_MAX])
{
	clockbound_now_result result;
	const clockbound_err *error = clockbound_now(ctx, &result);

	if (error != NULL) {
		(void)snprintf(detail, CBC_DETAIL_MAX, "%s", error->detail);
		return false;
	}
	interval->earliest_ns = join(&result.earliest);
	interval->latest_ns = join(&result.latest);
	interval->source = CLOCKBOUND_SOURCE_CLOCK;
	interval->status = (uint32_t)result.clock_status;
	if (result.clock_status == CLOCKBOUND_STA_SYNCHRONIZED ||
	    result.clock_status == CLOCKBOUND_STA_FREE_RUNNING) {
		interval->status |= CLOCKBOUND_VALID;
	}
	return true;
}

bool cbc_source_read(const struct cbc_source *source, struct cbc_reading *reading,
		     char detail[CBC_DETAIL_MAX])
{
	(void)snprintf(reading->path, sizeof(reading->path), "%s", source->path);
	if (source->fast != NULL) {
		clockbound_interval_now(source->fast, &reading->interval);
		return true;
	}
	return read_segment(source->ctx, &reading->interval, detail);
}

bool cbc_source_open_or_complain(struct cbc_source *source, const struct cbc_options *options,
				 bool needs_page)
{
	char detail[CBC_DETAIL_MAX] = "";
	enum cbc_open_result result = needs_page ? cbc_source_open_page(source, options->runtime_dir, detail)
						 : cbc_source_open(source, options->runtime_dir, detail);

	if (result == CBC_OPEN_OK) {
		return true;
	}
	(void)cbc_complain(options, CBC_EXIT_NONE, "%s", detail);
	return false;
}
