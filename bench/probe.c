/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run of `clockbound-bench probe`: for each rung off, on, off, over and over, with a daemon of our own that is
 * held while the calls are timed: what is measured are its eBPF programs and hooks, not its work. Reads no clock but
 * the stopwatch, sets none.
 */
#include "bench/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/own.h"

#define DEFAULT_DIR "/run/clockbound"
#define ASK_TRIES   10 /* of a second each */

/* Best first, as the daemon's ladder. "off" attaches nothing: what it shows is this measurement's own noise. */
static const uint32_t ladder[CBB_RUNGS] = {CLOCKBOUND_RUNG_FENTRY, CLOCKBOUND_RUNG_TRACEPOINT,
					   CLOCKBOUND_RUNG_TIMERFD, CLOCKBOUND_RUNG_POLL};

struct run {
	struct cbb_own own;
	struct cbb_caller caller;
	struct cbb_probe_rung *rungs;
	size_t count;
	char nobody_socket[CBB_PATH_MAX + 16]; /* a chronyd that is not there */
	double ns_per_tick;
	double before[CBB_CALLS]; /* ns per call of the last measurement without a daemon */
	int code;		  /* what a failure ends with */
	char detail[CBB_DETAIL_MAX];
};

static bool measure(struct run *run, double ns[CBB_CALLS])
{
	int kind;

	if (!cbb_caller_measure(&run->caller, ns, run->detail)) {
		return false;
	}
	for (kind = 0; kind < CBB_CALLS; kind++) {
		ns[kind] *= run->ns_per_tick;
	}
	return true;
}

/* fentry has counted ticks, and the tracepoints every refused call, or they were not there while we timed. */
static bool was_attached(struct run *run, const struct clockbound_control_status *before)
{
	struct clockbound_control_status after;
	const uint64_t refused = UINT64_C(2) * CBB_CALLS_BATCH * CBB_CALLS_BATCHES;
	bool is_answered = false;
	int tries;

	/* It was held: what waited for it comes first. */
	for (tries = 0; tries < ASK_TRIES && !is_answered; tries++) {
		is_answered = cbb_ask_status(run->own.directory, &after, run->detail);
	}
	if (!is_answered) {
		return false;
	}
	if (after.probe_rung != before->probe_rung ||
	    (before->probe_rung == CLOCKBOUND_RUNG_FENTRY &&
	     after.probe_heartbeat == before->probe_heartbeat) ||
	    (before->probe_rung == CLOCKBOUND_RUNG_TRACEPOINT &&
	     after.probe_refused - before->probe_refused < refused)) {
		(void)snprintf(run->detail, sizeof(run->detail),
			       "%s was not attached while the calls were timed",
			       cbb_rung_name(before->probe_rung));
		return false;
	}
	return true;
}

/* On: starts a daemon and times the calls; true without a measurement if the rung is not possible here. */
static bool measure_on(struct run *run, struct cbb_probe_rung *rung, uint32_t wanted, double on[CBB_CALLS])
{
	struct clockbound_control_status status;
	bool is_good;

	if (!cbb_own_start(&run->own, rung->name, run->nobody_socket, &status, run->detail)) {
		run->code = CBB_EXIT_NONE;
		return false;
	}
	rung->is_possible = status.probe_rung == wanted;
	is_good = true;
	if (rung->is_possible) {
		cbb_own_hold(&run->own, true);
		is_good = measure(run, on);
		cbb_own_hold(&run->own, false);
		is_good = is_good && was_attached(run, &status);
	} else {
		(void)snprintf(rung->reason, sizeof(rung->reason), "%.255s", status.probe_reason);
	}
	cbb_own_stop(&run->own);
	return is_good;
}

/* One round of a rung: what stood before, on, off again. */
static bool round_of(struct run *run, struct cbb_probe_rung *rung, uint32_t wanted)
{
	double on[CBB_CALLS] = {0};
	double after[CBB_CALLS];
	int kind;

	if (!measure_on(run, rung, wanted, on)) {
		return false;
	}
	if (!rung->is_possible) {
		return true;
	}
	if (!measure(run, after)) {
		return false;
	}
	for (kind = 0; kind < CBB_CALLS; kind++) {
		struct cbb_probe_call *call = &rung->call[kind];
		double off = (run->before[kind] + after[kind]) / 2;

		call->off_ns[rung->rounds] = off;
		call->on_ns[rung->rounds] = on[kind];
		call->ratio[rung->rounds] = off > 0 ? on[kind] / off : 0;
	}
	rung->rounds++;
	memcpy(run->before, after, sizeof(after));
	return true;
}

