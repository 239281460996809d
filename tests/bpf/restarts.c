/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon that is killed two hundred times, when it has attached or on the way there: nothing of it stays in the kernel,
 * and a pinned kernel page is one map, taken up again each time. It is an ordinary user's, with two capabilities, so that
 * what is its own can be told from what others have loaded. No clock is moved.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <linux/bpf.h>
#include <linux/capability.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/privileges.h"
#include "tests/bpf/bed.h"
#include "tests/unit/daemon/publish/scratch.h"

#define RESTARTS  100 /* without a pin, and as many with one */
#define USER	  61234
#define CAPS_HIGH ((1u << (38 - 32)) | (1u << (39 - 32))) /* CAP_PERFMON, CAP_BPF */
#define READY_MS  120000
#define GONE_MS	  120000 /* the kernel takes its time, on a busy machine for each of them */
/* Others load and unload meanwhile; whatever leaks does it at every restart. */
#define NOISE (RESTARTS / 2)

static struct cbd_config config;
static char pin_dir[64];
static char rung_told[300]; /* why it is not the tracepoints */

/* An ordinary user who keeps two capabilities. */
static bool become_user(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0, 0, 0}, {CAPS_HIGH, CAPS_HIGH, 0}};

	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setgroups(0, NULL) == 0 &&
	       setresgid(USER, USER, USER) == 0 && setresuid(USER, USER, USER) == 0 &&
	       syscall(SYS_capset, &header, data) == 0;
}

/* The daemon: says what its probe is as soon as it is open. */
static void be_daemon(int told_fd)
{
	static struct cbd_loop loop;
	struct cbd_probe_info info;

	if (!become_user()) {
		_exit(1);
	}
	cbd_privileges_limit(true);
	if (cbd_loop_open(&loop, &config) != 0) {
		_exit(1);
	}
	cbd_privileges_drop(true);
	cbd_probe_info(&loop.probe, &info);
	if (write(told_fd, &info, sizeof(info)) != sizeof(info)) {
		_exit(1);
	}
	_exit(cbd_loop_run(&loop) == 0 ? 0 : 1);
}

/* Starts a daemon and kills it: @after_ms later, or if that is negative when it is open. Returns the kernel page's id. */
static uint64_t restart(int after_ms)
{
	struct cbd_probe_info info = {.rung = CBD_PROBE_POLL};
	struct pollfd told;
	int pipe_fd[2];
	pid_t child;

	assert_int_equal(pipe2(pipe_fd, O_CLOEXEC), 0);
	child = fork();
	if (child == 0) {
		be_daemon(pipe_fd[1]);
	}
	close(pipe_fd[1]);
	told = (struct pollfd){.fd = pipe_fd[0], .events = POLLIN};
	if (poll(&told, 1, after_ms < 0 ? READY_MS : after_ms) == 1 && after_ms < 0) {
		(void)!read(pipe_fd[0], &info, sizeof(info));
		memcpy(rung_told, info.reason, sizeof(info.reason));
	}
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	close(pipe_fd[0]);
	return info.rung == CBD_PROBE_TRACEPOINT ? info.page_id : 0;
}

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* How many objects of a kind the kernel holds; of programs and links only those of our user. */
static int count(enum bpf_cmd next, enum bpf_cmd open_by_id)
{
	uint32_t id = 0;
	int number = 0;

	for (;;) {
		union bpf_attr attributes = {.start_id = id};
		struct bpf_prog_info info = {0};
		int fd;

		if (bpf(next, &attributes) != 0) {
			return number;
		}
		id = attributes.next_id;
		if (open_by_id == BPF_MAP_GET_FD_BY_ID) {
			number++;
			continue;
		}
		attributes = (union bpf_attr){.prog_id = id};
		fd = bpf(open_by_id, &attributes);
		attributes = (union bpf_attr){
			.info = {.bpf_fd = (uint32_t)fd, .info_len = sizeof(info), .info = (uintptr_t)&info}};
		if (fd >= 0 && bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) == 0) {
			number += info.created_by_uid == USER;
		}
		if (fd >= 0) {
			close(fd);
		}
	}
}

static int count_maps(void)
{
	return count(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID);
}

