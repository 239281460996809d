/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads of pages against a PTP hardware clock that is the truth, in a virtual machine, while that clock is slewed.
 *
 *   vm_phc watch DEVICE SECONDS READS DIR...  reads of every page in turn, each between two reads of the device, which
 *                                             is slewed by 40 ppm to either side in the first half of the time
 *   vm_phc steer DEVICE                       dials 1 ppb, as somebody who steers the device
 *   vm_phc valid SECONDS DIR...               reads of every page, which must all be valid by the counter; until
 *                                             SIGTERM, or for so long
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* clock_adjtime */
#endif
#include "guest_world.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#define PAGES_MAX 4
/* What a device tells is the instant that its register was latched, up to its resolution away. */
#define RESOLUTION_NS 20
/* adjtimex counts ppm in 2^-16. */
#define PPM_SCALE 65536
/* How far a slew may move the device: less than the error that the daemons are told. */
#define SLEW_ERROR_NS 300

struct page {
	const char *dir;
	clockbound_fast *fast;
	uint64_t reads[2]; /* by counter, by clock */
	uint64_t valid[2];
	uint64_t missed[2];
	int64_t worst_ns[2];
	uint32_t reasons;
	int64_t *width_ns; /* of valid counter reads */
	uint64_t widths;
};

/* The clock id of a device's descriptor. */
static clockid_t open_device(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		perror(path);
		exit(2);
	}
	return (clockid_t)((~(unsigned int)fd << 3) | 3u);
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* One read between two of the device: it must meet what they leave open. */
static void read_between(struct page *page, clockid_t device, int kind)
{
	struct reading reading;
	int64_t before_ns = world_ns(device);
	int64_t after_ns;
	int64_t miss_ns;

	if (kind == 0) {
		world_read_counter(page->fast, &reading);
	} else {
		world_read_clock(page->fast, &reading);
	}
	after_ns = world_ns(device);
	page->reads[kind]++;
	page->reasons |= CLOCKBOUND_REASONS_OF(reading.interval.status);
	if (!reading.is_valid) {
		return;
	}
	page->valid[kind]++;
	if (kind == 0 && page->width_ns != NULL) {
		page->width_ns[page->widths++] = clockbound_width_ns(&reading.interval);
	}
	miss_ns = reading.interval.earliest_ns - (after_ns + RESOLUTION_NS);
	if (before_ns - RESOLUTION_NS - reading.interval.latest_ns > miss_ns) {
		miss_ns = before_ns - RESOLUTION_NS - reading.interval.latest_ns;
	}
	if (miss_ns > 0) {
		page->missed[kind]++;
		page->worst_ns[kind] = miss_ns > page->worst_ns[kind] ? miss_ns : page->worst_ns[kind];
	}
}

static int64_t median_ns(struct page *page)
{
	qsort(page->width_ns, page->widths, sizeof(*page->width_ns), compare);
	return page->widths != 0 ? page->width_ns[page->widths / 2] : 0;
}

static void open_pages(struct page *pages, int count, char **dirs)
{
	int i;

	for (i = 0; i < count; i++) {
		pages[i] = (struct page){.dir = dirs[i], .fast = world_open(dirs[i])};
	}
}

/* The device less CLOCK_MONOTONIC_RAW: the middle of the narrowest of some readings. */
static int64_t offset_ns(clockid_t device)
{
	int64_t best_ns = 0;
	int64_t width_ns = INT64_MAX;
	int i;

	for (i = 0; i < 50; i++) {
		int64_t before_ns = world_ns(CLOCK_MONOTONIC_RAW);
		int64_t device_ns = world_ns(device);
		int64_t after_ns = world_ns(CLOCK_MONOTONIC_RAW);

		if (after_ns - before_ns < width_ns) {
			width_ns = after_ns - before_ns;
			best_ns = device_ns - before_ns - width_ns / 2;
		}
	}
	return best_ns;
}

/* Adds to the device's time. */
static void move(clockid_t device, int64_t ns)
{
	struct timex timex = {.modes = ADJ_SETOFFSET | ADJ_NANO};

	timex.time.tv_sec = ns / NS_PER_SEC - (ns % NS_PER_SEC < 0 ? 1 : 0);
	timex.time.tv_usec = ns - timex.time.tv_sec * NS_PER_SEC;
	if (clock_adjtime(device, &timex) < 0) {
		perror("moving the device");
	}
}

/*
 * Another rate. QEMU's igb applies a rate to all the time since power-on, so that it jumps by milliseconds, or goes
 * back, which the driver takes for a wrap of its counter: what a real device does not do is taken back at once.
 */
static void slew(clockid_t device, int64_t ppb)
{
	struct timex timex = {.modes = ADJ_FREQUENCY, .freq = ppb * PPM_SCALE / 1000};
	int64_t was_ns = offset_ns(device);
	int64_t jumped_ns;
	int tries = 3;

	if (clock_adjtime(device, &timex) < 0) {
		perror("slewing the device");
	}
	jumped_ns = offset_ns(device) - was_ns;
	printf("slewed by %" PRId64 " ppb; a jump of %" PRId64 " ns is taken back\n", ppb, jumped_ns);
	while ((jumped_ns > SLEW_ERROR_NS || jumped_ns < -SLEW_ERROR_NS) && tries-- > 0) {
		move(device, -jumped_ns);
		jumped_ns = offset_ns(device) - was_ns;
	}
	printf("... but for %" PRId64 " ns\n", jumped_ns);
}

