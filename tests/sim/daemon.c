/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon in the simulated world: see daemon.h. */
#include "tests/sim/daemon.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/publish/inject.h"
#include "tests/sim/world.h"

#define NS_PER_SEC  INT64_C(1000000000)
#define INTERVAL_NS NS_PER_SEC
#define TIMEOUT_NS  NS_PER_SEC
#define RESTARTS    3
#define ANSWER_NS   15000
#define PAUSE_NS    3000000000 /* mean of a pause in mid-publication */
#define GAP_NS	    2000000000 /* mean time until a killed daemon is started again */
#define STORES	    84	       /* of a publication, roughly */
#define STORES_HOT  12
#define READS	    160 /* of clocks, in a poll, roughly */
#define LOOK_NS	    100000000
#define MOVE_NS	    INT64_C(10000000000)

/* The one world, for functions that the code under test calls without a context. */
static struct sim_world *here;

static void die_if_due(struct sim_daemon *daemon, uint32_t count, uint32_t at)
{
	if (at != 0 && count == at) {
		longjmp(daemon->death, 1);
	}
}

/* Before every store into the page: others may run, or this daemon's life may end. */
void cbd_inject_store(void)
{
	struct sim_daemon *daemon = &here->daemon;

	daemon->stores++;
	die_if_due(daemon, daemon->stores, daemon->kill_at_store);
	if (daemon->pause_at_store != 0 && daemon->stores == daemon->pause_at_store) {
		sim_world_pass(here, sim_rng_exponential(&daemon->rng, PAUSE_NS));
	}
}

