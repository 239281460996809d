#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What cases of cbctl's have in common; sourced. $1 is cbctl, $2 the program that makes its files, $3 the case, a function
# of the script that sources this; it runs in a directory of its own.
set -u -o pipefail
CBCTL=$1
FILES=$2
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

# make KIND... - files in DIR
make() {
	local kind
	for kind in "$@"; do
		"$FILES" "$DIR" "$kind" || fail "cannot make $kind"
	done
}

# ends STATUS ARGUMENT... - runs cbctl on DIR, output in DIR/out and DIR/err
ends() {
	local want=$1 got=0
	shift
	"$CBCTL" --runtime-dir "$DIR" "$@" >"$DIR/out" 2>"$DIR/err" || got=$?
	[ "$got" -eq "$want" ] || fail "cbctl $* ended with $got, not $want: $(cat "$DIR/out" "$DIR/err")"
}

# interrupted LINES ARGUMENT... - runs cbctl on DIR until so many lines are in DIR/out, interrupts it, and it ends well
interrupted() {
	local lines=$1 tries=0 status=0 pid
	shift
	"$CBCTL" --runtime-dir "$DIR" "$@" >"$DIR/out" &
	pid=$!
	until [ "$(wc -l <"$DIR/out")" -ge "$lines" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || fail "cbctl $* printed no $lines lines"
		sleep 0.05
	done
	kill -INT "$pid"
	wait "$pid" || status=$?
	[ "$status" -eq 0 ] || fail "an interrupted cbctl $* ended with $status"
}

# json EXPRESSION - is true of DIR/out
json() {
	jq -e "$1" "$DIR/out" >/dev/null || fail "not so: $1 in $(cat "$DIR/out")"
}

says() {
	grep -qF -- "$1" "$DIR/out" || fail "the output does not say '$1': $(cat "$DIR/out")"
}

complains() {
	grep -qF -- "$1" "$DIR/err" || fail "the message does not say '$1': $(cat "$DIR/err")"
	[ ! -s "$DIR/out" ] || fail "an error has output too: $(cat "$DIR/out")"
}

# nanoseconds NAME - a member of DIR/out, exact: jq has doubles
nanoseconds() {
	sed -n "s/.*\"$1\": *\(-\{0,1\}[0-9]*\).*/\1/p" "$DIR/out"
}

# run_case NAME - the function of that name
run_case() {
	[ "$(type -t "$1")" = function ] || fail "no such case: $1"
	"$1"
}
