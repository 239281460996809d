#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon on the tracepoint rung: steps of 1 ns, there and back, are told with author and size, and acknowledged; a
# killed daemon's successor goes on.
. "$(dirname "$0")/../harness/e2e.sh"

STEP_NAME=bpf_step$$ # as the kernel has it: another checkout's tests may step this clock too
[ "$(id -u)" -eq 0 ] || skip "only root attaches tracepoints"
[ -r /sys/kernel/btf/vmlinux ] || skip "this kernel does not tell its types (/sys/kernel/btf/vmlinux)"
# Where nobody has mounted tracefs: in a mount namespace of our own.
if [ ! -d /sys/kernel/tracing/events ]; then
	[ "${1:-}" != in-namespace ] || skip "no tracefs"
	exec unshare --mount -- sh -c 'mount -t tracefs tracefs /sys/kernel/tracing; exec "$0" in-namespace' "$0"
fi
chronyd_needed

# has_events COUNT - the daemon has told of so many steps by our program
has_events() {
	"$CB_BIN/cbctl" --runtime-dir "$RUN" events --json >"$WORLD/events.out" 2>&1 &&
		[ "$(grep -c "\"$STEP_NAME\"" "$WORLD/events.out")" -ge "$1" ]
}

# begin - a daemon that is attached, up to its first valid interval
begin() {
	daemon_start --probe tracepoint
	wait_until 60 "a valid interval" reads clock 'status=SYNCHRONIZED valid=1'
	wait_until 20 "what the probe says" grep -q 'are noticed by' "$WORLD/daemon.log"
	grep -q 'are noticed by tracepoint' "$WORLD/daemon.log" || skip "$(grep 'are noticed by' "$WORLD/daemon.log")"
}

world_make root
STEP=$WORLD/$STEP_NAME
cp "$BUILD/tests/bpf_step" "$STEP" || fail "cannot copy the stepping program"
server_start
follower_start
begin
for number in 1 2 3 4 5; do
	"$STEP" 1 || fail "the clock cannot be stepped"
	wait_until 20 "the acknowledgement of step $number" reads clock 'valid=1'
	"$STEP" -1 || fail "the clock cannot be stepped back"
	wait_until 20 "the acknowledgement of step $number back" reads clock 'valid=1'
done
wait_until 20 "ten events" has_events 10
[ "$(grep -c "stepped by $STEP_NAME .*[+]1 ns" "$WORLD/daemon.log")" -eq 5 ] || fail "not five steps of +1 ns in the log"
[ "$(grep -c "stepped by $STEP_NAME .*-1 ns" "$WORLD/daemon.log")" -eq 5 ] || fail "not five steps of -1 ns in the log"

kill -KILL "$DAEMON_PID"
wait "$DAEMON_PID" 2>/dev/null
: >"$WORLD/daemon.log"
begin
"$STEP" 1 || fail "the clock cannot be stepped"
"$STEP" -1 || fail "the clock cannot be stepped back"
wait_until 20 "two events of the successor" has_events 2
wait_until 20 "the acknowledgement" reads clock 'valid=1'
say "twelve steps, one successor"
