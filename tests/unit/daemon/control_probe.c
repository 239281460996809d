/* SPDX-License-Identifier: Apache-2.0 */
/* What the control socket tells of the probe: the kernel page's descriptor, and the last events. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/control/server.h"
#include "tests/unit/daemon/publish/scratch.h"

static struct cbd_control control;
static struct cbd_probe_info probe_info;
static struct cbd_history history;
static int map_fd;

static void fill(void *context, struct clockbound_control_status *status)
{
	(void)context;
	status->pid = 4711;
}

static void say_info(void *context, struct cbd_probe_info *info)
{
	(void)context;
	*info = probe_info;
}

static int say_map_fd(void *context)
{
	(void)context;
	return map_fd;
}

static const struct cbd_history *say_events(void *context)
{
	(void)context;
	return &history;
}

static const struct cbd_control_probe probe = {
	.info = say_info, .map_fd = say_map_fd, .events = say_events, .context = NULL};

static int start(void **state)
{
	map_fd = -1;
	memset(&probe_info, 0, sizeof(probe_info));
	memset(&history, 0, sizeof(history));
	if (scratch_make(state) != 0 || cbd_control_open(&control, &scratch_dir, fill, NULL) != 0) {
		return -1;
	}
	cbd_control_set_probe(&control, &probe);
	control.unprivileged_path = "/nowhere/at/all";
	return 0;
}

static int stop(void **state)
{
	if (map_fd >= 0) {
		close(map_fd);
	}
	cbd_control_close(&control);
	unlink(scratch_file("unprivileged"));
	return scratch_remove(state);
}

/* A file that says "map" in the place of the map, and a kernel on which @disabled stands. */
static void give_map(const char *disabled)
{
	static char path[200];

	map_fd = open(scratch_file("map"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(map_fd, "map", 3), 3);
	probe_info.rung = CBD_PROBE_FENTRY;
	probe_info.page_id = 77;
	scratch_write("unprivileged", disabled, strlen(disabled));
	snprintf(path, sizeof(path), "%s", scratch_file("unprivileged"));
	control.unprivileged_path = path;
}

/* Sends one request; fills @answer, and the descriptor that came, or -1. */
static void ask(uint32_t what, uint64_t after, void *answer, size_t size, int *passed_fd)
{
	struct clockbound_control_request request = {.magic = CLOCKBOUND_CONTROL_MAGIC,
						     .version = CLOCKBOUND_CONTROL_VERSION,
						     .request = what,
						     .after = after};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct iovec part = {.iov_base = answer, .iov_len = size};
	char rights[CMSG_SPACE(4 * sizeof(int))];
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = rights, .msg_controllen = sizeof(rights)};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct cmsghdr *head;
	int i;

	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/%s", scratch_path, CBD_CONTROL_NAME);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	for (i = 0; i < 3; i++) {
		cbd_control_on_ready(&control, 1000);
	}
	assert_int_equal(recvmsg(fd, &message, MSG_CMSG_CLOEXEC), size);
	assert_int_equal(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC), 0);
	*passed_fd = -1;
	head = CMSG_FIRSTHDR(&message);
	if (head != NULL) {
		assert_int_equal(head->cmsg_type, SCM_RIGHTS);
		assert_int_equal(head->cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(passed_fd, CMSG_DATA(head), sizeof(*passed_fd));
	}
	assert_int_equal(((struct clockbound_control_reply *)answer)->result, CLOCKBOUND_CONTROL_OK);
	assert_int_equal(((struct clockbound_control_reply *)answer)->size, size);
	close(fd);
}

/* No descriptor comes, and the answer says @why. */
static void is_refused(const char *why)
{
	struct clockbound_control_kernel_page answer;
	int fd;

	ask(CLOCKBOUND_CONTROL_KERNEL_PAGE, 0, &answer, sizeof(answer), &fd);
	assert_int_equal(fd, -1);
	assert_int_equal(answer.has_page, 0);
	assert_int_equal(answer.id, 0);
	assert_non_null(strstr(answer.reason, why));
}

