#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# chronyd hangs, dies, comes back, and loses its whole run directory: the status says FREE_RUNNING and
# CHRONY_UNREACHABLE, the bound stays valid and grows by at least the drift, and each time all heals by itself.
. "$(dirname "$0")/../harness/e2e.sh"

DRIFT_PPB=50000
UNREACHABLE='status=FREE_RUNNING valid=1 reasons=[A-Z_,]*CHRONY_UNREACHABLE'

# grows - over 2 s both ends together move apart by twice the drift at least, less one nanosecond of rounding a side
grows() {
	local width mono grown least
	read_once || fail "a read"
	width=$(field inline width_ns) mono=$(field inline mono_ns)
	sleep 2
	reads inline "$UNREACHABLE" || fail "not CHRONY_UNREACHABLE any more"
	grown=$(($(field inline width_ns) - width))
	least=$((2 * ($(field inline mono_ns) - mono) / 1000 * DRIFT_PPB / 1000000 - 100))
	[ "$grown" -ge "$least" ] || fail "the interval grew by $grown ns in 2 s, the drift alone makes $least"
}

heals() {
	wait_until 60 "SYNCHRONIZED after $1" reads inline 'status=SYNCHRONIZED valid=1 reasons= '
	wait_until 60 "shm0 SYNCHRONIZED after $1" reads shm0 'status=SYNCHRONIZED valid=1'
	alive "$DAEMON_PID" "the daemon"
}

unprobed
loop_start

kill -STOP "$FOLLOWER_PID"
wait_until 60 "CHRONY_UNREACHABLE after SIGSTOP" reads inline "$UNREACHABLE"
grows
kill -CONT "$FOLLOWER_PID"
heals "SIGCONT"

kill -KILL "$FOLLOWER_PID"
wait "$FOLLOWER_PID" 2>/dev/null
wait_until 60 "CHRONY_UNREACHABLE after SIGKILL" reads inline "$UNREACHABLE"
grows
follower_start
heals "a restart"

kill -TERM "$FOLLOWER_PID"
wait "$FOLLOWER_PID" 2>/dev/null
rm -rf -- "$WORLD/follower"
wait_until 60 "CHRONY_UNREACHABLE after a clean stop" reads inline "$UNREACHABLE"
mkdir -m 0700 "$WORLD/follower"
follower_start
heals "the run directory was made anew"

loop_end
loop_was_right
loop_was_valid inline clock page
cat "$WORLD/loop.out"
