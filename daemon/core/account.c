/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account: see account.h.
 */
#include "daemon/core/account.h"

#include <stddef.h>

#include "daemon/core/belief.h"
#include "daemon/core/core.h"
#include "daemon/core/q58.h"

/*
 * A refclock's sample is the mean of what was read since the one before, be that an interval ago or, after an outage, long
 * since: the second that comes after an event is made of what was read after it. And where chronyd has taken off its samples
 * what never was, it has of the exchange under way, too: whatever error it tells of that one, the second is the first without.
 */
#define NEWS_ENOUGH 2
/* Roundings of floats and clocks, and chronyd's own delays. */
#define READ_BLUR_NS 20000
/* since_sample and the poll before it are both off by up to a second. */
#define SINCE_BLUR_NS (2 * CBD_NS_PER_SEC)

/* Whole seconds since the sample; what is dated in the future, which wraps, is no older than now. */
static int64_t since_of(const struct cbd_source_data *source)
{
	return source->since_s > INT32_MAX ? 0 : (int64_t)source->since_s * CBD_NS_PER_SEC;
}

/* This very sample at the last poll, or NULL. */
static const struct cbd_account_sample *seen(const struct cbd_account *account,
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

/* chronyd's frequency now, less what it was before. */
static int64_t bend_q58(const struct cbd_poll *poll, const struct cbd_track_result *track)
{
	return cbd_ns_sub(poll->tracking.frequency_q58, track->former_q58);
}

/*
 * A change of chronyd's frequency turns its samples around the present: what it takes off them is what X moves by, and by so
 * much more, as they are old. Signed.
 */
static int64_t turned_ns(const struct cbd_poll *poll, const struct cbd_source_data *source,
			 const struct cbd_track_result *track)
{
	int64_t bend = bend_q58(poll, track);
	int64_t ns = cbd_q58_growth_ns(cbd_ns_add(since_of(source), CBD_NS_PER_SEC / 2), cbd_ns_abs(bend));

	return bend < 0 ? -ns : ns;
}

/* How far that may be wrong: their age is told to a second, and the update was within one before; missed ones, any time ago. */
static int64_t turn_blur_ns(const struct cbd_core *core, const struct cbd_poll *poll,
			    const struct cbd_source_data *source, const struct cbd_track_result *track)
{
	int64_t ns = cbd_account_is_whole(core, poll, track)
			     ? 2 * CBD_NS_PER_SEC
			     : cbd_ns_add(since_of(source), CBD_NS_PER_SEC) * 2;

	return cbd_q58_growth_ns(ns, cbd_ns_abs(bend_q58(poll, track)));
}

/* Distance of two movements of X. */
static int64_t apart_ns(int64_t a_ns, int64_t b_ns)
{
	return cbd_ns_abs(cbd_ns_sub(a_ns, b_ns));
}

/* A float of the wire has 24 bits, which for a clock that is hours off and stays so are ms. */
static int64_t quantum_ns(int64_t ns)
{
	return cbd_ns_abs(ns) / (1 << 22) + 1;
}

/* What may be missing of a sample without anybody's doing. */
static int64_t allowance_ns(const struct cbd_account_sample *before, const struct cbd_source_data *source,
			    const struct cbd_track_result *track)
{
	int64_t ns = cbd_ns_add(CBD_ACCOUNT_CREDIT_NS, source->offset_quantum_ns);

	ns = cbd_ns_add(ns, quantum_ns(before != NULL ? before->offset_ns : 0));
	ns = cbd_ns_add(ns, quantum_ns(source->first_offset_ns));
	return track != NULL ? cbd_ns_add(ns, track->blur_ns) : ns;
}

/* What is missing of a sample that was seen at the last poll, @taken_ns being what is to have been taken off since, about. */
static int64_t missing_since_ns(const struct cbd_account_sample *before, const struct cbd_source_data *source,
				int64_t taken_ns)
{
	int64_t since_ns = apart_ns(cbd_ns_sub(before->offset_ns, source->offset_ns), taken_ns);
	int64_t whole_ns =
		before->is_credited ? 0 : cbd_ns_abs(cbd_ns_sub(source->first_offset_ns, source->offset_ns));

	return cbd_ns_max(whole_ns, since_ns);
}

/* How far chronyd has moved X since the sample was first measured, by its own account. */
static int64_t taken_off_ns(const struct cbd_source_data *source)
{
	return cbd_ns_sub(source->first_offset_ns, source->offset_ns);
}

/* The same of a sample that was not there at a former daemon's last poll, as far as its age tells. */
static int64_t missing_inherited_ns(const struct cbd_source_data *source,
				    const struct cbd_track_result *track)
{
	int64_t since_ns = since_of(source);
	/* A sample from before the line of a former daemon: then there was no update, and X must be where it was. */
	int64_t taken_ns =
		since_ns <= cbd_ns_add(track->elapsed_ns, SINCE_BLUR_NS) ? taken_off_ns(source) : 0;
	int64_t missing_ns = apart_ns(taken_ns, track->move_ns);

	/* Of one that may be from before it either may hold. */
	if (cbd_ns_add(since_ns, CBD_NS_PER_SEC) >= track->elapsed_ns) {
		missing_ns = cbd_ns_max(missing_ns, cbd_ns_abs(track->move_ns));
	}
	return missing_ns;
}

/* By how much one sample's account differs from how far X did move at this update; false if it has none. */
static bool missing_of(const struct cbd_core *core, const struct cbd_poll *poll,
		       const struct cbd_source_data *source, const struct cbd_track_result *track,
		       int64_t *missing_ns)
{
	const struct cbd_account_sample *before = seen(&core->account, source);
	int64_t due_ns = cbd_ns_add(track->move_ns, turned_ns(poll, source, track));

	if (before != NULL) {
		*missing_ns = missing_since_ns(before, source, due_ns);
		return true;
	}
	if (track->is_inherited) {
		*missing_ns = missing_inherited_ns(source, track);
		return true;
	}
	/* It came since the last poll: chronyd says so, or its age does. */
	*missing_ns = apart_ns(taken_off_ns(source), due_ns);
	return cbd_account_came_since(&core->account, source) ||
	       since_of(source) <= cbd_ns_add(track->elapsed_ns, SINCE_BLUR_NS);
}

bool cbd_account_missing_ns(const struct cbd_core *core, const struct cbd_poll *poll,
			    const struct cbd_track_result *track, int64_t *missing_ns)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);

	return selected != NULL && track->has_move && missing_of(core, poll, selected, track, missing_ns);
}

