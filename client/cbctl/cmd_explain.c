/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cbctl explain: the half-width taken apart into the terms that the page carries, each with its share. The
 * table adds up by construction: what the terms of this poll do not explain is a row of its own.
 */
#include "cbctl.h"

#include <inttypes.h>
#include <stdio.h>

#define TERMS_MAX 10
#define PER_MILLE 1000.0
#define FORMULA                                                                                              \
	"half-width = sample error + growth to the poll + slip + brackets + off line + rounding + PHC + "    \
	"earlier "                                                                                           \
	"proofs + growth since"

struct term {
	const char *name; /* for people */
	const char *key;  /* in JSON */
	int64_t ns;
	int64_t share_mille; /* of the half-width, in tenths of a percent */
};

struct explanation {
	struct cbc_reading reading;
	struct cbc_page page;
	struct term terms[TERMS_MAX];
	size_t count;
	int64_t half_ns;   /* the sum of the terms */
	int64_t chrony_ns; /* |correction| + root dispersion + root delay / 2, rounded up */
};

static void add(struct explanation *explanation, const char *name, const char *key, int64_t ns)
{
	struct term *term = &explanation->terms[explanation->count];

	term->name = name;
	term->key = key;
	term->ns = ns;
	explanation->count++;
}

/* Shares rounded so that they, too, add up: each is the step of the rounded running sum. */
static void fill_shares(struct explanation *explanation)
{
	int64_t sum_ns = 0;
	int64_t before = 0;
	size_t i;

	for (i = 0; i < explanation->count; i++) {
		double part;
		int64_t after;

		sum_ns = clockbound_priv_add_sat(sum_ns, explanation->terms[i].ns);
		part = explanation->half_ns > 0 ? (double)sum_ns * PER_MILLE / (double)explanation->half_ns
						: 0.0;
		after = part > 1e15 || part < -1e15 ? 0 : (int64_t)(part < 0 ? part - 0.5 : part + 0.5);
		explanation->terms[i].share_mille = after - before;
		before = after;
	}
}

/* The half-width when the slot was written. */
static int64_t published_half_ns(const struct cbc_page *page)
{
	clockbound_interval at_base = {
		.earliest_ns = page->hot.earliest_ns,
		.latest_ns = page->hot.latest_ns,
		.status = 0,
		.source = CLOCKBOUND_SOURCE_COUNTER,
	};

	return page->interval.source == CLOCKBOUND_SOURCE_COUNTER ? cbc_half_ns(&at_base)
								  : page->clock.bound_ns;
}

static int64_t chrony_bound_ns(const struct clockbound_terms *terms)
{
	int64_t offset_ns = terms->correction_ns < 0 ? clockbound_priv_sub_sat(0, terms->correction_ns)
						     : terms->correction_ns;
	int64_t delay_ns = terms->root_delay_ns / 2 + terms->root_delay_ns % 2;

	return clockbound_priv_add_sat(clockbound_priv_add_sat(offset_ns, terms->root_dispersion_ns),
				       delay_ns);
}

static void take_apart(struct explanation *explanation)
{
	const struct clockbound_terms *terms = &explanation->page.terms;
	bool is_counter = explanation->page.interval.source == CLOCKBOUND_SOURCE_COUNTER;
	int64_t published_ns = published_half_ns(&explanation->page);
	int64_t sum_ns = 0;
	size_t i;

	explanation->half_ns = cbc_half_ns(&explanation->page.interval);
	add(explanation,
	    terms->rule == CLOCKBOUND_RULE_TRACKING ? "chronyd's own error, or 6 times its last move"
						    : "error of the source's sample",
	    "sample_error_ns", terms->sample_error_ns);
	add(explanation, "growth from the sample to the poll", "growth_ns", terms->growth_ns);
	add(explanation, "slip: clock moved during the poll", "slip_ns", terms->slip_ns);
	add(explanation, "brackets: reading the clock", "bracket_ns", terms->bracket_ns);
	add(explanation, "off line: unexplained movement", "off_line_ns", terms->off_line_ns);
	add(explanation, "rounding and wire quanta", "floor_ns", terms->floor_ns);
	add(explanation, "error of the PTP hardware clock", "phc_ns", terms->phc_ns);
	for (i = 0; i < explanation->count; i++) {
		sum_ns = clockbound_priv_add_sat(sum_ns, explanation->terms[i].ns);
	}
	add(explanation,
	    is_counter ? "earlier proofs (negative: narrowed)" : "clock off the middle, earlier proofs",
	    "earlier_ns", clockbound_priv_sub_sat(published_ns, sum_ns));
	add(explanation, "growth since it was published", "growth_since_ns",
	    clockbound_priv_sub_sat(explanation->half_ns, published_ns));
	fill_shares(explanation);
	explanation->chrony_ns = chrony_bound_ns(terms);
}

