/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients on aarch64, run: the counter, a page that the daemon's own judgement and writer make of this machine's
 * clocks, and every way to read it. True time is CLOCK_REALTIME once, carried on the counter. Without cmocka, which
 * is not there for a foreign machine.   usage: aarch64 DIRECTORY [torn]
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <clockbound.h>
#include <clockbound/fast.h>

#include "daemon/clock.h"
#include "daemon/core/q58.h"
#include "daemon/log.h"
#include "daemon/publish/page_writer.h"
#include "tests/abi/aarch64.h"
#include "tests/unit/client/twins.h"

#define NS_PER_SEC INT64_C(1000000000)
#define READS	   2000
/* How long the counter is measured, in naps between which the core polls. */
#define NAPS	4
#define NAP_NS	50000000
#define PERCENT 3
/* What the made-up chronyd says of its sample: more than any clock leaves the counter in these seconds. */
#define SAMPLE_ERROR_NS 2000000
/* Above it an interval would contain everything; the sample's error twice, and its age of 1 s at most at 50 ppm. */
#define WIDTH_NS_MAX (5 * SAMPLE_ERROR_NS)

static struct cbd_clock_system machine;
static struct cbd_anchor origin;
static uint64_t counter_hz; /* as the machine tells it; else as measured, to the MHz */
static int failures;

bool expect(bool is_good, const char *format, ...)
{
	va_list arguments;

	if (!is_good) {
		failures++;
		printf("FAILED: ");
		va_start(arguments, format);
		vprintf(format, arguments);
		va_end(arguments);
		printf("\n");
	}
	return is_good;
}

