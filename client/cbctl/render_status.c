/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `cbctl status` found, as text and as JSON.
 */
#include "cbctl.h"

#include <inttypes.h>
#include <stdio.h>

/* How a clock that is moved from outside is noticed; CLOCKBOUND_RUNG_*. */
static const struct {
	const char *name;
	const char *text;
} rungs[] = {
	{"poll", "each poll's line test, up to a poll interval late"},
	{"timerfd", "a timer that steps cancel, just after the step; changes of rate by the poll"},
	{"tracepoint", "eBPF at the system calls that set the clock, before they return"},
	{"fentry", "eBPF in the kernel's clock itself, before anybody can see the change"},
};

#define RUNGS (sizeof(rungs) / sizeof(rungs[0]))

const char *cbc_rung_name(uint32_t rung)
{
	return rung < RUNGS ? rungs[rung].name : "unknown";
}

#define TAX_TEXT "the tracepoints make every system call of this machine 26 to 84 ns slower"

#define HZ_PER_MHZ 1e6

const char *cbc_rule_name(uint32_t rule)
{
	if (rule == CLOCKBOUND_RULE_SAMPLE) {
		return "sample";
	}
	return rule == CLOCKBOUND_RULE_TRACKING ? "tracking" : "none";
}

const char *cbc_rule_text(uint32_t rule)
{
	if (rule == CLOCKBOUND_RULE_SAMPLE) {
		return "sample: from the selected source's latest measurement; proved";
	}
	if (rule == CLOCKBOUND_RULE_TRACKING) {
		return "tracking only: chronyd's own estimate, a fallback that is NO GUARANTEE";
	}
	return "none: nothing has been measured yet";
}

static const char *leap_name(uint32_t leap)
{
	static const char *const names[] = {"normal", "leap second to be inserted",
					    "leap second to be deleted", "not synchronised"};

	return leap < sizeof(names) / sizeof(names[0]) ? names[leap] : "unknown";
}

int64_t cbc_page_left_ns(const struct cbc_page *page, uint32_t units, int64_t mono_ns)
{
	uint64_t hz = page->identity.counter_hz;
	uint64_t age = page->counter - page->hot.base;

	if (page->interval.source == CLOCKBOUND_SOURCE_COUNTER && hz != 0 && page->hot.void_after != 0) {
		double left = (double)((uint64_t)units << CLOCKBOUND_AGE_SHIFT) - (double)age;

		return (int64_t)(left * (double)CBC_NS_PER_S / (double)hz);
	}
	return clockbound_priv_sub_sat(mono_ns, page->mono_ns);
}