/* The next of the slews, when its time has come. */
static void slew_if_due(clockid_t device, int64_t passed_ns, int64_t seconds)
{
	static const int64_t ppb[] = {40000, 0, -40000, 0};
	static size_t next;

	if (next < sizeof(ppb) / sizeof(ppb[0]) &&
	    passed_ns > seconds * NS_PER_SEC / 10 * ((int64_t)next + 1)) {
		slew(device, ppb[next++]);
	}
}

static int watch(clockid_t device, int64_t seconds, int64_t reads, struct page *pages, int count)
{
	int64_t start_ns = world_ns(CLOCK_MONOTONIC_RAW);
	bool is_good = true;
	int64_t read;
	int i;

	for (i = 0; i < count; i++) {
		pages[i].width_ns = calloc((size_t)reads, sizeof(*pages[i].width_ns));
		is_good = is_good && pages[i].width_ns != NULL;
	}
	for (read = 0; read < reads && is_good; read++) {
		slew_if_due(device, world_ns(CLOCK_MONOTONIC_RAW) - start_ns, seconds);
		for (i = 0; i < count; i++) {
			read_between(&pages[i], device, 0);
			read_between(&pages[i], device, 1);
		}
		/* Evenly over the time. */
		while (world_ns(CLOCK_MONOTONIC_RAW) - start_ns < seconds * NS_PER_SEC / reads * (read + 1)) {
			usleep(500);
		}
	}
	printf("%lld reads of each page and kind in %.1f s\n", (long long)reads,
	       (double)(world_ns(CLOCK_MONOTONIC_RAW) - start_ns) / 1e9);
	for (i = 0; i < count; i++) {
		struct page *page = &pages[i];

		printf("%s: counter valid %" PRIu64 " missed %" PRIu64 " worst %" PRId64
		       " ns, clock valid %" PRIu64 " missed %" PRIu64 " worst %" PRId64
		       " ns, reasons 0x%" PRIx32 "\n",
		       page->dir, page->valid[0], page->missed[0], page->worst_ns[0], page->valid[1],
		       page->missed[1], page->worst_ns[1], page->reasons);
		printf("median width %s %" PRId64 "\n", page->dir, median_ns(page));
		is_good = is_good && page->missed[0] + page->missed[1] == 0 &&
			  page->valid[0] * 10 > page->reads[0] * 9;
	}
	return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static volatile sig_atomic_t is_ending;

static void on_term(int number)
{
	(void)number;
	is_ending = 1;
}

static int valid(int64_t seconds, struct page *pages, int count)
{
	struct sigaction action = {.sa_handler = on_term};
	int64_t end_ns = world_ns(CLOCK_MONOTONIC_RAW) + seconds * NS_PER_SEC;
	bool is_good = true;
	struct reading reading;
	int i;

	(void)sigaction(SIGTERM, &action, NULL);
	while (world_ns(CLOCK_MONOTONIC_RAW) < end_ns && is_ending == 0) {
		for (i = 0; i < count; i++) {
			world_read_counter(pages[i].fast, &reading);
			pages[i].reads[0]++;
			pages[i].valid[0] += reading.is_valid ? 1 : 0;
			pages[i].reasons |= CLOCKBOUND_REASONS_OF(reading.interval.status);
		}
		usleep(2000);
	}
	for (i = 0; i < count; i++) {
		printf("%s: %" PRIu64 " of %" PRIu64 " counter reads valid, reasons 0x%" PRIx32 "\n",
		       pages[i].dir, pages[i].valid[0], pages[i].reads[0], pages[i].reasons);
		is_good = is_good && pages[i].reads[0] > 100 && pages[i].valid[0] == pages[i].reads[0];
	}
	return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct page pages[PAGES_MAX];

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc >= 6 && argc - 5 <= PAGES_MAX && strcmp(argv[1], "watch") == 0) {
		open_pages(pages, argc - 5, argv + 5);
		return watch(open_device(argv[2]), strtoll(argv[3], NULL, 10), strtoll(argv[4], NULL, 10),
			     pages, argc - 5);
	}
	if (argc >= 4 && argc - 3 <= PAGES_MAX && strcmp(argv[1], "valid") == 0) {
		open_pages(pages, argc - 3, argv + 3);
		return valid(strtoll(argv[2], NULL, 10), pages, argc - 3);
	}
	if (argc == 3 && strcmp(argv[1], "steer") == 0) {
		slew(open_device(argv[2]), 1);
		return EXIT_SUCCESS;
	}
	fprintf(stderr,
		"usage: vm_phc watch DEVICE SECONDS READS DIR... | steer DEVICE | valid SECONDS DIR...\n");
	return 2;
}
