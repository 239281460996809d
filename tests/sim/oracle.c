/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge: see oracle.h.
 */
#include "tests/sim/oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <clockbound/types.h>

#include "daemon/core/q58.h"
#include "tests/sim/world.h"

#define VALID_PERCENT 50
#define VOID_SLACK_NS                                                                                        \
	(SIM_HOLDOVER_NS / 1000) /* the ticks and MONOTONIC are up to some 100 ppm off true time */

static const char *const fault_name[SIM_FAULTS] = {
	"counter read outside", "clock read outside", "earliest after latest",
	"status not legal",	"earliest went back", "valid after void-after",
};

void sim_oracle_init(struct sim_world *world)
{
	memset(&world->oracle, 0, sizeof(world->oracle));
	world->oracle.margin_ns = INT64_MAX;
	world->oracle.clock_disturbed_ns = INT64_MAX;
	world->oracle.clock_disturbed_before_ns = INT64_MAX;
	world->oracle.counter_disturbed_ns = INT64_MAX;
}

static int64_t outside_ns(const struct sim_read *read)
{
	int64_t early_ns = read->earliest_ns - read->truth_ns;
	int64_t late_ns = read->truth_ns - read->latest_ns;

	return early_ns > late_ns ? early_ns : late_ns;
}

static void fault(struct sim_world *world, enum sim_fault kind, const struct sim_read *read,
		  int64_t amount_ns)
{
	struct sim_oracle *oracle = &world->oracle;
	const struct cbd_terms *terms = &world->daemon.core.terms;

	if (oracle->faults[kind]++ != 0) {
		return;
	}
	snprintf(oracle->first[kind], sizeof(oracle->first[kind]),
		 "%s: %s at %.6f s by %" PRId64 " ns; interval %+" PRId64 " %+" PRId64 " ns around truth, "
		 "status 0x%x; anchor %.6f s, X off by %" PRId64 " ns, sample err %" PRId64 " age %" PRId64
		 " growth %" PRId64 " slip %" PRId64 " off-line %" PRId64 ", clock changed %.6f s, "
		 "rate broken %" PRIu64 " s",
		 fault_name[kind], read->call, (double)world->now_ns / 1e9, amount_ns,
		 read->earliest_ns - read->truth_ns, read->latest_ns - read->truth_ns, read->status,
		 (double)world->daemon.anchor_ns / 1e9, sim_chronyd_x_ns(world) - sim_world_utc_ns(world),
		 terms->sample_error_ns, terms->sample_age_ns, terms->growth_ns, terms->slip_ns,
		 terms->off_line_ns, (double)oracle->clock_disturbed_last_ns / 1e9, oracle->rate_broken_s);
}

static bool is_legal(uint32_t status)
{
	uint32_t value = CLOCKBOUND_STATUS_OF(status);
	bool is_valid = (status & CLOCKBOUND_VALID) != 0;

	if (value > CLOCKBOUND_STATUS_DISRUPTED ||
	    (status & ~(CLOCKBOUND_STATUS_MASK | CLOCKBOUND_VALID | CLOCKBOUND_REASON_MASK)) != 0) {
		return false;
	}
	if (is_valid) {
		return (value == CLOCKBOUND_STATUS_SYNCHRONIZED || value == CLOCKBOUND_STATUS_FREE_RUNNING) &&
		       (status & (CLOCKBOUND_REASON_EXPIRED | CLOCKBOUND_REASON_NOT_SYNCED_YET |
				  CLOCKBOUND_REASON_LEAP)) == 0;
	}
	return value == CLOCKBOUND_STATUS_UNKNOWN || value == CLOCKBOUND_STATUS_DISRUPTED;
}

/* Clock readers may be wrong from a change of the clock until the first publication whose anchor came after. */
static void judge_clock(struct sim_world *world, const struct sim_read *read, int64_t off_ns)
{
	struct sim_oracle *oracle = &world->oracle;
	/* Begun before the last publication, it went by the one before. */
	int64_t disturbed_ns = world->readers.began_ns < oracle->publication_ns
				       ? oracle->clock_disturbed_before_ns
				       : oracle->clock_disturbed_ns;
	int64_t window_ns = world->now_ns - disturbed_ns;

	if (disturbed_ns == INT64_MAX) {
		fault(world, SIM_FAULT_CLOCK, read, off_ns);
		return;
	}
	oracle->clock_window_faults++;
	oracle->clock_window_ns = window_ns > oracle->clock_window_ns ? window_ns : oracle->clock_window_ns;
}

static void judge_counter(struct sim_world *world, const struct sim_read *read, int64_t off_ns)
{
	struct sim_oracle *oracle = &world->oracle;
	int64_t window_ns = world->now_ns - oracle->counter_disturbed_ns;

	if (oracle->counter_disturbed_ns == INT64_MAX) {
		fault(world, SIM_FAULT_COUNTER, read, off_ns);
		return;
	}
	oracle->counter_window_faults++;
	oracle->counter_window_ns =
		window_ns > oracle->counter_window_ns ? window_ns : oracle->counter_window_ns;
}