/* The daemon's log needs jansson, of which there is none for this machine. */
void cbd_log(enum cbd_log_level level, const char *event, const char *format, ...)
{
	va_list arguments;

	printf("%d %s: ", (int)level, event);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

static void nap(void)
{
	const struct timespec pause = {.tv_nsec = NAP_NS};

	(void)nanosleep(&pause, NULL);
}

static uint64_t told_hz(void)
{
	uint64_t hz;

	__asm__ __volatile__("mrs %0, cntfrq_el0" : "=r"(hz));
	/* qemu-aarch64 10 tells 0, and its counter goes at 1 GHz. */
	return hz != 0 ? hz : (machine.counter_hz + 500000) / 1000000 * 1000000;
}

/* True time when the counter stood at @counter. */
static int64_t true_ns(uint64_t counter)
{
	__extension__ __int128 ticks = (int64_t)(counter - origin.real.counter);

	return origin.real.clock_ns + (int64_t)(ticks * NS_PER_SEC / (int64_t)counter_hz);
}

/* A real machine's clocks run on its counter. qemu's counter is CLOCK_REALTIME in whole us, which no bracket shows. */
static void take_anchor(struct cbd_anchor *anchor)
{
	const uint64_t blur = counter_hz / 1000000 + 1;

	expect(cbd_clock_anchor(&machine.clock, anchor) == 0, "no anchor");
	anchor->real.half_ticks += blur;
	anchor->raw.half_ticks += blur;
}

/* Between @first and now the counter has gone as far as its frequency says, by CLOCK_MONOTONIC_RAW. */
static void counter_goes_at_the_frequency_that_the_machine_tells(const struct cbd_anchor *first)
{
	struct cbd_anchor last;
	double ticks;
	double wanted;
	double blur;

	take_anchor(&last);
	ticks = (double)(last.raw.counter - first->raw.counter);
	wanted = (double)(last.raw.clock_ns - first->raw.clock_ns) * (double)counter_hz / NS_PER_SEC;
	blur = (double)(first->raw.half_ticks + last.raw.half_ticks);
	printf("aarch64: %.0f ticks in %lld ns, %llu Hz told\n", ticks,
	       (long long)(last.raw.clock_ns - first->raw.clock_ns), (unsigned long long)counter_hz);
	expect(last.raw.counter > first->raw.counter && ticks <= wanted * (100 + PERCENT) / 100 + blur &&
		       ticks >= wanted * (100 - PERCENT) / 100 - blur,
	       "%.0f ticks where %.0f were due", ticks, wanted);
}

/* chronyd as it would answer if it knew CLOCK_REALTIME to be right within SAMPLE_ERROR_NS. */
static void poll_core(struct cbd_core *core)
{
	struct cbd_poll poll = {.sources = 1, .has_source_data = true};

	take_anchor(&poll.before);
	take_anchor(&poll.after);
	poll.tracking = (struct cbd_tracking){
		.reference_id = 0xc0a87b01,
		.stratum = 2,
		.ref_time_ns = origin.real.clock_ns,
		.correction_quantum_ns = 1,
		.root_delay_ns = SAMPLE_ERROR_NS,
		.root_dispersion_ns = SAMPLE_ERROR_NS / 2,
		.frequency_q58 = -poll.after.kernel_rate_q58,
		.skew_q58 = CBD_Q58_ONE / 10000000,
		.update_interval_ns = 64 * NS_PER_SEC,
	};
	poll.source[0] = (struct cbd_source_data){
		.reference_id = 0xc0a87b01,
		.state = CBD_SOURCE_SELECTED,
		.offset_quantum_ns = 1,
		.error_ns = SAMPLE_ERROR_NS,
		.id = 1,
		.mark = 1,
		.since_s = (uint32_t)((poll.after.real.clock_ns - origin.real.clock_ns) / NS_PER_SEC),
	};
	cbd_core_on_poll(core, &poll);
}

/* The clocks are read from here on; @core knows them, and the counter's rate, when this is over. */
static void clocks_are_measured(struct cbd_core *core)
{
	const struct cbd_core_config config = {
		.rho_ppb = 50000,
		.max_holdover_ns = 1000 * NS_PER_SEC,
		.stale_after_ns = 60 * NS_PER_SEC, /* however slowly this is emulated */
		.coarse_ns = 4000000,
		.has_counter = true,
	};
	int i;

	take_anchor(&origin);
	cbd_core_init(core, &config);
	for (i = 0; i < NAPS; i++) {
		poll_core(core);
		nap();
	}
	counter_goes_at_the_frequency_that_the_machine_tells(&origin);
	poll_core(core);
	expect(core->out.has_lines && core->rule == CLOCKBOUND_RULE_SAMPLE, "the core draws no lines");
	expect((core->out.status & CLOCKBOUND_VALID) != 0, "the core's status is %#x", core->out.status);
}

/* @interval was read by @call while the counter went from @before to @after. */
static bool holds(const char *call, const clockbound_interval *interval, uint64_t before, uint64_t after)
{
	return expect(interval->earliest_ns <= interval->latest_ns &&
			      interval->earliest_ns <= true_ns(after) &&
			      interval->latest_ns >= true_ns(before) && clockbound_is_valid(interval) &&
			      clockbound_width_ns(interval) <= WIDTH_NS_MAX,
		      "%s: [%lld, %lld], status %#x, at a true time of %lld to %lld", call,
		      (long long)interval->earliest_ns, (long long)interval->latest_ns, interval->status,
		      (long long)true_ns(before), (long long)true_ns(after));
}

/* The same of what must have come from the counter. */
static bool counts(const char *call, int result, const clockbound_interval *interval, uint64_t before)
{
	uint64_t after = clockbound_fast_counter();

	return expect(result == CLOCKBOUND_FAST_OK, "%s: cannot", call) &&
	       expect(interval->source == CLOCKBOUND_SOURCE_COUNTER, "%s: not from the counter", call) &&
	       expect(CLOCKBOUND_STATUS_OF(interval->status) == CLOCKBOUND_STATUS_SYNCHRONIZED,
		      "%s: status %#x", call, interval->status) &&
	       holds(call, interval, before, after);
}

/* @saved: the counter before the page was written, to which its lines run backwards */
static void every_read_contains_true_time(const clockbound_fast *fast, uint64_t saved)
{
	clockbound_interval interval;
	int result;
	int i;

	result = clockbound_fast_at_counter(fast, saved, &interval);
	expect(result == CLOCKBOUND_FAST_OK && interval.source == CLOCKBOUND_SOURCE_COUNTER,
	       "no interval of a counter before the page's");
	holds("at_counter, backwards", &interval, saved, saved);
	for (i = 0; i < READS && failures == 0; i++) {
		uint64_t before = clockbound_fast_counter();

		result = clockbound_fast_now(fast, &interval);
		counts("now", result, &interval, before);
		result = clockbound_fast_now_relaxed(fast, &interval);
		counts("now_relaxed", result, &interval, before);
		result = clockbound_fast_now_within(fast, WIDTH_NS_MAX, &interval);
		counts("now_within", result, &interval, before);
		clockbound_interval_now(fast, &interval);
		counts("interval_now", 0, &interval, before);
		clockbound_fast_slow_now(fast, &interval);
		counts("slow_now", 0, &interval, before);
		result = clockbound_fast_at_counter(fast, before, &interval);
		if (counts("at_counter", result, &interval, before)) {
			holds("at_counter", &interval, before, before); /* no later: it is of that instant */
		}
		clockbound_fast_clock_now(fast, &interval);
		holds("clock_now", &interval, before, clockbound_fast_counter());
		result = clockbound_fast_at_realtime(fast, true_ns(before), &interval);
		expect(result == CLOCKBOUND_FAST_OK && interval.source == CLOCKBOUND_SOURCE_CLOCK,
		       "no interval of a stamp");
		holds("at_realtime", &interval, before, before);
	}
}

static void commits_wait_until_true_time_has_passed_and_order_is_told(const clockbound_fast *fast)
{
	clockbound_interval first = {0};
	clockbound_interval second = {0};
	uint64_t before = clockbound_fast_counter();

	clockbound_interval_now(fast, &first);
	expect(clockbound_wait_until_past(fast, first.latest_ns, -1, &second) == CLOCKBOUND_WAIT_PAST,
	       "the wait did not end by itself");
	counts("wait_until_past", 0, &second, before);
	expect(second.earliest_ns > first.latest_ns, "the wait ended too early");
	expect(true_ns(clockbound_fast_counter()) > first.latest_ns, "true time has not passed");
	expect(clockbound_compare(&first, &second) == CLOCKBOUND_BEFORE,
	       "the first is not before the second");
	expect(clockbound_compare(&second, &first) == CLOCKBOUND_AFTER, "the second is not after the first");
	expect(clockbound_compare(&first, &first) == CLOCKBOUND_OVERLAPS, "the first is apart from itself");
	expect(clockbound_wait_until_past(fast, second.latest_ns + 3600 * NS_PER_SEC, NAP_NS / 10, NULL) ==
		       CLOCKBOUND_WAIT_TIMEOUT,
	       "an hour passed in %d ns", NAP_NS / 10);
	clockbound_cap_width(&second, clockbound_width_ns(&second) - 1);
	expect(!clockbound_is_valid(&second), "wider than its cap, and valid");
}

static void upstreams_call_contains_true_time(const char *path)
{
	clockbound_err error = {0};
	clockbound_ctx *context = clockbound_open(path, &error);
	clockbound_now_result result;
	clockbound_interval interval;
	int i;

	if (!expect(context != NULL, "clockbound_open: %s", error.detail)) {
		return;
	}
	for (i = 0; i < READS && failures == 0; i++) {
		uint64_t before = clockbound_fast_counter();

		if (!expect(clockbound_now(context, &result) == NULL, "clockbound_now")) {
			break;
		}
		interval.earliest_ns = result.earliest.tv_sec * NS_PER_SEC + result.earliest.tv_nsec;
		interval.latest_ns = result.latest.tv_sec * NS_PER_SEC + result.latest.tv_nsec;
		interval.status = (uint32_t)result.clock_status | CLOCKBOUND_VALID;
		interval.source = CLOCKBOUND_SOURCE_COUNTER;
		counts("clockbound_now", 0, &interval, before);
	}
	(void)clockbound_close(context);
}

/* Publishes @core's lines as those of a counter of @kind; a handle on the page, or NULL. */
static clockbound_fast *publish(const struct cbd_runtime_dir *dir, const struct cbd_core *core, uint32_t kind,
				clockbound_err *error)
{
	struct cbd_page_identity identity = {
		.counter_kind = kind, .counter_hz = machine.counter_hz, .rho_ppb = core->config.rho_ppb};
	struct cbd_page_writer writer;
	char path[256];

	if (!expect(cbd_page_identity_fill(&identity) == 0 &&
			    cbd_page_writer_open(&writer, dir, &identity) == 0,
		    "no page in %s", dir->path)) {
		return NULL;
	}
	cbd_page_writer_publish(&writer, &core->out);
	cbd_page_writer_close(&writer);
	snprintf(path, sizeof(path), "%s/%s", dir->path, CBD_PAGE_NAME);
	return clockbound_fast_open(path, error);
}

static void the_page_is_read(const struct cbd_runtime_dir *dir)
{
	struct cbd_core core;
	clockbound_err error = {0};
	clockbound_fast *fast;
	uint64_t saved;
	char path[256];

	clocks_are_measured(&core);
	fast = publish(dir, &core, CLOCKBOUND_COUNTER_TSC, &error);
	expect(fast == NULL && error.kind == CLOCKBOUND_ERR_SEGMENT_MALFORMED,
	       "a page of x86's counter is opened");
	clockbound_fast_close(fast);
	saved = clockbound_fast_counter();
	poll_core(&core);
	fast = publish(dir, &core, machine.counter_kind, &error);
	if (!expect(fast != NULL, "clockbound_fast_open: %s", error.detail)) {
		return;
	}
	every_read_contains_true_time(fast, saved);
	commits_wait_until_true_time_has_passed_and_order_is_told(fast);
	snprintf(path, sizeof(path), "%s/%s", dir->path, CBD_PAGE_NAME);
	upstreams_call_contains_true_time(path);
	clockbound_fast_close(fast);
}

int main(int argc, char **argv)
{
	char clocksource[256];
	const struct cbd_clock_options options = {.clocksource_path = clocksource};
	struct cbd_runtime_dir dir;

	if (argc < 2) {
		return 2;
	}
	/* An emulator shows its own kernel's, which knows no such counter. */
	snprintf(clocksource, sizeof(clocksource), "%s/clocksource", argv[1]);
	cbd_clock_system_init(&machine, &options);
	expect(machine.has_counter && machine.counter_kind == CLOCKBOUND_COUNTER_CNTVCT,
	       "the daemon would not use the counter: %s", machine.reason);
	counter_hz = told_hz();
	if (!expect(cbd_runtime_dir_open(&dir, argv[1]) == 0, "no directory %s", argv[1])) {
		return 1;
	}
	if (failures == 0 && argc == 2) {
		the_page_is_read(&dir);
	}
	if (failures == 0) {
		no_read_is_torn(&dir);
	}
	cbd_runtime_dir_close(&dir);
	return failures != 0;
}
