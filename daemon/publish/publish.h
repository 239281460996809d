/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that is published, as one object: our page and upstream's two segments. Opened once at start,
 * written after every call of the core. One thread.
 */
#ifndef CBD_PUBLISH_PUBLISH_H
#define CBD_PUBLISH_PUBLISH_H

#include "daemon/publish/page_writer.h"
#include "daemon/publish/shm_writer.h"

struct cbd_publisher {
	struct cbd_page_writer page;
	struct cbd_shm_writer shm1;
	struct cbd_shm_writer shm2;
	uint64_t publications; /* since the daemon started */
};

/* cbd_publisher_open - opens all three in @dir; 0 or -errno (logged), then nothing is left open */
int cbd_publisher_open(struct cbd_publisher *publisher, const struct cbd_runtime_dir *dir,
		       const struct cbd_page_identity *identity);

/*
 * cbd_publisher_check - do the names in @dir, which must be open, still lead to what is written?
 * Returns 0 or -errno (logged): then nothing may be published any more. A page that clients do not find by its
 * name any more is retired, if it is still all there. Some microseconds of system calls.
 */
int cbd_publisher_check(struct cbd_publisher *publisher, const struct cbd_runtime_dir *dir);

/* cbd_publisher_segment - what the segments said when they were opened; false if neither can be gone on with */
bool cbd_publisher_segment(const struct cbd_publisher *publisher, struct cbd_segment *segment);

/* cbd_publish - our page first: its readers are the ones in a hurry */
void cbd_publish(struct cbd_publisher *publisher, const struct cbd_publication *publication);

/* cbd_publisher_tear - leaves all three as a daemon that dies in the middle of a publication; the next one mends them */
void cbd_publisher_tear(struct cbd_publisher *publisher);

/* cbd_publisher_close - unmaps all three; the files stay, valid until their void-after */
void cbd_publisher_close(struct cbd_publisher *publisher);

#endif