static const char *counter_name(uint32_t kind)
{
	static const char *const names[] = {"none", "TSC", "CNTVCT"};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

static void print_left(const char *name, int64_t left_ns)
{
	char text[CBC_TEXT_MAX];

	if (left_ns > 0) {
		printf("%-13s in %s\n", name, cbc_format_duration(left_ns, text));
	} else {
		printf("%-13s for %s\n", name,
		       cbc_format_duration(clockbound_priv_sub_sat(0, left_ns), text));
	}
}

static void print_page(const struct cbc_page *page)
{
	char text[CBC_TEXT_MAX];

	printf("rule          %s\n", cbc_rule_text(page->terms.rule));
	printf("published     %s ago, %" PRIu64 " publications\n",
	       cbc_format_duration(clockbound_priv_sub_sat(page->mono_ns, page->clock.as_of_mono_ns), text),
	       page->publications);
	print_left("stale", cbc_page_left_ns(page, page->hot.stale_after, page->clock.stale_after_mono_ns));
	print_left("void", cbc_page_left_ns(page, page->hot.void_after, page->clock.void_after_mono_ns));
	printf("counter       %s", counter_name(page->identity.counter_kind));
	if (page->identity.counter_hz != 0) {
		printf(", %.6f MHz", (double)page->identity.counter_hz / HZ_PER_MHZ);
	}
	printf("\nepochs        counter %" PRIu32 ", clock %" PRIu32 ", rate %" PRIu32 "\n",
	       page->epochs.counter_epoch, page->epochs.clock_epoch, page->epochs.rate_epoch);
	if (page->terms.rule != CLOCKBOUND_RULE_NONE) {
		printf("reference     %s\n", cbc_format_reference(page->terms.reference_id, text));
	}
}

static void print_probe(const struct clockbound_control_status *daemon)
{
	if (daemon->probe_rung < RUNGS) {
		printf("probe         %s: %s\n", rungs[daemon->probe_rung].name,
		       rungs[daemon->probe_rung].text);
	} else {
		printf("probe         of a kind that this cbctl does not know (%" PRIu32 ")\n",
		       daemon->probe_rung);
	}
	if (daemon->probe_reason[0] != '\0') {
		printf("not better    %s\n", daemon->probe_reason);
	}
	if (daemon->probe_rung == CLOCKBOUND_RUNG_TRACEPOINT) {
		printf("WARNING       " TAX_TEXT ": clockbound-bench probe measures it\n");
	}
	if (daemon->kernel_page_id != 0) {
		printf("kernel page   heartbeat %" PRIu64 ", %" PRIu64 " changes, %" PRIu64
		       " records lost, %" PRIu64 " calls refused\n",
		       daemon->probe_heartbeat, daemon->probe_events, daemon->probe_dropped,
		       daemon->probe_refused);
	}
	printf("history       %" PRIu64 " events since the daemon started: cbctl events\n",
	       daemon->last_event);
}

/* By CLOCKBOUND_PHC_* and by scale. */
static const char *const phc_states[] = {"none", "good", "failed"};
static const char *const phc_scales[] = {"unknown", "UTC", "TAI"};

#define NAME_OF(names, number) ((number) < sizeof(names) / sizeof((names)[0]) ? (names)[number] : "unknown")

static void print_phc(const struct clockbound_control_status *daemon)
{
	char text[CBC_TEXT_MAX];

	if (daemon->phc_state == CLOCKBOUND_PHC_NONE) {
		return;
	}
	printf("PHC           %s%s%s, %s%s\n", daemon->phc_device, daemon->phc_device[0] != '\0' ? ", " : "",
	       NAME_OF(phc_states, daemon->phc_state),
	       (daemon->phc_uses & CLOCKBOUND_PHC_USE_SOURCE) != 0 ? "read as a source of its own"
								   : "not read as a source of its own",
	       (daemon->phc_uses & CLOCKBOUND_PHC_USE_FOLLOWED) != 0 ? ", charged where chronyd follows it"
								     : "");
	if (daemon->phc_bound_ns > 0) {
		printf("PHC's error   at most %s,", cbc_format_duration(daemon->phc_bound_ns, text));
		printf(" read within %s", cbc_format_duration(daemon->phc_widest_ns, text));
		printf(", counts %s, by %s\n", NAME_OF(phc_scales, daemon->phc_scale), daemon->phc_method);
	}
	printf("PHC's reads   %" PRIu64 " good, %" PRIu64 " not; found %" PRIu64
	       " times, set by somebody %" PRIu64 " times\n",
	       daemon->phc_readings, daemon->phc_failures, daemon->phc_openings, daemon->phc_jumps);
	if (daemon->phc_reason[0] != '\0') {
		printf("PHC not read  %s\n", daemon->phc_reason);
	}
}

static void print_daemon(const struct clockbound_control_status *daemon)
{
	char text[CBC_TEXT_MAX];

	printf("daemon        pid %" PRIu64 ", version %s, up %s\n", daemon->pid, daemon->daemon_version,
	       cbc_format_duration((int64_t)daemon->uptime_ns, text));
	print_probe(daemon);
	printf("chronyd       %s", daemon->chrony_socket);
	if (daemon->polls > 0) {
		printf(", stratum %" PRIu32 ", leap status %s, %" PRIu32 " sources", daemon->stratum,
		       leap_name(daemon->leap_status), daemon->sources);
	}
	printf("\n");
	printf("polls         %" PRIu64 " answered, %" PRIu64 " failed", daemon->polls,
	       daemon->poll_failures);
	if (daemon->last_poll_ns != UINT64_MAX) {
		printf(", the last %s ago", cbc_format_duration((int64_t)daemon->last_poll_ns, text));
		printf(" in %s", cbc_format_duration((int64_t)daemon->round_trip_ns, text));
	}
	printf("\n");
	print_phc(daemon);
	printf("samples       %" PRIu64 " new, %" PRIu64 " thrown away (the clock moved meanwhile)\n",
	       daemon->samples, daemon->slips);
	printf("events        %" PRIu64 " steps or surprises, %" PRIu64 " inconsistencies, %" PRIu64
	       " replies ignored\n",
	       daemon->steps, daemon->inconsistencies, daemon->ignored_replies);
	printf("publications  %" PRIu64 "\n", daemon->publications);
	if (daemon->counter_hz > 0) {
		printf("measured      counter %.6f MHz within %.3f ppm\n",
		       (double)daemon->counter_hz / HZ_PER_MHZ,
		       (double)daemon->counter_uncertainty_ppb / 1000.0);
	}
	if (daemon->counter_reason[0] != '\0') {
		printf("counter off   %s\n", daemon->counter_reason);
	}
	if (daemon->last_failure[0] != '\0') {
		printf("last failure  %s\n", daemon->last_failure);
	}
}

void cbc_print_status(const struct cbc_status *status)
{
	const clockbound_interval *interval = &status->reading.interval;
	char half[CBC_TEXT_MAX];

	if (!status->has_reading) {
		printf("no page       %s\n", status->page_detail);
	} else {
		printf("status        %s, %s\n", clockbound_status_name(interval->status),
		       clockbound_is_valid(interval) ? "valid" : "NOT VALID: the interval promises nothing");
		printf("half-width    %s, from the %s\n", cbc_format_duration(cbc_half_ns(interval), half),
		       cbc_source_name(interval->source));
		printf("file          %s\n", status->reading.path);
		if (CLOCKBOUND_REASONS_OF(interval->status) != 0) {
			printf("reasons\n");
			cbc_print_reasons(interval->status);
		}
	}
	if (status->has_page) {
		print_page(&status->page);
	} else if (status->has_reading) {
		printf("rule          unknown: one of upstream's segments tells the interval and the status "
		       "only\n");
	}
	if (status->has_daemon) {
		print_daemon(&status->daemon);
		if (status->has_vmclock) {
			cbc_print_vmclock(&status->vmclock);
		}
	} else {
		printf("daemon        does not answer: %s\n", status->daemon_detail);
	}
}

static json_t *json_page(const struct cbc_page *page)
{
	char reference[CBC_TEXT_MAX];
	int64_t age_ns = clockbound_priv_sub_sat(page->mono_ns, page->clock.as_of_mono_ns);

	return json_pack(
		"{s:s, s:b, s:I, s:I, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:s}", "rule",
		cbc_rule_name(page->terms.rule), "is_guarantee", page->terms.rule == CLOCKBOUND_RULE_SAMPLE,
		"age_ns", (json_int_t)age_ns, "stale_in_ns",
		(json_int_t)cbc_page_left_ns(page, page->hot.stale_after, page->clock.stale_after_mono_ns),
		"void_in_ns",
		(json_int_t)cbc_page_left_ns(page, page->hot.void_after, page->clock.void_after_mono_ns),
		"publications", (json_int_t)page->publications, "counter",
		counter_name(page->identity.counter_kind), "counter_hz",
		(json_int_t)page->identity.counter_hz, "counter_epoch",
		(json_int_t)page->epochs.counter_epoch, "clock_epoch", (json_int_t)page->epochs.clock_epoch,
		"rate_epoch", (json_int_t)page->epochs.rate_epoch, "reference_id",
		cbc_format_reference(page->terms.reference_id, reference));
}

/* A text as JSON, or null: what is not UTF-8 is no text. */
static json_t *json_text(const char *text)
{
	json_t *value = text[0] != '\0' ? json_string(text) : NULL;

	return value != NULL ? value : json_null();
}

static json_t *json_probe(const struct clockbound_control_status *daemon)
{
	bool is_taxing = daemon->probe_rung == CLOCKBOUND_RUNG_TRACEPOINT;

	return json_pack("{s:s, s:o, s:o, s:b, s:I, s:I, s:I, s:I, s:I}", "rung",
			 cbc_rung_name(daemon->probe_rung), "why_not_better", json_text(daemon->probe_reason),
			 "warning", is_taxing ? json_string(TAX_TEXT) : json_null(), "has_kernel_page",
			 daemon->kernel_page_id != 0, "heartbeat", (json_int_t)daemon->probe_heartbeat,
			 "changes", (json_int_t)daemon->probe_events, "dropped",
			 (json_int_t)daemon->probe_dropped, "refused", (json_int_t)daemon->probe_refused,
			 "last_event", (json_int_t)daemon->last_event);
}

static json_t *json_phc(const struct clockbound_control_status *daemon)
{
	if (daemon->phc_state == CLOCKBOUND_PHC_NONE) {
		return json_null();
	}
	return json_pack("{s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "state",
			 NAME_OF(phc_states, daemon->phc_state), "is_source",
			 (daemon->phc_uses & CLOCKBOUND_PHC_USE_SOURCE) != 0, "is_followed",
			 (daemon->phc_uses & CLOCKBOUND_PHC_USE_FOLLOWED) != 0, "scale",
			 NAME_OF(phc_scales, daemon->phc_scale), "device", json_text(daemon->phc_device),
			 "method", json_text(daemon->phc_method), "reason", json_text(daemon->phc_reason),
			 "bound_ns", (json_int_t)daemon->phc_bound_ns, "widest_ns",
			 (json_int_t)daemon->phc_widest_ns, "readings", (json_int_t)daemon->phc_readings,
			 "failures", (json_int_t)daemon->phc_failures, "jumps", (json_int_t)daemon->phc_jumps,
			 "openings", (json_int_t)daemon->phc_openings);
}

static json_t *json_daemon(const struct clockbound_control_status *daemon)
{
	json_t *object = json_object();
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"pid", daemon->pid},
		{"uptime_ns", daemon->uptime_ns},
		{"polls", daemon->polls},
		{"poll_failures", daemon->poll_failures},
		{"samples", daemon->samples},
		{"slips", daemon->slips},
		{"steps", daemon->steps},
		{"inconsistencies", daemon->inconsistencies},
		{"publications", daemon->publications},
		{"round_trip_ns", daemon->round_trip_ns},
		{"ignored_replies", daemon->ignored_replies},
		{"sources", daemon->sources},
		{"leap_status", daemon->leap_status},
		{"stratum", daemon->stratum},
		{"counter_hz", (uint64_t)daemon->counter_hz},
		{"counter_uncertainty_ppb", daemon->counter_uncertainty_ppb},
	};
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		(void)json_object_set_new(object, numbers[i].name,
					  json_integer((json_int_t)numbers[i].value));
	}
	(void)json_object_set_new(object, "last_poll_ns",
				  daemon->last_poll_ns == UINT64_MAX
					  ? json_null()
					  : json_integer((json_int_t)daemon->last_poll_ns));
	(void)json_object_set_new(object, "rule", json_string(cbc_rule_name(daemon->rule)));
	(void)json_object_set_new(object, "probe", json_probe(daemon));
	(void)json_object_set_new(object, "phc", json_phc(daemon));
	(void)json_object_set_new(object, "version", json_text(daemon->daemon_version));
	(void)json_object_set_new(object, "chrony_socket", json_text(daemon->chrony_socket));
	(void)json_object_set_new(object, "counter_reason", json_text(daemon->counter_reason));
	(void)json_object_set_new(object, "last_failure", json_text(daemon->last_failure));
	return object;
}

