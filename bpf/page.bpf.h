/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel page and the ring of records, and the few ways in which all programs write them. Every function is
 * inlined into the programs; none calls a helper that a tracing program with interrupts off may not call.
 *
 * Order of a mark: in_flight, then the epoch; and in_flight back when the change has happened. Who reads an epoch,
 * then in_flight as 0, then a clock, reads a clock that has made all changes which that epoch counts.
 */
#ifndef CB_BPF_PAGE_H
#define CB_BPF_PAGE_H

/* Before libbpf's, whose offsetof() is no constant. */
#include <clockbound/events.h>
#include <clockbound/kernel_page.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

/* Records that wait for the daemon; the daemon sets the size. */
#define CB_RING_SIZE (256 * 1024)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct clockbound_kernel_page);
} kernel_page SEC(".maps");

/*
 * An addition that nobody loses, and that orders what stands before and after it; pairs with the loads in
 * clockbound_priv_kernel_load() and clockbound_priv_kernel_epoch() of <clockbound/seq.h>, and with the fences that end
 * a reading of epochs or clocks there. Without it a reader may have seen a clock change that is not marked yet. It is
 * the programs' only ordered access, and stands here since they cannot include seq.h. On x86 one without a result is a
 * full barrier, and Linux 5.10 has no other. On arm64 only one with a result is (kernel 5.18 and later).
 */
#if defined(__TARGET_ARCH_x86)
#define cb_add(word, number) ((void)__sync_fetch_and_add((word), (number)))
#else
#define cb_add(word, number)                                                                                 \
	({                                                                                                   \
		__typeof__(*(word)) was = __sync_fetch_and_add((word), (number));                            \
		barrier_var(was);                                                                            \
	})
#endif

/* One store, here and not elsewhere. It orders nothing: that the change stands before in_flight is 0 is the doing of the
 * kernel, whose write barriers stand between, within update_vsyscall(). */
#define cb_store(word, value) (*(volatile __typeof__(*(word)) *)(word) = (value))
#define cb_load(word)	      (*(const volatile __typeof__(*(word)) *)(word))

static __always_inline struct clockbound_kernel_page *cb_page(void)
{
	uint32_t zero = 0;

	return bpf_map_lookup_elem(&kernel_page, &zero);
}

#endif