/* The world's memory in place of a file. */
int cbd_mapping_open(struct cbd_mapping *mapping, const struct cbd_runtime_dir *dir, const char *name,
		     size_t size)
{
	bool is_page = strcmp(name, CBD_PAGE_NAME) == 0;
	bool *has_file = is_page ? &here->daemon.has_page : &here->daemon.has_shm0;

	(void)dir;
	mapping->address = is_page ? (void *)here->daemon.page : (void *)&here->daemon.shm0;
	mapping->size = size;
	mapping->size_found = *has_file ? size : 0;
	*has_file = true;
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

/* A clock reading takes a moment, and sometimes a long one. */
static void read_takes(struct sim_world *world)
{
	struct sim_daemon *daemon = &world->daemon;

	daemon->reads++;
	die_if_due(daemon, daemon->reads, daemon->kill_at_read);
	if (daemon->move_at_read != 0 && daemon->reads == daemon->move_at_read) {
		sim_script_move(world, MOVE_NS);
	}
	sim_world_pass(world, sim_rng_between(&daemon->rng, 12, 35));
	if (sim_rng_chance(&daemon->rng, world->scenario->preempt_ppm)) {
		sim_world_pass(world, sim_rng_exponential(&daemon->rng, 1000000));
	}
}

static uint64_t read_counter(void *context)
{
	struct sim_world *world = context;
	int64_t ns = 0;

	read_takes(world);
	if (world->daemon.has_counter) {
		return sim_world_counter(world);
	}
	(void)sim_kernel_read(&world->kernel, CLOCK_MONOTONIC_RAW, sim_world_ticks(world), &ns);
	return (uint64_t)ns;
}

static bool read_clock(void *context, clockid_t clock, int64_t *ns)
{
	struct sim_world *world = context;

	read_takes(world);
	return sim_kernel_read(&world->kernel, clock, sim_world_ticks(world), ns);
}

static bool read_rate(void *context, int64_t *rate_q58)
{
	struct sim_world *world = context;

	read_takes(world);
	*rate_q58 = world->kernel.rate_q58;
	return true;
}

static int64_t mono_ns(const struct sim_world *world)
{
	return sim_kernel_mono_ns(&world->kernel, sim_world_ticks(world));
}

/* One request's way to chronyd; false if no answer will come in time. */
static bool ask(struct sim_world *world, int64_t deadline_ns)
{
	struct sim_daemon *daemon = &world->daemon;
	const struct sim_chronyd *chronyd = &world->chronyd;
	int64_t takes_ns = chronyd->options.answer_ns != 0 ? chronyd->options.answer_ns : ANSWER_NS;

	if (!chronyd->is_running) {
		return false;
	}
	takes_ns = 3000 + sim_rng_exponential(&daemon->rng, takes_ns / 2);
	if (sim_rng_chance(&daemon->rng, chronyd->options.late_ppm)) {
		takes_ns =
			sim_rng_below(&daemon->rng, TIMEOUT_NS * 9 / 10 >> sim_rng_below(&daemon->rng, 10));
	}
	if (chronyd->hang_until_ns > world->now_ns + takes_ns) {
		takes_ns = chronyd->hang_until_ns - world->now_ns;
	}
	if (sim_rng_chance(&daemon->rng, chronyd->options.lost_ppm) ||
	    world->now_ns + takes_ns >= deadline_ns) {
		sim_world_pass(world, deadline_ns - world->now_ns);
		return false;
	}
	sim_world_pass(world, takes_ns);
	return chronyd->is_running;
}

/* The answer's way back. */
static void answer_comes(struct sim_world *world)
{
	const struct sim_chronyd *chronyd = &world->chronyd;
	int64_t takes_ns = chronyd->options.answer_ns != 0 ? chronyd->options.answer_ns : ANSWER_NS;

	sim_world_pass(world, 1000 + sim_rng_exponential(&world->daemon.rng, takes_ns / 2));
}

static bool ask_tracking(struct sim_world *world, int64_t deadline_ns, struct cbd_tracking *tracking)
{
	if (!ask(world, deadline_ns)) {
		return false;
	}
	if (!sim_chronyd_tracking(world, tracking)) {
		return false;
	}
	answer_comes(world);
	return true;
}

static bool ask_sources(struct sim_world *world, int64_t deadline_ns, struct cbd_poll *poll)
{
	int i;

	for (i = 0; i < world->chronyd.sources; i++) {
		if (!ask(world, deadline_ns)) {
			return false;
		}
		if (world->chronyd.options.has_no_source_data || world->script.is_source_refused) {
			poll->sources = 0;
			return true;
		}
		if (!sim_chronyd_source_data(world, i, &poll->source[poll->sources++])) {
			poll->sources = 0;
			return true;
		}
		answer_comes(world);
	}
	poll->has_source_data = true;
	poll->is_since_whole = !world->chronyd.options.is_before_4;
	return true;
}

/* As daemon/source/chrony.c: Tracking, the sources, Tracking again, until no update falls between. */
static bool ask_all(struct sim_world *world, struct cbd_poll *poll, enum cbd_poll_failure *failure)
{
	struct sim_daemon *daemon = &world->daemon;
	int64_t deadline_ns = world->now_ns + TIMEOUT_NS;
	struct cbd_tracking *again = &poll->again;
	int i;

	*failure = CBD_POLL_UNREACHABLE;
	for (i = 0; i <= RESTARTS; i++) {
		memset(poll, 0, sizeof(*poll));
		daemon->anchor_ns = world->now_ns;
		if (cbd_clock_anchor(&daemon->clock, &poll->before) != 0 ||
		    !ask_tracking(world, deadline_ns, &poll->tracking) ||
		    !ask_sources(world, deadline_ns, poll) || !ask_tracking(world, deadline_ns, again) ||
		    cbd_clock_anchor(&daemon->clock, &poll->after) != 0) {
			return false;
		}
		if (again->reference_id == poll->tracking.reference_id &&
		    again->stratum == poll->tracking.stratum &&
		    again->leap_status == poll->tracking.leap_status &&
		    (again->ref_time_ns == poll->tracking.ref_time_ns || again->leap_status == 3 ||
		     world->chronyd.is_local)) {
			return true;
		}
	}
	*failure = CBD_POLL_UNSETTLED;
	return false;
}

static void publish(struct sim_world *world)
{
	struct sim_daemon *daemon = &world->daemon;

	daemon->stores = 0;
	cbd_page_writer_publish(&daemon->writer, &daemon->core.out);
	cbd_shm_writer_publish(&daemon->shm_writer, &daemon->core.out.segment);
	daemon->inconsistencies = daemon->inconsistencies_before + daemon->core.stats.inconsistencies;
	sim_oracle_published(world);
}

static void obey(struct sim_world *world, bool is_answered)
{
	struct sim_daemon *daemon = &world->daemon;
	uint32_t requests = cbd_core_take_request(&daemon->core);
	bool is_valid = ((daemon->core.out.status | daemon->core.out.clock_status) & CLOCKBOUND_VALID) != 0;
	int64_t now_ns = mono_ns(world);

	cbd_schedule_after_poll(&daemon->schedule, now_ns, is_answered && is_valid,
				(requests & CBD_REQUEST_POLL_AGAIN) != 0);
	daemon->wants_reset = daemon->wants_reset || (requests & CBD_REQUEST_RESET_SOURCES) != 0;
	if (daemon->wants_reset && cbd_schedule_may_reset(&daemon->schedule, now_ns)) {
		daemon->wants_reset = false;
		if (world->chronyd.is_running && !world->chronyd.options.is_before_4 &&
		    ask(world, world->now_ns + TIMEOUT_NS)) {
			sim_chronyd_reset(world);
			sim_chronyd_burst(world);
		}
	}
}

static void read_vm(void *context, struct cbd_vm *vm)
{
	const struct sim_world *world = context;

	*vm = (struct cbd_vm){0};
	if (world->scenario->has_vmclock) {
		vm->marker = world->vmclock.disruption_marker;
		vm->flags = CLOCKBOUND_VM_WATCHED;
	}
}

/* As daemon/loop_vm.c at every wake. */
static void look(struct sim_world *world, bool is_polling)
{
	struct sim_daemon *daemon = &world->daemon;
	struct cbd_anchor now;
	struct cbd_vm vm;

	daemon->look_ns = world->now_ns + LOOK_NS;
	read_vm(world, &vm);
	if (!cbd_core_is_vm_news(&daemon->core, &vm)) {
		return;
	}
	daemon->anchor_ns = world->now_ns;
	if (cbd_clock_anchor(&daemon->clock, &now) == 0 && cbd_core_on_vm(&daemon->core, &now)) {
		publish(world);
		if (!is_polling) {
			obey(world, false);
		}
	}
}

static bool leave_counter(struct sim_world *world)
{
	struct sim_daemon *daemon = &world->daemon;
	struct cbd_anchor now;

	if (!daemon->has_counter || world->kernel.uses_counter) {
		return false;
	}
	daemon->has_counter = false;
	daemon->anchor_ns = world->now_ns;
	if (cbd_clock_anchor(&daemon->clock, &now) == 0) {
		cbd_core_on_counter_lost(&daemon->core, false, &now);
		publish(world);
	}
	return true;
}

static void poll_once(struct sim_world *world)
{
	struct sim_daemon *daemon = &world->daemon;
	uint64_t void_before = daemon->core.void_counter;
	enum cbd_poll_failure failure;
	struct cbd_poll poll;
	bool is_answered = ask_all(world, &poll, &failure);

	daemon->polls++;
	if (is_answered && world->scenario->has_vmclock) {
		look(world, true);
	}
	if (leave_counter(world)) {
		cbd_schedule_after_poll(&daemon->schedule, mono_ns(world), false, true);
		return;
	}
	if (daemon->core.config.has_phc) {
		cbd_phc_poll(&daemon->phc, mono_ns(world));
		cbd_core_on_phc(&daemon->core, &daemon->phc.reading);
	}
	if (is_answered) {
		cbd_core_on_poll(&daemon->core, &poll);
	} else {
		struct cbd_anchor now;

		daemon->anchor_ns = world->now_ns;
		if (cbd_clock_anchor(&daemon->clock, &now) != 0) {
			return;
		}
		cbd_core_on_poll_failed(&daemon->core, failure, &now);
	}
	if (daemon->core.void_counter != void_before) {
		daemon->renewed_ns = daemon->anchor_ns;
		daemon->renewed_mono_ns = daemon->core.void_mono_ns - SIM_HOLDOVER_NS;
	}
	/* As daemon/loop.c: while the core settles, what the former daemon published stands. */
	if (!daemon->core.is_settling) {
		publish(world);
	}
	obey(world, is_answered);
}

static void start(struct sim_world *world)
{
	static const struct cbd_runtime_dir dir = {.path = "simulated"};
	const struct sim_scenario *scenario = world->scenario;
	struct sim_daemon *daemon = &world->daemon;
	bool has_counter = world->kernel.uses_counter && !scenario->has_no_counter;
	const uint32_t rho_ppb = scenario->drift_ppb != 0 ? (uint32_t)scenario->drift_ppb : 50000;
	const struct cbd_page_identity identity = {
		.boot_id = {1, 2},
		.start_id = ++daemon->starts,
		.counter_kind = has_counter ? CLOCKBOUND_COUNTER_TSC : CLOCKBOUND_COUNTER_NONE,
		.counter_hz = world->oscillator.hz,
		.rho_ppb = rho_ppb,
	};
	const struct cbd_core_config config = {
		.rho_ppb = rho_ppb,
		.max_holdover_ns = SIM_HOLDOVER_NS,
		.stale_after_ns = 5 * NS_PER_SEC,
		.coarse_ns = 4000000,
		.has_counter = has_counter,
		.has_phc = scenario->phc.bound_ns != 0,
		.combines_phc = scenario->phc.is_own_source,
		.phc_reference_id = scenario->phc.is_followed ? SIM_CHRONYD_FIRST_ID : 0,
	};
	struct cbd_phc_options options;
	struct cbd_inheritance inheritance;
	struct cbd_segment segment;
	struct cbd_anchor now;

	daemon->stores = 0;
	daemon->has_counter = has_counter;
	daemon->inconsistencies_before = daemon->inconsistencies;
	daemon->wants_reset = false;
	(void)cbd_page_writer_open(&daemon->writer, &dir, &identity);
	(void)cbd_shm_writer_open(&daemon->shm_writer, &dir, CLOCKBOUND_SHM_VERSION_2);
	(void)cbd_page_writer_look_back(&daemon->writer,
					cbd_clock_anchor(&daemon->clock, &now) == 0 ? &now : NULL);
	sim_phc_options(world, &options);
	(void)cbd_phc_init(&daemon->phc, &options, &world->phc.system, &daemon->clock);
	cbd_core_init(&daemon->core, &config);
	if (cbd_page_writer_inherit(&daemon->writer, &inheritance)) {
		cbd_core_inherit(&daemon->core, &inheritance);
	}
	if (cbd_shm_writer_read(&daemon->shm_writer, &segment)) {
		cbd_core_inherit_segment(&daemon->core, &segment);
	}
	cbd_schedule_init(&daemon->schedule, INTERVAL_NS, mono_ns(world));
	daemon->is_alive = true;
}

void sim_daemon_init(struct sim_world *world)
{
	struct sim_daemon *daemon = &world->daemon;
	struct clockbound_page *page = aligned_alloc(CLOCKBOUND_PAGE_SIZE, CLOCKBOUND_PAGE_SIZE);

	if (page == NULL) {
		abort();
	}
	memset(daemon, 0, sizeof(*daemon));
	memset(page, 0, CLOCKBOUND_PAGE_SIZE);
	daemon->page = page;
	daemon->rng = sim_rng_make(world->seed, 3);
	daemon->clock = (struct cbd_clock){
		.counter = read_counter, .gettime = read_clock, .kernel_rate = read_rate, .context = world};
	daemon->clock.vm = read_vm;
	daemon->clock.vm_context = world;
	daemon->next_ns = sim_rng_below(&daemon->rng, 2 * NS_PER_SEC);
	here = world;
}

void sim_daemon_free(struct sim_world *world)
{
	free(world->daemon.page);
	world->daemon.page = NULL;
}

int64_t sim_daemon_next_ns(const struct sim_world *world)
{
	const struct sim_daemon *daemon = &world->daemon;
	int64_t next_ns = daemon->next_ns;

	if (daemon->is_busy) {
		return INT64_MAX;
	}
	if (world->scenario->has_vmclock && daemon->is_alive && daemon->look_ns < next_ns) {
		next_ns = daemon->look_ns;
	}
	return next_ns > daemon->paused_until_ns ? next_ns : daemon->paused_until_ns;
}

/* Decides what goes wrong this time. */
static void tempt_fate(struct sim_world *world)
{
	struct sim_daemon *daemon = &world->daemon;

	daemon->reads = 0;
	daemon->stores = 0;
	daemon->kill_at_store = daemon->kill_at_read = 0;
	daemon->pause_at_store = daemon->move_at_read = 0;
	if (world->scenario->move_ppm != 0 && sim_rng_chance(&daemon->rng, world->scenario->move_ppm)) {
		daemon->move_at_read = (uint32_t)sim_rng_between(&daemon->rng, 1, READS);
	}
	if (sim_rng_chance(&daemon->rng, world->scenario->pause_ppm)) {
		daemon->pause_at_store = (uint32_t)sim_rng_between(&daemon->rng, 1, STORES);
	}
	if (sim_rng_chance(&daemon->rng, world->scenario->kill_ppm)) {
		if (sim_rng_chance(&daemon->rng, 700000)) {
			/* Half of them among the first, which every reader loads. */
			daemon->kill_at_store = (uint32_t)sim_rng_between(
				&daemon->rng, 1, sim_rng_chance(&daemon->rng, 500000) ? STORES_HOT : STORES);
		} else {
			daemon->kill_at_read = (uint32_t)sim_rng_between(&daemon->rng, 1, READS);
		}
	}
}

void sim_daemon_run(struct sim_world *world)
{
	struct sim_daemon *daemon = &world->daemon;

	daemon->is_busy = true;
	tempt_fate(world);
	if (setjmp(daemon->death) != 0) {
		daemon->is_alive = false;
		daemon->next_ns = world->now_ns + sim_rng_exponential(&daemon->rng, GAP_NS);
	} else if (!daemon->is_alive) {
		start(world);
		daemon->next_ns = world->now_ns + 2000000;
		look(world, false);
	} else if (daemon->next_ns > world->now_ns) {
		look(world, false);
		daemon->next_ns = world->now_ns + (daemon->schedule.next_ns - mono_ns(world)) + 1;
	} else {
		poll_once(world);
		daemon->next_ns = world->now_ns + (daemon->schedule.next_ns - mono_ns(world)) +
				  sim_rng_exponential(&daemon->rng, 60000);
	}
	daemon->is_busy = false;
}

void sim_daemon_kill(struct sim_world *world, int64_t after_ns)
{
	struct sim_daemon *daemon = &world->daemon;

	daemon->is_alive = false;
	daemon->next_ns = world->now_ns + after_ns;
}

void sim_daemon_pause(struct sim_world *world, int64_t for_ns)
{
	world->daemon.paused_until_ns = world->now_ns + for_ns;
}
