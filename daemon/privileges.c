/* SPDX-License-Identifier: Apache-2.0 */
/* See privileges.h. capset(2) by hand: it is the only call of libcap's that would be used. */
#include "daemon/privileges.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/capability.h>

#include "daemon/log.h"

/* Not in every <linux/capability.h>: since Linux 5.8. */
#define PERFMON 38
#define BPF	39

#define BIT(capability) (UINT64_C(1) << (capability))

/* Up to this release bpf(2) asks for CAP_BPF at every call, unless unprivileged_bpf_disabled is 0. */
#define ASKS_ALWAYS_MAJOR 5
#define ASKS_ALWAYS_MINOR 18

static void keep_only(uint64_t keep)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	unsigned long capability;
	size_t i;

	for (capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
		if (capability >= 64 || (keep & BIT(capability)) == 0) {
			prctl(PR_CAPBSET_DROP, capability, 0, 0,
			      0); /* fails without CAP_SETPCAP: then all is less already */
		}
	}
	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &header, data) == 0) {
		for (i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
			data[i].permitted &= (__u32)(keep >> (32 * i));
			data[i].effective = data[i].permitted;
			data[i].inheritable = 0;
		}
		if (syscall(SYS_capset, &header, data) == 0) {
			return;
		}
	}
	cbd_log(CBD_LOG_WARNING, "capabilities_kept",
		"cannot give up capabilities: %s; better run as chronyd's user", strerror(errno));
}

static bool is_asked_always(void)
{
	struct utsname system;
	unsigned long major;
	unsigned long minor;
	char *end;

	if (uname(&system) != 0) {
		return true;
	}
	major = strtoul(system.release, &end, 10);
	minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return major < ASKS_ALWAYS_MAJOR || (major == ASKS_ALWAYS_MAJOR && minor <= ASKS_ALWAYS_MINOR);
}

/* Descriptors that our user has sent and nobody has read yet are counted against it; it costs nothing. */
static void raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

void cbd_privileges_limit(bool has_probe)
{
	uint64_t keep = BIT(CAP_DAC_OVERRIDE) | BIT(CAP_SETPCAP);

	raise_files();
	if (has_probe) {
		keep |= BIT(BPF) | BIT(PERFMON) | BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_RESOURCE) |
			BIT(CAP_DAC_READ_SEARCH);
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		cbd_log(CBD_LOG_WARNING, "privileges_kept", "cannot set no_new_privs: %s", strerror(errno));
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	keep_only(keep);
}

void cbd_privileges_drop(bool has_kernel_page)
{
	bool needs_bpf = has_kernel_page && is_asked_always();

	keep_only((geteuid() == 0 ? BIT(CAP_DAC_OVERRIDE) : 0) | (needs_bpf ? BIT(BPF) : 0));
}
