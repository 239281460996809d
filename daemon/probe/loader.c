/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See bpf.h. Programs are attached return first, entry second: what is marked is settled, whenever the daemon may
 * be killed in between.
 */
#include "daemon/probe/bpf.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <clockbound/seq.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "daemon/probe/bpf_calls.h"
#include "daemon/probe/bpf_page.h"
#include "page.skel.h"
#include "update.skel.h"

#define LINKS_MAX 9

/* Linux 5.10 counts locked memory: ring, maps and programs. Later kernels do not look. */
#define MEMLOCK_BYTES (8u << 20)

/* A tick comes every 1 to 10 ms while a processor runs; under emulation much later. */
#define PROOF_NS INT64_C(500000000)

/* Records taken at a time, the rest in the next round of the loop: whoever floods the ring may fill it faster than it is
 * emptied, and then the daemon would do nothing else. */
#define DRAIN_MAX 1024

struct cbd_bpf {
	struct cbd_bpf_page page;
	struct cbd_bpf_options options;
	struct cb_page *control;
	struct cb_update *update; /* attached, or NULL */
	struct cb_calls *calls;	  /* the same */
	struct ring_buffer *ring;
	struct bpf_link *link[LINKS_MAX];
	uint32_t links;
	uint64_t heartbeat; /* at the last cbd_bpf_is_firing() */
	uint64_t misses;    /* at the last cbd_bpf_has_missed() */
	uint32_t taken;	    /* records in this cbd_bpf_drain() */
	void (*take)(void *context, const struct clockbound_event *event);
	void *context;
};

/* libbpf's last words, for a message of ours. */
static char last_words[160];

static int hear(enum libbpf_print_level level, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static int hear(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char words[sizeof(last_words)];

	if (level == LIBBPF_WARN && last_words[0] == '\0' && strstr(format, "BTF") == NULL) {
		vsnprintf(words, sizeof(words), format, arguments);
		words[strcspn(words, "\n")] = '\0';
		memcpy(last_words, words, sizeof(words));
	}
	return 0;
}

static void fail(char *why, const char *what, int error)
{
	snprintf(why, CBD_BPF_WHY, "%s: %s%s%s%s", what, strerror(error), last_words[0] != '\0' ? " (" : "",
		 last_words, last_words[0] != '\0' ? ")" : "");
}

static void raise_memlock(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < MEMLOCK_BYTES) {
		limit.rlim_cur = MEMLOCK_BYTES;
		limit.rlim_max = limit.rlim_max < MEMLOCK_BYTES ? MEMLOCK_BYTES : limit.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &limit); /* without the right it stays: loading then says so */
	}
}

static int on_record(void *context, void *data, size_t size)
{
	struct cbd_bpf *bpf = context;
	const struct clockbound_event *event = data;

	if (size >= sizeof(*event) && event->version == CLOCKBOUND_EVENT_VERSION &&
	    event->size == sizeof(*event)) {
		bpf->take(bpf->context, event);
	}
	return ++bpf->taken < DRAIN_MAX ? 0 : -EAGAIN; /* this one is taken all the same */
}

/* One page of ours for all objects. */
static int share_page(struct cbd_bpf *bpf, struct bpf_map *page, struct bpf_map *events)
{
	int result = bpf_map__reuse_fd(page, bpf->page.fd);

	if (result == 0 && events != NULL && bpf->options.ring_size != 0) {
		result = bpf_map__set_max_entries(events, bpf->options.ring_size);
	}
	return result;
}

int cbd_bpf_control(const struct cbd_bpf *bpf, uint64_t what)
{
	struct bpf_test_run_opts run = {.sz = sizeof(run), .ctx_in = &what, .ctx_size_in = sizeof(what)};
	int result = bpf_prog_test_run_opts(bpf_program__fd(bpf->control->progs.control), &run);

	return result < 0 ? result : (int)run.retval;
}

static int load_control(struct cbd_bpf *bpf, char *why)
{
	int result;

	bpf->control = cb_page__open();
	if (bpf->control == NULL) {
		result = -errno;
	} else {
		result = share_page(bpf, bpf->control->maps.kernel_page, NULL);
		if (result == 0) {
			result = cb_page__load(bpf->control);
		}
		if (result == 0) {
			uint64_t bump = bpf->page.is_reused ? CB_CONTROL_BUMP_CLOCK : 0;

			/* A pinned page has slept: what happened to the clock meanwhile nobody has seen. */
			result = cbd_bpf_control(bpf, CB_CONTROL_START | bump);
		}
	}
	if (result != 0) {
		fail(why, "cannot run an eBPF program", -result);
	}
	return result;
}

int cbd_bpf_open(struct cbd_bpf **bpf_out, const struct cbd_bpf_options *options, char why[CBD_BPF_WHY])
{
	struct cbd_bpf *bpf = calloc(1, sizeof(*bpf));
	int result;

	if (bpf == NULL) {
		snprintf(why, CBD_BPF_WHY, "out of memory");
		return -ENOMEM;
	}
	libbpf_set_print(hear);
	last_words[0] = '\0';
	raise_memlock();
	bpf->options = *options;
	result = cbd_bpf_page_open(&bpf->page, options, why);
	if (result != 0) {
		free(bpf);
		return result;
	}
	result = load_control(bpf, why);
	if (result != 0) {
		cbd_bpf_close(bpf);
		return result;
	}
	*bpf_out = bpf;
	return 0;
}

