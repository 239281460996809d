/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See page_writer.h. Every word of the page is stored by store(), and readers are sent from slot to slot by
 * advance(): between any two of these calls the process may die, and the slot that seq names is whole.
 */
#include "daemon/publish/page_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <clockbound/seq.h>

#include "daemon/log.h"
#include "daemon/publish/inject.h"
#include "daemon/publish/page_slots.h"
#include "daemon/publish/page_words.h"

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define NOT_YET	     (CLOCKBOUND_STATUS_UNKNOWN | CLOCKBOUND_REASON_NOT_SYNCED_YET)

/* How many changes a home of the epochs may have counted that its daemon had no time to mirror; of the form 2^n - 1.
 * The counter's are resumes and changes of the clocksource; of the clock's a program may make 10^5 a second. */
#define COUNTER_UNSEEN 0xffffu
#define CLOCK_UNSEEN   0xfffffu

/* The only function that stores a word of the page, but for seq, the magic and the home's name. */
static void store(void *word, uint64_t value)
{
	CBD_INJECT_STORE();
	CLOCKBOUND_PRIV_STORE((uint64_t *)word, value);
}

/* Sends readers to the other slot. */
static void advance(struct clockbound_page *page)
{
	CBD_INJECT_STORE();
	clockbound_priv_seq_advance(&page->control.seq);
}

/* Whole words only: every line of the page is a multiple of 8 bytes, aligned. */
static void store_words(void *to, const void *from, size_t size)
{
	size_t at;
	uint64_t word;

	for (at = 0; at < size; at += sizeof(word)) {
		memcpy(&word, (const char *)from + at, sizeof(word));
		store((char *)to + at, word);
	}
}

static void load_words(void *to, const void *from, size_t size)
{
	size_t at;
	uint64_t word;

	for (at = 0; at < size; at += sizeof(word)) {
		word = CLOCKBOUND_PRIV_LOAD((const uint64_t *)(const void *)((const char *)from + at));
		memcpy((char *)to + at, &word, sizeof(word));
	}
}

static void store_slot(struct clockbound_page *page, unsigned int index, const struct cbd_page_slot *slot)
{
	store_words(&page->slot[index].hot, &slot->hot, sizeof(slot->hot));
	store_words(&page->slot[index].clock, &slot->clock, sizeof(slot->clock));
	store_words(&page->terms[index], &slot->terms, sizeof(slot->terms));
	store_words(&page->memory[index], &slot->memory, sizeof(slot->memory));
	store_words(&page->leap_ns[index], &slot->leap_ns, sizeof(slot->leap_ns));
}

void cbd_page_slot_load(struct cbd_page_slot *slot, const struct clockbound_page *page)
{
	unsigned int index = page->control.seq & 1;

	load_words(&slot->hot, &page->slot[index].hot, sizeof(slot->hot));
	load_words(&slot->clock, &page->slot[index].clock, sizeof(slot->clock));
	load_words(&slot->terms, &page->terms[index], sizeof(slot->terms));
	load_words(&slot->memory, &page->memory[index], sizeof(slot->memory));
	load_words(&slot->leap_ns, &page->leap_ns[index], sizeof(slot->leap_ns));
}

void cbd_page_slots_settle(struct clockbound_page *page, const struct cbd_page_slot *slot)
{
	unsigned int live = page->control.seq & 1;

	store_slot(page, live ^ 1, slot);
	advance(page);
	store_slot(page, live, slot);
	if ((page->control.seq & 1) != 0) {
		advance(page);
	}
}

static bool is_valid(const struct cbd_mapping *mapping)
{
	const struct clockbound_identity *identity = mapping->address;

	return mapping->size_found >= CLOCKBOUND_PAGE_SIZE && identity->magic == CLOCKBOUND_PAGE_MAGIC &&
	       identity->version == CLOCKBOUND_PAGE_VERSION &&
	       identity->compat_version == CLOCKBOUND_PAGE_COMPAT_VERSION &&
	       identity->size == CLOCKBOUND_PAGE_SIZE;
}

