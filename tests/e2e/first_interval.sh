#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A daemon that finds chronyd synchronised gives the first valid interval within 3 s of its start.
. "$(dirname "$0")/../harness/e2e.sh"

chronyd_needed
world_make
server_start
follower_start
wait_until 60 "the follower to select the server" is_following
begin=$(now_ms)
daemon_start
"$CB_BIN/cbctl" --runtime-dir "$RUN" waitsync --timeout-seconds 3 >"$WORLD/waitsync.out" 2>&1 ||
	fail "waitsync ended with status $? after $(($(now_ms) - begin)) ms"
took=$(($(now_ms) - begin))
[ "$took" -le 3000 ] || fail "the first valid interval came after $took ms"
reads inline 'valid=1' || fail "waitsync said yes, and the interval is not valid"
say "first valid interval after $took ms"
