/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel page in the library: asked of a daemon that a thread plays, mapped from a file in the place of the
 * map. Daemons come and go; readers must never believe the map of one that is gone.
 */
#include "tests/unit/client/world.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <clockbound/fast.h>
#include "client/src/context.h"
#include "tests/unit/client/kernel_home.h"

/* As the daemon does it: the home's name, its first numbers, then both slots under these. */
static void set_home(uint64_t id, uint32_t first)
{
	int i;

	__atomic_store_n(&page->control.kernel_page_id, id, __ATOMIC_RELEASE);
	CLOCKBOUND_PRIV_STORE(&page->control.epochs.counter_epoch, first);
	CLOCKBOUND_PRIV_STORE(&page->control.epochs.clock_epoch, first);
	CLOCKBOUND_PRIV_STORE(&page->control.epochs.rate_epoch, first);
	for (i = 1; i >= 0; i--) { /* seq is even: slot 1 is the one that nobody reads */
		CLOCKBOUND_PRIV_STORE(&page->slot[i].hot.counter_epoch, first);
		CLOCKBOUND_PRIV_STORE(&page->slot[i].clock.clock_epoch, first);
		CLOCKBOUND_PRIV_STORE(&page->slot[i].clock.rate_epoch, first);
		clockbound_priv_seq_advance(&page->control.seq);
	}
}

static void the_opener_reads_the_kernels_epochs(void **state)
{
	clockbound_fast *fast = opened();
	clockbound_interval interval;

	(void)state;
	assert_true(clockbound_fast_has_kernel_page(fast));
	assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_OK);
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	kernel->epochs.counter_epoch = 1; /* the file still says 0 */
	assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_CANNOT);
	clockbound_fast_close(fast);
}

static void upstreams_call_uses_the_kernels_epochs_too(void **state)
{
	clockbound_ctx *ctx = clockbound_open(world_path("page"), NULL);
	clockbound_now_result result;

	(void)state;
	assert_non_null(ctx);
	assert_true(clockbound_fast_has_kernel_page(&ctx->fast));
	page->slot[0].hot.short_after = 0; /* no lines: the clock serves */
	page->slot[0].hot.void_after = 0;
	assert_null(clockbound_now(ctx, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_SYNCHRONIZED);
	kernel->epochs.clock_epoch = 1;
	assert_null(clockbound_now(ctx, &result));
	assert_int_equal(result.clock_status, CLOCKBOUND_STA_DISRUPTED);
	clockbound_close(ctx);
}

static void a_step_in_the_kernels_page_disrupts_the_clock_at_once(void **state)
{
	clockbound_fast *fast = opened();

	(void)state;
	kernel->epochs.clock_epoch = 1;
	assert_int_equal(clock_now(fast).status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_STEP);
	page->slot[0].clock.clock_epoch = 1;
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	clockbound_fast_close(fast);
}

static void without_a_daemon_the_files_words_serve(void **state)
{
	clockbound_interval interval;
	clockbound_fast *fast;

	(void)state;
	stop_daemon();
	fast = opened();
	assert_false(clockbound_fast_has_kernel_page(fast));
	assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_OK);
	page->control.epochs.counter_epoch = 1;
	assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_CANNOT);
	clockbound_fast_close(fast);
	start_daemon();
}

static void a_page_that_names_no_kernel_page_asks_nobody(void **state)
{
	clockbound_fast *fast;

	(void)state;
	page->control.kernel_page_id = 0;
	fast = opened();
	assert_false(clockbound_fast_has_kernel_page(fast));
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	assert_int_equal(daemon_side.asked, 0);
	clockbound_fast_close(fast);
}

static void is_not_taken(void)
{
	clockbound_fast *fast = opened();

	assert_false(clockbound_fast_has_kernel_page(fast));
	assert_int_equal(clock_now(fast).status & CLOCKBOUND_STATUS_MASK, CLOCKBOUND_STATUS_SYNCHRONIZED);
	clockbound_fast_close(fast);
}

static void what_is_not_this_pages_kernel_page_is_not_taken(void **state)
{
	(void)state;
	kernel->magic++;
	is_not_taken();
	kernel->magic--;
	kernel->version++;
	is_not_taken();
	kernel->version--;
	kernel->size--;
	is_not_taken();
	kernel->size++;
	kernel->boot_id[1]++;
	is_not_taken();
	kernel->boot_id[1]--;
	kernel->id++;
	is_not_taken();
	kernel->id--;
	daemon_side.id = ID + 1;
	is_not_taken();
	daemon_side.id = 0;
	is_not_taken();
	daemon_side.id = ID;
	page->control.epochs.rate_epoch = 1; /* the file is never ahead of the page that it follows */
	is_not_taken();
	page->control.epochs.rate_epoch = 0;
	world_file("short", kernel, sizeof(*kernel) - 1);
	daemon_side.map = "short";
	is_not_taken();
	daemon_side.map = "map";
	{
		clockbound_fast *fast = opened();

		assert_true(clockbound_fast_has_kernel_page(fast));
		clockbound_fast_close(fast);
	}
}