void cbd_page_epochs_store(struct clockbound_page *page, const struct clockbound_epochs *epochs)
{
	store_words(&page->control.epochs, epochs, sizeof(*epochs));
}

/* The counter is another, the boot is not: what befell CLOCK_REALTIME and chronyd's samples still counts. */
static uint32_t outliving_reasons(const struct cbd_page_slot *slot)
{
	uint32_t status = slot->hot.status | slot->clock.status;

	/* X's line stood on the counter that is gone. */
	return (status & CBD_EVENTS) |
	       ((slot->hot.status & CLOCKBOUND_REASON_NOT_SYNCED_YET) == 0 ? CLOCKBOUND_REASON_SURPRISE : 0);
}

/* Goes on with a page that clients may be reading. */
static void go_on(struct cbd_page_writer *writer, const struct cbd_page_identity *identity)
{
	struct clockbound_page *page = writer->page;

	cbd_page_slot_load(&writer->found, page);
	load_words(&writer->was, &page->control.epochs, sizeof(writer->was));
	writer->was.flags = 0;
	writer->has_past = true;
	writer->is_same_boot = page->identity.boot_id[0] == identity->boot_id[0] &&
			       page->identity.boot_id[1] == identity->boot_id[1];
	writer->is_same_world = writer->is_same_boot && page->identity.counter_kind == identity->counter_kind;
	if (!writer->is_same_world) {
		writer->was.counter_epoch++;
		writer->was.clock_epoch++;
		writer->was.rate_epoch++;
		uint32_t reasons = writer->is_same_boot ? outliving_reasons(&writer->found) : 0;
		int64_t suspend_ns = writer->is_same_boot ? writer->found.terms.suspend_ns : 0;
		int64_t leap_ns = writer->is_same_boot ? writer->found.leap_ns : 0;

		cbd_page_words_void(&writer->found, &writer->was, NOT_YET | reasons);
		writer->found.terms.suspend_ns = suspend_ns;
		writer->found.leap_ns = leap_ns;
	}
	cbd_page_epochs_store(page, &writer->was);
	cbd_page_slots_settle(page, &writer->found);
}

/* Makes a page of a file that is none: no client has it open as one, but one that is being made has no magic. */
static void rebuild(struct cbd_page_writer *writer)
{
	static const uint64_t zero[64];
	struct clockbound_page *page = writer->page;
	struct cbd_page_slot slot;
	size_t at;

	store(&page->identity.magic, 0);
	memset(&writer->was, 0, sizeof(writer->was));
	cbd_page_epochs_store(page, &writer->was);
	store(&page->control.publications, 0);
	store(&page->control.kernel_page_id, 0);
	store_words(page->control.reserved1, zero, sizeof(page->control.reserved1));
	store((uint64_t *)&page->control.step_ns, 0);
	for (at = 0; at < sizeof(page->unused) / sizeof(page->unused[0]); at++) {
		store(&page->unused[at], 0);
	}
	cbd_page_words_void(&slot, &writer->was, NOT_YET);
	cbd_page_slots_settle(page, &slot);
}

/* Everything of line 0; the magic last, which makes the page one. */
static void identify(struct clockbound_page *page, const struct cbd_page_identity *from)
{
	struct clockbound_identity identity = {
		.magic = CLOCKBOUND_PAGE_MAGIC,
		.version = CLOCKBOUND_PAGE_VERSION,
		.compat_version = CLOCKBOUND_PAGE_COMPAT_VERSION,
		.size = CLOCKBOUND_PAGE_SIZE,
		.capabilities = CLOCKBOUND_CAP_TERMS,
		.start_id = from->start_id,
		.boot_id = {from->boot_id[0], from->boot_id[1]},
		.counter_kind = from->counter_kind,
		.counter_hz = from->counter_hz,
	};
	size_t skip = sizeof(identity.magic);

	store_words((char *)&page->identity + skip, (char *)&identity + skip, sizeof(identity) - skip);
	CBD_INJECT_STORE();
	clockbound_priv_magic_store(&page->identity.magic, identity.magic);
}

