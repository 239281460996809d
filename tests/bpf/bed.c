/* SPDX-License-Identifier: Apache-2.0 */
/* See bed.h. */
#define _GNU_SOURCE
#include "tests/bpf/bed.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#define TRACING	 "/sys/kernel/tracing"
#define SYSCALLS TRACING "/events/syscalls"
#define CALLS	 8
#define FD_MAX	 256

static const char *const call_name[CALLS] = {
	"sys_enter_adjtimex",	  "sys_exit_adjtimex",	     "sys_enter_clock_adjtime",
	"sys_exit_clock_adjtime", "sys_enter_clock_settime", "sys_exit_clock_settime",
	"sys_enter_settimeofday", "sys_exit_settimeofday",
};

static void id_path(char *path, size_t size, int call)
{
	snprintf(path, size, SYSCALLS "/%s/id", call_name[call]);
}

/* Copies of the identifiers in the place of tracefs. */
static bool open_up(void)
{
	char id[CALLS][16] = {{0}};
	char path[128];

	for (int i = 0; i < CALLS; i++) {
		FILE *file;

		id_path(path, sizeof(path), i);
		file = fopen(path, "re");
		if (file == NULL || fgets(id[i], sizeof(id[i]), file) == NULL) {
			return false;
		}
		fclose(file);
	}
	if (mount("tmpfs", TRACING, "tmpfs", 0, "mode=755") != 0 || mkdir(TRACING "/events", 0755) != 0 ||
	    mkdir(SYSCALLS, 0755) != 0) {
		return false;
	}
	for (int i = 0; i < CALLS; i++) {
		FILE *file;

		id_path(path, sizeof(path), i);
		*strrchr(path, '/') = '\0';
		mkdir(path, 0755);
		id_path(path, sizeof(path), i);
		file = fopen(path, "we");
		if (file == NULL || fputs(id[i], file) < 0 || fclose(file) != 0) {
			return false;
		}
	}
	return true;
}

const char *bed_make(bool is_open)
{
	if (geteuid() != 0) {
		return "only root attaches tracepoints";
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
		return "this kernel does not tell its types (/sys/kernel/btf/vmlinux)";
	}
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    (access(SYSCALLS, F_OK) != 0 && mount("tracefs", TRACING, "tracefs", 0, NULL) != 0)) {
		return "no tracefs";
	}
	return is_open && !open_up() ? "the tracepoints' identifiers cannot be copied" : NULL;
}

/* Of descriptors that begin with @prefix and have @kind in their names. */
static int let_go(const char *prefix, const char *kind, int which)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	int count = 0;

	for (int fd = 3; fd < FD_MAX; fd++) {
		char path[64];
		char name[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, name, sizeof(name) - 1) < 0 ||
		    strncmp(name, prefix, strlen(prefix)) != 0 || strstr(name, kind) == NULL) {
			continue;
		}
		if (which < 0 || which == count) {
			dup2(null_fd, fd);
		}
		count++;
	}
	close(null_fd);
	return which < 0 ? count : count > which;
}

int bed_break(const char *kind, int which)
{
	int count = let_go("anon_inode:bpf", kind, which);

	/* Before Linux 5.15 a program hangs on the event itself. */
	return count == 0 && strcmp(kind, "link") == 0 ? let_go("anon_inode:[perf_event]", "", which) : count;
}

void bed_ask(void)
{
	struct timex timex = {.modes = ADJ_TICK, .tick = 1};

	adjtimex(&timex);
}
