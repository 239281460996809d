/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding the VMClock and refusing what is none: files that are made and cut, and this machine's own devices under
 * another name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>

#include <clockbound/page.h>

#include "tests/unit/daemon/publish/scratch.h"
#include "tests/unit/daemon/source/vmclock_page.h"

static const char *write_file(const char *name, const void *bytes, size_t size, off_t length)
{
	const char *path = scratch_file(name);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(ftruncate(fd, length), 0);
	close(fd);
	return path;
}

static bool opens(struct cbd_vmclock *vmclock, const void *bytes, size_t size, off_t length)
{
	return cbd_vmclock_open(vmclock, write_file("vmclock", bytes, size, length), NULL, &clocks);
}

static void a_file_is_opened_whatever_its_length_if_it_is_as_long_as_it_says(void **state)
{
	static const uint32_t sizes[] = {0x18, 64, 104, 112, 4096};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		struct clockbound_vmclock page = good_page();
		struct cbd_vmclock vmclock;
		struct cbd_vm vm;

		page.size = htole32(sizes[k]);
		assert_true(
			opens(&vmclock, &page, sizeof(page) < sizes[k] ? sizeof(page) : sizes[k], sizes[k]));
		cbd_vmclock_read(&vmclock, &vm);
		assert_int_equal(vm.marker, 7);
		assert_false(vm.is_torn);
		assert_true(vmclock.fd >= 0);
		assert_int_equal(cbd_vmclock_wake_fd(&vmclock), -1);
		assert_true(cbd_vmclock_is_public(&vmclock));
		cbd_vmclock_close(&vmclock);
	}
}

static void what_cannot_be_a_vmclock_is_refused_by_name(void **state)
{
	static const struct {
		size_t at;
		unsigned char byte;
		off_t length;
		const char *says;
	} cases[] = {
		{0, 'W', 4096, "not a VMClock"}, {8, 0, 4096, "version 0"},   {8, 2, 4096, "version 2"},
		{4, 1, 4096, "4097 bytes"},	 {5, 0, 4096, "has 0 bytes"}, {9, 1, 4096, "version 257"},
		{4, 0, 104, "4096 bytes"},	 {4, 0, 23, "too few"},	      {4, 0, 0, "too few"},
	};
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		struct clockbound_vmclock page = good_page();
		struct cbd_vmclock vmclock;

		((unsigned char *)&page)[cases[k].at] = cases[k].byte;
		assert_false(opens(&vmclock, &page, sizeof(page), cases[k].length));
		assert_non_null(strstr(vmclock.text, cases[k].says));
		assert_non_null(strstr(vmclock.text, scratch_file("vmclock")));
		assert_int_equal(vmclock.fd, -1);
		assert_null(vmclock.page);
	}
}

static void a_path_that_leads_nowhere_or_to_a_directory_is_told(void **state)
{
	struct cbd_vmclock vmclock;

	(void)state;
	assert_false(cbd_vmclock_open(&vmclock, scratch_file("nothing"), NULL, &clocks));
	assert_non_null(strstr(vmclock.text, "No such file"));
	assert_false(cbd_vmclock_open(&vmclock, scratch_path, NULL, &clocks));
	assert_non_null(strstr(vmclock.text, "neither a device nor a file"));
	/* A device that cannot be mapped as a VMClock can, or is none. */
	assert_false(cbd_vmclock_open(&vmclock, "/dev/null", NULL, &clocks));
	assert_true(vmclock.text[0] != '\0');
	assert_false(cbd_vmclock_open(&vmclock, "/dev/zero", NULL, &clocks));
	assert_non_null(strstr(vmclock.text, "not a VMClock"));
}

static void a_file_that_shrinks_is_not_touched_again(void **state)
{
	struct clockbound_vmclock page = good_page();
	struct cbd_vmclock vmclock;
	struct cbd_vm vm;

	(void)state;
	assert_true(opens(&vmclock, &page, sizeof(page), 4096));
	assert_int_equal(truncate(scratch_file("vmclock"), 0), 0);
	cbd_vmclock_read(&vmclock, &vm);
	assert_true(vm.is_torn);
	assert_true((vm.flags & CLOCKBOUND_VM_WATCHED) != 0);
	assert_non_null(strstr(vmclock.text, "shorter than it was"));
	cbd_vmclock_close(&vmclock);
}

static void a_file_that_is_removed_goes_on(void **state)
{
	struct clockbound_vmclock page = good_page();
	struct cbd_vmclock vmclock;
	struct cbd_vm vm;

	(void)state;
	assert_true(opens(&vmclock, &page, sizeof(page), 4096));
	assert_int_equal(unlink(scratch_file("vmclock")), 0);
	cbd_vmclock_read(&vmclock, &vm);
	assert_false(vm.is_torn);
	assert_int_equal(vm.marker, 7);
	cbd_vmclock_close(&vmclock);
}

