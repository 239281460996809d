/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the probe makes of the records of tracepoints: how large each step was, several of which may wait, what was
 * none, and that none is lost with the programs. The programs and the clocks are this test's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "daemon/probe/probe.h"

#define ADJ_SETOFFSET_NANO 0x2100
#define DIFFERENCE_NS	   INT64_C(1700000000000000000) /* CLOCK_REALTIME - CLOCK_MONOTONIC before anything */
#define TOOK_NS		   2000				/* of a call */
#define READ_NS		   20				/* of a clock */
#define RECORDS		   4

static struct clockbound_kernel_page kernel;
static struct clockbound_event record[RECORDS];
static int records;
static int taken; /* of these */
static int at_a_time;
static bool is_firing;
static int64_t mono_ns;
static int64_t difference_ns;
static struct cbd_clock the_clock;
static struct cbd_probe probe;

/* --- the programs --- */

int cbd_bpf_open(struct cbd_bpf **bpf_out, const struct cbd_bpf_options *options, char why[CBD_BPF_WHY])
{
	(void)bpf_out;
	(void)options;
	why[0] = '\0';
	return -ENOSYS;
}

void cbd_bpf_close(struct cbd_bpf *bpf)
{
	(void)bpf;
}

const struct clockbound_kernel_page *cbd_bpf_page(const struct cbd_bpf *bpf)
{
	(void)bpf;
	return &kernel;
}

bool cbd_bpf_is_reused(const struct cbd_bpf *bpf)
{
	(void)bpf;
	return false;
}

int cbd_bpf_map_fd(const struct cbd_bpf *bpf)
{
	(void)bpf;
	return -1;
}

int cbd_bpf_attach(struct cbd_bpf *bpf, uint32_t rung, char why[CBD_BPF_WHY])
{
	(void)bpf;
	(void)rung;
	why[0] = '\0';
	return -ENOSYS;
}

void cbd_bpf_detach(struct cbd_bpf *bpf)
{
	(void)bpf;
}

int cbd_bpf_control(const struct cbd_bpf *bpf, uint64_t what)
{
	(void)bpf;
	(void)what;
	return 0;
}

int cbd_bpf_ring_fd(const struct cbd_bpf *bpf)
{
	(void)bpf;
	return -1;
}

void cbd_bpf_drain(struct cbd_bpf *bpf, void (*take)(void *context, const struct clockbound_event *event),
		   void *context)
{
	(void)bpf;
	for (int i = 0; i < at_a_time && taken < records; i++) {
		take(context, &record[taken++]);
	}
	if (taken == records) {
		taken = records = 0;
	}
}

bool cbd_bpf_has_missed(struct cbd_bpf *bpf)
{
	(void)bpf;
	return false;
}

bool cbd_bpf_is_firing(struct cbd_bpf *bpf)
{
	(void)bpf;
	return is_firing;
}

/* --- the clocks --- */

static bool say_time(void *context, clockid_t clock, int64_t *ns)
{
	(void)context;
	mono_ns += READ_NS;
	*ns = clock == CLOCK_REALTIME ? mono_ns + difference_ns : mono_ns;
	return true;
}

static int start(void **state)
{
	(void)state;
	memset(&probe, 0, sizeof(probe));
	memset(&kernel, 0, sizeof(kernel));
	kernel.epochs.clock_epoch = 100;
	taken = records = 0;
	at_a_time = RECORDS;
	is_firing = true;
	mono_ns = INT64_C(1000000000);
	difference_ns = DIFFERENCE_NS;
	the_clock = (struct cbd_clock){.gettime = say_time};
	probe.clock = &the_clock;
	probe.rung = CBD_PROBE_TRACEPOINT;
	probe.bpf = (struct cbd_bpf *)&kernel; /* not NULL, and never looked into */
	probe.timer_fd = -1;
	probe.epoll_fd = -1;
	probe.has_step = cbd_clock_step(&the_clock, &probe.step_ns, &probe.step_half_ns);
	return 0;
}

/* A call by whoever may set the clock, that moves it by @step_ns in the middle; marked, and its record waits. */
static struct clockbound_event *call(uint32_t call, uint32_t modes, int64_t step_ns)
{
	struct clockbound_event *event = &record[records++];

	kernel.epochs.clock_epoch += 2;
	*event = (struct clockbound_event){
		.version = CLOCKBOUND_EVENT_VERSION,
		.size = sizeof(*event),
		.what = CLOCKBOUND_EVENT_CALL,
		.call = call,
		.modes = modes,
		.mono_ns = (uint64_t)mono_ns,
		.uncertainty_ns = TOOK_NS,
		.clock_epoch = kernel.epochs.clock_epoch,
	};
	mono_ns += TOOK_NS / 3;
	difference_ns += step_ns;
	event->value = call == CLOCKBOUND_CALL_SETTIME ? mono_ns + difference_ns : step_ns;
	mono_ns += TOOK_NS - TOOK_NS / 3 + 5000;
	return event;
}

static const struct clockbound_event *told(uint64_t number)
{
	assert_true(number <= probe.history.last);
	return &probe.history.event[number % CBD_HISTORY_EVENTS];
}

/* Event @number is a step of @step_ns, to what it says of its uncertainty, which is no more than @most_ns. */
static void check_step(uint64_t number, int64_t step_ns, uint32_t most_ns)
{
	const struct clockbound_event *event = told(number);

	assert_int_equal(event->what, CLOCKBOUND_EVENT_STEP);
	assert_true(event->uncertainty_ns <= most_ns);
	assert_true(event->step_ns >= step_ns - event->uncertainty_ns &&
		    event->step_ns <= step_ns + event->uncertainty_ns);
}

