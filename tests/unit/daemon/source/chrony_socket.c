/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the client's own socket stands, what is cleared away for it and what is left alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static void the_own_socket_stands_beside_chronyds_and_anyone_may_answer(void **state)
{
	struct fixture *fixture = *state;
	char expected[128];
	struct stat status;
	mode_t before = umask(077);

	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(umask(before), 077);
	snprintf(expected, sizeof(expected), "%s/clockbound.%ld.sock", fixture->fake.directory,
		 (long)getpid());
	assert_string_equal(fixture->client.socket.own_path, expected);
	assert_int_equal(stat(expected, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 0777, 0666);
	cbd_chrony_close(&fixture->client);
	assert_int_equal(stat(expected, &status), -1);
}

/* Whatever stands in the way and is no socket is left alone, and the runtime directory serves. */
static void a_directory_that_cannot_be_written_is_replaced_by_the_runtime_directory(void **state)
{
	struct fixture *fixture = *state;
	char blocked[128];

	snprintf(blocked, sizeof(blocked), "%s/clockbound.%ld.sock", fixture->fake.directory, (long)getpid());
	assert_int_equal(mkdir(blocked, 0700), 0);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_non_null(strstr(fixture->client.socket.own_path, fixture->runtime_dir));
	assert_int_equal(rmdir(blocked), 0);
}

static void what_an_earlier_process_left_at_the_own_path_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/clockbound.%ld.sock",
		 fixture->fake.directory, (long)getpid());
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
}

/* A pid that no process has: a child's, after it ended. */
static long dead_pid(void)
{
	pid_t child = fork();

	if (child == 0) {
		_exit(0);
	}
	waitpid(child, NULL, 0);
	return child;
}

/* Binds @name beside chronyd's socket and returns the descriptor; its path goes to @address. */
static int bound_beside(const struct fixture *fixture, struct sockaddr_un *address, const char *name)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", fixture->fake.directory, name);
	assert_int_equal(bind(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

static void what_killed_daemons_left_beside_chronyds_socket_is_removed_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un left;
	struct sockaddr_un open_elsewhere;
	struct sockaddr_un of_another;
	char file[128];
	char name[64];
	struct stat status;
	int fd;

	snprintf(name, sizeof(name), "clockbound.%ld.sock", dead_pid());
	close(bound_beside(fixture, &left, name));
	snprintf(name, sizeof(name), "clockbound.%ld.sock", dead_pid());
	fd = bound_beside(fixture, &open_elsewhere, name);
	snprintf(name, sizeof(name), "chronyc.%ld.sock", dead_pid());
	close(bound_beside(fixture, &of_another, name));
	snprintf(file, sizeof(file), "%s/clockbound.%ld.sock", fixture->fake.directory, dead_pid());
	assert_int_equal(mkdir(file, 0700), 0);
	assert_int_equal(fixture_poll(fixture), CBD_CHRONY_DONE);
	assert_int_equal(lstat(left.sun_path, &status), -1);
	assert_int_equal(lstat(open_elsewhere.sun_path, &status), 0);
	assert_int_equal(lstat(of_another.sun_path, &status), 0);
	assert_int_equal(rmdir(file), 0);
	close(fd);
}

static void a_path_that_no_socket_can_have_is_refused_at_once(void **state)
{
	struct cbd_chrony client;
	struct cbd_clock clock = {0};
	char path[200];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_true(cbd_chrony_init(&client, path, NULL, &clock) < 0);
	assert_non_null(strstr(client.text, "longer than 107 bytes"));
	assert_true(cbd_chrony_init(&client, "run/chronyd.sock", NULL, &clock) < 0);
	assert_non_null(strstr(client.text, "not an absolute path"));
	cbd_chrony_close(&client);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FIXTURE(the_own_socket_stands_beside_chronyds_and_anyone_may_answer),
		WITH_FIXTURE(a_directory_that_cannot_be_written_is_replaced_by_the_runtime_directory),
		WITH_FIXTURE(what_an_earlier_process_left_at_the_own_path_is_replaced),
		WITH_FIXTURE(what_killed_daemons_left_beside_chronyds_socket_is_removed_and_nothing_else),
		cmocka_unit_test(a_path_that_no_socket_can_have_is_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