/*
 * Where an update was missed the selected sample may be from after it, and what is missing of X's movement since may hide
 * behind what chronyd did before. The sample that brought the first of the updates saw them all, whichever it is.
 */
static int64_t missing_of_all_ns(const struct cbd_core *core, const struct cbd_poll *poll,
				 const struct cbd_track_result *track, int64_t missing_ns)
{
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		int64_t other_ns;

		if (poll->source[i].since_s != CBD_SINCE_NEVER &&
		    missing_of(core, poll, &poll->source[i], track, &other_ns)) {
			missing_ns = cbd_ns_max(missing_ns, other_ns);
		}
	}
	return missing_ns;
}

/* An old sample that was never seen: X may have moved with it or without it. */
static int64_t unseen_ns(const struct cbd_source_data *source, const struct cbd_track_result *track)
{
	return cbd_ns_max(cbd_ns_abs(taken_off_ns(source)), track->has_move ? cbd_ns_abs(track->move_ns) : 0);
}

bool cbd_account_is_credited(const struct cbd_core *core, const struct cbd_poll *poll,
			     const struct cbd_track_result *track)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	int64_t missing_ns;

	if (selected == NULL || track->is_same_update) {
		return true;
	}
	if (!cbd_account_missing_ns(core, poll, track, &missing_ns)) {
		/* Nothing to compare with, at the start or for a sample from before: then nothing may be taken off. */
		missing_ns =
			cbd_ns_sub(unseen_ns(selected, track), cbd_ns_abs(turned_ns(poll, selected, track)));
	}
	missing_ns = cbd_ns_sub(missing_ns, turn_blur_ns(core, poll, selected, track));
	return missing_ns <= cbd_ns_add(allowance_ns(seen(&core->account, selected), selected, track),
					cbd_ns_add(track->slip_ns, track->steer_ns));
}

bool cbd_account_is_whole(const struct cbd_core *core, const struct cbd_poll *poll,
			  const struct cbd_track_result *track)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	/*
	 * Before chronyd's first update there was none to miss; and without a sample there is no account to go by. When the
	 * last update was nothing tells: ref_time is the sample's, moved back by up to a second.
	 */
	return selected == NULL || seen(&core->account, selected) != NULL ||
	       poll->tracking.update_interval_ns >= track->elapsed_ns ||
	       poll->tracking.update_interval_ns == 0;
}

