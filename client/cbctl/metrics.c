/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `cbctl status` gathers, as metrics: families of samples in the sense of Prometheus. They are built once, as
 * JSON; the text is written from that. Names end in their base unit (seconds) or in _total; a state is one
 * family with a sample of 0 or 1 for each value it can have.
 */
#include "cbctl.h"

#include <stdio.h>

#define PS_PER_S 1e12
#define GAUGE	 "gauge"
#define COUNTER	 "counter"

/* Adds a family without samples to @all; returns the list that they go into. */
static json_t *add_family(json_t *all, const char *name, const char *type, const char *help)
{
	json_t *samples = json_array();

	(void)json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:O}", "name", name, "type", type, "help",
						   help, "samples", samples));
	json_decref(samples); /* the family's now */
	return samples;
}

static void add_sample(json_t *samples, const char *label, const char *is, json_t *value)
{
	json_t *labels = json_object();

	if (label != NULL) {
		/* What is not UTF-8 is no label. */
		(void)json_object_set_new(labels, label, json_string(is));
	}
	(void)json_array_append_new(samples, json_pack("{s:o, s:o}", "labels", labels, "value", value));
}

/* A family of one sample. */
static void add_number(json_t *all, const char *name, const char *type, const char *help, uint64_t value)
{
	add_sample(add_family(all, name, type, help), NULL, NULL, json_integer((json_int_t)value));
}

static json_t *seconds(int64_t ns)
{
	return json_real((double)ns / (double)CBC_NS_PER_S);
}

static void add_seconds(json_t *all, const char *name, const char *help, int64_t ns)
{
	add_sample(add_family(all, name, GAUGE, help), NULL, NULL, seconds(ns));
}

/* A state and its values 0 to @count - 1. */
static void add_state(json_t *all, const char *name, const char *help, const char *label,
		      const char *(*value_name)(uint32_t value), uint32_t count, uint32_t is)
{
	json_t *samples = add_family(all, name, GAUGE, help);
	uint32_t value;

	for (value = 0; value < count; value++) {
		add_sample(samples, label, value_name(value), json_integer(value == is));
	}
}

static void add_reasons(json_t *all, uint32_t status)
{
	json_t *samples = add_family(all, "clockbound_reason", GAUGE,
				     "Whether this is wrong; see cbctl status for what to do.");
	uint32_t bit;

	for (bit = 0; bit < 32; bit++) {
		uint32_t reason = CLOCKBOUND_REASON_MASK & (UINT32_C(1) << bit);

		if (reason != 0) {
			add_sample(samples, "reason", clockbound_reason_name(reason),
				   json_integer((status & reason) != 0));
		}
	}
}

static void add_interval(json_t *all, const clockbound_interval *interval)
{
	add_number(all, "clockbound_valid", GAUGE, "Whether the interval contains true time for certain.",
		   clockbound_is_valid(interval) ? 1 : 0);
	add_state(all, "clockbound_status", "The status.", "status", clockbound_status_name,
		  CLOCKBOUND_STATUS_DISRUPTED + 1, CLOCKBOUND_STATUS_OF(interval->status));
	add_reasons(all, interval->status);
	if (cbc_is_bounded(interval)) {
		add_seconds(all, "clockbound_half_width_seconds",
			    "Half of the interval's width; promises nothing unless clockbound_valid is 1.",
			    cbc_half_ns(interval));
	}
}

static void add_terms(json_t *all, const struct clockbound_terms *terms)
{
	json_t *samples;

	add_state(all, "clockbound_rule", "The rule that made the bound; tracking is no proof.", "rule",
		  cbc_rule_name, CLOCKBOUND_RULE_TRACKING + 1, terms->rule);
	samples = add_family(all, "clockbound_bound_term_seconds", GAUGE,
			     "Terms of the half-width at the last poll, as cbctl explain shows them.");
	add_sample(samples, "term", "sample_error", seconds(terms->sample_error_ns));
	add_sample(samples, "term", "growth", seconds(terms->growth_ns));
	add_sample(samples, "term", "slip", seconds(terms->slip_ns));
	add_sample(samples, "term", "bracket", seconds(terms->bracket_ns));
	add_sample(samples, "term", "off_line", seconds(terms->off_line_ns));
	add_sample(samples, "term", "floor", seconds(terms->floor_ns));
	add_sample(samples, "term", "phc", seconds(terms->phc_ns));
}

static void add_page(json_t *all, const struct cbc_page *page)
{
	add_terms(all, &page->terms);
	add_seconds(all, "clockbound_publication_age_seconds", "Since the page was published.",
		    clockbound_priv_sub_sat(page->mono_ns, page->clock.as_of_mono_ns));
	add_seconds(all, "clockbound_void_in_seconds",
		    "Until the bound is void, if nothing more is published.",
		    cbc_page_left_ns(page, page->hot.void_after, page->clock.void_after_mono_ns));
	add_number(all, "clockbound_page_publications_total", COUNTER, "Publications in this page's life.",
		   page->publications);
}

