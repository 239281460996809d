#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clockbound-replay as a program: what --json has in it, and how it ends when it is given what it cannot use.
set -u -o pipefail

replay=$1
data=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf -- "$work"' EXIT

fail() {
	echo "FAILED: $*"
	exit 1
}

# ends STATUS PATTERN ARGUMENT... - the program ends with STATUS, prints no result, and stderr matches PATTERN
ends() {
	local wanted=$1 pattern=$2 status
	shift 2
	"$replay" "$@" >"$work/out" 2>"$work/err"
	status=$?
	[ "$status" -eq "$wanted" ] || fail "$*: status $status, not $wanted: $(cat "$work/err")"
	[ ! -s "$work/out" ] || fail "$*: printed a result"
	grep -qE -- "$pattern" "$work/err" || fail "$*: does not say '$pattern': $(cat "$work/err")"
}

command -v jq >/dev/null || { echo "SKIP: no jq"; exit 77; }

"$replay" --json "$data/chrony-source-traces" "$data/chrony-traces/lan50us.csv.gz" >"$work/json" ||
	fail "--json ended with $?"
jq -e 'length == 25 and all(.[]; (.name | type) == "string" and all(.reports, .valid, .not_contained,
	.not_contained_between, .longest_s, .width_median_ns, .width_ratio_median, .chrony_not_contained,
	.upstream1_not_contained, .upstream2_not_contained; type == "number"))' "$work/json" >/dev/null ||
	fail "--json lacks a field: $(jq -c '.[0]' "$work/json")"
jq -e '.[24] | .name == "lan50us" and .reports == 5999 and .valid == 5995 and .not_contained == 0' "$work/json" \
	>/dev/null || fail "--json: $(jq -c '.[24]' "$work/json")"
"$replay" --rho-ppb 0 "$data/chrony-source-traces/jump-p6-lan-m50-s2015.csv.gz" | awk 'NR == 3 { exit !($4 > 0) }' ||
	fail "a rho of 0 shows no failure"
"$replay" --tracking-only --json "$data/chrony-source-traces/step-quiet-1.csv.gz" |
	jq -e '.[0].fallback == .[0].valid' >/dev/null || fail "--tracking-only took Source_Data"

ends 2 usage
ends 2 usage --no-such-option
ends 2 'rho-ppb.*"-1"' --rho-ppb -1 "$data"
ends 2 'rho-ppb.*"5x"' --rho-ppb 5x "$data"
ends 1 'nothing: No such file' "$work/nothing"
ends 1 'no traces' "$work"
echo 'scenario,seed' >"$work/scenarios.csv"
ends 1 'no traces' "$work"
ends 1 'scenarios.csv:1: this is no trace' "$work/scenarios.csv"
printf 't_sim,true_offset_ns\n1,2\n' >"$work/broken.csv"
ends 1 'broken.csv:1: .*no column ref_id' "$work"
head -c 100000 "$data/chrony-source-traces/cong-jump-1.csv.gz" >"$work/broken.csv"
ends 1 'broken.csv:[0-9]+: cannot be read on' "$work"
echo "clockbound-replay: all as it says"
