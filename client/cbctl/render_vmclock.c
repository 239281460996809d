/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon says of VMClock and of what is injected, as text and as JSON.
 */
#include "cbctl.h"

#include <inttypes.h>
#include <stdio.h>

#define PS_PER_NS 1000.0

const char *cbc_inject_name(uint32_t kind)
{
	static const char *const names[] = {"off",  "unknown", "synchronized", "free-running", "disrupted",
					    "step", "stall",   "expiry",       "torn"};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

static const char *warning_name(uint32_t flags)
{
	if ((flags & CLOCKBOUND_VM_DISRUPTION_IMMINENT) != 0) {
		return "imminent";
	}
	return (flags & CLOCKBOUND_VM_DISRUPTION_SOON) != 0 ? "soon" : NULL;
}

static void print_watch(const struct clockbound_control_vmclock *vmclock)
{
	printf("vmclock       %s, marker %" PRIu64 ", ", vmclock->path, vmclock->marker);
	if (vmclock->tick_ms != 0) {
		printf("looked at every %" PRIu32 " ms", vmclock->tick_ms);
	} else {
		printf("which notifies");
	}
	printf("\n              a load costs %.1f ns: so much more than another is a strict read\n",
	       (double)vmclock->load_ps / PS_PER_NS);
	if ((vmclock->vm_flags & CLOCKBOUND_VM_DISRUPTION_IMMINENT) != 0) {
		printf("WARNING       the hypervisor will move or restore this machine within about an "
		       "hour\n");
	} else if ((vmclock->vm_flags & CLOCKBOUND_VM_DISRUPTION_SOON) != 0) {
		printf("WARNING       the hypervisor will move or restore this machine within about a day\n");
	}
}

void cbc_print_vmclock(const struct clockbound_control_vmclock *vmclock)
{
	char text[CBC_TEXT_MAX];

	if (vmclock->has_vmclock != 0) {
		print_watch(vmclock);
		if (vmclock->reason[0] != '\0') {
			printf("vmclock bad   %s\n", vmclock->reason);
		}
	} else {
		printf("vmclock       none: %s\n", vmclock->reason);
	}
	if (vmclock->has_vmclock != 0 || vmclock->migrations != 0) {
		printf("disruptions   %" PRIu64 " since the daemon started", vmclock->migrations);
		if (vmclock->recovery_ns != 0) {
			printf(", the last one was over after %s",
			       cbc_format_duration((int64_t)vmclock->recovery_ns, text));
		}
		printf("\n");
	}
	if (vmclock->inject_kind != CLOCKBOUND_INJECT_OFF) {
		const char *name = cbc_inject_name(vmclock->inject_kind);

		printf("INJECTED      %s, for %.1f s more: what is published is a test's\n",
		       name != NULL ? name : "of a kind that this cbctl does not know",
		       (double)vmclock->inject_left_ms / 1e3);
	}
}

static json_t *text_or_null(const char *text)
{
	json_t *value = text != NULL && text[0] != '\0' ? json_string(text) : NULL;

	return value != NULL ? value : json_null();
}

json_t *cbc_json_vmclock(const struct clockbound_control_vmclock *vmclock)
{
	const char *injected =
		vmclock->inject_kind != CLOCKBOUND_INJECT_OFF ? cbc_inject_name(vmclock->inject_kind) : NULL;

	return json_pack("{s:b, s:o, s:o, s:I, s:b, s:b, s:o, s:f, s:I, s:I, s:I, s:o, s:I}", "is_watched",
			 vmclock->has_vmclock != 0, "path", text_or_null(vmclock->path), "reason",
			 text_or_null(vmclock->reason), "marker", (json_int_t)vmclock->marker,
			 "disruption_soon", (vmclock->vm_flags & CLOCKBOUND_VM_DISRUPTION_SOON) != 0,
			 "disruption_imminent", (vmclock->vm_flags & CLOCKBOUND_VM_DISRUPTION_IMMINENT) != 0,
			 "warning", text_or_null(warning_name(vmclock->vm_flags)), "load_ns",
			 (double)vmclock->load_ps / PS_PER_NS, "look_every_ms", (json_int_t)vmclock->tick_ms,
			 "disruptions", (json_int_t)vmclock->migrations, "recovery_ns",
			 (json_int_t)vmclock->recovery_ns, "injected", text_or_null(injected),
			 "injected_left_ms", (json_int_t)vmclock->inject_left_ms);
}
