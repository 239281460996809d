/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded runs of the real chronyd as the second chronyd of the simulated world: each report goes through the core
 * and the page writer onto a page, the daemon is killed and started again at random, and between two reports readers
 * ask the page through the inline code. Counter reads only: what the clock did between two rows was not recorded.
 *
 * sim_traces [--seed N] FILE...   Exit status 0 if no valid read was outside.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clockbound/fast.h>

#include "client/src/clocks.h"
#include "daemon/log.h"
#include "daemon/publish/page_writer.h"
#include "tests/replay/trace.h"
#include "tests/sim/rng.h"

#define NS_PER_SEC INT64_C(1000000000)
#define READS	   5	/* between two reports */
#define KILL_PPM   3000 /* of reports after which the daemon is killed; it starts again some reports later */
#define RHO_PPB	   50000

static struct {
	_Alignas(64) struct clockbound_page page;
	bool has_page;
	struct sim_rng rng;
	struct cbd_page_writer writer;
	struct cbd_core core;
	uint64_t counter; /* now */
	uint64_t starts;
	int away; /* reports until a killed daemon is there again */
	uint64_t reads;
	uint64_t valid;
	uint64_t outside;
} world;

uint64_t clockbound_priv_test_counter(void)
{
	return world.counter;
}

/* No clock here: what the lines cannot answer is not valid. */
bool clockbound_priv_test_clock(clockid_t clock, int64_t *ns)
{
	(void)clock;
	(void)ns;
	return false;
}

void clockbound_priv_test_sleep(int64_t until_mono_ns)
{
	(void)until_mono_ns;
}

void cbd_inject_store(void);
void cbd_inject_store(void)
{
}

int cbd_mapping_open(struct cbd_mapping *mapping, const struct cbd_runtime_dir *dir, const char *name,
		     size_t size)
{
	(void)dir;
	(void)name;
	mapping->address = &world.page;
	mapping->size = size;
	mapping->size_found = world.has_page ? size : 0;
	world.has_page = true;
	return 0;
}

void cbd_mapping_close(struct cbd_mapping *mapping)
{
	mapping->address = NULL;
}

void cbd_log(enum cbd_log_level level, const char *event, const char *format, ...)
{
	(void)level;
	(void)event;
	(void)format;
}

static void start(void)
{
	static const struct cbd_runtime_dir dir = {.path = "simulated"};
	const struct cbd_page_identity identity = {
		.boot_id = {1, 2},
		.start_id = ++world.starts,
		.counter_kind = CLOCKBOUND_COUNTER_TSC,
		.counter_hz = (uint64_t)NS_PER_SEC,
		.rho_ppb = RHO_PPB,
	};
	const struct cbd_core_config config = {
		.rho_ppb = RHO_PPB,
		.max_holdover_ns = 1000 * NS_PER_SEC,
		.stale_after_ns = 5 * NS_PER_SEC,
		.coarse_ns = 4000000,
		.has_counter = true,
	};
	struct cbd_inheritance inheritance;

	(void)cbd_page_writer_open(&world.writer, &dir, &identity);
	cbd_core_init(&world.core, &config);
	if (cbd_page_writer_inherit(&world.writer, &inheritance)) {
		cbd_core_inherit(&world.core, &inheritance);
	}
}

/* One report reaches the daemon, if there is one. */
static void poll_once(const struct cbd_trace_row *row)
{
	struct cbd_poll poll;

	if (world.away > 0 && --world.away > 0) {
		return;
	}
	if (world.away == 0 && sim_rng_chance(&world.rng, KILL_PPM)) {
		world.away = (int)sim_rng_between(&world.rng, 1, 30);
		start(); /* what happens first when it comes back; nothing is polled until then */
		return;
	}
	cbd_trace_poll(row, true, &poll);
	cbd_core_on_poll(&world.core, &poll);
	(void)cbd_core_take_request(&world.core);
	cbd_page_writer_publish(&world.writer, &world.core.out);
}

static void read_at(const struct cbd_trace *trace, uint64_t counter, int64_t truth_ns)
{
	const clockbound_fast fast = {.page = &world.page, .epochs = &world.page.control.epochs};
	clockbound_interval interval;

	world.counter = counter;
	clockbound_interval_now(&fast, &interval);
	world.reads++;
	if (!clockbound_is_valid(&interval)) {
		return;
	}
	world.valid++;
	if (interval.earliest_ns <= truth_ns && truth_ns <= interval.latest_ns) {
		return;
	}
	if (world.outside++ < 3) {
		printf("%s: at %" PRId64 " ns the interval is %+" PRId64 " %+" PRId64
		       " ns around truth, status 0x%x\n",
		       trace->name, truth_ns, interval.earliest_ns - truth_ns, interval.latest_ns - truth_ns,
		       interval.status);
	}
}

/* Readers between two rows; somewhere in between the oscillator's rate may change, so the row's own ends count. */
static void read_between(const struct cbd_trace *trace, const struct cbd_trace_row *from,
			 const struct cbd_trace_row *to)
{
	uint64_t ticks = to->at.counter - from->at.counter;
	int64_t passed_ns = to->at.true_ns - from->at.true_ns;
	int i;

	for (i = 0; i < READS; i++) {
		int64_t into_ns = sim_rng_below(&world.rng, passed_ns);

		read_at(trace,
			from->at.counter + (uint64_t)((double)ticks * ((double)into_ns / (double)passed_ns)),
			from->at.true_ns + into_ns);
	}
	read_at(trace, to->at.counter, to->at.true_ns);
}

static bool run(const char *path, uint64_t seed)
{
	struct cbd_replay_error error;
	struct cbd_trace trace;
	size_t i;

	if (!cbd_trace_read(&trace, path, &error)) {
		fprintf(stderr, "sim_traces: %s\n", error.text);
		return false;
	}
	memset(&world, 0, sizeof(world));
	world.rng = sim_rng_make(seed, 6);
	start();
	for (i = 0; i + 1 < trace.rows; i++) {
		poll_once(&trace.row[i]);
		read_between(&trace, &trace.row[i], &trace.row[i + 1]);
	}
	printf("%-28s %" PRIu64 " reads, %" PRIu64 " valid, %" PRIu64 " outside, %" PRIu64
	       " starts of the daemon\n",
	       trace.name, world.reads, world.valid, world.outside, world.starts);
	if (world.outside != 0) {
		printf("replay: sim_traces --seed %" PRIu64 " %s\n", seed, path);
	}
	cbd_trace_free(&trace);
	return world.outside == 0 && world.valid * 2 > world.reads;
}

int main(int argc, char **argv)
{
	const char *from_environment = getenv("CLOCKBOUND_TEST_SEED");
	uint64_t seed = from_environment != NULL ? strtoull(from_environment, NULL, 0) : 1;
	bool is_good = argc > 1;
	int i = 1;

	if (argc > 2 && strcmp(argv[1], "--seed") == 0) {
		seed = strtoull(argv[2], NULL, 0);
		i = 3;
	}
	for (; i < argc; i++) {
		is_good = run(argv[i], seed) && is_good;
	}
	return is_good ? 0 : 1;
}