/*
 * The lines diverge faster than they did because chronyd's frequency is known less well than it was thought: then
 * earliest is lower than the old lines were by what the difference makes since the anchor. Since the one before, for a
 * reader who has not seen that publication: a daemon that was paused in the middle of it may make the next at once.
 */
static int64_t may_go_back_ns(const struct sim_world *world, const struct sim_memory *memory)
{
	const struct sim_oracle *oracle = &world->oracle;
	int64_t more_q58 = cbd_ns_sub(oracle->growth_q58, memory->growth_q58);
	int64_t since_ns = memory->at_ns < oracle->publication_before_ns ? oracle->published_before_ns
									 : oracle->published_ns;

	return more_q58 <= 0 ? 0 : cbd_q58_growth_ns(world->now_ns - since_ns, more_q58);
}

/* Fresh counter reads of one reader: earliest never goes back unless the daemon has said why it may. */
static void judge_order(struct sim_world *world, const struct sim_read *read)
{
	struct sim_memory *memory = &world->oracle.memory[read->reader];
	struct sim_memory now = {
		.is_set = true,
		.at_ns = world->now_ns,
		.earliest_ns = read->earliest_ns,
		.counter = read->counter,
		.counter_epoch = world->daemon.page->control.epochs.counter_epoch,
		.inconsistencies = world->daemon.inconsistencies,
		.growth_q58 = world->oracle.growth_q58,
		.status = read->status,
	};
	/* The fallback is no proof, and nothing narrows or widens it but its own terms: it says so by a reason. */
	bool is_excused = ((read->status | memory->status) &
			   (CLOCKBOUND_REASON_INCONSISTENT | CLOCKBOUND_REASON_FALLBACK)) != 0 ||
			  memory->counter_epoch != now.counter_epoch ||
			  memory->inconsistencies != now.inconsistencies || memory->counter > now.counter ||
			  (world->leap_ns <= world->now_ns && world->oracle.faults[SIM_FAULT_BACK] == 0 &&
			   world->now_ns - world->leap_ns < INT64_C(100000000000));

	if (memory->is_set && !is_excused &&
	    read->earliest_ns < memory->earliest_ns - may_go_back_ns(world, memory)) {
		fault(world, SIM_FAULT_BACK, read, memory->earliest_ns - read->earliest_ns);
	}
	*memory = now;
}

/* By the moment that was asked about. */
static bool is_undead(const struct sim_world *world, const struct sim_read *read)
{
	/* Clock readers, and upstream's, go by CLOCK_MONOTONIC, which is slower or faster by the clock's slews. */
	if (read->is_clock) {
		int64_t mono_ns = sim_kernel_mono_ns(&world->kernel, sim_world_ticks(world)) -
				  (sim_world_utc_ns(world) - read->truth_ns);

		return mono_ns - world->daemon.renewed_mono_ns > SIM_HOLDOVER_NS + VOID_SLACK_NS;
	}
	return read->truth_ns - world->start_utc_ns - world->daemon.renewed_ns >
	       SIM_HOLDOVER_NS + VOID_SLACK_NS;
}

/* What must hold of every read. Returns whether it is one to judge by the truth. */
static bool is_to_judge(struct sim_world *world, const struct sim_read *read)
{
	if (read->earliest_ns > read->latest_ns) {
		fault(world, SIM_FAULT_ORDER, read, read->earliest_ns - read->latest_ns);
	}
	if (!is_legal(read->status)) {
		fault(world, SIM_FAULT_STATUS, read, 0);
	}
	if ((read->status & CLOCKBOUND_VALID) == 0) {
		return false;
	}
	if (is_undead(world, read)) {
		fault(world, SIM_FAULT_UNDEAD, read, world->now_ns - world->daemon.renewed_ns);
	}
	return true;
}

void sim_oracle_read(struct sim_world *world, const struct sim_read *read)
{
	struct sim_oracle *oracle = &world->oracle;
	int64_t off_ns = outside_ns(read);

	oracle->reads++;
	oracle->reasons |= CLOCKBOUND_REASONS_OF(read->status);
	if (!is_to_judge(world, read)) {
		return;
	}
	oracle->valid++;
	if (read->is_clock) {
		oracle->clock_valid++;
		if (off_ns > 0) {
			judge_clock(world, read, off_ns);
		}
		return;
	}
	oracle->counter_valid++;
	if (off_ns > 0) {
		judge_counter(world, read, off_ns);
	} else if (-off_ns < oracle->margin_ns) {
		oracle->margin_ns = -off_ns;
	}
	if (read->reader >= 0) {
		judge_order(world, read);
	}
}

