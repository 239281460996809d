/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the loop has to do with VMClock, with disruptions by hand, and with what is injected: looks at the marker
 * before anything else is done, has the page made void before chronyd is asked for anything, and answers for them.
 */
#include "daemon/loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <clockbound/page.h>

#include "daemon/log.h"

#define NS_PER_MS INT64_C(1000000)
/* A disruption resets chronyd's sources at once, but no more often than this: a VMClock may be out of its mind. */
#define RESET_MIN_NS INT64_C(1000000000)
/* A VMClock may appear when its driver is loaded, which nothing orders before the daemon. Until it is found a migration
 * goes unnoticed, so not much more seldom; a look costs some 50 us, so not much more often. */
#define FIND_NS INT64_C(5000000000)

static int64_t now_ns(const struct cbd_loop *loop)
{
	return cbd_clock_mono_ns(&loop->clocks.clock);
}

void cbd_loop_vm_count(struct cbd_loop *loop)
{
	loop->clocks.clock.vm = cbd_vmclock_read;
	loop->clocks.clock.vm_context = &loop->vmclock;
}

/* What VMClock made the core say is on the page; then chronyd's turn, at once if no poll is under way. */
static void publish_and_obey(struct cbd_loop *loop)
{
	cbd_loop_publish(loop);
	if (!loop->is_polling) {
		cbd_loop_obey(loop, false);
	}
}

static void tell_warnings(struct cbd_loop *loop, uint32_t flags)
{
	const uint32_t warnings = CLOCKBOUND_VM_DISRUPTION_SOON | CLOCKBOUND_VM_DISRUPTION_IMMINENT;
	uint32_t news = flags & ~loop->vm.told_flags & warnings;

	if ((news & CLOCKBOUND_VM_DISRUPTION_IMMINENT) != 0) {
		cbd_log(CBD_LOG_WARNING, "disruption_imminent",
			"the hypervisor will move or restore this machine within about an hour (VMClock %s)",
			loop->vmclock.path);
	} else if ((news & CLOCKBOUND_VM_DISRUPTION_SOON) != 0) {
		cbd_log(CBD_LOG_NOTICE, "disruption_soon",
			"the hypervisor will move or restore this machine within about a day (VMClock %s)",
			loop->vmclock.path);
	}
	if ((loop->vm.told_flags & warnings) != 0 && (flags & warnings) == 0) {
		cbd_log(CBD_LOG_NOTICE, "disruption_warning_over", "VMClock %s warns no more",
			loop->vmclock.path);
	}
	if (((flags ^ loop->vm.told_flags) & warnings) != 0) {
		cbd_probe_tell(&loop->probe, CLOCKBOUND_EVENT_WARNING, flags & warnings);
	}
	loop->vm.told_flags = flags;
}

static const char *how(const struct cbd_loop *loop)
{
	return loop->config->has_disruption_support ? loop->config->vmclock : "off";
}

/* As the options say; false: there is none. Why not is told when it is another reason than before. */
static bool find(struct cbd_loop *loop)
{
	struct cbd_vmclock *vmclock = &loop->vmclock;
	char told[sizeof(vmclock->text)];

	memcpy(told, vmclock->text, sizeof(told));
	loop->vm.next_find_ns = now_ns(loop) + FIND_NS;
	if (cbd_vmclock_open(vmclock, how(loop), NULL, &loop->clocks.clock)) {
		cbd_log(CBD_LOG_INFO, "vmclock",
			"VMClock %s is watched, %s; a strict read costs %.1f ns more than another",
			vmclock->path, vmclock->notifies ? "which notifies" : "looked at every 0.1 s",
			vmclock->load_ps * 1e-3);
		if (!cbd_vmclock_is_public(vmclock)) {
			cbd_log(CBD_LOG_INFO, "vmclock_private",
				"%s cannot be read by everybody: upstream's own clients will not open shm0; "
				"ours ask the daemon",
				vmclock->path);
		}
		return true;
	}
	if (vmclock->text[0] != '\0' && strcmp(vmclock->text, told) != 0) {
		cbd_log(strcmp(how(loop), "auto") == 0 && vmclock->path[0] == '\0' ? CBD_LOG_INFO
										   : CBD_LOG_WARNING,
			"vmclock", "no VMClock is watched, a migration of this machine goes unnoticed: %s",
			vmclock->text);
	}
	return false;
}

/* One that was not there before. */
static bool has_appeared(struct cbd_loop *loop)
{
	if (strcmp(how(loop), "off") == 0 || now_ns(loop) < loop->vm.next_find_ns || !find(loop)) {
		return false;
	}
	cbd_loop_watch_vmclock(loop);
	return true;
}

