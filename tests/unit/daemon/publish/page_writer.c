/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page's writer, stopped and killed between any two of its stores while a reader reads. Publication v ties
 * its fields together, so that a torn slot shows.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cmocka.h>

#include <clockbound/fast.h>

#include "daemon/publish/page_writer.h"
#include "tests/unit/daemon/publish/scratch.h"

#define UNITS (UINT64_C(1) << CLOCKBOUND_AGE_SHIFT)

static const struct cbd_page_identity identity = {
	.boot_id = {11, 22}, .start_id = 33, .counter_kind = CLOCKBOUND_COUNTER_TSC, .rho_ppb = 50000};

static int stores;
static int act_at; /* at this store; 0: never */
static int act_signal;

void cbd_inject_store(void);
void cbd_inject_store(void)
{
	if (++stores == act_at) {
		raise(act_signal);
	}
}

/* The reader's counter: every age that a test asks for. */
static uint64_t test_counter;

uint64_t clockbound_priv_test_counter(void)
{
	return test_counter;
}

static struct cbd_publication numbered(uint32_t v)
{
	struct cbd_publication publication;

	memset(&publication, 0, sizeof(publication));
	publication.has_lines = true;
	publication.lines.base = v;
	publication.lines.earliest_ns = (int64_t)v * 1000;
	publication.lines.latest_ns = (int64_t)v * 1000 + v;
	publication.lines.earliest_rate = UINT64_C(1) << 58;
	publication.lines.latest_rate = UINT64_C(1) << 58;
	publication.stale_after_ticks = 10 * UNITS;
	publication.void_after_ticks = 20 * UNITS;
	publication.status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID;
	publication.as_of_mono_ns = v;
	publication.as_of_real_ns = v;
	publication.void_after_mono_ns = (int64_t)v + 1000;
	publication.stale_after_mono_ns = (int64_t)v + 500;
	publication.bound_ns = v;
	publication.clock_status = CLOCKBOUND_STATUS_SYNCHRONIZED | CLOCKBOUND_VALID;
	publication.terms.growth_ns = v;
	publication.step_ns = v;
	return publication;
}

static struct cbd_page_writer opened(void)
{
	struct cbd_page_writer writer;

	assert_int_equal(cbd_page_writer_open(&writer, &scratch_dir, &identity), 0);
	return writer;
}

static void publish(struct cbd_page_writer *writer, uint32_t v)
{
	const struct cbd_publication publication = numbered(v);

	cbd_page_writer_publish(writer, &publication);
}

/* The page as a client maps it. */
static const struct clockbound_page *mapped(void)
{
	int fd = open(scratch_file(CBD_PAGE_NAME), O_RDONLY | O_CLOEXEC);
	void *page = mmap(NULL, CLOCKBOUND_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);

	assert_true(page != MAP_FAILED);
	close(fd);
	return page;
}

static void unmap(const struct clockbound_page *page)
{
	munmap((void *)(uintptr_t)page, CLOCKBOUND_PAGE_SIZE);
}

/*
 * Which publication a client sees; each read must answer in its first round, since the writer stands still. The
 * counter is 1000 ticks after the base of publication 1, so that v tells itself by its width and place.
 */
static uint32_t seen(const struct clockbound_page *page)
{
	const clockbound_fast fast = {page, &page->control.epochs, NULL, 0, 0, NULL};
	struct clockbound_priv_clock_snapshot clock;
	clockbound_interval interval = {0};
	uint32_t v;

	test_counter = 1000;
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_OK);
	assert_true(clockbound_is_valid(&interval));
	v = (uint32_t)(interval.latest_ns - interval.earliest_ns - 1);
	assert_int_equal(interval.earliest_ns, (int64_t)v * 1000 + 1000 - v);
	assert_int_equal(clockbound_priv_clock_take(&fast, &clock), CLOCKBOUND_FAST_OK);
	assert_int_equal(clock.bound_ns, v);
	assert_int_equal(clock.as_of_mono_ns, v);
	assert_int_equal(clock.as_of_real_ns, v);
	assert_int_equal(page->terms[page->control.seq & 1].growth_ns, v);
	return v;
}

