/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end-to-end tests' reader: a program as a user would write it, on the public headers alone. It reads through
 * each path there is and compares with CLOCK_REALTIME, which is the truth here: the chronyds of these tests run
 * with -x on one machine, so server and follower show the same clock.
 *
 *   reader contain DIR READS   READS reads through each path, all must be valid and contain the truth
 *   reader loop DIR            reads until SIGTERM, prints each change of status, and a summary at the end
 *   reader once DIR            one read through each path, one line each
 *
 * Judges nothing but containment and order; the scripts judge the lines.
 */
#include <clockbound.h>
#include <clockbound/fast.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define NS_PER_SEC INT64_C(1000000000)
#define PATH_BYTES 256
#define TEXT_BYTES 256
/* Between two rounds, so that 10,000 rounds cross several publications. */
#define PAUSE_NS 400000

enum kind {
	KIND_INLINE,
	KIND_CLOCK,
	KIND_LIBRARY,
};

/* One way to read, and what came of it. */
struct path {
	const char *name;
	const char *file;
	enum kind kind;
	clockbound_fast *fast;
	clockbound_ctx *ctx;
	uint64_t reads;
	uint64_t invalid;
	uint64_t missed;
	int64_t longest_ns;
	uint32_t status;
	ino_t inode;
};

static struct path paths[] = {
	{.name = "inline", .file = "page", .kind = KIND_INLINE},
	{.name = "clock", .file = "page", .kind = KIND_CLOCK},
	{.name = "page", .file = "page", .kind = KIND_LIBRARY},
	{.name = "shm0", .file = "shm0", .kind = KIND_LIBRARY},
	{.name = "shm", .file = "shm", .kind = KIND_LIBRARY},
};
#define PATHS (sizeof(paths) / sizeof(paths[0]))

static volatile sig_atomic_t is_ending;

static void on_term(int number)
{
	(void)number;
	is_ending = 1;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) != 0) {
		abort();
	}
	return (int64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
}

static ino_t inode_of(const char *dir, const char *file)
{
	char name[PATH_BYTES];
	struct stat info;

	(void)snprintf(name, sizeof(name), "%s/%s", dir, file);
	return stat(name, &info) == 0 ? info.st_ino : 0;
}

static bool open_path(struct path *path, const char *dir)
{
	char name[PATH_BYTES];
	clockbound_err err = {.kind = CLOCKBOUND_ERR_NONE};

	(void)snprintf(name, sizeof(name), "%s/%s", dir, path->file);
	if (path->kind == KIND_LIBRARY) {
		path->ctx = clockbound_open(name, &err);
	} else {
		path->fast = clockbound_fast_open(name, &err);
	}
	if (path->ctx == NULL && path->fast == NULL) {
		fprintf(stderr, "reader: cannot open %s: kind %d, %s\n", name, (int)err.kind, err.detail);
		return false;
	}
	path->inode = inode_of(dir, path->file);
	return true;
}

/* What is not valid may be as far as INT64_MIN ns, whose seconds, rounded down, do not fit. */
static int64_t to_ns(const struct timespec *t)
{
	return t->tv_sec < 0 ? ((int64_t)t->tv_sec + 1) * NS_PER_SEC + (t->tv_nsec - NS_PER_SEC)
			     : (int64_t)t->tv_sec * NS_PER_SEC + t->tv_nsec;
}

/* One read; upstream's result is told in our words: its two promising statuses are valid. */
static void read_path(const struct path *path, clockbound_interval *out)
{
	clockbound_now_result result;
	const clockbound_err *err;

	switch (path->kind) {
	case KIND_INLINE:
		clockbound_interval_now(path->fast, out);
		return;
	case KIND_CLOCK:
		clockbound_fast_clock_now(path->fast, out);
		return;
	case KIND_LIBRARY:
		break;
	}
	err = clockbound_now(path->ctx, &result);
	if (err != NULL) {
		fprintf(stderr, "reader: %s: kind %d, %s\n", path->name, (int)err->kind, err->detail);
		out->earliest_ns = INT64_MIN;
		out->latest_ns = INT64_MAX;
		out->status = CLOCKBOUND_STATUS_UNKNOWN;
		return;
	}
	out->earliest_ns = to_ns(&result.earliest);
	out->latest_ns = to_ns(&result.latest);
	out->status = (uint32_t)result.clock_status;
	if (result.clock_status == CLOCKBOUND_STA_SYNCHRONIZED ||
	    result.clock_status == CLOCKBOUND_STA_FREE_RUNNING) {
		out->status |= CLOCKBOUND_VALID;
	}
}

