/* SPDX-License-Identifier: Apache-2.0 */
/* See vmclock.h. Finding the page, mapping it, what one load costs, and whether poll() on it is of any use. */
#include "daemon/source/vmclock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <clockbound/seq.h>

#define CLASS_DIR  "/sys/class/misc"
#define DEVICE_DIR "/dev"
#define PREFIX	   "vmclock"

/* Rounds of loads that are timed, and loads in each: the median of so many is steady, and all take some 0.1 ms. */
#define ROUNDS 31
#define LOADS  32
/* Wakes in a row without news, after which poll() is not believed any more. A real one brings news each time. */
#define IDLE_WAKES_MAX 8

/* The number of the first vmclock device; -1: there is none. */
static long find_device(const char *class_dir)
{
	DIR *stream = opendir(class_dir);
	struct dirent *entry;
	long first = -1;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		char *end = NULL;
		long number;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0) {
			continue;
		}
		number = strtol(entry->d_name + strlen(PREFIX), &end, 10);
		if (end != entry->d_name + strlen(PREFIX) && *end == '\0' && number >= 0 &&
		    (first < 0 || number < first)) {
			first = number;
		}
	}
	if (stream != NULL) {
		closedir(stream);
	}
	return first;
}

/* The device's numbers, as the kernel tells them; 0 if it does not, which is no device. */
static dev_t device_number(const char *class_dir, long number)
{
	char text[32] = "";
	char path[512];
	char *colon;
	FILE *file;

	snprintf(path, sizeof(path), "%s/" PREFIX "%ld/dev", class_dir, number);
	file = fopen(path, "re");
	if (file == NULL || fgets(text, sizeof(text), file) == NULL) {
		text[0] = '\0';
	}
	if (file != NULL) {
		fclose(file);
	}
	colon = strchr(text, ':');
	return colon == NULL ? 0
			     : makedev((unsigned int)strtoul(text, NULL, 10),
				       (unsigned int)strtoul(colon + 1, NULL, 10));
}

static int fail(struct cbd_vmclock *vmclock, const char *what, int error)
{
	const char *remedy = "";

	if (error == EACCES) {
		remedy = "; let the daemon read the device";
	} else if (error == EPERM) {
		/* What a DeviceAllow= by path lets in is settled when systemd starts the unit. */
		remedy = "; if it appeared after the daemon was started as a service, restart that";
	}
	snprintf(vmclock->text, sizeof(vmclock->text), "%s: %s: %s%s", vmclock->path, what, strerror(error),
		 remedy);
	return -1;
}

/* Opens @vmclock->path; a name in /dev may be anything, so that it must be the device that the kernel means. */
static int open_device(struct cbd_vmclock *vmclock, const char *class_dir, long number)
{
	struct stat status;
	int fd = open(vmclock->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		return fail(vmclock, "cannot be opened", errno);
	}
	if (number >= 0 && (fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode) ||
			    status.st_rdev != device_number(class_dir, number))) {
		snprintf(vmclock->text, sizeof(vmclock->text),
			 "%s: not the device that %s/" PREFIX "%ld names", vmclock->path, class_dir, number);
		close(fd);
		return -1;
	}
	return fd;
}

