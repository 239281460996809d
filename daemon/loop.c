/* SPDX-License-Identifier: Apache-2.0 */
/* See loop.h. A poll ends in exactly one call of the core, one publication and one look at the schedule. */
#include "daemon/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon/config_phc.h"
#include "daemon/log.h"

#define NS_PER_SEC INT64_C(1000000000)

/* The daemon promises to publish more often than this: three polls may fail, each after its time-out. */
#define STALE_AFTER_MIN_NS INT64_C(5000000000)
#define STALE_AFTER_POLLS  3

enum {
	SOURCE_TIMER,
	SOURCE_SIGNAL,
	SOURCE_CHRONY,
	SOURCE_CONTROL,
	SOURCE_PROBE,
	SOURCE_VMCLOCK,
	SOURCES
};

static int64_t now_ns(const struct cbd_loop *loop)
{
	return cbd_clock_mono_ns(&loop->clocks.clock);
}

static int64_t stale_after_ns(const struct cbd_config *config)
{
	int64_t ns = STALE_AFTER_POLLS * config->poll_interval_ns + 2 * (int64_t)CBD_CHRONY_TIMEOUT_NS;

	return ns > STALE_AFTER_MIN_NS ? ns : STALE_AFTER_MIN_NS;
}

/* By how much CLOCK_MONOTONIC_COARSE may lag; the kernel's tick. */
static int64_t coarse_ns(void)
{
	struct timespec resolution;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0) {
		return NS_PER_SEC / 100; /* HZ=100, the slowest tick there is */
	}
	return resolution.tv_sec * NS_PER_SEC + resolution.tv_nsec;
}

/* Only while the files are what their names lead to; else the loop ends. */
static bool has_files(struct cbd_loop *loop)
{
	if (loop->failure == 0) {
		loop->failure = cbd_publisher_check(&loop->publisher, &loop->dir);
	}
	if (loop->failure == 0) {
		cbd_control_check(&loop->control, &loop->dir);
	}
	return loop->failure == 0;
}

/* What somebody injects in place of what is; some of it is published once and then no more. */
static void publish_injected(struct cbd_loop *loop)
{
	struct cbd_injection *injection = &loop->injection;
	struct cbd_publication out = loop->core.out;

	bool is_valid = (out.status & out.clock_status & CLOCKBOUND_VALID) != 0;

	/* What is wrong in earnest is published all the same. */
	if (injection->is_begun && cbd_injection_holds(injection->kind) && is_valid) {
		return;
	}
	cbd_injection_apply(injection->kind, &out);
	cbd_publish(&loop->publisher, &out);
	if (injection->kind == CLOCKBOUND_INJECT_TORN && is_valid) {
		cbd_publisher_tear(&loop->publisher);
	}
	injection->is_begun = true;
}

void cbd_loop_publish(struct cbd_loop *loop)
{
	if (has_files(loop)) {
		cbd_probe_bump(&loop->probe, cbd_core_take_bumps(&loop->core));
		cbd_loop_probe_follow(loop);
		if (loop->injection.kind == CLOCKBOUND_INJECT_OFF) {
			cbd_publish(&loop->publisher, &loop->core.out);
		} else {
			publish_injected(loop);
		}
		cbd_notify_published(&loop->notify);
		cbd_loop_tell_status(loop);
		cbd_loop_vm_published(loop);
	}
}

/* While the core settles, the former daemon's publication stands, so that no client notices. @now: read just now */
static void publish_unless_settling(struct cbd_loop *loop, const struct cbd_anchor *now)
{
	if (loop->core.is_settling) {
		if (has_files(loop)) {
			cbd_loop_probe_look_again(loop, now);
		}
	} else {
		cbd_loop_publish(loop);
	}
}

/* The timer fires when the poll under way is late, or else when the next one is due; and when VMClock is to be looked
 * at before. */
