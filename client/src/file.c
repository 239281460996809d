/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a file that a ClockBound daemon publishes: recognises its kind by its content, checks that it is
 * whole, and maps it read-only. After this nothing in the mapping is trusted to stay as it was. Every refusal
 * says which file, which check, and what was found.
 */
#include "client/src/context.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is read of a file before it is mapped: our identity line, or upstream's header and more. */
union head {
	struct clockbound_identity identity;
	struct clockbound_shm_header segment;
};

/* A file being opened. */
struct opening {
	const char *path;
	clockbound_err *err;
	int64_t file_size;
	union head head;
};

static bool not_whole(const struct opening *opening, const char *kind, size_t needed)
{
	return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
				    "%s: %" PRId64 " bytes long, but %s has %zu", opening->path,
				    opening->file_size, kind, needed);
}

/* The kernel's boot id as two numbers, the first of its hexadecimal digits highest; false if unknown. */
static bool boot_id_now(uint64_t id[2])
{
	char digits[40] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	bool is_read = file != NULL && fgets(digits, sizeof(digits), file) != NULL;
	unsigned int count = 0;
	const char *digit;

	if (file != NULL) {
		(void)fclose(file);
	}
	id[0] = 0;
	id[1] = 0;
	for (digit = digits; is_read && *digit != '\0' && count < 32; digit++) {
		static const char hexadecimal[] = "0123456789abcdef";
		const char *place = strchr(hexadecimal, *digit);

		if (place != NULL) {
			id[count / 16] = id[count / 16] << 4 | (uint64_t)(place - hexadecimal);
			count++;
		}
	}
	return count == 32;
}

/* Lines and monotonic times do not outlive a boot. A page without a boot id passes: its writer knew none. */
static bool check_boot(const struct opening *opening, const struct clockbound_identity *identity)
{
	uint64_t now[2];

	if ((identity->boot_id[0] | identity->boot_id[1]) == 0 || !boot_id_now(now) ||
	    (identity->boot_id[0] == now[0] && identity->boot_id[1] == now[1])) {
		return true;
	}
	return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
				    "%s: a page from another boot (%016" PRIx64 "%016" PRIx64
				    "); start the daemon, which makes it anew",
				    opening->path, identity->boot_id[0], identity->boot_id[1]);
}

static bool check_counter(const struct opening *opening, uint32_t kind)
{
	const uint32_t own = CLOCKBOUND_PRIV_COUNTER_KIND;

	if (kind == CLOCKBOUND_COUNTER_NONE || own == CLOCKBOUND_COUNTER_NONE || kind == own) {
		return true;
	}
	return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_MALFORMED, 0,
				    "%s: a page whose counter_kind is %" PRIu32
				    "; this machine's counter is of kind %" PRIu32,
				    opening->path, kind, own);
}

static bool check_page(const struct opening *opening)
{
	const struct clockbound_identity *identity = &opening->head.identity;

	if (opening->file_size < (int64_t)CLOCKBOUND_PAGE_SIZE) {
		return not_whole(opening, "a page", CLOCKBOUND_PAGE_SIZE);
	}
	if (identity->version == 0 || identity->compat_version == 0) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_MALFORMED, 0,
					    "%s: a page with version %" PRIu32 " and compat_version %" PRIu32
					    "; neither is ever 0",
					    opening->path, identity->version, identity->compat_version);
	}
	if (identity->compat_version > CLOCKBOUND_PAGE_VERSION) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED, 0,
					    "%s: a page for readers of version %" PRIu32
					    " or later; this library reads version %u: upgrade libclockbound",
					    opening->path, identity->compat_version, CLOCKBOUND_PAGE_VERSION);
	}
	if (identity->size < CLOCKBOUND_PAGE_SIZE || (int64_t)identity->size > opening->file_size) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_MALFORMED, 0,
					    "%s: a page whose size field says %" PRIu32
					    "; a page has %u bytes and the file %" PRId64,
					    opening->path, identity->size, CLOCKBOUND_PAGE_SIZE,
					    opening->file_size);
	}
	return check_counter(opening, identity->counter_kind) && check_boot(opening, identity);
}

static bool check_segment(const struct opening *opening, struct clockbound_priv_file *file)
{
	const struct clockbound_shm_header *header = &opening->head.segment;

	if (header->version == 0 || header->generation == 0) {
		return clockbound_priv_fail(
			opening->err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
			"%s: a segment that was never written: version %u, generation %u; "
			"is its daemon running?",
			opening->path, header->version, header->generation);
	}
	if (header->version != CLOCKBOUND_SHM_VERSION_1 && header->version != CLOCKBOUND_SHM_VERSION_2) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED, 0,
					    "%s: a segment of layout %u; this library reads %u and %u",
					    opening->path, header->version, CLOCKBOUND_SHM_VERSION_1,
					    CLOCKBOUND_SHM_VERSION_2);
	}
	file->kind =
		header->version == CLOCKBOUND_SHM_VERSION_1 ? CLOCKBOUND_PRIV_SHM1 : CLOCKBOUND_PRIV_SHM2;
	file->size = file->kind == CLOCKBOUND_PRIV_SHM1 ? sizeof(struct clockbound_shm1)
							: sizeof(struct clockbound_shm2);
	if (header->size < file->size) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_MALFORMED, 0,
					    "%s: a segment of layout %u whose size field says %" PRIu32
					    "; it has %zu bytes",
					    opening->path, header->version, header->size, file->size);
	}
	if (opening->file_size < (int64_t)file->size) {
		return not_whole(opening, "this segment", file->size);
	}
	if ((int64_t)header->size > opening->file_size) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_MALFORMED, 0,
					    "%s: a segment whose size field says %" PRIu32
					    ", but the file has %" PRId64 " bytes",
					    opening->path, header->size, opening->file_size);
	}
	return true;
}