static void a_daemon_that_does_not_answer_is_given_up_and_asked_again_a_second_later(void **state)
{
	clockbound_fast *fast;

	(void)state;
	daemon_side.is_silent = true;
	fast = opened();
	assert_false(clockbound_fast_has_kernel_page(fast));
	assert_int_equal(daemon_side.asked, 1);
	world_pass(999999999);
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	assert_int_equal(daemon_side.asked, 1);
	world_pass(1);
	errno = 0;
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	assert_int_equal(errno, 0);
	assert_int_equal(daemon_side.asked, 2);
	clockbound_fast_close(fast);
}

static void a_daemon_that_comes_back_with_another_map_is_followed(void **state)
{
	clockbound_fast *fast = opened();
	const struct clockbound_epochs *place = fast->epochs;
	clockbound_interval interval;
	uint32_t i;

	(void)state;
	for (i = 1; i <= 50; i++) {
		kernel = make_map("map", ID + i, i << 20);
		daemon_side.id = ID + i;
		assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_OK);
		set_home(ID + i, i << 20);
		/* Never by the dead map: the leaf cannot, and the whole read finds the new one. */
		assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_CANNOT);
		clockbound_interval_now(fast, &interval);
		assert_int_equal(interval.status, SYNCHRONIZED);
		assert_int_equal(interval.source, CLOCKBOUND_SOURCE_COUNTER);
		assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_OK);
		assert_true(clockbound_fast_has_kernel_page(fast));
		assert_ptr_equal(fast->epochs, place); /* one mapping, however many daemons */
		kernel->epochs.counter_epoch++;
		assert_int_equal(clockbound_fast_now(fast, &interval), CLOCKBOUND_FAST_CANNOT);
		kernel->epochs.counter_epoch--;
	}
	assert_int_equal(daemon_side.asked, 51);
	clockbound_fast_close(fast);
}

static void a_daemon_that_comes_back_without_a_map_is_followed_to_the_file(void **state)
{
	clockbound_fast *fast = opened();
	clockbound_interval interval;

	(void)state;
	set_home(0, 1u << 20);
	clockbound_interval_now(fast, &interval);
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_false(clockbound_fast_has_kernel_page(fast));
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	kernel = make_map("map", ID + 1, 2u << 20);
	daemon_side.id = ID + 1;
	set_home(ID + 1, 2u << 20);
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	assert_true(clockbound_fast_has_kernel_page(fast));
	clockbound_fast_close(fast);
}

static void a_dead_map_is_never_believed_even_if_the_new_one_is_not_given(void **state)
{
	clockbound_fast *fast = opened();
	clockbound_interval interval;

	(void)state;
	set_home(ID + 1, 1u << 20);	  /* the socket still serves the old one */
	kernel->epochs.counter_epoch = 5; /* what its daemon had no time to mirror */
	kernel->epochs.clock_epoch = 1u << 20;
	clockbound_interval_now(fast, &interval);
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_false(clockbound_fast_has_kernel_page(fast));
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	page->control.epochs.clock_epoch++;
	assert_int_equal(clock_now(fast).status, CLOCKBOUND_STATUS_DISRUPTED | CLOCKBOUND_REASON_STEP);
	clockbound_fast_close(fast);
}

static void a_map_whose_daemon_is_gone_for_good_ends_with_the_slot(void **state)
{
	clockbound_fast *fast = opened();
	clockbound_interval interval;

	(void)state;
	world_pass(INT64_C(1000000000000));
	clockbound_interval_now(fast, &interval);
	assert_int_equal(interval.status, CLOCKBOUND_REASON_EXPIRED);
	assert_int_equal(clock_now(fast).status, CLOCKBOUND_REASON_EXPIRED);
	clockbound_fast_close(fast);
}

