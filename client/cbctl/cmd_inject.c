/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl inject: asks the daemon to publish what is not so, for a while.
 */
#include "cbctl.h"

#include <stdio.h>
#include <string.h>

#define SECONDS_DEFAULT_NS (10 * CBC_NS_PER_S)
#define NS_PER_MS	   INT64_C(1000000)

static bool find_kind(const char *word, uint32_t *kind)
{
	for (*kind = 0; *kind <= CLOCKBOUND_INJECT_LAST; (*kind)++) {
		const char *name = cbc_inject_name(*kind);

		if (word != NULL && name != NULL && strcmp(name, word) == 0) {
			return true;
		}
	}
	return false;
}

int cbc_cmd_inject(const struct cbc_options *options)
{
	int64_t lasts_ns = options->seconds_ns != 0 ? options->seconds_ns : SECONDS_DEFAULT_NS;
	char detail[CBC_DETAIL_MAX];
	uint32_t kind;

	if (!find_kind(options->word, &kind)) {
		(void)fprintf(stderr, "cbctl: inject takes a kind, not %s\nTry 'cbctl inject --help'.\n",
			      options->word != NULL ? options->word : "nothing");
		return CBC_EXIT_USAGE;
	}
	if (kind == CLOCKBOUND_INJECT_OFF) {
		lasts_ns = 0;
	}
	if (!cbc_daemon_inject(options->runtime_dir, kind, (uint32_t)(lasts_ns / NS_PER_MS), detail)) {
		return cbc_complain(options, CBC_EXIT_NONE, "%s", detail);
	}
	if (options->is_json) {
		json_t *object = json_pack("{s:s, s:I}", "injected", cbc_inject_name(kind), "for_ms",
					   (json_int_t)(lasts_ns / NS_PER_MS));

		return cbc_finish(cbc_json_print(object, false) ? CBC_EXIT_FINE : CBC_EXIT_NOT_TRUSTED);
	}
	if (kind == CLOCKBOUND_INJECT_OFF) {
		printf("nothing is injected any more\n");
	} else {
		printf("injected: %s, for %.3f s\n", cbc_inject_name(kind),
		       (double)lasts_ns / (double)CBC_NS_PER_S);
	}
	return cbc_finish(CBC_EXIT_FINE);
}
