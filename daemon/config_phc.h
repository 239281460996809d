/* SPDX-License-Identifier: Apache-2.0 */
/* The options of PTP hardware clocks, judged together: a part of config.h's work. */
#ifndef CBD_CONFIG_PHC_H
#define CBD_CONFIG_PHC_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/config.h"

/* cbd_config_phc_check - false, with config->error, if they do not go together */
bool cbd_config_phc_check(struct cbd_config *config);

/*
 * cbd_config_phc_reference - the reference id that a refclock of that name has in chronyd's replies
 * As chronyd makes it: up to four printable characters, padded with zeros behind. 0: it is no such name.
 */
uint32_t cbd_config_phc_reference(const char *name);

#endif
