/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brackets, and the machine's clocks behind struct cbd_clock. Layer: daemon.
 */
#include "daemon/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include <clockbound/counter.h>
#include <clockbound/seq.h>
#include <clockbound/types.h>

#include "daemon/core/mutate.h"

#define NS_PER_SEC 1000000000

/* Brackets of each clock. The first meets cold caches; of eight on a busy machine one is nearly always narrow. */
#define BRACKETS 8

/* How long the counter's frequency is measured: 2 ms and 100 ns of uncertainty give 50 ppm, enough to show. */
#define MEASURE_NS 2000000

#define CLOCKSOURCE_PATH "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define CPUINFO_PATH	 "/proc/cpuinfo"

/* Keeps the narrowest of BRACKETS readings of @id between two of the counter. */
static bool bracket_clock(const struct cbd_clock *clock, clockid_t id, struct cbd_bracket *narrowest)
{
	bool has_one = false;

	for (int i = 0; i < BRACKETS; i++) {
		int64_t clock_ns;
		uint64_t before = clock->counter(clock->context);
		bool is_read = clock->gettime(clock->context, id, &clock_ns);
		uint64_t after = clock->counter(clock->context);
		uint64_t half = (after - before) / 2 + (after - before) % 2;

		if (!is_read) {
			return false;
		}
		/* A counter that went back (another core's, in its first nanoseconds) brackets nothing. */
		if (after >= before && (!has_one || half < narrowest->half_ticks)) {
			narrowest->counter = before + (after - before) / 2;
			narrowest->half_ticks = half;
			narrowest->clock_ns = clock_ns;
			has_one = true;
		}
	}
	return has_one;
}

/* The same between two readings of CLOCK_MONOTONIC: @id - CLOCK_MONOTONIC. */
static bool bracket_difference(const struct cbd_clock *clock, clockid_t id, int64_t *difference_ns,
			       int64_t *half_ns)
{
	bool has_one = false;

	for (int i = 0; i < BRACKETS; i++) {
		int64_t before;
		int64_t clock_ns;
		int64_t after;

		if (!clock->gettime(clock->context, CLOCK_MONOTONIC, &before) ||
		    !clock->gettime(clock->context, id, &clock_ns) ||
		    !clock->gettime(clock->context, CLOCK_MONOTONIC, &after) || after < before) {
			continue;
		}
		if (!has_one || (after - before) / 2 + (after - before) % 2 + 1 < *half_ns) {
			*difference_ns = clock_ns - (before + (after - before) / 2);
			/* 1 ns: every reading is rounded down, so that differences are off by less than one */
			*half_ns = (after - before) / 2 + (after - before) % 2 + 1;
			has_one = true;
		}
	}
	return has_one;
}

static void read_vm(const struct cbd_clock *clock, struct cbd_vm *vm)
{
	*vm = (struct cbd_vm){0};
	if (clock->vm != NULL) {
		clock->vm(clock->vm_context, vm);
	}
}

/*
 * What stands in the anchor is what VMClock said before any clock was read: the clocks of a machine that was moved
 * since are never taken for those of the machine that it is now.
 */
static struct cbd_vm vm_between(const struct cbd_vm *before, const struct cbd_vm *after)
{
	struct cbd_vm vm = CBD_MUTANT(MARKER_AFTER_ONLY, *after, *before);

	vm.is_torn = CBD_MUTANT(MARKER_AFTER_ONLY, after->is_torn,
				before->is_torn || after->is_torn || before->marker != after->marker ||
					before->generation != after->generation);
	return vm;
}

/*
 * The kernel's rate, from who sees every change of it or from adjtimex(), which does not tell of slews: there they are
 * allowed for. In the former case it is that of the epochs or newer, and whoever reads then is charged for the change.
 */
static void read_rate(const struct cbd_clock *clock, struct cbd_anchor *read)
{
	if (read->epochs.has_kernel_rate) {
		read->has_kernel_rate = true;
		read->kernel_rate_q58 = read->epochs.kernel_rate_q58;
		return;
	}
	read->has_kernel_rate = clock->kernel_rate(clock->context, &read->kernel_rate_q58);
	if (clock->kernel_rate_error != NULL) {
		read->kernel_rate_error_q58 = clock->kernel_rate_error(clock->context);
	}
	if (read->epochs.may_slew) {
		read->kernel_rate_error_q58 = CBD_SLEW_SINGLE_Q58 + CBD_SLEW_LOOP_Q58;
	}
}