static void print_status(const struct path *path, const clockbound_interval *got, int64_t mono_ns)
{
	char reasons[TEXT_BYTES] = "";
	size_t used = 0;
	uint32_t bit;

	for (bit = CLOCKBOUND_VALID << 1; (bit & CLOCKBOUND_REASON_MASK) != 0; bit <<= 1) {
		if ((got->status & bit) != 0 && used < sizeof(reasons)) {
			used += (size_t)snprintf(reasons + used, sizeof(reasons) - used, "%s%s",
						 used > 0 ? "," : "", clockbound_reason_name(bit));
		}
	}
	printf("%s status=%s valid=%d reasons=%s width_ns=%" PRId64 " mono_ns=%" PRId64 "\n", path->name,
	       clockbound_status_name(CLOCKBOUND_STATUS_OF(got->status)),
	       (got->status & CLOCKBOUND_VALID) != 0, reasons, clockbound_width_ns(got), mono_ns);
}

/* Reads between two readings of the true clock: an interval that is valid must reach both. */
static bool sandwich(struct path *path, clockbound_interval *got)
{
	int64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
	int64_t before_ns = clock_ns(CLOCK_REALTIME);
	int64_t after_ns;
	int64_t took_ns;
	bool is_good = true;

	read_path(path, got);
	after_ns = clock_ns(CLOCK_REALTIME);
	took_ns = clock_ns(CLOCK_MONOTONIC) - begin_ns;
	path->reads++;
	if (took_ns > path->longest_ns) {
		path->longest_ns = took_ns;
	}
	if ((got->status & CLOCKBOUND_VALID) == 0) {
		path->invalid++;
		is_good = false;
	} else if (got->earliest_ns > after_ns || before_ns > got->latest_ns) {
		path->missed++;
		is_good = false;
		printf("MISSED %s [%" PRId64 ", %" PRId64 "] true time [%" PRId64 ", %" PRId64 "]\n",
		       path->name, got->earliest_ns, got->latest_ns, before_ns, after_ns);
	}
	if (got->earliest_ns > got->latest_ns) {
		path->missed++;
		is_good = false;
		printf("REVERSED %s [%" PRId64 ", %" PRId64 "]\n", path->name, got->earliest_ns,
		       got->latest_ns);
	}
	return is_good;
}

static void pause_round(void)
{
	struct timespec pause = {.tv_sec = 0, .tv_nsec = PAUSE_NS};

	(void)nanosleep(&pause, NULL);
}

static void print_summary(const char *dir)
{
	size_t i;

	for (i = 0; i < PATHS; i++) {
		printf("summary %s reads=%" PRIu64 " invalid=%" PRIu64 " missed=%" PRIu64
		       " longest_us=%" PRId64 " same_inode=%d\n",
		       paths[i].name, paths[i].reads, paths[i].invalid, paths[i].missed,
		       paths[i].longest_ns / 1000, inode_of(dir, paths[i].file) == paths[i].inode);
	}
}

static int contain(const char *dir, uint64_t reads)
{
	clockbound_interval got;
	bool is_good = true;
	size_t i;

	while (paths[0].reads < reads) {
		for (i = 0; i < PATHS; i++) {
			if (!sandwich(&paths[i], &got)) {
				is_good = false;
				print_status(&paths[i], &got, clock_ns(CLOCK_MONOTONIC));
			}
		}
		pause_round();
	}
	print_summary(dir);
	return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int loop(const char *dir)
{
	clockbound_interval got;
	size_t i;

	while (!is_ending) {
		for (i = 0; i < PATHS; i++) {
			(void)sandwich(&paths[i], &got);
			if (got.status != paths[i].status || paths[i].reads == 1) {
				paths[i].status = got.status;
				print_status(&paths[i], &got, clock_ns(CLOCK_MONOTONIC));
			}
		}
		pause_round();
	}
	print_summary(dir);
	return EXIT_SUCCESS;
}

static int once(void)
{
	clockbound_interval got;
	bool is_good = true;
	size_t i;

	for (i = 0; i < PATHS; i++) {
		int64_t mono_ns = clock_ns(CLOCK_MONOTONIC);

		(void)sandwich(&paths[i], &got);
		is_good = is_good && paths[i].missed == 0;
		print_status(&paths[i], &got, mono_ns);
	}
	return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int usage(void)
{
	fprintf(stderr, "usage: reader contain DIR READS | reader loop DIR | reader once DIR\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_term};
	size_t i;

	if (argc < 3 || strlen(argv[2]) > PATH_BYTES - sizeof("/page")) {
		return usage();
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	(void)sigaction(SIGTERM, &action, NULL);
	for (i = 0; i < PATHS; i++) {
		if (!open_path(&paths[i], argv[2])) {
			return 3;
		}
	}
	if (strcmp(argv[1], "contain") == 0 && argc == 4) {
		return contain(argv[2], strtoull(argv[3], NULL, 10));
	}
	if (strcmp(argv[1], "loop") == 0) {
		return loop(argv[2]);
	}
	return strcmp(argv[1], "once") == 0 ? once() : usage();
}
