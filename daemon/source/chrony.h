/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks chronyd what it knows: one poll is Tracking, Source_Data of every source, Tracking again, between two
 * anchors. A state machine driven by the daemon's loop: it never blocks, never sleeps, and reads clocks only
 * through struct cbd_clock. What the answers mean is the core's to say. One thread. Layer: daemon/source.
 *
 * Use: watch cbd_chrony_fd() for input and arm a timer for cbd_chrony_deadline_ns(); call cbd_chrony_begin()
 * when a poll is due, cbd_chrony_on_readable() and cbd_chrony_on_timeout() when told. Any of the three may end
 * the poll.
 */
#ifndef CBD_SOURCE_CHRONY_H
#define CBD_SOURCE_CHRONY_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/clock.h"
#include "daemon/core/core.h"
#include "daemon/core/poll.h"
#include "daemon/source/chrony_socket.h"
#include "daemon/source/chrony_wire.h"

/* chronyd answers in 13 us, and in 2 ms when busy; what takes longer than this is no basis for a bound. */
#define CBD_CHRONY_TIMEOUT_NS 1000000000

/* Sources asked in one poll; a poll of 64 takes about 1 ms. */
#define CBD_CHRONY_ASKED_MAX 64

/* A poll starts over this often when an update of chronyd's falls into it. */
#define CBD_CHRONY_RESTARTS_MAX 3

/* Polls that try to find out what kind of chronyd it is, each time that it is connected to. */
#define CBD_CHRONY_KIND_TRIES 3

/* Datagrams taken at one wake-up; more wait for the next, so that a flood cannot hold the loop. */
#define CBD_CHRONY_RECEIVE_MAX 32

enum cbd_chrony_result {
	CBD_CHRONY_IDLE,    /* no poll is under way, and none has just ended */
	CBD_CHRONY_PENDING, /* waiting for chronyd */
	CBD_CHRONY_DONE,    /* cbd_chrony.poll is filled */
	CBD_CHRONY_FAILED,  /* cbd_chrony.failure and .text say why */
};

/* What the machine is waiting for. */
enum cbd_chrony_step {
	CBD_CHRONY_STEP_IDLE,
	CBD_CHRONY_STEP_RESET,
	CBD_CHRONY_STEP_BURST,
	CBD_CHRONY_STEP_SELECT_DATA,
	CBD_CHRONY_STEP_TRACKING,
	CBD_CHRONY_STEP_N_SOURCES,
	CBD_CHRONY_STEP_SOURCE_DATA,
	CBD_CHRONY_STEP_TRACKING_AGAIN,
};

struct cbd_chrony_stats {
	uint64_t polls;	   /* begun */
	uint64_t failures; /* ended in FAILED */
	uint64_t ignored;  /* datagrams that were not the answer waited for */
	uint64_t restarts; /* polls, or parts of polls, started over because of an update */
	uint64_t refusals; /* N_Sources or Source_Data not to be had */
};

/* Fields above the line may be read; all are written by the functions below alone. */
struct cbd_chrony {
	struct cbd_poll poll;	       /* after DONE, until the next begin */
	enum cbd_poll_failure failure; /* after FAILED */
	char text[768];		       /* after FAILED: what, where, and what to do */
	char source_text[192];	       /* why poll.has_source_data is false; "" if it is true */
	bool is_late;		       /* after FAILED: the answer was there, but we came too late for it */
	char reset_text[192];	       /* how the last reset of sources went wrong; "" if it did not */
	struct cbd_chrony_stats stats;
	/* ---- private to chrony.c */
	struct cbd_chrony_socket socket;
	const struct cbd_clock *clock;
	enum cbd_chrony_step step;
	int64_t deadline_ns;
	uint32_t sequence;
	uint32_t asked;	   /* sources asked so far */
	uint32_t ask;	   /* sources to ask */
	uint32_t told;	   /* sources that chronyd has; 0 if it does not tell */
	uint32_t restarts; /* in this poll */
	bool is_unsent;	   /* chronyd's queue was full */
	bool wants_reset;  /* the next poll begins with Reset_Sources and Burst */
	uint32_t
		kind_tries; /* polls that may still ask what kind of chronyd it is; 0: known, or not to be had */
	bool is_since_whole;   /* as poll.is_since_whole: chrony 4.0 or later */
	bool has_selected;     /* a selected source is among poll.source */
	uint64_t poll_ignored; /* stats.ignored when the poll began */
};

/*
 * cbd_chrony_init - a client that has not connected yet; chronyd need not be there
 * @socket_path: chronyd's command socket, absolute
 * @runtime_dir: where the client's own socket goes if chronyd's directory cannot be written (chronyd's user
 *               must be able to search it), or NULL
 * @clock:       outlives the client
 * Returns 0 or -errno with the reason in self->text.
 */
int cbd_chrony_init(struct cbd_chrony *self, const char *socket_path, const char *runtime_dir,
		    const struct cbd_clock *clock);

/* cbd_chrony_close - drops what is under way, closes, unlinks the own socket */
void cbd_chrony_close(struct cbd_chrony *self);

/* cbd_chrony_fd - to be watched for input (level-triggered); the same until close, whatever reconnects */
int cbd_chrony_fd(const struct cbd_chrony *self);

/* cbd_chrony_deadline_ns - when to call cbd_chrony_on_timeout(), CLOCK_MONOTONIC; INT64_MAX while idle */
int64_t cbd_chrony_deadline_ns(const struct cbd_chrony *self);

/*
 * cbd_chrony_begin - starts a poll, reconnecting if need be; changes nothing if one is under way
 * @now_mono_ns: CLOCK_MONOTONIC
 * Returns PENDING, or FAILED when chronyd cannot be reached at all.
 */
enum cbd_chrony_result cbd_chrony_begin(struct cbd_chrony *self, int64_t now_mono_ns);

/*
 * cbd_chrony_on_readable - takes what has arrived, at most CBD_CHRONY_RECEIVE_MAX datagrams, and goes on
 * An answer past the deadline is none, however long it has waited here: this process was stopped, and the poll's
 * anchors would lie seconds apart.
 * Returns DONE or FAILED once for each poll, at the call that ends it; IDLE if none is under way.
 */
enum cbd_chrony_result cbd_chrony_on_readable(struct cbd_chrony *self, int64_t now_mono_ns);

/* cbd_chrony_on_timeout - ends the poll with FAILED if its deadline has passed, else PENDING or IDLE */
enum cbd_chrony_result cbd_chrony_on_timeout(struct cbd_chrony *self, int64_t now_mono_ns);

/*
 * cbd_chrony_request_reset - the next poll begins with Reset_Sources and Burst (4 good samples of 8)
 * Sent once: a chronyd that hangs still has it in its queue. A refusal does not fail the poll; it stands in
 * self->reset_text afterwards. Not idempotent for chronyd: each request drops its samples again.
 */
void cbd_chrony_request_reset(struct cbd_chrony *self);

#endif
