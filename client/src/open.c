/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing a context: a file by its path, or the best that the default directory has. What a file is
 * and whether it is whole is file.c's matter.
 */
#include "client/src/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Whether a file still says something: one left behind by a daemon that is gone must not hide one that is fed.
 * Judged once, when it is opened. */
static bool is_alive(clockbound_ctx *ctx)
{
	clockbound_now_result result;
	clockbound_interval interval;

	if (ctx->fast.page == NULL) {
		return clockbound_now(ctx, &result) == NULL && result.clock_status != CLOCKBOUND_STA_UNKNOWN;
	}
	clockbound_fast_slow_now(&ctx->fast, &interval);
	return (interval.status & (CLOCKBOUND_REASON_EXPIRED | CLOCKBOUND_REASON_RETIRED)) == 0;
}

/* A page's kernel page or a segment's first snapshot, and the VMClock where either may ask for it. */
static bool begin(clockbound_ctx *ctx, const char *path, const char *vmclock_path, clockbound_err *err)
{
	struct clockbound_priv_segment segment;

	if (ctx->file.kind == CLOCKBOUND_PRIV_PAGE) {
		clockbound_priv_kernel_open(&ctx->fast, &ctx->kernel, ctx->file.map, path);
		return clockbound_priv_watch_open(ctx, vmclock_path,
						  clockbound_priv_is_watched(ctx->fast.page), err);
	}
	segment.disruption_support = 0;
	(void)clockbound_priv_snapshot_take(&ctx->file, &ctx->cache, &segment);
	if (ctx->file.kind != CLOCKBOUND_PRIV_SHM2) {
		return true;
	}
	/* The device is root's: a daemon of ours hands it out, where upstream's client could not go on. */
	clockbound_priv_socket_beside(path, ctx->kernel.socket_path, sizeof(ctx->kernel.socket_path));
	return clockbound_priv_watch_open(ctx, vmclock_path, segment.disruption_support != 0, err);
}

static clockbound_ctx *open_one(const char *path, const char *vmclock_path, clockbound_err *err)
{
	clockbound_ctx *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL) {
		(void)clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, ENOMEM, "%s: no memory for a context",
					   path);
		return NULL;
	}
	if (!clockbound_priv_file_open(&ctx->file, path, err)) {
		free(ctx);
		return NULL;
	}
	if (!begin(ctx, path, vmclock_path, err)) {
		(void)clockbound_close(ctx);
		return NULL;
	}
	return ctx;
}

/* Of several failures the one worth telling is the first that is not simply "no such file". */
static bool is_worth_telling(const clockbound_err *err)
{
	return err->kind != CLOCKBOUND_ERR_SYSCALL || err->sys_errno != ENOENT;
}

clockbound_ctx *clockbound_priv_open_best(const char *const paths[], size_t count, const char *vmclock_path,
					  clockbound_err *err)
{
	clockbound_ctx *first = NULL;
	const char *told = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		clockbound_err failure;
		clockbound_ctx *ctx = open_one(paths[i], vmclock_path, &failure);

		if (ctx == NULL) {
			told = told == NULL && is_worth_telling(&failure) ? paths[i] : told;
			continue;
		}
		if (is_alive(ctx)) {
			(void)clockbound_close(first);
			return ctx;
		}
		if (first == NULL) {
			first = ctx;
		} else {
			(void)clockbound_close(ctx);
		}
	}
	if (first == NULL) {
		/* The text is this thread's, and the last one written: ask again for the one to be told. */
		first = open_one(told != NULL ? told : paths[0], vmclock_path, err);
	}
	return first;
}

clockbound_ctx *clockbound_vmclock_open(const char *path, const char *vmclock_path, clockbound_err *err)
{
	static const char *const best[] = {
		CLOCKBOUND_PAGE_DEFAULT_PATH,
		CLOCKBOUND_SHM_DEFAULT_PATH,
		CLOCKBOUND_SHM_DEFAULT_PATH_V1,
	};

	if (vmclock_path == NULL) {
		vmclock_path = VMCLOCK_SHM_DEFAULT_PATH;
	}
	if (path == NULL || strcmp(path, CLOCKBOUND_SHM_DEFAULT_PATH) == 0 ||
	    strcmp(path, CLOCKBOUND_SHM_DEFAULT_PATH_V1) == 0) {
		return clockbound_priv_open_best(best, sizeof(best) / sizeof(best[0]), vmclock_path, err);
	}
	return open_one(path, vmclock_path, err);
}

clockbound_ctx *clockbound_open(const char *path, clockbound_err *err)
{
	return clockbound_vmclock_open(path, VMCLOCK_SHM_DEFAULT_PATH, err);
}

const clockbound_err *clockbound_close(clockbound_ctx *ctx)
{
	if (ctx != NULL) {
		clockbound_priv_watch_close(ctx);
		clockbound_priv_kernel_close(&ctx->kernel);
		clockbound_priv_file_close(&ctx->file);
		free(ctx);
	}
	return NULL;
}
