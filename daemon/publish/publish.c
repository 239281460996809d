/* SPDX-License-Identifier: Apache-2.0 */
/* See publish.h. */
#include "daemon/publish/publish.h"

#include <errno.h>

#include "daemon/log.h"

int cbd_publisher_open(struct cbd_publisher *publisher, const struct cbd_runtime_dir *dir,
		       const struct cbd_page_identity *identity)
{
	int result = cbd_page_writer_open(&publisher->page, dir, identity);

	publisher->publications = 0;
	if (result != 0) {
		return result;
	}
	result = cbd_shm_writer_open(&publisher->shm1, dir, CLOCKBOUND_SHM_VERSION_1);
	if (result != 0) {
		cbd_page_writer_close(&publisher->page);
		return result;
	}
	result = cbd_shm_writer_open(&publisher->shm2, dir, CLOCKBOUND_SHM_VERSION_2);
	if (result != 0) {
		cbd_shm_writer_close(&publisher->shm1);
		cbd_page_writer_close(&publisher->page);
	}
	return result;
}

static int check_page(const struct cbd_page_writer *writer, const struct cbd_runtime_dir *dir)
{
	int result = cbd_mapping_check(&writer->mapping, dir);

	if (result == 0 && !cbd_page_writer_is_page(writer)) {
		cbd_log(CBD_LOG_ERROR, "file_lost",
			"%s/" CBD_PAGE_NAME
			" was overwritten, its magic is gone: ending, so that a new daemon rebuilds it",
			dir->path);
		result = -EBADMSG;
	}
	return result;
}

int cbd_publisher_check(struct cbd_publisher *publisher, const struct cbd_runtime_dir *dir)
{
	int result = cbd_runtime_dir_check(dir);

	if (result == 0) {
		result = check_page(&publisher->page, dir);
	}
	if (result != 0) {
		if (cbd_mapping_is_whole(&publisher->page.mapping)) {
			cbd_page_writer_retire(&publisher->page);
		}
		return result;
	}
	/* From here on the page is in its place, and the next daemon goes on with it. */
	result = cbd_runtime_dir_check_lock(dir);
	if (result == 0) {
		result = cbd_mapping_check(&publisher->shm2.mapping, dir);
	}
	return result != 0 ? result : cbd_mapping_check(&publisher->shm1.mapping, dir);
}

bool cbd_publisher_segment(const struct cbd_publisher *publisher, struct cbd_segment *segment)
{
	/* 1.x is written last: where 2.x is torn it still has the publication before. */
	return cbd_shm_writer_read(&publisher->shm2, segment) ||
	       cbd_shm_writer_read(&publisher->shm1, segment);
}

void cbd_publish(struct cbd_publisher *publisher, const struct cbd_publication *publication)
{
	cbd_page_writer_publish(&publisher->page, publication);
	cbd_shm_writer_publish(&publisher->shm2, &publication->segment);
	cbd_shm_writer_publish(&publisher->shm1, &publication->segment);
	publisher->publications++;
}

void cbd_publisher_tear(struct cbd_publisher *publisher)
{
	cbd_page_writer_tear(&publisher->page);
	cbd_shm_writer_tear(&publisher->shm2);
	cbd_shm_writer_tear(&publisher->shm1);
}

void cbd_publisher_close(struct cbd_publisher *publisher)
{
	cbd_page_writer_close(&publisher->page);
	cbd_shm_writer_close(&publisher->shm1);
	cbd_shm_writer_close(&publisher->shm2);
}
