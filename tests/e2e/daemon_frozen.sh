#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon is stopped with SIGSTOP: readers go on without a pause, the bound stays valid and grows, 5 s after the
# last publication the status says FREE_RUNNING with reason DAEMON_STALE, and all is well again after SIGCONT.
. "$(dirname "$0")/../harness/e2e.sh"

# Since the anchor of a publication, which is a little older than this: by up to a second on a busy machine.
STALE_NS=5000000000

# publications - how many there have been
publications() {
	"$CB_BIN/cbctl" --runtime-dir "$RUN" status --json | sed -n 's/.*"publications": *\([0-9]*\).*/\1/p' | head -n 1
}

# after_publication - waits for the next one; it came after the instant that is in $PUBLISHED_NS then
after_publication() {
	local count before limit=$(($(now_ms) + 60000))
	read_once || fail "a read"
	before=$(field inline mono_ns)
	count=$(publications)
	while PUBLISHED_NS=$before && read_once && before=$(field inline mono_ns) && [ "$(publications)" = "$count" ]; do
		[ "$(now_ms)" -lt "$limit" ] || fail "waited for: a publication"
	done
}

# stale_at PATH - when the loop first saw its reader's status change
stale_at() {
	sed -n "s/^$1 status=FREE_RUNNING valid=1 .* mono_ns=\([0-9]*\).*/\1/p" "$WORLD/loop.out" | head -n 1
}

unprobed
loop_start
after_publication
kill -STOP "$DAEMON_PID"
read_once || fail "a read right after SIGSTOP"
width=$(field inline width_ns)
wait_until 60 "DAEMON_STALE" reads inline 'status=FREE_RUNNING valid=1 reasons=[A-Z_,]*DAEMON_STALE'
[ "$(field inline width_ns)" -gt "$width" ] || fail "the interval did not grow"
wait_until 60 "shm to say FREE_RUNNING" reads shm 'status=FREE_RUNNING valid=1'
took=$(($(stale_at inline) - PUBLISHED_NS))
[ "$took" -ge $((STALE_NS - 1000000000)) ] ||
	fail "DAEMON_STALE at most $took ns after a publication, promised are $STALE_NS"
kill -CONT "$DAEMON_PID"
wait_until 60 "SYNCHRONIZED after SIGCONT" reads inline 'status=SYNCHRONIZED valid=1'
loop_end
loop_was_right
loop_was_valid inline clock page shm0 shm
# A read that waited for the daemon would have taken as long as that was stopped.
for path in inline clock page; do
	[ "$(total "$path" longest_us)" -lt $((STALE_NS / 2000)) ] || fail "$path: a read took $(total "$path" longest_us) us"
done
cat "$WORLD/loop.out"
say "stale at most $((took / 1000000)) ms after a publication"