/* In a child: follows the daemon to its new map, and says so by its exit status. */
static int child_follows(const clockbound_fast *fast)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		clockbound_interval interval;

		clockbound_interval_now(fast, &interval);
		_exit(interval.status == SYNCHRONIZED && clockbound_fast_has_kernel_page(fast) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void a_child_follows_by_itself_even_if_it_was_forked_while_a_thread_was_asking(void **state)
{
	clockbound_fast *fast = opened();
	clockbound_interval interval;

	(void)state;
	kernel = make_map("map", ID + 1, 1u << 20);
	daemon_side.id = ID + 1;
	set_home(ID + 1, 1u << 20);
	assert_int_equal(child_follows(fast), 0);
	fast->kernel->busy_pid = (int32_t)getpid(); /* one of our threads, which the child has not */
	assert_int_equal(child_follows(fast), 0);
	clockbound_interval_now(fast, &interval); /* the others of ours do not wait for it */
	assert_int_equal(interval.status, SYNCHRONIZED);
	assert_false(clockbound_fast_has_kernel_page(fast));
	fast->kernel->busy_pid = 0;
	clockbound_interval_now(fast, &interval);
	assert_int_equal(clock_now(fast).status, SYNCHRONIZED);
	assert_true(clockbound_fast_has_kernel_page(fast));
	clockbound_fast_close(fast);
}

/* Threads that read all the time while daemons come and go. */
static struct {
	const clockbound_fast *fast;
	uint32_t lost; /* while set, the counter is lost, and has been since before it was set */
	bool is_ending;
	unsigned int wrong;
} crowd;

static void *read_all_the_time(void *unused)
{
	(void)unused;
	while (!__atomic_load_n(&crowd.is_ending, __ATOMIC_SEQ_CST)) {
		uint32_t lost = __atomic_load_n(&crowd.lost, __ATOMIC_SEQ_CST);
		clockbound_interval interval;
		bool is_by_counter;

		clockbound_interval_now(crowd.fast, &interval);
		is_by_counter =
			clockbound_is_valid(&interval) && interval.source == CLOCKBOUND_SOURCE_COUNTER;
		if (lost != 0 && is_by_counter && __atomic_load_n(&crowd.lost, __ATOMIC_SEQ_CST) == lost) {
			__atomic_fetch_add(&crowd.wrong, 1, __ATOMIC_SEQ_CST);
		}
	}
	return NULL;
}

static void no_thread_reads_a_lost_counter_by_a_former_daemons_map(void **state)
{
	pthread_t thread[4];
	uint32_t i;
	int t;

	(void)state;
	crowd.fast = opened();
	crowd.lost = 0;
	crowd.is_ending = false;
	crowd.wrong = 0;
	for (t = 0; t < 4; t++) {
		assert_int_equal(pthread_create(&thread[t], NULL, read_all_the_time, NULL), 0);
	}
	for (i = 1; i <= 100; i++) {
		struct timespec pause = {.tv_nsec = 200000};
		struct clockbound_kernel_page *map = make_map("map", ID + i, i << 20);

		daemon_side.id = ID + i;
		set_home(ID + i, i << 20);
		nanosleep(&pause, NULL); /* not to be fair, only to give them a chance to follow */
		/* The counter is lost: in the kernel first, then in the file, as the daemon mirrors it. */
		CLOCKBOUND_PRIV_STORE(&map->epochs.counter_epoch, (i << 20) + 1);
		CLOCKBOUND_PRIV_STORE(&page->control.epochs.counter_epoch, (i << 20) + 1);
		__atomic_store_n(&crowd.lost, i, __ATOMIC_SEQ_CST);
		nanosleep(&pause, NULL);
		__atomic_store_n(&crowd.lost, 0, __ATOMIC_SEQ_CST);
	}
	__atomic_store_n(&crowd.is_ending, true, __ATOMIC_SEQ_CST);
	for (t = 0; t < 4; t++) {
		pthread_join(thread[t], NULL);
	}
	assert_int_equal(crowd.wrong, 0);
	clockbound_fast_close((clockbound_fast *)(uintptr_t)crowd.fast);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, home_setup, home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_opener_reads_the_kernels_epochs),
		TEST(upstreams_call_uses_the_kernels_epochs_too),
		TEST(a_step_in_the_kernels_page_disrupts_the_clock_at_once),
		TEST(without_a_daemon_the_files_words_serve),
		TEST(a_page_that_names_no_kernel_page_asks_nobody),
		TEST(what_is_not_this_pages_kernel_page_is_not_taken),
		TEST(a_daemon_that_does_not_answer_is_given_up_and_asked_again_a_second_later),
		TEST(a_daemon_that_comes_back_with_another_map_is_followed),
		TEST(a_daemon_that_comes_back_without_a_map_is_followed_to_the_file),
		TEST(a_dead_map_is_never_believed_even_if_the_new_one_is_not_given),
		TEST(a_map_whose_daemon_is_gone_for_good_ends_with_the_slot),
		TEST(a_child_follows_by_itself_even_if_it_was_forked_while_a_thread_was_asking),
		TEST(no_thread_reads_a_lost_counter_by_a_former_daemons_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
