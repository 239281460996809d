/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run of `clockbound-bench invalidate`: steps CLOCK_REALTIME by 1 ns, there and back, and reads it by the page
 * until the daemon has published what it measured after the step. The only part of the benchmark that moves a clock,
 * and only when told to.
 */
#include "bench/invalidate.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "bench/own.h"

#define NS_PER_S    INT64_C(1000000000)
#define DEFAULT_DIR "/run/clockbound"

/* A daemon of ours measures the counter, and chronyd may just have been started. */
#define BEGIN_NS (60 * NS_PER_S)
/* Without a probe the step is covered by the next poll: 16 s at most, and the poll's own time. */
#define LIMIT_NS (20 * NS_PER_S)
/* Between two steps: longer than the 5 ms that the daemon leaves between two polls which events ask for. */
#define PAUSE_NS INT64_C(30000000)
/* Added to it in turns, so that steps fall everywhere between two polls: without a probe a poll is all there is. */
#define SPREAD_NS      INT64_C(200000000)
#define SPREAD_POLL_NS INT64_C(1000000000)

struct run {
	struct cbb_own own;
	const char *directory;
	clockbound_fast *fast;
	uint32_t rung;
	struct cbb_invalidate_result result;
	double ns_per_tick;
	bool is_unanswered; /* a step was not followed by a publication, or by a valid read */
	char detail[CBB_DETAIL_MAX];
};

