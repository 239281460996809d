/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exported twins of the inline functions, for programs that cannot inline C: the same names, from the same
 * bodies. An inline function never becomes the only form of a symbol.
 */
#define CLOCKBOUND_FAST_LINKAGE __attribute__((visibility("default")))

/* The bodies in the header are their own prototypes. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#include <clockbound/fast.h>
