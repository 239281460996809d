/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the kernel slew the clock of a virtual machine in every way there is, under the eyes of readers on every core.
 *
 *   vm_slew DIR DAEMON_PID CHRONYD_PID RUNG
 *
 * Prints lines "ok WHAT", "not ok WHAT" and "# note". Counter reads have nothing to do with slews: no valid read by the
 * clock, nor of a stamp of it, may be apart from the valid counter reads before and after it. Where the daemon is
 * stopped only the kernel page tells of what the clock does.
 *
 * A fault shows when the clock has gone further than the bound is wide: before each slew the clock is put right, the
 * bound must be narrow, and a slew that is slow goes on until it has gone twice as far. What spoils the bound comes last.
 */
#include "guest_world.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#define ALIGN_MS	180000
#define STEPPED_MS	10000 /* from a step to an interval that knows of it; then once more */
#define ACKNOWLEDGED_MS 20000
#define SLOW_WIDTH_NS	(8 * NS_PER_MS)	 /* adjtime() moves the clock by half of it in 8 s */
#define FAST_WIDTH_NS	(30 * NS_PER_MS) /* the others by more than that in their first second */
#define SLOW_PPM	500
#define READERS_MAX	8
#define READS_MIN	100 /* of a slew */
#define READS_MS	60000
#define PAUSE_NS	300000
#define TICK_NOMINAL_US 10000

struct tally {
	uint64_t reads;
	uint64_t valid;
	uint64_t wrong;
	int64_t worst_ns;
};

static struct {
	clockbound_fast *fast;
	pid_t daemon;
	pid_t chronyd;
	bool is_fentry;
	bool has_failed;
	bool is_ending;
	uint32_t phase; /* reads that began in an earlier one are not counted */
	pthread_mutex_t lock;
	struct tally tally[2]; /* 0 the clock, 1 stamps of it */
} run = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* By how much a valid read is apart from the two counter reads around it; less than 0: it is not. */
static int64_t apart_ns(const struct reading *before, const clockbound_interval *read,
			const struct reading *after)
{
	int64_t early_ns = before->interval.earliest_ns - read->latest_ns;
	int64_t late_ns = read->earliest_ns - after->interval.latest_ns;

	return early_ns > late_ns ? early_ns : late_ns;
}

static void count(int kind, uint32_t phase, const struct reading *before, const clockbound_interval *read,
		  const struct reading *after)
{
	struct tally *tally = &run.tally[kind];
	bool is_compared = before->is_valid && after->is_valid &&
			   before->interval.source == CLOCKBOUND_SOURCE_COUNTER &&
			   after->interval.source == CLOCKBOUND_SOURCE_COUNTER;

	(void)pthread_mutex_lock(&run.lock);
	if (is_compared && phase == run.phase) {
		bool is_valid = clockbound_is_valid(read) != 0;
		int64_t ns = is_valid ? apart_ns(before, read, after) : 0;

		tally->reads++;
		tally->valid += is_valid;
		tally->wrong += ns > 0;
		tally->worst_ns = ns > tally->worst_ns ? ns : tally->worst_ns;
	}
	(void)pthread_mutex_unlock(&run.lock);
}

static void *read_on(void *argument)
{
	struct timespec pause = {.tv_nsec = PAUSE_NS};
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET((size_t)(uintptr_t)argument, &cores);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(cores), &cores);
	while (!__atomic_load_n(&run.is_ending, __ATOMIC_RELAXED)) {
		uint32_t phase = __atomic_load_n(&run.phase, __ATOMIC_ACQUIRE);
		clockbound_interval stamp = {.status = 0};
		struct reading counter[3];
		struct reading clock;

		world_read_counter(run.fast, &counter[0]);
		world_read_clock(run.fast, &clock);
		world_read_counter(run.fast, &counter[1]);
		if (clockbound_fast_at_realtime(run.fast, world_ns(CLOCK_REALTIME), &stamp) !=
		    CLOCKBOUND_FAST_OK) {
			stamp.status = 0;
		}
		world_read_counter(run.fast, &counter[2]);
		count(0, phase, &counter[0], &clock.interval, &counter[1]);
		count(1, phase, &counter[1], &stamp, &counter[2]);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return NULL;
}

static void begin(void)
{
	(void)pthread_mutex_lock(&run.lock);
	memset(run.tally, 0, sizeof(run.tally));
	run.phase++;
	(void)pthread_mutex_unlock(&run.lock);
}

