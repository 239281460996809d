/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_find.h. */
#include "daemon/source/phc_find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers looked at; a machine with more PTP clocks than this needs an interface's name. */
#define INDEX_MAX 64

/* The N of ".../ptpN"; -1 if it is no such name. */
static int index_of(const char *path)
{
	const char *name = strrchr(path, '/');
	char *end = NULL;
	long index;

	name = name != NULL ? name + 1 : path;
	if (strncmp(name, "ptp", 3) != 0 || name[3] < '0' || name[3] > '9') {
		return -1;
	}
	index = strtol(name + 3, &end, 10);
	return *end == '\0' && index < 1000000 ? (int)index : -1;
}

/* Fills name and parent from /sys; 0, or -errno if there is no such clock. */
static int describe(const struct cbd_phc_system *system, int index, struct cbd_phc_identity *identity)
{
	char path[CBD_PHC_PATH];
	int result;

	snprintf(path, sizeof(path), "/sys/class/ptp/ptp%d/clock_name", index);
	result = system->read_file(system->context, path, identity->name, sizeof(identity->name));
	if (result < 0) {
		return result;
	}
	identity->name[strcspn(identity->name, "\n")] = '\0';
	identity->index = index;
	snprintf(identity->path, sizeof(identity->path), "/dev/ptp%d", index);
	snprintf(path, sizeof(path), "/sys/class/ptp/ptp%d/device", index);
	if (system->resolve(system->context, path, identity->parent, sizeof(identity->parent)) != 0) {
		identity->parent[0] = '\0'; /* ptp_kvm and hyperv hang on nothing */
	}
	return 0;
}

static bool is_same(const struct cbd_phc_identity *a, const struct cbd_phc_identity *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->parent, b->parent) == 0;
}

static int find_interface(const struct cbd_phc_system *system, const char *interface,
			  struct cbd_phc_identity *found, char *text, size_t size)
{
	int index = system->interface_index(system->context, interface);
	int result = index < 0 ? index : describe(system, index, found);

	if (index == -ENODEV || index == -EOPNOTSUPP) {
		snprintf(text, size,
			 "interface %s has no PTP hardware clock (ethtool -T %s shows what it has): name one "
			 "that has, "
			 "or enable it in the driver",
			 interface, interface);
	} else if (index < 0) {
		snprintf(text, size, "cannot ask interface %s for its PTP hardware clock: %s", interface,
			 strerror(-index));
	} else if (result < 0) {
		snprintf(text, size,
			 "interface %s says that ptp%d is its clock, which /sys/class/ptp does not have: %s",
			 interface, index, strerror(-result));
	}
	return result;
}

/* The same clock under another number. */
static int find_again(const struct cbd_phc_system *system, const struct cbd_phc_identity *known,
		      struct cbd_phc_identity *found)
{
	int index;

	for (index = 0; index < INDEX_MAX; index++) {
		if (describe(system, index, found) == 0 && is_same(found, known)) {
			return 0;
		}
	}
	return -ENODEV;
}

static int find_path(const struct cbd_phc_system *system, const char *path, struct cbd_phc_identity *found,
		     char *text, size_t size)
{
	char real[CBD_PHC_PATH];
	int result = system->resolve(system->context, path, real, sizeof(real));

	if (result != 0) {
		snprintf(text, size,
			 "%s: %s; name a PTP hardware clock as /dev/ptp0, or its network interface", path,
			 strerror(-result));
		return result;
	}
	if (index_of(real) >= 0 && describe(system, index_of(real), found) == 0) {
		return 0;
	}
	*found = (struct cbd_phc_identity){.index = -1};
	snprintf(found->path, sizeof(found->path), "%s", path);
	return 0;
}

int cbd_phc_find(const struct cbd_phc_system *system, const char *what, const struct cbd_phc_identity *known,
		 struct cbd_phc_identity *found, char *text, size_t size)
{
	struct cbd_phc_identity now = {.index = -1};
	bool is_known = known != NULL && known->index >= 0;
	int result;

	if (strchr(what, '/') == NULL) {
		result = find_interface(system, what, &now, text, size);
	} else {
		result = find_path(system, what, &now, text, size);
	}
	if (is_known && (result != 0 || !is_same(&now, known)) && strchr(what, '/') != NULL) {
		bool was_reused = result == 0;

		result = find_again(system, known, &now);
		if (result != 0) {
			result = was_reused ? -EXDEV : result;
			snprintf(text, size, "the clock %s is gone%s%s%s", known->name,
				 was_reused ? ", and " : "", was_reused ? what : "",
				 was_reused ? " is another one now: restart the daemon if that is meant"
					    : "");
		}
	} else if (is_known && result == 0 && !is_same(&now, known)) {
		result = -EXDEV;
		snprintf(text, size,
			 "interface %s has the clock %s now, and had %s: restart the daemon if that is meant",
			 what, now.name, known->name);
	} else if (is_known && result != 0 && known->parent[0] != '\0' &&
		   find_again(system, known, &now) == 0) {
		result = 0; /* the interface has another name now */
	}
	if (result == 0) {
		*found = now;
	}
	return result;
}

void cbd_phc_steer_forget(struct cbd_phc_steer *steer)
{
	*steer = (struct cbd_phc_steer){.is_needed = false};
}

void cbd_phc_steer_need_new(struct cbd_phc_steer *steer)
{
	*steer = (struct cbd_phc_steer){.is_needed = true, .has_baseline = true};
}

void cbd_phc_steer_need_set(struct cbd_phc_steer *steer, const struct cbd_phc_system *system, int fd)
{
	*steer = (struct cbd_phc_steer){.is_needed = true};
	steer->has_baseline = system->frequency(system->context, fd, &steer->baseline) == 0;
}

bool cbd_phc_is_adjustable(const struct cbd_phc_system *system, int fd)
{
	struct cbd_phc_caps caps;

	memset(&caps, 0, sizeof(caps));
	return system->control(system->context, fd, cbd_phc_request_caps, &caps) != 0 || caps.max_adj != 0;
}

bool cbd_phc_steer_look(struct cbd_phc_steer *steer, const struct cbd_phc_system *system, int fd, char *text,
			size_t size)
{
	int64_t frequency = 0;
	int result;

	if (!steer->is_needed || !cbd_phc_is_adjustable(system, fd)) {
		steer->is_needed = false;
		return true;
	}
	result = system->frequency(system->context, fd, &frequency);
	if (result != 0) {
		snprintf(text, size,
			 "the PHC was set or is new, and whether anybody steers it cannot be seen: %s",
			 strerror(-result));
		return false;
	}
	if (!steer->has_baseline) {
		steer->baseline = frequency;
		steer->has_baseline = true;
	}
	if (frequency == steer->baseline) {
		snprintf(text, size,
			 "the PHC was set or is new, and nobody is seen to steer it: no frequency has been "
			 "dialled "
			 "since; if its error bound holds all the same, restart the daemon");
		return false;
	}
	steer->is_needed = false;
	return true;
}
