/* SPDX-License-Identifier: Apache-2.0 */
/* Starts, asks and ends the benchmark's own daemon. See own.h. */
#include "bench/own.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Attaching takes half a second, and a minute where everything is emulated; detaching up to 1.3 s. */
#define START_MS 60000
#define STOP_MS	 20000
#define PAUSE_MS 20

#define LOG_NAME "daemon.log"

const char *cbb_rung_name(uint32_t rung)
{
	switch (rung) {
	case CLOCKBOUND_RUNG_FENTRY:
		return "fentry";
	case CLOCKBOUND_RUNG_TRACEPOINT:
		return "tracepoint";
	case CLOCKBOUND_RUNG_TIMERFD:
		return "timerfd";
	default:
		return "off";
	}
}

static void pause_ms(int64_t ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

/* Its program: the file that is named, or the one beside ours. */
static bool find_program(struct cbb_own *own, const char *program, char detail[CBB_DETAIL_MAX])
{
	char self[CBB_PATH_MAX / 2] = "";
	char *end;

	if (program == NULL && readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
		end = strrchr(self, '/');
		(void)snprintf(own->program, sizeof(own->program), "%.*s/clockbound",
			       end != NULL ? (int)(end - self) : 0, self);
	} else if (program != NULL) {
		(void)snprintf(own->program, sizeof(own->program), "%s", program);
	}
	if (access(own->program, X_OK) == 0) {
		return true;
	}
	(void)snprintf(detail, CBB_DETAIL_MAX, "cannot run the daemon %.150s: %s; say --daemon PATH",
		       own->program, strerror(errno));
	return false;
}

bool cbb_own_make(struct cbb_own *own, const char *program, char detail[CBB_DETAIL_MAX])
{
	memset(own, 0, sizeof(*own));
	return find_program(own, program, detail) && cbb_directory_make(own->directory, detail);
}

/* Tracepoints need tracefs. Without the right to mount it the daemon says what is missing. */
static void give_tracefs(void)
{
	if (access("/sys/kernel/tracing/events", F_OK) == 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		return;
	}
	(void)mount("tracefs", "/sys/kernel/tracing", "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* In the child. Its own process group: who interrupts us from a terminal leaves its end to us. */
static void become_daemon(const struct cbb_own *own, const char *rung, const char *chrony_socket,
			  pid_t parent)
{
	char log[CBB_PATH_MAX + sizeof(LOG_NAME) + 1];
	int fd;

	(void)snprintf(log, sizeof(log), "%s/" LOG_NAME, own->directory);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		_exit(1);
	}
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) {
		_exit(1); /* it ended before we asked to be told */
	}
	give_tracefs();
	/* The first NULL ends the list. */
	(void)execl(own->program, own->program, "--runtime-dir", own->directory, "--probe", rung,
		    chrony_socket != NULL ? "--chrony-socket" : (char *)NULL, chrony_socket, (char *)NULL);
	(void)fprintf(stderr, "cannot run %s: %s\n", own->program, strerror(errno));
	_exit(1);
}

/* The last line of the daemon's log. */
static void last_words(const struct cbb_own *own, char words[CBB_DETAIL_MAX])
{
	char path[CBB_PATH_MAX + sizeof(LOG_NAME) + 1];
	char line[CBB_DETAIL_MAX];
	FILE *log;

	(void)snprintf(path, sizeof(path), "%s/" LOG_NAME, own->directory);
	(void)snprintf(words, CBB_DETAIL_MAX, "it left no word");
	log = fopen(path, "re");
	if (log == NULL) {
		return;
	}
	while (fgets(line, sizeof(line), log) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0') {
			memcpy(words, line, sizeof(line));
		}
	}
	(void)fclose(log);
}

static bool fail_start(struct cbb_own *own, const char *what, char detail[CBB_DETAIL_MAX])
{
	char words[CBB_DETAIL_MAX];

	last_words(own, words);
	cbb_own_stop(own);
	(void)snprintf(detail, CBB_DETAIL_MAX, "the daemon %s: %.200s", what, words);
	return false;
}

bool cbb_own_start(struct cbb_own *own, const char *rung, const char *chrony_socket,
		   struct clockbound_control_status *status, char detail[CBB_DETAIL_MAX])
{
	char ignored[CBB_DETAIL_MAX];
	pid_t parent = getpid();
	int waited_ms;

	own->pid = fork();
	if (own->pid == 0) {
		become_daemon(own, rung, chrony_socket, parent);
	}
	if (own->pid < 0) {
		own->pid = 0;
		(void)snprintf(detail, CBB_DETAIL_MAX, "cannot start a process: %s", strerror(errno));
		return false;
	}
	for (waited_ms = 0; waited_ms < START_MS && !cbb_is_interrupted(); waited_ms += PAUSE_MS) {
		if (waitpid(own->pid, NULL, WNOHANG) == own->pid) {
			own->pid = 0;
			return fail_start(own, "has ended", detail);
		}
		if (cbb_ask_status(own->directory, status, ignored)) {
			return true;
		}
		pause_ms(PAUSE_MS);
	}
	return fail_start(own, cbb_is_interrupted() ? "was not waited for" : "does not answer", detail);
}

void cbb_own_hold(const struct cbb_own *own, bool is_held)
{
	if (own->pid != 0) {
		(void)kill(own->pid, is_held ? SIGSTOP : SIGCONT);
	}
}

void cbb_own_stop(struct cbb_own *own)
{
	int waited_ms;

	if (own->pid == 0) {
		return;
	}
	(void)kill(own->pid, SIGTERM);
	(void)kill(own->pid, SIGCONT);
	for (waited_ms = 0; waited_ms < STOP_MS; waited_ms += PAUSE_MS) {
		if (waitpid(own->pid, NULL, WNOHANG) == own->pid) {
			own->pid = 0;
			return;
		}
		pause_ms(PAUSE_MS);
	}
	(void)kill(own->pid, SIGKILL);
	while (waitpid(own->pid, NULL, 0) < 0 && errno == EINTR) {
	}
	own->pid = 0;
}

void cbb_own_remove(struct cbb_own *own)
{
	cbb_own_stop(own);
	cbb_directory_remove(own->directory);
}
