/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program as one writes it against upstream's 2.0 header: the VMClock path, the fourth status, the fifth error.
 * It must compile and run unchanged.
 */
#include "clockbound.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_error(const char *call, const clockbound_err *err)
{
	static const clockbound_err_kind known[] = {
		CLOCKBOUND_ERR_NONE,
		CLOCKBOUND_ERR_SYSCALL,
		CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED,
		CLOCKBOUND_ERR_SEGMENT_MALFORMED,
		CLOCKBOUND_ERR_CAUSALITY_BREACH,
		CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED,
	};

	printf("%s: kind %d, errno %d, %s\n", call, (int)err->kind, err->sys_errno,
	       err->kind == known[1] ? strerror(err->sys_errno) : err->detail);
}

static const char *status_name(clockbound_clock_status status)
{
	switch (status) {
	case CLOCKBOUND_STA_UNKNOWN:
		return "Unknown";
	case CLOCKBOUND_STA_SYNCHRONIZED:
		return "Synchronized";
	case CLOCKBOUND_STA_FREE_RUNNING:
		return "FreeRunning";
	case CLOCKBOUND_STA_DISRUPTED:
		return "Disrupted";
	}
	return "?";
}

int main(int argc, char *argv[])
{
	char const *path = argc > 1 ? argv[1] : CLOCKBOUND_SHM_DEFAULT_PATH;
	char const *vmclock_path = VMCLOCK_SHM_DEFAULT_PATH;
	clockbound_err open_err;
	clockbound_err const *err;
	clockbound_now_result first;
	clockbound_now_result last;
	clockbound_ctx *ctx;

	ctx = clockbound_vmclock_open(path, vmclock_path, &open_err);
	if (ctx == NULL) {
		print_error("clockbound_vmclock_open", &open_err);
		return 1;
	}
	err = clockbound_now(ctx, &first);
	if (err == NULL) {
		err = clockbound_now(ctx, &last);
	}
	if (err != NULL) {
		print_error("clockbound_now", err);
		return 1;
	}
	if (first.earliest.tv_sec > last.latest.tv_sec) {
		printf("out of order, ");
	} else {
		printf("in order, ");
	}
	printf("%s\n", status_name(last.clock_status));
	err = clockbound_close(ctx);
	if (err != NULL) {
		print_error("clockbound_close", err);
		return 1;
	}
	return 0;
}
