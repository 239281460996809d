/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frequency of this machine's counter in kHz, measured over a tenth of a second: emulated machines count alike, and
 * kernels that must find it out under load find nonsense. Runs on the host, prints one number.
 */
#include <clockbound/fast.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_SEC  INT64_C(1000000000)
#define MEASURED_NS (NS_PER_SEC / 10)
#define KHZ	    1000.0

static int64_t raw_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC_RAW, &now) != 0) {
		abort();
	}
	return (int64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

int main(void)
{
	int64_t begin_ns = raw_ns();
	uint64_t begin = clockbound_fast_counter();
	int64_t now_ns;
	uint64_t now;

	do {
		now_ns = raw_ns();
		now = clockbound_fast_counter();
	} while (now_ns - begin_ns < MEASURED_NS);
	printf("%.0f\n", (double)(now - begin) * (double)NS_PER_SEC / (double)(now_ns - begin_ns) / KHZ);
	return EXIT_SUCCESS;
}
