/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far a PHC may be from true time, as the ENA driver's file phc_error_bound says it. What cannot be read as a
 * bound is no bound, never a perfect one: 0 means that the device has not been read since it was reset, and the
 * driver's own mark of a failed read is refused too. Layer: daemon/source.
 */
#ifndef CBD_SOURCE_PHC_BOUND_H
#define CBD_SOURCE_PHC_BOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/source/phc_find.h"

/* Larger than this is no bound of a clock that anybody follows: a second. */
#define CBD_PHC_BOUND_MAX_NS INT64_C(1000000000)

/* Where the file may stand. */
struct cbd_phc_bound_files {
	char path[3][CBD_PHC_PATH]; /* in the order they are tried; "" for none */
};

/*
 * cbd_phc_bound_files_of - of the PHC itself, of the interface (where upstream's daemon looks), and of the PCI device
 * that the interface's uevent names
 * @interface: NULL or "" if it is not known
 */
void cbd_phc_bound_files_of(struct cbd_phc_bound_files *files, const struct cbd_phc_system *system, int index,
			    const char *interface);

/* cbd_phc_bound_parse - the bound that a file's @text says; 0 or -EINVAL (text, 0, negative, out of range) */
int cbd_phc_bound_parse(const char *text, int64_t *bound_ns);

/*
 * cbd_phc_bound_read - from the first of the files that is there
 * Returns 0, or -errno with the reason in @text: -ENOENT when none is there.
 */
int cbd_phc_bound_read(const struct cbd_phc_system *system, const struct cbd_phc_bound_files *files,
		       int64_t *bound_ns, char *text, size_t size);

#endif
