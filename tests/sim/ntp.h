/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server as chronyd sees it: a path with chosen delays, the samples taken over it, and the weighted regression
 * through them, in the simple form of what chrony's documentation tells. All offsets are relative to chronyd's own
 * corrected time X, positive when X is ahead of the server.
 */
#ifndef TESTS_SIM_NTP_H
#define TESTS_SIM_NTP_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/rng.h"

#define SIM_SAMPLES 64

/* A path: each way a fixed part and an exponential one; bursts now and then on the way back. */
struct sim_path {
	int64_t there_ns;
	int64_t back_ns;
	int64_t jitter_ns;
	uint32_t burst_ppm;
	int64_t burst_ns;
	bool is_extreme; /* the whole of both fixed parts goes on one of the ways, at random */
	int32_t phase_s; /* of a path whose routes change: each phase has another side for the fixed parts */
};

#define SIM_AVERAGES 16

struct sim_server {
	struct sim_path path;
	int8_t poll_min; /* log2 s */
	int8_t poll_max;
	int64_t own_error_ns;	    /* server - true time, within its root dispersion: honest */
	int64_t root_delay_ns;	    /* as announced */
	int64_t root_dispersion_ns; /* as announced */
	int64_t lie_ns;		    /* server - true time beyond what it announces ... */
	int32_t lie_from_s;	    /* ... from here on ... */
	int32_t lie_for_s;	    /* ... this long; 0: for ever */
	bool is_refclock;	    /* no path: offsets as measured, error as configured */
	bool is_pulse;		    /* one that tells no whole seconds: chronyd takes those from X */
	int64_t late_ns;     /* its stamps are of CLOCK_REALTIME, and chronyd reads them so much later */
	bool is_peer;	     /* the answer comes when the peer's own polling interval is over */
	bool is_interleaved; /* an exchange is known of when the next one is over */
	int8_t averages;     /* a sample is the mean of so many measurements in one interval; 0: of one */
	int64_t noise_ns;    /* of each measurement, to both sides, within what is announced */
};

/* One measurement. */
struct sim_sample {
	int64_t time_ns; /* by X, middle of the exchange */
	double offset_ns;
	double delay_ns;      /* root delay */
	double dispersion_ns; /* root dispersion at the sample */
};

/* What a regression found. */
struct sim_estimate {
	bool is_known;
	double offset_ns; /* at the last sample */
	double frequency; /* X gains this much per unit of time */
	double skew;
	double deviation_ns; /* of the offset */
	int first;	     /* the oldest sample that was used */
};

struct sim_source {
	const struct sim_server *server;
	struct sim_rng rng;
	struct sim_sample sample[SIM_SAMPLES];
	int samples;
	struct sim_estimate estimate;
	struct sim_sample
		held[SIM_AVERAGES]; /* not a sample yet: the exchange before, or those of this interval */
	int helds;
	double measured_ns;   /* the latest offset as it was measured */
	int64_t next_poll_ns; /* all true time */
	int64_t arrival_ns;   /* INT64_MAX: nothing is under way */
	int64_t sent_x_ns;
	int64_t sent_real_ns; /* CLOCK_REALTIME then */
	int64_t received_ns;  /* by the server's clock */
	int64_t hold_ns;
	int8_t poll_log2;
	int burst; /* requests left of a burst */
	uint16_t state;
	bool is_lost; /* no answer comes */
	int updates;  /* samples since the reference was last updated */
};

/* sim_root - the square root, by the same steps on every machine */
double sim_root(double value);

void sim_source_init(struct sim_source *source, const struct sim_server *server, uint64_t seed, int number);

/* What clocks show at one instant. */
struct sim_now {
	int64_t true_ns; /* since the world began */
	int64_t utc_ns;
	int64_t real_ns;
	int64_t x_ns;
};

/* sim_source_send - a request leaves */
void sim_source_send(struct sim_source *source, const struct sim_now *now);

/*
 * sim_source_receive - the answer is there, X showing @x_ns
 * @late_x_ns: X when the request was sent, by what chronyd holds of it now
 * @precision_ns, @skew: what a sample's dispersion is made of. Returns false if it makes no sample yet.
 */
bool sim_source_receive(struct sim_source *source, int64_t x_ns, int64_t late_x_ns, double precision_ns,
			double skew);

/* sim_source_adjust - X was moved: by -@offset_ns at @x_ns, and its rate by -@frequency */
void sim_source_adjust(struct sim_source *source, int64_t x_ns, double offset_ns, double frequency);

/* sim_source_disperse - every sample is less certain by so much */
void sim_source_disperse(struct sim_source *source, double error_ns);

/* sim_source_drop - forgets all samples */
void sim_source_drop(struct sim_source *source);

/* sim_source_estimate - the regression; drops samples that do not lie on the line any more */
void sim_source_estimate(struct sim_source *source);

/* sim_source_best - the sample with the smallest root distance, aged by @skew to the newest */
const struct sim_sample *sim_source_best(const struct sim_source *source, double skew, double *distance_ns);

#endif