void cbd_bpf_close(struct cbd_bpf *bpf)
{
	if (bpf == NULL) {
		return;
	}
	cbd_bpf_detach(bpf);
	cb_page__destroy(bpf->control);
	cbd_bpf_page_close(&bpf->page);
	free(bpf);
}

const struct clockbound_kernel_page *cbd_bpf_page(const struct cbd_bpf *bpf)
{
	return bpf->page.page;
}

bool cbd_bpf_is_reused(const struct cbd_bpf *bpf)
{
	return bpf->page.is_reused;
}

int cbd_bpf_map_fd(const struct cbd_bpf *bpf)
{
	return bpf->page.fd;
}

void cbd_bpf_detach(struct cbd_bpf *bpf)
{
	while (bpf->links > 0) {
		bpf_link__destroy(bpf->link[--bpf->links]);
	}
	ring_buffer__free(bpf->ring);
	bpf->ring = NULL;
	cb_update__destroy(bpf->update);
	bpf->update = NULL;
	cb_calls__destroy(bpf->calls);
	bpf->calls = NULL;
}

static int attach_one(struct cbd_bpf *bpf, const struct bpf_program *program)
{
	struct bpf_link *link = bpf_program__attach(program);

	if (link == NULL) {
		return -errno;
	}
	bpf->link[bpf->links++] = link;
	return 0;
}

static int open_ring(struct cbd_bpf *bpf, const struct bpf_map *events)
{
	bpf->ring = ring_buffer__new(bpf_map__fd(events), on_record, bpf, NULL);
	return bpf->ring == NULL ? -errno : 0;
}

/* --- update_vsyscall --- */

/* @has_authors: with the programs that only say who it was; @has_resumed: with the one that voids the counter. */
static int load_update(struct cbd_bpf *bpf, bool has_authors, bool has_resumed)
{
	int result;

	bpf->update = cb_update__open();
	if (bpf->update == NULL) {
		return -errno;
	}
	if (!has_authors) {
		bpf_program__set_autoload(bpf->update->progs.adjtimex_entered, false);
		bpf_program__set_autoload(bpf->update->progs.adjtimex_returned, false);
		bpf_program__set_autoload(bpf->update->progs.settime_entered, false);
		bpf_program__set_autoload(bpf->update->progs.settime_returned, false);
	}
	if (!has_resumed) {
		bpf_program__set_autoload(bpf->update->progs.resumed, false);
	}
	result = share_page(bpf, bpf->update->maps.kernel_page, bpf->update->maps.events);
	if (result == 0) {
		result = cb_update__load(bpf->update);
	}
	if (result != 0) {
		cb_update__destroy(bpf->update);
		bpf->update = NULL;
	}
	return result;
}

/* The entry, whose record the return sends: never alone. */
static bool attach_pair(struct cbd_bpf *bpf, const struct bpf_program *returned,
			const struct bpf_program *entered)
{
	return attach_one(bpf, returned) == 0 && attach_one(bpf, entered) == 0;
}

/* Runs until the tick has come by; it comes while a processor runs. */
static bool update_fires(struct cbd_bpf *bpf)
{
	int64_t end_ns = cbd_clock_mono_ns(bpf->options.clock) + PROOF_NS;
	uint64_t before = clockbound_priv_kernel_load(&bpf->page.page->heartbeat);

	while (cbd_clock_mono_ns(bpf->options.clock) < end_ns) {
		if (clockbound_priv_kernel_load(&bpf->page.page->heartbeat) != before &&
		    clockbound_priv_kernel_load(&bpf->page.page->is_seeded) != 0) {
			return true;
		}
		sched_yield();
	}
	return false;
}

/* The programs besides those on update_vsyscall(); @why says what is missed without. */
static void attach_others(struct cbd_bpf *bpf, bool has_authors, bool has_resumed, char *why)
{
	/* First and apart: it moves an epoch, and the others only name authors. */
	if (!has_resumed || attach_one(bpf, bpf->update->progs.resumed) != 0) {
		fail(why, "fentry: a sleep will be noticed by the next poll only", errno);
	}
	if (!has_authors ||
	    !attach_pair(bpf, bpf->update->progs.adjtimex_returned, bpf->update->progs.adjtimex_entered) ||
	    !attach_pair(bpf, bpf->update->progs.settime_returned, bpf->update->progs.settime_entered)) {
		if (why[0] == '\0') {
			fail(why, "fentry: not every author of a change will be known", errno);
		}
	}
}

