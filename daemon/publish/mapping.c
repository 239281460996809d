/* SPDX-License-Identifier: Apache-2.0 */
/* See mapping.h. Everything is opened relative to the directory's descriptor, and no link is followed in it. */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "daemon/publish/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

#define LOCK_NAME "clockbound.lock"

static struct cbd_file_id id_of(const struct stat *found)
{
	return (struct cbd_file_id){.device = found->st_dev, .inode = found->st_ino};
}

/*
 * Whether @name, relative to @dir_fd, still leads to @id: 0, -ENOENT or -ESTALE. An error that proves neither, as
 * EACCES, is none. @size is what it has now, if it does.
 */
static int check_name(int dir_fd, const char *name, int flags, const struct cbd_file_id *id, off_t *size)
{
	struct stat found;

	if (fstatat(dir_fd, name, &found, flags) != 0) {
		*size = 0;
		return errno == ENOENT || errno == ENOTDIR ? -ENOENT : 0;
	}
	*size = found.st_size;
	return found.st_dev == id->device && found.st_ino == id->inode ? 0 : -ESTALE;
}

/* What happened, for the message. */
static const char *told(int error)
{
	return error == -ENOENT ? "was removed" : "was replaced by another";
}

/* The pid that the holder of the lock wrote; 0 if it cannot be told. */
static long lock_holder(int fd)
{
	char text[32] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0) {
		return 0;
	}
	return strtol(text, NULL, 10);
}

/* Writes our pid for the message that a second daemon prints. Nothing depends on it. */
static void lock_sign(int fd)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%-10ld\n", (long)getpid());

	if (pwrite(fd, text, (size_t)length, 0) != length) {
		cbd_log(CBD_LOG_DEBUG, "lock_unsigned", "could not write the pid to " LOCK_NAME);
	}
}

static const char *advice(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return "no block can be reserved for it: make room in its file system";
	case EACCES:
	case EPERM:
	case EROFS:
		return "the daemon's user must own it: change the owner of the directory and the files in it "
		       "(chown -R)";
	case ELOOP:
		return "it is a symbolic link, which is not followed: remove it";
	case EINVAL:
		return "it is not a regular file: remove it";
	case EBUSY:
		return "another clockbound writes it, though somebody removed its " LOCK_NAME
		       ": stop that one";
	default:
		return "check the runtime directory";
	}
}

/* What is wrong is the lock file's if there is one, as that of a daemon that ran as root, and else the directory's. */
static void tell_unopened(const struct cbd_runtime_dir *dir, int error)
{
	struct stat found;

	if (fstatat(dir->fd, LOCK_NAME, &found, AT_SYMLINK_NOFOLLOW) == 0) {
		cbd_log(CBD_LOG_ERROR, "lock_failed",
			"cannot open %s/" LOCK_NAME ": %s; it belongs to uid %ld, this daemon runs as uid "
			"%ld: %s, or use another --runtime-dir",
			dir->path, strerror(error), (long)found.st_uid, (long)geteuid(), advice(error));
		return;
	}
	cbd_log(CBD_LOG_ERROR, "lock_failed",
		"cannot open %s/" LOCK_NAME
		": %s; the directory must be writable by uid %ld: change its owner, or --runtime-dir",
		dir->path, strerror(error), (long)geteuid());
}