static void add_probe(json_t *all, const struct clockbound_control_status *daemon)
{
	add_state(all, "clockbound_probe_rung", "What notices that somebody moves the clock.", "rung",
		  cbc_rung_name, CLOCKBOUND_RUNG_FENTRY + 1, daemon->probe_rung);
	add_number(all, "clockbound_events_total", COUNTER,
		   "Changes of the clock and of the machine that the daemon knows of: cbctl events.",
		   daemon->last_event);
	add_number(all, "clockbound_probe_changes_total", COUNTER, "Changes that were marked in the kernel.",
		   daemon->probe_events);
	add_number(all, "clockbound_probe_dropped_total", COUNTER,
		   "Of these, records that were lost: who and how much is not known, that it happened is.",
		   daemon->probe_dropped);
	add_number(all, "clockbound_probe_refused_total", COUNTER,
		   "Calls to set the clock by those who may not.", daemon->probe_refused);
}

/* RFC 5905's leap indicator. */
#define LEAPS 4
static const char *leap_name(uint32_t leap)
{
	static const char *const names[LEAPS] = {"normal", "insert", "delete", "unsynchronised"};

	return names[leap];
}

static void add_chrony(json_t *all, const struct clockbound_control_status *daemon)
{
	add_number(all, "clockbound_polls_total", COUNTER, "Polls that chronyd answered.", daemon->polls);
	add_number(all, "clockbound_poll_failures_total", COUNTER, "Polls that it did not.",
		   daemon->poll_failures);
	if (daemon->last_poll_ns <= INT64_MAX) {
		add_seconds(all, "clockbound_last_poll_age_seconds", "Since the last poll that was answered.",
			    (int64_t)daemon->last_poll_ns);
		add_seconds(all, "clockbound_poll_round_trip_seconds", "What that poll took.",
			    (int64_t)daemon->round_trip_ns);
		add_number(all, "clockbound_chrony_sources", GAUGE, "Sources of chronyd.", daemon->sources);
		add_number(all, "clockbound_chrony_stratum", GAUGE, "Stratum of chronyd.", daemon->stratum);
		add_state(all, "clockbound_chrony_leap_status", "Leap status of chronyd.", "leap_status",
			  leap_name, LEAPS, daemon->leap_status);
	}
	add_number(all, "clockbound_ignored_replies_total", COUNTER,
		   "Replies to something else than what was asked.", daemon->ignored_replies);
}

static void add_judgement(json_t *all, const struct clockbound_control_status *daemon)
{
	add_number(all, "clockbound_samples_total", COUNTER, "New samples of chronyd's that were taken.",
		   daemon->samples);
	add_number(all, "clockbound_slips_total", COUNTER,
		   "Polls thrown away: the clock moved while chronyd answered.", daemon->slips);
	add_number(all, "clockbound_disturbances_total", COUNTER,
		   "Steps and other movements of the clock that are not chronyd's.", daemon->steps);
	add_number(all, "clockbound_inconsistencies_total", COUNTER, "Two proofs that excluded each other.",
		   daemon->inconsistencies);
	add_number(all, "clockbound_publications_total", COUNTER, "Publications of this daemon.",
		   daemon->publications);
	if (daemon->counter_hz > 0) {
		add_number(all, "clockbound_counter_hertz", GAUGE, "The counter's measured rate.",
			   (uint64_t)daemon->counter_hz);
	}
}

static void add_phc(json_t *all, const struct clockbound_control_status *daemon)
{
	if (daemon->phc_state == CLOCKBOUND_PHC_NONE) {
		return;
	}
	add_number(all, "clockbound_phc_good", GAUGE, "Whether the PTP hardware clock is read and trusted.",
		   daemon->phc_state == CLOCKBOUND_PHC_GOOD);
	if (daemon->phc_bound_ns > 0) {
		add_seconds(all, "clockbound_phc_error_bound_seconds", "Its own error.",
			    daemon->phc_bound_ns);
		add_seconds(all, "clockbound_phc_widest_seconds", "Its widest reading of late.",
			    daemon->phc_widest_ns);
	}
	add_number(all, "clockbound_phc_readings_total", COUNTER, "Good readings of it.",
		   daemon->phc_readings);
	add_number(all, "clockbound_phc_failures_total", COUNTER, "Readings that failed.",
		   daemon->phc_failures);
	add_number(all, "clockbound_phc_jumps_total", COUNTER, "How often somebody set it.",
		   daemon->phc_jumps);
	add_number(all, "clockbound_phc_openings_total", COUNTER, "How often it was found.",
		   daemon->phc_openings);
}

