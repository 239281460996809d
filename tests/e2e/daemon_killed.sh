#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Readers loop through the daemon's kill -9, its restart, a clean stop and another restart: same files, no read that
# is not valid, no change of status, no interval without the truth.
. "$(dirname "$0")/../harness/e2e.sh"

synchronised
loop_start
for signal in KILL TERM; do
	kill -"$signal" "$DAEMON_PID"
	wait "$DAEMON_PID" 2>/dev/null
	sleep 1
	reads inline 'valid=1' || fail "not valid while the daemon was gone after SIG$signal"
	daemon_start
	before=$(field inline mono_ns)
	sleep 3
	alive "$DAEMON_PID" "the daemon started after SIG$signal"
	reads inline 'status=SYNCHRONIZED valid=1' || fail "not SYNCHRONIZED 3 s after the restart (SIG$signal)"
	reads shm0 'status=SYNCHRONIZED valid=1' || fail "shm0 not SYNCHRONIZED 3 s after the restart (SIG$signal)"
	[ "$(field inline mono_ns)" -gt "$before" ] || fail "the reader's clock stands"
done
loop_end
loop_was_right
loop_was_valid inline clock page shm0 shm
for path in inline clock page shm0 shm; do
	[ "$(grep -c "^$path " "$WORLD/loop.out")" -eq 1 ] || fail "$path: its readers noticed"
done
cat "$WORLD/loop.out"

# statuses PATH - the statuses that the loop saw, in their order, on one line
statuses() {
	sed -n "s/^$1 status=\([A-Z_]*\) .*/\1/p" "$WORLD/loop.out" | tr '\n' ' '
}

# Killed while chronyd is away: upstream's clients go on with the former daemon's figures, as upstream's rule has it,
# and at no moment with none.
loop_start
kill -KILL "$DAEMON_PID"
wait "$DAEMON_PID" 2>/dev/null
kill -KILL "$FOLLOWER_PID" # at once: the 5 s of upstream's rule have begun
wait "$FOLLOWER_PID" 2>/dev/null
daemon_start
wait_until 3 "shm0 FREE_RUNNING after the restart without chronyd" reads shm0 'status=FREE_RUNNING valid=1'
wait_until 10 "shm0 UNKNOWN 5 s after chronyd's last answer" reads shm0 'status=UNKNOWN valid=0'
reads inline 'status=FREE_RUNNING valid=1' || fail "the page is not valid without chronyd"
for path in shm0 shm; do
	reads "$path" ' width_ns=[1-9]' || fail "$path: its figures are gone"
done
follower_start
wait_until 15 "shm0 SYNCHRONIZED once chronyd is back" reads shm0 'status=SYNCHRONIZED valid=1'
loop_end
loop_was_right
loop_was_valid inline clock page
for path in shm0 shm; do
	[ "$(statuses "$path")" = "SYNCHRONIZED FREE_RUNNING UNKNOWN SYNCHRONIZED " ] ||
		fail "$path: was $(statuses "$path")"
	if grep -q "^$path .* width_ns=0 " "$WORLD/loop.out"; then
		fail "$path: an interval of no width"
	fi
done
cat "$WORLD/loop.out"
