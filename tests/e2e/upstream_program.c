/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program as written against upstream ClockBound's header, 1.0 and 2.0: upstream's names and nothing else. That it
 * compiles and runs unchanged is the test.
 *
 *   upstream_program SEGMENT   stamps two events, prints their intervals and what is known of their order
 */
#include <clockbound.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_error(const char *what, clockbound_err const *err)
{
	fprintf(stderr, "%s failed: ", what);
	switch (err->kind) {
	case CLOCKBOUND_ERR_NONE:
		fprintf(stderr, "no error\n");
		break;
	case CLOCKBOUND_ERR_SYSCALL:
		fprintf(stderr, "%s: %s\n", err->detail != NULL ? err->detail : "system call",
			strerror(err->sys_errno));
		break;
	case CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED:
		fprintf(stderr, "segment not initialized\n");
		break;
	case CLOCKBOUND_ERR_SEGMENT_MALFORMED:
		fprintf(stderr, "segment malformed\n");
		break;
	case CLOCKBOUND_ERR_CAUSALITY_BREACH:
		fprintf(stderr, "causality breach\n");
		break;
	case CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED:
		fprintf(stderr, "segment version not supported\n");
		break;
	}
}

static const char *status_text(clockbound_clock_status status)
{
	switch (status) {
	case CLOCKBOUND_STA_UNKNOWN:
		return "UNKNOWN";
	case CLOCKBOUND_STA_SYNCHRONIZED:
		return "SYNCHRONIZED";
	case CLOCKBOUND_STA_FREE_RUNNING:
		return "FREE_RUNNING";
	case CLOCKBOUND_STA_DISRUPTED:
		return "DISRUPTED";
	}
	return "?";
}

static int is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

int main(int argc, char *argv[])
{
	char const *path = argc > 1 ? argv[1] : CLOCKBOUND_SHM_DEFAULT_PATH;
	struct timespec pause = {0, 20 * 1000 * 1000};
	clockbound_now_result first;
	clockbound_now_result second;
	clockbound_err const *err;
	clockbound_err open_err;
	clockbound_ctx *ctx;

	ctx = clockbound_vmclock_open(path, VMCLOCK_SHM_DEFAULT_PATH, &open_err);
	if (ctx == NULL) {
		print_error("clockbound_vmclock_open", &open_err);
		return 1;
	}
	err = clockbound_close(ctx);
	if (err != NULL) {
		print_error("clockbound_close", err);
		return 1;
	}
	ctx = clockbound_open(path, &open_err);
	if (ctx == NULL) {
		print_error("clockbound_open", &open_err);
		return 1;
	}
	err = clockbound_now(ctx, &first);
	nanosleep(&pause, NULL);
	if (err == NULL) {
		err = clockbound_now(ctx, &second);
	}
	if (err != NULL) {
		print_error("clockbound_now", err);
		clockbound_close(ctx);
		return 1;
	}
	printf("first  [%lld.%09ld, %lld.%09ld] %s\n", (long long)first.earliest.tv_sec,
	       first.earliest.tv_nsec, (long long)first.latest.tv_sec, first.latest.tv_nsec,
	       status_text(first.clock_status));
	printf("second [%lld.%09ld, %lld.%09ld] %s\n", (long long)second.earliest.tv_sec,
	       second.earliest.tv_nsec, (long long)second.latest.tv_sec, second.latest.tv_nsec,
	       status_text(second.clock_status));
	printf("order: %s\n",
	       is_before(&first.latest, &second.earliest) ? "first before second" : "not known");
	err = clockbound_close(ctx);
	if (err != NULL) {
		print_error("clockbound_close", err);
		return 1;
	}
	return 0;
}
