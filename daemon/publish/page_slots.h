/* SPDX-License-Identifier: Apache-2.0 */
/* How slots and epochs go to and from the page, for page_writer.c, which has them, and page_past.c. */
#ifndef CBD_PUBLISH_PAGE_SLOTS_H
#define CBD_PUBLISH_PAGE_SLOTS_H

#include "daemon/publish/page_writer.h"

/* cbd_page_slot_load - the slot that readers have now */
void cbd_page_slot_load(struct cbd_page_slot *slot, const struct clockbound_page *page);

/*
 * cbd_page_slots_settle - brings the latch to rest, seq even and both slots @slot, from wherever a killed writer left it
 * First the slot that nobody reads, whichever that is, then the other. With the slot that readers have now, they notice
 * nothing.
 */
void cbd_page_slots_settle(struct clockbound_page *page, const struct cbd_page_slot *slot);

/* cbd_page_epochs_store - the file's epochs; orders nothing */
void cbd_page_epochs_store(struct clockbound_page *page, const struct clockbound_epochs *epochs);

#endif
