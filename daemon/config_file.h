/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a file of `key = value` lines and hands each on with its line number. It knows no key. Layer: daemon.
 */
#ifndef CBD_CONFIG_FILE_H
#define CBD_CONFIG_FILE_H

#include <stddef.h>

/* Takes one line; nonzero: it is fine. Otherwise @error (of @size bytes) is filled, without place. */
typedef int cbd_config_take(void *context, const char *key, const char *value, char *error, size_t size);

/*
 * cbd_config_file_read - reads @path, up to the first error
 * Returns 0, or -1 with @error filled as "PATH:LINE: why".
 */
int cbd_config_file_read(const char *path, cbd_config_take *take, void *context, char *error, size_t size);

#endif
