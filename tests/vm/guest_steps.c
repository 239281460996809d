/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps the clock of a virtual machine in every way there is, while readers loop on every core.
 *
 *   vm_steps DIR PORT RUNG
 *
 * Prints lines "ok WHAT", "not ok WHAT" and "# note". With rung fentry, and with tracepoint but for what that cannot
 * see, no clock read that begins after the call has returned may be valid before the daemon has published a bound
 * that knows of the step. Otherwise the window is told, and has a limit. Counter reads are valid and right in any case.
 *
 * chronyd runs with -x, so that nobody else moves the clock: before each way it is set to the host's time, or the
 * intervals of clock readers would be as wide as it is wrong, and contain anything.
 */
#include "guest_events.h"
#include "guest_moves.h"
#include "guest_readers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

/* Waits, which a slow host may need all of; what is promised is not measured by them. */
#define ACKNOWLEDGED_MS 60000
#define VALID_AGAIN_MS	180000
#define EVENT_MS	20000
#define ALIGN_MS	180000
#define NARROW_MS	20000 /* chronyd is asked to measure anew each 10 s at most */
#define CALM_MS		20000
#define CALM_ANSWERS	30 /* of the host, while reads are valid after each step */
#define LEAP_TRIES	5
#define NAMED_NS	1000 /* an event's size is right within this and its uncertainty */
/*
 * The clock is set by counter reads of at most this width: after a step of an hour they are half a minute wide until
 * chronyd has measured anew, and their middle is seconds off.
 */
#define SHARP_NS (200 * NS_PER_MS)
/* By so much clock reads may be wider than counter reads, before a way; or by as much as these are wide. */
#define NARROW_NS (10 * NS_PER_MS)
/*
 * How long after it a clock read may be valid where the kernel marks nothing: some ms by the timer and half a second by
 * the poll, if the daemon gets a processor, which readers keep busy. Without one for longer it would be stale.
 */
#define WINDOW_NS (5 * NS_PER_SEC)

static struct {
	const char *dir;
	clockbound_fast *fast;
	int64_t begin_ns;
	bool is_fentry;
	bool is_tracepoint;
	bool is_timer;
	bool has_failed;
} run;

