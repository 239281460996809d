/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon in the simulated world: the real core, the real page writer, the real anchors and schedule, with a
 * page in memory. What daemon/loop.c and daemon/source do over sockets is done here by asking the simulated
 * chronyd. It may be paused and killed at any store and any clock reading, and started again on the same page.
 */
#ifndef TESTS_SIM_DAEMON_H
#define TESTS_SIM_DAEMON_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include <clockbound/page.h>

#include "daemon/clock.h"
#include "daemon/core/core.h"
#include "daemon/publish/page_writer.h"
#include "daemon/publish/shm_writer.h"
#include "daemon/schedule.h"
#include "daemon/source/phc.h"
#include "tests/sim/rng.h"

struct sim_world;

struct sim_daemon {
	struct sim_rng rng;
	struct cbd_core core;
	struct cbd_page_writer writer;
	struct cbd_shm_writer shm_writer;
	struct cbd_schedule schedule;
	struct cbd_phc phc;
	struct cbd_clock clock;
	struct clockbound_page *page; /* lives as long as the world, as does shm0 */
	struct clockbound_shm2 shm0;
	int64_t next_ns; /* true time of the next poll, or of the start */
	int64_t look_ns; /* of the next look at VMClock */
	int64_t paused_until_ns;
	bool is_alive;
	bool is_busy; /* in a poll or a start */
	bool has_page;
	bool has_shm0;
	bool has_counter;
	bool wants_reset;
	bool is_publishing;
	jmp_buf death;
	/* what is to go wrong in this poll */
	uint32_t stores;
	uint32_t kill_at_store; /* 0: not */
	uint32_t pause_at_store;
	uint32_t reads;
	uint32_t kill_at_read;
	uint32_t move_at_read; /* the machine is moved */
	/* what has happened, over all its lives */
	int64_t anchor_ns;	 /* true time of the anchor published last */
	int64_t renewed_ns;	 /* true time of the anchor that void-after counts from */
	int64_t renewed_mono_ns; /* CLOCK_MONOTONIC then */
	uint64_t polls;
	uint64_t starts;
	uint64_t inconsistencies;
	uint64_t inconsistencies_before; /* in former lives */
};

void sim_daemon_init(struct sim_world *world);
void sim_daemon_free(struct sim_world *world);

/* sim_daemon_next_ns, sim_daemon_run - when something is due, and doing it */
int64_t sim_daemon_next_ns(const struct sim_world *world);
void sim_daemon_run(struct sim_world *world);

/* sim_daemon_kill - at once, wherever it is; it starts again @after_ns later */
void sim_daemon_kill(struct sim_world *world, int64_t after_ns);

/* sim_daemon_pause - SIGSTOP, SIGCONT @for_ns later; only between polls */
void sim_daemon_pause(struct sim_world *world, int64_t for_ns);

#endif
