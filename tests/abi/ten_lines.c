/* SPDX-License-Identifier: Apache-2.0 */
/* What a user writes first. */
#include <clockbound.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	clockbound_err err;
	clockbound_now_result now;
	clockbound_ctx *ctx = clockbound_open(argc > 1 ? argv[1] : NULL, &err);

	if (ctx == NULL) {
		fprintf(stderr, "%s\n", err.detail);
		return 1;
	}
	if (clockbound_now(ctx, &now) == NULL && now.clock_status == CLOCKBOUND_STA_SYNCHRONIZED) {
		printf("true time lies within [%lld.%09ld, %lld.%09ld]\n", (long long)now.earliest.tv_sec,
		       now.earliest.tv_nsec, (long long)now.latest.tv_sec, now.latest.tv_nsec);
	}
	clockbound_close(ctx);
	return 0;
}