int cbd_clock_anchor(const struct cbd_clock *clock, struct cbd_anchor *anchor)
{
	struct cbd_anchor read = {0};
	struct cbd_vm before;
	struct cbd_vm after;

	read_vm(clock, &before);
	if (clock->epochs != NULL) {
		clock->epochs(clock->epochs_context, &read.epochs);
		clockbound_priv_epochs_end();
	}
	if (!clock->gettime(clock->context, CLOCK_MONOTONIC_COARSE, &read.coarse_ns) ||
	    !clock->gettime(clock->context, CLOCK_MONOTONIC, &read.mono_ns) ||
	    !bracket_clock(clock, CLOCK_REALTIME, &read.real) ||
	    !bracket_clock(clock, CLOCK_MONOTONIC_RAW, &read.raw)) {
		return -EIO;
	}
	read.has_step = bracket_difference(clock, CLOCK_REALTIME, &read.step_ns, &read.step_half_ns);
	read.has_suspend = bracket_difference(clock, CLOCK_BOOTTIME, &read.suspend_ns, &read.suspend_half_ns);
	read_rate(clock, &read);
	read_vm(clock, &after);
	read.vm = vm_between(&before, &after);
	*anchor = read;
	return 0;
}

bool cbd_clock_step(const struct cbd_clock *clock, int64_t *step_ns, int64_t *half_ns)
{
	return bracket_difference(clock, CLOCK_REALTIME, step_ns, half_ns);
}

int64_t cbd_clock_mono_ns(const struct cbd_clock *clock)
{
	int64_t ns;

	return clock->gettime(clock->context, CLOCK_MONOTONIC, &ns) ? ns : -1;
}

static bool system_gettime(void *context, clockid_t id, int64_t *ns)
{
	struct timespec now;

	(void)context;
	if (clock_gettime(id, &now) != 0) {
		return false;
	}
	*ns = (int64_t)now.tv_sec * NS_PER_SEC + now.tv_nsec;
	return true;
}

static uint64_t hardware_counter(void *context)
{
	(void)context;
	return clockbound_priv_counter_ordered();
}

static uint64_t raw_counter(void *context)
{
	int64_t ns = 0;

	system_gettime(context, CLOCK_MONOTONIC_RAW, &ns);
	return (uint64_t)ns;
}

/* @numerator / @denominator in Q5.58, nearest; |quotient| below 32, @denominator at most 2^37 */
static int64_t q58_quotient(int64_t numerator, int64_t denominator)
{
	__extension__ __int128 scaled = (__int128)numerator * ((int64_t)1 << CLOCKBOUND_RATE_SHIFT);

	scaled += numerator < 0 ? -(denominator / 2) : denominator / 2;
	return (int64_t)(scaled / denominator);
}

static bool system_kernel_rate(void *context, int64_t *rate_q58)
{
	struct timex timex = {.modes = 0};
	long ticks_per_sec = sysconf(_SC_CLK_TCK);
	long tick_nominal_us;

	(void)context;
	if (ticks_per_sec <= 0 || adjtimex(&timex) < 0) {
		return false; /* a seccomp filter, as systemd's SystemCallFilter=~@clock */
	}
	/* A pulse per second adds rates of which adjtimex() does not tell. */
	if ((timex.status & (STA_PPSFREQ | STA_PPSTIME)) != 0) {
		return false;
	}
	/* tick: us per tick; freq: ppm in 2^-16. They add up, they do not multiply (kernel/time/ntp.c). */
	tick_nominal_us = 1000000 / ticks_per_sec;
	*rate_q58 = q58_quotient(timex.tick - tick_nominal_us, tick_nominal_us) +
		    q58_quotient(timex.freq, (int64_t)1000000 << 16);
	return true;
}

/*
 * What the kernel's loop and adjtime() may add to that. adjtimex() tells what is left for them, not what they do now;
 * the loop goes on with its offset whatever the status says. Where it is refused the rate is not known either.
 */
static int64_t system_kernel_rate_error(void *context)
{
	struct cbd_clock_system *system = context;
	struct timex loop = {.modes = 0};
	struct timex single = {.modes = ADJ_OFFSET_SS_READ};
	int64_t now_ns = cbd_clock_mono_ns(&system->clock);
	bool is_single = adjtimex(&single) >= 0 && single.offset != 0;
	bool is_loop = adjtimex(&loop) >= 0 && loop.offset != 0;

	is_single = cbd_slew_look(&system->single, is_single, now_ns);
	is_loop = cbd_slew_look(&system->loop, is_loop, now_ns);
	return (is_single ? CBD_SLEW_SINGLE_Q58 : 0) + (is_loop ? CBD_SLEW_LOOP_Q58 : 0);
}

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool is_read;

	if (file == NULL) {
		return false;
	}
	is_read = fgets(line, (int)size, file) != NULL;
	fclose(file);
	line[is_read ? strcspn(line, "\n") : 0] = '\0';
	return is_read;
}

#if defined(__x86_64__)

#define COUNTER_CLOCKSOURCE "tsc"

/* Is @word among the space-separated words of @line? */
static bool has_word(const char *line, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(line, word); at != NULL; at = strstr(at + 1, word)) {
		if ((at == line || at[-1] == ' ' || at[-1] == '\t') &&
		    (at[length] == ' ' || at[length] == '\n' || at[length] == '\0')) {
			return true;
		}
	}
	return false;
}

