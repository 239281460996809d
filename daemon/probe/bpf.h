/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe's eBPF: the kernel page, and programs that write it. The only user of libbpf; a build without it has
 * bpf_none.c in place of loader.c and bpf_page.c. It attaches what it is told to, and proves that it fires; which
 * rung is tried when is for probe.c. One thread.
 */
#ifndef CBD_PROBE_BPF_H
#define CBD_PROBE_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clockbound/events.h>
#include <clockbound/kernel_page.h>

#include "bpf/control.h"
#include "daemon/clock.h"

#define CBD_BPF_WHY 256 /* bytes of a text that says why not */

struct cbd_bpf_options {
	uint64_t boot_id[2];
	struct clockbound_epochs epochs; /* that a new page begins with */
	uint64_t former_id;  /* of the kernel page that clients know; a pin of another is replaced */
	const char *pin_dir; /* on a bpffs; NULL or empty: not pinned */
	uint32_t ring_size;  /* bytes, a power of two, whole pages; 0: the programs' own */
	int64_t freq;	     /* as adjtimex() says now: 2^-16 ppm */
	int64_t tick_us;
	const struct cbd_clock *clock; /* outlives the cbd_bpf */
};

struct cbd_bpf;

/*
 * cbd_bpf_open - makes the kernel page, or goes on with the pinned one; nothing is attached yet
 * Returns 0; -ENOSYS: built without; or -errno. @why then says what failed, and is empty after success unless the
 * pin was not used.
 */
int cbd_bpf_open(struct cbd_bpf **bpf_out, const struct cbd_bpf_options *options, char why[CBD_BPF_WHY]);

/* cbd_bpf_close - detaches; a pin stays. NULL is allowed */
void cbd_bpf_close(struct cbd_bpf *bpf);

/* cbd_bpf_page - the kernel page, mapped for reading as long as @bpf is open */
const struct clockbound_kernel_page *cbd_bpf_page(const struct cbd_bpf *bpf);

/* cbd_bpf_is_reused - the page is a former daemon's, whose epochs went on */
bool cbd_bpf_is_reused(const struct cbd_bpf *bpf);

/* cbd_bpf_map_fd - read-write descriptor of the frozen map */
int cbd_bpf_map_fd(const struct cbd_bpf *bpf);

/*
 * cbd_bpf_attach - loads and attaches @rung (FENTRY or TRACEPOINT), and proves that it fires
 * Returns 0, or -errno with nothing attached and @why filled. After success @why may say what is missing. Takes up
 * to half a second. Calls adjtimex() and the like with arguments that change nothing.
 */
int cbd_bpf_attach(struct cbd_bpf *bpf, uint32_t rung, char why[CBD_BPF_WHY]);

/* cbd_bpf_detach - nothing fires any more; up to 1.3 s with tracepoints */
void cbd_bpf_detach(struct cbd_bpf *bpf);

/* cbd_bpf_control - runs the program `control` with @what, CB_CONTROL_*; 0 or -errno */
int cbd_bpf_control(const struct cbd_bpf *bpf, uint64_t what);

/* cbd_bpf_ring_fd - readable when records wait; -1 if nothing is attached */
int cbd_bpf_ring_fd(const struct cbd_bpf *bpf);

/* cbd_bpf_drain - hands the records that wait, so many at a time, to @take; those of another form are left out */
void cbd_bpf_drain(struct cbd_bpf *bpf, void (*take)(void *context, const struct clockbound_event *event),
		   void *context);

/*
 * cbd_bpf_has_missed - whether changes of the clock may have left no mark since the last call of this
 * Tracepoints only: the kernel skipped programs (Linux 6.7 and later count that), or the clock's rate is not what the
 * programs take it for; they are told. False while a change is in flight, which the next call then judges.
 */
bool cbd_bpf_has_missed(struct cbd_bpf *bpf);

/* cbd_bpf_is_firing - whether all programs still run when they should; makes the calls of cbd_bpf_attach() again */
bool cbd_bpf_is_firing(struct cbd_bpf *bpf);

#endif