static void a_publication_is_what_a_client_sees(void **state)
{
	struct cbd_page_writer writer = opened();
	const struct clockbound_page *page = mapped();
	uint32_t v;

	(void)state;
	for (v = 1; v < 5; v++) {
		publish(&writer, v);
		assert_int_equal(seen(page), v);
		assert_int_equal(page->control.seq & 1, 0);
		assert_memory_equal(&page->slot[0], &page->slot[1], sizeof(page->slot[0]));
		assert_int_equal(page->control.publications, v);
	}
	unmap(page);
	cbd_page_writer_close(&writer);
}

static void a_new_page_answers_nobody_before_the_first_publication(void **state)
{
	struct cbd_page_writer writer = opened();
	const struct clockbound_page *page = mapped();
	const clockbound_fast fast = {page, &page->control.epochs, NULL, 0, 0, NULL};
	clockbound_interval interval;
	struct cbd_inheritance inheritance;

	(void)state;
	assert_int_equal(page->identity.magic, CLOCKBOUND_PAGE_MAGIC);
	assert_int_equal(page->identity.start_id, identity.start_id);
	assert_int_equal(page->identity.counter_kind, CLOCKBOUND_COUNTER_TSC);
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_CANNOT);
	assert_int_equal(page->slot[0].clock.status,
			 CLOCKBOUND_STATUS_UNKNOWN | CLOCKBOUND_REASON_NOT_SYNCED_YET);
	assert_false(cbd_page_writer_inherit(&writer, &inheritance));
	unmap(page);
	cbd_page_writer_close(&writer);
}

static void a_restart_keeps_inode_and_interval_and_inherits_the_lines(void **state)
{
	struct cbd_page_writer writer = opened();
	ino_t inode = scratch_inode(CBD_PAGE_NAME);
	const struct clockbound_page *page = mapped();
	struct cbd_inheritance inheritance;

	(void)state;
	publish(&writer, 7);
	cbd_page_writer_close(&writer);
	writer = opened();
	assert_int_equal(scratch_inode(CBD_PAGE_NAME), inode);
	assert_int_equal(seen(page), 7);
	assert_true(cbd_page_writer_inherit(&writer, &inheritance));
	assert_true(inheritance.has_lines);
	assert_int_equal(inheritance.lines.base, 7);
	assert_int_equal(inheritance.lines.earliest_ns, 7000);
	assert_int_equal(inheritance.lines.latest_ns, 7007);
	assert_int_equal(inheritance.void_after_ticks, 20 * UNITS);
	assert_int_equal(inheritance.void_after_mono_ns, 1007);
	unmap(page);
	cbd_page_writer_close(&writer);
}

/* What differs voids the page at once, moves its epochs on, and inherits nothing else. */
static void reopened_elsewhere(const struct cbd_page_identity *other)
{
	struct cbd_page_writer writer = opened();
	const struct clockbound_page *page = mapped();
	const clockbound_fast fast = {page, &page->control.epochs, NULL, 0, 0, NULL};
	struct cbd_publication publication = numbered(7);
	struct cbd_inheritance inheritance;
	clockbound_interval interval;

	publication.counter_epoch = 4;
	publication.clock_epoch = 5;
	publication.rate_epoch = 6;
	cbd_page_writer_publish(&writer, &publication);
	cbd_page_writer_close(&writer);
	assert_int_equal(cbd_page_writer_open(&writer, &scratch_dir, other), 0);
	assert_int_equal(clockbound_fast_now(&fast, &interval), CLOCKBOUND_FAST_CANNOT);
	assert_int_equal(page->slot[page->control.seq & 1].clock.status & CLOCKBOUND_VALID, 0);
	assert_true(cbd_page_writer_inherit(&writer, &inheritance));
	assert_false(inheritance.has_lines);
	assert_int_equal(inheritance.counter_epoch, 5);
	assert_int_equal(inheritance.clock_epoch, 6);
	assert_int_equal(inheritance.rate_epoch, 7);
	assert_int_equal(page->control.epochs.counter_epoch, 5);
	unmap(page);
	cbd_page_writer_close(&writer);
}

static void a_page_of_another_boot_is_voided_and_its_epochs_count_on(void **state)
{
	struct cbd_page_identity other = identity;

	(void)state;
	other.boot_id[1]++;
	reopened_elsewhere(&other);
}

