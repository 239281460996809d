/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account: see account.h.
 */
#include "daemon/core/account.h"

#include <stddef.h>

#include "daemon/core/belief.h"
#include "daemon/core/core.h"
#include "daemon/core/missing.h"
#include "daemon/core/q58.h"

/*
 * A refclock's sample is the mean of what was read since the one before, be that an interval ago or, after an outage, long
 * since: the second that comes after an event is made of what was read after it. And where chronyd has taken off its samples
 * what never was, it has of the exchange under way, too: whatever error it tells of that one, the second is the first without.
 */
#define NEWS_ENOUGH 2

const struct cbd_account_sample *cbd_account_seen(const struct cbd_account *account,
						  const struct cbd_source_data *source)
{
	uint32_t i;

	for (i = 0; i < account->samples; i++) {
		if (account->sample[i].id == source->id && account->sample[i].mark == source->mark) {
			return &account->sample[i];
		}
	}
	return NULL;
}

bool cbd_account_came_since(const struct cbd_account *account, const struct cbd_source_data *source)
{
	uint32_t i;

	for (i = 0; i < account->samples; i++) {
		if (account->sample[i].id == source->id) {
			return account->sample[i].mark != source->mark;
		}
	}
	return false;
}

bool cbd_account_is_moved(const struct cbd_account *account, const struct cbd_poll *poll)
{
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		const struct cbd_source_data *source = &poll->source[i];
		const struct cbd_account_sample *before = cbd_account_seen(account, source);
		int64_t quanta_ns = cbd_ns_add(source->offset_quantum_ns, source->offset_quantum_ns);

		if (before != NULL &&
		    cbd_ns_abs(cbd_ns_sub(source->offset_ns, before->offset_ns)) > quanta_ns) {
			return true;
		}
	}
	return false;
}

void cbd_account_owe(struct cbd_account *account, uint64_t counter, int64_t ns)
{
	uint32_t i;

	if (ns <= 0) {
		return;
	}
	if (account->owes == CBD_ACCOUNT_OWED) {
		account->owed[1].ns = cbd_ns_add(account->owed[1].ns, account->owed[0].ns);
		account->owes--;
		for (i = 0; i < account->owes; i++) {
			account->owed[i] = account->owed[i + 1];
		}
	}
	account->owed[account->owes].counter = counter;
	account->owed[account->owes].ns = ns;
	account->owes++;
}

void cbd_account_settle(struct cbd_core *core, const struct cbd_poll *poll,
			const struct cbd_track_result *track)
{
	cbd_account_owe(&core->account, poll->before.real.counter, core->account.inherited_ns);
	core->account.inherited_ns = 0;
	if (track->is_same_update) {
		/* Off its line by a stranger's hand; by less, it is charged to the samples of this update as it is. */
		if (track->verdict != CBD_TRACK_CALM) {
			cbd_account_owe(&core->account, poll->before.real.counter, track->off_line_ns);
		}
		return;
	}
	cbd_account_owe(&core->account, poll->before.real.counter,
			cbd_ns_add(track->steer_ns, cbd_missing_most_ns(core, poll, track)));
}

/* How many samples of this source have come since the latest event was first looked at; no more than matter are counted. */
static uint32_t news_of(const struct cbd_core *core, const struct cbd_source_data *source, bool is_new_event)
{
	const struct cbd_account *account = &core->account;
	uint32_t i;

	for (i = 0; i < account->samples && !is_new_event; i++) {
		const struct cbd_account_sample *known = &account->sample[i];

		if (known->id == source->id) {
			return known->news + (known->mark != source->mark && known->news < NEWS_ENOUGH);
		}
	}
	/* A former daemon's count is not known: where nothing is pending the age has to do. */
	return is_new_event ? 0 : core->event.reason != 0 ? 1 : NEWS_ENOUGH;
}

