/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl status: gathers what the page and the daemon say. Either may be missing.
 */
#include "cbctl.h"

#include <stdio.h>
#include <string.h>

/* The page's interval and slot from one publication, so that they tell one story. */
static void read_page(const struct cbc_source *source, struct cbc_status *status)
{
	status->has_page = cbc_page_take(source->fast, &status->page);
	if (!status->has_page) {
		(void)snprintf(status->page_detail, sizeof(status->page_detail),
			       "%s changes too fast to be read: is more than one daemon writing it?",
			       source->path);
		return;
	}
	status->has_reading = true;
	status->reading.interval = status->page.interval;
	(void)snprintf(status->reading.path, sizeof(status->reading.path), "%s", source->path);
}

void cbc_status_gather(struct cbc_status *status, const char *directory)
{
	struct cbc_source source;

	memset(status, 0, sizeof(*status));
	if (cbc_source_open(&source, directory, status->page_detail) == CBC_OPEN_OK) {
		if (source.fast != NULL) {
			read_page(&source, status);
		} else {
			status->has_reading = cbc_source_read(&source, &status->reading, status->page_detail);
		}
		cbc_source_close(&source);
	}
	status->has_daemon = cbc_daemon_ask(directory, &status->daemon, status->daemon_detail);
	if (status->has_daemon) {
		char detail[CBC_DETAIL_MAX];

		status->has_vmclock = cbc_daemon_vmclock(directory, &status->vmclock, detail);
	}
}

int cbc_cmd_status(const struct cbc_options *options)
{
	struct cbc_status status;

	cbc_status_gather(&status, options->runtime_dir);
	if (!status.has_reading && !status.has_daemon) {
		return cbc_complain(options, CBC_EXIT_NONE, "%s; no daemon either: %s", status.page_detail,
				    status.daemon_detail);
	}
	if (!options->is_json) {
		cbc_print_status(&status);
	} else if (!cbc_json_print(cbc_json_status(&status), false)) {
		return cbc_finish(CBC_EXIT_NOT_TRUSTED);
	}
	return cbc_finish(status.has_reading ? cbc_exit_code(&status.reading.interval)
					     : CBC_EXIT_NOT_TRUSTED);
}
