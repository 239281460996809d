/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `cbctl inject` makes of a publication, so that those who use the page can test what they do when it goes wrong.
 * Only with --allow-inject. It says so on the page, it ends by itself, and it never makes anything look better than
 * it is. No I/O, no clock reads. Layer: daemon.
 */
#ifndef CBD_INJECTION_H
#define CBD_INJECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/core.h"

struct cbd_injection {
	uint32_t kind;	  /* CLOCKBOUND_INJECT_*; 0: none */
	int64_t until_ns; /* CLOCK_MONOTONIC */
	bool is_begun;	  /* published once */
};

/* cbd_injection_name - "step"; "" for what is none. Static. */
const char *cbd_injection_name(uint32_t kind);

/* cbd_injection_apply - @out as it is to be published while @kind is in force; nothing for CLOCKBOUND_INJECT_OFF */
void cbd_injection_apply(uint32_t kind, struct cbd_publication *out);

/* cbd_injection_holds - whether nothing is published after the first publication under @kind: STALL and TORN */
bool cbd_injection_holds(uint32_t kind);

#endif
