/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account between chronyd's samples and its time X: whatever chronyd moves X by it takes off the offsets of all its
 * samples. What X has moved by without that is a stranger's, and is owed to every sample that may be from before.
 * Pure, private to daemon/core. Source: docs/MATH.md, "The sample's account".
 */
#ifndef CBD_CORE_ACCOUNT_H
#define CBD_CORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/poll.h"
#include "daemon/core/sample.h"
#include "daemon/core/track.h"

/* An account may miss this much: chronyd's own roundings and delays, a second update between two polls. */
#define CBD_ACCOUNT_CREDIT_NS 1000000

/* Amounts owed that are told apart; older ones are put together. */
#define CBD_ACCOUNT_OWED 8

struct cbd_core;

/* A source's sample at the last poll that was answered. */
struct cbd_account_sample {
	uint64_t id;
	uint64_t mark;
	int64_t offset_ns;
	bool is_credited;    /* all that chronyd has taken off it since it came, X was seen to move by */
	bool is_from_before; /* not from after the latest event, by its age or since it was there then */
	bool is_news;	     /* it came since the poll before */
	uint32_t news;	     /* samples of its source since the latest event was first looked at: 0 to 2 */
};

struct cbd_account {
	struct cbd_account_sample sample[CBD_SOURCES_MAX];
	struct cbd_account_sample selected; /* among them; all zero: there was none */
	uint32_t samples;
	/* X may have moved by this much, unknown to chronyd, until the counter showed that; the oldest first. */
	struct {
		uint64_t counter;
		int64_t ns;
	} owed[CBD_ACCOUNT_OWED];
	uint32_t owes;
	int64_t inherited_ns; /* by a former daemon; dated by the next poll */
};

/* cbd_account_owe - X may have moved by @ns, unknown to chronyd, until the counter showed @counter */
void cbd_account_owe(struct cbd_account *account, uint64_t counter, int64_t ns);

/*
 * cbd_account_forgive - where the selected sample is known to be from after an event by counting samples, no clock being of
 * use, nothing from before that is owed to it
 */
void cbd_account_forgive(struct cbd_core *core, const struct cbd_poll *poll);

/* cbd_account_settle - a poll was answered: what X has moved by without chronyd is owed from now on, and @steer_ns */
void cbd_account_settle(struct cbd_core *core, const struct cbd_poll *poll,
			const struct cbd_track_result *track);

/* cbd_account_inherit - goes on with the former daemon's selected sample, and with what it owed */
void cbd_account_inherit(struct cbd_account *account, const struct cbd_account_sample *selected,
			 int64_t owed_ns);

/*
 * cbd_account_note - takes the samples of a poll, for the account of the next one; once the poll was judged by the last
 * @track: NULL if the poll was not tested, since chronyd is not synchronised: then X is not to have moved
 * Forgets what every sample that chronyd has is certainly younger than.
 */
void cbd_account_note(struct cbd_core *core, const struct cbd_poll *poll,
		      const struct cbd_track_result *track);

/* cbd_account_seen - this very sample at the last poll, or NULL */
const struct cbd_account_sample *cbd_account_seen(const struct cbd_account *account,
						  const struct cbd_source_data *source);

/*
 * cbd_account_came_since - before cbd_account_note(): at the last poll this source had another sample
 * So this one came since, however old it is: in interleaved mode it is of the exchange before, and a refclock's is the
 * mean of a polling interval.
 */
bool cbd_account_came_since(const struct cbd_account *account, const struct cbd_source_data *source);

/*
 * cbd_account_is_moved - a sample that was there at the last poll has another offset, though chronyd has not updated since
 * Then X was moved between its answers (chronyc doffset, a makestep that fails): Tracking's is not what Source_Data is of.
 */
bool cbd_account_is_moved(const struct cbd_account *account, const struct cbd_poll *poll);

/* cbd_account_is_news - the same after cbd_account_note(); @source may be NULL */
bool cbd_account_is_news(const struct cbd_account *account, const struct cbd_source_data *source);

/*
 * cbd_account_is_from_before - the sample was there already when an event was first looked at, or came later and is older
 * After cbd_account_note(). It stays so, also when the event is over: the next one of that source may be long in coming.
 */
bool cbd_account_is_from_before(const struct cbd_account *account, const struct cbd_source_data *source);

/* cbd_account_charge - widens a sample by all that is owed to it: what it is not certainly younger than */
void cbd_account_charge(const struct cbd_core *core, const struct cbd_poll *poll, struct cbd_sample *sample);

/* cbd_account_owed_ns - all that is owed, for the next daemon */
int64_t cbd_account_owed_ns(const struct cbd_account *account);

#endif
