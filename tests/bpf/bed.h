/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the tracepoint rung share: a mount namespace of their own, and ways to break what a probe holds in
 * this process. Nothing here moves a clock.
 */
#ifndef TESTS_BPF_BED_H
#define TESTS_BPF_BED_H

#include <stdbool.h>

#define BED_SKIPPED 77

/*
 * bed_make - a mount namespace with tracefs, for the rest of the process; NULL, or why that cannot be had
 * With @is_open the identifiers of the tracepoints can be read by everybody: from copies, tracefs itself is root's.
 */
const char *bed_make(bool is_open);

/*
 * bed_break - what stands behind this process's descriptors of @kind ("link", "prog") is let go of; the descriptors
 * stay, of /dev/null. All of them, or with @which >= 0 that one, in ascending order. Returns how many.
 */
int bed_break(const char *kind, int which);

/* bed_ask - asks to set the clock's rate as nobody can: marked and recorded when root does it, refused, no change */
void bed_ask(void);

#endif