int64_t cbd_account_blur_ns(const struct cbd_core *core, const struct cbd_poll *poll,
			    const struct cbd_track_result *track)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	int64_t ns = cbd_ns_add(cbd_ns_add(track->blur_ns, track->steer_ns),
				cbd_ns_add(track->slip_ns, READ_BLUR_NS));

	return selected != NULL ? cbd_ns_add(ns, turn_blur_ns(core, poll, selected, track)) : ns;
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
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	int64_t missing_ns = 0;

	cbd_account_owe(&core->account, poll->before.real.counter, core->account.inherited_ns);
	core->account.inherited_ns = 0;
	if (track->is_same_update) {
		/* Off its line by a stranger's hand; by less, it is charged to the samples of this update as it is. */
		if (track->verdict != CBD_TRACK_CALM) {
			cbd_account_owe(&core->account, poll->before.real.counter, track->off_line_ns);
		}
		return;
	}
	if (!cbd_account_missing_ns(core, poll, track, &missing_ns) && selected != NULL) {
		missing_ns = unseen_ns(selected, track);
	}
	if (track->has_move && (selected == NULL || !cbd_account_is_whole(core, poll, track))) {
		missing_ns = missing_of_all_ns(core, poll, track, missing_ns);
	}
	cbd_account_owe(&core->account, poll->before.real.counter, cbd_ns_add(track->steer_ns, missing_ns));
}

/* Whether chronyd has a sample that is not certainly from after the counter showed @counter. */
static bool is_needed(const struct cbd_core *core, const struct cbd_poll *poll, uint64_t counter)
{
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		const struct cbd_source_data *source = &poll->source[i];
		struct cbd_sample sample = {
			.age_ns = cbd_ns_add(since_of(source), CBD_NS_PER_SEC),
			.uncertain_ns = cbd_sample_span_ns(source),
		};

		if (source->since_s != CBD_SINCE_NEVER &&
		    !cbd_belief_is_from_after(core, counter, poll, &sample)) {
			return true;
		}
	}
	if (!poll->has_source_data) {
		int64_t x_ns = cbd_ns_add(poll->before.real.clock_ns, poll->tracking.correction_ns);
		struct cbd_sample sample = {
			.age_ns = cbd_ns_max(cbd_ns_sub(x_ns, poll->tracking.ref_time_ns), 0),
			.uncertain_ns = poll->tracking.root_delay_ns,
		};

		return !cbd_belief_is_from_after(core, counter, poll, &sample);
	}
	return false;
}

/* Whether all that chronyd has taken off this sample up to now is accounted for. */
static bool is_sample_credited(const struct cbd_core *core, const struct cbd_poll *poll,
			       const struct cbd_source_data *source, const struct cbd_track_result *track)
{
	const struct cbd_account_sample *before = seen(&core->account, source);
	int64_t move_ns = track != NULL && track->has_move ? track->move_ns : 0;
	int64_t turned = track != NULL ? turned_ns(poll, source, track) : 0;
	int64_t blur_ns = track != NULL ? turn_blur_ns(core, poll, source, track) : 0;
	int64_t missing_ns;

	if (before != NULL) {
		missing_ns = missing_since_ns(before, source, cbd_ns_add(move_ns, turned));
	} else {
		/* It came since the last poll, or else nothing may have been taken off. */
		bool is_new =
			track != NULL && (cbd_account_came_since(&core->account, source) ||
					  since_of(source) <= cbd_ns_add(track->elapsed_ns, SINCE_BLUR_NS));

		missing_ns = apart_ns(taken_off_ns(source), is_new ? cbd_ns_add(move_ns, turned) : 0);
	}
	return missing_ns <= cbd_ns_add(allowance_ns(before, source, track), blur_ns);
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
	const struct cbd_account_sample *known = seen(&core->account, source);
	struct cbd_sample sample = {
		.age_ns = cbd_ns_add(since_of(source), CBD_NS_PER_SEC),
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
		if (is_needed(core, poll, account->owed[i].counter)) {
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
			.is_credited = is_sample_credited(core, poll, &poll->source[i], track),
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
	const struct cbd_account_sample *known = seen(account, source);

	return known != NULL && known->is_from_before;
}

bool cbd_account_is_news(const struct cbd_account *account, const struct cbd_source_data *source)
{
	const struct cbd_account_sample *known = source != NULL ? seen(account, source) : NULL;

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
	sample->interval.earliest_ns = cbd_ns_sub(sample->interval.earliest_ns, ns);
	sample->interval.latest_ns = cbd_ns_add(sample->interval.latest_ns, ns);
	sample->terms.off_line_ns = cbd_ns_add(sample->terms.off_line_ns, ns);
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