static int lock(struct cbd_runtime_dir *dir)
{
	/* 0600: whoever may open it may lock it, and so keep every daemon from starting. */
	int fd = openat(dir->fd, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat found;

	if (fd < 0) {
		int error = errno;

		tell_unopened(dir, error);
		return -error;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		int error = errno;

		if (error == EWOULDBLOCK) {
			cbd_log(CBD_LOG_ERROR, "already_running",
				"another clockbound (pid %ld) already serves %s: stop it, or give this one "
				"another --runtime-dir",
				lock_holder(fd), dir->path);
			error = EBUSY;
		} else {
			cbd_log(CBD_LOG_ERROR, "lock_failed", "cannot lock %s/" LOCK_NAME ": %s", dir->path,
				strerror(error));
		}
		close(fd);
		return -error;
	}
	if (fstat(fd, &found) != 0) {
		int error = errno;

		cbd_log(CBD_LOG_ERROR, "lock_failed", "fstat %s/" LOCK_NAME ": %s", dir->path,
			strerror(error));
		close(fd);
		return -error;
	}
	if ((found.st_mode & 077) != 0 && fchmod(fd, 0600) != 0) {
		cbd_log(CBD_LOG_DEBUG, "lock_mode", "cannot set mode 0600 on " LOCK_NAME);
	}
	lock_sign(fd);
	dir->lock_fd = fd;
	dir->lock_id = id_of(&found);
	return 0;
}

int cbd_runtime_dir_open(struct cbd_runtime_dir *dir, const char *path)
{
	struct stat found;
	int result;

	if (mkdir(path, 0755) != 0 && errno != EEXIST) {
		result = -errno;
		cbd_log(CBD_LOG_ERROR, "runtime_dir_failed",
			"cannot create the runtime directory %s: %s; create it for uid %ld, or use "
			"--runtime-dir",
			path, strerror(-result), (long)geteuid());
		return result;
	}
	dir->path = path;
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0 || fstat(dir->fd, &found) != 0) {
		result = -errno;
		cbd_log(CBD_LOG_ERROR, "runtime_dir_failed", "cannot open the runtime directory %s: %s", path,
			strerror(-result));
		return result;
	}
	dir->id = id_of(&found);
	result = lock(dir);
	if (result != 0) {
		close(dir->fd);
		dir->fd = -1;
	}
	return result;
}

int cbd_runtime_dir_check(const struct cbd_runtime_dir *dir)
{
	off_t size;
	int result = check_name(AT_FDCWD, dir->path, 0, &dir->id, &size);

	if (result != 0) {
		cbd_log(CBD_LOG_ERROR, "file_lost",
			"the runtime directory %s %s: its files serve nobody; ending, so that a new daemon "
			"makes them anew",
			dir->path, told(result));
	}
	return result;
}

int cbd_runtime_dir_check_lock(const struct cbd_runtime_dir *dir)
{
	off_t size;
	int result = check_name(dir->fd, LOCK_NAME, AT_SYMLINK_NOFOLLOW, &dir->lock_id, &size);

	if (result != 0) {
		cbd_log(CBD_LOG_ERROR, "file_lost",
			"%s/" LOCK_NAME
			" %s: a second daemon could start; ending, so that the next one locks "
			"the directory again",
			dir->path, told(result));
	}
	return result;
}

void cbd_runtime_dir_close(struct cbd_runtime_dir *dir)
{
	close(dir->lock_fd);
	close(dir->fd);
	dir->lock_fd = -1;
	dir->fd = -1;
}

/* Opens what is there, or makes it. O_EXCL: what we make is ours, and fs.protected_regular has no say. */
static int open_file(const struct cbd_runtime_dir *dir, const char *name, bool *is_new)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = openat(dir->fd, name, flags);

	*is_new = fd < 0 && errno == ENOENT;
	if (*is_new) {
		fd = openat(dir->fd, name, flags | O_CREAT | O_EXCL, 0644);
	}
	return fd < 0 ? -errno : fd;
}

/*
 * The file's own lock, which holds even if the lock file is removed: -EBUSY if another daemon has it. A lock of
 * the open file, as fcntl(2) has it, since readers may lock what they may open, but then for reading only:
 * whoever holds that is no daemon and is not waited for.
 */
static int take(int fd)
{
	struct flock mine = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	struct flock other = mine;

	if (fcntl(fd, F_OFD_SETLK, &mine) == 0) {
		return 0;
	}
	return fcntl(fd, F_OFD_GETLK, &other) == 0 && other.l_type == F_WRLCK ? -EBUSY : 0;
}

