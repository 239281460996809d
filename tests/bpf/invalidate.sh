#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clockbound-bench invalidate, with a daemon of its own: one step of 1 ns, and back. Each is told of, none leaves a
# valid read, and the clock has come back. Nothing is asserted on speed.
. "$(dirname "$0")/../harness/e2e.sh"

[ "$(id -u)" -eq 0 ] || skip "only root attaches tracepoints and steps the clock"
command -v jq >/dev/null || skip "jq is not installed"
chronyd_needed

# told FILTER - what jq says of the output
told() {
	jq -e "$1" "$WORLD/bench.out" >/dev/null || fail "not so: $1"
}

world_make root
server_start
follower_start
"$CB_BIN/clockbound-bench" invalidate --move-clock --steps 2 --own --probe tracepoint --chrony-socket "$SOCKET" \
	--json >"$WORLD/bench.out" 2>"$WORLD/bench.log"
status=$?
if grep -qE 'CAP_SYS_TIME|cannot be stepped' "$WORLD/bench.log"; then
	skip "$(cat "$WORLD/bench.log")"
fi
[ "$status" -eq 0 ] || fail "clockbound-bench invalidate ended with $status"
told '.steps == 2 and .step_ns == 1'
told '[.call, .published, .valid, .still_valid.window] | all(.steps == 2 and .median_us <= .p99_us and
	.p99_us <= .max_us)'
told '.call.median_us > 0 and .published.median_us >= .call.median_us and .valid.median_us >= .published.median_us'
told '.still_valid | .valid_reads <= .reads and .steps <= 2'
if grep -q 'warning: not tracepoint' "$WORLD/bench.log"; then
	skip "$(cat "$WORLD/bench.log")"
fi
told '.rung == "tracepoint"'
told 'if .kernel_page then .still_valid.valid_reads == 0 and .still_valid.window.max_us == 0 else true end'
