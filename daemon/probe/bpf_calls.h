/* SPDX-License-Identifier: Apache-2.0 */
/* The programs at the system calls once they are attached: whether they run, and what they missed. With libbpf only. */
#ifndef CBD_PROBE_BPF_CALLS_H
#define CBD_PROBE_BPF_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include <clockbound/kernel_page.h>

#include "calls.skel.h"

/*
 * cbd_bpf_calls_silent - makes the calls, changing nothing; the name of a tracepoint whose program did not run, or NULL
 * Up to some ms: one that the kernel skipped is tried again.
 */
const char *cbd_bpf_calls_silent(struct cb_calls *calls);

/* cbd_bpf_calls_misses - how often the kernel has skipped one of them; 0 before Linux 6.7, which does not count */
uint64_t cbd_bpf_calls_misses(const struct cb_calls *calls);

/*
 * cbd_bpf_calls_have_rate - the clock's rate is what the programs take it for; else it is told to them
 * True too while a change is in flight in @page: then nobody knows.
 */
bool cbd_bpf_calls_have_rate(struct cb_calls *calls, const struct clockbound_kernel_page *page);

#endif