/* @is_valid: most reads must have been valid, not only right */
static void end(const char *what, bool is_valid)
{
	static const char *const kind[2] = {"clock", "stamp"};
	int i;

	(void)pthread_mutex_lock(&run.lock);
	for (i = 0; i < 2; i++) {
		const struct tally *tally = &run.tally[i];
		bool is_good = tally->reads > READS_MIN && tally->wrong == 0 &&
			       (!is_valid || i == 1 || tally->valid > tally->reads / 2);

		run.has_failed = run.has_failed || !is_good;
		printf("%s %s: no valid %s read is apart from the counter's (%" PRIu64 " of %" PRIu64
		       " valid, %" PRIu64 " wrong, worst by %" PRId64 " ns)\n",
		       is_good ? "ok" : "not ok", what, kind[i], tally->valid, tally->reads, tally->wrong,
		       tally->worst_ns);
	}
	run.phase++;
	(void)pthread_mutex_unlock(&run.lock);
}

static void adjust(unsigned int modes, long value)
{
	struct timex timex = {.modes = modes};

	if (modes == ADJ_TICK) {
		timex.tick = value;
	} else {
		timex.offset = value;
	}
	if ((modes & ADJ_STATUS) != 0) {
		timex.status = STA_PLL;
	}
	if (adjtimex(&timex) < 0) {
		printf("not ok adjtimex(0x%x, %ld)\n", modes, value);
		run.has_failed = true;
	}
}

#define PLL    (ADJ_OFFSET | ADJ_STATUS | ADJ_NANO | ADJ_TIMECONST | ADJ_FREQUENCY)
#define SINGLE ADJ_OFFSET_SINGLESHOT

static uint32_t home_epoch(void)
{
	return __atomic_load_n(&run.fast->epochs->rate_epoch, __ATOMIC_ACQUIRE);
}

static uint32_t slot_epoch(void)
{
	const struct clockbound_page *page = run.fast->page;
	uint32_t seq = __atomic_load_n(&page->control.seq, __ATOMIC_ACQUIRE);

	return __atomic_load_n(&page->slot[seq & 1].clock.rate_epoch, __ATOMIC_ACQUIRE);
}

/* Until the slot has taken a change of the rate after @epoch into account, and there is none beyond it. */
static void wait_acknowledged(uint32_t epoch)
{
	int64_t limit_ns = world_ns(CLOCK_MONOTONIC_RAW) + ACKNOWLEDGED_MS * NS_PER_MS;

	while (world_ns(CLOCK_MONOTONIC_RAW) < limit_ns) {
		if (home_epoch() != epoch && slot_epoch() == home_epoch()) {
			return;
		}
		world_sleep_ms(1);
	}
	printf("# not acknowledged within %d ms\n", ACKNOWLEDGED_MS);
}

static bool is_narrow(int64_t width_ns, clockbound_interval *counter)
{
	struct reading clock;
	struct reading by_counter;

	world_read_counter(run.fast, &by_counter);
	world_read_clock(run.fast, &clock);
	*counter = by_counter.interval;
	return by_counter.is_valid && clock.is_valid && clockbound_width_ns(&clock.interval) < width_ns &&
	       clockbound_width_ns(counter) < width_ns;
}

/* Steps the clock to the middle of what the counter knows. */
static void step_to(const clockbound_interval *counter)
{
	int64_t off_ns = counter->earliest_ns + clockbound_width_ns(counter) / 2 - world_ns(CLOCK_REALTIME);
	struct timex timex = {.modes = ADJ_SETOFFSET | ADJ_NANO};

	timex.time.tv_sec = off_ns / NS_PER_SEC - (off_ns % NS_PER_SEC < 0);
	timex.time.tv_usec = off_ns - timex.time.tv_sec * NS_PER_SEC;
	(void)adjtimex(&timex);
}

/*
 * Puts the clock right, until its interval and the counter's are narrower than @width_ns. Returns how wide the latter
 * is; ends the program if that is not to be had, since what follows would be right whatever happened.
 */
static int64_t align(int64_t width_ns)
{
	int64_t limit_ns = world_ns(CLOCK_MONOTONIC_RAW) + ALIGN_MS * NS_PER_MS;
	int64_t stepped_ns = INT64_MIN / 2;
	clockbound_interval counter;

	while (!is_narrow(width_ns, &counter)) {
		int64_t now_ns = world_ns(CLOCK_MONOTONIC_RAW);

		if (now_ns >= limit_ns) {
			printf("not ok harness: the bound does not become narrower than %" PRId64
			       " ns (the counter's is %" PRId64 ")\n",
			       width_ns, clockbound_width_ns(&counter));
			exit(EXIT_FAILURE);
		}
		if (clockbound_width_ns(&counter) < width_ns &&
		    now_ns - stepped_ns > STEPPED_MS * NS_PER_MS) {
			step_to(&counter);
			stepped_ns = now_ns;
		}
		world_sleep_ms(50);
	}
	printf("# aligned: the counter knows to %" PRId64 " ns\n", clockbound_width_ns(&counter));
	return clockbound_width_ns(&counter);
}

static bool has_reads(void)
{
	bool has;

	(void)pthread_mutex_lock(&run.lock);
	has = run.tally[0].reads > READS_MIN && run.tally[1].reads > READS_MIN;
	(void)pthread_mutex_unlock(&run.lock);
	return has;
}

