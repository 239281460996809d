/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context and its VMClock, over the life of daemons: one that begins to watch, one that watches no more, one that
 * does not hand it out. A context is strict as soon as there is something to look at, and never for ever without.
 */
#include "tests/unit/client/world.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <clockbound/vmclock.h>
#include "client/src/context.h"
#include "tests/unit/client/kernel_daemon.h"

static struct clockbound_page *page;	   /* the files, as the daemon writes them */
static struct clockbound_shm2 *segment;	   /* likewise */
static struct clockbound_vmclock *vmclock; /* the daemon's */
static struct clockbound_vmclock *other;   /* what the path of the opener leads to */

static struct clockbound_vmclock *make_vmclock(const char *name)
{
	const struct clockbound_vmclock made = {.magic = htole32(CLOCKBOUND_VMCLOCK_MAGIC),
						.size = htole32(sizeof(made)),
						.version = htole16(CLOCKBOUND_VMCLOCK_VERSION),
						.disruption_marker = htole64(7)};

	world_file(name, &made, sizeof(made));
	return world_map(name, sizeof(made));
}

/* As the daemon does it, a slot at a time. */
static void publish(uint32_t vm_flags)
{
	int i;

	for (i = 1; i >= 0; i--) { /* seq is even: slot 1 is the one that nobody reads */
		CLOCKBOUND_PRIV_STORE(&page->slot[i].hot.vm_flags, vm_flags);
		CLOCKBOUND_PRIV_STORE(&page->slot[i].hot.vm_marker, 7);
		clockbound_priv_seq_advance(&page->control.seq);
	}
	segment->disruption_support = (vm_flags & CLOCKBOUND_VM_WATCHED) != 0;
	segment->disruption_marker = 7;
}

static int begin(void **state)
{
	struct clockbound_page made;
	struct clockbound_shm2 shm;

	world_page(&made);
	world_file("page", &made, sizeof(made));
	page = world_map("page", sizeof(made));
	world_shm2(&shm);
	world_file("shm0", &shm, sizeof(shm));
	segment = world_map("shm0", sizeof(shm));
	vmclock = make_vmclock("vmclock");
	daemon_side.id = 0;
	daemon_side.vmclock = "vmclock";
	daemon_side.is_silent = false;
	daemon_side.asked = 0;
	world_path("clockbound.sock");
	world_path("other");
	start_daemon();
	return world_reset(state);
}

static int end(void **state)
{
	stop_daemon();
	return world_remove(state);
}

static clockbound_ctx *opened(const char *name)
{
	clockbound_ctx *ctx = clockbound_vmclock_open(world_path(name), world_path("other"), NULL);

	assert_non_null(ctx);
	return ctx;
}

static clockbound_clock_status status_of(clockbound_ctx *ctx)
{
	clockbound_now_result result;

	errno = 0;
	assert_null(clockbound_now(ctx, &result));
	assert_int_equal(errno, 0);
	return result.clock_status;
}

/* Strict: another marker is seen without the daemon; then it is as it was. */
static void assert_strict(clockbound_ctx *ctx, struct clockbound_vmclock *at)
{
	clockbound_clock_status moved =
		ctx->fast.page != NULL ? CLOCKBOUND_STA_DISRUPTED : CLOCKBOUND_STA_UNKNOWN;

	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_SYNCHRONIZED);
	at->disruption_marker = htole64(8);
	assert_int_equal(status_of(ctx), moved);
	at->disruption_marker = htole64(7);
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_SYNCHRONIZED);
}

static void a_context_that_was_opened_before_becomes_strict_when_a_vmclock_is_watched(void **state)
{
	static const char *const names[] = {"page", "shm0"};
	size_t k;

	(void)state;
	for (k = 0; k < 2; k++) {
		clockbound_ctx *ctx;

		publish(0);
		ctx = opened(names[k]);
		daemon_side.asked = 0;
		assert_int_equal(status_of(ctx), CLOCKBOUND_STA_SYNCHRONIZED);
		assert_int_equal(daemon_side.asked, 0);
		publish(CLOCKBOUND_VM_WATCHED);
		assert_strict(ctx, vmclock);
		assert_int_equal(daemon_side.asked, 1);
		clockbound_close(ctx);
	}
}

