/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime directory's lock, and files that are grown, never shrunk, never followed elsewhere. */
#define _GNU_SOURCE /* unshare(), F_OFD_SETLK */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "daemon/log.h"
#include "tests/unit/daemon/publish/scratch.h"

#define SIZE 4096

/* What the daemon logs while @run() runs, in a static buffer. */
static char logged[4096];

static void catch_log(int *saved)
{
	FILE *file = tmpfile();

	*saved = dup(fileno(file));
	fclose(file);
	cbd_log_init(*saved, false, false);
}

static void read_log(int fd)
{
	ssize_t length = pread(fd, logged, sizeof(logged) - 1, 0);

	logged[length > 0 ? length : 0] = '\0';
	close(fd);
	cbd_log_init(2, false, false);
}

/* Result of opening @name, and the message. */
static int open_logged(struct cbd_mapping *mapping, const char *name)
{
	int fd;
	int result;

	catch_log(&fd);
	result = cbd_mapping_open(mapping, &scratch_dir, name, SIZE);
	read_log(fd);
	return result;
}

static void a_new_file_is_made_for_every_reader_and_has_its_blocks(void **state)
{
	struct cbd_mapping mapping;
	struct stat found;
	mode_t mask = umask(077);

	(void)state;
	assert_int_equal(open_logged(&mapping, "page"), 0);
	umask(mask);
	assert_int_equal(mapping.size_found, 0);
	assert_int_equal(stat(scratch_file("page"), &found), 0);
	assert_int_equal(found.st_mode & 07777, 0644);
	assert_int_equal(found.st_size, SIZE);
	assert_true(found.st_blocks * 512 >= SIZE);
	cbd_mapping_close(&mapping);
}

static void a_short_file_grows_in_place_and_keeps_what_it_had(void **state)
{
	struct cbd_mapping mapping;
	ino_t inode;

	(void)state;
	scratch_write("page", "abc", 3);
	inode = scratch_inode("page");
	assert_int_equal(open_logged(&mapping, "page"), 0);
	assert_int_equal(mapping.size_found, 3);
	assert_memory_equal(mapping.address, "abc\0\0", 5);
	assert_int_equal(scratch_inode("page"), inode);
	cbd_mapping_close(&mapping);
}

static void a_longer_file_is_not_cut(void **state)
{
	static char big[3 * SIZE];
	struct cbd_mapping mapping;
	struct stat found;

	(void)state;
	scratch_write("page", big, sizeof(big));
	assert_int_equal(open_logged(&mapping, "page"), 0);
	assert_int_equal(stat(scratch_file("page"), &found), 0);
	assert_int_equal(found.st_size, sizeof(big));
	cbd_mapping_close(&mapping);
}

static void a_sparse_file_gets_its_blocks(void **state)
{
	struct cbd_mapping mapping;
	struct stat found;

	(void)state;
	scratch_write("page", "", 0);
	assert_int_equal(truncate(scratch_file("page"), SIZE), 0);
	assert_int_equal(open_logged(&mapping, "page"), 0);
	assert_int_equal(stat(scratch_file("page"), &found), 0);
	assert_true(found.st_blocks * 512 >= SIZE);
	cbd_mapping_close(&mapping);
}

static void a_symbolic_link_is_not_followed(void **state)
{
	struct cbd_mapping mapping;

	(void)state;
	scratch_write("elsewhere", "x", 1);
	assert_int_equal(symlink("elsewhere", scratch_file("page")), 0);
	assert_int_equal(open_logged(&mapping, "page"), -ELOOP);
	assert_non_null(strstr(logged, "symbolic link"));
	assert_non_null(strstr(logged, scratch_path));
}

static void what_is_not_a_regular_file_is_refused(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct cbd_mapping mapping;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	assert_int_equal(mkdir(scratch_file("directory"), 0755), 0);
	assert_int_equal(open_logged(&mapping, "directory"), -EINVAL);
	assert_non_null(strstr(logged, "not a regular file"));
	assert_int_equal(mkfifo(scratch_file("fifo"), 0644), 0);
	assert_int_equal(open_logged(&mapping, "fifo"), -EINVAL);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s", scratch_file("socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(open_logged(&mapping, "socket"), -EINVAL);
	close(fd);
}

static void a_second_daemon_is_told_the_pid_of_the_first(void **state)
{
	struct cbd_runtime_dir second;
	char pid[32];
	int fd;

	(void)state;
	catch_log(&fd);
	assert_int_equal(cbd_runtime_dir_open(&second, scratch_path), -EBUSY);
	read_log(fd);
	snprintf(pid, sizeof(pid), "pid %ld", (long)getpid());
	assert_non_null(strstr(logged, pid));
	assert_non_null(strstr(logged, scratch_path));
}

