/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See probe.h. The ladder, and what the daemon does with what its rungs tell. The timer stands beside the
 * tracepoints too, for the steps that they cannot see.
 */
#include "daemon/probe/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timex.h>
#include <unistd.h>

#include <clockbound/seq.h>

#include "daemon/core/core.h"
#include "daemon/log.h"
#include "daemon/probe/events.h"
#include "daemon/probe/home.h"
#include "daemon/probe/size.h"
#include "daemon/probe/timer.h"

/* As often the ring holds what is taken from it at a time, and once more. */
#define RING_ROUNDS 4

static const char *const rung_name[] = {
	[CBD_PROBE_POLL] = "off",
	[CBD_PROBE_TIMERFD] = "timerfd",
	[CBD_PROBE_TRACEPOINT] = "tracepoint",
	[CBD_PROBE_FENTRY] = "fentry",
};

static enum cbd_probe_rung best_rung(const char *best)
{
	int rung;

	for (rung = CBD_PROBE_POLL; rung <= CBD_PROBE_FENTRY; rung++) {
		if (strcmp(best, rung_name[rung]) == 0) {
			return (enum cbd_probe_rung)rung;
		}
	}
	return CBD_PROBE_FENTRY;
}

/* For people. */
static const char *name_of(enum cbd_probe_rung rung)
{
	switch (rung) {
	case CBD_PROBE_FENTRY:
	case CBD_PROBE_TRACEPOINT:
	case CBD_PROBE_TIMERFD:
		return rung_name[rung];
	default:
		return "the poll alone";
	}
}

/* Adds why a rung is not used to what is said of better ones. */
static void add_reason(struct cbd_probe *probe, const char *why)
{
	size_t length = strlen(probe->reason);

	snprintf(probe->reason + length, sizeof(probe->reason) - length, "%s%s", length != 0 ? "; " : "",
		 why);
}

/* --- events --- */

static void note(struct cbd_probe *probe, const struct clockbound_event *event)
{
	cbd_events_log(&probe->told, cbd_history_add(&probe->history, event),
		       cbd_clock_mono_ns(probe->clock));
}

/* A record of the programs. */
static void on_record(void *context, const struct clockbound_event *record)
{
	struct cbd_probe *probe = context;
	struct clockbound_event event = *record;

	event.uncertainty_ns = 0;
	if (cbd_events_judge(&event)) {
		cbd_size_measure(probe, &event, record->uncertainty_ns);
		cbd_events_judge_size(&event);
	} else if (cbd_events_is_step(&event)) {
		cbd_size_go_along(probe, event.step_ns);
	}
	if (cbd_events_is_step(&event)) {
		probe->cancels = 0;
	}
	/* Tracepoints mark before they know what comes of it: every record of theirs is to be acknowledged. */
	if (event.what != CLOCKBOUND_EVENT_CALL || probe->rung == CBD_PROBE_TRACEPOINT) {
		probe->wants_poll = true;
	}
	note(probe, &event);
}

/* A step that no program saw: @what tells who did. */
static void on_unseen_step(struct cbd_probe *probe, uint32_t what)
{
	struct clockbound_epochs epochs;
	struct clockbound_event event = {
		.version = CLOCKBOUND_EVENT_VERSION,
		.size = sizeof(event),
		.what = what,
		.mono_ns = (uint64_t)cbd_clock_mono_ns(probe->clock),
	};

	cbd_probe_bump(probe, CBD_REQUEST_BUMP_EPOCH);
	cbd_probe_current(probe, &epochs);
	event.clock_epoch = epochs.clock_epoch;
	event.rate_epoch = epochs.rate_epoch;
	cbd_size_measure(probe, &event, 0);
	probe->cancels = 0;
	probe->wants_poll = true;
	note(probe, &event);
}

bool cbd_probe_on_ready(struct cbd_probe *probe)
{
	const struct clockbound_kernel_page *page = cbd_home_page(probe);
	bool is_over;
	bool wants_poll;

	if (probe->timer_fd >= 0 && cbd_timer_take(probe->timer_fd)) {
		probe->cancels++;
	}
	/* Before the records: a caller that has landed has sent its record. */
	is_over = cbd_home_is_settled(page);
	if (probe->bpf != NULL) {
		cbd_bpf_drain(probe->bpf, on_record, probe);
	}
	if (probe->cancels != 0 && is_over) {
		on_unseen_step(probe, CLOCKBOUND_EVENT_CANCELLED);
	}
	wants_poll = probe->wants_poll;
	probe->wants_poll = false;
	return wants_poll;
}

/* --- the ladder --- */

