/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a publication to the words of a slot and back. Pure; every rounding is outward and named. It never
 * touches the page itself: that is the writer's.
 */
#ifndef CBD_PUBLISH_PAGE_WORDS_H
#define CBD_PUBLISH_PAGE_WORDS_H

#include "daemon/publish/page_writer.h"

/* cbd_page_words_make - the slot that says what @publication says; @rho_ppb is for its terms */
void cbd_page_words_make(struct cbd_page_slot *slot, const struct cbd_publication *publication,
			 uint32_t rho_ppb);

/*
 * cbd_page_words_read - the lines and ages of a slot, as the core keeps them
 * Fills everything of @inheritance but the epochs. has_lines is false if the lines are not valid or not well formed.
 * Rounding: what was rounded outward on the page stays so; nothing is narrowed.
 */
void cbd_page_words_read(struct cbd_inheritance *inheritance, const struct cbd_page_slot *slot);

/* cbd_page_words_void - a slot that answers nobody: no lines, no bound, @status */
void cbd_page_words_void(struct cbd_page_slot *slot, const struct clockbound_epochs *epochs, uint32_t status);

#endif