static void a_page_on_another_counter_is_voided_and_its_epochs_count_on(void **state)
{
	struct cbd_page_identity other = identity;

	(void)state;
	other.counter_kind = CLOCKBOUND_COUNTER_NONE;
	reopened_elsewhere(&other);
}

static void lines_of_an_epoch_that_has_passed_are_not_inherited(void **state)
{
	struct cbd_page_writer writer = opened();
	struct cbd_inheritance inheritance;

	(void)state;
	publish(&writer, 7);
	writer.page->control.epochs.counter_epoch = 1; /* a daemon died between the epochs and the slots */
	cbd_page_writer_close(&writer);
	writer = opened();
	assert_true(cbd_page_writer_inherit(&writer, &inheritance));
	assert_false(inheritance.has_lines);
	assert_int_equal(inheritance.counter_epoch, 1);
	/* what the dead daemon knew and could not say: samples from before are not to be believed */
	assert_true((inheritance.status & CLOCKBOUND_REASON_COUNTER_LOST) != 0);
	cbd_page_writer_close(&writer);
}

static void every_invalid_file_is_rebuilt_in_place(void **state)
{
	static uint8_t bytes[CLOCKBOUND_PAGE_SIZE];
	static const size_t sizes[] = {1, 100, CLOCKBOUND_PAGE_SIZE - 1, CLOCKBOUND_PAGE_SIZE};
	size_t i;
	size_t at;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]) * 2; i++) {
		struct cbd_page_writer writer;
		const struct clockbound_page *page;
		ino_t inode;

		for (at = 0; at < sizeof(bytes); at++) {
			bytes[at] = (uint8_t)(at * 7 + i);
		}
		bytes[64] = (uint8_t)i; /* seq, even and odd */
		scratch_write(CBD_PAGE_NAME, bytes, sizes[i / 2]);
		inode = scratch_inode(CBD_PAGE_NAME);
		writer = opened();
		page = mapped();
		assert_int_equal(scratch_inode(CBD_PAGE_NAME), inode);
		assert_false(writer.has_past);
		assert_int_equal(page->control.seq & 1, 0);
		assert_int_equal(page->slot[0].hot.void_after, 0);
		assert_int_equal(page->slot[1].hot.void_after, 0);
		for (at = 0; at < sizeof(page->unused) / sizeof(page->unused[0]); at++) {
			assert_int_equal(page->unused[at], 0);
		}
		publish(&writer, 3);
		assert_int_equal(seen(page), 3);
		unmap(page);
		cbd_page_writer_close(&writer);
	}
}

static void a_later_version_is_not_gone_on_with(void **state)
{
	struct cbd_page_writer writer = opened();

	(void)state;
	publish(&writer, 7);
	writer.page->identity.version = 2;
	cbd_page_writer_close(&writer);
	writer = opened();
	assert_false(writer.has_past);
	assert_int_equal(writer.page->identity.version, CLOCKBOUND_PAGE_VERSION);
	cbd_page_writer_close(&writer);
}

