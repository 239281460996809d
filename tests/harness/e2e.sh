# SPDX-License-Identifier: Apache-2.0
# What the end-to-end tests share, on top of scripts/lib.sh: the programs under test, waiting, and verdicts. Sourced
# by bash. Every wait has a limit; times are of a clock that nobody sets.
set -u -o pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

BUILD=${CLOCKBOUND_BUILD_DIR:-$CB_ROOT/build/dev}
CB_BIN=$BUILD/bin
READER=$BUILD/tests/e2e_reader
LOOP_PID=

# end - stops what the test started
end() {
	[ "$BASHPID" = "$$" ] || return 0
	stop_pid "$LOOP_PID"
	world_end
}
trap end EXIT
trap 'exit 143' TERM INT HUP

# skip WORDS... - ends the test as skipped
skip() {
	say "SKIP: $*"
	exit 77
}

# fail WORDS... - ends the test as failed, with what the programs said
fail() {
	local log
	say "FAILED: $*"
	for log in "${WORLD:-/nonexistent}"/*.log "${WORLD:-/nonexistent}"/*.out; do
		[ -s "$log" ] || continue
		say "--- the end of $(basename "$log")"
		tail -n 15 "$log"
	done
	exit 1
}

# now_ms - milliseconds since boot, to 10 ms
now_ms() {
	local up rest
	read -r up rest </proc/uptime
	printf '%s\n' "$((10#${up/./} * 10))"
}

# wait_until SECONDS WHAT COMMAND... - tries it every 50 ms until it succeeds; fails the test with WHAT if it never does
wait_until() {
	local limit=$(($(now_ms) + $1 * 1000)) what=$2
	shift 2
	until "$@"; do
		[ "$(now_ms)" -lt "$limit" ] || fail "waited for: $what"
		sleep 0.05
	done
}

# chronyd_needed - skips where there is no chronyd to test with
chronyd_needed() {
	chronyd_path >/dev/null || skip "no chronyd: run scripts/deps test, or set CLOCKBOUND_CHRONYD"
}

# is_following - the follower has selected the server
is_following() {
	grep -q 'Selected source' "$WORLD/follower.log" 2>/dev/null
}

# read_once - one line for each path, into $WORLD/once.out
read_once() {
	"$READER" once "$RUN" >"$WORLD/once.out" 2>>"$WORLD/reader.log"
}

# reads PATH PATTERN - one read through PATH prints a line that matches the pattern
reads() {
	read_once && grep -qE "^$1 .*$2" "$WORLD/once.out"
}

# field PATH NAME - the value of NAME= in the last read_once
field() {
	sed -n "s/^$1 .*\\<$2=\\([^ ]*\\).*/\\1/p" "$WORLD/once.out"
}

# synchronised [USER [DAEMON_OPTION...]] - server, follower and daemon, up to the first valid interval
synchronised() {
	chronyd_needed
	world_make "${1:-$(id -un)}"
	server_start
	follower_start
	daemon_start "${@:2}"
	wait_until 60 "a valid interval" reads inline 'status=SYNCHRONIZED valid=1'
	wait_until 60 "a valid interval on shm" reads shm 'status=SYNCHRONIZED valid=1'
}

# unprobed - synchronised, without a probe: whoever else sets this machine's clock, or asks to, makes no read invalid
unprobed() {
	synchronised "$(id -un)" --probe off
}

# says_pid PID - the daemon that answers is that one
says_pid() {
	"$CB_BIN/cbctl" --runtime-dir "$RUN" status --json 2>/dev/null | grep -qE "\"pid\": *$1\>"
}

# loop_start - the reader in a loop, in the background
loop_start() {
	"$READER" loop "$RUN" >"$WORLD/loop.out" 2>>"$WORLD/reader.log" </dev/null &
	LOOP_PID=$!
	wait_until 60 "the reading loop" grep -q '^shm ' "$WORLD/loop.out"
}

# loop_end - ends the loop; its summary is in $WORLD/loop.out
loop_end() {
	kill -TERM "$LOOP_PID"
	wait "$LOOP_PID" || fail "the reading loop ended with status $?"
	LOOP_PID=
	grep -q '^summary shm ' "$WORLD/loop.out" || fail "the reading loop left no summary"
}

# total PATH NAME - the value of NAME= in the loop's summary
total() {
	sed -n "s/^summary $1 .*\\<$2=\\([^ ]*\\).*/\\1/p" "$WORLD/loop.out"
}

# loop_was_right - no path missed the truth, none was given another file, none hung
loop_was_right() {
	local path
	for path in inline clock page shm0 shm; do
		[ "$(total "$path" missed)" = 0 ] || fail "$path: $(total "$path" missed) intervals without the truth"
		[ "$(total "$path" same_inode)" = 1 ] || fail "$path: its file was replaced"
		[ "$(total "$path" reads)" -gt 100 ] || fail "$path: $(total "$path" reads) reads only"
	done
}

# loop_was_valid PATH... - every read through these was valid
loop_was_valid() {
	local path
	for path in "$@"; do
		[ "$(total "$path" invalid)" = 0 ] || fail "$path: $(total "$path" invalid) reads were not valid"
	done
}

# alive PID WHAT - fails the test if that process has ended
alive() {
	kill -0 "$1" 2>/dev/null || fail "$2 has ended"
}
