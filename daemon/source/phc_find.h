/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which /dev/ptpN is meant: by an interface's name or by a path, and the same one again after its driver was bound
 * anew under another number. A device is known by its clock_name and by what it hangs on, never by its number.
 * And whether somebody steers it since: drivers set a clock that they bring up to CLOCK_REALTIME, which makes it look
 * right, but they dial no frequency.
 * Layer: daemon/source; opens nothing.
 */
#ifndef CBD_SOURCE_PHC_FIND_H
#define CBD_SOURCE_PHC_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/source/phc_system.h"

#define CBD_PHC_PATH 256
#define CBD_PHC_NAME 64

/* What a found device is. */
struct cbd_phc_identity {
	char path
		[CBD_PHC_PATH]; /* to open: /dev/ptpN, or the path that was given if its number is not known */
	int index;		/* N; -1: not known, and so neither are the next two */
	char name[CBD_PHC_NAME];   /* clock_name */
	char parent[CBD_PHC_PATH]; /* what it hangs on in /sys; "" for clocks that hang on nothing */
};

/*
 * cbd_phc_find - the device that @what means
 * @what:  a path if there is a '/' in it, else the name of a network interface
 * @known: NULL, or what it was before: a device of the same name on the same parent is then found under any number,
 *         and though its interface has another name by now; another one is refused with -EXDEV
 * Returns 0 or -errno with the reason in @text; @found is untouched then.
 */
int cbd_phc_find(const struct cbd_phc_system *system, const char *what, const struct cbd_phc_identity *known,
		 struct cbd_phc_identity *found, char *text, size_t size);

/* What is known of those who steer a device. */
struct cbd_phc_steer {
	bool is_needed; /* somebody is yet to be seen at work */
	bool has_baseline;
	int64_t baseline; /* what was dialled before; everything else is evidence */
};

/* cbd_phc_steer_forget - no evidence is needed */
void cbd_phc_steer_forget(struct cbd_phc_steer *steer);

/* cbd_phc_steer_need_new - the kernel has made the device's clock anew, with nothing dialled */
void cbd_phc_steer_need_new(struct cbd_phc_steer *steer);

/* cbd_phc_steer_need_set - somebody set the device: what is dialled may be from before, and proves nothing */
void cbd_phc_steer_need_set(struct cbd_phc_steer *steer, const struct cbd_phc_system *system, int fd);

/* cbd_phc_is_adjustable - whether a frequency can be dialled on the device; true if that is not known */
bool cbd_phc_is_adjustable(const struct cbd_phc_system *system, int fd);

/*
 * cbd_phc_steer_look - true if no evidence is needed, or no more; else the reason is in @text
 * A device on which nothing can be dialled (ENA's, a hypervisor's) is maintained elsewhere, and needs none.
 */
bool cbd_phc_steer_look(struct cbd_phc_steer *steer, const struct cbd_phc_system *system, int fd, char *text,
			size_t size);

#endif