/* Maps what may be read of @fd; a device says that its size is 0, and maps one page. */
static bool map(struct cbd_vmclock *vmclock, const struct cbd_clock *clock)
{
	size_t mapped = CLOCKBOUND_VMCLOCK_SIZE_MAX;
	struct stat status;
	void *page;

	if (fstat(vmclock->fd, &status) != 0) {
		return fail(vmclock, "fstat", errno) == 0;
	}
	vmclock->is_file = S_ISREG(status.st_mode);
	if (!vmclock->is_file && !S_ISCHR(status.st_mode)) {
		snprintf(vmclock->text, sizeof(vmclock->text), "%s: neither a device nor a file",
			 vmclock->path);
		return false;
	}
	if (vmclock->is_file && (uint64_t)status.st_size < mapped) {
		mapped = (size_t)status.st_size;
	}
	if (mapped < CLOCKBOUND_VMCLOCK_SIZE_MIN) {
		return cbd_vmclock_attach(vmclock, NULL, mapped, clock);
	}
	page = mmap(NULL, mapped, PROT_READ, MAP_SHARED, vmclock->fd, 0);
	if (page == MAP_FAILED) {
		return fail(vmclock, "mmap", errno) == 0;
	}
	if (!cbd_vmclock_attach(vmclock, page, mapped, clock)) {
		munmap(page, mapped);
		return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* Median ns of LOADS counter readings, each followed by a load if @marker is given. */
static int64_t time_loads(const struct cbd_clock *clock, const uint64_t *marker)
{
	int64_t took_ns[ROUNDS];
	int round;
	int load;

	for (round = 0; round < ROUNDS; round++) {
		int64_t begin_ns = 0;
		int64_t end_ns = 0;

		(void)clock->gettime(clock->context, CLOCK_MONOTONIC_RAW, &begin_ns);
		for (load = 0; load < LOADS; load++) {
			/* The counter waits for the load before it, as in a strict read. */
			(void)clock->counter(clock->context);
			if (marker != NULL) {
				(void)*(const volatile uint64_t *)marker;
			}
		}
		(void)clock->gettime(clock->context, CLOCK_MONOTONIC_RAW, &end_ns);
		took_ns[round] = end_ns - begin_ns;
	}
	qsort(took_ns, ROUNDS, sizeof(took_ns[0]), compare);
	return took_ns[ROUNDS / 2];
}

static void time_marker(struct cbd_vmclock *vmclock)
{
	int64_t without_ns = time_loads(vmclock->clock, NULL);
	int64_t with_ns = time_loads(vmclock->clock, &vmclock->page->disruption_marker);

	vmclock->load_ps = with_ns > without_ns ? (uint32_t)((with_ns - without_ns) * 1000 / LOADS) : 0;
}

/* A file, and the device of a kernel before 7.0, are always "ready", and that of a hypervisor that does not notify is
 * always "hung up": only what is quiet after it was read is worth waiting for. */
static bool is_quiet(const struct cbd_vmclock *vmclock)
{
	struct pollfd ready = {.fd = vmclock->fd, .events = POLLIN};
	char page[CLOCKBOUND_VMCLOCK_SIZE_MAX];

	return !vmclock->is_file && (vmclock->flags & CLOCKBOUND_VMCLOCK_NOTIFIES) != 0 &&
	       pread(vmclock->fd, page, sizeof(page), 0) > 0 && poll(&ready, 1, 0) == 0;
}

/* What fd has, through a description of its own; by way of /proc, since the name may lead elsewhere by now. */
static int open_again(int fd)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

bool cbd_vmclock_open(struct cbd_vmclock *vmclock, const char *how, const struct cbd_vmclock_places *places,
		      const struct cbd_clock *clock)
{
	const char *class_dir = places != NULL && places->class_dir != NULL ? places->class_dir : CLASS_DIR;
	const char *device_dir =
		places != NULL && places->device_dir != NULL ? places->device_dir : DEVICE_DIR;
	long number = -1;
	struct cbd_vm vm;

	memset(vmclock, 0, sizeof(*vmclock));
	vmclock->fd = -1;
	vmclock->readers_fd = -1;
	if (strcmp(how, "off") == 0) {
		return false;
	}
	if (strcmp(how, "auto") != 0) {
		snprintf(vmclock->path, sizeof(vmclock->path), "%s", how);
	} else {
		number = find_device(class_dir);
		if (number < 0) {
			snprintf(vmclock->text, sizeof(vmclock->text), "this machine has no VMClock device");
			return false;
		}
		snprintf(vmclock->path, sizeof(vmclock->path), "%s/" PREFIX "%ld", device_dir, number);
	}
	vmclock->fd = open_device(vmclock, class_dir, number);
	if (vmclock->fd < 0 || !map(vmclock, clock)) {
		cbd_vmclock_close(vmclock);
		return false;
	}
	cbd_vmclock_read(vmclock, &vm);
	time_marker(vmclock);
	vmclock->notifies = is_quiet(vmclock);
	vmclock->readers_fd = open_again(vmclock->fd);
	return true;
}

int cbd_vmclock_readers_fd(const struct cbd_vmclock *vmclock)
{
	if (vmclock->page == NULL) {
		return -1;
	}
	return vmclock->readers_fd >= 0 ? vmclock->readers_fd : vmclock->fd;
}

int cbd_vmclock_wake_fd(const struct cbd_vmclock *vmclock)
{
	return vmclock->notifies ? vmclock->fd : -1;
}

bool cbd_vmclock_on_wake(struct cbd_vmclock *vmclock)
{
	char page[CLOCKBOUND_VMCLOCK_SIZE_MAX];
	uint32_t seq = CLOCKBOUND_PRIV_LOAD(&vmclock->page->seq_count);

	/* Only a read() through the descriptor makes it quiet again. */
	(void)pread(vmclock->fd, page, sizeof(page), 0);
	vmclock->idle_wakes = seq == vmclock->woken_seq ? vmclock->idle_wakes + 1 : 0;
	vmclock->woken_seq = seq;
	vmclock->notifies = vmclock->notifies && vmclock->idle_wakes < IDLE_WAKES_MAX;
	return vmclock->notifies;
}

bool cbd_vmclock_is_public(const struct cbd_vmclock *vmclock)
{
	struct stat status;

	return vmclock->fd >= 0 && fstat(vmclock->fd, &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

void cbd_vmclock_close(struct cbd_vmclock *vmclock)
{
	if (vmclock->page != NULL) {
		munmap((void *)(uintptr_t)vmclock->page, vmclock->mapped);
		vmclock->page = NULL;
	}
	if (vmclock->readers_fd >= 0) {
		close(vmclock->readers_fd);
		vmclock->readers_fd = -1;
	}
	if (vmclock->fd >= 0) {
		close(vmclock->fd);
		vmclock->fd = -1;
	}
}
