#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon as an ordinary user with CAP_BPF and CAP_PERFMON: it attaches, keeps no capability, and goes on after many
# polls and a marked call. With less it says why, and the timer serves. No clock is moved.
. "$(dirname "$0")/../harness/e2e.sh"

STEP_NAME=bpf_step$$ # as the kernel has it: another checkout's tests may step this clock too
TRACING=/sys/kernel/tracing
CALLS=$TRACING/events/syscalls

# open_up - the tracepoints' identifiers for everybody: copies, since tracefs itself is root's and stays so
open_up() {
	local copy name
	[ -d "$CALLS" ] || mount -t tracefs tracefs "$TRACING" || return 1
	copy=$(mktemp -d) || return 1
	for name in adjtimex clock_adjtime clock_settime settimeofday; do
		mkdir "$copy/sys_enter_$name" "$copy/sys_exit_$name" &&
			cat "$CALLS/sys_enter_$name/id" >"$copy/sys_enter_$name/id" &&
			cat "$CALLS/sys_exit_$name/id" >"$copy/sys_exit_$name/id" || return 1
	done
	mount -t tmpfs -o mode=755 tmpfs "$TRACING" && mkdir -p "$CALLS" && cp -r "$copy"/. "$CALLS" &&
		chmod -R a+rX "$TRACING" && rm -rf -- "$copy"
}

[ "$(id -u)" -eq 0 ] || skip "only root gives capabilities away"
[ -r /sys/kernel/btf/vmlinux ] || skip "this kernel does not tell its types (/sys/kernel/btf/vmlinux)"
command -v setpriv >/dev/null || skip "no setpriv"
if [ "${1:-}" != in-namespace ]; then
	exec unshare --mount -- "$0" in-namespace
fi
chronyd_needed
open_up || skip "no tracefs whose identifiers can be copied"

# daemon_with CAPABILITIES [OPTION...] - as nobody, with these ambient capabilities ("-all", "-all,+bpf")
daemon_with() {
	local capabilities=$1
	shift
	: >"$WORLD/daemon.log"
	setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps="$capabilities" \
		--ambient-caps="$capabilities" -- "$CB_BIN/clockbound" --runtime-dir "$RUN" --chrony-socket "$SOCKET" \
		"$@" >>"$WORLD/daemon.log" 2>&1 </dev/null &
	DAEMON_PID=$!
	wait_until 30 "what the probe says" grep -q 'are noticed by' "$WORLD/daemon.log"
	wait_until 60 "a valid interval" reads clock 'status=SYNCHRONIZED valid=1'
}

# has_none - no capability in any set, and no way to another
has_none() {
	[ "$(grep -cE '^Cap(Inh|Prm|Eff|Amb):\s0+$' "/proc/$DAEMON_PID/status")" -eq 4 ] &&
		grep -qE '^NoNewPrivs:\s1$' "/proc/$DAEMON_PID/status"
}

# publications - how many there have been
publications() {
	"$CB_BIN/cbctl" --runtime-dir "$RUN" status --json | sed -n 's/.*"publications": *\([0-9]*\).*/\1/p' | head -n 1
}

has_published() {
	[ "$(publications)" -ge "$1" ]
}

# has_events COUNT - so many requests by our program have been told of
has_events() {
	"$CB_BIN/cbctl" --runtime-dir "$RUN" events --json >"$WORLD/events.out" 2>&1 &&
		[ "$(grep -c "\"$STEP_NAME\"" "$WORLD/events.out")" -ge "$1" ]
}

world_make nobody
STEP=$WORLD/$STEP_NAME
cp "$BUILD/tests/bpf_step" "$STEP" || fail "cannot copy the stepping program"
server_start
follower_start
daemon_with -all,+bpf,+perfmon --probe tracepoint --poll-interval 0.2
grep -q 'are noticed by tracepoint' "$WORLD/daemon.log" || fail "not by tracepoints: $(tail -n 3 "$WORLD/daemon.log")"
has_none || fail "capabilities are left: $(grep -E 'Cap|NoNew' "/proc/$DAEMON_PID/status")"
for number in 1 2 3; do
	wait_until 60 "five more publications" has_published "$(($(publications) + 5))"
	"$STEP" refused || fail "a rate that nobody gets was set"
	wait_until 20 "the event of request $number" has_events "$number"
	wait_until 20 "the acknowledgement of request $number" reads clock 'valid=1'
done
grep -q 'kernel_page_lost\|cannot be written\|from now on' "$WORLD/daemon.log" && fail "it has fallen back"
grep -q tracepoint <<<"$("$CB_BIN/cbctl" --runtime-dir "$RUN" status)" || fail "cbctl does not tell of tracepoints"
stop_pid "$DAEMON_PID"

for capabilities in -all -all,+bpf -all,+perfmon; do
	daemon_with "$capabilities" --probe tracepoint
	grep -q 'are noticed by timerfd; why not better: .' "$WORLD/daemon.log" ||
		fail "with $capabilities: $(grep 'are noticed by' "$WORLD/daemon.log")"
	has_none || fail "with $capabilities some are left: $(grep -E 'Cap|NoNew' "/proc/$DAEMON_PID/status")"
	say "with $capabilities: $(sed -n 's/.*why not better: //p' "$WORLD/daemon.log")"
	stop_pid "$DAEMON_PID"
done
say "two capabilities, given up, and three requests told of after many polls"
