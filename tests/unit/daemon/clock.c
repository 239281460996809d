/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anchors on scripted clocks, where every bracket is known, and the judgement of the counter on files that say
 * what a machine would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include <clockbound/page.h>
#include <clockbound/types.h>

#include "daemon/clock.h"

/* A world with one true time: each reading of anything takes some ns of it. */
struct world {
	int64_t now_ns;	      /* MONOTONIC_RAW; the counter has 3 ticks per ns */
	int64_t cost_ns;      /* of each reading */
	unsigned reading;     /* how many there were */
	unsigned quick;	      /* the reading that takes 2 ns, with its neighbour; 0: none */
	bool is_going_back;   /* the counter loses 10 ticks at each reading */
	clockid_t unreadable; /* -1: none */
	clockid_t order[4];   /* the first clocks read */
	unsigned ordered;
	unsigned moves; /* the machine moves before this reading; 0: never */
	unsigned looks; /* at VMClock */
	unsigned first_look;
	unsigned last_look;
};

static void pass(struct world *world)
{
	world->reading++;
	world->now_ns +=
		world->reading == world->quick || world->reading == world->quick + 1 ? 1 : world->cost_ns;
}

static uint64_t counter(void *context)
{
	struct world *world = context;

	pass(world);
	return world->is_going_back ? 1000000 - 10 * (uint64_t)world->reading : 3 * (uint64_t)world->now_ns;
}

static bool gettime(void *context, clockid_t id, int64_t *ns)
{
	struct world *world = context;

	pass(world);
	if (world->ordered < 4) {
		world->order[world->ordered++] = id;
	}
	*ns = world->now_ns + (id == CLOCK_REALTIME ? 5000000000000 : 0) +
	      (id == CLOCK_MONOTONIC  ? 7000
	       : id == CLOCK_BOOTTIME ? 8000
				      : 0);
	return id != world->unreadable;
}

static bool kernel_rate(void *context, int64_t *rate_q58)
{
	(void)context;
	*rate_q58 = -42;
	return true;
}

static int64_t kernel_rate_error(void *context)
{
	(void)context;
	return 7;
}

/* Somebody who counts, and knows the kernel's rate or that it is asked to slew, as the test says. */
static void epochs_now(void *context, struct cbd_epochs *epochs)
{
	*epochs = *(const struct cbd_epochs *)context;
}

static struct cbd_clock clock_of(struct world *world)
{
	return (struct cbd_clock){
		.counter = counter, .gettime = gettime, .kernel_rate = kernel_rate, .context = world};
}

static void vm_now(void *context, struct cbd_vm *vm)
{
	struct world *world = context;

	*vm = (struct cbd_vm){.marker = world->moves != 0 && world->reading + 1 >= world->moves ? 8 : 7,
			      .flags = CLOCKBOUND_VM_WATCHED};
	world->first_look = world->looks++ == 0 ? world->reading : world->first_look;
	world->last_look = world->reading;
}

/* Wherever between the first and the last reading the machine moves: the old marker is kept, and the anchor torn. */
static void an_anchor_is_torn_by_a_migration_between_any_two_readings(void **state)
{
	struct cbd_anchor anchor;
	unsigned readings;
	unsigned at;

	(void)state;
	for (at = 0, readings = 1; at <= readings + 1; at++) {
		struct world world = {.now_ns = 1000, .cost_ns = 30, .unreadable = -1, .moves = at};
		struct cbd_clock clock = clock_of(&world);

		clock.vm = vm_now;
		clock.vm_context = &world;
		assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
		assert_int_equal(world.looks, 2);
		assert_int_equal(world.first_look, 0);
		assert_int_equal(world.last_look, world.reading);
		readings = world.reading;
		assert_int_equal(anchor.vm.marker, at == 1 ? 8 : 7);
		assert_int_equal(anchor.vm.is_torn, at > 1 && at <= readings + 1);
	}
	assert_true(readings > 20);
}

static void an_anchor_without_a_vmclock_says_so(void **state)
{
	struct world world = {.now_ns = 1000, .cost_ns = 30, .unreadable = -1};
	struct cbd_clock clock = clock_of(&world);
	struct cbd_anchor anchor;

	(void)state;
	assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
	assert_int_equal(anchor.vm.flags, 0);
	assert_false(anchor.vm.is_torn);
}

