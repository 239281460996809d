/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The injection point before every store into a file that clients map. Compiled out of the daemon; tests build
 * the writers again with CBD_INJECT and stop or kill the process at the k-th store. Included by the writers only.
 */
#ifndef CBD_PUBLISH_INJECT_H
#define CBD_PUBLISH_INJECT_H

#if defined(CBD_INJECT)
void cbd_inject_store(void); /* the test's */
#define CBD_INJECT_STORE() cbd_inject_store()
#else
#define CBD_INJECT_STORE() ((void)0)
#endif

#endif