/* Readers of every user map the file, whatever the umask was when it was made. */
static void make_readable(int fd, const struct stat *found, const char *path, const char *name)
{
	if ((found->st_mode & 0777) != 0644 && fchmod(fd, 0644) != 0) {
		cbd_log(CBD_LOG_WARNING, "file_mode",
			"cannot set mode 0644 on %s/%s: %s; some clients cannot read it", path, name,
			strerror(errno));
	}
}

/* Reserves and maps; -errno without a message of its own. */
static int reserve_and_map(struct cbd_mapping *mapping, int fd, size_t size, size_t size_found)
{
	/* Never shrinks. Also for a file that is long enough: it may be sparse. */
	int error = posix_fallocate(fd, 0, (off_t)size);
	void *address;

	if (error != 0) {
		return -error;
	}
	address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (address == MAP_FAILED) {
		return -errno;
	}
	mapping->address = address;
	mapping->size = size;
	mapping->size_found = size_found;
	return 0;
}

/* Everything that can be wrong with an open file; -errno without a message of its own. */
static int use_file(struct cbd_mapping *mapping, const struct cbd_runtime_dir *dir, const char *name,
		    size_t size)
{
	struct stat found;
	int result;

	if (fstat(mapping->fd, &found) != 0) {
		return -errno;
	}
	if (!S_ISREG(found.st_mode)) {
		return -EINVAL;
	}
	result = take(mapping->fd);
	if (result != 0) {
		return result;
	}
	mapping->name = name;
	mapping->id = id_of(&found);
	make_readable(mapping->fd, &found, dir->path, name);
	return reserve_and_map(mapping, mapping->fd, size, (size_t)found.st_size);
}

int cbd_mapping_open(struct cbd_mapping *mapping, const struct cbd_runtime_dir *dir, const char *name,
		     size_t size)
{
	bool is_new;
	int result;

	mapping->fd = open_file(dir, name, &is_new);
	result = mapping->fd < 0 ? mapping->fd : use_file(mapping, dir, name, size);
	if (mapping->fd >= 0 && result != 0) {
		if (is_new) {
			unlinkat(dir->fd, name, 0); /* no client can have used it */
		}
		close(mapping->fd);
		mapping->fd = -1;
	}
	if (result == -EISDIR || result == -ENXIO) {
		result = -EINVAL; /* a directory or a socket does not even open */
	}
	if (result != 0) {
		cbd_log(CBD_LOG_ERROR, "file_failed", "cannot use %s/%s: %s; %s", dir->path, name,
			strerror(-result), advice(-result));
	}
	return result;
}

int cbd_mapping_check(const struct cbd_mapping *mapping, const struct cbd_runtime_dir *dir)
{
	off_t size;
	int result = check_name(dir->fd, mapping->name, AT_SYMLINK_NOFOLLOW, &mapping->id, &size);

	if (result == 0 && !cbd_mapping_is_whole(mapping)) {
		cbd_log(CBD_LOG_ERROR, "file_lost",
			"%s/%s was cut to %lld bytes, less than the %zu it has: ending, so that a new daemon "
			"makes it whole",
			dir->path, mapping->name, (long long)size, mapping->size);
		return -ENODATA;
	}
	if (result != 0) {
		cbd_log(CBD_LOG_ERROR, "file_lost",
			"%s/%s %s: what is mapped serves nobody new; ending, so that a new daemon makes it "
			"anew",
			dir->path, mapping->name, told(result));
	}
	return result;
}

bool cbd_mapping_is_whole(const struct cbd_mapping *mapping)
{
	struct stat found;

	return fstat(mapping->fd, &found) == 0 && found.st_size >= (off_t)mapping->size;
}

void cbd_mapping_close(struct cbd_mapping *mapping)
{
	munmap(mapping->address, mapping->size);
	close(mapping->fd); /* with its lock */
	mapping->fd = -1;
	mapping->address = NULL;
}
