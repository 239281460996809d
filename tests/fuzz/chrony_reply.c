/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a reply of chronyd: nothing crashes, and what is accepted keeps the promises of poll.h. The first
 * byte chooses the command; the sequence waited for is taken from the datagram, so that the checks behind it are
 * reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/source/chrony_float.h"
#include "daemon/source/chrony_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
	if (!is_true) {
		abort();
	}
}

static void check_tracking(const struct cbd_tracking *tracking)
{
	const int64_t time_max = (INT64_C(1) << 32) * INT64_C(1000000001);

	require(tracking->stratum <= 16 && tracking->leap_status <= 3);
	require(tracking->ref_time_ns >= 0);
	require(llabs(tracking->correction_ns) <= time_max && tracking->correction_quantum_ns >= 1);
	require(tracking->root_delay_ns >= 0 && tracking->root_delay_ns <= INT64_C(16000002000));
	require(tracking->root_dispersion_ns >= 0 && tracking->root_dispersion_ns <= time_max);
	require(tracking->skew_q58 >= 0 && tracking->residual_q58 >= 0);
	require(llabs(tracking->frequency_q58) < INT64_C(1) << 58);
	require(tracking->update_interval_ns >= 0);
}

static void check_source(const struct cbd_source_data *source)
{
	require(source->state <= CBD_SOURCE_SELECTABLE && source->mode <= 2);
	require(source->error_ns >= 0 && source->offset_quantum_ns >= 1);
}

static void check_float(uint32_t bits)
{
	int64_t nearest = cbd_chrony_float_ns_nearest(bits);

	require(cbd_chrony_float_ns_up(bits) >= llabs(nearest));
	require(cbd_chrony_float_q58_up(bits) >= llabs(cbd_chrony_float_q58_nearest(bits)));
	require(cbd_chrony_float_ns_quantum(bits) >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum cbd_chrony_command commands[] = {CBD_CHRONY_TRACKING, CBD_CHRONY_SOURCE_DATA,
							   CBD_CHRONY_N_SOURCES, CBD_CHRONY_BURST,
							   CBD_CHRONY_RESET_SOURCES};
	struct cbd_chrony_complaint complaint;
	struct cbd_source_data source;
	struct cbd_tracking tracking;
	enum cbd_chrony_command command;
	uint32_t sequence = 0;

	if (size == 0) {
		return 0;
	}
	command = commands[data[0] % 5];
	data++;
	size--;
	if (size >= 20) {
		sequence = (uint32_t)data[16] << 24 | (uint32_t)data[17] << 16 | (uint32_t)data[18] << 8 |
			   data[19];
		check_float(sequence);
	}
	if (cbd_chrony_wire_check(data, size, command, sequence, &complaint) != CBD_CHRONY_ACCEPTED) {
		require(memchr(complaint.text, '\0', sizeof(complaint.text)) != NULL);
		return 0;
	}
	if (command == CBD_CHRONY_TRACKING &&
	    cbd_chrony_wire_tracking(data, &tracking, &complaint) == CBD_CHRONY_ACCEPTED) {
		check_tracking(&tracking);
	}
	if (command == CBD_CHRONY_SOURCE_DATA &&
	    cbd_chrony_wire_source_data(data, &source, &complaint) == CBD_CHRONY_ACCEPTED) {
		check_source(&source);
	}
	return 0;
}
