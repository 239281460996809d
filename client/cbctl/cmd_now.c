/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl now: one interval.
 */
#include "cbctl.h"

#include <stdio.h>

int cbc_cmd_now(const struct cbc_options *options)
{
	struct cbc_source source;
	struct cbc_reading reading;
	char detail[CBC_DETAIL_MAX] = "";
	bool is_read;

	if (!cbc_source_open_or_complain(&source, options, false)) {
		return CBC_EXIT_NONE;
	}
	is_read = cbc_source_read(&source, &reading, detail);
	cbc_source_close(&source);
	if (!is_read) {
		return cbc_complain(options, CBC_EXIT_NOT_TRUSTED, "%s", detail);
	}
	if (!options->is_json) {
		cbc_print_reading(&reading);
	} else if (!cbc_json_print(cbc_json_reading(&reading), false)) {
		return cbc_finish(CBC_EXIT_NOT_TRUSTED);
	}
	return cbc_finish(cbc_exit_code(&reading.interval));
}
