/* SPDX-License-Identifier: Apache-2.0 */
/* The library's version, from project() by way of the build. */
#include <clockbound.h>

const char *clockbound_version(void)
{
	return CLOCKBOUND_LIBRARY_VERSION;
}
