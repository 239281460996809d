/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is missing of X's movement in chronyd's own account: see missing.h.
 */
#include "daemon/core/missing.h"

#include <stddef.h>

#include "daemon/core/account.h"
#include "daemon/core/core.h"
#include "daemon/core/q58.h"

/* Roundings of floats and clocks, and chronyd's own delays. */
#define READ_BLUR_NS 20000
/* since_sample and the poll before it are both off by up to a second. */
#define SINCE_BLUR_NS (2 * CBD_NS_PER_SEC)

/* chronyd's frequency now, less what it was before. */
static int64_t bend_q58(const struct cbd_poll *poll, const struct cbd_track_result *track)
{
	return cbd_ns_sub(poll->tracking.frequency_q58, track->former_q58);
}

/*
 * The youngest and the oldest that a sample may be at the first anchor. since_sample is floor(now - sample), or
 * floor(now) - floor(sample): up to a second too little, or, of the latter, too much; and now is in the course of the poll.
 */
struct age_range {
	int64_t least_ns;
	int64_t most_ns;
};

static struct age_range age_of(const struct cbd_poll *poll, const struct cbd_source_data *source)
{
	int64_t since_ns = cbd_sample_since_ns(source);
	int64_t lasted_ns = cbd_ns_max(cbd_ns_sub(poll->after.mono_ns, poll->before.mono_ns), 0);
	struct age_range age = {
		.least_ns = cbd_ns_sub(cbd_ns_max(cbd_ns_sub(since_ns, CBD_NS_PER_SEC), 0), lasted_ns),
		.most_ns = cbd_ns_add(since_ns, CBD_NS_PER_SEC),
	};

	return age;
}

/*
 * A change of chronyd's frequency turns its samples around the present: what it takes off them is what X moves by, and by so
 * much more, as they are old, whenever between the last poll and this one it came. Signed; in the middle of what it may be.
 */
static int64_t turned_ns(const struct cbd_poll *poll, const struct cbd_source_data *source,
			 const struct cbd_track_result *track)
{
	struct age_range age = age_of(poll, source);
	int64_t bend = bend_q58(poll, track);
	int64_t ns = cbd_q58_growth_ns(cbd_ns_add(age.least_ns, age.most_ns) / 2, cbd_ns_abs(bend));

	return bend < 0 ? -ns : ns;
}

/*
 * How far that may be wrong: by half of what the age may be wrong by. Of a sample that was not there at the last poll, if an
 * update was missed since, nothing tells which of them turned it.
 */
static int64_t turn_blur_ns(const struct cbd_core *core, const struct cbd_poll *poll,
			    const struct cbd_source_data *source, const struct cbd_track_result *track)
{
	struct age_range age = age_of(poll, source);
	int64_t ns =
		cbd_missing_is_whole(core, poll, track) || cbd_account_seen(&core->account, source) != NULL
			? cbd_ns_sub(age.most_ns, age.least_ns) / 2
			: cbd_ns_add(age.most_ns, age.most_ns);

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
	int64_t since_ns = cbd_sample_since_ns(source);
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
	const struct cbd_account_sample *before = cbd_account_seen(&core->account, source);
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
	       cbd_sample_since_ns(source) <= cbd_ns_add(track->elapsed_ns, SINCE_BLUR_NS);
}

bool cbd_missing_ns(const struct cbd_core *core, const struct cbd_poll *poll,
		    const struct cbd_track_result *track, int64_t *missing_ns)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);

	return selected != NULL && track->has_move && missing_of(core, poll, selected, track, missing_ns);
}

/* An old sample that was never seen: X may have moved with it or without it. */
static int64_t missing_unseen_ns(const struct cbd_source_data *source, const struct cbd_track_result *track)
{
	return cbd_ns_max(cbd_ns_abs(taken_off_ns(source)), track->has_move ? cbd_ns_abs(track->move_ns) : 0);
}

/*
 * Where an update was missed the selected sample may be from after it, and what is missing of X's movement since may hide
 * behind what chronyd did before. The sample that brought the first of the updates saw them all, whichever it is.
 */
