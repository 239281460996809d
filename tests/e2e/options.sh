#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Options that cannot be right: the daemon ends at once, not with 0, and says which option and why.
. "$(dirname "$0")/../harness/e2e.sh"

checked=0

# refused PATTERN OPTION... - the daemon ends within 60 s, not with 0, and stderr matches the pattern
refused() {
	local pattern=$1 status
	shift
	checked=$((checked + 1))
	timeout 60 "$CB_BIN/clockbound" "$@" >"$WORLD/options.out" 2>"$WORLD/options.log" </dev/null
	status=$?
	[ "$status" -ne 124 ] || fail "clockbound $*: ran instead of ending"
	[ "$status" -ne 0 ] && [ "$status" -lt 126 ] || fail "clockbound $*: ended with status $status"
	grep -qE -- "$pattern" "$WORLD/options.log" || fail "clockbound $*: does not say '$pattern'"
}

world_make
set -- --runtime-dir "$RUN" --chrony-socket "$SOCKET"
refused 'no-such-option' "$@" --no-such-option
refused "'?Z'?" "$@" -Z
refused 'stray' "$@" stray
for option in --runtime-dir --chrony-socket --max-drift-rate --poll-interval --config; do
	refused "$option|${option#--}" "$option"
done
refused 'max-drift-rate' "$@" --max-drift-rate
refused 'max-drift-rate' "$@" --max-drift-rate ''
refused 'max-drift-rate' "$@" --max-drift-rate many
refused 'max-drift-rate' "$@" --max-drift-rate 50x
refused 'max-drift-rate' "$@" --max-drift-rate=-1
refused 'max-drift-rate' "$@" --max-drift-rate 99999999999999999999
refused 'max-drift-rate' "$@" -m 4294967296
refused 'poll-interval' "$@" --poll-interval 0
refused 'poll-interval' "$@" --poll-interval 1000000000
refused 'phc-interface|-i' "$@" -r PHC0
refused 'phc-ref-id|-r' "$@" -i eth0
refused "$WORLD/missing" "$@" --config "$WORLD/missing"
refused "$WORLD/nowhere" --runtime-dir "$WORLD/nowhere/run" --chrony-socket "$SOCKET"
: >"$WORLD/file"
refused "$WORLD/file" --runtime-dir "$WORLD/file" --chrony-socket "$SOCKET"
refused 'longer than 107 bytes' --runtime-dir "$RUN" --chrony-socket "$(printf '/%0200d' 0)"

# What was asked for and could not be written.
for option in --help --version --check-config; do
	checked=$((checked + 1))
	"$CB_BIN/clockbound" "$option" >/dev/full 2>"$WORLD/options.log"
	[ $? -eq 1 ] || fail "clockbound $option >/dev/full: does not end with 1"
	grep -q 'cannot write the output' "$WORLD/options.log" || fail "clockbound $option >/dev/full: does not say why"
done

# Without standard streams no file of the daemon's may take their place.
checked=$((checked + 1))
"$CB_BIN/clockbound" "$@" <&- >&- 2>&- &
streamless=$!
wait_until 60 "the daemon without standard streams" test -S "$RUN/clockbound.sock"
for fd in 0 1 2; do
	[ "$(readlink "/proc/$streamless/fd/$fd")" = /dev/null ] || fail "the daemon's file descriptor $fd is not /dev/null"
done

# It notices that its socket was removed.
checked=$((checked + 1))
rm "$RUN/clockbound.sock"
wait_until 60 "another socket" test -S "$RUN/clockbound.sock"
wait_until 60 "an answer on it" sh -c '"$0" --runtime-dir "$1" status --json | grep -q "\"pid\""' "$CB_BIN/cbctl" "$RUN"
stop_pid "$streamless"

# A directory that may not be written: root may write any, so ask as nobody there.
mkdir -m 0555 "$WORLD/closed"
if [ "$(id -u)" -ne 0 ]; then
	refused "$WORLD/closed" --runtime-dir "$WORLD/closed" --chrony-socket "$SOCKET"
elif setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups -- test -x "$CB_BIN/clockbound"; then
	checked=$((checked + 1))
	timeout 60 setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups -- "$CB_BIN/clockbound" \
		--runtime-dir "$WORLD/closed" --chrony-socket "$SOCKET" 2>"$WORLD/options.log" &&
		fail "it runs in a directory that it may not write"
	grep -q "$WORLD/closed" "$WORLD/options.log" || fail "does not name the directory that it may not write"
fi

# as_nobody COMMAND... - in this shell's place
as_nobody() {
	exec setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups -- "$@"
}

# A daemon that ran as root leaves files that another user's may not open. It says whose they are; the unit for old
# versions of systemd hands them over, and follows no link.
if [ "$(id -u)" -eq 0 ] && (as_nobody test -x "$CB_BIN/clockbound"); then
	checked=$((checked + 1))
	left=$WORLD/left
	"$CB_BIN/clockbound" --runtime-dir "$left" --chrony-socket "$SOCKET" 2>>"$WORLD/left.log" &
	wait_until 60 "root's daemon" test -S "$left/clockbound.sock"
	stop_pid $!
	chown nobody "$left"
	(as_nobody timeout 60 "$CB_BIN/clockbound" --runtime-dir "$left" --chrony-socket "$SOCKET" 2>"$WORLD/options.log") &&
		fail "it runs beside root's lock"
	grep -q "$left/clockbound.lock: .*belongs to uid 0.*the files in it" "$WORLD/options.log" ||
		fail "does not say whose the lock is: $(cat "$WORLD/options.log")"
	ln -s "$WORLD/file" "$left/link"
	sed -n "s|/run/clockbound|$left|; s|_chrony:_chrony|nobody:$(id -gn nobody)|; s|^ExecStartPre=||p" \
		"$CB_ROOT/systemd/clockbound-compat.service.in" >"$WORLD/before.sh"
	sh -e "$WORLD/before.sh" || fail "the unit's commands end with status $?"
	rm -f "$left/clockbound.sock"
	(as_nobody "$CB_BIN/clockbound" --runtime-dir "$left" --chrony-socket "$SOCKET" 2>>"$WORLD/left.log") &
	wait_until 60 "nobody's daemon on what root's left" test -S "$left/clockbound.sock"
	stop_pid $!
	[ "$(stat -c %U "$WORLD/file")" = root ] || fail "the unit gave away what a link leads to"
fi

# A second daemon on the same directory.
daemon_start
# Not its page: an attempt above has left one.
wait_until 60 "the first daemon" test -S "$RUN/clockbound.sock"
refused "$RUN" "$@"
alive "$DAEMON_PID" "the first daemon"
stop_pid "$DAEMON_PID"

"$CB_BIN/clockbound" --help >"$WORLD/options.out" 2>&1 || fail "--help ended with status $?"
grep -q -- '--runtime-dir' "$WORLD/options.out" || fail "--help does not tell of --runtime-dir"
"$CB_BIN/clockbound" --version >"$WORLD/options.out" 2>&1 || fail "--version ended with status $?"
"$CB_BIN/clockbound" "$@" --check-config >"$WORLD/options.out" 2>&1 || fail "--check-config ended with status $?"
say "$checked refused"
