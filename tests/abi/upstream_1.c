/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program as one writes it against upstream's 1.0 header: its names, its way with errors, nothing of ours. It
 * must compile and run unchanged.
 */
#include "clockbound.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_error(const char *call, const clockbound_err *err)
{
	printf("%s: kind %d, errno %d\n", call, (int)err->kind, err->sys_errno);
	switch (err->kind) {
	case CLOCKBOUND_ERR_NONE:
		break;
	case CLOCKBOUND_ERR_SYSCALL:
		if (err->detail) {
			printf("%s: %s\n", err->detail, strerror(err->sys_errno));
		} else {
			printf("%s\n", strerror(err->sys_errno));
		}
		break;
	case CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED:
	case CLOCKBOUND_ERR_SEGMENT_MALFORMED:
	case CLOCKBOUND_ERR_CAUSALITY_BREACH:
	default:
		printf("the segment is no good\n");
	}
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
	default:
		return "?";
	}
}

int main(int argc, char *argv[])
{
	char const *path = argc > 1 ? argv[1] : CLOCKBOUND_SHM_DEFAULT_PATH;
	clockbound_err open_err;
	clockbound_err const *err;
	clockbound_now_result now;
	clockbound_ctx *ctx;
	int in_order;

	ctx = clockbound_open(path, &open_err);
	if (ctx == NULL) {
		print_error("clockbound_open", &open_err);
		return 1;
	}
	err = clockbound_now(ctx, &now);
	if (err) {
		print_error("clockbound_now", err);
		return 1;
	}
	in_order = now.earliest.tv_sec < now.latest.tv_sec ||
		   (now.earliest.tv_sec == now.latest.tv_sec && now.earliest.tv_nsec <= now.latest.tv_nsec);
	printf("%s, %s\n", in_order ? "in order" : "out of order", status_name(now.clock_status));
	err = clockbound_close(ctx);
	if (err) {
		print_error("clockbound_close", err);
		return 1;
	}
	return 0;
}
