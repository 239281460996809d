#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# At the default poll the daemon takes less than 0.2 % of a core over 20 s, and less than 8 MiB of memory. On-CPU time
# is the scheduler's own count, in ns, where the kernel keeps it; else ticks of 10 ms.
. "$(dirname "$0")/../harness/e2e.sh"

SECONDS_WATCHED=20
CPU_US_MAX=$((SECONDS_WATCHED * 2000))
RSS_KIB_MAX=8192

cpu_us() {
	local ns rest
	if read -r ns rest <"/proc/$DAEMON_PID/schedstat" 2>/dev/null && [ "$ns" -gt 0 ]; then
		printf '%s\n' $((ns / 1000))
	else
		awk -v hz="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); print int(($12 + $13) * 1000000 / hz) }' \
			"/proc/$DAEMON_PID/stat"
	fi
}

synchronised
begin=$(cpu_us)
sleep "$SECONDS_WATCHED"
alive "$DAEMON_PID" "the daemon"
used=$(($(cpu_us) - begin))
rss=$(awk '/^VmRSS:/ { print $2 }' "/proc/$DAEMON_PID/status")
say "CPU: $used us in $SECONDS_WATCHED s ($(awk -v u="$used" -v s="$SECONDS_WATCHED" 'BEGIN { printf "%.3f", u / s / 10000 }') % of a core), memory: $rss KiB"
[ "$used" -lt "$CPU_US_MAX" ] || fail "more than 0.2 % of a core"
[ "$rss" -lt "$RSS_KIB_MAX" ] || fail "more than 8 MiB"