static void print_text(const struct explanation *explanation)
{
	const struct clockbound_terms *terms = &explanation->page.terms;
	char text[CBC_TEXT_MAX];
	size_t i;

	printf("rule: %s\n", cbc_rule_text(terms->rule));
	printf("%s\n\n", FORMULA);
	printf("%-42s %20s %9s\n", "term", "ns", "share");
	for (i = 0; i < explanation->count; i++) {
		printf("%-42s %20" PRId64 " %7.1f %%\n", explanation->terms[i].name, explanation->terms[i].ns,
		       (double)explanation->terms[i].share_mille / 10.0);
	}
	printf("%-42s %20" PRId64 " %7.1f %%\n", "half-width now", explanation->half_ns, 100.0);
	printf("\nhalf-width now       %s, status %s, %s\n", cbc_format_duration(explanation->half_ns, text),
	       clockbound_status_name(explanation->page.interval.status),
	       clockbound_is_valid(&explanation->page.interval) ? "valid" : "NOT VALID");
	printf("chrony's own bound   %s", cbc_format_duration(explanation->chrony_ns, text));
	printf(" at the poll = |correction| + root dispersion + root delay / 2\n");
	printf("                     = |%" PRId64 "| + %" PRId64 " + %" PRId64 " / 2 ns\n",
	       terms->correction_ns, terms->root_dispersion_ns, terms->root_delay_ns);
	printf("sample               %s old at the poll (with what chronyd's rounding may hide), offset ",
	       cbc_format_duration(terms->sample_age_ns, text));
	printf("%s\n", cbc_format_duration(terms->sample_offset_ns, text));
	printf("growth               %.3f ppm = %.3f (rho, --max-drift-rate) + %.3f (chronyd's skew and "
	       "residual) "
	       "+ counter's\n",
	       (double)terms->growth_ppb / PER_MILLE, (double)terms->rho_ppb / PER_MILLE,
	       (double)terms->skew_ppb / PER_MILLE);
	printf("frequency            %.3f ppm, reference %s\n", (double)terms->frequency_ppb / PER_MILLE,
	       cbc_format_reference(terms->reference_id, text));
	cbc_print_reasons(explanation->page.interval.status);
}

static json_t *make_json(const struct explanation *explanation)
{
	const struct clockbound_terms *terms = &explanation->page.terms;
	json_t *object = cbc_json_reading(&explanation->reading);
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < explanation->count; i++) {
		const struct term *term = &explanation->terms[i];

		(void)json_array_append_new(list, json_pack("{s:s, s:I, s:f}", "name", term->key, "ns",
							    (json_int_t)term->ns, "percent",
							    (double)term->share_mille / 10.0));
	}
	(void)json_object_set_new(object, "rule", json_string(cbc_rule_name(terms->rule)));
	(void)json_object_set_new(object, "formula", json_string(FORMULA));
	(void)json_object_set_new(object, "terms", list);
	(void)json_object_set_new(object, "half_width_ns", cbc_json_ns(explanation->half_ns));
	(void)json_object_set_new(object, "chrony_bound_ns", cbc_json_ns(explanation->chrony_ns));
	(void)json_object_update_new(
		object,
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "correction_ns",
			  (json_int_t)terms->correction_ns, "root_dispersion_ns",
			  (json_int_t)terms->root_dispersion_ns, "root_delay_ns",
			  (json_int_t)terms->root_delay_ns, "sample_age_ns", (json_int_t)terms->sample_age_ns,
			  "sample_offset_ns", (json_int_t)terms->sample_offset_ns, "growth_ppb",
			  (json_int_t)terms->growth_ppb, "rho_ppb", (json_int_t)terms->rho_ppb, "skew_ppb",
			  (json_int_t)terms->skew_ppb, "frequency_ppb", (json_int_t)terms->frequency_ppb));
	return object;
}

/* Fills what can be explained; false after complaining. */
static bool gather(const struct cbc_options *options, struct explanation *explanation)
{
	struct cbc_source source;
	bool is_taken;

	if (!cbc_source_open_or_complain(&source, options, true)) {
		return false;
	}
	if (source.fast == NULL) {
		(void)cbc_complain(
			options, CBC_EXIT_NONE,
			"explain needs the page, and there is only %s, which carries the sum alone",
			source.path);
		cbc_source_close(&source);
		return false;
	}
	is_taken = cbc_page_take(source.fast, &explanation->page);
	explanation->reading.interval = explanation->page.interval;
	(void)snprintf(explanation->reading.path, sizeof(explanation->reading.path), "%s", source.path);
	cbc_source_close(&source);
	if (!is_taken) {
		(void)cbc_complain(options, CBC_EXIT_NONE, "%s changes too fast to be read",
				   explanation->reading.path);
	} else if ((explanation->page.identity.capabilities & CLOCKBOUND_CAP_TERMS) == 0) {
		(void)cbc_complain(options, CBC_EXIT_NONE, "%s carries no terms of the bound",
				   explanation->reading.path);
		is_taken = false;
	}
	return is_taken;
}

int cbc_cmd_explain(const struct cbc_options *options)
{
	struct explanation explanation = {.count = 0};

	if (!gather(options, &explanation)) {
		return CBC_EXIT_NONE;
	}
	if (!cbc_is_bounded(&explanation.page.interval)) {
		char list[CBC_DETAIL_MAX];

		return cbc_complain(options, CBC_EXIT_NOT_TRUSTED,
				    "there is no bound to explain: status %s, reasons %s",
				    clockbound_status_name(explanation.page.interval.status),
				    cbc_reason_list(explanation.page.interval.status, list, sizeof(list)));
	}
	take_apart(&explanation);
	if (!options->is_json) {
		print_text(&explanation);
	} else if (!cbc_json_print(make_json(&explanation), false)) {
		return cbc_finish(CBC_EXIT_NOT_TRUSTED);
	}
	return cbc_finish(cbc_exit_code(&explanation.page.interval));
}