/* Whether it is from before the latest event, by its age or because it was there then. It may be long in coming, too. */
static bool is_from_before(const struct cbd_core *core, const struct cbd_poll *poll,
			   const struct cbd_source_data *source, uint32_t news)
{
	const struct cbd_account_sample *known = cbd_account_seen(&core->account, source);
	struct cbd_sample sample = {
		.age_ns = cbd_ns_add(cbd_sample_since_ns(source), CBD_NS_PER_SEC),
		.uncertain_ns = cbd_sample_span_ns(source),
	};

	if ((source->mode == CBD_SOURCE_MODE_REFCLOCK || core->event.needs_two) && news < NEWS_ENOUGH &&
	    core->event.is_dated) {
		return true;
	}
	if (known != NULL || core->event.reason != 0 || !core->event.is_dated) {
		return known != NULL && known->is_from_before;
	}
	return !cbd_belief_is_from_after(core, core->event.counter, poll, &sample);
}

void cbd_account_note(struct cbd_core *core, const struct cbd_poll *poll,
		      const struct cbd_track_result *track)
{
	struct cbd_account *account = &core->account;
	struct cbd_account next = {.inherited_ns = account->inherited_ns};
	bool is_new_event = core->event.reason != 0 && !core->event.is_noted;
	uint32_t i;

	if (core->track.is_inherited) {
		return; /* the account goes from the line, and the former daemon's sample, to the first poll that can tell */
	}
	for (i = 0; i < account->owes; i++) {
		if (cbd_belief_is_needed(core, poll, account->owed[i].counter)) {
			next.owed[next.owes++] = account->owed[i];
		}
	}
	next.samples = poll->has_source_data ? poll->sources : 0;
	for (i = 0; i < next.samples; i++) {
		uint32_t news = news_of(core, &poll->source[i], is_new_event);

		next.sample[i] = (struct cbd_account_sample){
			.id = poll->source[i].id,
			.mark = poll->source[i].mark,
			.offset_ns = poll->source[i].offset_ns,
			.is_credited = cbd_missing_is_sample_credited(core, poll, &poll->source[i], track),
			.is_from_before = is_new_event || is_from_before(core, poll, &poll->source[i], news),
			.news = news,
			.is_news = cbd_account_came_since(account, &poll->source[i]),
		};
		if (&poll->source[i] == cbd_sample_selected(poll)) {
			next.selected = next.sample[i];
		}
	}
	*account = next;
	if (is_new_event) {
		core->event.is_noted = true;
		core->event.update = cbd_sample_update_mark(&poll->tracking);
	}
}

bool cbd_account_is_from_before(const struct cbd_account *account, const struct cbd_source_data *source)
{
	const struct cbd_account_sample *known = cbd_account_seen(account, source);

	return known != NULL && known->is_from_before;
}

bool cbd_account_is_news(const struct cbd_account *account, const struct cbd_source_data *source)
{
	const struct cbd_account_sample *known = source != NULL ? cbd_account_seen(account, source) : NULL;

	return known != NULL && known->is_news;
}

void cbd_account_inherit(struct cbd_account *account, const struct cbd_account_sample *selected,
			 int64_t owed_ns)
{
	account->sample[0] = *selected;
	account->sample[0].news = NEWS_ENOUGH;
	account->samples = selected->mark != 0 ? 1 : 0;
	account->selected = *selected;
	account->inherited_ns = owed_ns;
}

void cbd_account_forgive(struct cbd_core *core, const struct cbd_poll *poll)
{
	struct cbd_account *account = &core->account;
	uint32_t kept = 0;
	uint32_t i;

	if (core->event.reason == 0 || !cbd_belief_is_counted(core, poll)) {
		return;
	}
	for (i = 0; i < account->owes; i++) {
		if (account->owed[i].counter > core->event.counter) {
			account->owed[kept++] = account->owed[i];
		}
	}
	account->owes = kept;
}

void cbd_account_charge(const struct cbd_core *core, const struct cbd_poll *poll, struct cbd_sample *sample)
{
	const struct cbd_account *account = &core->account;
	int64_t ns = 0;
	uint32_t i;

	for (i = 0; i < account->owes; i++) {
		if (!cbd_belief_is_from_after(core, account->owed[i].counter, poll, sample)) {
			ns = cbd_ns_add(ns, account->owed[i].ns);
		}
	}
	cbd_sample_widen(sample, ns);
}

int64_t cbd_account_owed_ns(const struct cbd_account *account)
{
	int64_t ns = account->inherited_ns;
	uint32_t i;

	for (i = 0; i < account->owes; i++) {
		ns = cbd_ns_add(ns, account->owed[i].ns);
	}
	return ns;
}