static void one_step_is_measured_by_the_clocks(void **state)
{
	(void)state;
	call(CLOCKBOUND_CALL_SETTIME, 0, 1000000000);
	assert_true(cbd_probe_on_ready(&probe));
	check_step(1, 1000000000, 4 * READ_NS);
}

static void two_steps_that_wait_have_each_its_own_size(void **state)
{
	(void)state;
	call(CLOCKBOUND_CALL_SETTIME, 0, 1000000000);
	call(CLOCKBOUND_CALL_SETTIME, 0, -400000000);
	(void)cbd_probe_on_ready(&probe);
	check_step(1, 1000000000, TOOK_NS);
	check_step(2, -400000000, TOOK_NS);
}

static void an_offset_that_follows_is_not_counted_twice(void **state)
{
	(void)state;
	call(CLOCKBOUND_CALL_SETTIME, 0, 1000000000);
	call(CLOCKBOUND_CALL_ADJTIMEX, ADJ_SETOFFSET_NANO, 7000);
	(void)cbd_probe_on_ready(&probe);
	check_step(1, 1000000000, TOOK_NS);
	check_step(2, 7000, 0);
	call(CLOCKBOUND_CALL_SETTIME, 0, 30000);
	(void)cbd_probe_on_ready(&probe);
	check_step(3, 30000, TOOK_NS);
}

static void what_nobody_can_tell_is_not_told(void **state)
{
	(void)state;
	call(CLOCKBOUND_CALL_SETTIME, 0, 1000000000)->value = 0; /* it could not be read */
	call(CLOCKBOUND_CALL_SETTIME, 0, 5000000);
	(void)cbd_probe_on_ready(&probe);
	assert_int_equal(told(1)->what, CLOCKBOUND_EVENT_STEP);
	assert_int_equal(told(1)->step_ns, 0);
	assert_int_equal(told(1)->uncertainty_ns, 0);
	assert_int_equal(told(2)->step_ns, 0); /* from what, nobody knows */
	assert_int_equal(told(2)->uncertainty_ns, 0);
	call(CLOCKBOUND_CALL_SETTIME, 0, 30000);
	(void)cbd_probe_on_ready(&probe);
	check_step(3, 30000, 4 * READ_NS);
}

static void what_is_in_flight_may_be_in_the_clocks_already(void **state)
{
	(void)state;
	call(CLOCKBOUND_CALL_SETTIME, 0, 1000000000);
	kernel.in_flight = 1;
	difference_ns += 77777777;
	(void)cbd_probe_on_ready(&probe);
	check_step(1, 1000000000, TOOK_NS);
}

/* Goal: a question whose argument the program could not read is marked, and acknowledged, but is no step. */
static void a_question_is_no_step(void **state)
{
	(void)state;
	call(CLOCKBOUND_CALL_ADJTIMEX, 0, 0);
	call(CLOCKBOUND_CALL_ADJTIMEX, 0, 0)->result = -EFAULT;
	call(CLOCKBOUND_CALL_SETTIME, 0, 0)->value = 0; /* a time zone alone */
	assert_true(cbd_probe_on_ready(&probe));
	assert_int_equal(probe.history.last, 3);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(told(i)->what, CLOCKBOUND_EVENT_CALL);
		assert_int_equal(told(i)->step_ns, 0);
		assert_int_equal(told(i)->uncertainty_ns, 0);
	}
}

static void what_looked_like_a_question_and_stepped_the_clock_is_a_step(void **state)
{
	(void)state;
	call(CLOCKBOUND_CALL_ADJTIMEX, 0, -1000000)->result =
		-EFAULT; /* only its answer could not be written */
	assert_true(cbd_probe_on_ready(&probe));
	check_step(1, -1000000, 4 * READ_NS);
}

static void a_time_that_was_set_is_a_step_however_small(void **state)
{
	(void)state;
	call(CLOCKBOUND_CALL_SETTIME, 0, 1);
	(void)cbd_probe_on_ready(&probe);
	check_step(1, 1, 4 * READ_NS);
}

static void programs_that_are_gone_take_no_record_with_them(void **state)
{
	struct cbd_anchor anchor = {0};

	(void)state;
	for (int i = 0; i < RECORDS; i++) {
		call(CLOCKBOUND_CALL_ADJTIMEX, ADJ_SETOFFSET_NANO, 1000);
	}
	at_a_time = 1;
	is_firing = false;
	assert_true(cbd_probe_on_poll(&probe, &anchor));
	assert_int_not_equal(probe.rung, CBD_PROBE_TRACEPOINT);
	assert_int_equal(probe.history.last, RECORDS);
	if (probe.timer_fd >= 0) {
		close(probe.timer_fd);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_step_is_measured_by_the_clocks),
		TEST(two_steps_that_wait_have_each_its_own_size),
		TEST(an_offset_that_follows_is_not_counted_twice),
		TEST(what_nobody_can_tell_is_not_told),
		TEST(what_is_in_flight_may_be_in_the_clocks_already),
		TEST(a_question_is_no_step),
		TEST(what_looked_like_a_question_and_stepped_the_clock_is_a_step),
		TEST(a_time_that_was_set_is_a_step_however_small),
		TEST(programs_that_are_gone_take_no_record_with_them),
	};

	cbd_log_init(2, false, false);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
