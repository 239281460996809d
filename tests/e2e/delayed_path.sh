#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ten minutes against a server whose time runs at another rate than ours, over a path whose delay lies now on one
# side, now on the other, up to the whole round trip: true time is known exactly, and every valid interval contains
# it, through every path. CLOCKBOUND_PATH_SECONDS makes it shorter.
. "$(dirname "$0")/../harness/e2e.sh"

seconds=${CLOCKBOUND_PATH_SECONDS:-600}
chronyd_needed
world_make
server_start
relay_port=$(free_udp_port)
while [ "$relay_port" = "$SERVER_PORT" ]; do
	relay_port=$((relay_port + 1))
done
"$BUILD/tests/e2e_relay" "$RUN" "$relay_port" "$SERVER_PORT" "$seconds" >"$WORLD/relay.out" 2>&1 </dev/null &
LOOP_PID=$!
follower_start "server 127.0.0.1 port $relay_port iburst minpoll 0 maxpoll 0"
daemon_start
wait "$LOOP_PID" || fail "an interval missed the true time"
LOOP_PID=
cat "$WORLD/relay.out"
for path in inline clock page shm0 shm; do
	valid=$(sed -n "s/^summary $path .* valid=\([0-9]*\) .*/\1/p" "$WORLD/relay.out")
	reads=$(sed -n "s/^summary $path reads=\([0-9]*\) .*/\1/p" "$WORLD/relay.out")
	[ "${reads:-0}" -gt $((seconds * 100)) ] || fail "$path: ${reads:-no} reads"
	# The first seconds pass before chronyd has selected its source.
	[ "${valid:-0}" -gt $((reads * (seconds - 15) / seconds * 9 / 10)) ] || fail "$path: only $valid of $reads reads were valid"
done
