/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a runtime directory offers to be read: our page, else upstream's 2.x or 1.x segment. Opens and reads
 * through the library only.
 */
#include "cbctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static enum cbc_open_result judge(const clockbound_err *error)
{
	bool is_absent = error->kind == CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED ||
			 (error->kind == CLOCKBOUND_ERR_SYSCALL && error->sys_errno == ENOENT);

	return is_absent ? CBC_OPEN_NONE : CBC_OPEN_BAD;
}

/* Sets @source->path and says whether something is there, if only something that may not be looked at. */
static bool has_file(struct cbc_source *source, const char *directory, const char *name)
{
	struct stat found;

	(void)snprintf(source->path, sizeof(source->path), "%.480s/%s", directory, name);
	return stat(source->path, &found) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

enum cbc_open_result cbc_source_open(struct cbc_source *source, const char *directory,
				     char detail[CBC_DETAIL_MAX])
{
	clockbound_err error = {.kind = CLOCKBOUND_ERR_NONE, .sys_errno = 0, .detail = ""};

	memset(source, 0, sizeof(*source));
	if (has_file(source, directory, "page")) {
		source->fast = clockbound_fast_open(source->path, &error);
	} else if (has_file(source, directory, "shm0") || has_file(source, directory, "shm")) {
		source->ctx = clockbound_open(source->path, &error);
	} else {
		(void)snprintf(
			detail, CBC_DETAIL_MAX,
			"%.480s holds no page, shm0 or shm: start the daemon, or give its --runtime-dir",
			directory);
		return CBC_OPEN_NONE;
	}
	if (source->fast != NULL || source->ctx != NULL) {
		return CBC_OPEN_OK;
	}
	(void)snprintf(detail, CBC_DETAIL_MAX, "%s", error.detail);
	return judge(&error);
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

bool cbc_source_open_or_complain(struct cbc_source *source, const struct cbc_options *options)
{
	char detail[CBC_DETAIL_MAX] = "";

	if (cbc_source_open(source, options->runtime_dir, detail) == CBC_OPEN_OK) {
		return true;
	}
	(void)cbc_complain(options, CBC_EXIT_NONE, "%s", detail);
	return false;
}
