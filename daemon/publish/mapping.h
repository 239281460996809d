/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runtime directory and the files in it that clients map. Files are created or gone on with, never
 * truncated, unlinked or replaced; their blocks are reserved, so that a full file system shows at start and
 * not as SIGBUS in a reader. It knows nothing of what the files contain. Failures are logged here.
 */
#ifndef CBD_PUBLISH_MAPPING_H
#define CBD_PUBLISH_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a name led to when it was opened. */
struct cbd_file_id {
	dev_t device;
	ino_t inode;
};

/* The directory, held by the one daemon that may write in it. */
struct cbd_runtime_dir {
	const char *path; /* the caller's; for messages */
	int fd;
	int lock_fd; /* DIR/clockbound.lock with flock(2), for the life of the daemon */
	struct cbd_file_id id;
	struct cbd_file_id lock_id;
};

/*
 * cbd_runtime_dir_open - opens @path, made 0755 if it is missing, and locks it for this process
 * Returns 0; -EBUSY if another daemon has it (its pid is logged); else -errno. Logged.
 */
int cbd_runtime_dir_open(struct cbd_runtime_dir *dir, const char *path);

/*
 * cbd_runtime_dir_check - is it still what its path leads to?
 * Returns 0; -ENOENT if it is gone; -ESTALE if another has its place: clients do not find our files. Logged.
 */
int cbd_runtime_dir_check(const struct cbd_runtime_dir *dir);

/* cbd_runtime_dir_check_lock - the same for the lock file in it: without it a second daemon may start. Logged. */
int cbd_runtime_dir_check_lock(const struct cbd_runtime_dir *dir);

/* cbd_runtime_dir_close - gives the lock back; the lock file stays */
void cbd_runtime_dir_close(struct cbd_runtime_dir *dir);

/* A file mapped read-write and shared. */
struct cbd_mapping {
	void *address;
	size_t size;
	size_t size_found; /* what the file held before; 0: it is new. Below size: the rest is zeros */
	const char *name;  /* the caller's; for messages */
	int fd;		   /* holds the file's lock, as nobody may write what another daemon writes */
	struct cbd_file_id id;
};

/*
 * cbd_mapping_open - maps the first @size bytes of @name in @dir, with blocks behind all of them
 * Creates the file 0644, or goes on with the inode that is there, grown if it is short. Returns 0, or -errno:
 * -ELOOP a symbolic link, -EINVAL not a regular file, -ENOSPC no room, -EACCES another user's, -EBUSY another
 * daemon writes it. A file that was made for nothing is removed again. Logged.
 */
int cbd_mapping_open(struct cbd_mapping *mapping, const struct cbd_runtime_dir *dir, const char *name,
		     size_t size);

/*
 * cbd_mapping_check - is the file still what its name leads to, and all of it there?
 * Returns 0; -ENOENT if it was removed; -ESTALE if another file has its place; -ENODATA if it was cut short,
 * then it must not be touched. Logged.
 */
int cbd_mapping_check(const struct cbd_mapping *mapping, const struct cbd_runtime_dir *dir);

/* cbd_mapping_is_whole - may it be touched, whatever became of its name? Until somebody cuts it the next moment. */
bool cbd_mapping_is_whole(const struct cbd_mapping *mapping);

/* cbd_mapping_close - unmaps; the file stays */
void cbd_mapping_close(struct cbd_mapping *mapping);

#endif
