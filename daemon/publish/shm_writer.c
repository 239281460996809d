/* SPDX-License-Identifier: Apache-2.0 */
/* See shm_writer.h. The size of a segment decides its layout; everything behind the header is stored by words. */
#include "daemon/publish/shm_writer.h"

#include <string.h>

#include <clockbound/seq.h>
#include <clockbound/types.h>

#include "daemon/log.h"
#include "daemon/publish/inject.h"

#define NS_PER_SEC INT64_C(1000000000)

union segment {
	struct clockbound_shm1 one;
	struct clockbound_shm2 two;
};

/* The only function that stores a word of the payload. */
static void store(void *word, uint64_t value)
{
	CBD_INJECT_STORE();
	CLOCKBOUND_PRIV_STORE((uint64_t *)word, value);
}

static uint32_t size_of(uint16_t version)
{
	return version == CLOCKBOUND_SHM_VERSION_1 ? (uint32_t)sizeof(struct clockbound_shm1)
						   : (uint32_t)sizeof(struct clockbound_shm2);
}

static struct clockbound_shm_timespec timespec_of(int64_t ns)
{
	struct clockbound_shm_timespec result = {.sec = ns / NS_PER_SEC, .nsec = ns % NS_PER_SEC};

	if (result.nsec < 0) {
		result.sec--;
		result.nsec += NS_PER_SEC;
	}
	return result;
}

/* The words behind the header, in the layout of @version. The header in it is not meant to be stored. */
static void make(union segment *made, uint16_t version, const struct cbd_segment *from)
{
	memset(made, 0, sizeof(*made));
	if (version == CLOCKBOUND_SHM_VERSION_1) {
		made->one.as_of = timespec_of(from->as_of_ns);
		made->one.void_after = timespec_of(from->void_after_ns);
		made->one.bound_nsec = from->bound_ns;
		made->one.max_drift_ppb = from->max_drift_ppb;
		made->one.clock_status = from->status == (int32_t)CLOCKBOUND_STATUS_DISRUPTED
						 ? (int32_t)CLOCKBOUND_STATUS_UNKNOWN
						 : from->status;
	} else {
		made->two.as_of = timespec_of(from->as_of_ns);
		made->two.void_after = timespec_of(from->void_after_ns);
		made->two.bound_nsec = from->bound_ns;
		made->two.disruption_marker = from->disruption_marker;
		made->two.max_drift_ppb = from->max_drift_ppb;
		made->two.clock_status = from->status;
		made->two.disruption_support = from->supports_disruption;
	}
}

static void store_payload(struct cbd_shm_writer *writer, const union segment *made)
{
	size_t at;
	uint64_t word;

	for (at = sizeof(*writer->header); at < size_of(writer->version); at += sizeof(word)) {
		memcpy(&word, (const char *)made + at, sizeof(word));
		store((char *)writer->mapping.address + at, word);
	}
}

static bool is_valid(const struct cbd_shm_writer *writer)
{
	const struct clockbound_shm_header *header = writer->header;

	return writer->mapping.size_found >= size_of(writer->version) &&
	       header->magic[0] == CLOCKBOUND_SHM_MAGIC_0 && header->magic[1] == CLOCKBOUND_SHM_MAGIC_1 &&
	       header->size == size_of(writer->version) && header->version == writer->version &&
	       header->generation != 0;
}

/* False if it is none, or too far from the epoch for ns. */
static bool ns_of(const struct clockbound_shm_timespec *from, int64_t *ns)
{
	if (from->sec < 0 || from->sec >= INT64_MAX / NS_PER_SEC || from->nsec < 0 ||
	    from->nsec >= NS_PER_SEC) {
		return false;
	}
	*ns = from->sec * NS_PER_SEC + from->nsec;
	return true;
}

