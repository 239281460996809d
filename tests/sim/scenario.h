/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a scenario can say. All zero is the quiet world: one server 200 us away polled every 16 s, an oscillator 12
 * ppm off that hardly wanders, a chronyd that steers by slewing, a daemon that polls every second, readers at random
 * instants. A scenario states what differs, and what must come out.
 */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/chronyd.h"
#include "tests/sim/oscillator.h"
#include "tests/sim/phc.h"

#define SIM_EVENTS 8

enum sim_verdict {
	SIM_CONTAINED,	  /* every valid read contains true time; clock readers outside their window */
	SIM_WINDOW,	  /* the same, but counter readers may be wrong until the daemon's next poll */
	SIM_NOT_PROMISED, /* the scenario breaks an assumption: reads are wrong, or it has no teeth */
};

enum sim_event_kind {
	SIM_NOTHING,
	SIM_STEP,	  /* somebody steps CLOCK_REALTIME by @value ns */
	SIM_STEP_UNDONE,  /* ... and back again within a second */
	SIM_RATE,	  /* somebody sets the kernel's rate @value ppb off chronyd's */
	SIM_JUMP,	  /* the oscillator jumps by @value ppb */
	SIM_CHRONYD_STOP, /* and starts again @value ns later */
	SIM_CHRONYD_START,
	SIM_CHRONYD_HANG, /* for @value ns */
	SIM_CHRONYD_RESET,
	SIM_MAKESTEP,
	SIM_LOCAL,	    /* local mode for @value ns */
	SIM_SOURCES_LOST,   /* for @value ns */
	SIM_SOURCE_LOST,    /* the first of them */
	SIM_SOURCE_LIES,    /* the first source by 50 ms, for @value ns */
	SIM_SOURCE_REFUSED, /* Source_Data is refused for @value ns */
	SIM_SLEEP,	    /* suspend for @value ns; the counter goes on */
	SIM_SLEEP_RESET,    /* suspend for @value ns; the counter starts at 0 */
	SIM_MIGRATE,	    /* the counter moves by @value ticks, and the kernel is told nothing */
	SIM_MOVE, /* moved or restored elsewhere: @value ns pass, which no clock of the machine shows */
	SIM_CLOCKSOURCE,  /* the kernel leaves the counter */
	SIM_DAEMON_PAUSE, /* for @value ns */
	SIM_DAEMON_KILL,  /* and is started again @value ns later */
	SIM_PHC_LIES,	  /* by @value ns, for five minutes */
	SIM_PHC_GONE,	  /* for @value ns; it comes back under another number */
	SIM_PHC_BLIND,	  /* its error bound cannot be read for @value ns */
};

struct sim_event {
	int32_t at_s;	 /* from here on at random within a second ... */
	int32_t every_s; /* ... and again this often, give or take a half; 0: once */
	enum sim_event_kind kind;
	int64_t value;
};

struct sim_scenario;
struct sim_scenario {
	const char *name; /* a sentence, as of a test */
	const char *why;  /* for NOT_PROMISED and WINDOW: the assumption that is broken */
	enum sim_verdict verdict;
	/* What else differs, drawn from the seed; NULL: nothing. */
	void (*draw)(struct sim_scenario *scenario, uint64_t seed);
	uint32_t says; /* reasons that the page must show at some time */
	struct sim_oscillator_model oscillator;
	struct sim_chronyd_options chronyd;
	struct sim_server server[SIM_SERVERS];
	struct sim_phc_model phc;
	struct sim_event event[SIM_EVENTS];
	int64_t start_utc_s;	  /* 0: 2026-01-15T12:00:00Z */
	int64_t clock_offset_ns;  /* of CLOCK_REALTIME at the start */
	int64_t clock_rate_ppb;	  /* that another than chronyd has given it before */
	int32_t seconds;	  /* of one world; 0: 3000 */
	int32_t leap_at_s;	  /* the midnight at which a leap second falls; 0: none */
	int8_t leap;		  /* +1 inserted, -1 deleted */
	bool is_leap_secret;	  /* chronyd does not announce it, the kernel does it all the same */
	bool is_leap_ignored;	  /* no clock moves over it, as with chronyd -x or leapsecmode ignore */
	bool is_chronyd_late;	  /* not running until an event starts it */
	bool has_no_counter;	  /* the kernel does not use the counter */
	int64_t drift_ppb;	  /* --max-drift-rate; 0: 50000 */
	uint32_t pause_ppm;	  /* of polls: the daemon is preempted in mid-publication ... */
	uint32_t kill_ppm;	  /* ... or killed there, or anywhere in the poll */
	uint32_t preempt_ppm;	  /* of clock reads: preempted, for 1 ms on average */
	bool has_vmclock;	  /* SIM_MOVE changes its marker */
	bool reads_strictly;	  /* readers look at it themselves, and are never wrong */
	uint32_t move_ppm;	  /* of polls: moved for 10 s at one of their clock reads */
	int64_t skew_ticks;	  /* cores' counters differ by up to this much */
	int64_t tight_ns;	  /* truth must once come this close to an end; 0: not looked at */
	int8_t valid_percent_min; /* of reads; 0: 50; -1: none need be */
};

/* Each file of scenarios has one of these; main.c goes through all. */
struct sim_scenario_list {
	const struct sim_scenario *first;
	int count;
};

extern const struct sim_scenario_list sim_scenarios;
extern const struct sim_scenario_list sim_oscillator_scenarios;
extern const struct sim_scenario_list sim_phc_scenarios;
extern const struct sim_scenario_list sim_vm_scenarios;
extern const struct sim_scenario_list sim_late_scenarios;
extern const struct sim_scenario_list sim_random_scenarios;

#endif