void sim_oracle_segment(struct sim_world *world, const struct sim_read *read, int64_t anchor_ns)
{
	struct sim_oracle *oracle = &world->oracle;
	bool is_told = world->scenario->has_vmclock && oracle->moved_ns > anchor_ns;
	int64_t off_ns = outside_ns(read);

	oracle->segment_reads++;
	if (!is_to_judge(world, read)) {
		return;
	}
	oracle->segment_valid++;
	if (is_told || (off_ns > 0 && oracle->clock_disturbed_last_ns <= anchor_ns)) {
		fault(world, SIM_FAULT_CLOCK, read, off_ns);
	} else if (off_ns > 0) {
		oracle->segment_window_faults++;
		oracle->segment_window_ns = cbd_ns_max(oracle->segment_window_ns, world->now_ns - anchor_ns);
	}
}

void sim_oracle_published(struct sim_world *world)
{
	struct sim_oracle *oracle = &world->oracle;
	int64_t anchor_ns = world->daemon.anchor_ns;

	oracle->published_before_ns = oracle->published_ns;
	oracle->publication_before_ns = oracle->publication_ns;
	oracle->published_ns = anchor_ns;
	oracle->publication_ns = world->now_ns;
	oracle->clock_disturbed_before_ns = oracle->clock_disturbed_ns;
	oracle->growth_q58 = world->daemon.core.growth_q58;
	if (oracle->clock_disturbed_last_ns <= anchor_ns) {
		oracle->clock_disturbed_ns = INT64_MAX;
	} else if (oracle->clock_disturbed_ns < anchor_ns) {
		oracle->clock_disturbed_ns = anchor_ns;
	}
	if (oracle->counter_disturbed_ns <= anchor_ns) {
		oracle->counter_disturbed_ns = INT64_MAX;
	}
}

void sim_oracle_watch(struct sim_world *world)
{
	double frequency = sim_chronyd_frequency(world);
	double off = (1.0 - frequency) * (1.0 + (double)world->oscillator.error_e15 * 1e-15) - 1.0;
	double allowed =
		(double)world->daemon.core.growth_q58 / (double)(INT64_C(1) << CLOCKBOUND_RATE_SHIFT);

	off = off < 0 ? -off : off;
	world->oracle.rate_broken_s += world->daemon.core.growth_q58 != 0 && off > allowed;
}

/* Whether reads that were wrong are what the scenario is about. */
static const char *judge_faults(const struct sim_world *world)
{
	const struct sim_oracle *oracle = &world->oracle;
	bool is_allowed = world->scenario->verdict == SIM_NOT_PROMISED;
	int kind;

	for (kind = 0; kind < SIM_FAULTS; kind++) {
		bool is_content =
			kind == SIM_FAULT_COUNTER || kind == SIM_FAULT_CLOCK || kind == SIM_FAULT_BACK;

		if (oracle->faults[kind] != 0 && !(is_allowed && is_content)) {
			return oracle->first[kind];
		}
	}
	if (world->scenario->verdict == SIM_CONTAINED && oracle->counter_window_faults != 0) {
		return "a counter read outside after the counter was lost";
	}
	if (world->scenario->reads_strictly && oracle->clock_window_faults != 0) {
		return "a strict reader of the clock outside after the machine was moved";
	}
	return NULL;
}

const char *sim_oracle_verdict(const struct sim_world *world)
{
	static char text[160];
	const struct sim_scenario *scenario = world->scenario;
	const struct sim_oracle *oracle = &world->oracle;
	int percent = scenario->valid_percent_min != 0 ? scenario->valid_percent_min : VALID_PERCENT;
	const char *wrong = judge_faults(world);

	if (wrong != NULL) {
		return wrong;
	}
	if (percent > 0 && oracle->valid * 100 < oracle->reads * (uint64_t)percent) {
		snprintf(text, sizeof(text),
			 "only %" PRIu64 " of %" PRIu64 " reads were valid, fewer than %d %%", oracle->valid,
			 oracle->reads, percent);
		return text;
	}
	if ((oracle->reasons & scenario->says) != scenario->says) {
		snprintf(text, sizeof(text), "of the reasons 0x%x the page has shown only 0x%x",
			 scenario->says, oracle->reasons & scenario->says);
		return text;
	}
	if (scenario->tight_ns != 0 && oracle->margin_ns > scenario->tight_ns) {
		snprintf(text, sizeof(text),
			 "truth never came closer than %" PRId64 " ns to an end: wider than it must be",
			 oracle->margin_ns);
		return text;
	}
	return NULL;
}

void sim_oracle_gather(const struct sim_world *world, struct sim_outcome *outcome)
{
	const struct sim_oracle *oracle = &world->oracle;

	outcome->reasons |= oracle->reasons;
	outcome->wrong += oracle->faults[SIM_FAULT_COUNTER] + oracle->counter_window_faults;
}

const char *sim_oracle_outcome(const struct sim_scenario *scenario, const struct sim_outcome *outcome)
{
	static char text[96];

	if ((outcome->reasons & scenario->says) != scenario->says) {
		snprintf(text, sizeof(text), "of the reasons 0x%x no page has shown 0x%x", scenario->says,
			 scenario->says & ~outcome->reasons);
		return text;
	}
	if (scenario->verdict == SIM_NOT_PROMISED && outcome->wrong == 0) {
		return "the assumption was broken and nothing came of it: this scenario has no teeth";
	}
	return NULL;
}
