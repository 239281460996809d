/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an open file is to the library: the mapping, its kind, and what is kept with it. Private to client/src;
 * the only header that several of its files share beside clocks.h. Nothing here is exported.
 */
#ifndef CLOCKBOUND_PRIV_CONTEXT_H
#define CLOCKBOUND_PRIV_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <clockbound.h>
#include <clockbound/control.h>
#include <clockbound/fast.h>
#include <clockbound/kernel_page.h>
#include <clockbound/shm.h>

/* What a file turned out to be, by its content. */
enum clockbound_priv_kind {
	CLOCKBOUND_PRIV_PAGE, /* ours */
	CLOCKBOUND_PRIV_SHM1, /* upstream's 1.x segment */
	CLOCKBOUND_PRIV_SHM2, /* upstream's 2.x segment */
};

/* A mapped file, read-only. */
struct clockbound_priv_file {
	enum clockbound_priv_kind kind;
	const void *map;
	size_t size; /* bytes mapped: what this kind needs, whatever longer the file is */
};

/* file.c - opens, recognises and maps @path; false and @err on failure, which may be NULL */
bool clockbound_priv_file_open(struct clockbound_priv_file *file, const char *path, clockbound_err *err);
void clockbound_priv_file_close(struct clockbound_priv_file *file);

/*
 * kernel.c - the kernel page that this handle has mapped, always at the same address once there is one, so that a
 * thread that is just about to read it never finds nothing there. All words are atomic.
 */
struct clockbound_priv_kernel {
	const struct clockbound_kernel_page *map; /* NULL: none was ever mapped */
	uint64_t id;				  /* of what is mapped; 0: what is mapped serves no more */
	uint64_t refused_id;   /* the one that was asked for in vain, and when to ask again */
	int64_t retry_mono_ns; /* CLOCK_MONOTONIC */
	int32_t busy_pid;      /* the process of which one thread is asking; 0: none */
	char socket_path[108]; /* empty: there cannot be one */
};

/* fast_open.c - makes @fast read @page and the epochs of its file */
void clockbound_priv_fast_init(clockbound_fast *fast, const struct clockbound_page *page);

/*
 * kernel.c - makes @fast read the page at @path, and the kernel page that it names if that can be had. Waits
 * 100 ms at most. @kernel stays with @fast until clockbound_priv_kernel_close().
 */
void clockbound_priv_kernel_open(clockbound_fast *fast, struct clockbound_priv_kernel *kernel,
				 const struct clockbound_page *page, const char *path);

/* kernel.c - unmaps; no thread may be reading */
void clockbound_priv_kernel_close(struct clockbound_priv_kernel *kernel);

/*
 * kernel.c - the kernel page that the page names now, or NULL: the file's epochs serve
 * Asks for it if it is another one than before, or lets the thread that is asking go on. Any number of threads;
 * async-signal-safe; errno stays.
 */
const struct clockbound_kernel_page *clockbound_priv_kernel_now(const clockbound_fast *fast);

/* kernel.c - the control socket beside the file @path; empty if that is too long a name for a socket */
void clockbound_priv_socket_beside(const char *path, char *socket_path, size_t size);

/* kernel_ask.c - the map of the page whose id is @id from the daemon at @socket_path, or -1; no longer than
 * @wait_ms. The descriptor is the caller's. */
int clockbound_priv_kernel_ask(const char *socket_path, uint64_t id, int wait_ms);

/* kernel_ask.c - the answer of the daemon at @socket_path to the request @what, @size bytes with its head; false if
 * there was none. @passed: the descriptor that came with it, the caller's, or -1. No longer than @wait_ms. */
bool clockbound_priv_ask(const char *socket_path, uint32_t what, struct clockbound_control_reply *answer,
			 size_t size, int *passed, int wait_ms);

/* kernel_ask.c - the VMClock that the daemon watches; the descriptor is the caller's, or -1, and @reason why */
int clockbound_priv_vmclock_ask(const char *socket_path, int wait_ms, char *reason, size_t size);

/* vmclock.c - a mapped VMClock page; map is NULL when there is none */
struct clockbound_priv_vmclock {
	const void *map;
};

/* vmclock.c - maps @path; false and @err on failure, which may be NULL */
bool clockbound_priv_vmclock_open(struct clockbound_priv_vmclock *vmclock, const char *path,
				  clockbound_err *err);
void clockbound_priv_vmclock_close(struct clockbound_priv_vmclock *vmclock);

/* vmclock.c - the same from a @descriptor, which @path names for people; it may be closed afterwards */
bool clockbound_priv_vmclock_map(struct clockbound_priv_vmclock *vmclock, int descriptor, const char *path,
				 clockbound_err *err);

