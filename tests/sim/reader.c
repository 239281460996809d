/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers: see reader.h.
 */
#include "tests/sim/reader.h"

#include <string.h>

#include <clockbound.h>
#include <clockbound/fast.h>

#include "client/src/clocks.h"
#include "tests/sim/world.h"

#define NS_PER_SEC  INT64_C(1000000000)
#define KEEP_NS	    (7 * NS_PER_SEC)
#define GAP_DEFAULT (NS_PER_SEC / 10)

/* The one world, for the library's own reads of counter and clocks. */
static struct sim_world *here;

/* A reader may lose its processor at every reading; now and then for so long that the daemon polls meanwhile. */
static void read_takes(struct sim_world *world)
{
	struct sim_readers *readers = &world->readers;

	sim_world_pass(world, sim_rng_between(&readers->rng, 8, 30));
	if (sim_rng_chance(&readers->rng, world->scenario->preempt_ppm)) {
		int64_t daemon_ns = sim_daemon_next_ns(world) - world->now_ns;
		int64_t takes_ns = sim_rng_exponential(&readers->rng, 200000);

		if (daemon_ns > 0 && daemon_ns < 2 * NS_PER_SEC && sim_rng_chance(&readers->rng, 500000)) {
			takes_ns += daemon_ns;
		}
		sim_world_pass(world, takes_ns);
	}
}

uint64_t clockbound_priv_test_counter(void)
{
	struct sim_readers *readers = &here->readers;

	read_takes(here);
	readers->counter = sim_world_counter(here) + (uint64_t)readers->skew_ticks;
	readers->counter_truth_ns = sim_world_utc_ns(here);
	readers->has_read_real = false; /* a strict read may try the clock, and then the counter again */
	return readers->counter;
}

bool clockbound_priv_test_clock(clockid_t clock, int64_t *ns)
{
	read_takes(here);
	if (clock == CLOCK_REALTIME) {
		here->readers.real_truth_ns = sim_world_utc_ns(here);
		here->readers.has_read_real = true;
	}
	return sim_kernel_read(&here->kernel, clock, sim_world_ticks(here), ns);
}

void clockbound_priv_test_sleep(int64_t until_mono_ns)
{
	int64_t mono_ns = sim_kernel_mono_ns(&here->kernel, sim_world_ticks(here));

	sim_world_pass(here, until_mono_ns > mono_ns ? until_mono_ns - mono_ns : 1000);
}

void sim_readers_init(struct sim_world *world)
{
	struct sim_readers *readers = &world->readers;

	memset(readers, 0, sizeof(*readers));
	readers->rng = sim_rng_make(world->seed, 4);
	readers->gap_ns = GAP_DEFAULT;
	readers->next_ns = 3 * NS_PER_SEC;
	readers->segment.file = (struct clockbound_priv_file){
		.kind = CLOCKBOUND_PRIV_SHM2, .map = &world->daemon.shm0, .size = sizeof(world->daemon.shm0)};
	readers->segment.vmclock.map = world->scenario->has_vmclock ? &world->vmclock : NULL;
	here = world;
}

int64_t sim_readers_next_ns(const struct sim_world *world)
{
	return world->readers.is_busy ? INT64_MAX : world->readers.next_ns;
}

static void judge(struct sim_world *world, int reader, const char *call, const clockbound_interval *interval)
{
	bool is_clock = interval->source == CLOCKBOUND_SOURCE_CLOCK;
	const struct sim_read read = {
		.call = call,
		.reader = is_clock ? -1 : reader,
		.earliest_ns = interval->earliest_ns,
		.latest_ns = interval->latest_ns,
		.truth_ns = is_clock ? world->readers.real_truth_ns : world->readers.counter_truth_ns,
		.counter = world->readers.counter,
		.status = interval->status,
		.is_clock = is_clock,
	};

	sim_oracle_read(world, &read);
}

/* Back from the library's split; the ends of int64_t wrap on the way and come out right. */
static int64_t joined(const struct timespec *time)
{
	return (int64_t)((uint64_t)time->tv_sec * (uint64_t)NS_PER_SEC + (uint64_t)time->tv_nsec);
}