static void tell(bool is_good, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(bool is_good, const char *format, ...)
{
	va_list arguments;

	run.has_failed = run.has_failed || !is_good;
	printf("%s ", is_good ? "ok" : "not ok");
	va_start(arguments, format);
	(void)vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

static uint64_t last_event(void)
{
	struct clockbound_control_events events;

	return events_ask(run.dir, UINT64_MAX, &events) ? events.last : 0;
}

/* Waits until the slot knows of a step after @epoch; returns when, or -1. */
static int64_t acknowledged(uint32_t epoch)
{
	int64_t limit_ns = world_ns(CLOCK_MONOTONIC_RAW) + ACKNOWLEDGED_MS * NS_PER_MS;
	int64_t now_ns;

	do {
		bool is_new = world_slot_epoch(run.fast) != epoch;

		now_ns = world_ns(CLOCK_MONOTONIC_RAW);
		if (is_new) {
			return now_ns;
		}
		world_sleep_ms(1);
	} while (now_ns < limit_ns);
	return -1;
}

static bool valid_again(int64_t limit_ms)
{
	int64_t limit_ns = world_ns(CLOCK_MONOTONIC_RAW) + limit_ms * NS_PER_MS;
	struct reading counter;
	struct reading clock;

	do {
		world_read_counter(run.fast, &counter);
		world_read_clock(run.fast, &clock);
		if (counter.is_valid && clock.is_valid) {
			return true;
		}
		world_sleep_ms(20);
	} while (world_ns(CLOCK_MONOTONIC_RAW) < limit_ns);
	printf("# counter status 0x%" PRIx32 ", clock status 0x%" PRIx32 "\n", counter.interval.status,
	       clock.interval.status);
	return false;
}

static bool is_near(int64_t a, int64_t b, int64_t limit)
{
	return a > b ? a - b <= limit : b - a <= limit;
}

/* Whether no clock read may be valid after it: the kernel marks it in the call. */
static bool is_marked(const struct move *move)
{
	return run.is_fentry || (run.is_tracepoint && !move->is_unseen_by_tracepoints);
}

/* What the events after a number say of a step. */
struct told {
	bool has_size;
	bool has_author;
	bool has_cancel;
};

static void look(const struct move *move, const struct clockbound_control_events *events, int64_t step_ns,
		 int64_t uncertainty_ns, struct told *out)
{
	uint32_t i;

	*out = (struct told){.has_size = false};
	for (i = 0; i < events->count; i++) {
		const struct clockbound_event *event = &events->event[i];

		out->has_cancel = out->has_cancel || event->what == CLOCKBOUND_EVENT_CANCELLED;
		if (is_near(event->step_ns, step_ns, NAMED_NS + uncertainty_ns + event->uncertainty_ns)) {
			out->has_size = true;
			out->has_author = out->has_author || move->comm[0] == '\0' ||
					  strcmp(event->comm, move->comm) == 0;
		}
	}
}

/* Whether an event after @number has the right size, and the right author where one can be known. */
static void judge_event(const struct move *move, uint64_t number, int64_t step_ns, int64_t uncertainty_ns)
{
	int64_t limit_ns = world_ns(CLOCK_MONOTONIC_RAW) + EVENT_MS * NS_PER_MS;
	bool is_timed = run.is_timer || (run.is_tracepoint && move->is_unseen_by_tracepoints);
	struct clockbound_control_events events = {0};
	struct told told = {.has_size = false};
	uint32_t i;

	do {
		if (events_ask(run.dir, number, &events)) {
			look(move, &events, step_ns, uncertainty_ns, &told);
		}
		if (is_marked(move) ? told.has_size && told.has_author : !is_timed || told.has_cancel) {
			break;
		}
		world_sleep_ms(100);
	} while (world_ns(CLOCK_MONOTONIC_RAW) < limit_ns);
	for (i = 0; i < events.count; i++) {
		events_print("#   ", &events.event[i]);
	}
	if (is_marked(move)) {
		tell(told.has_size && told.has_author, "%s: an event names %s and %" PRId64 " ns", move->name,
		     move->comm[0] == '\0' ? "nobody" : move->comm, step_ns);
	} else {
		printf("# %s: the event's size is %s\n", move->name, told.has_size ? "right" : "not known");
	}
	if (is_timed) {
		tell(told.has_cancel, "%s: an event says that the timer was cancelled", move->name);
	}
}

/* Steps the clock by what a counter read says that it is off, if that knows. */
static bool align_once(void)
{
	uint32_t epoch = world_slot_epoch(run.fast);
	struct timex change = {.modes = ADJ_SETOFFSET | ADJ_NANO};
	struct reading counter;
	int64_t begin_ns = world_ns(CLOCK_MONOTONIC_RAW);
	int64_t known_ns;
	int64_t off_ns;

	world_read_counter(run.fast, &counter);
	if (!counter.is_valid || clockbound_width_ns(&counter.interval) > SHARP_NS) {
		world_sleep_ms(20);
		return false;
	}
	off_ns = counter.interval.earliest_ns / 2 + counter.interval.latest_ns / 2 - world_ns(CLOCK_REALTIME);
	change.time.tv_sec = off_ns / NS_PER_SEC - (off_ns % NS_PER_SEC < 0 ? 1 : 0);
	change.time.tv_usec = off_ns - change.time.tv_sec * NS_PER_SEC;
	if (adjtimex(&change) < 0) {
		return false;
	}
	known_ns = acknowledged(epoch);
	if (!run.is_fentry) {
		readers_excuse(begin_ns, known_ns >= 0 ? known_ns : INT64_MAX);
	}
	return known_ns >= 0;
}

static bool is_narrow(void)
{
	int64_t limit_ns = world_ns(CLOCK_MONOTONIC_RAW) + NARROW_MS * NS_PER_MS;
	struct reading counter;
	struct reading clock;
	int64_t width_ns;

	do {
		world_sleep_ms(20);
		world_read_counter(run.fast, &counter);
		world_read_clock(run.fast, &clock);
		width_ns = clockbound_width_ns(&counter.interval);
		if (counter.is_valid && clock.is_valid && width_ns <= SHARP_NS &&
		    clockbound_width_ns(&clock.interval) <
			    width_ns + (width_ns > NARROW_NS ? width_ns : NARROW_NS)) {
			return true;
		}
	} while (world_ns(CLOCK_MONOTONIC_RAW) < limit_ns);
	printf("# a clock read is %" PRId64 " ns wide, a counter read %" PRId64 "; status 0x%" PRIx32 "\n",
	       clockbound_width_ns(&clock.interval), clockbound_width_ns(&counter.interval),
	       clock.interval.status);
	return false;
}

/* Sets the clock to the host's time. On a busy host the counter may know that only some time later. */
static bool align(void)
{
	int64_t limit_ns = world_ns(CLOCK_MONOTONIC_RAW) + ALIGN_MS * NS_PER_MS;

	do {
		if (align_once() && is_narrow()) {
			return true;
		}
	} while (world_ns(CLOCK_MONOTONIC_RAW) < limit_ns);
	return false;
}

/* Makes one move under the readers' eyes. */
static void show(const struct move *move)
{
	uint32_t epoch = world_slot_epoch(run.fast);
	uint64_t number = last_event();
	uint64_t invalid = readers_counter_invalid();
	int64_t uncertainty_ns[2];
	int64_t before_ns = moves_difference(&uncertainty_ns[0]);
	int64_t begin_ns = world_ns(CLOCK_MONOTONIC_RAW);
	struct late_reads late;
	int64_t returned_ns;
	int64_t known_ns;
	int64_t step_ns;

	readers_watch(epoch);
	world_sleep_ms(20);
	returned_ns = move->make(move->step_ns);
	if (returned_ns < 0) {
		tell(false, "%s: can be done here", move->name);
		return;
	}
	known_ns = acknowledged(epoch);
	step_ns = moves_difference(&uncertainty_ns[1]) - before_ns;
	readers_late(returned_ns, &late);
	if (is_marked(move)) {
		tell(late.window_ns == 0 && known_ns >= 0,
		     "%s: no clock read is valid after it until the daemon knows (%" PRIu64
		     " late, the last by %" PRId64 " ns)",
		     move->name, late.count, late.window_ns);
	} else {
		tell(known_ns >= 0 && late.window_ns <= WINDOW_NS,
		     "%s: noticed; until then %" PRIu64
		     " valid clock reads, the last %.3f ms after it, at most %.0f",
		     move->name, late.count, (double)late.window_ns / (double)NS_PER_MS,
		     (double)WINDOW_NS / (double)NS_PER_MS);
		readers_excuse(begin_ns, known_ns >= 0 ? known_ns : INT64_MAX);
	}
	if (!valid_again(VALID_AGAIN_MS)) {
		tell(false, "%s: reads become valid again", move->name);
	}
	printf("# %s: %.3f s after the start stepped by %" PRId64 " ns +/- %" PRId64
	       ", acknowledged after %.3f ms, valid again after %.0f ms, %" PRIu64
	       " counter reads not valid\n",
	       move->name, (double)(returned_ns - run.begin_ns) / (double)NS_PER_SEC, step_ns,
	       uncertainty_ns[0] + uncertainty_ns[1], (double)(known_ns - returned_ns) / (double)NS_PER_MS,
	       (double)(world_ns(CLOCK_MONOTONIC_RAW) - returned_ns) / (double)NS_PER_MS,
	       readers_counter_invalid() - invalid);
	judge_event(move, number, step_ns, uncertainty_ns[0] + uncertainty_ns[1]);
	(void)readers_see_answers(CALM_ANSWERS, CALM_MS);
}

/*
 * A leap second, once reads are valid again after the step to before midnight. That takes as long as chronyd takes to
 * measure anew: if midnight has passed meanwhile, from twice as far before it.
 */
static void show_leap(void)
{
	struct move to_midnight = move_to_midnight;
	int i;

	for (i = 0; i < LEAP_TRIES; i++) {
		int64_t left_ns;

		show(&to_midnight);
		left_ns = moves_midnight_in_ns();
		if (left_ns >= MOVES_LEAP_LEAD_NS && left_ns <= to_midnight.step_ns) {
			show(&move_leap);
			return;
		}
		printf("# midnight is too near, or has passed\n");
		to_midnight.step_ns *= 2;
	}
	tell(false, "harness: reads did not become valid before midnight");
}

static void judge_all(void)
{
	struct verdict all;

	readers_end(&all);
	printf("# %" PRIu64 " counter reads, %" PRIu64 " not valid; %" PRIu64 " clock reads, %" PRIu64
	       " not valid; %" PRIu64 " answers of the host\n",
	       all.counter_reads, all.counter_invalid, all.clock_reads, all.clock_invalid, all.truths);
	if (all.counter_miss_ns != 0 || all.clock_miss_ns != 0) {
		printf("# worst %.3f s after the start: reads leave open [%" PRId64 ", %" PRId64
		       "], the host says [%" PRId64 ", %" PRId64 "] of true time - CLOCK_MONOTONIC_RAW\n",
		       (double)all.worst_raw_ns / (double)NS_PER_SEC, all.worst_low_ns, all.worst_high_ns,
		       all.worst_truth.low_ns, all.worst_truth.high_ns);
	}
	tell(all.is_covered, "harness: the host was asked throughout (at most %.3f s without an answer)",
	     (double)all.gap_ns / (double)NS_PER_SEC);
	tell(all.counter_invalid == 0,
	     "counter reads stay valid throughout (%" PRIu64 " did not, reasons 0x%" PRIx32 ")",
	     all.counter_invalid, all.counter_reasons);
	tell(all.counter_compared > 100 && all.counter_miss_ns == 0,
	     "counter reads contain the host's time throughout (%" PRIu64 " comparisons, missed by %" PRId64
	     " ns)",
	     all.counter_compared, all.counter_miss_ns);
	tell(all.clock_compared > 100 && all.clock_miss_ns == 0,
	     "valid clock reads contain the host's time%s (%" PRIu64 " comparisons, missed by %" PRId64
	     " ns)",
	     run.is_fentry ? " throughout" : " outside those windows", all.clock_compared, all.clock_miss_ns);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc != 4) {
		fprintf(stderr, "usage: vm_steps DIR PORT RUNG\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	run.dir = argv[1];
	run.fast = world_open(argv[1]);
	run.is_fentry = strcmp(argv[3], "fentry") == 0;
	run.is_tracepoint = strcmp(argv[3], "tracepoint") == 0;
	run.is_timer = strcmp(argv[3], "timerfd") == 0;
	run.begin_ns = world_ns(CLOCK_MONOTONIC_RAW);
	readers_start(run.fast, (uint16_t)strtoul(argv[2], NULL, 10));
	world_sleep_ms(1000);
	for (i = 0; i < MOVES; i++) {
		if (!align()) {
			tell(false, "harness: the clock could not be put right before %s", moves[i].name);
			break;
		}
		show(&moves[i]);
	}
	if (i == MOVES) {
		show_leap();
	}
	judge_all();
	return run.has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
