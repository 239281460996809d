/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a synchronised segment of just now, as upstream's daemon would.   usage: segment 1|2 FILE */
#include <clockbound/shm.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

static void fill_header(struct clockbound_shm_header *header, uint32_t size, uint16_t version)
{
	header->magic[0] = CLOCKBOUND_SHM_MAGIC_0;
	header->magic[1] = CLOCKBOUND_SHM_MAGIC_1;
	header->size = size;
	header->version = version;
	header->generation = 2;
}

int main(int argc, char **argv)
{
	struct clockbound_shm1 shm1;
	struct clockbound_shm2 shm2;
	struct timespec now;
	const void *bytes;
	size_t size;
	FILE *file;
	size_t written;

	if (argc != 3) {
		return 2;
	}
	memset(&shm1, 0, sizeof(shm1));
	memset(&shm2, 0, sizeof(shm2));
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	fill_header(&shm1.header, sizeof(shm1), CLOCKBOUND_SHM_VERSION_1);
	fill_header(&shm2.header, sizeof(shm2), CLOCKBOUND_SHM_VERSION_2);
	shm1.as_of.sec = now.tv_sec;
	shm1.as_of.nsec = now.tv_nsec;
	shm1.void_after.sec = now.tv_sec + CLOCKBOUND_SHM_VOID_AFTER_SEC;
	shm1.bound_nsec = 1000;
	shm1.max_drift_ppb = 50000;
	shm1.clock_status = (int32_t)CLOCKBOUND_STATUS_SYNCHRONIZED;
	shm2.as_of = shm1.as_of;
	shm2.void_after = shm1.void_after;
	shm2.bound_nsec = shm1.bound_nsec;
	shm2.max_drift_ppb = shm1.max_drift_ppb;
	shm2.clock_status = shm1.clock_status;
	bytes = argv[1][0] == '1' ? (const void *)&shm1 : (const void *)&shm2;
	size = argv[1][0] == '1' ? sizeof(shm1) : sizeof(shm2);
	file = fopen(argv[2], "wb");
	if (file == NULL) {
		return 1;
	}
	written = fwrite(bytes, size, 1, file);
	return fclose(file) == 0 && written == 1 ? 0 : 1;
}