/* What the page says of itself now. */
static uint32_t page_reasons(const struct sim_world *world)
{
	const struct clockbound_page *page = world->daemon.page;

	return CLOCKBOUND_REASONS_OF(page->slot[page->control.seq & 1].hot.status);
}

/* clockbound_now() gives no source, and no reasons: it was the clock if the clock was read, and the page has them. */
static void read_library(struct sim_world *world, int reader, const clockbound_fast *fast)
{
	struct clockbound_ctx context = {.fast = *fast};
	clockbound_now_result result;
	clockbound_interval interval;

	world->readers.has_read_real = false;
	if (clockbound_now(&context, &result) != NULL) {
		return;
	}
	interval.earliest_ns = joined(&result.earliest);
	interval.latest_ns = joined(&result.latest);
	interval.status = (uint32_t)result.clock_status;
	if (interval.status == CLOCKBOUND_STATUS_SYNCHRONIZED ||
	    interval.status == CLOCKBOUND_STATUS_FREE_RUNNING) {
		interval.status |=
			CLOCKBOUND_VALID |
			(page_reasons(world) & (CLOCKBOUND_REASON_INCONSISTENT | CLOCKBOUND_REASON_FALLBACK));
	}
	interval.source = world->readers.has_read_real ? CLOCKBOUND_SOURCE_CLOCK : CLOCKBOUND_SOURCE_COUNTER;
	judge(world, reader, "clockbound_now", &interval);
}

/* As a client of upstream's: what it may use is valid. Where nothing was ever published there is no answer. */
static void read_segment(struct sim_world *world)
{
	clockbound_now_result result;
	struct sim_read read = {.call = "clockbound_now on shm0", .reader = -1, .is_clock = true};

	/* Torn, it leaves him with the snapshot that he took last. */
	if ((world->daemon.shm0.header.generation & 1) == 0) {
		world->readers.segment_anchor_ns = world->oracle.published_ns;
	}
	if (clockbound_now(&world->readers.segment, &result) != NULL) {
		return;
	}
	read.earliest_ns = joined(&result.earliest);
	read.latest_ns = joined(&result.latest);
	read.truth_ns = world->readers.real_truth_ns;
	read.status = (uint32_t)result.clock_status;
	if (read.status == CLOCKBOUND_STATUS_SYNCHRONIZED || read.status == CLOCKBOUND_STATUS_FREE_RUNNING) {
		read.status |= CLOCKBOUND_VALID;
	}
	sim_oracle_segment(world, &read, world->readers.segment_anchor_ns);
}

static void keep(struct sim_world *world, struct sim_keepsake *keepsake)
{
	keepsake->is_set = true;
	keepsake->counter = clockbound_fast_counter();
	keepsake->counter_epoch = world->daemon.page->control.epochs.counter_epoch;
	keepsake->at_ns = world->now_ns;
	keepsake->wall_ns = world->kernel.wall_ns;
	keepsake->truth_ns = sim_world_utc_ns(world);
	keepsake->was_calm = world->oracle.counter_disturbed_ns == INT64_MAX;
	(void)sim_kernel_read(&world->kernel, CLOCK_REALTIME, sim_world_ticks(world), &keepsake->real_ns);
}

/* What a counter value or a stamp that was kept means now; the epoch and the clock must be those of then. */
static void read_kept(struct sim_world *world, const struct sim_keepsake *keepsake, bool is_stamp,
		      const clockbound_fast *fast)
{
	struct sim_read read = {
		.call = is_stamp ? "clockbound_fast_at_realtime" : "clockbound_fast_at_counter",
		.reader = -1,
		.truth_ns = keepsake->truth_ns,
		.is_clock = is_stamp,
		.is_stamp = true,
	};
	clockbound_interval interval;
	int result;

	if (is_stamp ? keepsake->wall_ns != world->kernel.wall_ns
		     : keepsake->counter_epoch != world->daemon.page->control.epochs.counter_epoch ||
			       !keepsake->was_calm || world->oracle.counter_disturbed_ns != INT64_MAX) {
		return;
	}
	result = is_stamp ? clockbound_fast_at_realtime(fast, keepsake->real_ns, &interval)
			  : clockbound_fast_at_counter(fast, keepsake->counter, &interval);
	if (result != CLOCKBOUND_FAST_OK) {
		return;
	}
	read.earliest_ns = interval.earliest_ns;
	read.latest_ns = interval.latest_ns;
	read.status = interval.status;
	sim_oracle_read(world, &read);
}

