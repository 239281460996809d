#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon is stopped with SIGSTOP: readers go on without a pause, the bound stays valid and grows, after 5 s the
# status says FREE_RUNNING with reason DAEMON_STALE, and all is well again after SIGCONT.
. "$(dirname "$0")/../harness/e2e.sh"

synchronised
loop_start
kill -STOP "$DAEMON_PID"
stopped=$(now_ms)
read_once || fail "a read right after SIGSTOP"
width=$(field inline width_ns)
sleep 2
reads inline 'status=SYNCHRONIZED valid=1' || fail "stale within 2.5 s of SIGSTOP already"
wait_until 6 "DAEMON_STALE" reads inline 'status=FREE_RUNNING valid=1 reasons=[A-Z_,]*DAEMON_STALE'
took=$(($(now_ms) - stopped))
[ "$took" -ge 3500 ] || fail "DAEMON_STALE after $took ms, promised are 5 s less one poll at most"
[ "$(field inline width_ns)" -gt "$width" ] || fail "the interval did not grow"
wait_until 3 "shm to say FREE_RUNNING" reads shm 'status=FREE_RUNNING valid=1'
kill -CONT "$DAEMON_PID"
wait_until 5 "SYNCHRONIZED after SIGCONT" reads inline 'status=SYNCHRONIZED valid=1'
loop_end
loop_was_right
loop_was_valid inline clock page shm0 shm
for path in inline clock page; do
	[ "$(total "$path" longest_us)" -lt 1000000 ] || fail "$path: a read took $(total "$path" longest_us) us"
done
cat "$WORLD/loop.out"
