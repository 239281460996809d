/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the values of a trace back to the bytes of chronyd's replies, and through the daemon's own decoder
 * to the core's units: signs, rounding and quanta are those of the daemon because it is the daemon's code
 * that runs. Pure. Layer: tests/replay, beside trace.
 */
#ifndef CBD_REPLAY_REPLY_H
#define CBD_REPLAY_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"
#include "daemon/source/chrony_wire.h"

/* A Tracking reply as people write it; units and signs are chronyd's. */
struct cbd_reply_tracking {
	uint32_t reference_id;
	uint16_t stratum;
	uint16_t leap_status;
	uint32_t ref_time_s;
	uint32_t ref_time_ns;
	double current_correction_s; /* positive: the clock is behind */
	double last_offset_s;
	double rms_offset_s;
	double frequency_ppm; /* positive: fast */
	double residual_ppm;
	double skew_ppm;
	double root_delay_s;
	double root_dispersion_s;
	double last_update_interval_s;
};

/* A Source_Data reply, the same. */
struct cbd_reply_source {
	uint32_t address; /* IPv4 */
	uint16_t state;
	uint16_t mode;
	uint16_t reachability;
	int16_t poll;
	uint32_t since_sample_s;
	double orig_latest_meas_s;
	double latest_meas_s; /* positive: the clock is ahead */
	double latest_meas_err_s;
};

/*
 * cbd_reply_float - chronyd's 32-bit float for @value; exact if @value came from one, else the nearest
 * Saturates at the largest that the format has; @value must be finite.
 */
uint32_t cbd_reply_float(double value);

/*
 * cbd_reply_tracking, cbd_reply_source - decoded by the daemon; false, and @complaint, if it calls them
 * broken A reference id of which all bytes are letters, digits or padding is a refclock's name.
 */
bool cbd_reply_tracking(const struct cbd_reply_tracking *reply, struct cbd_tracking *tracking,
			struct cbd_chrony_complaint *complaint);
bool cbd_reply_source(const struct cbd_reply_source *reply, struct cbd_source_data *source,
		      struct cbd_chrony_complaint *complaint);

#endif
