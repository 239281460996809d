/* SPDX-License-Identifier: Apache-2.0 */
/* See phc_bound.h. */
#include "daemon/source/phc_bound.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES (sizeof(((struct cbd_phc_bound_files *)0)->path) / CBD_PHC_PATH)

/* PCI_SLOT_NAME of an interface's uevent into @slot; "" if there is none. */
static void pci_slot(const struct cbd_phc_system *system, const char *interface, char *slot, size_t size)
{
	static const char key[] = "PCI_SLOT_NAME=";
	char path[CBD_PHC_PATH];
	char text[1024];
	const char *at;

	slot[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%.64s/device/uevent", interface);
	if (system->read_file(system->context, path, text, sizeof(text)) < 0) {
		return;
	}
	at = strstr(text, key);
	if (at != NULL && (at == text || at[-1] == '\n')) {
		at += sizeof(key) - 1;
		snprintf(slot, size, "%.*s", (int)strcspn(at, "\n"), at);
	}
	if (strchr(slot, '/') != NULL) {
		slot[0] = '\0';
	}
}

void cbd_phc_bound_files_of(struct cbd_phc_bound_files *files, const struct cbd_phc_system *system, int index,
			    const char *interface)
{
	char slot[CBD_PHC_NAME];

	memset(files, 0, sizeof(*files));
	if (index >= 0) {
		snprintf(files->path[0], CBD_PHC_PATH, "/sys/class/ptp/ptp%d/device/phc_error_bound", index);
	}
	if (interface != NULL && interface[0] != '\0') {
		snprintf(files->path[1], CBD_PHC_PATH, "/sys/class/net/%.64s/device/phc_error_bound",
			 interface);
		pci_slot(system, interface, slot, sizeof(slot));
		if (slot[0] != '\0') {
			snprintf(files->path[2], CBD_PHC_PATH, "/sys/bus/pci/devices/%s/phc_error_bound",
				 slot);
		}
	}
}

int cbd_phc_bound_parse(const char *text, int64_t *bound_ns)
{
	unsigned long long value;
	char *end = NULL;

	if (!isdigit((unsigned char)text[0])) {
		return -EINVAL; /* empty, text, blanks, a sign */
	}
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || (*end != '\0' && strcmp(end, "\n") != 0)) {
		return -EINVAL;
	}
	/* The driver's mark of a failed read, 4294967295, is above the maximum too. */
	if (value == 0 || value > (unsigned long long)CBD_PHC_BOUND_MAX_NS) {
		return -EINVAL;
	}
	*bound_ns = (int64_t)value;
	return 0;
}

int cbd_phc_bound_read(const struct cbd_phc_system *system, const struct cbd_phc_bound_files *files,
		       int64_t *bound_ns, char *text, size_t size)
{
	char content[64];
	size_t i;
	int result;

	for (i = 0; i < FILES; i++) {
		if (files->path[i][0] == '\0') {
			continue;
		}
		result = system->read_file(system->context, files->path[i], content, sizeof(content));
		if (result == -ENOENT || result == -ENOTDIR) {
			continue;
		}
		if (result < 0) {
			snprintf(text, size, "%s: %s", files->path[i],
				 result == -EBUSY ? "the device's last read failed" : strerror(-result));
			return result;
		}
		if (cbd_phc_bound_parse(content, bound_ns) != 0) {
			content[strcspn(content, "\n")] = '\0';
			snprintf(text, size, "%s says '%.20s', which is no bound%s", files->path[i], content,
				 strcmp(content, "0") == 0
					 ? ": the device has not been read since it was reset"
					 : "");
			return -EINVAL;
		}
		return 0;
	}
	snprintf(text, size,
		 "the error of the device is not known: its driver has no file phc_error_bound; give "
		 "--phc-error-bound-ns or --ptp4l");
	return -ENOENT;
}
