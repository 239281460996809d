#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cbctl_bench.sh BENCH - a short run has every row with sensible numbers, on its own files; errors are told apart. What
# the reads cost is not asked here; see bench_now_ratios.sh.
set -u -o pipefail
BENCH=$1
DIR=$(mktemp -d) || exit 1
trap 'rm -rf "$DIR"' EXIT
command -v jq >/dev/null || {
	echo "skipped: jq is not installed"
	exit 77
}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

# ends STATUS ARGUMENT...
ends() {
	local want=$1 got=0
	shift
	TMPDIR=$DIR "$BENCH" "$@" >"$DIR/out" 2>"$DIR/err" || got=$?
	[ "$got" -eq "$want" ] || fail "clockbound-bench $* ended with $got, not $want: $(cat "$DIR/err")"
}

touch "$DIR/begin"
names='["clock_gettime","counter_ordered","counter_relaxed","inline_ordered","inline_relaxed","inline_strict","library_page",
	"library_shm0","library_shm","inline_ordered_writer","inline_ordered_threads_1","inline_ordered_threads_2",
	"inline_ordered_threads_4"]'
ends 0 now --rounds 20 --json
jq -e "[.rows[].name] == $names" "$DIR/out" >/dev/null || fail "other rows: $(jq -c '[.rows[].name]' "$DIR/out")"
jq -e '.rows | all(.median_ns > 0 and .p99_ns >= .median_ns and .p999_ns >= .p99_ns and .ratio > 0)' "$DIR/out" \
	>/dev/null || fail "numbers that cannot be: $(cat "$DIR/out")"
jq -e '.rows[0].ratio == 1 and (.machine | has("cpu") and has("clocksource") and has("kernel") and .cores > 0 and
	has("counter_hz"))' "$DIR/out" >/dev/null || fail "the machine is not told: $(cat "$DIR/out")"
ends 0 --rounds 20 now
grep -q '^inline_ordered_writer ' "$DIR/out" || fail "the table lacks a row: $(cat "$DIR/out")"
grep -q "p99.9 to .* times" "$DIR/out" || fail "the writer's effect is not told"
left=$(find /dev/shm "$DIR" -maxdepth 1 -name 'clockbound-bench-*' -user "$(id -un)" -newer "$DIR/begin" 2>/dev/null)
[ -z "$left" ] || fail "the run left $left"
ends 3 now --rounds 1 --runtime-dir "$DIR/none"
grep -qF "$DIR/none/page" "$DIR/err" || fail "the missing page is not named: $(cat "$DIR/err")"
ends 2 now --rounds 0
ends 2 now --rounds many
ends 2 later
ends 2
ends 2 --quick now
