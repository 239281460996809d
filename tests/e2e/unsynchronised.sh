#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From the start until chronyd has synchronised there is no bound: UNKNOWN, NOT_SYNCED_YET; then there is one. The
# same without any chronyd: the daemon waits for it.
. "$(dirname "$0")/../harness/e2e.sh"

chronyd_needed
world_make
daemon_start
wait_until 60 "CHRONY_UNREACHABLE without a chronyd" \
	reads inline 'status=UNKNOWN valid=0 reasons=[A-Z_,]*NOT_SYNCED_YET,[A-Z_,]*CHRONY_UNREACHABLE'
follower_start "server 127.0.0.1 port $SERVER_PORT iburst minpoll -4 maxpoll -2"
for _ in 1 2 3 4 5 6; do
	sleep 0.5
	reads inline 'status=UNKNOWN valid=0 reasons=[A-Z_,]*NOT_SYNCED_YET' || fail "a bound without a source"
	reads clock 'valid=0' || fail "a bound from the clock without a source"
	reads page 'status=UNKNOWN' || fail "the library's status is not UNKNOWN"
done
wait_until 60 "chronyd's reasons alone" reads inline 'valid=0 reasons=NOT_SYNCED_YET,UNSYNCHRONISED '
server_start
wait_until 60 "a valid interval once there is a source" reads inline 'status=SYNCHRONIZED valid=1 reasons= '
