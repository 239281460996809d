/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What chronyd answers: the bytes of its replies, which the daemon's own decoder then reads. See chronyd.h.
 */
#include <math.h>

#include "daemon/source/chrony_wire.h"
#include "tests/sim/chronyd.h"
#include "tests/sim/world.h"

#define NS_PER_SEC	INT64_C(1000000000)
#define COEFFICIENT_ONE 16777216.0 /* 2^24 */
#define ERROR_PPB	1000	   /* maxclockerror's default */
#define LOCAL_ID	0x7f7f0101u

#define FAMILY_IPV4   1
#define STRATUM_LOCAL 10
#define LEAP_UNSYNC   3

/* To the wire; nearest, as chrony nearly does. */
static uint32_t wire(double value)
{
	int exponent = 0;
	double part = frexp(value, &exponent);
	int32_t coefficient = (int32_t)(part * COEFFICIENT_ONE + (part < 0 ? -0.5 : 0.5));

	if (value == 0.0 || exponent < -60) {
		return 0;
	}
	if (coefficient == (int32_t)COEFFICIENT_ONE) {
		coefficient /= 2;
		exponent++;
	}
	return (uint32_t)(exponent + 1) << 25 | ((uint32_t)coefficient & 0x1ffffffu);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static void put_seconds(uint8_t *at, double ns)
{
	put32(at, wire(ns * 1e-9));
}

static void put_ppm(uint8_t *at, double rate)
{
	put32(at, wire(rate * 1e6));
}

static void put_time(uint8_t *at, int64_t ns)
{
	put32(at, (uint32_t)(ns / NS_PER_SEC >> 32));
	put32(at + 4, (uint32_t)(ns / NS_PER_SEC));
	put32(at + 8, (uint32_t)(ns % NS_PER_SEC));
}

/* The fields of a Tracking reply that say what chronyd follows. Offsets: chrony's protocol, version 6. */
static void put_reference(const struct sim_world *world, uint8_t *reply)
{
	const struct sim_chronyd *chronyd = &world->chronyd;
	bool is_refclock = chronyd->source[chronyd->selected < 0 ? 0 : chronyd->selected].server->is_refclock;
	int64_t ppb =
		chronyd->options.max_clock_error_ppb != 0 ? chronyd->options.max_clock_error_ppb : ERROR_PPB;
	double age_ns = (double)(sim_chronyd_x_ns(world) - chronyd->ref_time_ns);
	double grown_ns =
		(age_ns < 0 ? -age_ns : age_ns) * (chronyd->skew + chronyd->residual + (double)ppb * 1e-9);

	put32(reply + 28, chronyd->reference_id);
	put32(reply + 32, chronyd->reference_id);
	put16(reply + 48, is_refclock ? 0 : FAMILY_IPV4);
	put16(reply + 52, 2);
	put16(reply + 54, world->leap_status);
	put_time(reply + 56, chronyd->ref_time_ns);
	put_ppm(reply + 84, chronyd->residual);
	put_ppm(reply + 88, chronyd->skew);
	put_seconds(reply + 92, chronyd->root_delay_ns);
	put_seconds(reply + 96, chronyd->root_dispersion_ns + grown_ns);
	put_seconds(reply + 100, (double)chronyd->update_interval_ns);
}

bool sim_chronyd_tracking(struct sim_world *world, struct cbd_tracking *tracking)
{
	struct sim_chronyd *chronyd = &world->chronyd;
	struct cbd_chrony_complaint complaint;
	uint8_t reply[104] = {0};

	sim_chronyd_notice_jump(world);
	put_seconds(reply + 68, sim_chronyd_correction_at(
					chronyd, sim_kernel_real_ns(&world->kernel, sim_world_ticks(world))));
	put_ppm(reply + 80, chronyd->frequency);
	if (chronyd->is_local) {
		put32(reply + 28, LOCAL_ID);
		put16(reply + 52, STRATUM_LOCAL);
		put_time(reply + 56, sim_chronyd_x_ns(world) - NS_PER_SEC);
	} else if (chronyd->is_synchronised) {
		put_reference(world, reply);
	} else {
		put16(reply + 54, LEAP_UNSYNC);
		put_seconds(reply + 92, 1e9);
		put_seconds(reply + 96, 1e9);
	}
	return cbd_chrony_wire_tracking(reply, tracking, &complaint) == CBD_CHRONY_ACCEPTED;
}

static uint32_t mode_of(const struct sim_server *server)
{
	return server->is_refclock ? CBD_SOURCE_MODE_REFCLOCK
	       : server->is_peer   ? CBD_SOURCE_MODE_PEER
				   : CBD_SOURCE_MODE_CLIENT;
}

bool sim_chronyd_source_data(struct sim_world *world, int number, struct cbd_source_data *data)
{
	const struct sim_source *source = &world->chronyd.source[number];
	const struct sim_sample *newest = &source->sample[source->samples > 0 ? source->samples - 1 : 0];
	/* Of NTP sources a chronyd from 4.0 on tells from which second the sample is, and no more. */
	bool is_whole = !source->server->is_refclock && !world->chronyd.options.is_before_4;
	int64_t from_ns = newest->time_ns - (is_whole ? newest->time_ns % NS_PER_SEC : 0);
	int64_t since_s = (sim_chronyd_x_ns(world) - from_ns) / NS_PER_SEC;
	struct cbd_chrony_complaint complaint;
	uint8_t reply[76] = {0};

	put32(reply + 28, SIM_CHRONYD_FIRST_ID + (uint32_t)number);
	put16(reply + 44, FAMILY_IPV4);
	put16(reply + 48, (uint32_t)source->poll_log2);
	put16(reply + 50, 1);
	put16(reply + 52, source->state);
	put16(reply + 54, mode_of(source->server));
	put32(reply + 60, CBD_SINCE_NEVER);
	if (source->samples > 0) {
		put32(reply + 60, (uint32_t)since_s); /* negative ones wrap, as in chronyd */
		put_seconds(reply + 64, source->measured_ns);
		put_seconds(reply + 68, newest->offset_ns);
		put_seconds(reply + 72, newest->delay_ns / 2.0 + newest->dispersion_ns);
	}
	return cbd_chrony_wire_source_data(reply, data, &complaint) == CBD_CHRONY_ACCEPTED;
}