static int rounds(struct run *run, const struct cbb_options *options)
{
	uint32_t round;
	size_t i;

	for (i = 0; i < 2; i++) { /* the first one finds everything cold */
		if (!measure(run, run->before)) {
			return cbb_say(run->code, "%s", run->detail);
		}
	}
	for (round = 0; round < options->rounds; round++) {
		for (i = 0; i < run->count; i++) {
			struct cbb_probe_rung *rung = &run->rungs[i];

			if (options->rung != NULL && strcmp(options->rung, rung->name) != 0) {
				continue;
			}
			if (cbb_is_interrupted()) {
				return cbb_say(CBB_EXIT_NONE, "interrupted");
			}
			if ((round == 0 || rung->is_possible) && !round_of(run, rung, ladder[i])) {
				return cbb_say(run->code, "%s", run->detail);
			}
		}
	}
	return CBB_EXIT_FINE;
}

/* "Off" is not off where this machine's own daemon has attached something. */
static void warn_if_attached(void)
{
	struct clockbound_control_status status;
	char ignored[CBB_DETAIL_MAX];

	if (cbb_ask_status(DEFAULT_DIR, &status, ignored) &&
	    status.probe_rung >= CLOCKBOUND_RUNG_TRACEPOINT) {
		(void)cbb_say(0,
			      "warning: the daemon of " DEFAULT_DIR
			      " has the %s rung attached: \"off\" is with "
			      "it here, and only what is added to that is measured",
			      cbb_rung_name(status.probe_rung));
	}
}

/* Everything between making and removing. */
static int probe(struct run *run, const struct cbb_options *options, const struct cbb_machine *machine)
{
	size_t asked = 0;
	size_t i;
	int code;

	run->count = CBB_RUNGS;
	for (i = 0; i < CBB_RUNGS; i++) {
		run->rungs[i].name = cbb_rung_name(ladder[i]);
	}
	(void)snprintf(run->nobody_socket, sizeof(run->nobody_socket), "%s/no-chronyd", run->own.directory);
	code = rounds(run, options);
	if (code != CBB_EXIT_FINE) {
		return code;
	}
	/* What was not asked for is not told of either. */
	for (i = 0; i < CBB_RUNGS; i++) {
		if (options->rung == NULL || strcmp(options->rung, run->rungs[i].name) == 0) {
			run->rungs[asked] = run->rungs[i];
			asked++;
		}
	}
	return cbb_probe_report(machine, run->rungs, asked, options->is_json)
		       ? CBB_EXIT_FINE
		       : cbb_say(CBB_EXIT_WRONG, "cannot write the report");
}

int cbb_probe(const struct cbb_options *options)
{
	struct cbb_machine machine;
	struct run run;
	int code;

	memset(&run, 0, sizeof(run));
	run.code = CBB_EXIT_WRONG;
	run.caller.to = -1;
	run.caller.from = -1;
	cbb_interrupt_watch();
	cbb_machine_read(&machine);
	machine.counter_hz = cbb_machine_counter_hz();
	run.ns_per_tick = machine.counter_hz != 0 ? 1e9 / (double)machine.counter_hz : 1.0;
	run.rungs = calloc(CBB_RUNGS, sizeof(*run.rungs));
	warn_if_attached();
	if (run.rungs == NULL) {
		code = cbb_say(CBB_EXIT_NONE, "out of memory");
	} else if (!cbb_own_make(&run.own, options->daemon, run.detail) ||
		   !cbb_caller_start(&run.caller, run.detail)) {
		code = cbb_say(CBB_EXIT_NONE, "%s", run.detail);
	} else {
		machine.is_pinned =
			cbb_machine_pin(1); /* away from the calls, with the daemons that we start */
		code = probe(&run, options, &machine);
	}
	cbb_caller_stop(&run.caller);
	cbb_own_remove(&run.own);
	free(run.rungs);
	return code;
}
