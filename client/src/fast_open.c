/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a page for the inline read. A segment of upstream's has no lines and is refused. The handle is the
 * library's, so that it may grow at its end.
 */
#include "client/src/context.h"

#include <errno.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* AMD64 manual volume 3, appendix E: function 8000_0001h, EDX bit 27. */
#define CPUID_EXTENDED_FEATURES 0x80000001u
#define CPUID_RDTSCP		(1u << 27)

/* The handle that callers hold is the first member. */
struct fast_handle {
	clockbound_fast fast;
	struct clockbound_priv_kernel kernel;
	struct clockbound_priv_file file;
	struct clockbound_priv_vmclock vmclock;
};

/* Whether the ordered counter read is an instruction here: rdtscp is younger than x86-64, and some virtual
 * machines hide it. Without it the daemon publishes no lines either. */
static bool can_read_counter(void)
{
#if defined(__x86_64__)
	unsigned int eax = 0;
	unsigned int ebx = 0;
	unsigned int ecx = 0;
	unsigned int edx = 0;

	return __get_cpuid(CPUID_EXTENDED_FEATURES, &eax, &ebx, &ecx, &edx) != 0 && (edx & CPUID_RDTSCP) != 0;
#else
	return CLOCKBOUND_PRIV_COUNTER_KIND != CLOCKBOUND_COUNTER_NONE;
#endif
}

void clockbound_priv_fast_init(clockbound_fast *fast, const struct clockbound_page *page)
{
	fast->page = page;
	fast->epochs = &page->control.epochs;
	fast->kernel = NULL;
	fast->is_blind = !can_read_counter();
}

clockbound_fast *clockbound_fast_open(const char *path, clockbound_err *err)
{
	struct fast_handle *handle = calloc(1, sizeof(*handle));

	if (path == NULL) {
		path = CLOCKBOUND_PAGE_DEFAULT_PATH;
	}
	if (handle == NULL) {
		(void)clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, ENOMEM, "%s: no memory for a handle",
					   path);
		return NULL;
	}
	if (!clockbound_priv_file_open(&handle->file, path, err)) {
		free(handle);
		return NULL;
	}
	if (handle->file.kind != CLOCKBOUND_PRIV_PAGE) {
		(void)clockbound_priv_fail(
			err, CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED, 0,
			"%s: a ClockBound %s segment, which has no lines for the inline read; "
			"use clockbound_open(), or open this daemon's file `page`",
			path, handle->file.kind == CLOCKBOUND_PRIV_SHM1 ? "1.x" : "2.x");
		clockbound_priv_file_close(&handle->file);
		free(handle);
		return NULL;
	}
	clockbound_priv_kernel_open(&handle->fast, &handle->kernel, handle->file.map, path);
	return &handle->fast;
}

clockbound_fast *clockbound_fast_open_strict(const char *path, clockbound_err *err)
{
	clockbound_fast *fast = clockbound_fast_open(path, err);
	struct fast_handle *handle = (struct fast_handle *)(void *)fast;

	if (handle != NULL && !clockbound_priv_watch_strictly(&handle->vmclock, &handle->fast,
							      handle->kernel.socket_path, err)) {
		clockbound_fast_close(fast);
		return NULL;
	}
	return fast;
}

void clockbound_fast_close(clockbound_fast *fast)
{
	struct fast_handle *handle = (struct fast_handle *)(void *)fast;

	if (handle == NULL) {
		return;
	}
	clockbound_priv_vmclock_close(&handle->vmclock);
	clockbound_priv_kernel_close(&handle->kernel);
	clockbound_priv_file_close(&handle->file);
	free(handle);
}
