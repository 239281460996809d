/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which VMClock a handle or a context looks at. Upstream's clients look at it themselves wherever it is watched, and so
 * does a context, as soon as it is: a daemon may begin to watch one, or be started, when its readers have long been
 * open. What the marker means is strict.c's matter.
 */
#include "client/src/clocks.h"
#include "client/src/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long an opener, and a reader in the middle of its work, wait for the daemon. Tests wait longer. */
#ifndef OPEN_WAIT_MS
#define OPEN_WAIT_MS   100
#define FOLLOW_WAIT_MS 10
#endif

/* Who could not have it does not ask again at once. */
#define RETRY_NS CLOCKBOUND_PRIV_NS_PER_SEC

/* Asks the daemon for it and maps it. */
static bool take(struct clockbound_priv_vmclock *vmclock, const char *socket_path, int wait_ms,
		 clockbound_err *err)
{
	char reason[CLOCKBOUND_CONTROL_TEXT * 2] = "the name of its socket is too long";
	int descriptor = -1;
	bool is_mapped;

	if (socket_path[0] != '\0') {
		descriptor = clockbound_priv_vmclock_ask(socket_path, wait_ms, reason, sizeof(reason));
	}
	if (descriptor < 0) {
		return clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, ENODEV,
					    "no VMClock for strict reads from the daemon at %s: %s",
					    socket_path, reason);
	}
	is_mapped = clockbound_priv_vmclock_map(vmclock, descriptor, "the daemon's VMClock", err);
	(void)close(descriptor);
	return is_mapped;
}

bool clockbound_priv_watch_strictly(struct clockbound_priv_vmclock *vmclock, clockbound_fast *fast,
				    const char *socket_path, clockbound_err *err)
{
	if (!take(vmclock, socket_path, OPEN_WAIT_MS, err)) {
		return false;
	}
	fast->vm_marker = clockbound_priv_vmclock_word(vmclock);
	return true;
}

bool clockbound_priv_is_watched(const struct clockbound_page *page)
{
	const struct clockbound_hot *hot = &page->slot[clockbound_priv_seq_begin(&page->control.seq) & 1].hot;

	return (CLOCKBOUND_PRIV_LOAD(&hot->vm_flags) & CLOCKBOUND_VM_WATCHED) != 0;
}

/* From here on all threads look there. */
static void look_at(clockbound_ctx *ctx, const struct clockbound_priv_vmclock *found)
{
	struct clockbound_priv_vmclock former = ctx->vmclock;

	/* A process forked in the middle of this has one or the other, never one that is unmapped. */
	ctx->vmclock = *found;
	CLOCKBOUND_PRIV_PLACE_STORE(&ctx->fast.vm_marker, clockbound_priv_vmclock_word(found));
	if (former.map != found->map) {
		clockbound_priv_vmclock_close(&former);
	}
}

/*
 * On a page the daemon's own comes first, since it is that one's marker which the page has, then what its path leads
 * to; for a segment the other way round, as upstream's clients know only the path.
 */
static bool find(clockbound_ctx *ctx, int wait_ms, clockbound_err *err)
{
	const bool is_page = ctx->fast.page != NULL;
	struct clockbound_priv_vmclock found = {NULL};
	bool has_path = ctx->watch.path != NULL;

	if (!is_page || !take(&found, ctx->kernel.socket_path, wait_ms, NULL)) {
		found = ctx->vmclock;
	}
	if (found.map == NULL && !(has_path && clockbound_priv_vmclock_open(&found, ctx->watch.path, err)) &&
	    (is_page || !take(&found, ctx->kernel.socket_path, wait_ms, NULL))) {
		return false;
	}
	look_at(ctx, &found);
	return true;
}

static bool is_too_early(const struct clockbound_priv_watch *watch)
{
	int64_t mono_ns;

	return !clockbound_priv_clock_read(CLOCK_MONOTONIC_COARSE, &mono_ns) ||
	       mono_ns < __atomic_load_n(&watch->retry_mono_ns, __ATOMIC_RELAXED);
}

static void put_off(struct clockbound_priv_watch *watch)
{
	int64_t mono_ns;

	if (clockbound_priv_clock_read(CLOCK_MONOTONIC_COARSE, &mono_ns)) {
		__atomic_store_n(&watch->retry_mono_ns, clockbound_priv_add_sat(mono_ns, RETRY_NS),
				 __ATOMIC_RELAXED);
	}
}

bool clockbound_priv_watch(clockbound_ctx *ctx)
{
	int saved;

	if (__builtin_expect(clockbound_priv_vm_place(&ctx->fast) != NULL, 1)) {
		return true;
	}
	saved = errno;
	if (!is_too_early(&ctx->watch) &&
	    clockbound_priv_turn_begin(&ctx->watch.busy_pid, (int32_t)getpid())) {
		/* Whoever had the turn may have found it meanwhile. */
		if (clockbound_priv_vm_place(&ctx->fast) == NULL && !find(ctx, FOLLOW_WAIT_MS, NULL)) {
			put_off(&ctx->watch);
		}
		clockbound_priv_turn_end(&ctx->watch.busy_pid);
	}
	errno = saved;
	return clockbound_priv_vm_place(&ctx->fast) != NULL;
}

bool clockbound_priv_watch_open(clockbound_ctx *ctx, const char *path, bool is_asked, clockbound_err *err)
{
	ctx->watch.path = strdup(path);
	if (ctx->watch.path == NULL) {
		return clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, ENOMEM, "%s: no memory for its name",
					    path);
	}
	if (is_asked) {
		if (find(ctx, OPEN_WAIT_MS, err)) {
			return true;
		}
		put_off(&ctx->watch);
		return ctx->fast.page != NULL;
	}
	if (clockbound_priv_vmclock_open(&ctx->vmclock, path, NULL) && ctx->fast.page == NULL) {
		look_at(ctx, &ctx->vmclock);
	}
	return true;
}

void clockbound_priv_watch_close(clockbound_ctx *ctx)
{
	clockbound_priv_vmclock_close(&ctx->vmclock);
	free(ctx->watch.path);
}