/* vmclock.c - where the disruption marker stands; clockbound_priv_vm_marker() reads it */
const uint64_t *clockbound_priv_vmclock_word(const struct clockbound_priv_vmclock *vmclock);

/* watch.c - makes reads by @fast strict, with the VMClock of the daemon at @socket_path; false and @err if it has none */
bool clockbound_priv_watch_strictly(struct clockbound_priv_vmclock *vmclock, clockbound_fast *fast,
				    const char *socket_path, clockbound_err *err);

/*
 * watch.c - how a context comes by its VMClock. `fast.vm_marker` says where to look, is set once, and stays; what else
 * is here is for the thread whose turn it is.
 */
struct clockbound_priv_watch {
	char *path;	       /* of the VMClock, as the opener named it */
	int64_t retry_mono_ns; /* when to ask again, CLOCK_MONOTONIC_COARSE; atomic, as the next */
	int32_t busy_pid;      /* the process of which one thread is asking; 0: none */
};

/* A segment's payload, whichever its version; 1.x leaves the disruption fields 0. */
struct clockbound_priv_segment {
	int64_t as_of_sec;
	int64_t as_of_nsec;
	int64_t void_after_sec;
	int64_t void_after_nsec;
	int64_t bound_nsec;
	uint64_t disruption_marker;
	uint32_t max_drift_ppb;
	int32_t clock_status;
	uint32_t disruption_support;
	uint32_t generation; /* never 0 in a good one */
};

/*
 * The last good snapshot of a segment. Two copies under the same latch as the page's slots, so that a reader
 * never waits; `writing` is taken by whichever thread happens to get it, and the others go without.
 */
struct clockbound_priv_cache {
	uint32_t seq;
	uint32_t writing; /* 1 while a thread stores; a child forked in that moment never stores again */
	struct clockbound_priv_segment slot[2];
};

/* snapshot.c - the segment now, or the last good snapshot; false if there has never been one */
bool clockbound_priv_snapshot_take(const struct clockbound_priv_file *file,
				   struct clockbound_priv_cache *cache,
				   struct clockbound_priv_segment *segment);

/* The first member is what the hot path needs. `fast.page` is NULL when the file is a segment. */
struct clockbound_ctx {
	clockbound_fast fast;
	struct clockbound_priv_kernel kernel;
	struct clockbound_priv_file file;
	struct clockbound_priv_vmclock vmclock; /* maybe not looked at: see `watch` */
	struct clockbound_priv_watch watch;
	struct clockbound_priv_cache cache;
};

/*
 * watch.c - takes @path for the VMClock of @ctx and maps it, whether or not it is watched, since it may be later
 * @is_asked: it is, so ask the daemon as well, for 100 ms at most. False, and @err, if a segment's can be had from
 * neither; on a page the daemon's own watch serves then.
 */
bool clockbound_priv_watch_open(clockbound_ctx *ctx, const char *path, bool is_asked, clockbound_err *err);
void clockbound_priv_watch_close(clockbound_ctx *ctx);

/*
 * watch.c - whether @ctx has a VMClock to look at, now that one is watched
 * If not, one thread looks for it, once a second, with system calls and some 10 ms of waiting at most; the others go
 * on. Any number of threads; errno stays.
 */
bool clockbound_priv_watch(clockbound_ctx *ctx);

/* watch.c - whether the slot that readers take says that a VMClock is watched */
bool clockbound_priv_is_watched(const struct clockbound_page *page);

/* strict.c - what a context's leaf cannot answer: the slow path, strict if there is a VMClock that can be looked at */
void clockbound_priv_context_slow(clockbound_ctx *ctx, clockbound_interval *out);

/* open.c - the first of @paths that opens and is alive, else the first that opens. For clockbound_open(). */
clockbound_ctx *clockbound_priv_open_best(const char *const paths[], size_t count, const char *vmclock_path,
					  clockbound_err *err);

/* error.c - fills @err (may be NULL) with @kind, @sys_errno and a text of this thread's; returns false */
__attribute__((format(printf, 4, 5))) bool clockbound_priv_fail(clockbound_err *err, clockbound_err_kind kind,
								int sys_errno, const char *format, ...);

/* error.c - the immutable errors of clockbound_now() */
extern const clockbound_err clockbound_priv_err_never_written;
extern const clockbound_err clockbound_priv_err_drift;
extern const clockbound_err clockbound_priv_err_bound;
extern const clockbound_err clockbound_priv_err_timespec;
extern const clockbound_err clockbound_priv_err_status;
extern const clockbound_err clockbound_priv_err_causality;
extern const clockbound_err clockbound_priv_err_clock;

#endif