/* Who may open a file may lock it, and would keep every daemon from starting. */
static void the_lock_file_is_nobody_elses_to_lock(void **state)
{
	struct stat found;

	(void)state;
	assert_int_equal(stat(scratch_file("clockbound.lock"), &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
	cbd_runtime_dir_close(&scratch_dir);
	assert_int_equal(chmod(scratch_file("clockbound.lock"), 0644), 0);
	assert_int_equal(cbd_runtime_dir_open(&scratch_dir, scratch_path), 0);
	assert_int_equal(stat(scratch_file("clockbound.lock"), &found), 0);
	assert_int_equal(found.st_mode & 0777, 0600);
}

static void a_file_that_another_daemon_writes_is_refused_without_any_lock_file(void **state)
{
	struct cbd_runtime_dir second;
	struct cbd_mapping first;
	struct cbd_mapping mapping;

	(void)state;
	assert_int_equal(open_logged(&first, "page"), 0);
	assert_int_equal(unlink(scratch_file("clockbound.lock")), 0);
	assert_int_equal(cbd_runtime_dir_open(&second, scratch_path), 0);
	assert_int_equal(open_logged(&mapping, "page"), -EBUSY);
	assert_non_null(strstr(logged, "another clockbound writes it"));
	cbd_mapping_close(&first);
	assert_int_equal(open_logged(&mapping, "page"), 0);
	cbd_mapping_close(&mapping);
	cbd_runtime_dir_close(&second);
}

/* Readers may open the page, so they may lock it as far as reading goes. */
static void a_reader_who_locks_the_file_keeps_no_daemon_from_it(void **state)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
	struct cbd_mapping mapping;
	int reader;

	(void)state;
	scratch_write("page", "abc", 3);
	reader = open(scratch_file("page"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(fcntl(reader, F_OFD_SETLK, &lock), 0);
	assert_int_equal(flock(reader, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(open_logged(&mapping, "page"), 0);
	cbd_mapping_close(&mapping);
	close(reader);
}

/* Result of the check, and the message. */
static int check_logged(const struct cbd_mapping *mapping)
{
	int fd;
	int result;

	catch_log(&fd);
	result = cbd_mapping_check(mapping, &scratch_dir);
	read_log(fd);
	return result;
}

static void a_file_that_is_removed_replaced_or_cut_is_noticed_and_named(void **state)
{
	struct cbd_mapping mapping;
	char moved[128];

	(void)state;
	snprintf(moved, sizeof(moved), "%s", scratch_file("moved"));
	assert_int_equal(open_logged(&mapping, "page"), 0);
	assert_int_equal(check_logged(&mapping), 0);
	assert_string_equal(logged, "");
	assert_int_equal(rename(scratch_file("page"), moved), 0);
	assert_int_equal(check_logged(&mapping), -ENOENT);
	assert_non_null(strstr(logged, "/page was removed"));
	scratch_write("page", "x", 1);
	assert_int_equal(check_logged(&mapping), -ESTALE);
	assert_non_null(strstr(logged, "/page was replaced by another"));
	assert_true(cbd_mapping_is_whole(&mapping));
	assert_int_equal(rename(moved, scratch_file("page")), 0);
	assert_int_equal(check_logged(&mapping), 0);
	assert_int_equal(truncate(scratch_file("page"), SIZE - 1), 0);
	assert_int_equal(check_logged(&mapping), -ENODATA);
	assert_non_null(strstr(logged, "/page was cut to 4095 bytes"));
	assert_false(cbd_mapping_is_whole(&mapping));
	cbd_mapping_close(&mapping);
}

static void a_lock_file_or_a_directory_that_is_taken_away_is_noticed(void **state)
{
	struct cbd_runtime_dir made;
	char path[128];

	(void)state;
	assert_int_equal(cbd_runtime_dir_check_lock(&scratch_dir), 0);
	assert_int_equal(unlink(scratch_file("clockbound.lock")), 0);
	assert_int_equal(cbd_runtime_dir_check_lock(&scratch_dir), -ENOENT);
	scratch_write("clockbound.lock", "", 0);
	assert_int_equal(cbd_runtime_dir_check_lock(&scratch_dir), -ESTALE);
	snprintf(path, sizeof(path), "%s", scratch_file("made"));
	assert_int_equal(cbd_runtime_dir_open(&made, path), 0);
	assert_int_equal(cbd_runtime_dir_check(&made), 0);
	assert_int_equal(unlinkat(made.fd, "clockbound.lock", 0), 0);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(cbd_runtime_dir_check(&made), -ENOENT);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(cbd_runtime_dir_check(&made), -ESTALE);
	cbd_runtime_dir_close(&made);
}

static void the_lock_ends_with_its_owner(void **state)
{
	(void)state;
	cbd_runtime_dir_close(&scratch_dir);
	assert_int_equal(cbd_runtime_dir_open(&scratch_dir, scratch_path), 0);
}

static void a_missing_directory_is_made_for_everybody_to_enter(void **state)
{
	struct cbd_runtime_dir made;
	struct stat found;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch_file("made"));
	assert_int_equal(cbd_runtime_dir_open(&made, path), 0);
	assert_int_equal(fstat(made.fd, &found), 0);
	assert_int_equal(found.st_mode & 0777, 0755);
	assert_int_equal(unlinkat(made.fd, "clockbound.lock", 0), 0);
	cbd_runtime_dir_close(&made);
}

static void a_directory_that_cannot_be_made_or_is_none_is_named(void **state)
{
	struct cbd_runtime_dir made;
	char path[128];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s", scratch_file("no/such/place"));
	catch_log(&fd);
	assert_int_equal(cbd_runtime_dir_open(&made, path), -ENOENT);
	read_log(fd);
	assert_non_null(strstr(logged, path));
	scratch_write("file", "x", 1);
	catch_log(&fd);
	assert_int_equal(cbd_runtime_dir_open(&made, scratch_file("file")), -ENOTDIR);
	read_log(fd);
	assert_non_null(strstr(logged, "Not a directory"));
}

/* As another user, since root may write everywhere. A lock that a daemon of root's has left is root's. */
static void an_unwritable_directory_is_named_with_what_to_do(void **state)
{
	int status;
	pid_t child;

	(void)state;
	assert_int_equal(chmod(scratch_path, 0555), 0);
	child = fork();
	if (child == 0) {
		struct cbd_runtime_dir dir;
		int fd;

		catch_log(&fd);
		if (geteuid() == 0 && setuid(65534) != 0) {
			_exit(2);
		}
		if (cbd_runtime_dir_open(&dir, scratch_path) != -EACCES) {
			_exit(3);
		}
		read_log(fd);
		_exit(strstr(logged, "--runtime-dir") != NULL && strstr(logged, "clockbound.lock") != NULL &&
				      strstr(logged, "it belongs to uid") != NULL &&
				      strstr(logged, "the files in it") != NULL
			      ? 0
			      : 4);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(chmod(scratch_path, 0755), 0);
	assert_int_equal(status, 0);
}

/* In the child's own mount namespace: a tmpfs with no room left. 77: not allowed to mount. */
static int open_on_full_tmpfs(void)
{
	static char block[SIZE];
	struct cbd_mapping mapping;
	struct cbd_runtime_dir dir;
	FILE *file;
	int fd;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", scratch_path, "tmpfs", 0, "size=8k") != 0) {
		return 77;
	}
	if (cbd_runtime_dir_open(&dir, scratch_path) != 0) {
		return 2;
	}
	file = fopen(scratch_file("filler"), "we");
	while (file != NULL && fwrite(block, 1, sizeof(block), file) == sizeof(block) && fflush(file) == 0) {
	}
	catch_log(&fd);
	if (cbd_mapping_open(&mapping, &dir, "page", SIZE) != -ENOSPC) {
		return 3;
	}
	read_log(fd);
	if (access(scratch_file("page"), F_OK) == 0) {
		return 5; /* an empty file, for which there never was a block */
	}
	return strstr(logged, "make room") != NULL ? 0 : 4;
}

static void a_full_file_system_shows_at_start_and_not_as_a_signal(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		_exit(open_on_full_tmpfs());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		print_message("SKIP: mounting a tmpfs needs root\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_file_is_made_for_every_reader_and_has_its_blocks),
		TEST(a_short_file_grows_in_place_and_keeps_what_it_had),
		TEST(a_longer_file_is_not_cut),
		TEST(a_sparse_file_gets_its_blocks),
		TEST(a_symbolic_link_is_not_followed),
		TEST(what_is_not_a_regular_file_is_refused),
		TEST(a_second_daemon_is_told_the_pid_of_the_first),
		TEST(the_lock_file_is_nobody_elses_to_lock),
		TEST(a_file_that_another_daemon_writes_is_refused_without_any_lock_file),
		TEST(a_reader_who_locks_the_file_keeps_no_daemon_from_it),
		TEST(a_file_that_is_removed_replaced_or_cut_is_noticed_and_named),
		TEST(a_lock_file_or_a_directory_that_is_taken_away_is_noticed),
		TEST(the_lock_ends_with_its_owner),
		TEST(a_missing_directory_is_made_for_everybody_to_enter),
		TEST(a_directory_that_cannot_be_made_or_is_none_is_named),
		TEST(an_unwritable_directory_is_named_with_what_to_do),
		TEST(a_full_file_system_shows_at_start_and_not_as_a_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