static void read_strictly(struct sim_world *world, int reader, const clockbound_fast *fast)
{
	clockbound_interval interval;

	switch (sim_rng_below(&world->readers.rng, 4)) {
	case 0:
		if (clockbound_fast_now_strict(fast, &interval) == CLOCKBOUND_FAST_OK) {
			judge(world, reader, "clockbound_fast_now_strict", &interval);
		}
		break;
	case 1:
		clockbound_interval_now_strict(fast, &interval);
		judge(world, reader, "clockbound_interval_now_strict", &interval);
		break;
	case 2:
		clockbound_fast_slow_strict(fast, &interval);
		judge(world, reader, "clockbound_fast_slow_strict", &interval);
		break;
	default:
		read_library(world, reader, fast);
		break;
	}
}

static void read_once(struct sim_world *world, int reader, const clockbound_fast *fast)
{
	struct sim_keepsake *keepsake = &world->readers.keepsake[reader];
	clockbound_interval interval;

	switch (sim_rng_below(&world->readers.rng, 10)) {
	case 0:
	case 1:
		if (clockbound_fast_now(fast, &interval) == CLOCKBOUND_FAST_OK) {
			judge(world, reader, "clockbound_fast_now", &interval);
		}
		break;
	case 2:
		if (clockbound_fast_now_relaxed(fast, &interval) == CLOCKBOUND_FAST_OK) {
			judge(world, -1, "clockbound_fast_now_relaxed", &interval);
		}
		break;
	case 3:
	case 4:
		clockbound_interval_now(fast, &interval);
		judge(world, reader, "clockbound_interval_now", &interval);
		break;
	case 5:
		clockbound_fast_slow_now(fast, &interval);
		judge(world, reader, "clockbound_fast_slow_now", &interval);
		break;
	case 6:
		clockbound_fast_clock_now(fast, &interval);
		judge(world, -1, "clockbound_fast_clock_now", &interval);
		break;
	case 7:
		read_kept(world, keepsake, false, fast);
		break;
	case 8:
		read_kept(world, keepsake, true, fast);
		break;
	default:
		read_library(world, reader, fast);
		break;
	}
	if (!keepsake->is_set ||
	    world->now_ns - keepsake->at_ns > sim_rng_below(&world->readers.rng, KEEP_NS)) {
		keep(world, keepsake);
	}
}

void sim_readers_run(struct sim_world *world)
{
	struct sim_readers *readers = &world->readers;
	const clockbound_fast fast = {
		.page = world->daemon.page,
		.epochs = &world->daemon.page->control.epochs,
		.vm_marker = world->scenario->reads_strictly ? &world->vmclock.disruption_marker : NULL,
	};
	int reader;

	readers->is_busy = true;
	readers->began_ns = world->now_ns;
	readers->skew_ticks =
		sim_rng_between(&readers->rng, -world->scenario->skew_ticks, world->scenario->skew_ticks);
	/* A file that is not a page yet is refused by open. */
	if (fast.page->identity.magic == CLOCKBOUND_PAGE_MAGIC) {
		reader = (int)sim_rng_below(&readers->rng, SIM_READERS);
		if (fast.vm_marker != NULL) {
			read_strictly(world, reader, &fast);
		} else {
			read_once(world, reader, &fast);
		}
	}
	read_segment(world);
	readers->is_busy = false;
	readers->next_ns = world->now_ns + 1 + sim_rng_exponential(&readers->rng, readers->gap_ns);
}
