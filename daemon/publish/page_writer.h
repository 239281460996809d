/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer of our page (uapi/clockbound/page.h). It goes on with the page that a former daemon left, so that
 * its clients keep their mapping, and repairs whatever a killed one left half done. It decides nothing about
 * time: it maps a publication to words, rounded outward. One thread, one writer a file (the directory's lock).
 */
#ifndef CBD_PUBLISH_PAGE_WRITER_H
#define CBD_PUBLISH_PAGE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include <clockbound/page.h>

#include "daemon/core/core.h"
#include "daemon/publish/mapping.h"

#define CBD_PAGE_NAME "page"

/* One slot in private memory. */
struct cbd_page_slot {
	struct clockbound_hot hot;
	struct clockbound_clock clock;
	struct clockbound_terms terms;
	struct clockbound_memory memory;
	int64_t leap_ns;
};

/* What the page says about who writes it. */
struct cbd_page_identity {
	uint64_t boot_id[2];   /* the kernel's 32 hexadecimal digits as two numbers, first half first */
	uint64_t start_id;     /* not 0 */
	uint32_t counter_kind; /* CLOCKBOUND_COUNTER_* */
	uint64_t counter_hz;   /* nominal, for display; 0 unknown */
	uint32_t rho_ppb;      /* --max-drift-rate, repeated in the terms of every slot */
};

struct cbd_page_writer {
	struct cbd_mapping mapping;
	struct clockbound_page *page;
	uint32_t rho_ppb;
	bool has_past;		      /* the page was valid when it was opened */
	bool is_following;	      /* the epochs are another's: cbd_page_writer_follow() */
	bool is_same_boot;	      /* and of this boot */
	bool is_same_world;	      /* and of this counter */
	struct cbd_page_slot found;   /* the slot readers had then; meaningful if is_same_world */
	struct clockbound_epochs was; /* the page's epochs since it was opened, before any publication */
	int64_t former_bound_ns;      /* the clock half of `found` before any look, as the next */
	uint32_t former_drift_ppb;
	bool is_standing;     /* nothing was published since cbd_page_writer_look_back() */
	bool is_rate_charged; /* ... which has widened it by all changes of the rate */
};

/*
 * cbd_page_identity_fill - fills in this boot's id and a new random start id
 * Returns 0, or -errno if the kernel gives no boot id. Logged.
 */
int cbd_page_identity_fill(struct cbd_page_identity *identity);

/*
 * cbd_page_writer_open - maps the page of @dir and makes it a valid one
 * A valid page of this boot and counter keeps what it says until the first publication. One of another boot or
 * counter is voided first, with its epochs moved on: nothing in it means anything here. Anything else is
 * rebuilt in place: not valid, NOT_SYNCED_YET. Returns 0 or -errno (logged).
 */
int cbd_page_writer_open(struct cbd_page_writer *writer, const struct cbd_runtime_dir *dir,
			 const struct cbd_page_identity *identity);

/*
 * cbd_page_writer_inherit - what a former daemon published, for cbd_core_inherit()
 * Returns false if there was no page. Epochs are always the page's, which only go up; the lines are inherited
 * only from this boot, this counter and an epoch not changed since, and if they are well formed.
 */
bool cbd_page_writer_inherit(const struct cbd_page_writer *writer, struct cbd_inheritance *inheritance);

/* cbd_page_writer_home - id of the kernel page that the file names as the epochs' home; 0: the file itself */
uint64_t cbd_page_writer_home(const struct cbd_page_writer *writer);

/*
 * cbd_page_writer_next_epochs - numbers with which a home of the epochs that takes over from here begins
 * Higher than any that the present home may have reached, although its daemon died before it mirrored them: a
 * reader that still looks at the old home finds no slot with these numbers and asks for the new one.
 */
struct clockbound_epochs cbd_page_writer_next_epochs(const struct cbd_page_writer *writer);

/*
 * cbd_page_writer_look_back - whether clock and counter are what they were when a former daemon published last
 * @now: read once whatever serves now counts already; NULL: nothing could be read
 * A home that is gone may have marked what nobody mirrored, and nobody marked what came after it. What cannot be
 * shown to stand still is not valid for readers of the file from here on, and no other home makes it so: returns
 * CBD_REQUEST_BUMP_EPOCH for the clock and CBD_REQUEST_BUMP_COUNTER, for a home that stays. What stands still stays
 * valid, the clock's bound and drift wider by what its rate may have been changed, and by the step that would not be
 * seen. CBD_REQUEST_BUMP_RATE: the rate was changed, so that a stamp of then cannot be answered. Once, before
 * cbd_page_writer_set_home().
 */
uint32_t cbd_page_writer_look_back(struct cbd_page_writer *writer, const struct cbd_anchor *now);

/*
 * cbd_page_writer_look_again - the same while the former daemon's publication goes on to stand
 * Widens it, and returns what cbd_page_writer_look_back() does; the epochs are the home's by now, and left alone.
 */
uint32_t cbd_page_writer_look_again(struct cbd_page_writer *writer, const struct cbd_anchor *now);

/*
 * cbd_page_writer_set_home - from now on the kernel page @id is the home of the epochs; 0: the file itself
 * @epochs:   what the new home was seeded with, from cbd_page_writer_next_epochs(), not what it says by now
 * @rate_sum: the same of its rate_sum; 0 without a kernel page
 * What readers have now stands, under the new numbers; what had not taken the old ones into account has not
 * taken these either, but for changes of the rate for which cbd_page_writer_look_back() has widened it. Before
 * cbd_page_writer_inherit() at start. A home that stays the same changes nothing.
 */
void cbd_page_writer_set_home(struct cbd_page_writer *writer, uint64_t id,
			      const struct clockbound_epochs *epochs, uint64_t rate_sum);

/*
 * cbd_page_writer_follow - the file's epochs are @epochs, which the probe counts
 * At once: a slot that has not taken them into account is no more valid for readers of the file's epochs. From the
 * first call on cbd_page_writer_publish() leaves the file's epochs alone.
 */
void cbd_page_writer_follow(struct cbd_page_writer *writer, const struct clockbound_epochs *epochs);

/*
 * cbd_page_writer_publish - makes @publication what readers see
 * Epochs that changed are written before the slots: a reader between sees a slot that has not taken them into
 * account, never the reverse. Rounding: earliest and its rate down, latest and its rate up, ages down.
 * Lines that do not fit the page's words are void.
 */
void cbd_page_writer_publish(struct cbd_page_writer *writer, const struct cbd_publication *publication);

/* cbd_page_writer_is_page - false if somebody has overwritten the page's magic */
bool cbd_page_writer_is_page(const struct cbd_page_writer *writer);

/*
 * cbd_page_writer_retire - tells clients that have the page mapped to open again
 * The page says what it said, until its void-after; nothing may be published in it any more.
 */
void cbd_page_writer_retire(struct cbd_page_writer *writer);

/* cbd_page_writer_tear - stops in the middle of a publication: slot 0 is half written, readers take slot 1. The next
 * publication mends it. */
void cbd_page_writer_tear(struct cbd_page_writer *writer);

/* cbd_page_writer_close - unmaps; the page stays, in holdover until its void-after */
void cbd_page_writer_close(struct cbd_page_writer *writer);

#endif