static void changed_epochs_reach_the_page_before_the_slots(void **state)
{
	struct cbd_page_writer writer = opened();
	struct cbd_publication publication = numbered(2);
	const struct clockbound_page *page = mapped();
	pid_t child;
	int status;

	(void)state;
	publish(&writer, 1);
	publication.counter_epoch = 1;
	child = fork();
	if (child == 0) {
		stores = 0;
		act_at = 4; /* both words of the epochs, seq, and then the first store of the slot */
		act_signal = SIGKILL;
		cbd_page_writer_publish(&writer, &publication);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(page->control.epochs.counter_epoch, 1);
	assert_int_equal(page->slot[page->control.seq & 1].hot.counter_epoch, 0);
	unmap(page);
	cbd_page_writer_close(&writer);
}

/* In a child: opens the page as a new daemon and publishes @v, with @action at store @k. Its wait status. */
static int child_acts(int k, int action, uint32_t v, pid_t *pid, int flags)
{
	int status;

	*pid = fork();
	if (*pid == 0) {
		struct cbd_page_writer writer;

		stores = 0;
		act_at = k;
		act_signal = action;
		if (cbd_page_writer_open(&writer, &scratch_dir, &identity) != 0) {
			_exit(2);
		}
		publish(&writer, v);
		_exit(0);
	}
	assert_int_equal(waitpid(*pid, &status, flags), *pid);
	return status;
}

/* How many stores an opening and a publication make. */
static int count_stores(void)
{
	struct cbd_page_writer writer;

	stores = 0;
	writer = opened();
	publish(&writer, 1);
	cbd_page_writer_close(&writer);
	return stores;
}

/* Goal: at each store k a writer is killed; clients see the old or the new whole, and the next daemon goes on. */
static void a_writer_killed_at_any_store_leaves_a_whole_page(void **state)
{
	struct cbd_page_writer writer = opened();
	const struct clockbound_page *page = mapped();
	int last;
	int k;

	(void)state;
	publish(&writer, 1);
	cbd_page_writer_close(&writer);
	last = count_stores();
	assert_true(last > 2 * 32);
	for (k = 1; k <= last; k++) {
		struct cbd_inheritance inheritance;
		uint32_t v;
		pid_t pid;
		int status = child_acts(k, SIGKILL, 2, &pid, 0);

		assert_true(WIFSIGNALED(status));
		v = seen(page);
		assert_true(v == 1 || v == 2);
		/* A second daemon dies too, in the midst of mending. */
		child_acts(k / 2 + 1, SIGKILL, v, &pid, 0);
		assert_int_equal(seen(page), v);
		writer = opened();
		assert_int_equal(seen(page), v);
		assert_true(cbd_page_writer_inherit(&writer, &inheritance));
		assert_true(inheritance.has_lines);
		assert_int_equal(inheritance.lines.base, v);
		/* A step that the lost publication told of shows again. */
		assert_true(inheritance.step_ns >= 1 && inheritance.step_ns <= v);
		publish(&writer, 3);
		assert_int_equal(seen(page), 3);
		publish(&writer, 1);
		cbd_page_writer_close(&writer);
	}
	unmap(page);
}

/* Goal: a writer is stopped at each store k; clients go on, each in one round, and it finishes later. */
static void a_writer_stopped_at_any_store_stalls_nobody(void **state)
{
	struct cbd_page_writer writer = opened();
	const struct clockbound_page *page = mapped();
	int last;
	int k;

	(void)state;
	publish(&writer, 1);
	cbd_page_writer_close(&writer);
	last = count_stores();
	for (k = 1; k <= last; k++) {
		uint32_t before = k % 2 == 0 ? 1 : 2;
		uint32_t after = 3 - before;
		uint32_t v;
		pid_t pid;
		int status;

		writer = opened();
		publish(&writer, before);
		cbd_page_writer_close(&writer);
		status = child_acts(k, SIGSTOP, after, &pid, WUNTRACED);
		assert_true(WIFSTOPPED(status));
		v = seen(page);
		assert_true(v == before || v == after);
		kill(pid, SIGCONT);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(seen(page), after);
	}
	unmap(page);
}

static void the_boot_id_is_the_kernels_and_start_ids_differ(void **state)
{
	struct cbd_page_identity one;
	struct cbd_page_identity two;

	(void)state;
	assert_int_equal(cbd_page_identity_fill(&one), 0);
	assert_int_equal(cbd_page_identity_fill(&two), 0);
	assert_memory_equal(one.boot_id, two.boot_id, sizeof(one.boot_id));
	assert_true((one.boot_id[0] | one.boot_id[1]) != 0);
	assert_true(one.start_id != two.start_id);
	assert_true(one.start_id != 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_publication_is_what_a_client_sees),
		TEST(a_new_page_answers_nobody_before_the_first_publication),
		TEST(a_restart_keeps_inode_and_interval_and_inherits_the_lines),
		TEST(a_page_of_another_boot_is_voided_and_its_epochs_count_on),
		TEST(a_page_on_another_counter_is_voided_and_its_epochs_count_on),
		TEST(lines_of_an_epoch_that_has_passed_are_not_inherited),
		TEST(every_invalid_file_is_rebuilt_in_place),
		TEST(a_later_version_is_not_gone_on_with),
		TEST(changed_epochs_reach_the_page_before_the_slots),
		TEST(a_writer_killed_at_any_store_leaves_a_whole_page),
		TEST(a_writer_stopped_at_any_store_stalls_nobody),
		cmocka_unit_test(the_boot_id_is_the_kernels_and_start_ids_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