static void watch(struct cbd_probe *probe, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (fd >= 0) {
		epoll_ctl(probe->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	}
}

static void try_timer(struct cbd_probe *probe)
{
	int fd = cbd_timer_open();

	if (fd < 0) {
		char why[96];

		snprintf(why, sizeof(why), "timerfd: %s", strerror(-fd));
		add_reason(probe, why);
		return;
	}
	probe->timer_fd = fd;
	watch(probe, fd);
	if (probe->rung == CBD_PROBE_POLL) {
		probe->rung = CBD_PROBE_TIMERFD;
	}
}

/* From @best downwards, the first rung that fires. */
static void climb(struct cbd_probe *probe, enum cbd_probe_rung best)
{
	char why[CBD_BPF_WHY];
	int rung;

	probe->rung = CBD_PROBE_POLL;
	for (rung = (int)best; rung >= CBD_PROBE_TRACEPOINT && probe->bpf != NULL; rung--) {
		int result = cbd_bpf_attach(probe->bpf, (uint32_t)rung, why);

		if (why[0] != '\0') {
			add_reason(probe, why);
		}
		if (result == 0) {
			probe->rung = (enum cbd_probe_rung)rung;
			watch(probe, cbd_bpf_ring_fd(probe->bpf));
			break;
		}
	}
	if (best >= CBD_PROBE_TIMERFD && probe->rung != CBD_PROBE_FENTRY && probe->timer_fd < 0) {
		try_timer(probe);
	} else if (probe->rung == CBD_PROBE_POLL && probe->timer_fd >= 0) {
		probe->rung = CBD_PROBE_TIMERFD;
	}
}

static void tell(const struct cbd_probe *probe, const char *asked)
{
	bool is_less = strcmp(asked, "auto") != 0 && strcmp(asked, rung_name[probe->rung]) != 0;

	cbd_log(is_less ? CBD_LOG_WARNING : CBD_LOG_INFO, "probe", "steps of the clock are noticed by %s%s%s",
		name_of(probe->rung), probe->reason[0] != '\0' ? "; why not better: " : "", probe->reason);
	if (probe->rung == CBD_PROBE_TRACEPOINT) {
		cbd_log(CBD_LOG_NOTICE, "probe_tax",
			"tracepoints add some 25 to 85 ns to every system call of this machine; --probe "
			"timerfd "
			"avoids that, and notices steps a little later");
	}
}

static void open_bpf(struct cbd_probe *probe, const struct cbd_probe_options *options)
{
	struct timex timex = {.modes = 0};
	struct cbd_bpf_options bpf = {
		.boot_id = {options->boot_id[0], options->boot_id[1]},
		.epochs = options->next_epochs,
		.former_id = options->former_id,
		.pin_dir = options->pin_dir,
		.tick_us = 10000,
		.clock = options->clock,
	};
	char why[CBD_BPF_WHY];

	if (adjtimex(&timex) >= 0) {
		bpf.freq = timex.freq;
		bpf.tick_us = timex.tick;
	}
	if (cbd_bpf_open(&probe->bpf, &bpf, why) != 0) {
		probe->bpf = NULL;
		add_reason(probe, why);
	} else if (why[0] != '\0') {
		cbd_log(CBD_LOG_WARNING, "pin_refused", "%s", why);
	}
}

void cbd_probe_open(struct cbd_probe *probe, const struct cbd_probe_options *options)
{
	enum cbd_probe_rung best = best_rung(options->best);
	struct cbd_epochs epochs = {0};

	memset(probe, 0, sizeof(*probe));
	probe->clock = options->clock;
	probe->timer_fd = -1;
	probe->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	probe->has_step = cbd_clock_step(probe->clock, &probe->step_ns, &probe->step_half_ns);
	if (best >= CBD_PROBE_TRACEPOINT) {
		open_bpf(probe, options);
	}
	climb(probe, best);
	if (probe->bpf != NULL && probe->rung < CBD_PROBE_TRACEPOINT) {
		cbd_bpf_close(probe->bpf); /* nobody would write the kernel page */
		probe->bpf = NULL;
	}
	probe->own = options->former_id == 0 ? options->file_epochs : options->next_epochs;
	probe->own.flags = 0;
	probe->home = probe->bpf != NULL ? options->next_epochs : probe->own;
	cbd_home_begin(probe);
	cbd_probe_epochs(probe, &epochs);
	probe->polled_epoch = epochs.clock;
	tell(probe, options->best);
}

/*
 * The programs do not run any more, whatever the reason: the next rung. Or what they write serves no more: then the
 * best rung that needs no kernel page. After the privileges were given up that is the next one in any case.
 */
static void fall_back(struct cbd_probe *probe)
{
	enum cbd_probe_rung was = probe->rung;
	const char *fault =
		probe->is_home_lost ? "writes a kernel page that is lost" : "does not fire any more";
	char why[96];
	int i;

	snprintf(why, sizeof(why), "%s: %s", name_of(was), fault);
	add_reason(probe, why);
	for (i = 0; i < RING_ROUNDS; i++) {
		cbd_bpf_drain(probe->bpf, on_record, probe); /* the ring goes with the programs */
	}
	cbd_bpf_detach(probe->bpf);
	climb(probe, probe->is_home_lost ? CBD_PROBE_TIMERFD : (enum cbd_probe_rung)(was - 1));
	cbd_log(CBD_LOG_WARNING, "probe_lost", "%s; steps of the clock are noticed by %s from now on", why,
		name_of(probe->rung));
	cbd_probe_bump(probe, CBD_REQUEST_BUMP_EPOCH);
	probe->wants_poll = true;
}

/* A step that moved no epoch was seen by nobody; of one that did, the record is on its way. */
static void look_for_step(struct cbd_probe *probe, const struct cbd_anchor *anchor)
{
	int64_t moved_ns = anchor->step_ns - probe->step_ns;
	int64_t slack_ns = anchor->step_half_ns + probe->step_half_ns;
	struct clockbound_epochs now;

	cbd_probe_current(probe, &now);
	if (probe->has_step && (moved_ns > slack_ns || moved_ns < -slack_ns) &&
	    now.clock_epoch == probe->polled_epoch) {
		on_unseen_step(probe, CLOCKBOUND_EVENT_POLL);
		cbd_probe_current(probe, &now);
	}
	probe->polled_epoch = now.clock_epoch;
	probe->step_ns = anchor->step_ns;
	probe->step_half_ns = anchor->step_half_ns;
	probe->has_step = true;
}

/* A change may have left no mark: nobody knows which, so that all are to be acknowledged. */
static void on_missed(struct cbd_probe *probe)
{
	probe->missed++;
	/* Once, and then ever less often: under load it may be so at every poll. */
	if ((probe->missed & (probe->missed - 1)) == 0) {
		cbd_log(CBD_LOG_NOTICE, "probe_skipped",
			"the kernel skipped eBPF programs, or the clock's rate was changed unseen: measuring "
			"anew "
			"(%" PRIu64 " times)",
			probe->missed);
	}
	cbd_probe_bump(probe, CBD_REQUEST_BUMP_EPOCH | CBD_REQUEST_BUMP_RATE);
	probe->wants_poll = true;
}

bool cbd_probe_on_poll(struct cbd_probe *probe, const struct cbd_anchor *anchor)
{
	const struct clockbound_kernel_page *page = cbd_home_page(probe);
	bool is_over = cbd_home_is_settled(page);
	/* Records that wait tell of steps that the anchor shows already. */
	bool wants_poll = cbd_probe_on_ready(probe);

	if (probe->is_unwritable && !probe->is_home_lost) {
		cbd_home_lose(probe);
	}
	if (is_over && !wants_poll && anchor->has_step) {
		look_for_step(probe, anchor);
	}
	if (probe->rung >= CBD_PROBE_TRACEPOINT && (probe->is_home_lost || !cbd_bpf_is_firing(probe->bpf))) {
		fall_back(probe);
	} else if (probe->rung == CBD_PROBE_TRACEPOINT && cbd_bpf_has_missed(probe->bpf)) {
		on_missed(probe);
	}
	wants_poll = wants_poll || probe->wants_poll;
	probe->wants_poll = false;
	return wants_poll;
}

void cbd_probe_close(struct cbd_probe *probe)
{
	cbd_bpf_close(probe->bpf);
	probe->bpf = NULL;
	if (probe->timer_fd >= 0) {
		close(probe->timer_fd);
	}
	close(probe->epoll_fd);
}

int cbd_probe_fd(const struct cbd_probe *probe)
{
	return probe->epoll_fd;
}

void cbd_probe_info(const struct cbd_probe *probe, struct cbd_probe_info *info)
{
	const struct clockbound_kernel_page *page = cbd_home_page(probe);

	memset(info, 0, sizeof(*info));
	info->rung = probe->rung;
	memcpy(info->reason, probe->reason, sizeof(info->reason));
	if (page != NULL) {
		info->page_id = page->id;
		info->heartbeat = clockbound_priv_kernel_load(&page->heartbeat);
		info->events = clockbound_priv_kernel_load(&page->events);
		info->dropped = clockbound_priv_kernel_load(&page->dropped);
		info->refused = clockbound_priv_kernel_load(&page->refused);
	}
}

int cbd_probe_map_fd(const struct cbd_probe *probe)
{
	return cbd_home_page(probe) == NULL ? -1 : cbd_bpf_map_fd(probe->bpf);
}

void cbd_probe_tell(struct cbd_probe *probe, uint32_t what, int64_t value)
{
	const struct clockbound_event event = {
		.version = CLOCKBOUND_EVENT_VERSION,
		.size = sizeof(event),
		.what = what,
		.mono_ns = (uint64_t)cbd_clock_mono_ns(probe->clock),
		.value = value,
	};

	(void)cbd_history_add(&probe->history, &event);
}

const struct cbd_history *cbd_probe_events(const struct cbd_probe *probe)
{
	return &probe->history;
}
