/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine is (CPU, clocksource, kernel, counter frequency) and where threads run. The benchmark's
 * only reader of /proc and /sys.
 */
#include "bench/bench.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Long against the two readings' own 100 ns: the frequency comes out within a few ppm. */
#define CALIBRATION_NS INT64_C(50000000)

static int64_t raw_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t cbb_ticks(void)
{
	if (CLOCKBOUND_PRIV_COUNTER_KIND == CLOCKBOUND_COUNTER_NONE) {
		return (uint64_t)raw_ns();
	}
	return clockbound_fast_counter();
}

uint64_t cbb_machine_counter_hz(void)
{
	const struct timespec pause = {.tv_sec = 0, .tv_nsec = CALIBRATION_NS};
	int64_t from_ns = raw_ns();
	uint64_t from = clockbound_fast_counter();
	int64_t to_ns;
	uint64_t to;

	if (CLOCKBOUND_PRIV_COUNTER_KIND == CLOCKBOUND_COUNTER_NONE) {
		return 0;
	}
	(void)nanosleep(&pause, NULL);
	to_ns = raw_ns();
	to = clockbound_fast_counter();
	return (uint64_t)((double)(to - from) * 1e9 / (double)(to_ns - from_ns) + 0.5);
}

static void copy_text(char *to, size_t room, const char *from)
{
	size_t length = strcspn(from, "\n");

	if (length >= room) {
		length = room - 1;
	}
	memcpy(to, from, length);
	to[length] = '\0';
}

static void read_cpu(char *text, size_t room)
{
	char line[512];
	FILE *file = fopen("/proc/cpuinfo", "re");

	copy_text(text, room, "unknown");
	if (file == NULL) {
		return;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *value = strchr(line, ':');

		if (value != NULL &&
		    (strncmp(line, "model name", 10) == 0 || strncmp(line, "CPU part", 8) == 0)) {
			copy_text(text, room, value + 1 + strspn(value + 1, " \t"));
			break;
		}
	}
	(void)fclose(file);
}

static void read_clocksource(char *text, size_t room)
{
	char line[64];
	FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");

	copy_text(text, room, "unknown");
	if (file == NULL) {
		return;
	}
	if (fgets(line, sizeof(line), file) != NULL) {
		copy_text(text, room, line);
	}
	(void)fclose(file);
}

void cbb_machine_read(struct cbb_machine *machine)
{
	struct utsname name;

	memset(machine, 0, sizeof(*machine));
	read_cpu(machine->cpu, sizeof(machine->cpu));
	read_clocksource(machine->clocksource, sizeof(machine->clocksource));
	copy_text(machine->kernel, sizeof(machine->kernel), uname(&name) == 0 ? name.release : "unknown");
	machine->cores = sysconf(_SC_NPROCESSORS_ONLN);
}

bool cbb_machine_pin(uint32_t index)
{
	static cpu_set_t allowed; /* as the program was started: a pinned thread's own set is one processor */
	static bool has_allowed;
	cpu_set_t one;
	uint32_t wanted;
	int processor;

	if (!has_allowed) {
		if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
			return false;
		}
		has_allowed = true;
	}
	wanted = index % (uint32_t)CPU_COUNT(&allowed);
	for (processor = 0; processor < CPU_SETSIZE; processor++) {
		if (!CPU_ISSET(processor, &allowed)) {
			continue;
		}
		if (wanted == 0) {
			CPU_ZERO(&one);
			CPU_SET(processor, &one);
			return sched_setaffinity(0, sizeof(one), &one) == 0;
		}
		wanted--;
	}
	return false;
}
