# SPDX-License-Identifier: Apache-2.0
# What scenarios use inside the guest: test results (TAP, on descriptor 3), chronyd, the daemon, waiting. Sourced by
# /init under busybox. A guest that panics or hangs leaves no plan line, which the host counts as a failure.
TESTS=0
RUN=/run/clockbound
DAEMON_PID=
CHRONYD_PID=

# note WORDS... - a line that is no result
note() {
	echo "# $*" >&3
}

# note_file FILE [LINES] - the end of a file, as notes
note_file() {
	tail -n "${2:-15}" "$1" 2>/dev/null | sed 's/^/#   /' >&3
}

ok() {
	TESTS=$((TESTS + 1))
	echo "ok $TESTS - $*" >&3
}

not_ok() {
	TESTS=$((TESTS + 1))
	echo "not ok $TESTS - $*" >&3
}

# skip_one WHAT REASON - a result that could not be had here
skip_one() {
	TESTS=$((TESTS + 1))
	echo "ok $TESTS - $1 # SKIP $2" >&3
}

# check WHAT COMMAND... - one result; what the command says is noted if it fails
check() {
	local what="$1"
	shift
	if "$@" >/tmp/check.out 2>&1; then
		ok "$what"
	else
		not_ok "$what"
		note_file /tmp/check.out
		return 1
	fi
}

done_testing() {
	echo "1..$TESTS" >&3
}

# wait_until SECONDS COMMAND... - tries it ten times a second; what the tries themselves take comes on top
wait_until() {
	local tries=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		usleep 100000
	done
}

# chronyd_start [OPTION...] - follows the host's chronyd over the emulated network
chronyd_start() {
	mkdir -p -m 0750 /run/chrony
	cat >/tmp/chrony.conf <<END
server 10.0.2.2 port $NTP_PORT iburst ${CHRONY_POLL:-minpoll -4 maxpoll -2}
port 0
cmdport 0
bindcmdaddress /run/chrony/chronyd.sock
pidfile /run/chrony/chronyd.pid
$CHRONY_LINES
END
	$CHRONYD_UNDER chronyd -d -u root -F 0 -f /tmp/chrony.conf "$@" >>/tmp/chronyd.log 2>&1 </dev/null &
	CHRONYD_PID=$!
}

# daemon_start [OPTION...] - the daemon, which must be told to trust a counter that emulation does not call invariant
daemon_start() {
	clockbound --runtime-dir "$RUN" --chrony-socket /run/chrony/chronyd.sock --force-counter "$@" \
		>>/tmp/daemon.log 2>&1 </dev/null &
	DAEMON_PID=$!
}

# is_valid - both ways to read give a valid interval
is_valid() {
	vm_truth once "$RUN" >/tmp/once.out 2>&1 && grep -q '^counter valid=1' /tmp/once.out &&
		grep -q '^clock valid=1' /tmp/once.out
}

# settle - the counter is calibrated, and the clocksource chosen, some seconds after power-on: waits for that
settle() {
	wait_until 120 grep -q 'tsc$' /sys/devices/system/clocksource/clocksource0/current_clocksource ||
		not_ok "harness: the kernel takes the counter for its clocksource"
}

# comes_to_valid WHAT - reads are valid before long; nothing else makes sense without
comes_to_valid() {
	if ! wait_until 180 is_valid; then
		not_ok "harness: $1"
		give_up
	fi
	ok "$1"
}

# synchronised [DAEMON_OPTION...] - chronyd -x and the daemon, up to valid intervals. Nothing else makes sense without.
synchronised() {
	settle
	chronyd_start -x
	daemon_start --probe "$PROBE" "$@"
	comes_to_valid "the daemon comes to valid intervals"
}

# give_up - says what there is to be said, and ends the guest
give_up() {
	note "chronyd:"
	note_file /tmp/chronyd.log
	note "daemon:"
	note_file /tmp/daemon.log
	note "last read:"
	note_file /tmp/once.out
	done_testing
	stty -F /dev/ttyS1 raw
	poweroff -f
	sleep 60
}

# forward COMMAND... - its lines "ok WHAT" and "not ok WHAT" become results, all others notes
forward() {
	"$@" >/tmp/forward.out 2>&1
	status=$?
	while IFS= read -r line; do
		case $line in
		"ok "*) ok "${line#ok }" ;;
		"not ok "*) not_ok "${line#not ok }" ;;
		*) note "${line#\# }" ;;
		esac
	done </tmp/forward.out
	[ "$status" -le 1 ] || not_ok "$1 ends with status $status"
	return "$status"
}

# note_rung - what the daemon says of its probe
note_rung() {
	cbctl --runtime-dir "$RUN" status 2>&1 | grep -A 2 '^probe' >/tmp/rung.out
	note_file /tmp/rung.out
}
