#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Readers loop through the daemon's kill -9, its restart, a clean stop and another restart: same files, no read that
# is not valid, no change of status, no interval without the truth.
. "$(dirname "$0")/../harness/e2e.sh"

# A status changes where nothing is published for 5 s: what takes longer than this, from the daemon's end to the first
# answer of the next one, is this machine's and is tried again. A publication may be a second old before it.
GONE_MS=3000
TRIES=10

# statuses PATH - the statuses that the loop saw, in their order, on one line
statuses() {
	sed -n "s/^$1 status=\([A-Z_]*\) .*/\1/p" "$WORLD/loop.out" | tr '\n' ' '
}

# restarted SIGNAL - ends the daemon and starts another while readers loop; status 1: that took this machine too long
restarted() {
	local begun before path took
	loop_start
	begun=$(now_ms)
	kill -"$1" "$DAEMON_PID"
	wait "$DAEMON_PID" 2>/dev/null
	reads inline 'valid=1' || fail "not valid while the daemon was gone after SIG$1"
	before=$(field inline mono_ns)
	daemon_start --probe off
	wait_until 60 "an answer of the daemon started after SIG$1" says_pid "$DAEMON_PID"
	took=$(($(now_ms) - begun))
	sleep 2
	alive "$DAEMON_PID" "the daemon started after SIG$1"
	wait_until 60 "SYNCHRONIZED after the restart (SIG$1)" reads inline 'status=SYNCHRONIZED valid=1'
	wait_until 60 "shm0 SYNCHRONIZED after the restart (SIG$1)" reads shm0 'status=SYNCHRONIZED valid=1'
	[ "$(field inline mono_ns)" -gt "$before" ] || fail "the reader's clock stands"
	loop_end
	loop_was_right
	loop_was_valid inline clock page shm0 shm
	cat "$WORLD/loop.out"
	[ "$took" -le "$GONE_MS" ] || return 1
	for path in inline clock page shm0 shm; do
		[ "$(grep -c "^$path " "$WORLD/loop.out")" -eq 1 ] || fail "$path: its readers noticed SIG$1"
	done
}

# replaced_without_chronyd - the daemon is killed while chronyd is away: upstream's clients go on with the former
# daemon's figures, as upstream's rule has it, and at no moment with none; status 1: this machine took too long
replaced_without_chronyd() {
	local begun took path
	loop_start
	begun=$(now_ms)
	kill -KILL "$DAEMON_PID"
	wait "$DAEMON_PID" 2>/dev/null
	kill -KILL "$FOLLOWER_PID" # at once: the 5 s of upstream's rule have begun
	wait "$FOLLOWER_PID" 2>/dev/null
	daemon_start --probe off
	wait_until 60 "an answer of the daemon without chronyd" says_pid "$DAEMON_PID"
	took=$(($(now_ms) - begun))
	wait_until 60 "shm0 UNKNOWN 5 s after chronyd's last answer" reads shm0 'status=UNKNOWN valid=0'
	reads inline 'status=FREE_RUNNING valid=1' || fail "the page is not valid without chronyd"
	for path in shm0 shm; do
		reads "$path" ' width_ns=[1-9]' || fail "$path: its figures are gone"
	done
	follower_start
	wait_until 60 "SYNCHRONIZED once chronyd is back" reads inline 'status=SYNCHRONIZED valid=1'
	wait_until 60 "shm0 SYNCHRONIZED once chronyd is back" reads shm0 'status=SYNCHRONIZED valid=1'
	loop_end
	loop_was_right
	loop_was_valid inline clock page
	cat "$WORLD/loop.out"
	for path in shm0 shm; do
		if grep -q "^$path .* width_ns=0 " "$WORLD/loop.out"; then
			fail "$path: an interval of no width"
		fi
	done
	[ "$took" -le "$GONE_MS" ] || return 1
	for path in shm0 shm; do
		[ "$(statuses "$path")" = "SYNCHRONIZED FREE_RUNNING UNKNOWN SYNCHRONIZED " ] ||
			fail "$path: was $(statuses "$path")"
	done
}

# in_time COMMAND... - until this machine is quick enough for it
in_time() {
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt "$TRIES" ] || fail "harness: no daemon answers within $GONE_MS ms here: $*"
		say "took longer than $GONE_MS ms, again: $*"
	done
}

unprobed
in_time restarted KILL
in_time restarted TERM
in_time replaced_without_chronyd