/* Not by a clock that is slewed; and until there are reads, which a busy host may take longer for. */
static void pass(int64_t ms)
{
	int64_t until_ns = world_ns(CLOCK_MONOTONIC_RAW) + ms * NS_PER_MS;
	int64_t late_ns = until_ns + READS_MS * NS_PER_MS;

	while (world_ns(CLOCK_MONOTONIC_RAW) < until_ns ||
	       (!has_reads() && world_ns(CLOCK_MONOTONIC_RAW) < late_ns)) {
		world_sleep_ms(1);
	}
}

/* A second of one rate and one of the other, with or without the daemon. */
static void tick(const char *what)
{
	begin();
	adjust(ADJ_TICK, 11000);
	pass(1000);
	adjust(ADJ_TICK, 9000);
	pass(1000);
	adjust(ADJ_TICK, TICK_NOMINAL_US);
	end(what, run.is_fentry);
}

static void tick_unseen(void)
{
	tick("a tick 10 % longer, then shorter, the daemon stopped");
}

/*
 * So many changes that their sum has begun anew and looks small, while the clock runs at one end of its rates; then as
 * long at the other.
 */
static void flood(void)
{
	int i;

	begin();
	adjust(ADJ_TICK, 11000);
	for (i = 0; i < 319; i++) {
		adjust(ADJ_TICK, i % 2 != 0 ? 11000 : 9000); /* 0.1, 319 * 0.2: 63.9 */
	}
	adjust(ADJ_TICK, 9500);
	adjust(ADJ_TICK, 9000); /* 64.0 */
	pass(1000);
	adjust(ADJ_TICK, 11000);
	pass(1000);
	adjust(ADJ_TICK, TICK_NOMINAL_US);
	end("322 changes, the daemon stopped", false);
}

/* Neither the daemon nor chronyd sees what happens: the bound is as narrow after it as before. */
static void unseen(void (*what)(void))
{
	(void)align(FAST_WIDTH_NS);
	(void)kill(run.daemon, SIGSTOP);
	(void)kill(run.chronyd, SIGSTOP);
	what();
	(void)kill(run.daemon, SIGCONT);
	(void)kill(run.chronyd, SIGCONT);
}

/*
 * The slew begins at the next second. With @stopped_ms the daemon sees its first second, then nothing for so long; of
 * these and @ms the one that is longer is made long enough for a slow slew to show.
 */
static void slew(const char *what, unsigned int modes, long value, int64_t ms, int64_t stopped_ms)
{
	int64_t width_ns = align(modes == SINGLE ? SLOW_WIDTH_NS : FAST_WIDTH_NS);
	int64_t slow_ms = modes == SINGLE ? 2 * width_ns / SLOW_PPM + 1000 : 0;
	uint32_t epoch = home_epoch();

	begin();
	adjust(modes, value);
	if (stopped_ms != 0) {
		wait_acknowledged(epoch);
		(void)kill(run.daemon, SIGSTOP);
		pass(stopped_ms > slow_ms ? stopped_ms : slow_ms);
		(void)kill(run.daemon, SIGCONT);
		slow_ms = 0;
	}
	pass(ms > slow_ms ? ms : slow_ms);
	end(what, run.is_fentry);
	adjust(modes, 0);
	pass(1100); /* what began in this second goes on to its end */
}

static void run_all(void)
{
	unseen(tick_unseen);
	unseen(flood);
	slew("adjtime(), the daemon stopped in the slew", SINGLE, 500000, 0, 4000);
	slew("adjtime()", SINGLE, -500000, 2000, 0);
	slew("the kernel's loop", PLL, 200000000, 2500, 0);
	slew("the kernel's loop, the daemon stopped in the slew", PLL, -200000000, 500, 2000);
	(void)align(FAST_WIDTH_NS);
	tick("a tick 10 % longer, then shorter");
}

int main(int argc, char **argv)
{
	pthread_t thread[READERS_MAX];
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long i;

	if (argc != 5) {
		fprintf(stderr, "usage: vm_slew DIR DAEMON_PID CHRONYD_PID RUNG\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	run.fast = world_open(argv[1]);
	run.daemon = (pid_t)atoi(argv[2]);
	run.chronyd = (pid_t)atoi(argv[3]);
	run.is_fentry = strcmp(argv[4], "fentry") == 0;
	cores = cores < READERS_MAX ? cores : READERS_MAX;
	(void)align(SLOW_WIDTH_NS);
	for (i = 0; i < cores; i++) {
		if (pthread_create(&thread[i], NULL, read_on, (void *)(uintptr_t)i) != 0) {
			abort();
		}
	}
	run_all();
	__atomic_store_n(&run.is_ending, true, __ATOMIC_RELAXED);
	for (i = 0; i < cores; i++) {
		(void)pthread_join(thread[i], NULL);
	}
	return run.has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
