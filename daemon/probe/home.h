/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the probe's epochs stand: in the kernel page, or in the probe itself, for the page file. Private to
 * daemon/probe; what others may ask is in probe.h.
 */
#ifndef CBD_PROBE_HOME_H
#define CBD_PROBE_HOME_H

#include "daemon/probe/probe.h"

/* cbd_home_page - the kernel page, or NULL: the probe itself counts */
const struct clockbound_kernel_page *cbd_home_page(const struct cbd_probe *probe);

/* cbd_home_is_settled - nothing is in flight; so too without a @page */
bool cbd_home_is_settled(const struct clockbound_kernel_page *page);

/* cbd_home_begin - takes the epochs as they are for settled: before anything is anchored */
void cbd_home_begin(struct cbd_probe *probe);

/* cbd_home_lose - the kernel page cannot be written any more: from here on the probe counts, for the page file */
void cbd_home_lose(struct cbd_probe *probe);

#endif
