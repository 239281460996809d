/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl metrics: for a monitoring system. A clock that is not to be trusted, or a daemon that is not there, is what it
 * tells, not a failure to tell.
 */
#include "cbctl.h"

int cbc_cmd_metrics(const struct cbc_options *options)
{
	struct cbc_status status;
	json_t *metrics;

	cbc_status_gather(&status, options->runtime_dir);
	metrics = cbc_json_metrics(&status);
	if (options->is_json) {
		return cbc_finish(cbc_json_print(metrics, false) ? CBC_EXIT_FINE : CBC_EXIT_NOT_TRUSTED);
	}
	cbc_print_metrics(metrics);
	json_decref(metrics);
	return cbc_finish(CBC_EXIT_FINE);
}
