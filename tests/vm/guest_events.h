/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's events and status over its socket, as cbctl asks for them. One thread. */
#ifndef TESTS_VM_GUEST_EVENTS_H
#define TESTS_VM_GUEST_EVENTS_H

#include <clockbound/control.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* events_ask - the events after @number, oldest first, at most CLOCKBOUND_CONTROL_EVENTS_MAX; false: no answer */
bool events_ask(const char *dir, uint64_t number, struct clockbound_control_events *out);

/* events_status - the daemon's own account of itself; false: no answer */
bool events_status(const char *dir, struct clockbound_control_status *out);

/* events_print - one line that begins with @prefix */
void events_print(const char *prefix, const struct clockbound_event *event);

#endif