int cbd_page_identity_fill(struct cbd_page_identity *identity)
{
	char text[64] = "";
	int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
	int digits = 0;
	const char *at;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0) {
		int error = errno;

		cbd_log(CBD_LOG_ERROR, "boot_id_failed", "cannot read " BOOT_ID_PATH ": %s", strerror(error));
		if (fd >= 0) {
			close(fd);
		}
		return -error;
	}
	close(fd);
	memset(identity->boot_id, 0, sizeof(identity->boot_id));
	for (at = text; *at != '\0' && digits < 32; at++) {
		static const char hex[] = "0123456789abcdef";
		const char *digit = strchr(hex, *at);

		if (digit != NULL) {
			identity->boot_id[digits / 16] =
				identity->boot_id[digits / 16] << 4 | (uint64_t)(digit - hex);
			digits++;
		}
	}
	if (digits != 32 || getrandom(&identity->start_id, sizeof(identity->start_id), 0) < 0) {
		cbd_log(CBD_LOG_ERROR, "boot_id_failed", BOOT_ID_PATH " does not hold 32 hexadecimal digits");
		return -EINVAL;
	}
	identity->start_id |= identity->start_id == 0;
	return 0;
}

int cbd_page_writer_open(struct cbd_page_writer *writer, const struct cbd_runtime_dir *dir,
			 const struct cbd_page_identity *identity)
{
	int result;

	memset(writer, 0, sizeof(*writer));
	result = cbd_mapping_open(&writer->mapping, dir, CBD_PAGE_NAME, CLOCKBOUND_PAGE_SIZE);
	if (result != 0) {
		return result;
	}
	writer->page = writer->mapping.address;
	writer->rho_ppb = identity->rho_ppb;
	if (is_valid(&writer->mapping)) {
		go_on(writer, identity);
	} else {
		if (writer->mapping.size_found != 0) {
			cbd_log(CBD_LOG_NOTICE, "page_rebuilt",
				"%s/" CBD_PAGE_NAME " is not a valid page (%zu bytes): rebuilt", dir->path,
				writer->mapping.size_found);
		}
		rebuild(writer);
	}
	identify(writer->page, identity);
	return 0;
}

uint64_t cbd_page_writer_home(const struct cbd_page_writer *writer)
{
	return writer->page->control.kernel_page_id;
}

struct clockbound_epochs cbd_page_writer_next_epochs(const struct cbd_page_writer *writer)
{
	struct clockbound_epochs epochs;

	load_words(&epochs, &writer->page->control.epochs, sizeof(epochs));
	epochs.counter_epoch = (epochs.counter_epoch | COUNTER_UNSEEN) + 1;
	epochs.clock_epoch = (epochs.clock_epoch | CLOCK_UNSEEN) + 1;
	epochs.rate_epoch = (epochs.rate_epoch | CLOCK_UNSEEN) + 1;
	epochs.flags = 0;
	return epochs;
}

void cbd_page_writer_set_home(struct cbd_page_writer *writer, uint64_t id,
			      const struct clockbound_epochs *epochs, uint64_t rate_sum)
{
	struct clockbound_page *page = writer->page;
	struct clockbound_epochs was;
	struct cbd_page_slot slot;

	if (page->control.kernel_page_id == id) {
		writer->is_rate_charged = false;
		return;
	}
	load_words(&was, &page->control.epochs, sizeof(was));
	cbd_page_slot_load(&slot, page);
	if (slot.hot.counter_epoch == was.counter_epoch) {
		slot.hot.counter_epoch = epochs->counter_epoch;
	}
	if (slot.clock.clock_epoch == was.clock_epoch) {
		slot.clock.clock_epoch = epochs->clock_epoch;
	}
	if (slot.clock.rate_epoch == was.rate_epoch) {
		slot.clock.rate_epoch = epochs->rate_epoch;
		slot.clock.rate_sum = rate_sum;
	} else if (writer->is_rate_charged) {
		/* Charged, but not for a clock reading of then: that is not answered. */
		slot.clock.rate_epoch = epochs->rate_epoch - 1;
		slot.clock.rate_sum = rate_sum;
	}
	/* The home's name first: a reader whom the new numbers send to the slow path finds it there. */
	CBD_INJECT_STORE();
	clockbound_priv_home_store(&page->control.kernel_page_id, id);
	cbd_page_epochs_store(page, epochs);
	cbd_page_slots_settle(page, &slot);
	writer->found = slot;
	writer->was = *epochs;
	writer->is_rate_charged = false;
}

