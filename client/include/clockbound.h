/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ClockBound's C API: names, values, layouts and meaning of upstream's 1.0 and 2.0, so that a program written
 * for either compiles and runs unchanged, on our page or on a segment that upstream's own daemon writes. The
 * kind of file is recognised by its content.
 *
 * Beyond upstream: one context may be used by any number of threads at once, without a lock; earliest <= latest
 * always; the header is C++17 clean. For a read without a function call see <clockbound/fast.h>.
 *
 * Check `clock_status` after each clockbound_now(): with CLOCKBOUND_STA_UNKNOWN or CLOCKBOUND_STA_DISRUPTED the
 * interval is not promised to contain true time.
 */
#ifndef CLOCKBOUND_H
#define CLOCKBOUND_H

#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(CLOCKBOUND_API)
#define CLOCKBOUND_API __attribute__((visibility("default")))
#endif

/* Default paths. Opening one of these two, or NULL, takes the best of `page`, `shm0` and `shm` that is there. */
#define CLOCKBOUND_SHM_DEFAULT_PATH    "/var/run/clockbound/shm0"
#define CLOCKBOUND_SHM_DEFAULT_PATH_V1 "/var/run/clockbound/shm"
#define CLOCKBOUND_PAGE_DEFAULT_PATH   "/var/run/clockbound/page"
#define VMCLOCK_SHM_DEFAULT_PATH       "/dev/vmclock0"

/* An open file and what the library keeps with it. Any number of threads at once. */
typedef struct clockbound_ctx clockbound_ctx;

/* Upstream's kinds of error. */
typedef enum clockbound_err_kind {
	CLOCKBOUND_ERR_NONE = 0,
	CLOCKBOUND_ERR_SYSCALL = 1,			  /* a system call failed: see sys_errno */
	CLOCKBOUND_ERR_SEGMENT_NOT_INITIALIZED = 2,	  /* short, not ours, or never written */
	CLOCKBOUND_ERR_SEGMENT_MALFORMED = 3,		  /* sizes or values that cannot be */
	CLOCKBOUND_ERR_CAUSALITY_BREACH = 4,		  /* the monotonic clock lies before as-of */
	CLOCKBOUND_ERR_SEGMENT_VERSION_NOT_SUPPORTED = 5, /* since 2.0 */
} clockbound_err_kind;

typedef struct clockbound_err {
	clockbound_err_kind kind;
	int sys_errno;	    /* errno of the failed call, CLOCKBOUND_ERR_SYSCALL only; else 0 */
	const char *detail; /* a sentence: which file, which check, what was found. Never NULL here */
} clockbound_err;

/* Upstream's clock status. */
typedef enum clockbound_clock_status {
	CLOCKBOUND_STA_UNKNOWN = 0,
	CLOCKBOUND_STA_SYNCHRONIZED = 1,
	CLOCKBOUND_STA_FREE_RUNNING = 2,
	CLOCKBOUND_STA_DISRUPTED = 3, /* since 2.0 */
} clockbound_clock_status;

typedef struct clockbound_now_result {
	struct timespec earliest;
	struct timespec latest;
	clockbound_clock_status clock_status;
} clockbound_now_result;

/*
 * clockbound_open - opens the file that a ClockBound daemon publishes
 * @path: a file; NULL or a default path: the best of page, shm0 and shm in that directory
 * @err:  filled on failure; may be NULL. detail stays valid until this thread's next failing open.
 * Returns a context, or NULL. Any thread. Makes system calls.
 */
CLOCKBOUND_API clockbound_ctx *clockbound_open(const char *path, clockbound_err *err);

/*
 * clockbound_vmclock_open - the same, with the VMClock device to watch (upstream 2.0)
 * @vmclock_path: looked at only while the segment says that disruption support is on; on a page, while the daemon
 * watches a VMClock, and if the daemon does not hand that out
 */
CLOCKBOUND_API clockbound_ctx *clockbound_vmclock_open(const char *path, const char *vmclock_path,
						       clockbound_err *err);

/* clockbound_close - unmaps and frees. Returns NULL, or an error that needs no freeing. @ctx may be NULL. */
CLOCKBOUND_API const clockbound_err *clockbound_close(clockbound_ctx *ctx);

/*
 * clockbound_now - the interval that contains true time, and how far it may be trusted
 * Returns NULL, or an error that lives as long as the library; then @result is untouched.
 * Threads: any number at once on one context. No lock, and no system call but the vDSO's clock_gettime. On a page,
 * when the daemon has started anew with another kernel page, one call asks for it over clockbound.sock beside the
 * page, with system calls and some 10 ms of waiting at most; the others go on with the file's epochs. So does one call
 * a second for the VMClock, while one is watched and the context has none.
 * Rounding: earliest down, latest up.
 */
CLOCKBOUND_API const clockbound_err *clockbound_now(clockbound_ctx *ctx, clockbound_now_result *result);

/* clockbound_version - "MAJOR.MINOR.PATCH" of this library. Static. */
CLOCKBOUND_API const char *clockbound_version(void);

#ifdef __cplusplus
}
#endif

#endif
