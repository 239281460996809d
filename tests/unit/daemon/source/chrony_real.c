/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client against a real chronyd in local mode on a socket of its own: -x, no network, no configuration of
 * the machine's. The program is named by CLOCKBOUND_CHRONYD; without it the test is skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/source/chrony.h"

struct chronyd {
	char directory[32];
	char socket[64];
	char configuration[64];
	pid_t pid;
	struct cbd_clock_system clocks;
};

static void write_configuration(const struct chronyd *chronyd)
{
	FILE *file = fopen(chronyd->configuration, "w");

	assert_non_null(file);
	fprintf(file, "local stratum 1\nport 0\ncmdport 0\nbindcmdaddress %s\npidfile %s/run/chronyd.pid\n%s",
		chronyd->socket, chronyd->directory, getuid() == 0 ? "user root\n" : "");
	assert_int_equal(fclose(file), 0);
}

static void start(struct chronyd *chronyd)
{
	struct timespec pause = {.tv_nsec = 10000000};
	struct stat status;
	int null;

	chronyd->pid = fork();
	assert_true(chronyd->pid >= 0);
	if (chronyd->pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execl(getenv("CLOCKBOUND_CHRONYD"), "chronyd", "-x", "-U", "-d", "-f", chronyd->configuration,
		      (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 500 && stat(chronyd->socket, &status) != 0; i++) {
		nanosleep(&pause, NULL);
	}
	assert_int_equal(stat(chronyd->socket, &status), 0);
}

static void stop(struct chronyd *chronyd)
{
	kill(chronyd->pid, SIGTERM);
	waitpid(chronyd->pid, NULL, 0);
}

static int chronyd_open(void **state)
{
	struct chronyd *chronyd = calloc(1, sizeof(*chronyd));
	char run[64];

	strcpy(chronyd->directory, "/tmp/chronyd.XXXXXX");
	assert_non_null(mkdtemp(chronyd->directory));
	snprintf(run, sizeof(run), "%s/run", chronyd->directory);
	assert_int_equal(mkdir(run, 0750), 0);
	snprintf(chronyd->socket, sizeof(chronyd->socket), "%s/run/chronyd.sock", chronyd->directory);
	snprintf(chronyd->configuration, sizeof(chronyd->configuration), "%s/chrony.conf",
		 chronyd->directory);
	write_configuration(chronyd);
	cbd_clock_system_init(&chronyd->clocks, NULL);
	start(chronyd);
	*state = chronyd;
	return 0;
}

static int chronyd_close(void **state)
{
	struct chronyd *chronyd = *state;
	char path[64];

	stop(chronyd);
	unlink(chronyd->configuration);
	snprintf(path, sizeof(path), "%s/run", chronyd->directory);
	rmdir(path);
	rmdir(chronyd->directory);
	free(chronyd);
	return 0;
}

/* As the daemon's loop drives it, with poll() in epoll's place. */
static enum cbd_chrony_result poll_once(struct chronyd *chronyd, struct cbd_chrony *client)
{
	struct pollfd fd = {.fd = cbd_chrony_fd(client), .events = POLLIN};
	enum cbd_chrony_result result = cbd_chrony_begin(client, cbd_clock_mono_ns(&chronyd->clocks.clock));

	while (result == CBD_CHRONY_PENDING) {
		poll(&fd, 1, 1000);
		result = cbd_chrony_on_readable(client, cbd_clock_mono_ns(&chronyd->clocks.clock));
	}
	return result;
}

static void a_real_chronyd_answers_polls_and_resets_and_may_be_restarted(void **state)
{
	struct chronyd *chronyd = *state;
	struct cbd_chrony client;

	assert_int_equal(cbd_chrony_init(&client, chronyd->socket, NULL, &chronyd->clocks.clock), 0);
	if (poll_once(chronyd, &client) != CBD_CHRONY_DONE) {
		fail_msg("%s", client.text);
	}
	assert_int_equal(client.poll.tracking.reference_id, CBD_CHRONY_LOCAL_ID);
	assert_int_equal(client.poll.tracking.stratum, 1);
	assert_true(client.poll.has_source_data);
	assert_int_equal(client.poll.sources, 0);
	assert_true(client.poll.is_since_whole); /* 4.0 or later */
	cbd_chrony_request_reset(&client);
	assert_int_equal(poll_once(chronyd, &client), CBD_CHRONY_DONE);
	/* Without sources there is nothing to measure: the one refusal that must come. */
	assert_non_null(strstr(client.reset_text, "Burst: chronyd answered command 3 with status 4"));
	stop(chronyd);
	assert_int_equal(poll_once(chronyd, &client), CBD_CHRONY_FAILED);
	start(chronyd);
	assert_int_equal(poll_once(chronyd, &client), CBD_CHRONY_DONE);
	assert_true(client.poll.is_since_whole);
	assert_int_equal(client.stats.ignored, 0);
	cbd_chrony_close(&client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_real_chronyd_answers_polls_and_resets_and_may_be_restarted,
						chronyd_open, chronyd_close),
	};

	if (getenv("CLOCKBOUND_CHRONYD") == NULL) {
		printf("skipped: CLOCKBOUND_CHRONYD does not name a chronyd\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