static void a_page_without_a_daemon_becomes_strict_by_the_path(void **state)
{
	clockbound_ctx *ctx;

	(void)state;
	other = make_vmclock("other");
	publish(0);
	ctx = opened("page");
	assert_int_equal(remove(world_path("other")), 0); /* it was mapped, watched or not */
	stop_daemon();
	publish(CLOCKBOUND_VM_WATCHED);
	assert_strict(ctx, other);
	clockbound_close(ctx);
	start_daemon();
}

static void the_daemons_own_takes_the_place_of_what_the_path_leads_to(void **state)
{
	clockbound_ctx *ctx;

	(void)state;
	other = make_vmclock("other");
	other->disruption_marker = htole64(99);
	publish(0);
	ctx = opened("page");
	publish(CLOCKBOUND_VM_WATCHED);
	assert_strict(ctx, vmclock);
	clockbound_close(ctx);
}

static void the_path_may_lead_somewhere_later_as_upstreams_does(void **state)
{
	static const char *const names[] = {"page", "shm0"};
	size_t k;

	(void)state;
	daemon_side.vmclock = NULL;
	for (k = 0; k < 2; k++) {
		clockbound_ctx *ctx;

		publish(0);
		(void)remove(world_path("other"));
		ctx = opened(names[k]);
		other = make_vmclock("other");
		publish(CLOCKBOUND_VM_WATCHED);
		assert_strict(ctx, other);
		clockbound_close(ctx);
	}
}

static void who_is_given_none_asks_again_a_second_later_and_reads_meanwhile(void **state)
{
	clockbound_ctx *ctx;

	(void)state;
	publish(CLOCKBOUND_VM_WATCHED);
	daemon_side.is_silent = true;
	ctx = opened("page");
	assert_int_equal(daemon_side.asked, 1);
	world_pass(999999999);
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_SYNCHRONIZED);
	vmclock->disruption_marker = htole64(8); /* the daemon's own look serves */
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_SYNCHRONIZED);
	vmclock->disruption_marker = htole64(7);
	assert_int_equal(daemon_side.asked, 1);
	world_pass(1);
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_SYNCHRONIZED);
	assert_int_equal(daemon_side.asked, 2);
	daemon_side.is_silent = false;
	world_pass(1000000000);
	assert_strict(ctx, vmclock);
	assert_int_equal(daemon_side.asked, 3);
	clockbound_close(ctx);
}

static void a_segment_that_begins_to_ask_is_unknown_until_there_is_one(void **state)
{
	clockbound_ctx *ctx;

	(void)state;
	daemon_side.vmclock = NULL;
	publish(0);
	ctx = opened("shm0");
	publish(CLOCKBOUND_VM_WATCHED);
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_UNKNOWN);
	daemon_side.vmclock = "vmclock";
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_UNKNOWN);
	world_pass(1000000000);
	assert_strict(ctx, vmclock);
	clockbound_close(ctx);
}

static void a_context_goes_on_when_the_next_daemon_watches_none(void **state)
{
	clockbound_ctx *ctx;
	int i;

	(void)state;
	publish(CLOCKBOUND_VM_WATCHED);
	ctx = opened("page");
	assert_strict(ctx, vmclock);
	publish(0);
	vmclock->disruption_marker = htole64(8);
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_SYNCHRONIZED);
	for (i = 0; i < 2; i++) { /* without lines too */
		page->slot[i].hot.short_after = 0;
		page->slot[i].hot.void_after = 0;
	}
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_SYNCHRONIZED);
	publish(CLOCKBOUND_VM_WATCHED);
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_DISRUPTED);
	vmclock->disruption_marker = htole64(7);
	assert_strict(ctx, vmclock);
	assert_int_equal(daemon_side.asked, 1);
	clockbound_close(ctx);
}

