/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel page's map: made, seeded and frozen, or taken over from its pin. Attaches nothing. With libbpf only. */
#ifndef CBD_PROBE_BPF_PAGE_H
#define CBD_PROBE_BPF_PAGE_H

#include "daemon/probe/bpf.h"

struct cbd_bpf_page {
	const struct clockbound_kernel_page *page; /* mapped for reading */
	int fd;
	bool is_reused;
};

/* cbd_bpf_page_open - as cbd_bpf_open() says of the page; @page is untouched unless 0 is returned */
int cbd_bpf_page_open(struct cbd_bpf_page *page, const struct cbd_bpf_options *options,
		      char why[CBD_BPF_WHY]);

/* cbd_bpf_page_close - unmaps; a pin stays, and so do clients' mappings */
void cbd_bpf_page_close(struct cbd_bpf_page *page);

#endif