static void the_map_comes_with_its_id(void **state)
{
	struct clockbound_control_kernel_page answer;
	char text[3];
	int fd;

	(void)state;
	give_map("2\n");
	ask(CLOCKBOUND_CONTROL_KERNEL_PAGE, 0, &answer, sizeof(answer), &fd);
	assert_int_equal(answer.has_page, 1);
	assert_int_equal(answer.id, 77);
	assert_string_equal(answer.reason, "");
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, text, sizeof(text), 0), 3);
	assert_memory_equal(text, "map", 3);
	close(fd);
}

static void the_map_is_kept_where_any_user_could_write_it(void **state)
{
	(void)state;
	give_map("0\n");
	is_refused("unprivileged_bpf_disabled is 0");
	scratch_write("unprivileged", "1\n", 2); /* the owner thought better of it */
	{
		struct clockbound_control_kernel_page answer;
		int fd;

		ask(CLOCKBOUND_CONTROL_KERNEL_PAGE, 0, &answer, sizeof(answer), &fd);
		assert_true(fd >= 0);
		close(fd);
	}
}

static void the_map_is_kept_where_the_kernel_does_not_tell_who_could_write_it(void **state)
{
	(void)state;
	give_map("");
	is_refused("cannot read");
	control.unprivileged_path = "/nowhere/at/all";
	is_refused("cannot read /nowhere/at/all");
}

static void without_a_map_the_reason_is_the_probes(void **state)
{
	(void)state;
	snprintf(probe_info.reason, sizeof(probe_info.reason), "no BTF");
	is_refused("no BTF");
	probe_info.reason[0] = '\0';
	is_refused("has no kernel page");
	cbd_control_set_probe(&control, NULL);
	is_refused("has no kernel page");
}

static void two_hundred_clients_get_the_map_and_none_stays_open_here(void **state)
{
	struct clockbound_control_kernel_page answer;
	int first;
	int last;
	int fd;
	int i;

	(void)state;
	give_map("2\n");
	first = dup(map_fd);
	close(first);
	for (i = 0; i < 200; i++) {
		ask(CLOCKBOUND_CONTROL_KERNEL_PAGE, 0, &answer, sizeof(answer), &fd);
		assert_true(fd >= 0);
		close(fd);
		cbd_control_on_ready(&control, 1000);
	}
	last = dup(map_fd);
	assert_int_equal(last, first);
	close(last);
}

static void add(uint64_t count)
{
	struct clockbound_event event = {.version = CLOCKBOUND_EVENT_VERSION, .size = sizeof(event)};

	while (count-- > 0) {
		event.step_ns++;
		cbd_history_add(&history, &event);
	}
}

static void events_come_oldest_first_and_in_pages(void **state)
{
	struct clockbound_control_events answer;
	uint64_t seen = 0;
	uint32_t i;
	int fd;

	(void)state;
	ask(CLOCKBOUND_CONTROL_EVENTS, 0, &answer, sizeof(answer), &fd);
	assert_int_equal(answer.count, 0);
	assert_int_equal(answer.last, 0);
	add(70);
	do {
		ask(CLOCKBOUND_CONTROL_EVENTS, seen, &answer, sizeof(answer), &fd);
		assert_int_equal(answer.last, 70);
		for (i = 0; i < answer.count; i++) {
			assert_int_equal(answer.event[i].number, ++seen);
		}
	} while (answer.count == CLOCKBOUND_CONTROL_EVENTS_MAX);
	assert_int_equal(answer.count, 70 % CLOCKBOUND_CONTROL_EVENTS_MAX);
	assert_int_equal(seen, 70);
	ask(CLOCKBOUND_CONTROL_EVENTS, UINT64_MAX, &answer, sizeof(answer), &fd);
	assert_int_equal(answer.count, 0);
	assert_int_equal(fd, -1);
}

