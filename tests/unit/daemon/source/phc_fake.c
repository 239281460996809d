/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_fake.h. */
#include "tests/unit/daemon/source/phc_fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t raw_now(struct fake_machine *machine)
{
	machine->raw_ns += machine->tick_ns;
	return machine->raw_ns;
}

static struct cbd_phc_time time_of(int64_t ns)
{
	struct cbd_phc_time time = {.sec = ns / FAKE_SECOND, .nsec = (uint32_t)(ns % FAKE_SECOND)};

	return time;
}

static int64_t system_now(struct fake_machine *machine, bool is_real)
{
	return raw_now(machine) + (is_real ? machine->real_less_raw_ns : 0);
}

static struct cbd_phc_time device_now(struct fake_machine *machine)
{
	struct cbd_phc_time time = time_of(raw_now(machine) + machine->phc_less_raw_ns);

	if (machine->bad_nsec != 0) {
		time.nsec = machine->bad_nsec;
	}
	return time;
}

/* What happens before sample @at of @count. */
static void disturb(struct fake_machine *machine, uint32_t at, uint32_t count)
{
	if (machine->jump_at == (int64_t)at) {
		machine->phc_less_raw_ns += machine->jump_ns;
	}
	if (at == count / 2) {
		machine->real_less_raw_ns += machine->real_step_ns;
	}
	machine->samples++;
}

static int answer_extended(struct fake_machine *machine, struct cbd_phc_extended *extended)
{
	bool is_real = extended->clockid == CLOCK_REALTIME;
	int result = is_real ? machine->extended_real : machine->extended_raw;
	uint32_t i;

	if (extended->n_samples == 0 || extended->n_samples > CBD_PHC_SAMPLES_MAX ||
	    extended->reserved[0] != 0 || extended->reserved[1] != 0) {
		return -EINVAL;
	}
	for (i = 0; i < extended->n_samples && result == 0; i++) {
		disturb(machine, i, extended->n_samples);
		extended->stamp[i][0] = time_of(system_now(machine, is_real));
		if (machine->wide_at == (int64_t)i ||
		    (machine->wide_after != 0 && machine->wide_after == machine->samples)) {
			machine->raw_ns += machine->wide_ns;
		}
		extended->stamp[i][1] = device_now(machine);
		extended->stamp[i][2] = time_of(system_now(machine, is_real));
	}
	return result;
}

static int answer_plain(struct fake_machine *machine, struct cbd_phc_plain *plain)
{
	uint32_t i;

	if (plain->n_samples == 0 || plain->n_samples > CBD_PHC_SAMPLES_MAX) {
		return -EINVAL;
	}
	plain->stamp[0] = time_of(system_now(machine, true));
	for (i = 0; i < plain->n_samples && machine->plain == 0; i++) {
		disturb(machine, i, plain->n_samples);
		plain->stamp[2 * i + 1] = device_now(machine);
		plain->stamp[2 * i + 2] = time_of(system_now(machine, true));
	}
	return machine->plain;
}

static int fake_control(void *context, int fd, unsigned long request, void *argument)
{
	struct fake_machine *machine = context;

	machine->controls++;
	machine->last_request = request;
	if (fd != 7) {
		return -EBADF;
	}
	if (request == cbd_phc_request_caps) {
		((struct cbd_phc_caps *)argument)->max_adj = machine->max_adj;
		return 0;
	}
	if (request == cbd_phc_request_extended) {
		return answer_extended(machine, argument);
	}
	if (request == cbd_phc_request_plain) {
		return answer_plain(machine, argument);
	}
	if (request == cbd_phc_request_precise) {
		struct cbd_phc_precise *precise = argument;

		if (machine->precise == 0) {
			machine->samples++;
			precise->device = device_now(machine);
			precise->raw = time_of(machine->raw_ns);
			precise->real = time_of(machine->raw_ns + machine->real_less_raw_ns);
		}
		return machine->precise;
	}
	return -ENOTTY;
}

static int fake_frequency(void *context, int fd, int64_t *frequency)
{
	struct fake_machine *machine = context;

	machine->frequency += machine->is_steered ? 17 : 0;
	*frequency = machine->frequency;
	return fd == 7 ? machine->frequency_result : -EBADF;
}