bool cbd_shm_writer_read(const struct cbd_shm_writer *writer, struct cbd_segment *segment)
{
	const union segment *from = writer->mapping.address;
	bool is_1 = writer->version == CLOCKBOUND_SHM_VERSION_1;
	struct cbd_segment read = {
		.bound_ns = is_1 ? from->one.bound_nsec : from->two.bound_nsec,
		.max_drift_ppb = is_1 ? from->one.max_drift_ppb : from->two.max_drift_ppb,
		.status = is_1 ? from->one.clock_status : from->two.clock_status,
		.disruption_marker = is_1 ? 0 : from->two.disruption_marker,
		.supports_disruption = !is_1 && from->two.disruption_support != 0,
	};

	/* The directory's lock is ours: nobody writes meanwhile, and an odd generation is a dead daemon's. */
	if (!is_valid(writer) || (writer->header->generation & 1) != 0 ||
	    !ns_of(is_1 ? &from->one.as_of : &from->two.as_of, &read.as_of_ns) ||
	    !ns_of(is_1 ? &from->one.void_after : &from->two.void_after, &read.void_after_ns) ||
	    read.as_of_ns == 0 || read.bound_ns < 0 || read.max_drift_ppb >= CLOCKBOUND_SHM_DRIFT_PPB_MAX ||
	    read.status < (int32_t)CLOCKBOUND_STATUS_UNKNOWN ||
	    read.status > (int32_t)CLOCKBOUND_STATUS_DISRUPTED) {
		return false;
	}
	*segment = read;
	return true;
}

/* Version and generation 0 first: no client takes anything until the first publication is whole. */
static void wipe(struct cbd_shm_writer *writer)
{
	struct clockbound_shm_header *header = writer->header;
	union segment nothing;

	CBD_INJECT_STORE();
	CLOCKBOUND_PRIV_STORE(&header->generation, 0);
	CBD_INJECT_STORE();
	CLOCKBOUND_PRIV_STORE(&header->version, 0);
	clockbound_priv_generation_wiped();
	memset(&nothing, 0, sizeof(nothing));
	store_payload(writer, &nothing);
	CBD_INJECT_STORE();
	CLOCKBOUND_PRIV_STORE(&header->magic[0], CLOCKBOUND_SHM_MAGIC_0);
	CBD_INJECT_STORE();
	CLOCKBOUND_PRIV_STORE(&header->magic[1], CLOCKBOUND_SHM_MAGIC_1);
	CBD_INJECT_STORE();
	CLOCKBOUND_PRIV_STORE(&header->size, size_of(writer->version));
}

int cbd_shm_writer_open(struct cbd_shm_writer *writer, const struct cbd_runtime_dir *dir, uint16_t version)
{
	const char *name = version == CLOCKBOUND_SHM_VERSION_1 ? CBD_SHM1_NAME : CBD_SHM2_NAME;
	int result;

	memset(writer, 0, sizeof(*writer));
	result = cbd_mapping_open(&writer->mapping, dir, name, size_of(version));
	if (result != 0) {
		return result;
	}
	writer->header = writer->mapping.address;
	writer->version = version;
	if (!is_valid(writer)) {
		if (writer->mapping.size_found != 0) {
			cbd_log(CBD_LOG_NOTICE, "segment_wiped",
				"%s/%s is not a valid segment of version %u (%zu bytes): wiped", dir->path,
				name, (unsigned int)version, writer->mapping.size_found);
		}
		wipe(writer);
	}
	return 0;
}

void cbd_shm_writer_publish(struct cbd_shm_writer *writer, const struct cbd_segment *segment)
{
	struct clockbound_shm_header *header = writer->header;
	union segment made;

	make(&made, writer->version, segment);
	CBD_INJECT_STORE();
	clockbound_priv_generation_open(&header->generation);
	store_payload(writer, &made);
	if (header->version != writer->version) {
		CBD_INJECT_STORE();
		CLOCKBOUND_PRIV_STORE(&header->version, writer->version);
	}
	CBD_INJECT_STORE();
	clockbound_priv_generation_close(&header->generation);
}

void cbd_shm_writer_tear(struct cbd_shm_writer *writer)
{
	CBD_INJECT_STORE();
	clockbound_priv_generation_open(&writer->header->generation);
	store((char *)writer->mapping.address + sizeof(*writer->header), UINT64_MAX);
}

void cbd_shm_writer_close(struct cbd_shm_writer *writer)
{
	cbd_mapping_close(&writer->mapping);
	writer->header = NULL;
}
