/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One change of the clock as a line of text and as JSON.
 */
#include "cbctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LIST_MAX 256

/* Bits of struct timex.modes, as in <linux/timex.h>. */
#define ADJ_OFFSET     0x0001u
#define ADJ_FREQUENCY  0x0002u
#define ADJ_SETOFFSET  0x0100u
#define ADJ_TICK       0x4000u
#define ADJ_SINGLESHOT 0x8000u

static const struct {
	uint32_t bit;
	const char *name;
} modes[] = {
	{ADJ_OFFSET, "OFFSET"}, {ADJ_FREQUENCY, "FREQUENCY"}, {0x0004u, "MAXERROR"},
	{0x0008u, "ESTERROR"},	{0x0010u, "STATUS"},	      {0x0020u, "TIMECONST"},
	{0x0080u, "TAI"},	{ADJ_SETOFFSET, "SETOFFSET"}, {0x1000u, "MICRO"},
	{0x2000u, "NANO"},	{ADJ_TICK, "TICK"},	      {ADJ_SINGLESHOT, "SINGLESHOT"},
};

static const char *what_name(uint32_t what)
{
	static const char *const names[] = {"unknown", "step",	"rate", "clocksource", "resume",
					    "call",    "timer", "poll", "migrated",    "warning"};

	return what < sizeof(names) / sizeof(names[0]) ? names[what] : names[0];
}

static const char *call_name(const struct clockbound_event *event)
{
	static const char *const names[] = {"none", "adjtimex", "clock_settime"};

	return event->call < sizeof(names) / sizeof(names[0]) ? names[event->call] : "unknown";
}

static double ppm(int64_t rate_q58)
{
	return (double)rate_q58 / (double)(UINT64_C(1) << CLOCKBOUND_RATE_SHIFT) * 1e6;
}

/* A program may call itself anything. */
static const char *program_name(const struct clockbound_event *event, char text[CLOCKBOUND_EVENT_COMM])
{
	size_t i;

	(void)snprintf(text, CLOCKBOUND_EVENT_COMM, "%.*s", CLOCKBOUND_EVENT_COMM - 1, event->comm);
	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] < ' ' || text[i] > '~') {
			text[i] = '?';
		}
	}
	return text;
}

/* "FREQUENCY|TICK"; bits without a name in hexadecimal. */
static const char *mode_list(uint32_t bits, char text[LIST_MAX])
{
	size_t length = 0;
	size_t i;

	text[0] = '\0';
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if ((bits & modes[i].bit) != 0) {
			length += (size_t)snprintf(text + length, LIST_MAX - length, "%s%s",
						   length > 0 ? "|" : "", modes[i].name);
			bits &= ~modes[i].bit;
		}
	}
	if (bits != 0 || length == 0) {
		(void)snprintf(text + length, LIST_MAX - length, "%s0x%" PRIx32, length > 0 ? "|" : "", bits);
	}
	return text;
}

/* What was asked for, in the unit that the call's modes give it. */
static const char *value_text(const struct clockbound_event *event, char text[CBC_TEXT_MAX])
{
	if (event->call == CLOCKBOUND_CALL_SETTIME) {
		return cbc_format_time(event->value, text);
	}
	if ((event->modes & (ADJ_SETOFFSET | ADJ_OFFSET)) != 0) {
		(void)snprintf(text, CBC_TEXT_MAX, "%+.9f s", (double)event->value / (double)CBC_NS_PER_S);
	} else if ((event->modes & ADJ_FREQUENCY) != 0) {
		(void)snprintf(text, CBC_TEXT_MAX, "%+.6f ppm", (double)event->value / 65536.0);
	} else if ((event->modes & ADJ_TICK) != 0) {
		(void)snprintf(text, CBC_TEXT_MAX, "%" PRId64 " us", event->value);
	} else {
		text[0] = '\0';
	}
	return text;
}

/* Exactly: a double has not enough digits for a long step in ns. */
static void print_step(const struct clockbound_event *event)
{
	uint64_t size = event->step_ns < 0 ? 0 - (uint64_t)event->step_ns : (uint64_t)event->step_ns;
	char text[CBC_TEXT_MAX];

	if (event->step_ns == 0) {
		printf("step of unknown size");
		return;
	}
	printf("step %c%" PRIu64 ".%09" PRIu64 " s", event->step_ns < 0 ? '-' : '+',
	       size / (uint64_t)CBC_NS_PER_S, size % (uint64_t)CBC_NS_PER_S);
	if (event->uncertainty_ns != 0) {
		printf(" (+/- %s)", cbc_format_duration((int64_t)event->uncertainty_ns, text));
	}
}

static void print_warning(int64_t flags)
{
	if (flags == 0) {
		printf("the hypervisor warns no more");
		return;
	}
	printf("the hypervisor will move or restore this machine within about %s",
	       (flags & CLOCKBOUND_VM_DISRUPTION_IMMINENT) != 0 ? "an hour" : "a day");
}

