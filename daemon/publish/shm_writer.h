/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of upstream's segments, `shm` (1.x) and `shm0` (2.x), byte for byte (uapi/clockbound/shm.h). Goes
 * on with a valid file, so that clients keep their mapping; wipes any other in place. One thread, one writer a
 * file. It decides nothing: the core's segment is written as it is.
 */
#ifndef CBD_PUBLISH_SHM_WRITER_H
#define CBD_PUBLISH_SHM_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <clockbound/shm.h>

#include "daemon/core/segment_fsm.h"
#include "daemon/publish/mapping.h"

#define CBD_SHM1_NAME "shm"
#define CBD_SHM2_NAME "shm0"

struct cbd_shm_writer {
	struct cbd_mapping mapping;
	struct clockbound_shm_header *header;
	uint16_t version; /* CLOCKBOUND_SHM_VERSION_* */
};

/*
 * cbd_shm_writer_open - maps the segment of @version in @dir
 * A file that is not a valid segment of this version is wiped: its clients see "not initialised" until the
 * first publication. A generation left odd by a killed writer becomes even with the next one. Returns 0 or
 * -errno (logged).
 */
int cbd_shm_writer_open(struct cbd_shm_writer *writer, const struct cbd_runtime_dir *dir, uint16_t version);

/*
 * cbd_shm_writer_read - what the file says, for a daemon that goes on with it
 * False, and @segment untouched, if nothing was ever published, the last publication is torn, or no client of
 * upstream's would take it.
 */
bool cbd_shm_writer_read(const struct cbd_shm_writer *writer, struct cbd_segment *segment);

/*
 * cbd_shm_writer_publish - generation odd, payload, generation even
 * 1.x has no Disrupted: it is written as Unknown there, which tells its clients not to use the bound either.
 */
void cbd_shm_writer_publish(struct cbd_shm_writer *writer, const struct cbd_segment *segment);

/* cbd_shm_writer_tear - stops in the middle of a publication; the next one mends it */
void cbd_shm_writer_tear(struct cbd_shm_writer *writer);

/* cbd_shm_writer_close - unmaps; the file stays */
void cbd_shm_writer_close(struct cbd_shm_writer *writer);

#endif