static void an_anchor_reads_coarse_and_monotonic_before_its_brackets(void **state)
{
	struct world world = {.now_ns = 1000, .cost_ns = 30, .unreadable = -1};
	struct cbd_clock clock = clock_of(&world);
	struct cbd_anchor anchor;

	(void)state;
	assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
	assert_int_equal(world.order[0], CLOCK_MONOTONIC_COARSE);
	assert_int_equal(world.order[1], CLOCK_MONOTONIC);
	assert_int_equal(world.order[2], CLOCK_REALTIME);
	assert_true(anchor.mono_ns - 7000 + 5000000000000 < anchor.real.clock_ns);
}

static void a_bracket_holds_the_instant_of_its_clock(void **state)
{
	(void)state;
	for (int64_t cost = 1; cost < 50; cost++) {
		struct world world = {.now_ns = 1000, .cost_ns = cost, .unreadable = -1};
		struct cbd_clock clock = clock_of(&world);
		struct cbd_anchor anchor;
		uint64_t true_ticks;

		assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
		true_ticks = 3 * (uint64_t)(anchor.real.clock_ns - 5000000000000);
		assert_true(true_ticks >= anchor.real.counter - anchor.real.half_ticks);
		assert_true(true_ticks <= anchor.real.counter + anchor.real.half_ticks);
		assert_int_equal(anchor.real.half_ticks, 3 * cost);
		true_ticks = 3 * (uint64_t)anchor.raw.clock_ns;
		assert_true(true_ticks >= anchor.raw.counter - anchor.raw.half_ticks);
		assert_true(true_ticks <= anchor.raw.counter + anchor.raw.half_ticks);
	}
}

static void the_narrowest_bracket_is_kept(void **state)
{
	/* Readings 3, 4, 5 are the first bracket of CLOCK_REALTIME; 9, 10, 11 the third. */
	struct world world = {.now_ns = 1000, .cost_ns = 500, .quick = 10, .unreadable = -1};
	struct cbd_clock clock = clock_of(&world);
	struct cbd_anchor anchor;

	(void)state;
	assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
	assert_int_equal(anchor.real.half_ticks, 3);
	assert_int_equal(anchor.real.clock_ns, 1000 + 9 * 500 + 1 + 5000000000000);
	assert_int_equal(anchor.raw.half_ticks, 1500);
}

static void step_and_suspend_are_within_their_half_widths(void **state)
{
	(void)state;
	for (int64_t cost = 1; cost < 50; cost++) {
		struct world world = {.now_ns = 1000, .cost_ns = cost, .unreadable = -1};
		struct cbd_clock clock = clock_of(&world);
		struct cbd_anchor anchor;

		assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
		assert_true(anchor.has_step && anchor.has_suspend && anchor.has_kernel_rate);
		assert_int_equal(anchor.step_half_ns, cost + 1);
		assert_true(llabs(anchor.step_ns - (5000000000000 - 7000)) <= anchor.step_half_ns);
		assert_true(llabs(anchor.suspend_ns - 1000) <= anchor.suspend_half_ns);
		assert_int_equal(anchor.kernel_rate_q58, -42);
	}
}

static void a_clock_that_cannot_be_read_leaves_the_anchor_untouched(void **state)
{
	static const clockid_t needed[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW,
					   CLOCK_MONOTONIC_COARSE};

	(void)state;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		struct world world = {.now_ns = 1000, .cost_ns = 5, .unreadable = needed[i]};
		struct cbd_clock clock = clock_of(&world);
		struct cbd_anchor anchor = {.mono_ns = 77};

		assert_true(cbd_clock_anchor(&clock, &anchor) < 0);
		assert_int_equal(anchor.mono_ns, 77);
	}
}

static void without_boottime_only_the_suspend_offset_is_unknown(void **state)
{
	struct world world = {.now_ns = 1000, .cost_ns = 5, .unreadable = CLOCK_BOOTTIME};
	struct cbd_clock clock = clock_of(&world);
	struct cbd_anchor anchor;

	(void)state;
	assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
	assert_false(anchor.has_suspend);
	assert_true(anchor.has_step);
}

static void a_counter_that_goes_back_in_every_bracket_is_no_anchor(void **state)
{
	struct world world = {.now_ns = 1000, .cost_ns = 5, .is_going_back = true, .unreadable = -1};
	struct cbd_clock clock = clock_of(&world);
	struct cbd_anchor anchor;

	(void)state;
	assert_true(cbd_clock_anchor(&clock, &anchor) < 0);
}