void cbd_loop_vm_look(struct cbd_loop *loop)
{
	struct cbd_anchor now;
	struct cbd_vm vm;

	/* One look without a VMClock: the page of a former daemon that watched one is void. */
	if (loop->vmclock.page == NULL && loop->vm.has_looked && !has_appeared(loop)) {
		return;
	}
	loop->vm.has_looked = true;
	loop->vm.next_look_ns = now_ns(loop) + CBD_VMCLOCK_TICK_NS;
	cbd_vmclock_read(&loop->vmclock, &vm);
	tell_warnings(loop, vm.flags);
	if (!cbd_core_is_vm_news(&loop->core, &vm)) {
		loop->vm.is_told_unreadable = false;
		return;
	}
	if (vm.is_torn && loop->vm.is_told_unreadable) {
		return; /* not valid already, and polls go on looking */
	}
	loop->vm.is_watch_new = (loop->core.vm.flags & CLOCKBOUND_VM_WATCHED) == 0;
	if (cbd_clock_anchor(&loop->clocks.clock, &now) == 0 && cbd_core_on_vm(&loop->core, &now)) {
		publish_and_obey(loop);
	}
	loop->vm.is_watch_new = false;
	loop->vm.is_told_unreadable = vm.is_torn;
}

/* Why nothing that was measured before is used. Only what a marker has shown is an event of this machine's. */
static void tell_migration(struct cbd_loop *loop, enum cbd_log_level level, bool is_first)
{
	const struct cbd_vmclock *vmclock = &loop->vmclock;

	if (vmclock->page == NULL) {
		cbd_log(level, "migrated",
			"a former daemon watched a VMClock and this one does not: this machine may have been "
			"moved or restored between them, and nothing measured before is used");
		return;
	}
	if (loop->vm.is_watch_new) {
		cbd_log(level, "migrated",
			"VMClock %s was not watched before: this machine may have been moved or restored "
			"until now, and nothing measured before is used",
			vmclock->path);
		return;
	}
	if (is_first) {
		cbd_probe_tell(&loop->probe, CLOCKBOUND_EVENT_MIGRATED, (int64_t)loop->core.vm.marker);
	}
	cbd_log(level, "migrated",
		"this machine was moved or restored (VMClock %s, marker %llu%s%s): "
		"nothing measured before is used",
		vmclock->path, (unsigned long long)loop->core.vm.marker, vmclock->text[0] != '\0' ? "; " : "",
		vmclock->text);
}

/* Once for each disruption, whoever noticed it, and once when it is over. */
void cbd_loop_vm_published(struct cbd_loop *loop)
{
	const struct cbd_core *core = &loop->core;
	/* A VMClock out of its mind is told of once, until it was well again. */
	bool is_first = loop->vm.disrupted_ns == 0;
	enum cbd_log_level level = is_first ? CBD_LOG_WARNING : CBD_LOG_DEBUG;
	int64_t now = now_ns(loop);

	if (core->stats.migrations != loop->vm.told_migrations) {
		loop->vm.told_migrations = core->stats.migrations;
		loop->vm.disrupted_ns = now;
		loop->vm.recovery_ns = 0;
		if (now - loop->schedule.reset_ns >= RESET_MIN_NS) {
			/* Two migrations in a row: chronyd needs the second reset as much as the first. */
			loop->schedule.has_reset = false;
			is_first = true;
		}
		if (!core->is_forced) {
			tell_migration(loop, level, is_first);
		}
	}
	if (loop->vm.disrupted_ns != 0 && (core->out.clock_status & CLOCKBOUND_VALID) != 0) {
		loop->vm.recovery_ns = now - loop->vm.disrupted_ns;
		loop->vm.disrupted_ns = 0;
		cbd_log(CBD_LOG_NOTICE, "disruption_over",
			"measured anew, %.3f s after the disruption was noticed",
			(double)loop->vm.recovery_ns * 1e-9);
	}
}

void cbd_loop_vm_on_wake(struct cbd_loop *loop)
{
	if (!cbd_vmclock_on_wake(&loop->vmclock)) {
		cbd_log(CBD_LOG_NOTICE, "vmclock_wakes",
			"VMClock %s wakes for nothing: looked at every 0.1 s instead", loop->vmclock.path);
		cbd_loop_unwatch(loop, loop->vmclock.fd);
	}
}

void cbd_loop_vm_on_signal(struct cbd_loop *loop, int signal_number)
{
	const char *name = signal_number == SIGUSR1 ? "SIGUSR1" : "SIGUSR2";
	bool is_forced = signal_number == SIGUSR1;
	struct cbd_anchor now;

	if (!loop->config->has_disruption_support) {
		cbd_log(CBD_LOG_NOTICE, "ignored", "%s ignored: --disable-clock-disruption-support was given",
			name);
		return;
	}
	cbd_log(CBD_LOG_NOTICE, is_forced ? "disruption_forced" : "disruption_ended",
		is_forced ? "%s: a disruption is forced until SIGUSR2"
			  : "%s: no disruption is forced any more; chronyd has to measure anew",
		name);
	if (cbd_clock_anchor(&loop->clocks.clock, &now) == 0) {
		cbd_core_force(&loop->core, is_forced, &now);
		publish_and_obey(loop);
	}
}

