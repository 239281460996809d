/* SPDX-License-Identifier: Apache-2.0 */
/* See answer.h. */
#include "daemon/control/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* CLOCKBOUND_CONTROL_OK, or why not. The version comes first: another one may have another size. */
static uint32_t judge(const struct clockbound_control_request *request, size_t length)
{
	if (length < offsetof(struct clockbound_control_request, request) ||
	    request->magic != CLOCKBOUND_CONTROL_MAGIC) {
		return CLOCKBOUND_CONTROL_BAD_REQUEST;
	}
	if (request->version != CLOCKBOUND_CONTROL_VERSION) {
		return CLOCKBOUND_CONTROL_BAD_VERSION;
	}
	if (length != sizeof(*request) || request->reserved1 != 0) {
		return CLOCKBOUND_CONTROL_BAD_REQUEST;
	}
	if (request->after != 0 && request->request != CLOCKBOUND_CONTROL_EVENTS) {
		return CLOCKBOUND_CONTROL_BAD_REQUEST;
	}
	if (request->request == CLOCKBOUND_CONTROL_INJECT
		    ? request->kind > CLOCKBOUND_INJECT_LAST || request->for_ms > CLOCKBOUND_INJECT_MS_MAX
		    : (request->kind | request->for_ms) != 0) {
		return CLOCKBOUND_CONTROL_BAD_REQUEST;
	}
	return request->request >= CLOCKBOUND_CONTROL_STATUS && request->request <= CLOCKBOUND_CONTROL_INJECT
		       ? CLOCKBOUND_CONTROL_OK
		       : CLOCKBOUND_CONTROL_UNKNOWN_REQUEST;
}

static void ask_probe(const struct cbd_control *control, struct cbd_probe_info *info)
{
	memset(info, 0, sizeof(*info));
	if (control->probe != NULL) {
		control->probe->info(control->probe->context, info);
	}
}

static void make_status(const struct cbd_control *control, struct clockbound_control_status *status)
{
	struct cbd_probe_info info;

	status->reply.size = sizeof(*status);
	control->fill(control->context, status);
	ask_probe(control, &info);
	status->probe_rung = (uint32_t)info.rung;
	status->kernel_page_id = info.page_id;
	status->probe_heartbeat = info.heartbeat;
	status->probe_events = info.events;
	status->probe_dropped = info.dropped;
	status->probe_refused = info.refused;
	snprintf(status->probe_reason, sizeof(status->probe_reason), "%s", info.reason);
	if (control->probe != NULL) {
		status->last_event = control->probe->events(control->probe->context)->last;
	}
}

/*
 * Where anybody may load eBPF programs, anybody with a descriptor of the map may write it by one, frozen or not.
 * Asked anew each time: the machine's owner may change it.
 */
static bool may_hand_out(const struct cbd_control *control, char *reason, size_t size)
{
	int fd = open(control->unprivileged_path, O_RDONLY | O_CLOEXEC);
	char digit = '\0';

	if (fd < 0 || read(fd, &digit, 1) != 1) {
		snprintf(reason, size, "cannot read %s: %s", control->unprivileged_path, strerror(errno));
	} else if (digit == '0') {
		snprintf(reason, size,
			 "kernel.unprivileged_bpf_disabled is 0: any user could write the kernel page; set "
			 "it to 2");
	}
	if (fd >= 0) {
		close(fd);
	}
	return reason[0] == '\0';
}

static int make_kernel_page(const struct cbd_control *control, struct clockbound_control_kernel_page *page)
{
	struct cbd_probe_info info;
	int fd = control->probe != NULL ? control->probe->map_fd(control->probe->context) : -1;

	page->reply.size = sizeof(*page);
	ask_probe(control, &info);
	if (fd < 0 || info.page_id == 0) {
		snprintf(page->reason, sizeof(page->reason), "%s",
			 info.reason[0] != '\0' ? info.reason : "this daemon has no kernel page");
		return -1;
	}
	if (!may_hand_out(control, page->reason, sizeof(page->reason))) {
		return -1;
	}
	page->has_page = 1;
	page->id = info.page_id;
	return fd;
}

static void make_events(const struct cbd_control *control, uint64_t after,
			struct clockbound_control_events *events)
{
	const struct cbd_history *history;

	events->reply.size = sizeof(*events);
	events->start = control->start;
	if (control->probe == NULL) {
		return;
	}
	history = control->probe->events(control->probe->context);
	events->last = history->last;
	events->count =
		(uint32_t)cbd_history_after(history, after, events->event, CLOCKBOUND_CONTROL_EVENTS_MAX);
}

static int make_vmclock(const struct cbd_control *control, struct clockbound_control_vmclock *vmclock)
{
	vmclock->reply.size = sizeof(*vmclock);
	if (control->vm == NULL) {
		snprintf(vmclock->reason, sizeof(vmclock->reason), "this daemon watches no VMClock");
		return -1;
	}
	control->vm->fill(control->vm->context, vmclock);
	return control->vm->descriptor(control->vm->context);
}

/* Anybody may ask for anything else; what others read is only root's and the daemon's own to spoil. */
static uint32_t inject(const struct cbd_control *control, const struct clockbound_control_request *request)
{
	if (control->vm == NULL) {
		return CLOCKBOUND_CONTROL_NOT_ALLOWED;
	}
	if (control->asker_uid != 0 && control->asker_uid != (int64_t)geteuid()) {
		return CLOCKBOUND_CONTROL_NOT_PERMITTED;
	}
	return control->vm->inject(control->vm->context, request->kind, request->for_ms,
				   (uint32_t)control->asker_uid);
}

int cbd_control_answer_make(const struct cbd_control *control,
			    const struct clockbound_control_request *request, size_t length,
			    union cbd_control_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	answer->reply.magic = CLOCKBOUND_CONTROL_MAGIC;
	answer->reply.version = CLOCKBOUND_CONTROL_VERSION;
	answer->reply.request = request->request;
	answer->reply.result = judge(request, length);
	answer->reply.size = sizeof(answer->reply);
	if (answer->reply.result != CLOCKBOUND_CONTROL_OK) {
		return -1;
	}
	switch (request->request) {
	case CLOCKBOUND_CONTROL_KERNEL_PAGE:
		return make_kernel_page(control, &answer->kernel_page);
	case CLOCKBOUND_CONTROL_EVENTS:
		make_events(control, request->after, &answer->events);
		return -1;
	case CLOCKBOUND_CONTROL_VMCLOCK:
		return make_vmclock(control, &answer->vmclock);
	case CLOCKBOUND_CONTROL_INJECT:
		answer->reply.result = inject(control, request);
		return -1;
	default:
		make_status(control, &answer->status);
		return -1;
	}
}

void cbd_control_answer_withhold(union cbd_control_answer *answer, const char *why)
{
	if (answer->reply.request == CLOCKBOUND_CONTROL_KERNEL_PAGE) {
		answer->kernel_page.has_page = 0;
		answer->kernel_page.id = 0;
		snprintf(answer->kernel_page.reason, sizeof(answer->kernel_page.reason), "%s", why);
	} else if (answer->reply.request == CLOCKBOUND_CONTROL_VMCLOCK) {
		answer->vmclock.has_vmclock = 0;
		snprintf(answer->vmclock.reason, sizeof(answer->vmclock.reason), "%s", why);
	}
}
