/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chronyd in simple form: takes samples, estimates, steers the simulated kernel by rate or by step, and answers as
 * the real one would, wire floats included. X = CLOCK_REALTIME + correction, the correction computed from the
 * slew's rate and not measured, as documented. Facts: chrony's documentation; offsets positive = ahead.
 */
#ifndef TESTS_SIM_CHRONYD_H
#define TESTS_SIM_CHRONYD_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"
#include "tests/sim/ntp.h"

#define SIM_SERVERS 3

/* The reference id of the first source; the others follow. */
#define SIM_CHRONYD_FIRST_ID 0xc0a87b01u

struct sim_world;

struct sim_chronyd_options {
	bool is_foreign;   /* chronyd -x: it never touches the clock */
	bool is_obstinate; /* an estimator that never learns: rates stay, offsets are adopted at random */
	bool forgets;	   /* up to 4.6: when a step fails X is where the clock is; its samples know better */
	bool cannot_step;  /* steps fail */
	bool is_before_4;  /* Reset_Sources is refused, and since_sample counts from the sample itself */
	bool has_no_source_data; /* Source_Data is refused */
	bool is_slow_to_act;	 /* preempted between reading the clock and setting its rate, up to 1 ms */
	int64_t makestep_ns;	 /* threshold; 0: never */
	int32_t makestep_limit;	 /* updates; 0: all */
	int64_t max_slew_ppm;	 /* 0: 83333 */
	int64_t max_clock_error_ppb; /* 0: 1000 */
	int64_t frequency_ppb;	     /* from the drift file */
	int64_t answer_ns;	     /* mean time of an answer; 0: 15 us */
	uint32_t lost_ppm;	     /* answers that never come */
	uint32_t late_ppm;	     /* answers that take 1 ms to 0.9 s */
};

struct sim_chronyd {
	struct sim_chronyd_options options;
	struct sim_rng rng;
	struct sim_source source[SIM_SERVERS];
	int sources;
	int selected; /* -1: none */
	bool is_running;
	bool is_local;
	bool is_synchronised;
	int64_t hang_until_ns; /* true time */
	/* steering */
	double frequency; /* positive: fast without correction; X runs at 1 - this against the raw clock */
	double correction_ns;	/* X - CLOCK_REALTIME when it showed from_real_ns */
	double correction_rate; /* ... and per unit of CLOCK_REALTIME since */
	int64_t from_real_ns;
	double slew_rate;
	int64_t slew_end_ns; /* true time; INT64_MAX: none */
	int64_t apply_ns;    /* true time at which the kernel hears of apply_rate */
	double apply_rate;
	bool is_overrun;     /* it hangs, and the slew that it wanted to end goes on past X */
	double offset_power; /* what offset * duration of a slew come to, ns^2 */
	/* reference */
	int64_t ref_time_ns; /* by X */
	double skew;
	double residual;
	double root_delay_ns;
	double root_dispersion_ns;
	int64_t update_mono_ns;
	int64_t update_interval_ns;
	int32_t updates;
	uint32_t reference_id;
	int64_t seen_offset_ns; /* REALTIME - MONOTONIC when last looked: jumps of 10 s are noticed */
};

void sim_chronyd_init(struct sim_world *world);

/* sim_chronyd_next_ns, sim_chronyd_run - when something is due, and doing it */
int64_t sim_chronyd_next_ns(const struct sim_world *world);
void sim_chronyd_run(struct sim_world *world);

/* sim_chronyd_x_ns - X now */
int64_t sim_chronyd_x_ns(const struct sim_world *world);

/* Commands and accidents. */
void sim_chronyd_stop(struct sim_world *world);
void sim_chronyd_start(struct sim_world *world);
void sim_chronyd_reset(struct sim_world *world);
void sim_chronyd_burst(struct sim_world *world);
void sim_chronyd_makestep(struct sim_world *world);

/* sim_chronyd_frequency - what it believes the oscillator's error to be */
double sim_chronyd_frequency(const struct sim_world *world);

/*
 * Answers, as of now (chronyd_answer.c). The caller lets time pass, and looks whether chronyd is there. False if the
 * daemon's decoder does not accept them.
 */
bool sim_chronyd_tracking(struct sim_world *world, struct cbd_tracking *tracking);
bool sim_chronyd_source_data(struct sim_world *world, int number, struct cbd_source_data *data);

/* For the two files of chronyd alone. */
double sim_chronyd_correction_at(const struct sim_chronyd *chronyd, int64_t real_ns);
void sim_chronyd_notice_jump(struct sim_world *world);

#endif