static int count_programs(void)
{
	return count(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID);
}

/* A link holds its program, so none of ours is left when no program is. The kernel takes its time. */
static void nothing_is_left(int maps_before)
{
	const struct timespec pause_time = {.tv_nsec = 100000000};

	for (int tries = 0; tries < GONE_MS / 100 && (count_programs() > 0 || count_maps() > maps_before);
	     tries++) {
		nanosleep(&pause_time, NULL);
	}
	assert_int_equal(count_programs(), 0);
	assert_in_range(count_maps(), 0, maps_before + NOISE);
}

static int entries_of(const char *path)
{
	DIR *stream = opendir(path);
	struct dirent *entry;
	int number = 0;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		number += entry->d_name[0] != '.';
	}
	if (stream != NULL) {
		closedir(stream);
	}
	return number;
}

/* Every other one is killed before it is open, sooner or later; an open takes some 100 ms. */
static int delay_of(int number)
{
	return number % 2 == 0 ? -1 : number * 37 % 200;
}

static void a_hundred_killed_daemons_leave_nothing_in_the_kernel(void **state)
{
	int maps_before = count_maps();
	uint64_t last = 0;

	(void)state;
	config.pin[0] = '\0';
	for (int i = 0; i < RESTARTS; i++) {
		uint64_t id = restart(delay_of(i));

		if (i % 2 == 0) {
			assert_int_not_equal(id, 0);
			assert_int_not_equal(id, last);
			last = id;
		}
	}
	nothing_is_left(maps_before);
}

static void a_hundred_killed_daemons_with_a_pin_leave_one_map_and_take_it_up_again(void **state)
{
	int maps_before = count_maps();
	int entries_before = entries_of(pin_dir); /* some kernels fill a new bpffs */
	uint64_t first;

	(void)state;
	snprintf(config.pin, sizeof(config.pin), "%s", pin_dir);
	first = restart(-1);
	assert_int_not_equal(first, 0);
	for (int i = 1; i < RESTARTS; i++) {
		uint64_t id = restart(delay_of(i));

		if (i % 2 == 0) {
			assert_int_equal(id, first);
		}
		assert_int_equal(entries_of(pin_dir), entries_before + 1);
	}
	nothing_is_left(maps_before + 1);
}

/* A directory of the user's own on a bpffs of our own. */
static bool make_pin_dir(void)
{
	snprintf(pin_dir, sizeof(pin_dir), "/tmp/clockbound-pins.XXXXXX");
	return mkdtemp(pin_dir) != NULL && mount("bpf", pin_dir, "bpf", 0, NULL) == 0 &&
	       chown(pin_dir, USER, USER) == 0;
}

static int setup(void **state)
{
	static char program[] = "clockbound";
	static char probe_option[] = "--probe";
	static char rung[] = "tracepoint";
	char *argv[] = {program, probe_option, rung, NULL};

	if (scratch_make(state) != 0 || chown(scratch_path, USER, USER) != 0) {
		return -1;
	}
	cbd_runtime_dir_close(&scratch_dir);
	unlink(scratch_file("clockbound.lock"));
	cbd_config_parse(&config, 3, argv);
	snprintf(config.runtime_dir, sizeof(config.runtime_dir), "%s", scratch_path);
	snprintf(config.chrony_socket, sizeof(config.chrony_socket), "%s/nobody", scratch_path);
	return make_pin_dir() ? 0 : -1;
}

static int teardown(void **state)
{
	umount2(pin_dir, MNT_DETACH);
	rmdir(pin_dir);
	return scratch_remove(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_killed_daemons_leave_nothing_in_the_kernel),
		cmocka_unit_test(a_hundred_killed_daemons_with_a_pin_leave_one_map_and_take_it_up_again),
	};
	const char *why = bed_make(true);

	cbd_log_init(open("/dev/null", O_WRONLY | O_CLOEXEC), false, false);
	if (why == NULL && setup(NULL) == 0) {
		why = restart(-1) != 0 ? NULL : rung_told;
		teardown(NULL);
	}
	if (why != NULL) {
		printf("SKIP: %s\n", why);
		return BED_SKIPPED;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
