/* SPDX-License-Identifier: Apache-2.0 */
/* See events.h. */
#include "daemon/probe/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/timex.h>

#include "daemon/log.h"

#define NS_PER_SEC INT64_C(1000000000)

bool cbd_events_judge(struct clockbound_event *event)
{
	/* -EFAULT: only the answer could not be written, where there is one. */
	bool may_have_changed =
		event->result >= 0 || (event->result == -EFAULT && event->call == CLOCKBOUND_CALL_ADJTIMEX);
	bool is_unread = event->call == CLOCKBOUND_CALL_ADJTIMEX && event->modes == 0;

	if (event->what != CLOCKBOUND_EVENT_CALL || !may_have_changed) {
		return false;
	}
	if (event->call == CLOCKBOUND_CALL_SETTIME || is_unread) {
		event->what = CLOCKBOUND_EVENT_STEP;
		return true;
	}
	if ((event->modes & ADJ_SETOFFSET) != 0) {
		event->what = CLOCKBOUND_EVENT_STEP;
		event->step_ns = event->value;
		return false;
	}
	if (event->rate_before_q58 != event->rate_after_q58 || (event->modes & ADJ_OFFSET) != 0) {
		event->what = CLOCKBOUND_EVENT_RATE;
	}
	return false;
}

bool cbd_events_is_asked_for(const struct clockbound_event *event)
{
	return event->call == CLOCKBOUND_CALL_SETTIME ? event->value != 0 : event->modes != 0;
}

void cbd_events_judge_size(struct clockbound_event *event)
{
	int64_t size_ns = event->step_ns < 0 ? -event->step_ns : event->step_ns;

	if (!cbd_events_is_asked_for(event) && event->uncertainty_ns != 0 &&
	    size_ns <= event->uncertainty_ns) {
		event->what = CLOCKBOUND_EVENT_CALL;
		event->step_ns = 0;
		event->uncertainty_ns = 0;
	}
}

bool cbd_events_is_step(const struct clockbound_event *event)
{
	return event->what == CLOCKBOUND_EVENT_STEP || event->what == CLOCKBOUND_EVENT_CANCELLED ||
	       event->what == CLOCKBOUND_EVENT_POLL || event->what == CLOCKBOUND_EVENT_RESUME;
}

static const char *name_of(const struct clockbound_event *event)
{
	switch (event->what) {
	case CLOCKBOUND_EVENT_RESUME:
		return "the machine woke up";
	case CLOCKBOUND_EVENT_CLOCKSOURCE:
		return "the kernel changed its clocksource";
	default:
		return "the clock was stepped";
	}
}

static void log_rate(const struct clockbound_event *event)
{
	cbd_log(CBD_LOG_DEBUG, "clock_rate", "%s (pid %u) %s, from %+.3f to %+.3f ppm",
		event->pid != 0 ? event->comm : "the kernel", event->pid,
		event->what == CLOCKBOUND_EVENT_RATE ? "changed the clock's rate" : "asked for a change",
		(double)event->rate_before_q58 * 0x1p-58 * 1e6,
		(double)event->rate_after_q58 * 0x1p-58 * 1e6);
}

static void log_step(const struct clockbound_event *event)
{
	char author[96] = "";
	char size[64] = "";

	if (event->pid != 0) {
		snprintf(author, sizeof(author), " by %.15s (pid %u, uid %u)", event->comm, event->pid,
			 event->uid);
	}
	if (cbd_events_is_step(event)) {
		snprintf(size, sizeof(size), ": %+" PRId64 " ns", event->step_ns);
	}
	cbd_log(CBD_LOG_NOTICE, "clock_stepped", "%s%s%s", name_of(event), author, size);
}

void cbd_events_log(struct cbd_events_told *told, const struct clockbound_event *event, int64_t now_ns)
{
	if (event->what == CLOCKBOUND_EVENT_CALL || event->what == CLOCKBOUND_EVENT_RATE) {
		log_rate(event);
		return;
	}
	if (now_ns - told->since_ns >= NS_PER_SEC || now_ns < told->since_ns) {
		told->since_ns = now_ns;
		told->lines = 0;
	}
	if (told->lines >= CBD_EVENTS_LINES) {
		told->untold++;
		return;
	}
	told->lines++;
	if (told->untold != 0) {
		cbd_log(CBD_LOG_NOTICE, "events_untold",
			"%" PRIu64 " more changes of the clock came too fast to be told of here",
			told->untold);
		told->untold = 0;
	}
	log_step(event);
}
