/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the daemon may have done to the kernel page once it is frozen: arguments of the program `control` in
 * page.bpf.c, which BPF_PROG_RUN runs. Shared by the program and the daemon.
 */
#ifndef CB_BPF_CONTROL_H
#define CB_BPF_CONTROL_H

/* Bits of the first argument. */
#define CB_CONTROL_BUMP_CLOCK	(1u << 0) /* the daemon saw a step that no program saw */
#define CB_CONTROL_BUMP_COUNTER (1u << 1) /* the daemon lost the counter, and no program saw why */
#define CB_CONTROL_LAND		(1u << 2) /* nothing is in flight any more */
#define CB_CONTROL_START	(1u << 3) /* before programs are attached: they know nothing, have seen nothing */

#define CB_CONTROL_BUMP_RATE (1u << 4) /* a change of the rate may have been missed */

#endif
