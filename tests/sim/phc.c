/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated PTP hardware clock: see phc.h.
 */
#include "tests/sim/phc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/sim/world.h"

#define NS_PER_SEC   INT64_C(1000000000)
#define LIE_FOR_NS   (300 * NS_PER_SEC)
#define SWING_S	     600
#define READ_NS	     200   /* mean of each half of a read, beside what it takes at least */
#define PREEMPT_PPM  20000 /* of half reads */
#define PREEMPT_NS   50000
#define TAI_S	     37
#define CLOCK_NAME   "525400123456\n"
#define PARENT	     "/sys/devices/pci0000:00/0000:00:02.0"
#define BOUND_FILE   "/phc_error_bound"
#define CLASS_FORMAT "/sys/class/ptp/ptp%d/"

static bool is_there(const struct sim_world *world)
{
	return world->scenario->phc.bound_ns != 0 && world->now_ns >= world->phc.gone_until_ns;
}

static struct cbd_phc_time time_of(int64_t ns)
{
	struct cbd_phc_time time = {.sec = ns / NS_PER_SEC, .nsec = (uint32_t)(ns % NS_PER_SEC)};

	return time;
}

/* A triangle through 0, between minus and plus the swing. */
static int64_t swing_ns(const struct sim_world *world)
{
	const struct sim_phc_model *model = &world->scenario->phc;
	int64_t period_ns = (model->swing_s != 0 ? model->swing_s : SWING_S) * NS_PER_SEC;
	double phase = (double)(world->now_ns % period_ns) / (double)period_ns;
	double height = phase < 0.5 ? 4.0 * phase - 1.0 : 3.0 - 4.0 * phase;

	return (int64_t)(height * (double)model->swing_ns);
}

static struct cbd_phc_time device_now(const struct sim_world *world)
{
	int64_t ns = sim_world_utc_ns(world) + world->scenario->phc.error_ns + swing_ns(world);

	ns += world->now_ns < world->phc.lie_until_ns ? world->phc.lie_ns : 0;
	ns += world->scenario->phc.counts_tai ? TAI_S * NS_PER_SEC : 0;
	return time_of(ns);
}

static struct cbd_phc_time system_now(const struct sim_world *world, clockid_t clock)
{
	int64_t ns = 0;

	(void)sim_kernel_read(&world->kernel, clock, sim_world_ticks(world), &ns);
	return time_of(ns);
}

/* Half of a read: it takes its time, and now and then is interrupted. */
static void half_passes(struct sim_world *world)
{
	struct sim_rng *rng = &world->phc.rng;
	int64_t takes_ns = 50 + sim_rng_exponential(rng, READ_NS);

	if (sim_rng_chance(rng, PREEMPT_PPM)) {
		takes_ns += sim_rng_exponential(rng, PREEMPT_NS);
	}
	sim_world_pass(world, takes_ns);
}

static int control(void *context, int fd, unsigned long request, void *argument)
{
	struct sim_world *world = context;
	struct cbd_phc_extended *extended = argument;
	clockid_t clock;
	uint32_t i;

	if (fd != world->phc.fd || !is_there(world)) {
		return -ENODEV;
	}
	if (request != cbd_phc_request_extended) {
		return -EOPNOTSUPP;
	}
	clock = extended->clockid == CLOCK_MONOTONIC_RAW ? CLOCK_MONOTONIC_RAW : CLOCK_REALTIME;
	if (clock == CLOCK_MONOTONIC_RAW && world->scenario->phc.is_old_kernel) {
		return -EINVAL;
	}
	for (i = 0; i < extended->n_samples; i++) {
		extended->stamp[i][0] = system_now(world, clock);
		half_passes(world);
		extended->stamp[i][1] = device_now(world);
		half_passes(world);
		extended->stamp[i][2] = system_now(world, clock);
	}
	return 0;
}

static int open_device(void *context, const char *path)
{
	struct sim_world *world = context;

	(void)path;
	if (!is_there(world)) {
		return -ENOENT;
	}
	return ++world->phc.fd;
}

static void close_device(void *context, int fd)
{
	(void)context;
	(void)fd;
}

static int read_file(void *context, const char *path, char *text, size_t size)
{
	struct sim_world *world = context;
	char prefix[64];
	int length = snprintf(prefix, sizeof(prefix), CLASS_FORMAT, world->phc.index);

	if (!is_there(world) || strncmp(path, prefix, (size_t)length) != 0) {
		return -ENOENT;
	}
	if (strcmp(path + length, "clock_name") == 0) {
		return snprintf(text, size, CLOCK_NAME);
	}
	if (strcmp(path + length, "device" BOUND_FILE) != 0) {
		return -ENOENT;
	}
	if (world->now_ns < world->phc.blind_until_ns) {
		return -EBUSY;
	}
	return snprintf(text, size, "%lld\n", (long long)world->scenario->phc.bound_ns);
}

static int resolve(void *context, const char *path, char *resolved, size_t size)
{
	struct sim_world *world = context;
	char device[64];

	snprintf(device, sizeof(device), CLASS_FORMAT "device", world->phc.index);
	if (!is_there(world) || strcmp(path, device) != 0) {
		return -ENOENT;
	}
	snprintf(resolved, size, PARENT);
	return 0;
}

static int interface_index(void *context, const char *interface)
{
	struct sim_world *world = context;

	(void)interface;
	return is_there(world) ? world->phc.index : -ENODEV;
}

static int kernel_tai(void *context)
{
	(void)context;
	return TAI_S;
}

void sim_phc_init(struct sim_world *world)
{
	world->phc = (struct sim_phc){
		.rng = sim_rng_make(world->seed, 6),
		.fd = 10,
		.system = {.open_device = open_device,
			   .close_device = close_device,
			   .control = control,
			   .read_file = read_file,
			   .resolve = resolve,
			   .interface_index = interface_index,
			   .kernel_tai = kernel_tai,
			   .context = world},
	};
}

void sim_phc_options(const struct sim_world *world, struct cbd_phc_options *options)
{
	*options = (struct cbd_phc_options){
		.device = world->scenario->phc.is_own_source ? "eth0" : "",
		.interface = "eth0",
		.ptp4l = "",
	};
}

void sim_phc_lie(struct sim_world *world, int64_t ns)
{
	world->phc.lie_ns = ns;
	world->phc.lie_until_ns = world->now_ns + LIE_FOR_NS;
}

void sim_phc_leave(struct sim_world *world, int64_t for_ns)
{
	world->phc.gone_until_ns = world->now_ns + for_ns;
	world->phc.index++;
}

void sim_phc_blind(struct sim_world *world, int64_t for_ns)
{
	world->phc.blind_until_ns = world->now_ns + for_ns;
}
