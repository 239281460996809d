/* SPDX-License-Identifier: Apache-2.0 */
/* bpf.h in a build without eBPF: there is none. */
#include "daemon/probe/bpf.h"

#include <errno.h>
#include <stdio.h>

int cbd_bpf_open(struct cbd_bpf **bpf_out, const struct cbd_bpf_options *options, char why[CBD_BPF_WHY])
{
	(void)options;
	*bpf_out = NULL;
	snprintf(why, CBD_BPF_WHY, "built without eBPF (CLOCKBOUND_BUILD_BPF)");
	return -ENOSYS;
}

void cbd_bpf_close(struct cbd_bpf *bpf)
{
	(void)bpf;
}

const struct clockbound_kernel_page *cbd_bpf_page(const struct cbd_bpf *bpf)
{
	(void)bpf;
	return NULL;
}

bool cbd_bpf_is_reused(const struct cbd_bpf *bpf)
{
	(void)bpf;
	return false;
}

int cbd_bpf_map_fd(const struct cbd_bpf *bpf)
{
	(void)bpf;
	return -1;
}

int cbd_bpf_attach(struct cbd_bpf *bpf, uint32_t rung, char why[CBD_BPF_WHY])
{
	(void)bpf;
	(void)rung;
	why[0] = '\0';
	return -ENOSYS;
}

void cbd_bpf_detach(struct cbd_bpf *bpf)
{
	(void)bpf;
}

int cbd_bpf_control(const struct cbd_bpf *bpf, uint64_t what)
{
	(void)bpf;
	(void)what;
	return -ENOSYS;
}

int cbd_bpf_ring_fd(const struct cbd_bpf *bpf)
{
	(void)bpf;
	return -1;
}

void cbd_bpf_drain(struct cbd_bpf *bpf, void (*take)(void *context, const struct clockbound_event *event),
		   void *context)
{
	(void)bpf;
	(void)take;
	(void)context;
}

bool cbd_bpf_has_missed(struct cbd_bpf *bpf)
{
	(void)bpf;
	return false;
}

bool cbd_bpf_is_firing(struct cbd_bpf *bpf)
{
	(void)bpf;
	return false;
}
