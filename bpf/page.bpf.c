/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The daemon's own hand on the kernel page, which it can no more write once the map is frozen. Never attached:
 * BPF_PROG_RUN runs it with the arguments of control.h. A raw tracepoint's type, which 5.10 can run so.
 */
#include "control.h"
#include "page.bpf.h"

SEC("raw_tp/sys_enter")
int control(struct bpf_raw_tracepoint_args *arguments)
{
	struct clockbound_kernel_page *page = cb_page();
	uint64_t what = arguments->args[0];

	if (!page) {
		return -1;
	}
	if (what & CB_CONTROL_START) {
		cb_store(&page->is_seeded, 0);
		cb_store(&page->heartbeat, 0);
	}
	if (what & (CB_CONTROL_LAND | CB_CONTROL_START)) {
		cb_add(&page->in_flight_round, 1);
		cb_store(&page->in_flight, 0);
	}
	if (what & CB_CONTROL_BUMP_CLOCK) {
		cb_add(&page->epochs.clock_epoch, 1);
	}
	if (what & CB_CONTROL_BUMP_RATE) {
		cb_add(&page->epochs.rate_epoch, 1);
	}
	if (what & CB_CONTROL_BUMP_COUNTER) {
		cb_add(&page->epochs.counter_epoch, 1);
	}
	return 0;
}

char cb_license[] SEC("license") = "Dual BSD/GPL";
