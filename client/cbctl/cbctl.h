/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of cbctl share. Layer: uapi and the client's public headers; never the daemon's. Each verb
 * fills one struct and renders it as text or JSON; nothing here decides whether a bound is valid, the library
 * does.
 */
#ifndef CBC_CBCTL_H
#define CBC_CBCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include <clockbound.h>
#include <clockbound/control.h>
#include <clockbound/fast.h>

#define CBC_DEFAULT_DIR "/run/clockbound"

/* Exit codes. waitsync has upstream's: 0 synchronised, 1 timeout, 2 error. */
#define CBC_EXIT_FINE	     0
#define CBC_EXIT_NOT_TRUSTED 1 /* answered, and the answer is not to be trusted */
#define CBC_EXIT_USAGE	     2
#define CBC_EXIT_NONE	     3 /* no daemon, page or segment */

#define CBC_NS_PER_S INT64_C(1000000000)

#define CBC_DIRECTORY_MAX 480 /* as source.c cuts it */
#define CBC_PATH_MAX	  512 /* a directory and the name of a file in it */
#define CBC_DETAIL_MAX	  768 /* a path and a sentence */
#define CBC_TEXT_MAX	  64  /* a time, a duration, a number with its unit */

struct cbc_options {
	const char *runtime_dir;
	bool is_json;
	bool is_following;   /* --follow */
	int64_t interval_ns; /* --interval; 0: the verb's own */
	uint64_t count;	     /* --count; 0: no end */
	int64_t timeout_ns;  /* --timeout-seconds; negative: no limit */
	int64_t seconds_ns;  /* --seconds; 0: the verb's own */
	const char *word;    /* what stands behind the verb; NULL: nothing */
};

/* One interval, whatever it was read from. */
struct cbc_reading {
	clockbound_interval interval; /* INT64_MIN, INT64_MAX: that end is unbounded */
	char path[CBC_PATH_MAX];
};

/* An open page, or one of upstream's segments. */
struct cbc_source {
	clockbound_fast *fast; /* our page, or NULL */
	clockbound_ctx *ctx;   /* a segment, or NULL */
	char path[CBC_PATH_MAX];
	dev_t device; /* of the file, as it was found; and the next */
	ino_t inode;
};

enum cbc_open_result {
	CBC_OPEN_OK,
	CBC_OPEN_NONE, /* nothing there, or not written yet: a daemon may still come */
	CBC_OPEN_BAD,  /* something is there that cannot be read */
};

/*
 * cbc_source_open - the first of DIR/page, DIR/shm0 and DIR/shm that is fed, as the library takes it
 * Dead is what is void, retired or says UNKNOWN as a segment: it is taken if there is nothing better. A file that is
 * damaged is an error, unless a dead one stands before it. On failure @detail says what and where, and @source is closed.
 */
enum cbc_open_result cbc_source_open(struct cbc_source *source, const char *directory,
				     char detail[CBC_DETAIL_MAX]);
void cbc_source_close(struct cbc_source *source);

/* cbc_source_open_page - the same for what only the page has: a page is taken even if it is dead */
enum cbc_open_result cbc_source_open_page(struct cbc_source *source, const char *directory,
					  char detail[CBC_DETAIL_MAX]);

/* cbc_source_is_replaced - another file, or none, is where it was found */
bool cbc_source_is_replaced(const struct cbc_source *source);

/*
 * cbc_source_read - one interval
 * Returns false with @detail if a segment cannot be read now; a page always answers, with reasons.
 */
bool cbc_source_read(const struct cbc_source *source, struct cbc_reading *reading,
		     char detail[CBC_DETAIL_MAX]);

/* cbc_source_open_or_complain - cbc_source_open(), or for a verb that @needs_page the other one, with the message told
 * by cbc_complain(); false if there is nothing to read */
bool cbc_source_open_or_complain(struct cbc_source *source, const struct cbc_options *options,
				 bool needs_page);

