/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Abuse of the probe in a virtual machine.
 *
 *   vm_abuse refused DIR MS    a process without rights calls clock_settime and adjtimex in a loop: readers see nothing
 *   vm_abuse flood DIR CALLS   root changes the rate and steps, back and forth, as fast as it can: records may be
 *                              dropped and are counted, epochs may not, and the daemon publishes all the while
 *
 * Prints lines "ok WHAT", "not ok WHAT" and "# note".
 */
#include "guest_events.h"
#include "guest_world.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY	    65534
#define RATE_UNIT   65536 /* 1 ppm in the kernel's units */
#define SETTLE_MS   500
#define DRAINED_MS  120000
#define RECOVERY_MS 180000
#define READS_MIN   1000
#define READS_MS    60000 /* what a slow host may need for them */
/* Each kind of change; Linux 5.10 interrupts every core at each step, which an emulator on one core is slow at. */
#define FLOOD_MS 30000
#define ROUND	 100
/* The daemon's promise: stale-after, five polls of a second. */
#define GAP_MAX_MS 5000

static bool has_failed;

static void tell(bool is_good, const char *what)
{
	has_failed = has_failed || !is_good;
	printf("%s %s\n", is_good ? "ok" : "not ok", what);
}

/* Calls until it is killed; each must be refused. */
static void call_without_rights(void)
{
	struct timespec to = {.tv_sec = 1000000000, .tv_nsec = 0};
	struct timex change = {.modes = 0};
	uint64_t calls = 0;

	if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0) {
		_exit(2);
	}
	for (;;) {
		change.modes = calls % 2 == 0 ? ADJ_FREQUENCY : ADJ_SETOFFSET;
		change.freq = (long)(calls % 7) * RATE_UNIT;
		if (clock_settime(CLOCK_REALTIME, &to) == 0 || errno != EPERM || adjtimex(&change) != -1 ||
		    errno != EPERM) {
			_exit(3);
		}
		calls++;
	}
}