bool cbd_page_writer_inherit(const struct cbd_page_writer *writer, struct cbd_inheritance *inheritance)
{
	if (!writer->has_past) {
		return false;
	}
	cbd_page_words_read(inheritance, &writer->found);
	if (!writer->is_same_world) {
		inheritance->has_lines = false;
		inheritance->memory = (struct cbd_memory){.leap_ns = writer->found.leap_ns};
	}
	if (writer->found.hot.counter_epoch != writer->was.counter_epoch) {
		inheritance->has_lines = false;
		/* Somebody knew that the counter was lost, and died before the slot could say so. */
		inheritance->status |= CLOCKBOUND_REASON_COUNTER_LOST;
	}
	inheritance->step_ns = writer->is_same_boot ? writer->page->control.step_ns : 0;
	inheritance->counter_epoch = writer->was.counter_epoch;
	inheritance->clock_epoch = writer->was.clock_epoch;
	inheritance->rate_epoch = writer->was.rate_epoch;
	return true;
}

void cbd_page_writer_follow(struct cbd_page_writer *writer, const struct clockbound_epochs *epochs)
{
	struct clockbound_page *page = writer->page;

	writer->is_following = true;
	if (memcmp(&page->control.epochs, epochs, sizeof(*epochs)) != 0) {
		/* advance() orders them before the next slot, and set_home() before another home's name. */
		cbd_page_epochs_store(page, epochs);
	}
}

void cbd_page_writer_publish(struct cbd_page_writer *writer, const struct cbd_publication *publication)
{
	struct clockbound_page *page = writer->page;
	const struct clockbound_epochs epochs = {
		.counter_epoch = publication->counter_epoch,
		.clock_epoch = publication->clock_epoch,
		.rate_epoch = publication->rate_epoch,
	};
	struct cbd_page_slot slot;

	writer->is_standing = false;
	cbd_page_words_make(&slot, publication, writer->rho_ppb);
	if (!writer->is_following && memcmp(&page->control.epochs, &epochs, sizeof(epochs)) != 0) {
		/* advance() orders them before the slots. */
		cbd_page_epochs_store(page, &epochs);
	}
	if ((page->control.seq & 1) == 0) {
		advance(page); /* odd: readers take slot 1. It is odd already after cbd_page_writer_tear() */
	}
	store_slot(page, 0, &slot);
	advance(page); /* even: readers take slot 0 */
	store_slot(page, 1, &slot);
	/* After the slots that tell of a step: a daemon that dies before them leaves it to the next one to see. */
	store((uint64_t *)&page->control.step_ns, (uint64_t)publication->step_ns);
	store(&page->control.publications, page->control.publications + 1);
}

void cbd_page_writer_tear(struct cbd_page_writer *writer)
{
	static const struct clockbound_hot torn = {.base = UINT64_MAX, .earliest_ns = INT64_MAX};

	if ((writer->page->control.seq & 1) == 0) {
		advance(writer->page);
	}
	store_words(&writer->page->slot[0].hot, &torn, sizeof(torn) / 2);
}

bool cbd_page_writer_is_page(const struct cbd_page_writer *writer)
{
	return clockbound_priv_magic_load(&writer->page->identity.magic) == CLOCKBOUND_PAGE_MAGIC;
}

void cbd_page_writer_retire(struct cbd_page_writer *writer)
{
	struct clockbound_epochs epochs;

	load_words(&epochs, &writer->page->control.epochs, sizeof(epochs));
	epochs.flags |= CLOCKBOUND_EPOCH_RETIRED;
	cbd_page_epochs_store(writer->page, &epochs);
}

void cbd_page_writer_close(struct cbd_page_writer *writer)
{
	cbd_mapping_close(&writer->mapping);
	writer->page = NULL;
}