static void print_what(const struct clockbound_event *event)
{
	switch (event->what) {
	case CLOCKBOUND_EVENT_STEP:
		print_step(event);
		break;
	case CLOCKBOUND_EVENT_RATE:
		printf("rate %+.6f -> %+.6f ppm", ppm(event->rate_before_q58), ppm(event->rate_after_q58));
		break;
	case CLOCKBOUND_EVENT_CLOCKSOURCE:
		printf("the kernel changed its clocksource");
		break;
	case CLOCKBOUND_EVENT_RESUME:
		printf("the machine woke up, ");
		print_step(event);
		break;
	case CLOCKBOUND_EVENT_CALL:
		printf("a call that may set the clock");
		break;
	case CLOCKBOUND_EVENT_CANCELLED:
		print_step(event);
		printf(", noticed by the timer");
		break;
	case CLOCKBOUND_EVENT_POLL:
		print_step(event);
		printf(", noticed by the poll only");
		break;
	case CLOCKBOUND_EVENT_MIGRATED:
		printf("this machine was moved or restored (VMClock's marker %" PRIu64 ")",
		       (uint64_t)event->value);
		break;
	case CLOCKBOUND_EVENT_WARNING:
		print_warning(event->value);
		break;
	default:
		printf("a change of a kind that this cbctl does not know (%" PRIu32 ")", event->what);
		break;
	}
}

static void print_call(const struct clockbound_event *event)
{
	char list[LIST_MAX];
	char value[CBC_TEXT_MAX];

	if (event->call == CLOCKBOUND_CALL_NONE) {
		return;
	}
	value_text(event, value);
	printf("  %s(", call_name(event));
	if (event->call == CLOCKBOUND_CALL_ADJTIMEX) {
		printf("%s%s", mode_list(event->modes, list), value[0] != '\0' ? ", " : "");
	}
	printf("%s) = ", value);
	if (event->result < 0) {
		printf("%" PRId32 " (%s)", event->result, strerror(-event->result));
	} else {
		printf("%" PRId32, event->result);
	}
}

void cbc_print_event(const struct clockbound_event *event, int64_t when_ns)
{
	char name[CLOCKBOUND_EVENT_COMM];
	char time[CBC_TEXT_MAX];

	if (when_ns != INT64_MIN) {
		printf("%s", cbc_format_time(when_ns, time));
	} else {
		printf("monotonic %" PRIu64 ".%09" PRIu64 " s", event->mono_ns / (uint64_t)CBC_NS_PER_S,
		       event->mono_ns % (uint64_t)CBC_NS_PER_S);
	}
	printf("  #%" PRIu64 "  ", event->number);
	print_what(event);
	if (event->pid != 0) {
		printf("  by %s (pid %" PRIu32 ", uid %" PRIu32 ")", program_name(event, name), event->pid,
		       event->uid);
	}
	print_call(event);
	printf("\n");
}

static json_t *json_modes(uint32_t bits)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if ((bits & modes[i].bit) != 0) {
			(void)json_array_append_new(list, json_string(modes[i].name));
		}
	}
	return list;
}

json_t *cbc_json_event(const struct clockbound_event *event, int64_t when_ns)
{
	char name[CLOCKBOUND_EVENT_COMM];
	char time[CBC_TEXT_MAX];
	json_t *object = json_pack(
		"{s:I, s:o, s:o, s:I, s:s, s:I, s:I, s:f, s:f, s:s, s:o, s:I, s:i, s:I, s:I}", "number",
		(json_int_t)event->number, "time",
		when_ns != INT64_MIN ? json_string(cbc_format_time(when_ns, time)) : json_null(), "time_ns",
		cbc_json_ns(when_ns), "mono_ns", (json_int_t)event->mono_ns, "what", what_name(event->what),
		"step_ns", (json_int_t)event->step_ns, "uncertainty_ns", (json_int_t)event->uncertainty_ns,
		"rate_before_ppm", ppm(event->rate_before_q58), "rate_after_ppm", ppm(event->rate_after_q58),
		"call", call_name(event), "modes", json_modes(event->modes), "value",
		(json_int_t)event->value, "result", (int)event->result, "clock_epoch",
		(json_int_t)event->clock_epoch, "rate_epoch", (json_int_t)event->rate_epoch);

	(void)json_object_set_new(object, "comm",
				  event->pid != 0 ? json_string(program_name(event, name)) : json_null());
	(void)json_object_set_new(object, "pid",
				  event->pid != 0 ? json_integer((json_int_t)event->pid) : json_null());
	(void)json_object_set_new(object, "uid",
				  event->pid != 0 ? json_integer((json_int_t)event->uid) : json_null());
	return object;
}
