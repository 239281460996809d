#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A chronyd that serves its own clock bounds nothing: not valid, LOCAL_MODE; with --allow-local it is believed.
. "$(dirname "$0")/../harness/e2e.sh"

chronyd_needed
world_make
follower_start "local stratum 1"
daemon_start
wait_until 60 "LOCAL_MODE" reads inline 'valid=0 reasons=[A-Z_,]*LOCAL_MODE'
for _ in 1 2 3 4 5 6; do
	sleep 0.5
	reads inline 'status=UNKNOWN valid=0 reasons=[A-Z_,]*LOCAL_MODE' || fail "local mode was believed"
	reads page 'valid=0' || fail "the library believed local mode"
done
"$CB_BIN/cbctl" --runtime-dir "$RUN" waitsync --timeout-seconds 1 >"$WORLD/waitsync.out" 2>&1 &&
	fail "waitsync was satisfied by local mode"

stop_pid "$DAEMON_PID"
daemon_start --allow-local
wait_until 60 "a valid interval with --allow-local" reads inline 'status=SYNCHRONIZED valid=1'