/* The flags of the first processor: the kernel does not use the TSC as clocksource if others differ. */
static bool has_counter_flags(const struct cbd_clock_options *options, char *reason, size_t size)
{
	const char *path = options->cpuinfo_path == NULL ? CPUINFO_PATH : options->cpuinfo_path;
	const char *missing = NULL;
	FILE *file = fopen(path, "re");
	char line[8192];
	bool has_flags = false;

	while (file != NULL && !has_flags && fgets(line, sizeof(line), file) != NULL) {
		has_flags = strncmp(line, "flags", 5) == 0;
	}
	if (file != NULL) {
		fclose(file);
	}
	if (!has_flags) {
		snprintf(reason, size, "no processor flags in %s", path);
		return false;
	}
	if (!has_word(line, "rdtscp")) {
		missing = "rdtscp";
	} else if (!options->trust_counter && !has_word(line, "constant_tsc")) {
		missing = "constant_tsc";
	} else if (!options->trust_counter && !has_word(line, "nonstop_tsc")) {
		missing = "nonstop_tsc";
	}
	if (missing != NULL) {
		snprintf(reason, size, "the processor lacks the flag %s (%s)", missing, path);
	}
	return missing == NULL;
}

#elif defined(__aarch64__)

#define COUNTER_CLOCKSOURCE "arch_sys_counter"

/* The architecture promises that its counter is constant and never stops. */
static bool has_counter_flags(const struct cbd_clock_options *options, char *reason, size_t size)
{
	(void)options;
	(void)reason;
	(void)size;
	return true;
}

#else

#define COUNTER_CLOCKSOURCE "none"

static bool has_counter_flags(const struct cbd_clock_options *options, char *reason, size_t size)
{
	(void)options;
	snprintf(reason, size, "no counter of this architecture is known to this program");
	return false;
}

#endif

/* Ticks per second against MONOTONIC_RAW; 0 if it cannot be measured. */
static uint64_t measure_hz(const struct cbd_clock *clock)
{
	struct timespec pause = {.tv_nsec = MEASURE_NS};
	struct cbd_bracket first;
	struct cbd_bracket last;

	if (!bracket_clock(clock, CLOCK_MONOTONIC_RAW, &first)) {
		return 0;
	}
	nanosleep(&pause, NULL); /* cut short by a signal it is less precise, no more */
	if (!bracket_clock(clock, CLOCK_MONOTONIC_RAW, &last) || last.clock_ns <= first.clock_ns ||
	    last.counter <= first.counter) {
		return 0;
	}
	return (uint64_t)((double)(last.counter - first.counter) * NS_PER_SEC /
			  (double)(last.clock_ns - first.clock_ns));
}

/* Fills reason and returns false unless the kernel's own clock runs on a counter that readers can read. */
static bool is_counter_usable(struct cbd_clock_system *system, const struct cbd_clock_options *options)
{
	if (!read_line(system->clocksource_path, system->clocksource, sizeof(system->clocksource))) {
		snprintf(system->reason, sizeof(system->reason),
			 "the kernel's clocksource cannot be read: %s: %s", system->clocksource_path,
			 strerror(errno));
		return false;
	}
	if (strcmp(system->clocksource, COUNTER_CLOCKSOURCE) != 0) {
		snprintf(system->reason, sizeof(system->reason), "the kernel's clocksource is %s, not %s",
			 system->clocksource, COUNTER_CLOCKSOURCE);
		return false;
	}
	if (!has_counter_flags(options, system->reason, sizeof(system->reason))) {
		return false;
	}
	system->clock.counter = hardware_counter;
	system->counter_hz = measure_hz(&system->clock);
	if (system->counter_hz < CBD_CLOCK_COUNTER_HZ_MIN) {
		snprintf(system->reason, sizeof(system->reason),
			 "the counter runs at %llu Hz, less than %d Hz",
			 (unsigned long long)system->counter_hz, CBD_CLOCK_COUNTER_HZ_MIN);
		return false;
	}
	return true;
}

void cbd_clock_system_init(struct cbd_clock_system *system, const struct cbd_clock_options *options)
{
	static const struct cbd_clock_options defaults = {0};

	options = options == NULL ? &defaults : options;
	memset(system, 0, sizeof(*system));
	system->clocksource_path =
		options->clocksource_path == NULL ? CLOCKSOURCE_PATH : options->clocksource_path;
	system->clock.gettime = system_gettime;
	system->clock.kernel_rate = system_kernel_rate;
	system->clock.kernel_rate_error = system_kernel_rate_error;
	system->clock.context = system;
	system->has_counter = is_counter_usable(system, options);
	if (system->has_counter) {
		system->counter_kind = CLOCKBOUND_PRIV_COUNTER_KIND;
		return;
	}
	system->clock.counter = raw_counter;
	system->counter_kind = CLOCKBOUND_COUNTER_NONE;
	system->counter_hz = NS_PER_SEC;
}

bool cbd_clock_counter_changed(const struct cbd_clock_system *system)
{
	char clocksource[sizeof(system->clocksource)];

	if (!system->has_counter) {
		return false;
	}
	return !read_line(system->clocksource_path, clocksource, sizeof(clocksource)) ||
	       strcmp(clocksource, system->clocksource) != 0;
}