/* Two files in a directory of their own. */
struct machine {
	char directory[64];
	char clocksource[96];
	char cpuinfo[96];
};

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct cbd_clock_options machine_open(struct machine *machine, const char *clocksource,
					     const char *flags)
{
	snprintf(machine->directory, sizeof(machine->directory), "/tmp/clock.XXXXXX");
	assert_non_null(mkdtemp(machine->directory));
	snprintf(machine->clocksource, sizeof(machine->clocksource), "%s/clocksource", machine->directory);
	snprintf(machine->cpuinfo, sizeof(machine->cpuinfo), "%s/cpuinfo", machine->directory);
	write_file(machine->clocksource, clocksource);
	write_file(machine->cpuinfo, flags);
	return (struct cbd_clock_options){.clocksource_path = machine->clocksource,
					  .cpuinfo_path = machine->cpuinfo};
}

static void machine_close(const struct machine *machine)
{
	unlink(machine->clocksource);
	unlink(machine->cpuinfo);
	rmdir(machine->directory);
}

static void another_clocksource_makes_raw_nanoseconds_the_counter_and_says_why(void **state)
{
	struct machine machine;
	struct cbd_clock_options options = machine_open(&machine, "hpet\n", "flags\t\t: rdtscp\n");
	struct cbd_clock_system system;
	struct cbd_anchor anchor;

	(void)state;
	cbd_clock_system_init(&system, &options);
	assert_false(system.has_counter);
	assert_int_equal(system.counter_kind, CLOCKBOUND_COUNTER_NONE);
	assert_int_equal(system.counter_hz, 1000000000);
	assert_non_null(strstr(system.reason, "clocksource is hpet"));
	assert_int_equal(cbd_clock_anchor(&system.clock, &anchor), 0);
	assert_true((uint64_t)anchor.raw.clock_ns >= anchor.raw.counter - anchor.raw.half_ticks);
	assert_true((uint64_t)anchor.raw.clock_ns <= anchor.raw.counter + anchor.raw.half_ticks);
	write_file(machine.clocksource, "tsc\n");
	assert_false(cbd_clock_counter_changed(&system));
	machine_close(&machine);
}

static void a_clocksource_that_cannot_be_read_is_no_counter(void **state)
{
	struct cbd_clock_options options = {.clocksource_path = "/nonexistent/current_clocksource"};
	struct cbd_clock_system system;

	(void)state;
	cbd_clock_system_init(&system, &options);
	assert_false(system.has_counter);
	assert_non_null(strstr(system.reason, "/nonexistent/current_clocksource: No such file"));
}

#if defined(__x86_64__)