/* What a page says besides the interval: one slot, whole, and the interval made from it. */
struct cbc_page {
	struct clockbound_identity identity;
	struct clockbound_epochs epochs;
	uint64_t publications;
	struct clockbound_hot hot;
	struct clockbound_clock clock;
	struct clockbound_terms terms;
	clockbound_interval interval; /* at `counter`, or from the clock where there are no lines */
	uint64_t counter;
	int64_t mono_ns;
	int64_t real_ns;
};

/* cbc_page_take - false if the page changes too fast to be read */
bool cbc_page_take(const clockbound_fast *fast, struct cbc_page *page);

/*
 * cbc_daemon_ask - the daemon's own account, over DIR/clockbound.sock
 * Returns false with a sentence in @detail. Waits a second at most.
 */
bool cbc_daemon_ask(const char *directory, struct clockbound_control_status *status,
		    char detail[CBC_DETAIL_MAX]);

/* cbc_daemon_events - the same for the oldest events kept whose number is above @after, one reply full of them */
bool cbc_daemon_events(const char *directory, uint64_t after, struct clockbound_control_events *events,
		       char detail[CBC_DETAIL_MAX]);

/* cbc_daemon_vmclock - the same for what it says of VMClock and of what is injected */
bool cbc_daemon_vmclock(const char *directory, struct clockbound_control_vmclock *vmclock,
			char detail[CBC_DETAIL_MAX]);

/* cbc_daemon_inject - asks it to inject @kind (CLOCKBOUND_INJECT_*) for @for_ms; false with @detail if it does not */
bool cbc_daemon_inject(const char *directory, uint32_t kind, uint32_t for_ms, char detail[CBC_DETAIL_MAX]);

/* format.c: text for people; each returns @text */
const char *cbc_format_time(int64_t ns, char text[CBC_TEXT_MAX]);	/* RFC 3339, UTC, nanoseconds */
const char *cbc_format_duration(int64_t ns, char text[CBC_TEXT_MAX]);	/* "12.345 us", rounded up */
const char *cbc_format_reference(uint32_t id, char text[CBC_TEXT_MAX]); /* "7F7F0101 (127.127.1.1)" */
const char *cbc_source_name(uint32_t source);				/* "counter", "clock" */
/* cbc_half_ns - half of the width, rounded up; INT64_MAX: unbounded */
int64_t cbc_half_ns(const clockbound_interval *interval);
/* cbc_is_bounded - both ends mean something: neither is unbounded, nor their distance saturated */
bool cbc_is_bounded(const clockbound_interval *interval);
int64_t cbc_clock_ns(int clock);
/* cbc_sleep_until - CLOCK_MONOTONIC; returns early, with false, on a signal */
bool cbc_sleep_until(int64_t mono_ns);