/* Where it notifies, who read()s takes the notification from all who hold the same description. */
static void readers_are_given_a_description_of_their_own(void **state)
{
	struct clockbound_vmclock page = good_page();
	struct cbd_vmclock vmclock;
	struct stat own;
	struct stat given;
	int fd;

	(void)state;
	assert_false(cbd_vmclock_open(&vmclock, "off", NULL, &clocks));
	assert_int_equal(cbd_vmclock_readers_fd(&vmclock), -1);
	assert_true(opens(&vmclock, &page, sizeof(page), 4096));
	fd = cbd_vmclock_readers_fd(&vmclock);
	assert_true(fd >= 0);
	assert_int_equal(fstat(vmclock.fd, &own), 0);
	assert_int_equal(fstat(fd, &given), 0);
	assert_true(own.st_dev == given.st_dev && own.st_ino == given.st_ino);
	assert_int_equal(lseek(fd, 77, SEEK_SET), 77); /* as a read() would */
	assert_int_equal(lseek(vmclock.fd, 0, SEEK_CUR), 0);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(close(fd), 0);
	vmclock.readers_fd = -1; /* without /proc */
	assert_int_equal(cbd_vmclock_readers_fd(&vmclock), vmclock.fd);
	cbd_vmclock_close(&vmclock);
	assert_int_equal(cbd_vmclock_readers_fd(&vmclock), -1);
}

static void off_watches_none_and_has_nothing_to_say(void **state)
{
	struct cbd_vmclock vmclock;
	struct cbd_vm vm;

	(void)state;
	assert_false(cbd_vmclock_open(&vmclock, "off", NULL, &clocks));
	assert_string_equal(vmclock.text, "");
	cbd_vmclock_read(&vmclock, &vm);
	assert_int_equal(vm.flags, 0);
	assert_false(vm.is_torn);
	cbd_vmclock_close(&vmclock);
}

/* The kernel's list of misc devices, with @name in it, whose numbers are @numbers. */
static void make_class(const char *name, const char *numbers)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/class/%s", scratch_path, name);
	mkdir(scratch_file("class"), 0755);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/class/%s/dev", scratch_path, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(numbers, file);
	fclose(file);
}

static void remove_class(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/class/%s/dev", scratch_path, name);
	unlink(path);
	snprintf(path, sizeof(path), "%s/class/%s", scratch_path, name);
	rmdir(path);
}

static void auto_takes_the_first_device_that_the_kernel_names(void **state)
{
	static char class_dir[128];
	const struct cbd_vmclock_places places = {.class_dir = class_dir, .device_dir = scratch_path};
	struct cbd_vmclock vmclock;

	(void)state;
	snprintf(class_dir, sizeof(class_dir), "%s/class", scratch_path);
	assert_false(cbd_vmclock_open(&vmclock, "auto", &places, &clocks));
	assert_string_equal(vmclock.text, "this machine has no VMClock device");
	make_class("vmclock10", "1:5\n");
	make_class("vmclock2", "1:5\n");
	make_class("vmclockx", "1:5\n");
	make_class("fuse", "10:229\n");
	assert_false(cbd_vmclock_open(&vmclock, "auto", &places, &clocks));
	assert_non_null(strstr(vmclock.text, "/vmclock2: cannot be opened"));
	/* The right device, by its numbers: they are /dev/zero's, which is no VMClock. */
	assert_int_equal(symlink("/dev/zero", scratch_file("vmclock2")), 0);
	assert_false(cbd_vmclock_open(&vmclock, "auto", &places, &clocks));
	assert_non_null(strstr(vmclock.text, "not a VMClock: its magic is 0x00000000"));
	/* Another one under its name. */
	unlink(scratch_file("vmclock2"));
	assert_int_equal(symlink("/dev/null", scratch_file("vmclock2")), 0);
	assert_false(cbd_vmclock_open(&vmclock, "auto", &places, &clocks));
	assert_non_null(strstr(vmclock.text, "not the device that"));
	remove_class("vmclock10");
	remove_class("vmclock2");
	remove_class("vmclockx");
	remove_class("fuse");
}

static void what_wakes_for_nothing_is_given_up(void **state)
{
	struct clockbound_vmclock page = good_page();
	struct cbd_vmclock vmclock;
	int wakes = 0;

	(void)state;
	assert_true(opens(&vmclock, &page, sizeof(page), 4096));
	vmclock.notifies = true;
	assert_int_equal(cbd_vmclock_wake_fd(&vmclock), vmclock.fd);
	while (cbd_vmclock_on_wake(&vmclock)) {
		assert_true(++wakes < 20);
	}
	assert_int_equal(cbd_vmclock_wake_fd(&vmclock), -1);
	cbd_vmclock_close(&vmclock);
}

int main(void)
{
#define IN_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(a_file_is_opened_whatever_its_length_if_it_is_as_long_as_it_says),
		IN_SCRATCH(what_cannot_be_a_vmclock_is_refused_by_name),
		IN_SCRATCH(a_path_that_leads_nowhere_or_to_a_directory_is_told),
		IN_SCRATCH(a_file_that_shrinks_is_not_touched_again),
		IN_SCRATCH(a_file_that_is_removed_goes_on),
		IN_SCRATCH(readers_are_given_a_description_of_their_own),
		IN_SCRATCH(off_watches_none_and_has_nothing_to_say),
		IN_SCRATCH(auto_takes_the_first_device_that_the_kernel_names),
		IN_SCRATCH(what_wakes_for_nothing_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