static json_t *json_explanations(uint32_t status)
{
	json_t *object = json_object();
	uint32_t bit;

	for (bit = 0; bit < 32; bit++) {
		uint32_t reason = CLOCKBOUND_REASONS_OF(status) & (1u << bit);

		if (reason != 0) {
			(void)json_object_set_new(object, clockbound_reason_name(reason),
						  json_string(clockbound_reason_text(reason)));
		}
	}
	return object;
}

json_t *cbc_json_status(const struct cbc_status *status)
{
	json_t *object = status->has_reading ? cbc_json_reading(&status->reading) : json_object();

	if (status->has_reading) {
		(void)json_object_set_new(object, "explanations",
					  json_explanations(status->reading.interval.status));
	} else {
		(void)json_object_set_new(object, "error", json_string(status->page_detail));
	}
	(void)json_object_set_new(object, "page", status->has_page ? json_page(&status->page) : json_null());
	(void)json_object_set_new(object, "daemon",
				  status->has_daemon ? json_daemon(&status->daemon) : json_null());
	(void)json_object_set_new(object, "vmclock",
				  status->has_vmclock ? cbc_json_vmclock(&status->vmclock) : json_null());
	if (!status->has_daemon) {
		(void)json_object_set_new(object, "daemon_error", json_string(status->daemon_detail));
	}
	return object;
}
