/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring of records to the daemon. A record may be lost, and is counted then; a mark in the page never is. */
#ifndef CB_BPF_RING_H
#define CB_BPF_RING_H

#include "page.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CB_RING_SIZE);
} events SEC(".maps");

static __always_inline void cb_event_begin(struct clockbound_event *event, uint32_t call)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->version = CLOCKBOUND_EVENT_VERSION;
	event->size = sizeof(*event);
	event->call = call;
}

/* Who makes the call: the running task. Not for the tick, where that is an innocent one. */
static __always_inline void cb_event_author(struct clockbound_event *event)
{
	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->uid = (uint32_t)bpf_get_current_uid_gid();
	bpf_get_current_comm(event->comm, sizeof(event->comm));
}

static __always_inline void cb_event_send(struct clockbound_kernel_page *page, struct clockbound_event *event)
{
	struct clockbound_event *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

	if (!record) {
		cb_add(&page->dropped, 1);
		return;
	}
	event->clock_epoch = cb_load(&page->epochs.clock_epoch);
	event->rate_epoch = cb_load(&page->epochs.rate_epoch);
	*record = *event;
	bpf_ringbuf_submit(record, 0);
}

#endif