int64_t cbd_loop_vm_next_ns(const struct cbd_loop *loop)
{
	int64_t next_ns = INT64_MAX;

	/* Also of one that notifies: that comes sooner, but may be lost, and an update that never ends brings none. */
	if (loop->vmclock.page != NULL) {
		next_ns = loop->vm.next_look_ns;
	} else if (strcmp(how(loop), "off") != 0) {
		next_ns = loop->vm.next_find_ns;
	}
	if (loop->injection.kind != CLOCKBOUND_INJECT_OFF && loop->injection.until_ns < next_ns) {
		next_ns = loop->injection.until_ns;
	}
	return next_ns;
}

static void fill(void *context, struct clockbound_control_vmclock *answer)
{
	const struct cbd_loop *loop = context;
	const struct cbd_vmclock *vmclock = &loop->vmclock;
	int64_t left_ns = loop->injection.until_ns - now_ns(loop);

	answer->has_vmclock = vmclock->page != NULL;
	answer->vm_flags = loop->vm.told_flags; /* of the last look: a poll may be long ago */
	answer->marker = loop->core.out.vm_marker;
	answer->migrations = loop->core.stats.migrations;
	answer->recovery_ns = (uint64_t)loop->vm.recovery_ns;
	answer->load_ps = vmclock->load_ps;
	answer->tick_ms = answer->has_vmclock != 0 && cbd_vmclock_wake_fd(vmclock) < 0
				  ? (uint32_t)(CBD_VMCLOCK_TICK_NS / NS_PER_MS)
				  : 0;
	answer->clock_status = vmclock->clock_status;
	answer->inject_kind = loop->injection.kind;
	if (loop->injection.kind != CLOCKBOUND_INJECT_OFF && left_ns > 0) {
		answer->inject_left_ms = (uint64_t)(left_ns / NS_PER_MS);
	}
	snprintf(answer->path, sizeof(answer->path), "%s", vmclock->path);
	snprintf(answer->reason, sizeof(answer->reason), "%.*s", (int)sizeof(answer->reason) - 1,
		 vmclock->page == NULL && vmclock->text[0] == '\0' ? "the daemon was told to watch none"
								   : vmclock->text);
}

static int descriptor(void *context)
{
	const struct cbd_loop *loop = context;

	return cbd_vmclock_readers_fd(&loop->vmclock);
}

static uint32_t inject(void *context, uint32_t kind, uint32_t for_ms, uint32_t uid)
{
	struct cbd_loop *loop = context;
	const bool is_rename =
		kind == CLOCKBOUND_INJECT_SYNCHRONIZED || kind == CLOCKBOUND_INJECT_FREE_RUNNING;

	if (!loop->config->allow_inject) {
		return CLOCKBOUND_CONTROL_NOT_ALLOWED;
	}
	if (is_rename && (loop->core.out.clock_status & CLOCKBOUND_VALID) == 0) {
		return CLOCKBOUND_CONTROL_NOT_VALID;
	}
	cbd_log(CBD_LOG_WARNING, "injected", "user %u injects: %s, for %g s", uid, cbd_injection_name(kind),
		kind == CLOCKBOUND_INJECT_OFF ? 0.0 : for_ms * 1e-3);
	/* First as it is, so that what was torn is whole before the next begins. */
	loop->injection.kind = CLOCKBOUND_INJECT_OFF;
	cbd_loop_publish(loop);
	loop->injection.kind = kind;
	loop->injection.is_begun = false;
	loop->injection.until_ns = now_ns(loop) + for_ms * NS_PER_MS;
	cbd_loop_publish(loop);
	return CLOCKBOUND_CONTROL_OK;
}

void cbd_loop_vm_end_injection(struct cbd_loop *loop)
{
	if (loop->injection.kind != CLOCKBOUND_INJECT_OFF && now_ns(loop) >= loop->injection.until_ns) {
		cbd_log(CBD_LOG_NOTICE, "injection_over", "what was injected is over: %s",
			cbd_injection_name(loop->injection.kind));
		loop->injection.kind = CLOCKBOUND_INJECT_OFF;
		cbd_loop_publish(loop);
	}
}

void cbd_loop_vm_open(struct cbd_loop *loop)
{
	(void)find(loop);
	cbd_loop_vm_count(loop);
	loop->told_vm = (struct cbd_control_vm){
		.fill = fill,
		.descriptor = descriptor,
		.inject = inject,
		.context = loop,
	};
	cbd_control_set_vm(&loop->control, &loop->told_vm);
	if (loop->config->allow_inject) {
		cbd_log(CBD_LOG_WARNING, "allow_inject",
			"--allow-inject: root and this daemon's user may make the page say what is not so");
	}
}