static void a_tsc_without_a_needed_flag_is_refused_by_its_name(void **state)
{
	static const struct {
		const char *flags;
		const char *missing;
		bool is_usable_if_trusted;
	} machines[] = {
		{"flags\t\t: tsc rdtscp constant_tsc nonstop_tsc_s3\n", "nonstop_tsc", true},
		{"flags\t\t: tsc rdtscp xconstant_tsc nonstop_tsc\n", "constant_tsc", true},
		{"flags\t\t: tsc constant_tsc nonstop_tsc\n", "rdtscp", false},
		{"model name : none\n", "no processor flags", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		struct machine machine;
		struct cbd_clock_options options = machine_open(&machine, "tsc\n", machines[i].flags);
		struct cbd_clock_system system;

		cbd_clock_system_init(&system, &options);
		assert_false(system.has_counter);
		assert_non_null(strstr(system.reason, machines[i].missing));
		options.trust_counter = true;
		cbd_clock_system_init(&system, &options);
		assert_int_equal(system.has_counter, machines[i].is_usable_if_trusted);
		machine_close(&machine);
	}
}

static void a_usable_tsc_is_taken_until_the_kernel_leaves_it(void **state)
{
	struct machine machine;
	struct cbd_clock_options options =
		machine_open(&machine, "tsc\n", "flags\t\t: rdtscp constant_tsc nonstop_tsc");
	struct cbd_clock_system system;
	struct cbd_anchor first;
	struct cbd_anchor second;

	(void)state;
	cbd_clock_system_init(&system, &options);
	assert_true(system.has_counter);
	assert_string_equal(system.reason, "");
	assert_int_equal(system.counter_kind, CLOCKBOUND_COUNTER_TSC);
	assert_true(system.counter_hz >= CBD_CLOCK_COUNTER_HZ_MIN);
	assert_int_equal(cbd_clock_anchor(&system.clock, &first), 0);
	assert_int_equal(cbd_clock_anchor(&system.clock, &second), 0);
	assert_true(first.real.counter < second.real.counter);
	assert_true(first.raw.clock_ns < second.raw.clock_ns);
	assert_false(cbd_clock_counter_changed(&system));
	write_file(machine.clocksource, "hpet\n");
	assert_true(cbd_clock_counter_changed(&system));
	machine_close(&machine);
	assert_true(cbd_clock_counter_changed(&system));
}

#endif

static void a_rate_that_is_seen_to_change_is_taken_before_what_adjtimex_says(void **state)
{
	struct world world = {.now_ns = 1000, .cost_ns = 5, .unreadable = -1};
	struct cbd_epochs seen = {.has_kernel = true, .has_kernel_rate = true, .kernel_rate_q58 = 500};
	struct cbd_clock clock = clock_of(&world);
	struct cbd_anchor anchor;

	(void)state;
	clock.epochs = epochs_now;
	clock.epochs_context = &seen;
	clock.kernel_rate_error = kernel_rate_error;
	assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
	assert_true(anchor.has_kernel_rate);
	assert_int_equal(anchor.kernel_rate_q58, 500);
	assert_int_equal(anchor.kernel_rate_error_q58, 0);
	seen.has_kernel_rate = false;
	assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
	assert_int_equal(anchor.kernel_rate_q58, -42);
	assert_int_equal(anchor.kernel_rate_error_q58, 7);
}

static void a_slew_that_somebody_asked_for_is_charged_before_adjtimex_shows_it(void **state)
{
	struct world world = {.now_ns = 1000, .cost_ns = 5, .unreadable = -1};
	struct cbd_epochs seen = {.has_kernel = true, .may_slew = true};
	struct cbd_clock clock = clock_of(&world);
	struct cbd_anchor anchor;

	(void)state;
	clock.epochs = epochs_now;
	clock.epochs_context = &seen;
	clock.kernel_rate_error = kernel_rate_error;
	assert_int_equal(cbd_clock_anchor(&clock, &anchor), 0);
	assert_int_equal(anchor.kernel_rate_q58, -42);
	assert_true(anchor.kernel_rate_error_q58 == CBD_SLEW_SINGLE_Q58 + CBD_SLEW_LOOP_Q58);
}

/* Against the same system call, read here in floating point. */
static void the_kernel_rate_is_what_adjtimex_says(void **state)
{
	struct cbd_clock_system system;
	struct timex timex = {.modes = 0};
	int64_t rate_q58 = 0;
	double expected;
	double nominal = 1e6 / (double)sysconf(_SC_CLK_TCK);

	(void)state;
	cbd_clock_system_init(&system, NULL);
	if (adjtimex(&timex) < 0 || !system.clock.kernel_rate(system.clock.context, &rate_q58)) {
		print_message("adjtimex() is not allowed here, or the kernel's own loop is at work\n");
		skip();
	}
	expected = ((double)timex.tick - nominal) / nominal + (double)timex.freq / 65536e6;
	assert_true((double)rate_q58 / 0x1p58 - expected < 1e-12);
	assert_true((double)rate_q58 / 0x1p58 - expected > -1e-12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_anchor_reads_coarse_and_monotonic_before_its_brackets),
		cmocka_unit_test(an_anchor_is_torn_by_a_migration_between_any_two_readings),
		cmocka_unit_test(an_anchor_without_a_vmclock_says_so),
		cmocka_unit_test(a_bracket_holds_the_instant_of_its_clock),
		cmocka_unit_test(the_narrowest_bracket_is_kept),
		cmocka_unit_test(step_and_suspend_are_within_their_half_widths),
		cmocka_unit_test(a_clock_that_cannot_be_read_leaves_the_anchor_untouched),
		cmocka_unit_test(without_boottime_only_the_suspend_offset_is_unknown),
		cmocka_unit_test(a_counter_that_goes_back_in_every_bracket_is_no_anchor),
		cmocka_unit_test(another_clocksource_makes_raw_nanoseconds_the_counter_and_says_why),
		cmocka_unit_test(a_clocksource_that_cannot_be_read_is_no_counter),
#if defined(__x86_64__)
		cmocka_unit_test(a_tsc_without_a_needed_flag_is_refused_by_its_name),
		cmocka_unit_test(a_usable_tsc_is_taken_until_the_kernel_leaves_it),
#endif
		cmocka_unit_test(a_rate_that_is_seen_to_change_is_taken_before_what_adjtimex_says),
		cmocka_unit_test(a_slew_that_somebody_asked_for_is_charged_before_adjtimex_shows_it),
		cmocka_unit_test(the_kernel_rate_is_what_adjtimex_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