static void a_handle_that_was_opened_strictly_does_not_go_on_without(void **state)
{
	clockbound_interval interval;
	clockbound_fast *fast;

	(void)state;
	publish(CLOCKBOUND_VM_WATCHED);
	fast = clockbound_fast_open_strict(world_path("page"), NULL);
	assert_non_null(fast);
	clockbound_interval_now_strict(fast, &interval);
	assert_true(clockbound_is_valid(&interval));
	publish(0);
	clockbound_interval_now_strict(fast, &interval);
	assert_false(clockbound_is_valid(&interval));
	assert_true((interval.status & CLOCKBOUND_REASON_UNWATCHED) != 0);
	clockbound_fast_close(fast);
}

static void only_one_thread_asks_and_a_forked_one_does_not_count(void **state)
{
	clockbound_ctx *ctx;
	pid_t child;
	int status;

	(void)state;
	publish(0);
	ctx = opened("page");
	publish(CLOCKBOUND_VM_WATCHED);
	ctx->watch.busy_pid = (int32_t)getpid(); /* one of our threads, which the child has not */
	assert_int_equal(status_of(ctx), CLOCKBOUND_STA_SYNCHRONIZED);
	assert_int_equal(daemon_side.asked, 0);
	child = fork();
	if (child == 0) {
		clockbound_now_result result;

		(void)clockbound_now(ctx, &result);
		_exit(ctx->fast.vm_marker != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(daemon_side.asked, 1);
	ctx->watch.busy_pid = 0;
	assert_strict(ctx, vmclock);
	clockbound_close(ctx);
}

static clockbound_ctx *shared;
static _Atomic bool is_ending;
static _Atomic unsigned int wrong;

static void *read_all_the_time(void *unused)
{
	(void)unused;
	while (!is_ending) {
		clockbound_now_result result;

		if (clockbound_now(shared, &result) != NULL ||
		    result.clock_status != CLOCKBOUND_STA_SYNCHRONIZED) {
			wrong++;
		}
	}
	return NULL;
}

static void many_threads_find_it_at_once(void **state)
{
	pthread_t thread[4];
	int round;
	int t;

	(void)state;
	wrong = 0;
	for (round = 0; round < 20; round++) {
		unsigned int asked = daemon_side.asked;

		other = make_vmclock("other");
		publish(0);
		shared = opened("page");
		is_ending = false;
		for (t = 0; t < 4; t++) {
			assert_int_equal(pthread_create(&thread[t], NULL, read_all_the_time, NULL), 0);
		}
		publish(CLOCKBOUND_VM_WATCHED);
		while (clockbound_priv_vm_place(&shared->fast) == NULL) {
			usleep(100);
		}
		is_ending = true;
		for (t = 0; t < 4; t++) {
			pthread_join(thread[t], NULL);
		}
		assert_int_equal(daemon_side.asked, asked + 1);
		assert_strict(shared, vmclock);
		clockbound_close(shared);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_context_that_was_opened_before_becomes_strict_when_a_vmclock_is_watched),
		IN_WORLD(a_page_without_a_daemon_becomes_strict_by_the_path),
		IN_WORLD(the_daemons_own_takes_the_place_of_what_the_path_leads_to),
		IN_WORLD(the_path_may_lead_somewhere_later_as_upstreams_does),
		IN_WORLD(who_is_given_none_asks_again_a_second_later_and_reads_meanwhile),
		IN_WORLD(a_segment_that_begins_to_ask_is_unknown_until_there_is_one),
		IN_WORLD(a_context_goes_on_when_the_next_daemon_watches_none),
		IN_WORLD(a_handle_that_was_opened_strictly_does_not_go_on_without),
		IN_WORLD(only_one_thread_asks_and_a_forked_one_does_not_count),
		IN_WORLD(many_threads_find_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