/* Goal: who follows the events notices that another daemon counts, however many it has by then. */
static void another_daemon_is_told_by_its_events(void **state)
{
	struct clockbound_control_events first;
	struct clockbound_control_events second;
	struct clockbound_control_events again;
	int fd;

	ask(CLOCKBOUND_CONTROL_EVENTS, 0, &first, sizeof(first), &fd);
	ask(CLOCKBOUND_CONTROL_EVENTS, 0, &again, sizeof(again), &fd);
	assert_int_not_equal(first.start, 0);
	assert_int_equal(again.start, first.start);
	assert_int_equal(stop(state), 0);
	assert_int_equal(start(state), 0);
	ask(CLOCKBOUND_CONTROL_EVENTS, 0, &second, sizeof(second), &fd);
	assert_int_not_equal(second.start, first.start);
}

static void only_the_last_events_are_kept_and_the_gap_shows(void **state)
{
	struct clockbound_control_events answer;
	int fd;

	(void)state;
	add(CBD_HISTORY_EVENTS);
	ask(CLOCKBOUND_CONTROL_EVENTS, 0, &answer, sizeof(answer), &fd);
	assert_int_equal(answer.event[0].number, 1);
	add(1);
	ask(CLOCKBOUND_CONTROL_EVENTS, 0, &answer, sizeof(answer), &fd);
	assert_int_equal(answer.event[0].number, 2);
	add(1000);
	ask(CLOCKBOUND_CONTROL_EVENTS, 300, &answer, sizeof(answer), &fd);
	assert_int_equal(answer.event[0].number, 1257 - CBD_HISTORY_EVENTS + 1);
	ask(CLOCKBOUND_CONTROL_EVENTS, 1257 - CBD_HISTORY_EVENTS, &answer, sizeof(answer), &fd);
	assert_int_equal(answer.event[0].number, 1257 - CBD_HISTORY_EVENTS + 1);
	ask(CLOCKBOUND_CONTROL_EVENTS, 1256, &answer, sizeof(answer), &fd);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.event[0].number, 1257);
	ask(CLOCKBOUND_CONTROL_EVENTS, 1257, &answer, sizeof(answer), &fd);
	assert_int_equal(answer.count, 0);
}

static void status_tells_the_rung_and_the_counts(void **state)
{
	struct clockbound_control_status answer;
	int fd;

	(void)state;
	give_map("2");
	probe_info.rung = CBD_PROBE_TRACEPOINT;
	probe_info.heartbeat = 11;
	probe_info.events = 12;
	probe_info.dropped = 13;
	probe_info.refused = 14;
	snprintf(probe_info.reason, sizeof(probe_info.reason), "fentry: refused");
	add(5);
	ask(CLOCKBOUND_CONTROL_STATUS, 0, &answer, sizeof(answer), &fd);
	assert_int_equal(fd, -1);
	assert_int_equal(answer.pid, 4711);
	assert_int_equal(answer.probe_rung, CLOCKBOUND_RUNG_TRACEPOINT);
	assert_int_equal(answer.kernel_page_id, 77);
	assert_int_equal(answer.probe_heartbeat, 11);
	assert_int_equal(answer.probe_events, 12);
	assert_int_equal(answer.probe_dropped, 13);
	assert_int_equal(answer.probe_refused, 14);
	assert_int_equal(answer.last_event, 5);
	assert_string_equal(answer.probe_reason, "fentry: refused");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_map_comes_with_its_id),
		TEST(the_map_is_kept_where_any_user_could_write_it),
		TEST(the_map_is_kept_where_the_kernel_does_not_tell_who_could_write_it),
		TEST(without_a_map_the_reason_is_the_probes),
		TEST(two_hundred_clients_get_the_map_and_none_stays_open_here),
		TEST(events_come_oldest_first_and_in_pages),
		TEST(only_the_last_events_are_kept_and_the_gap_shows),
		TEST(another_daemon_is_told_by_its_events),
		TEST(status_tells_the_rung_and_the_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
