#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clockbound-bench probe: a short run tells of every rung, by numbers or by a reason; nothing of it stays, however it
# ends. clockbound-bench invalidate: what it refuses. No clock is moved, and nothing is asserted on speed.
. "$(dirname "$0")/../harness/e2e.sh"

BENCH=$CB_BIN/clockbound-bench
BENCH_PID=
command -v jq >/dev/null || skip "jq is not installed"
WORLD=$(mktemp -d) || exit 1
WORLD_OWNER=$BASHPID

# ends STATUS ARGUMENT...
ends() {
	local want=$1 got=0
	shift
	"$BENCH" "$@" >"$WORLD/bench.out" 2>"$WORLD/bench.log" || got=$?
	[ "$got" -eq "$want" ] || fail "clockbound-bench $* ended with $got, not $want"
}

# told FILTER - what jq says of the last output
told() {
	jq -e "$1" "$WORLD/bench.out" >/dev/null || fail "not so: $1"
}

# has_daemon - the benchmark's processes are there: the one that makes the calls, and a daemon with its directory
has_daemon() {
	local pid
	CHILDREN=$(grep -lsE "^PPid:[[:space:]]*$BENCH_PID\$" /proc/[0-9]*/status | tr -cd '0-9\n' | tr '\n' ' ')
	DIRECTORY=
	for pid in $CHILDREN; do
		DIRECTORY+=$(tr "\0" "\n" 2>/dev/null <"/proc/$pid/cmdline" | grep -A 1 -x -e --runtime-dir | tail -n 1)
	done
	[ -d "$DIRECTORY" ]
}

# are_gone - none of them runs any more
are_gone() {
	local pid
	for pid in $CHILDREN; do
		! kill -0 "$pid" 2>/dev/null || return 1
	done
}

# is_cut_off SIGNAL - in the middle of a run: its daemon ends with it
is_cut_off() {
	"$BENCH" probe --probe timerfd --rounds 1000 >"$WORLD/bench.out" 2>"$WORLD/bench.log" &
	BENCH_PID=$!
	wait_until 60 "a daemon of clockbound-bench" has_daemon
	kill "-$1" "$BENCH_PID"
	wait "$BENCH_PID" 2>/dev/null
	STATUS=$?
	wait_until 60 "the end of the benchmark's processes $CHILDREN" are_gone
}

ends 0 probe --rounds 1 --json
told '[.rungs[].rung] == ["fentry", "tracepoint", "timerfd", "off"]'
told '.rungs | all(if .possible then .rounds == 1 and .reason == "" else .rounds == 0 and .reason != "" end)'
told '.rungs | map(select(.rung == "timerfd" or .rung == "off")) | all(.possible)'
told '.rungs | map(select(.possible)) | all([.calls[].name] ==
	["getppid", "adjtimex_read", "adjtimex_refused", "clock_settime_refused"])'
told '[.rungs[].calls[]] | all(.off_ns > 0 and .on_ns > 0 and .ratio > 0 and .ratio_min <= .ratio_q1 and
	.ratio_q1 <= .ratio and .ratio <= .ratio_q3 and .ratio_q3 <= .ratio_max)'
told '.machine | has("cpu") and has("kernel") and .cores > 0'
ends 0 --probe off probe --rounds 2
grep -qE '^off +getppid( +[-+0-9.]+){4}  [0-9.]+\.\.[0-9.]+, [0-9.]+\.\.[0-9.]+$' "$WORLD/bench.out" ||
	fail "the table lacks a row"
! grep -qE '^(fentry|tracepoint|timerfd) ' "$WORLD/bench.out" || fail "the table tells of what was not asked for"

is_cut_off TERM
[ "$STATUS" -eq 3 ] || fail "an interrupted run ended with $STATUS"
[ ! -e "$DIRECTORY" ] || fail "an interrupted run left $DIRECTORY"
is_cut_off KILL 2>/dev/null
rm -rf -- "$DIRECTORY"

ends 3 probe --daemon "$WORLD/none"
grep -qF "$WORLD/none" "$WORLD/bench.log" || fail "the missing daemon is not named"
ends 3 probe --daemon /bin/false
grep -q 'the daemon has ended' "$WORLD/bench.log" || fail "a daemon that ends at once is not told of"
ends 2 invalidate
grep -q 'would step CLOCK_REALTIME 24 times' "$WORLD/bench.log" || fail "what it would do is not told"
ends 2 invalidate --move-clock --steps 3
ends 2 invalidate --move-clock --steps 202
ends 2 invalidate --move-clock --own --runtime-dir "$WORLD"
ends 2 invalidate --move-clock --probe off
ends 2 probe --probe best
ends 2 probe --rounds 1001
ends 2 probe --move-clock
ends 2 now --probe off
ends 3 invalidate --move-clock --runtime-dir "$WORLD/none"
grep -qE 'none/clockbound.sock|CAP_SYS_TIME' "$WORLD/bench.log" || fail "it does not say what is missing"
if [ "$(id -u)" -eq 0 ]; then
	setpriv --reuid=65534 --regid=65534 --clear-groups -- "$BENCH" invalidate --move-clock >"$WORLD/bench.out" \
		2>"$WORLD/bench.log" && fail "anybody may move the clock"
	grep -q 'CAP_SYS_TIME' "$WORLD/bench.log" || fail "the missing capability is not named"
fi
