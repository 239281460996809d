/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors. Those of clockbound_now() are constants, so that any number of threads may hold them for ever; those
 * of open carry a text with the file and what was found in it, kept per thread. Never prints.
 */
#include "client/src/context.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const clockbound_err clockbound_priv_err_never_written = {
	.kind = CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED,
	.detail = "the segment has been in the middle of an update ever since it was opened: is its daemon "
		  "alive?",
};

const clockbound_err clockbound_priv_err_drift = {
	.kind = CLOCKBOUND_ERR_SEGMENT_MALFORMED,
	.detail = "the segment's max_drift_ppb is 1000000000 or more: a clock cannot drift by a second per "
		  "second",
};

const clockbound_err clockbound_priv_err_bound = {
	.kind = CLOCKBOUND_ERR_SEGMENT_MALFORMED,
	.detail = "the segment's bound_nsec is negative: upstream's daemon 1.0.0 does this, use a later one",
};

const clockbound_err clockbound_priv_err_timespec = {
	.kind = CLOCKBOUND_ERR_SEGMENT_MALFORMED,
	.detail = "the segment's as-of or void-after has nanoseconds outside 0 to 999999999",
};

const clockbound_err clockbound_priv_err_status = {
	.kind = CLOCKBOUND_ERR_SEGMENT_MALFORMED,
	.detail = "the segment's clock status is none of 0 to 3",
};

const clockbound_err clockbound_priv_err_causality = {
	.kind = CLOCKBOUND_ERR_CAUSALITY_BREACH,
	.detail =
		"CLOCK_MONOTONIC_COARSE lies more than 1000 ns before the segment's as-of: is the file from "
		"another boot or another machine?",
};

const clockbound_err clockbound_priv_err_clock = {
	.kind = CLOCKBOUND_ERR_SYSCALL,
	.sys_errno = EPERM, /* clock_gettime() of these clocks fails only where a filter forbids it */
	.detail = "clock_gettime() failed: does a seccomp filter forbid it?",
};

/* Longest path that a text shows whole is some 300 bytes; longer ones are cut. */
static _Thread_local char text[512];

bool clockbound_priv_fail(clockbound_err *err, clockbound_err_kind kind, int sys_errno, const char *format,
			  ...)
{
	va_list arguments;

	if (err == NULL) {
		return false;
	}
	va_start(arguments, format);
	/* clang-tidy 14 loses sight of va_start(): NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	err->kind = kind;
	err->sys_errno = sys_errno;
	err->detail = text;
	return false;
}
