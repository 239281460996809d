/* SPDX-License-Identifier: Apache-2.0 */
/* See config_phc.h. */
#include "daemon/config_phc.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define REFERENCE_MAX 4
/* sun_path, less its NUL. */
#define SOCKET_PATH_MAX 107

uint32_t cbd_config_phc_reference(const char *name)
{
	uint32_t reference = 0;
	size_t i;

	if (strlen(name) > REFERENCE_MAX) {
		return 0;
	}
	for (i = 0; i < REFERENCE_MAX; i++) {
		bool is_past = i >= strlen(name);

		if (!is_past && !isgraph((unsigned char)name[i])) {
			return 0;
		}
		reference = reference << 8 | (is_past ? 0 : (unsigned char)name[i]);
	}
	return reference;
}

bool cbd_config_phc_check(struct cbd_config *config)
{
	const bool has_reference = config->phc_ref_id[0] != '\0';
	const bool has_interface = config->phc_interface[0] != '\0';
	const bool has_device = config->phc_device[0] != '\0';
	char *error = config->error;
	const size_t size = sizeof(config->error);

	if (has_reference && !has_interface && !has_device) {
		snprintf(error, size,
			 "--phc-ref-id was given without --phc-interface: the PHC that chronyd follows needs "
			 "both "
			 "(or --phc-device in place of the interface)");
	} else if (has_interface && !has_reference) {
		snprintf(error, size,
			 "--phc-interface was given without --phc-ref-id: the PHC that chronyd follows needs "
			 "both "
			 "(one that chronyd does not follow: --phc-device %.32s)",
			 config->phc_interface);
	} else if (has_reference && cbd_config_phc_reference(config->phc_ref_id) == 0) {
		snprintf(error, size,
			 "--phc-ref-id '%s' is no reference id: one to four printable characters, as PHC0",
			 config->phc_ref_id);
	} else if (has_interface && strchr(config->phc_interface, '/') != NULL) {
		snprintf(error, size,
			 "--phc-interface '%s' is no network interface: a path goes to --phc-device",
			 config->phc_interface);
	} else if (!has_device && !has_interface && (config->phc_bound_ns != 0 || config->ptp4l[0] != '\0')) {
		snprintf(error, size,
			 "--%s was given without a PHC: add --phc-device, or --phc-ref-id and "
			 "--phc-interface",
			 config->ptp4l[0] != '\0' ? "ptp4l" : "phc-error-bound-ns");
	} else if (config->phc_bound_ns != 0 && config->ptp4l[0] != '\0') {
		snprintf(error, size,
			 "--phc-error-bound-ns and --ptp4l both tell the PHC's error: give one of them");
	} else if (config->ptp4l[0] == '\0' && (config->ptp4l_domain != 0 || config->ptp4l_transport != 0)) {
		snprintf(error, size, "--ptp4l-%s was given without --ptp4l",
			 config->ptp4l_domain != 0 ? "domain" : "transport-specific");
	} else if (strlen(config->ptp4l) > SOCKET_PATH_MAX) {
		snprintf(error, size, "--ptp4l '%s' is longer than %d bytes, so no socket can be there",
			 config->ptp4l, SOCKET_PATH_MAX);
	}
	return error[0] == '\0';
}