static int fake_open(void *context, const char *path)
{
	struct fake_machine *machine = context;

	if (strcmp(path, machine->dev_path) != 0) {
		return -ENOENT;
	}
	machine->opened += machine->open_result >= 0;
	snprintf(machine->opened_path, sizeof(machine->opened_path), "%s", path);
	return machine->open_result;
}

static void fake_close(void *context, int fd)
{
	struct fake_machine *machine = context;

	(void)fd;
	machine->closed++;
}

static int fake_read_file(void *context, const char *path, char *text, size_t size)
{
	struct fake_machine *machine = context;
	int i;

	for (i = 0; i < FAKE_FILES; i++) {
		const struct fake_file *file = &machine->files[i];

		if (file->path == NULL || strcmp(file->path, path) != 0) {
			continue;
		}
		if (machine->peak_text != NULL && machine->samples == machine->peak_at &&
		    strstr(path, "phc_error_bound") != NULL) {
			return snprintf(text, size, "%s", machine->peak_text);
		}
		if (file->text == NULL) {
			return file->error;
		}
		if (strlen(file->text) >= size) {
			return -EFBIG;
		}
		memcpy(text, file->text, strlen(file->text) + 1);
		return (int)strlen(file->text);
	}
	return -ENOENT;
}

static int fake_resolve(void *context, const char *path, char *resolved, size_t size)
{
	struct fake_machine *machine = context;
	const char *to = NULL;

	if (strcmp(path, machine->dev_path) == 0 || strcmp(path, "/dev/ptp_link") == 0) {
		to = machine->dev_path;
	} else if (strcmp(path, machine->class_device) == 0) {
		to = machine->sys_device;
	}
	if (to == NULL) {
		return -ENOENT;
	}
	snprintf(resolved, size, "%s", to);
	return 0;
}

static int fake_interface_index(void *context, const char *interface)
{
	struct fake_machine *machine = context;

	return strcmp(interface, "eth0") == 0 ? machine->interface_index : -ENODEV;
}

static int fake_kernel_tai(void *context)
{
	return ((struct fake_machine *)context)->kernel_tai;
}

static uint64_t fake_counter(void *context)
{
	return (uint64_t)raw_now(context);
}

static bool fake_gettime(void *context, clockid_t clock, int64_t *ns)
{
	*ns = system_now(context, clock == CLOCK_REALTIME);
	return true;
}

static bool fake_kernel_rate(void *context, int64_t *rate_q58)
{
	(void)context;
	*rate_q58 = 0;
	return true;
}

void fake_machine_file(struct fake_machine *machine, const char *path, const char *text, int error)
{
	int i;

	for (i = 0; i < FAKE_FILES; i++) {
		struct fake_file *file = &machine->files[i];

		if (file->path == NULL || strcmp(file->path, path) == 0) {
			*file = (struct fake_file){path, text, error != 0 ? error : -ENOENT};
			return;
		}
	}
}

void fake_machine_init(struct fake_machine *machine)
{
	memset(machine, 0, sizeof(*machine));
	machine->raw_ns = 1000 * FAKE_SECOND;
	machine->real_less_raw_ns = FAKE_START_NS - machine->raw_ns;
	machine->phc_less_raw_ns = machine->real_less_raw_ns + 2500;
	machine->tick_ns = 200;
	machine->precise = -EOPNOTSUPP;
	machine->wide_at = -1;
	machine->jump_at = -1;
	machine->dev_path = "/dev/ptp0";
	machine->class_device = "/sys/class/ptp/ptp0/device";
	machine->sys_device = "/sys/devices/pci0000:00/0000:00:02.0";
	machine->open_result = 7;
	machine->max_adj = 62499999;
	fake_machine_file(machine, "/sys/class/ptp/ptp0/clock_name", "525400123456\n", 0);
	fake_machine_file(machine, "/sys/class/net/eth0/device/uevent",
			  "DRIVER=igb\nPCI_SLOT_NAME=0000:00:02.0\nMODALIAS=pci:v8086\n", 0);
	machine->system = (struct cbd_phc_system){
		.open_device = fake_open,
		.close_device = fake_close,
		.control = fake_control,
		.frequency = fake_frequency,
		.read_file = fake_read_file,
		.resolve = fake_resolve,
		.interface_index = fake_interface_index,
		.kernel_tai = fake_kernel_tai,
		.context = machine,
	};
	machine->clock = (struct cbd_clock){
		.counter = fake_counter,
		.gettime = fake_gettime,
		.kernel_rate = fake_kernel_rate,
		.context = machine,
	};
}
