/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loop has to do with the PTP hardware clock: one reading a poll, handed to the core before the poll is; and
 * what is told of it. It judges nothing.
 */
#include "daemon/loop.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/chrony_state.h"
#include "daemon/log.h"

/* Reasons are told again when they begin otherwise: what follows may count. */
#define TOLD_LENGTH 40

bool cbd_loop_phc_is_used(const struct cbd_config *config)
{
	return config->phc_device[0] != '\0' || config->phc_interface[0] != '\0';
}

int cbd_loop_phc_open(struct cbd_loop *loop)
{
	const struct cbd_config *config = loop->config;
	const struct cbd_phc_options options = {
		.device = config->phc_device,
		.interface = config->phc_interface,
		.ptp4l = config->ptp4l,
		.ptp4l_domain = (uint8_t)config->ptp4l_domain,
		.ptp4l_transport = (uint8_t)config->ptp4l_transport,
		.bound_ns = config->phc_bound_ns,
		.rho_ppb = config->max_drift_ppb,
	};
	int result = cbd_phc_init(&loop->phc, &options, cbd_phc_system(), &loop->clocks.clock);

	if (result != 0) {
		cbd_log(CBD_LOG_ERROR, "phc_failed", "%s", loop->phc.text);
	}
	return result;
}

void cbd_loop_phc_begin(struct cbd_loop *loop)
{
	if (cbd_loop_phc_is_used(loop->config)) {
		cbd_phc_begin(&loop->phc);
	}
}

static const char *scale_name(enum cbd_phc_scale scale)
{
	return scale == CBD_PHC_SCALE_TAI ? "TAI" : "UTC";
}

static void tell(struct cbd_loop *loop)
{
	const struct cbd_phc *phc = &loop->phc;
	struct cbd_loop_told *told = &loop->told;
	bool is_good = phc->reading.has_offset;

	if (is_good && !told->is_phc_good) {
		cbd_log(CBD_LOG_NOTICE, "phc_ready",
			"reading %s (%s), which counts %s, by %s: within %lld ns of UTC", phc->identity.path,
			phc->identity.name, scale_name(phc->scale), cbd_phc_method_name(phc->method),
			(long long)phc->reading.bound_ns);
		told->phc[0] = '\0';
	} else if (!is_good && phc->text[0] != '\0' && strncmp(told->phc, phc->text, TOLD_LENGTH) != 0) {
		cbd_log(CBD_LOG_WARNING, "phc_failed", "no use of the PTP hardware clock: %s", phc->text);
		snprintf(told->phc, sizeof(told->phc), "%s", phc->text);
	}
	if (is_good || phc->text[0] != '\0') {
		told->is_phc_good = is_good;
	}
}

/* Which of chronyd's refclocks is the device nobody has said: so each that it follows may be. */
static void advise_name(struct cbd_loop *loop, const struct cbd_tracking *tracking)
{
	char name[sizeof(tracking->reference_id) + 1] = "";
	uint32_t i;

	if (tracking == NULL || loop->told.is_phc_name || loop->core.config.phc_reference_id != 0 ||
	    !tracking->is_refclock || cbd_chrony_state_reasons(tracking, false) != 0) {
		return;
	}
	for (i = 0; i < sizeof(tracking->reference_id); i++) {
		unsigned char byte = (unsigned char)(tracking->reference_id >> (24 - 8 * i));

		name[i] = (char)(isgraph(byte) || byte == 0 ? byte : '?');
	}
	loop->told.is_phc_name = true;
	cbd_log(CBD_LOG_NOTICE, "phc_name",
		"chronyd follows the refclock %s, which may be the PHC that is read here: the PHC's error is "
		"added to it, and while that is not known it proves nothing; --phc-ref-id %s if it is, and "
		"--phc-ref-id with another name if it is not",
		name, name);
}

/* chronyd takes the device's reads to be as wide as its owner configured, and 1 ns by default. */
static void advise(struct cbd_loop *loop, const struct cbd_tracking *tracking)
{
	const struct cbd_phc_reading *reading = &loop->phc.reading;

	if (tracking == NULL || loop->told.is_phc_delay || !reading->has_offset ||
	    loop->core.config.phc_reference_id == 0 ||
	    tracking->reference_id != loop->core.config.phc_reference_id ||
	    tracking->root_delay_ns >= reading->widest_ns) {
		return;
	}
	loop->told.is_phc_delay = true;
	cbd_log(CBD_LOG_NOTICE, "phc_delay",
		"chronyd takes its reads of the PHC to be %lld ns wide, and ours were %lld ns: the "
		"difference is added "
		"here, and chronyd would know by 'delay %.7f' in its refclock line",
		(long long)tracking->root_delay_ns, (long long)reading->widest_ns,
		(double)reading->widest_ns * 2e-9);
}

void cbd_loop_phc_poll(struct cbd_loop *loop, const struct cbd_tracking *tracking)
{
	if (!cbd_loop_phc_is_used(loop->config)) {
		return;
	}
	if ((loop->core.event.reason & (CLOCKBOUND_REASON_LEAP | CLOCKBOUND_REASON_MIGRATED)) != 0) {
		cbd_phc_forget_scale(&loop->phc);
	}
	cbd_phc_poll(&loop->phc, cbd_clock_mono_ns(&loop->clocks.clock));
	cbd_core_on_phc(&loop->core, &loop->phc.reading);
	tell(loop);
	advise_name(loop, tracking);
	advise(loop, tracking);
}

void cbd_loop_phc_close(struct cbd_loop *loop)
{
	if (cbd_loop_phc_is_used(loop->config)) {
		cbd_phc_close(&loop->phc);
	}
}

void cbd_loop_phc_fill(const struct cbd_loop *loop, struct clockbound_control_status *status)
{
	const struct cbd_phc *phc = &loop->phc;

	if (!cbd_loop_phc_is_used(loop->config)) {
		return;
	}
	status->phc_state = phc->reading.is_failed || phc->stats.readings == 0 ? CLOCKBOUND_PHC_FAILED
									       : CLOCKBOUND_PHC_GOOD;
	status->phc_uses = (loop->core.config.combines_phc ? CLOCKBOUND_PHC_USE_SOURCE : 0) |
			   (loop->core.config.phc_reference_id != 0 ? CLOCKBOUND_PHC_USE_FOLLOWED : 0);
	status->phc_scale = (uint32_t)phc->scale;
	status->phc_bound_ns = phc->reading.has_bound ? phc->reading.bound_ns : 0;
	status->phc_widest_ns = phc->reading.has_bound ? phc->reading.widest_ns : 0;
	status->phc_readings = phc->stats.readings;
	status->phc_failures = phc->stats.failures;
	status->phc_jumps = phc->stats.jumps;
	status->phc_openings = phc->stats.openings;
	snprintf(status->phc_device, sizeof(status->phc_device), "%.100s", phc->identity.path);
	snprintf(status->phc_method, sizeof(status->phc_method), "%s",
		 phc->stats.readings != 0 ? cbd_phc_method_name(phc->method) : "");
	snprintf(status->phc_reason, sizeof(status->phc_reason), "%s", phc->text);
}