/* render.c */
/* cbc_print_reasons - "  REASON  sentence" for each, to stdout */
void cbc_print_reasons(uint32_t status);
/* cbc_reason_list - "STEP,FALLBACK", or "-" */
const char *cbc_reason_list(uint32_t status, char *text, size_t room);
void cbc_print_reading(const struct cbc_reading *reading);
/* cbc_json_reading - earliest_ns, latest_ns, status, valid, reasons, source, width_ns, path */
json_t *cbc_json_reading(const struct cbc_reading *reading);
/* cbc_json_ns - a number, or null for an unbounded end */
json_t *cbc_json_ns(int64_t ns);
/* cbc_json_print - takes @object; one line if @is_line. Returns false if it cannot be written. */
bool cbc_json_print(json_t *object, bool is_line);
/* cbc_complain - why there is no answer: to stderr, or with --json as {"error": ...} to stdout; returns cbc_finish(@code) */
int cbc_complain(const struct cbc_options *options, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* cbc_finish - flushes stdout: @code, or CBC_EXIT_NOT_TRUSTED with a message if it cannot be written */
int cbc_finish(int code);

/* Exit code of what was read. */
static inline int cbc_exit_code(const clockbound_interval *interval)
{
	return clockbound_is_valid(interval) ? CBC_EXIT_FINE : CBC_EXIT_NOT_TRUSTED;
}

/* Verbs: each returns an exit code. */
int cbc_cmd_now(const struct cbc_options *options);
int cbc_cmd_status(const struct cbc_options *options);
int cbc_cmd_metrics(const struct cbc_options *options);
int cbc_cmd_explain(const struct cbc_options *options);
int cbc_cmd_events(const struct cbc_options *options);
int cbc_cmd_watch(const struct cbc_options *options);
int cbc_cmd_waitsync(const struct cbc_options *options);
int cbc_cmd_wait(const struct cbc_options *options);
int cbc_cmd_inject(const struct cbc_options *options);

/* What `status` shows. */
struct cbc_status {
	struct cbc_reading reading;
	bool has_reading; /* a page or a segment was read */
	bool has_page;	  /* it is a page: `page` is filled */
	struct cbc_page page;
	bool has_daemon; /* the daemon answered: `daemon` is filled */
	struct clockbound_control_status daemon;
	bool has_vmclock; /* it told of VMClock too: `vmclock` is filled */
	struct clockbound_control_vmclock vmclock;
	char page_detail[CBC_DETAIL_MAX];   /* why there is no reading */
	char daemon_detail[CBC_DETAIL_MAX]; /* why the daemon did not answer */
};
/* cbc_status_gather - what the page and the daemon in @directory say; either may be missing */
void cbc_status_gather(struct cbc_status *status, const char *directory);
void cbc_print_status(const struct cbc_status *status);
json_t *cbc_json_status(const struct cbc_status *status);
const char *cbc_rule_name(uint32_t rule); /* "sample", "tracking", "none" */
const char *cbc_rule_text(uint32_t rule);
const char *cbc_rung_name(uint32_t rung); /* "fentry"; "unknown" for what this cbctl does not know */
/* cbc_page_left_ns - until @units of 2^16 ticks after base, or until @mono_ns where there are no lines */
int64_t cbc_page_left_ns(const struct cbc_page *page, uint32_t units, int64_t mono_ns);

/*
 * metrics.c: a list of families, each with name, type, help and samples, each of these with labels and value. For
 * people and JSON alike; the text is that of Prometheus (exposition format 0.0.4).
 */
json_t *cbc_json_metrics(const struct cbc_status *status);
void cbc_print_metrics(const json_t *all);

/* render_vmclock.c */
void cbc_print_vmclock(const struct clockbound_control_vmclock *vmclock);
json_t *cbc_json_vmclock(const struct clockbound_control_vmclock *vmclock);
const char *cbc_inject_name(uint32_t kind); /* "step"; NULL for what is none */

/* render_event.c: @when_ns is true time as the daemon's page tells it, INT64_MIN if nothing does */
void cbc_print_event(const struct clockbound_event *event, int64_t when_ns);
json_t *cbc_json_event(const struct clockbound_event *event, int64_t when_ns);

/* What `watch` shows on a terminal: the last minute. */
#define CBC_HISTORY 60
struct cbc_screen {
	int64_t half_ns[CBC_HISTORY]; /* a ring; negative: not valid */
	size_t count;
	bool is_utf8;
};
void cbc_screen_begin(struct cbc_screen *screen);
void cbc_screen_draw(struct cbc_screen *screen, const struct cbc_reading *reading, int64_t interval_ns);
void cbc_screen_end(void);

/* usage.c: the help texts */
#define CBC_TAKES_INTERVAL (1u << 0)
#define CBC_TAKES_COUNT	   (1u << 1)
#define CBC_TAKES_TIMEOUT  (1u << 2)
#define CBC_TAKES_FOLLOW   (1u << 3)
#define CBC_TAKES_SECONDS  (1u << 4)
#define CBC_TAKES_WORD	   (1u << 5)
struct cbc_verb {
	const char *name;
	int (*run)(const struct cbc_options *options);
	uint32_t takes; /* CBC_TAKES_* */
	const char *help;
};
extern const struct cbc_verb cbc_verbs[]; /* ends with a NULL name */
extern const char cbc_help[];

#endif
