/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every run may need and none owns: sentences on stderr, a directory of one's own, and being told to end.
 * Measures nothing.
 */
#include "bench/bench.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t is_interrupted;

int cbb_say(int code, const char *format, ...)
{
	va_list arguments;

	(void)fputs("clockbound-bench: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	return code;
}

bool cbb_directory_make(char path[CBB_PATH_MAX], char detail[CBB_DETAIL_MAX])
{
	const char *chosen = getenv("TMPDIR");
	const char *const parents[] = {"/dev/shm", chosen != NULL ? chosen : "/tmp", "/tmp"};
	size_t i;

	for (i = 0; i < sizeof(parents) / sizeof(parents[0]); i++) {
		(void)snprintf(path, CBB_PATH_MAX, "%.400s/clockbound-bench-XXXXXX", parents[i]);
		if (mkdtemp(path) != NULL) {
			return true;
		}
	}
	(void)snprintf(detail, CBB_DETAIL_MAX, "cannot make a directory under /dev/shm, TMPDIR or /tmp: %s",
		       strerror(errno));
	path[0] = '\0';
	return false;
}

void cbb_directory_remove(char path[CBB_PATH_MAX])
{
	DIR *directory = path[0] != '\0' ? opendir(path) : NULL;
	const struct dirent *entry;

	if (directory != NULL) {
		while ((entry = readdir(directory)) != NULL) {
			(void)unlinkat(dirfd(directory), entry->d_name, 0); /* "." and ".." it refuses */
		}
		(void)closedir(directory);
		(void)rmdir(path);
	}
	path[0] = '\0';
}

static void on_interrupt(int signal_number)
{
	(void)signal_number;
	is_interrupted = 1;
}

void cbb_interrupt_watch(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action;
	size_t i;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_interrupt; /* without SA_RESTART: sleeps are to end */
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		(void)sigaction(signals[i], &action, NULL);
	}
}

bool cbb_is_interrupted(void)
{
	return is_interrupted != 0;
}
