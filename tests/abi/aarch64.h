/* SPDX-License-Identifier: Apache-2.0 */
/* What the two files of the aarch64 program share. */
#ifndef TESTS_ABI_AARCH64_H
#define TESTS_ABI_AARCH64_H

#include <stdbool.h>

#include "daemon/publish/mapping.h"

/* expect - counts and tells what is not as it should be; returns @is_good. One thread. */
bool expect(bool is_good, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* no_read_is_torn - one thread publishes in @dir without end, two read; as a canary, torn reads must be found */
void no_read_is_torn(const struct cbd_runtime_dir *dir);

#endif