static int refused(const char *dir, int64_t ms)
{
	clockbound_fast *fast = world_open(dir);
	struct clockbound_control_status before = {.last_event = 0};
	struct clockbound_control_status after = {.last_event = 0};
	struct clockbound_epochs epochs = *fast->epochs;
	struct reading reading;
	uint64_t reads = 0;
	uint64_t invalid = 0;
	int64_t end_ns = world_ns(CLOCK_MONOTONIC_RAW) + ms * NS_PER_MS;
	int status = 0;
	pid_t pid;

	bool has_before = events_status(dir, &before);

	pid = fork();
	if (pid == 0) {
		call_without_rights();
	}
	while (world_ns(CLOCK_MONOTONIC_RAW) < end_ns ||
	       (reads <= READS_MIN && world_ns(CLOCK_MONOTONIC_RAW) < end_ns + READS_MS * NS_PER_MS)) {
		world_read_clock(fast, &reading);
		reads++;
		invalid += reading.is_valid ? 0 : 1;
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	tell(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	     "every call of the process without rights was refused");
	printf("# %" PRIu64 " clock reads beside them, %" PRIu64 " not valid\n", reads, invalid);
	tell(reads > READS_MIN && invalid == 0, "clock reads stay valid beside them");
	tell(fast->epochs->clock_epoch == epochs.clock_epoch &&
		     fast->epochs->rate_epoch == epochs.rate_epoch &&
		     fast->epochs->counter_epoch == epochs.counter_epoch,
	     "no epoch moves");
	tell(has_before && events_status(dir, &after) && after.last_event == before.last_event,
	     "no event is recorded");
	printf("# refused calls counted: %" PRIu64 "\n", after.probe_refused - before.probe_refused);
	clockbound_fast_close(fast);
	return has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The daemon's longest silence. */
struct silence {
	const struct clockbound_page *page;
	uint64_t publications;
	int64_t since_ns;
	int64_t max_ns;
};

static void look_for_silence(struct silence *silence)
{
	uint64_t publications = __atomic_load_n(&silence->page->control.publications, __ATOMIC_RELAXED);
	int64_t now_ns = world_ns(CLOCK_MONOTONIC_RAW);

	if (publications != silence->publications || silence->since_ns == 0) {
		silence->publications = publications;
		silence->since_ns = now_ns;
	}
	if (now_ns - silence->since_ns > silence->max_ns) {
		silence->max_ns = now_ns - silence->since_ns;
	}
}

/* Changes the rate, or steps by 1 us, there and back, @calls times if there is time. Returns how many succeeded. */
static uint32_t change_fast(uint32_t calls, bool is_step, uint32_t *tried, struct silence *silence)
{
	int64_t end_ns = world_ns(CLOCK_MONOTONIC_RAW) + FLOOD_MS * NS_PER_MS;
	struct timex change = {.modes = 0};
	uint32_t good = 0;
	uint32_t i;

	for (i = 0; i < calls && (i % ROUND != 0 || world_ns(CLOCK_MONOTONIC_RAW) < end_ns); i++) {
		memset(&change, 0, sizeof(change));
		if (is_step) {
			change.modes = ADJ_SETOFFSET | ADJ_NANO;
			change.time.tv_sec = i % 2 == 0 ? 0 : -1;
			change.time.tv_usec = i % 2 == 0 ? 1000 : NS_PER_SEC - 1000;
		} else {
			change.modes = ADJ_FREQUENCY;
			change.freq = i % 2 == 0 ? RATE_UNIT : 0;
		}
		good += adjtimex(&change) >= 0 ? 1 : 0;
		if (i % ROUND == 0) {
			look_for_silence(silence);
		}
	}
	*tried = i;
	return good;
}

/* Whether every change that was marked is either a record told of or counted as dropped, before long. */
static bool all_accounted(const char *dir, const struct clockbound_control_status *before, uint32_t changes,
			  struct clockbound_control_status *after)
{
	int64_t end_ns = world_ns(CLOCK_MONOTONIC_RAW) + DRAINED_MS * NS_PER_MS;

	do {
		world_sleep_ms(SETTLE_MS);
		if (events_status(dir, after) &&
		    after->last_event - before->last_event + after->probe_dropped - before->probe_dropped >=
			    changes) {
			return true;
		}
	} while (world_ns(CLOCK_MONOTONIC_RAW) < end_ns);
	return false;
}

static bool recovers(const clockbound_fast *fast)
{
	int64_t end_ns = world_ns(CLOCK_MONOTONIC_RAW) + RECOVERY_MS * NS_PER_MS;
	struct reading reading;

	do {
		world_sleep_ms(SETTLE_MS);
		world_read_clock(fast, &reading);
	} while (!reading.is_valid && world_ns(CLOCK_MONOTONIC_RAW) < end_ns);
	return reading.is_valid;
}

static int flood(const char *dir, uint32_t calls)
{
	clockbound_fast *fast = world_open(dir);
	struct clockbound_control_status before = {.last_event = 0};
	struct clockbound_control_status after = {.last_event = 0};
	struct clockbound_epochs from = *fast->epochs;
	struct silence silence = {.page = fast->page};
	int64_t begin_ns = world_ns(CLOCK_MONOTONIC_RAW);
	uint32_t rates_tried;
	uint32_t steps_tried;
	uint32_t rates;
	uint32_t steps;
	uint32_t rate_moved;
	uint32_t step_moved;
	bool is_accounted;

	(void)events_status(dir, &before);
	rates = change_fast(calls, false, &rates_tried, &silence);
	steps = change_fast(calls, true, &steps_tried, &silence);
	printf("# longest silence of the daemon: %.2f s\n", (double)silence.max_ns / (double)NS_PER_SEC);
	tell(silence.max_ns < GAP_MAX_MS * NS_PER_MS,
	     "the daemon publishes as often as it promises meanwhile");
	rate_moved = fast->epochs->rate_epoch - from.rate_epoch;
	step_moved = fast->epochs->clock_epoch - from.clock_epoch;
	printf("# %" PRIu32 " changes in %.2f s: rate_epoch moved by %" PRIu32 ", clock_epoch by %" PRIu32
	       "\n",
	       rates + steps, (double)(world_ns(CLOCK_MONOTONIC_RAW) - begin_ns) / (double)NS_PER_SEC,
	       rate_moved, step_moved);
	if (clockbound_fast_has_kernel_page(fast) == 0) {
		printf("# no kernel page: the file's epochs follow late, and promise no more\n");
		tell(rates == rates_tried && steps == steps_tried && recovers(fast),
		     "clock reads become valid again after the flood");
		return has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	tell(rates == rates_tried && rate_moved >= rates, "no change of the rate is lost from its epoch");
	tell(steps == steps_tried && step_moved >= steps, "no step is lost from its epoch");
	is_accounted = all_accounted(dir, &before, rates + steps, &after);
	printf("# events told: %" PRIu64 ", dropped: %" PRIu64 ", marked: %" PRIu64 "\n",
	       after.last_event - before.last_event, after.probe_dropped - before.probe_dropped,
	       after.probe_events - before.probe_events);
	tell(is_accounted, "every change is told as an event or counted as dropped");
	tell(recovers(fast), "clock reads become valid again after the flood");
	clockbound_fast_close(fast);
	return has_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && strcmp(argv[1], "refused") == 0) {
		return refused(argv[2], strtoll(argv[3], NULL, 10));
	}
	if (argc == 4 && strcmp(argv[1], "flood") == 0) {
		return flood(argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
	}
	fprintf(stderr, "usage: vm_abuse refused DIR MS | vm_abuse flood DIR CALLS\n");
	return 2;
}