static void arm(struct cbd_loop *loop)
{
	int64_t at_ns = loop->is_polling ? cbd_chrony_deadline_ns(&loop->chrony) : loop->schedule.next_ns;
	int64_t vm_ns = cbd_loop_vm_next_ns(loop);
	struct itimerspec when = {0};

	at_ns = at_ns < vm_ns ? at_ns : vm_ns;
	when.it_value.tv_sec = at_ns / NS_PER_SEC;
	when.it_value.tv_nsec = at_ns % NS_PER_SEC;
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* What the core wants, as far as it is allowed now. */
void cbd_loop_obey(struct cbd_loop *loop, bool is_answered)
{
	uint32_t requests = cbd_core_take_request(&loop->core);
	bool is_valid = ((loop->core.out.status | loop->core.out.clock_status) & CLOCKBOUND_VALID) != 0;
	int64_t now = now_ns(loop);

	cbd_schedule_after_poll(&loop->schedule, now, is_answered && is_valid,
				(requests & CBD_REQUEST_POLL_AGAIN) != 0 ||
					(!is_answered && loop->chrony.is_late));
	if ((requests & CBD_REQUEST_RESET_SOURCES) != 0 ||
	    (loop->is_resetting && is_answered && loop->chrony.reset_text[0] != '\0')) {
		loop->wants_reset = true; /* asked for, or refused the last time */
	}
	loop->is_resetting = loop->is_resetting && !is_answered;
	if (loop->wants_reset && cbd_schedule_may_reset(&loop->schedule, now)) {
		cbd_chrony_request_reset(&loop->chrony);
		loop->wants_reset = false;
		loop->is_resetting = true;
		cbd_log(CBD_LOG_NOTICE, "reset_sources",
			"asking chronyd to drop its measurements and to take new ones at once");
	}
}

static void end_failed(struct cbd_loop *loop, enum cbd_poll_failure failure)
{
	struct cbd_anchor now;

	cbd_loop_tell_poll(loop, false);
	cbd_loop_phc_poll(loop, NULL);
	if (cbd_clock_anchor(&loop->clocks.clock, &now) == 0) {
		cbd_core_on_poll_failed(&loop->core, failure, &now);
		publish_unless_settling(loop, &now);
		cbd_loop_obey(loop, false);
		cbd_loop_probe_on_poll(loop, &now);
		return;
	}
	cbd_loop_obey(loop, false);
}

static void end_answered(struct cbd_loop *loop)
{
	const struct cbd_poll *poll = &loop->chrony.poll;

	loop->answer_ns = now_ns(loop);
	loop->round_trip_ns = loop->answer_ns - loop->begin_ns;
	loop->sources = loop->chrony.told; /* all, of which the core keeps some */
	loop->leap_status = poll->tracking.leap_status;
	loop->stratum = poll->tracking.stratum;
	cbd_loop_tell_poll(loop, true);
	cbd_loop_phc_poll(loop, &poll->tracking);
	cbd_core_on_poll(&loop->core, poll);
	publish_unless_settling(loop, &poll->after);
	cbd_loop_obey(loop, true);
	cbd_loop_probe_on_poll(loop, &poll->after);
}

/*
 * The kernel has left the counter: its own watchdog does not trust it any more, so nobody may. From here the
 * anchors count CLOCK_MONOTONIC_RAW; the poll that was under way has anchors of the old kind and is not used.
 */
static bool leave_counter(struct cbd_loop *loop)
{
	const struct cbd_clock_options options = {.trust_counter = loop->config->force_counter};
	struct cbd_anchor now;

	if (!cbd_clock_counter_changed(&loop->clocks)) {
		return false;
	}
	cbd_clock_system_init(&loop->clocks, &options);
	cbd_loop_probe_count(loop);
	cbd_loop_vm_count(loop);
	cbd_log(CBD_LOG_WARNING, "counter_lost", "the kernel changed its clocksource%s%s: %s",
		loop->clocks.clocksource[0] != '\0' ? " to " : "", loop->clocks.clocksource,
		loop->clocks.has_counter ? "the counter is measured anew" : loop->clocks.reason);
	if (cbd_clock_anchor(&loop->clocks.clock, &now) == 0) {
		cbd_core_on_counter_lost(&loop->core, loop->clocks.has_counter, &now);
		cbd_loop_publish(loop);
	}
	return true;
}

static void on_result(struct cbd_loop *loop, enum cbd_chrony_result result)
{
	if (result != CBD_CHRONY_DONE && result != CBD_CHRONY_FAILED) {
		return;
	}
	loop->is_polling = false;
	if (leave_counter(loop) || loop->is_poll_void) {
		loop->is_poll_void = false;
		cbd_schedule_after_poll(&loop->schedule, now_ns(loop), false, true);
	} else if (result == CBD_CHRONY_DONE) {
		end_answered(loop);
	} else {
		end_failed(loop, loop->chrony.failure);
	}
}

static void on_timer(struct cbd_loop *loop)
{
	int64_t now = now_ns(loop);
	uint64_t expirations;

	if (read(loop->timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN) {
		cbd_log(CBD_LOG_DEBUG, "timer_failed", "timerfd: %s", strerror(errno));
	}
	cbd_control_on_tick(&loop->control, now);
	cbd_loop_vm_end_injection(loop);
	if (loop->is_polling) {
		on_result(loop, cbd_chrony_on_timeout(&loop->chrony, now));
	} else if (now >= loop->schedule.next_ns) {
		loop->is_polling = true;
		loop->begin_ns = now;
		cbd_loop_phc_begin(loop);
		on_result(loop, cbd_chrony_begin(&loop->chrony, now));
	}
}

static void on_signal(struct cbd_loop *loop)
{
	struct signalfd_siginfo info;

	if (read(loop->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
		return;
	}
	switch ((int)info.ssi_signo) {
	case SIGTERM:
	case SIGINT:
		cbd_log(CBD_LOG_INFO, "stopping",
			"stopping on %s from pid %u; what is published stays valid until its end",
			info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT", info.ssi_pid);
		loop->is_stopping = true;
		break;
	case SIGHUP:
		cbd_log(CBD_LOG_NOTICE, "ignored",
			"SIGHUP ignored: options are read at start, restart to change them");
		break;
	default:
		cbd_loop_vm_on_signal(loop, (int)info.ssi_signo);
		break;
	}
}

int cbd_loop_run(struct cbd_loop *loop)
{
	struct epoll_event event[SOURCES];
	bool is_asked;
	int count;
	int i;

	while (!loop->is_stopping && loop->failure == 0) {
		arm(loop);
		is_asked = false;
		count = epoll_wait(loop->epoll_fd, event, SOURCES, -1);
		if (count < 0 && errno != EINTR) {
			int error = errno;

			cbd_log(CBD_LOG_ERROR, "loop_failed", "epoll_wait: %s", strerror(error));
			return -error;
		}
		cbd_loop_vm_look(loop); /* first: what else came may be from before a migration */
		for (i = 0; i < count; i++) {
			is_asked = is_asked || event[i].data.u32 == SOURCE_CONTROL;
			switch (event[i].data.u32) {
			case SOURCE_TIMER:
				on_timer(loop);
				break;
			case SOURCE_SIGNAL:
				on_signal(loop);
				break;
			case SOURCE_CHRONY:
				on_result(loop, cbd_chrony_on_readable(&loop->chrony, now_ns(loop)));
				break;
			case SOURCE_PROBE:
				cbd_loop_probe_on_ready(loop);
				break;
			case SOURCE_VMCLOCK:
				cbd_loop_vm_on_wake(loop);
				break;
			default:
				break;
			}
		}
		if (is_asked) { /* last, so that nobody who asks delays a poll */
			cbd_control_on_ready(&loop->control, now_ns(loop));
		}
	}
	return loop->failure;
}

static int watch(struct cbd_loop *loop, int fd, uint32_t source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = source};

	return fd >= 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

void cbd_loop_unwatch(struct cbd_loop *loop, int fd)
{
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

void cbd_loop_watch_vmclock(struct cbd_loop *loop)
{
	int fd = cbd_vmclock_wake_fd(&loop->vmclock);

	/* Where that fails the timer serves. */
	if (fd >= 0 && watch(loop, fd, SOURCE_VMCLOCK) != 0) {
		loop->vmclock.notifies = false;
	}
}

/* The descriptors that the loop itself owns. */
static int open_events(struct cbd_loop *loop)
{
	int result = 0;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN); /* whoever read our log may be gone */
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	loop->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watch(loop, loop->timer_fd, SOURCE_TIMER) != 0 ||
	    watch(loop, loop->signal_fd, SOURCE_SIGNAL) != 0 ||
	    watch(loop, cbd_chrony_fd(&loop->chrony), SOURCE_CHRONY) != 0 ||
	    watch(loop, loop->control.event_fd, SOURCE_CONTROL) != 0 ||
	    watch(loop, cbd_probe_fd(&loop->probe), SOURCE_PROBE) != 0) {
		result = -errno;
		cbd_log(CBD_LOG_ERROR, "loop_failed", "cannot make the event loop's descriptors: %s",
			strerror(-result));
		close(loop->signal_fd);
		close(loop->timer_fd);
		close(loop->epoll_fd);
	}
	cbd_loop_watch_vmclock(loop);
	return result;
}

/* A core that goes on with what the page says. */
static void start_core(struct cbd_loop *loop)
{
	const struct cbd_core_config config = {
		.rho_ppb = loop->config->max_drift_ppb,
		.max_holdover_ns = loop->config->max_holdover_ns,
		.stale_after_ns = stale_after_ns(loop->config),
		.coarse_ns = coarse_ns(),
		.allow_local = loop->config->allow_local,
		.has_counter = loop->clocks.has_counter,
		.has_phc = cbd_loop_phc_is_used(loop->config),
		.combines_phc = loop->config->phc_device[0] != '\0',
		.phc_reference_id = cbd_config_phc_reference(loop->config->phc_ref_id),
	};
	struct cbd_inheritance inheritance;
	struct cbd_segment segment;
	struct cbd_epochs epochs;

	cbd_core_init(&loop->core, &config);
	cbd_probe_epochs(&loop->probe, &epochs);
	cbd_core_rehome(&loop->core, &epochs);
	if (cbd_page_writer_inherit(&loop->publisher.page, &inheritance)) {
		cbd_core_inherit(&loop->core, &inheritance);
		cbd_log(CBD_LOG_INFO, "page_continued", "going on with the page of a former daemon%s",
			inheritance.has_lines ? ", whose bound still holds" : "");
	}
	if (cbd_publisher_segment(&loop->publisher, &segment)) {
		cbd_core_inherit_segment(&loop->core, &segment);
	}
}

static int open_files(struct cbd_loop *loop)
{
	struct cbd_page_identity identity = {
		.counter_kind = loop->clocks.counter_kind,
		.counter_hz = loop->clocks.has_counter ? loop->clocks.counter_hz : 0,
		.rho_ppb = loop->config->max_drift_ppb,
	};
	int result = cbd_page_identity_fill(&identity);

	if (result != 0) {
		return result;
	}
	result = cbd_runtime_dir_open(&loop->dir, loop->config->runtime_dir);
	if (result != 0) {
		return result;
	}
	result = cbd_publisher_open(&loop->publisher, &loop->dir, &identity);
	if (result == 0) {
		result = cbd_control_open(&loop->control, &loop->dir, cbd_loop_fill_status, loop);
		if (result == 0) {
			cbd_loop_probe_open(loop, &identity);
			cbd_loop_vm_open(loop);
			return 0;
		}
		cbd_publisher_close(&loop->publisher);
	}
	cbd_runtime_dir_close(&loop->dir);
	return result;
}

static void close_files(struct cbd_loop *loop)
{
	cbd_vmclock_close(&loop->vmclock);
	cbd_probe_close(&loop->probe);
	cbd_control_close(&loop->control);
	cbd_publisher_close(&loop->publisher);
	cbd_runtime_dir_close(&loop->dir);
}

int cbd_loop_open(struct cbd_loop *loop, const struct cbd_config *config)
{
	const struct cbd_clock_options options = {.trust_counter = config->force_counter};
	int result;

	memset(loop, 0, sizeof(*loop));
	loop->config = config;
	cbd_clock_system_init(&loop->clocks, &options);
	loop->start_ns = now_ns(loop);
	/* First what only judges options: a daemon that cannot run leaves no files. */
	result = cbd_chrony_init(&loop->chrony, config->chrony_socket, config->runtime_dir,
				 &loop->clocks.clock);
	if (result != 0) {
		cbd_log(CBD_LOG_ERROR, "chrony_failed", "%s", loop->chrony.text);
		return result;
	}
	result = cbd_loop_phc_open(loop);
	if (result == 0) {
		result = open_files(loop);
		if (result != 0) {
			cbd_loop_phc_close(loop);
		}
	}
	if (result != 0) {
		cbd_chrony_close(&loop->chrony);
		return result;
	}
	result = open_events(loop);
	if (result != 0) {
		cbd_chrony_close(&loop->chrony);
		cbd_loop_phc_close(loop);
		close_files(loop);
		return result;
	}
	start_core(loop);
	cbd_notify_open(&loop->notify);
	cbd_schedule_init(&loop->schedule, config->poll_interval_ns, now_ns(loop));
	cbd_loop_tell_start(loop);
	cbd_loop_vm_look(loop); /* a page from before a migration is void at once */
	return 0;
}

void cbd_loop_close(struct cbd_loop *loop)
{
	cbd_notify_close(&loop->notify);
	close(loop->signal_fd);
	close(loop->timer_fd);
	close(loop->epoll_fd);
	cbd_chrony_close(&loop->chrony);
	cbd_loop_phc_close(loop);
	close_files(loop);
}