/* Recognises the kind by the magic, then checks that kind. */
static bool recognise(const struct opening *opening, struct clockbound_priv_file *file)
{
	const unsigned char *byte = (const unsigned char *)&opening->head;

	if (opening->head.identity.magic == CLOCKBOUND_PAGE_MAGIC) {
		file->kind = CLOCKBOUND_PRIV_PAGE;
		file->size = CLOCKBOUND_PAGE_SIZE;
		return check_page(opening);
	}
	if (opening->head.segment.magic[0] == CLOCKBOUND_SHM_MAGIC_0 &&
	    opening->head.segment.magic[1] == CLOCKBOUND_SHM_MAGIC_1) {
		return check_segment(opening, file);
	}
	if (opening->head.identity.magic == 0) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
					    "%s: begins with zeros: not yet made, try again", opening->path);
	}
	return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
				    "%s: neither a page nor a segment: it begins with "
				    "%02x %02x %02x %02x %02x %02x %02x %02x",
				    opening->path, byte[0], byte[1], byte[2], byte[3], byte[4], byte[5],
				    byte[6], byte[7]);
}

/* Reads the first bytes by pread, which cannot fault however short the file has become. */
static bool read_head(struct opening *opening, int descriptor)
{
	struct stat status;
	ssize_t bytes;

	if (fstat(descriptor, &status) != 0) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SYSCALL, errno, "fstat %s: %s",
					    opening->path, strerror(errno));
	}
	if (S_ISDIR(status.st_mode)) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SYSCALL, EISDIR,
					    "%s: is a directory; name the file in it: page, shm0 or shm",
					    opening->path);
	}
	if (!S_ISREG(status.st_mode)) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
					    "%s: not a regular file", opening->path);
	}
	opening->file_size = (int64_t)status.st_size;
	if (opening->file_size == 0) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
					    "%s: empty; is its daemon running?", opening->path);
	}
	bytes = pread(descriptor, &opening->head, sizeof(opening->head), 0);
	if (bytes < 0) {
		return clockbound_priv_fail(opening->err, CLOCKBOUND_ERR_SYSCALL, errno, "read %s: %s",
					    opening->path, strerror(errno));
	}
	if (bytes < (ssize_t)sizeof(struct clockbound_shm_header)) {
		opening->file_size = bytes;
		return not_whole(opening, "the shortest header", sizeof(struct clockbound_shm_header));
	}
	return true;
}

/* Once more in the mapping: what is loaded from a page after this is not older than its magic. */
static bool is_made(const struct clockbound_priv_file *file)
{
	const struct clockbound_identity *identity = file->map;

	return file->kind != CLOCKBOUND_PRIV_PAGE ||
	       clockbound_priv_magic_load(&identity->magic) == CLOCKBOUND_PAGE_MAGIC;
}

bool clockbound_priv_file_open(struct clockbound_priv_file *file, const char *path, clockbound_err *err)
{
	struct opening opening = {.path = path, .err = err};
	/* O_NONBLOCK: a FIFO of that name must not make the caller hang. */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool is_good;
	void *map;

	if (descriptor < 0) {
		return clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, errno, "open %s: %s%s", path,
					    strerror(errno),
					    errno == ENOENT ? "; is the daemon running?" : "");
	}
	is_good = read_head(&opening, descriptor) && recognise(&opening, file);
	map = is_good ? mmap(NULL, file->size, PROT_READ, MAP_SHARED, descriptor, 0) : MAP_FAILED;
	if (is_good && map == MAP_FAILED) {
		is_good = clockbound_priv_fail(err, CLOCKBOUND_ERR_SYSCALL, errno, "mmap %s: %s", path,
					       strerror(errno));
	}
	(void)close(descriptor);
	file->map = is_good ? map : NULL;
	if (is_good && !is_made(file)) {
		clockbound_priv_file_close(file);
		is_good = clockbound_priv_fail(err, CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED, 0,
					       "%s: a page that is being made anew: try again", path);
	}
	return is_good;
}

void clockbound_priv_file_close(struct clockbound_priv_file *file)
{
	(void)munmap((void *)(uintptr_t)file->map, file->size);
	file->map = NULL;
}