static int attach_update(struct cbd_bpf *bpf, char *why)
{
	bool has_authors = true;
	bool has_resumed = true;
	int result = load_update(bpf, has_authors, has_resumed);

	if (result != 0) {
		has_authors = false;
		result = load_update(bpf, has_authors, has_resumed);
	}
	if (result != 0) {
		has_resumed = false;
		result = load_update(bpf, has_authors, has_resumed);
	}
	if (result != 0) {
		fail(why, "fentry: cannot load the programs", -result);
		return result;
	}
	result = open_ring(bpf, bpf->update->maps.events);
	if (result == 0) {
		result = attach_one(bpf, bpf->update->progs.update_returned);
	}
	if (result == 0) {
		result = attach_one(bpf, bpf->update->progs.update_entered);
	}
	if (result != 0) {
		fail(why, "fentry: cannot attach to update_vsyscall", -result);
		return result;
	}
	if (!update_fires(bpf)) {
		snprintf(why, CBD_BPF_WHY, "fentry: attached to update_vsyscall, which does not fire");
		return -ENODATA;
	}
	attach_others(bpf, has_authors, has_resumed, why);
	return 0;
}

/* --- system calls --- */

static int load_calls(struct cbd_bpf *bpf)
{
	int result;

	bpf->calls = cb_calls__open();
	if (bpf->calls == NULL) {
		return -errno;
	}
	bpf->calls->bss->freq = bpf->options.freq;
	bpf->calls->data->tick = bpf->options.tick_us;
	result = share_page(bpf, bpf->calls->maps.kernel_page, bpf->calls->maps.events);
	return result == 0 ? cb_calls__load(bpf->calls) : result;
}

bool cbd_bpf_has_missed(struct cbd_bpf *bpf)
{
	uint64_t misses;
	bool has_missed;

	if (bpf->calls == NULL) {
		return false;
	}
	misses = cbd_bpf_calls_misses(bpf->calls);
	has_missed = misses != bpf->misses;
	bpf->misses = misses;
	if (clockbound_priv_kernel_load(&bpf->page.page->in_flight) != 0) {
		/* Perhaps of a call whose return was skipped, and takes nothing back. One in earnest marks on its return. */
		return has_missed && cbd_bpf_control(bpf, CB_CONTROL_LAND) == 0;
	}
	return !cbd_bpf_calls_have_rate(bpf->calls, bpf->page.page) || has_missed;
}

static int attach_calls(struct cbd_bpf *bpf, char *why)
{
	int result = load_calls(bpf);
	struct bpf_program *program = NULL;
	const char *silent;
	int pass;

	if (result != 0) {
		fail(why, "tracepoint: cannot load the programs", -result);
		return result;
	}
	result = open_ring(bpf, bpf->calls->maps.events);
	for (pass = 0; pass < 2 && result == 0; pass++) {
		const char *kind = pass == 0 ? "leave_" : "enter_";

		bpf_object__for_each_program(program, bpf->calls->obj)
		{
			if (result == 0 && strncmp(bpf_program__name(program), kind, 6) == 0) {
				result = attach_one(bpf, program);
			}
		}
	}
	if (result != 0) {
		fail(why, "tracepoint: cannot attach to the system calls", -result);
		return result;
	}
	silent = cbd_bpf_calls_silent(bpf->calls);
	bpf->misses = 0;
	if (silent != NULL) {
		snprintf(why, CBD_BPF_WHY, "tracepoint: attached to %s, which does not fire", silent);
		return -ENODATA;
	}
	return 0;
}

int cbd_bpf_attach(struct cbd_bpf *bpf, uint32_t rung, char why[CBD_BPF_WHY])
{
	int result;

	why[0] = '\0';
	last_words[0] = '\0';
	result = rung == CLOCKBOUND_RUNG_FENTRY ? attach_update(bpf, why) : attach_calls(bpf, why);
	if (result != 0) {
		cbd_bpf_detach(bpf);
		cbd_bpf_control(bpf, CB_CONTROL_START);
	}
	bpf->heartbeat = clockbound_priv_kernel_load(&bpf->page.page->heartbeat);
	malloc_trim(0); /* libbpf has read the kernel's types, some MiB, and keeps none of them */
	return result;
}

int cbd_bpf_ring_fd(const struct cbd_bpf *bpf)
{
	return bpf->ring == NULL ? -1 : ring_buffer__epoll_fd(bpf->ring);
}

void cbd_bpf_drain(struct cbd_bpf *bpf, void (*take)(void *context, const struct clockbound_event *event),
		   void *context)
{
	bpf->take = take;
	bpf->context = context;
	bpf->taken = 0;
	if (bpf->ring != NULL) {
		ring_buffer__consume(bpf->ring);
	}
}

bool cbd_bpf_is_firing(struct cbd_bpf *bpf)
{
	uint64_t heartbeat;

	if (bpf->calls != NULL) {
		return cbd_bpf_calls_silent(bpf->calls) == NULL ||
		       cbd_bpf_calls_misses(bpf->calls) != bpf->misses;
	}
	heartbeat = clockbound_priv_kernel_load(&bpf->page.page->heartbeat);
	if (heartbeat == bpf->heartbeat) {
		return bpf->update != NULL && update_fires(bpf);
	}
	bpf->heartbeat = heartbeat;
	return true;
}
