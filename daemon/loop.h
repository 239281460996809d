/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's life: opens everything, then waits for chronyd, the timer, signals and cbctl, hands what comes to
 * the core and publishes what the core says. It judges nothing. One thread, one epoll set; nothing in it blocks.
 */
#ifndef CBD_LOOP_H
#define CBD_LOOP_H

#include "daemon/clock.h"
#include "daemon/config.h"
#include "daemon/control/server.h"
#include "daemon/core/core.h"
#include "daemon/injection.h"
#include "daemon/notify.h"
#include "daemon/probe/probe.h"
#include "daemon/publish/publish.h"
#include "daemon/schedule.h"
#include "daemon/source/chrony.h"
#include "daemon/source/phc.h"
#include "daemon/source/vmclock.h"

/* What was last said about the daemon's state, so that it is said once. */
struct cbd_loop_told {
	uint32_t status;
	uint32_t clock_status;
	bool has_status;
	bool is_failing;
	char failure[sizeof(((struct cbd_chrony *)0)->text)];
	char source[sizeof(((struct cbd_chrony *)0)->source_text)];
	char reset[sizeof(((struct cbd_chrony *)0)->reset_text)];
	char phc[sizeof(((struct cbd_phc *)0)->text)];
	bool is_phc_good;
	bool is_phc_name;  /* that a refclock may be the PHC */
	bool is_phc_delay; /* that chronyd should know how wide reads of the PHC are */
};

/* What the loop remembers of VMClock beside the core. */
struct cbd_loop_vm {
	int64_t next_look_ns; /* CLOCK_MONOTONIC, as the next */
	int64_t next_find_ns; /* while none is watched: when to look for one again */
	int64_t disrupted_ns; /* when the last disruption was noticed; 0: it is over */
	int64_t recovery_ns;  /* how long it lasted from then on */
	uint64_t told_migrations;
	uint32_t told_flags;
	bool is_told_unreadable;
	bool has_looked;   /* at what there is, once */
	bool is_watch_new; /* what is being published is void because none was watched before */
};

struct cbd_loop {
	const struct cbd_config *config;
	struct cbd_clock_system clocks; /* chrony points into it: a loop is never moved */
	struct cbd_runtime_dir dir;
	struct cbd_publisher publisher;
	struct cbd_control control;
	struct cbd_chrony chrony;
	struct cbd_phc phc; /* if the options name one */
	struct cbd_core core;
	struct cbd_schedule schedule;
	struct cbd_notify notify;
	struct cbd_probe probe;
	struct cbd_control_probe told_probe; /* how control asks the probe */
	struct cbd_vmclock vmclock;
	struct cbd_control_vm told_vm; /* how control asks for it */
	struct cbd_loop_vm vm;
	struct cbd_injection injection;
	struct cbd_loop_told told;
	int epoll_fd;
	int timer_fd;
	int signal_fd;
	bool is_polling;    /* a poll is under way */
	bool is_poll_void;  /* the one under way began with epochs that are no more */
	bool is_home_moved; /* the page file has taken the kernel page's place */
	bool wants_poll;    /* the clock was moved: ask again as soon as the poll under way is over */
	bool wants_reset;   /* chronyd's sources are to be reset as soon as that is allowed */
	bool is_resetting;  /* the poll under way resets them */
	bool is_stopping;
	int failure;	   /* -errno, logged, that ends the loop; 0: none */
	int64_t start_ns;  /* all CLOCK_MONOTONIC */
	int64_t begin_ns;  /* of the poll under way, or the last one */
	int64_t answer_ns; /* of the last answered poll; meaningful if core.stats.polls */
	int64_t round_trip_ns;
	uint32_t sources; /* of the last answered poll, as the next two */
	uint16_t leap_status;
	uint16_t stratum;
};

/* cbd_loop_open - everything up to the first poll; 0, or -errno (logged) with nothing left open */
int cbd_loop_open(struct cbd_loop *loop, const struct cbd_config *config);

/* cbd_loop_run - until SIGTERM or SIGINT: 0; or until the runtime files are taken away or epoll fails: -errno (logged) */
int cbd_loop_run(struct cbd_loop *loop);

/* cbd_loop_close - what is published stays, valid until its void-after */
void cbd_loop_close(struct cbd_loop *loop);

/* cbd_loop_fill_status - the answer to cbctl, without its head; @context is the loop */
void cbd_loop_fill_status(void *context, struct clockbound_control_status *status);