static void add_vmclock(json_t *all, const struct clockbound_control_vmclock *vmclock)
{
	uint32_t flags = vmclock->vm_flags;

	add_number(all, "clockbound_vmclock_watched", GAUGE,
		   "Whether a migration of this machine would be noticed.", vmclock->has_vmclock != 0);
	add_number(all, "clockbound_vmclock_disruption_soon", GAUGE,
		   "The hypervisor will move or restore this machine within about a day: drain it.",
		   (flags & CLOCKBOUND_VM_DISRUPTION_SOON) != 0);
	add_number(all, "clockbound_vmclock_disruption_imminent", GAUGE,
		   "The hypervisor will move or restore this machine within about an hour: drain it now.",
		   (flags & CLOCKBOUND_VM_DISRUPTION_IMMINENT) != 0);
	add_number(all, "clockbound_disruptions_total", COUNTER,
		   "Migrations, restorations and forced disruptions.", vmclock->migrations);
	if (vmclock->recovery_ns != 0 && vmclock->recovery_ns <= INT64_MAX) {
		add_seconds(all, "clockbound_disruption_recovery_seconds",
			    "From noticing the last one until a bound was valid again.",
			    (int64_t)vmclock->recovery_ns);
	}
	if (vmclock->has_vmclock != 0) {
		add_sample(add_family(all, "clockbound_vmclock_load_seconds", GAUGE,
				      "What a strict read costs more than another."),
			   NULL, NULL, json_real((double)vmclock->load_ps / PS_PER_S));
	}
	add_number(all, "clockbound_injected", GAUGE, "Whether what is published is a test's (cbctl inject).",
		   vmclock->inject_kind != CLOCKBOUND_INJECT_OFF);
}

static void add_daemon(json_t *all, const struct clockbound_control_status *daemon)
{
	add_sample(add_family(all, "clockbound_daemon_info", GAUGE, "1, labelled with its version."),
		   "version", daemon->daemon_version, json_integer(1));
	add_seconds(all, "clockbound_daemon_uptime_seconds", "Since the daemon started.",
		    daemon->uptime_ns <= INT64_MAX ? (int64_t)daemon->uptime_ns : INT64_MAX);
	add_chrony(all, daemon);
	add_judgement(all, daemon);
	add_probe(all, daemon);
	add_phc(all, daemon);
}

/* @text as a label's value: backslash, quote and line feed are escaped. */
static void print_label(const char *name, const char *text)
{
	printf("%s=\"", name);
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			printf("\\n");
		} else {
			printf(*text == '\\' || *text == '"' ? "\\%c" : "%c", *text);
		}
	}
	printf("\"");
}

static void print_sample(const char *name, const json_t *sample)
{
	const json_t *value = json_object_get(sample, "value");
	const char *separator = "{";
	const char *label;
	json_t *text;

	printf("%s", name);
	json_object_foreach(json_object_get(sample, "labels"), label, text)
	{
		printf("%s", separator);
		print_label(label, json_string_value(text));
		separator = ",";
	}
	printf("%s", separator[0] == ',' ? "} " : " ");
	if (json_is_integer(value)) {
		printf("%" JSON_INTEGER_FORMAT "\n", json_integer_value(value));
	} else {
		printf("%.12g\n", json_real_value(value));
	}
}

void cbc_print_metrics(const json_t *all)
{
	const json_t *family;
	const json_t *sample;
	size_t i;
	size_t j;

	json_array_foreach(all, i, family)
	{
		const char *name = json_string_value(json_object_get(family, "name"));

		printf("# HELP %s %s\n", name, json_string_value(json_object_get(family, "help")));
		printf("# TYPE %s %s\n", name, json_string_value(json_object_get(family, "type")));
		json_array_foreach(json_object_get(family, "samples"), j, sample)
		{
			print_sample(name, sample);
		}
	}
}

json_t *cbc_json_metrics(const struct cbc_status *status)
{
	json_t *all = json_array();

	add_number(all, "clockbound_up", GAUGE, "Whether there is a page or segment to read.",
		   status->has_reading);
	add_number(all, "clockbound_daemon_up", GAUGE, "Whether the daemon answers.", status->has_daemon);
	if (status->has_reading) {
		add_interval(all, &status->reading.interval);
	}
	if (status->has_page) {
		add_page(all, &status->page);
	}
	if (status->has_daemon) {
		add_daemon(all, &status->daemon);
	}
	if (status->has_vmclock) {
		add_vmclock(all, &status->vmclock);
	}
	return all;
}