static int64_t missing_of_all_ns(const struct cbd_core *core, const struct cbd_poll *poll,
				 const struct cbd_track_result *track)
{
	int64_t most_ns = 0;
	uint32_t i;

	for (i = 0; i < poll->sources; i++) {
		const struct cbd_source_data *source = &poll->source[i];
		int64_t ns;

		if (source->since_s != CBD_SINCE_NEVER && missing_of(core, poll, source, track, &ns)) {
			most_ns =
				cbd_ns_max(most_ns, cbd_ns_add(ns, turn_blur_ns(core, poll, source, track)));
		}
	}
	return most_ns;
}

int64_t cbd_missing_most_ns(const struct cbd_core *core, const struct cbd_poll *poll,
			    const struct cbd_track_result *track)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	int64_t most_ns = 0;

	if (selected != NULL) {
		if (!cbd_missing_ns(core, poll, track, &most_ns)) {
			most_ns = missing_unseen_ns(selected, track);
		}
		most_ns = cbd_ns_add(most_ns, turn_blur_ns(core, poll, selected, track));
	}
	if (track->has_move && (selected == NULL || !cbd_missing_is_whole(core, poll, track))) {
		most_ns = cbd_ns_max(most_ns, missing_of_all_ns(core, poll, track));
	}
	return most_ns;
}

bool cbd_missing_is_credited(const struct cbd_core *core, const struct cbd_poll *poll,
			     const struct cbd_track_result *track)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	int64_t missing_ns;

	if (selected == NULL || track->is_same_update) {
		return true;
	}
	if (!cbd_missing_ns(core, poll, track, &missing_ns)) {
		/* Nothing to compare with, at the start or for a sample from before: then nothing may be taken off. */
		missing_ns = cbd_ns_sub(missing_unseen_ns(selected, track),
					cbd_ns_abs(turned_ns(poll, selected, track)));
	}
	missing_ns = cbd_ns_sub(missing_ns, turn_blur_ns(core, poll, selected, track));
	return missing_ns <=
	       cbd_ns_add(allowance_ns(cbd_account_seen(&core->account, selected), selected, track),
			  cbd_ns_add(track->slip_ns, track->steer_ns));
}

bool cbd_missing_is_whole(const struct cbd_core *core, const struct cbd_poll *poll,
			  const struct cbd_track_result *track)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	/*
	 * Before chronyd's first update there was none to miss; and without a sample there is no account to go by. When the
	 * last update was nothing tells: ref_time is the sample's, moved back by up to a second.
	 */
	return selected == NULL || cbd_account_seen(&core->account, selected) != NULL ||
	       poll->tracking.update_interval_ns >= track->elapsed_ns ||
	       poll->tracking.update_interval_ns == 0;
}

int64_t cbd_missing_blur_ns(const struct cbd_core *core, const struct cbd_poll *poll,
			    const struct cbd_track_result *track)
{
	const struct cbd_source_data *selected = cbd_sample_selected(poll);
	int64_t ns = cbd_ns_add(cbd_ns_add(track->blur_ns, track->steer_ns),
				cbd_ns_add(track->slip_ns, READ_BLUR_NS));

	return selected != NULL ? cbd_ns_add(ns, turn_blur_ns(core, poll, selected, track)) : ns;
}

/* Whether all that chronyd has taken off this sample up to now is accounted for. */
bool cbd_missing_is_sample_credited(const struct cbd_core *core, const struct cbd_poll *poll,
				    const struct cbd_source_data *source,
				    const struct cbd_track_result *track)
{
	const struct cbd_account_sample *before = cbd_account_seen(&core->account, source);
	int64_t move_ns = track != NULL && track->has_move ? track->move_ns : 0;
	int64_t turned = track != NULL ? turned_ns(poll, source, track) : 0;
	int64_t blur_ns = track != NULL ? turn_blur_ns(core, poll, source, track) : 0;
	int64_t missing_ns;

	if (before != NULL) {
		missing_ns = missing_since_ns(before, source, cbd_ns_add(move_ns, turned));
	} else {
		/* It came since the last poll, or else nothing may have been taken off. */
		bool is_new = track != NULL &&
			      (cbd_account_came_since(&core->account, source) ||
			       cbd_sample_since_ns(source) <= cbd_ns_add(track->elapsed_ns, SINCE_BLUR_NS));

		missing_ns = apart_ns(taken_off_ns(source), is_new ? cbd_ns_add(move_ns, turned) : 0);
	}
	return missing_ns <= cbd_ns_add(allowance_ns(before, source, track), blur_ns);
}