/*
 * cbd_loop_probe_open - the probe, and the page file that says where the epochs are from now on; see loop_probe.c
 * Up to a second. After the files, before the core.
 */
void cbd_loop_probe_open(struct cbd_loop *loop, const struct cbd_page_identity *identity);

/* cbd_loop_probe_count - anchors begin with the probe's epochs; once more whenever the clocks were made anew */
void cbd_loop_probe_count(struct cbd_loop *loop);

/* cbd_loop_probe_look_again - what a former daemon published stands on: wider by what the clock has left its course */
void cbd_loop_probe_look_again(struct cbd_loop *loop, const struct cbd_anchor *now);

/* cbd_loop_probe_follow - the page file's epochs are those that the probe counts */
void cbd_loop_probe_follow(struct cbd_loop *loop);

/* cbd_loop_probe_on_ready - the probe has something to tell; the next poll may come at once */
void cbd_loop_probe_on_ready(struct cbd_loop *loop);

/* cbd_loop_probe_on_poll - after every poll, with an anchor that was read in it */
void cbd_loop_probe_on_poll(struct cbd_loop *loop, const struct cbd_anchor *anchor);

/* cbd_loop_phc_is_used - the options name a PTP hardware clock; see loop_phc.c */
bool cbd_loop_phc_is_used(const struct cbd_config *config);

/* cbd_loop_phc_open - 0, or -errno (logged); the device need not be there. Needs no cbd_loop_phc_close() if it fails. */
int cbd_loop_phc_open(struct cbd_loop *loop);
void cbd_loop_phc_close(struct cbd_loop *loop);

/* cbd_loop_phc_begin - when a poll begins; cbd_loop_phc_poll - when it is over, before the core is given it */
void cbd_loop_phc_begin(struct cbd_loop *loop);
void cbd_loop_phc_poll(struct cbd_loop *loop, const struct cbd_tracking *tracking);

/* cbd_loop_phc_fill - its part of the answer to cbctl */
void cbd_loop_phc_fill(const struct cbd_loop *loop, struct clockbound_control_status *status);

/* cbd_loop_publish - core.out, unless the files are gone or something else is injected */
void cbd_loop_publish(struct cbd_loop *loop);

/* cbd_loop_obey - does what the core asked for, as far as it is allowed now; not while a poll is under way */
void cbd_loop_obey(struct cbd_loop *loop, bool is_answered);

/* cbd_loop_unwatch - @fd wakes the loop no more */
void cbd_loop_unwatch(struct cbd_loop *loop, int fd);

/* cbd_loop_watch_vmclock - its notifications, if there are any, wake the loop */
void cbd_loop_watch_vmclock(struct cbd_loop *loop);

/* cbd_loop_vm_open - finds the VMClock as the options say; after the files, before the core; see loop_vm.c */
void cbd_loop_vm_open(struct cbd_loop *loop);

/* cbd_loop_vm_count - anchors begin and end with it; once more whenever the clocks were made anew */
void cbd_loop_vm_count(struct cbd_loop *loop);

/* cbd_loop_vm_look - at every wake, before anything else: a disruption is published before anybody is asked. While
 * there is no VMClock it looks for one now and then. */
void cbd_loop_vm_look(struct cbd_loop *loop);

/* cbd_loop_vm_on_wake - it notifies */
void cbd_loop_vm_on_wake(struct cbd_loop *loop);

/* cbd_loop_vm_published - after each publication: tells of disruptions that began or ended */
void cbd_loop_vm_published(struct cbd_loop *loop);

/* cbd_loop_vm_on_signal - SIGUSR1 forces a disruption, SIGUSR2 ends it */
void cbd_loop_vm_on_signal(struct cbd_loop *loop, int signal_number);

/* cbd_loop_vm_end_injection - if its time is over */
void cbd_loop_vm_end_injection(struct cbd_loop *loop);

/* cbd_loop_vm_next_ns - when the loop must wake for any of this; INT64_MAX: never */
int64_t cbd_loop_vm_next_ns(const struct cbd_loop *loop);

/* cbd_loop_tell_* - log what is new since the last call; see loop_tell.c */
void cbd_loop_tell_start(const struct cbd_loop *loop);
void cbd_loop_tell_status(struct cbd_loop *loop);
void cbd_loop_tell_poll(struct cbd_loop *loop, bool is_answered);

#endif