static int64_t mono_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_ns(int64_t ns)
{
	const struct timespec pause = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

static bool may_set_clock(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	memset(data, 0, sizeof(data));
	return syscall(SYS_capget, &head, data) == 0 && (data[0].effective >> CAP_SYS_TIME & 1) != 0;
}

static bool step(int64_t ns)
{
	struct timex timex;

	memset(&timex, 0, sizeof(timex));
	timex.modes = ADJ_SETOFFSET | ADJ_NANO;
	timex.time.tv_sec = ns < 0 ? -1 : 0;
	timex.time.tv_usec = ns < 0 ? NS_PER_S + ns : ns; /* nanoseconds, never negative */
	return syscall(SYS_adjtimex, &timex) >= 0;
}

/* The instant and the epoch of a call that moved the clock. */
struct call {
	uint64_t from; /* ticks */
	uint64_t returned;
	int64_t returned_mono_ns;
	uint32_t epoch; /* clock_epoch before it */
};

/* One look at the page after the call. */
struct look {
	uint64_t ticks;	   /* when it was over */
	bool is_whole;	   /* the page stood still meanwhile; else nothing is known */
	bool is_published; /* the slot was measured after the call */
	bool is_valid;	   /* a read of CLOCK_REALTIME by that slot */
};

/*
 * Which slot a read was made by is certain, since the latch is the same before and after. A slot knows of the step if
 * it has taken a new epoch into account, and no later one is there; or, where nobody counts, if it is from after it.
 */
static void look(const struct run *run, const struct call *call, struct look *out)
{
	const uint32_t *latch = &run->fast->page->control.seq;
	uint32_t seq = clockbound_priv_seq_begin(latch);
	struct clockbound_priv_clock_snapshot slot;
	clockbound_interval interval;
	uint32_t epoch;

	out->is_whole = clockbound_priv_clock_take(run->fast, &slot) == CLOCKBOUND_FAST_OK;
	epoch = CLOCKBOUND_PRIV_LOAD(&clockbound_priv_epochs(run->fast)->clock_epoch);
	clockbound_fast_clock_now(run->fast, &interval);
	out->ticks = cbb_ticks();
	out->is_whole = out->is_whole && !clockbound_priv_seq_retry(latch, seq);
	out->is_published = slot.clock_epoch == epoch &&
			    (slot.clock_epoch != call->epoch || slot.as_of_mono_ns >= call->returned_mono_ns);
	out->is_valid = clockbound_is_valid(&interval) != 0;
}

/* Reads until a read is valid by what was published after the call. */
static void watch(struct run *run, const struct call *call)
{
	struct cbb_invalidate_result *result = &run->result;
	uint64_t window = 0;
	bool is_published = false;
	struct look now;

	do {
		look(run, call, &now);
		if (!now.is_whole) {
			continue;
		}
		if (now.is_published && !is_published) {
			is_published = true;
			cbb_samples_add(&result->published, now.ticks - call->from);
		}
		if (now.is_published && now.is_valid) {
			cbb_samples_add(&result->valid, now.ticks - call->from);
			break;
		}
		if (!is_published) {
			result->reads++;
		}
		if (!now.is_published && now.is_valid) {
			result->still_valid++;
			window = now.ticks - call->returned;
		}
	} while (mono_ns() - call->returned_mono_ns < LIMIT_NS);
	cbb_samples_add(&result->window, window);
	result->steps_with_window += window != 0;
	run->is_unanswered = run->is_unanswered || !now.is_published || !now.is_valid;
}

static bool step_and_watch(struct run *run, int64_t ns)
{
	struct call call = {.epoch = CLOCKBOUND_PRIV_LOAD(&clockbound_priv_epochs(run->fast)->clock_epoch)};

	call.from = cbb_ticks();
	if (!step(ns)) {
		(void)snprintf(run->detail, sizeof(run->detail), "the clock cannot be stepped by %+d ns: %s",
			       (int)ns, strerror(errno));
		return false;
	}
	call.returned = cbb_ticks();
	call.returned_mono_ns = mono_ns();
	cbb_samples_add(&run->result.call, call.returned - call.from);
	run->result.steps++;
	watch(run, &call);
	return true;
}

/* Where there is no valid read before the step, none after it means anything. */
static bool wait_until_valid(struct run *run)
{
	int64_t limit_ns = mono_ns() + BEGIN_NS;
	clockbound_interval interval;

	do {
		clockbound_fast_clock_now(run->fast, &interval);
		if (clockbound_is_valid(&interval) != 0) {
			return true;
		}
		sleep_ns(PAUSE_NS);
	} while (mono_ns() < limit_ns && !cbb_is_interrupted());
	(void)snprintf(run->detail, sizeof(run->detail), "clock reads by %.120s/page are not valid (%s): %s",
		       run->directory, clockbound_status_name(interval.status),
		       run->own.pid != 0 ? "is a synchronised chronyd behind --chrony-socket?"
					 : "see `cbctl status`");
	return false;
}

/* There and back, in pairs: wherever it ends, the clock has come back. */
static int steps(struct run *run, uint32_t count)
{
	int64_t spread_ns = run->rung == CLOCKBOUND_RUNG_POLL ? SPREAD_POLL_NS : SPREAD_NS;
	uint32_t i;

	for (i = 0; i < count; i++) {
		int64_t ns = i % 2 == 0 ? CBB_STEP_NS : -CBB_STEP_NS;

		if (i % 2 == 0 && (cbb_is_interrupted() || !wait_until_valid(run))) {
			return cbb_say(CBB_EXIT_NONE, "%s",
				       cbb_is_interrupted() ? "interrupted" : run->detail);
		}
		/* Multiples of the golden ratio fall evenly. */
		sleep_ns(PAUSE_NS + spread_ns * (i * 618 % 1000) / 1000);
		if (!step_and_watch(run, ns)) {
			return cbb_say(CBB_EXIT_NONE, "%s%s", run->detail,
				       ns < 0 ? "; it stays 1 ns ahead" : "");
		}
	}
	return CBB_EXIT_FINE;
}

/* Slow is no fault. A read that is valid when it must not be is one, and a step that is never answered. */
static int judge(const struct run *run)
{
	const struct cbb_invalidate_result *result = &run->result;

	if (result->has_kernel_page && result->still_valid != 0) {
		return cbb_say(CBB_EXIT_WRONG,
			       "%llu reads were valid after the clock had been moved, which the kernel page "
			       "excludes",
			       (unsigned long long)result->still_valid);
	}
	if (run->is_unanswered) {
		return cbb_say(CBB_EXIT_WRONG, "a step was followed by no valid publication within 20 s");
	}
	return CBB_EXIT_FINE;
}

static bool reserve(struct cbb_invalidate_result *result, uint32_t count)
{
	return cbb_samples_reserve(&result->call, count) && cbb_samples_reserve(&result->published, count) &&
	       cbb_samples_reserve(&result->valid, count) && cbb_samples_reserve(&result->window, count);
}

/* The daemon, ours or one that runs, and its page. */
static bool begin(struct run *run, const struct cbb_options *options)
{
	const char *rung = options->rung != NULL ? options->rung : "auto";
	struct clockbound_control_status status;
	char path[CBB_PATH_MAX + 16];
	clockbound_err error;

	if (options->is_own) {
		if (!cbb_own_make(&run->own, options->daemon, run->detail) ||
		    !cbb_own_start(&run->own, rung, options->chrony_socket, &status, run->detail)) {
			return false;
		}
		run->directory = run->own.directory;
	} else if (!cbb_ask_status(run->directory, &status, run->detail)) {
		return false;
	}
	run->rung = status.probe_rung;
	run->result.rung = cbb_rung_name(run->rung);
	(void)snprintf(path, sizeof(path), "%.500s/page", run->directory);
	run->fast = clockbound_fast_open(path, &error);
	if (run->fast == NULL) {
		(void)snprintf(run->detail, sizeof(run->detail), "%.240s", error.detail);
		return false;
	}
	run->result.has_kernel_page = clockbound_fast_has_kernel_page(run->fast) != 0;
	if (options->is_own && options->rung != NULL && strcmp(options->rung, run->result.rung) != 0) {
		(void)cbb_say(0, "warning: not %s but %s: %s", options->rung, run->result.rung,
			      status.probe_reason);
	}
	return true;
}

static int invalidate(struct run *run, const struct cbb_options *options)
{
	struct cbb_machine machine;
	int code;

	cbb_machine_read(&machine);
	machine.counter_hz = cbb_machine_counter_hz();
	if (!begin(run, options)) {
		return cbb_say(CBB_EXIT_NONE, "%s", run->detail);
	}
	if (!reserve(&run->result, options->steps)) {
		return cbb_say(CBB_EXIT_NONE, "out of memory");
	}
	machine.is_pinned = cbb_machine_pin(0); /* after the daemon, which may run where it likes */
	code = steps(run, options->steps);
	if (code != CBB_EXIT_FINE) {
		return code;
	}
	if (!cbb_invalidate_report(&machine, &run->result, options->is_json)) {
		return cbb_say(CBB_EXIT_WRONG, "cannot write the report");
	}
	return judge(run);
}

int cbb_invalidate(const struct cbb_options *options)
{
	struct run run;
	int code;

	if (!options->may_move_clock) {
		return cbb_say(
			CBB_EXIT_USAGE,
			"this would step CLOCK_REALTIME %u times, by +1 ns and -1 ns in turns, and leave "
			"it where it was; each step also ends an adjtime() slew that is under way: say "
			"--move-clock if it may",
			options->steps);
	}
	if (!may_set_clock()) {
		return cbb_say(CBB_EXIT_NONE,
			       "stepping the clock needs CAP_SYS_TIME: run this as root, on a machine where "
			       "root has it");
	}
	memset(&run, 0, sizeof(run));
	run.directory = options->runtime_dir != NULL ? options->runtime_dir : DEFAULT_DIR;
	cbb_interrupt_watch();
	code = invalidate(&run, options);
	clockbound_fast_close(run.fast);
	cbb_samples_free(&run.result.call);
	cbb_samples_free(&run.result.published);
	cbb_samples_free(&run.result.valid);
	cbb_samples_free(&run.result.window);
	cbb_own_remove(&run.own);
	return code;
}
