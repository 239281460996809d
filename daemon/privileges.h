/* SPDX-License-Identifier: Apache-2.0 */
/* Gives up what the daemon does not need. Nothing it does needs root; see the manual page for what root keeps. */
#ifndef CBD_PRIVILEGES_H
#define CBD_PRIVILEGES_H

#include <stdbool.h>

/*
 * cbd_privileges_limit - before anything is opened: no new privileges, and no capability but those that follow
 * CAP_DAC_OVERRIDE lets root write to chronyd's socket, which belongs to chronyd's user with mode 0755. With
 * @has_probe CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH and CAP_SYS_RESOURCE stay, which attaching
 * may need. Nothing is gained: what was not there is not there. What cannot be dropped is logged; the daemon goes on.
 * The soft limit of open files becomes the hard one.
 */
void cbd_privileges_limit(bool has_probe);

/*
 * cbd_privileges_drop - after everything is opened: as root CAP_DAC_OVERRIDE stays, else none
 * With @has_kernel_page CAP_BPF stays too on kernels up to 5.18, whose bpf(2) asks for it at every call.
 */
void cbd_privileges_drop(bool has_kernel_page);

#endif
