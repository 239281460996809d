# SPDX-License-Identifier: Apache-2.0
# The daemon is killed while its programs are attached, again and again: nothing of BPF stays behind in the kernel, and
# what a clock reader is told ends by the page's own times. Then the same with a pinned kernel page, which is taken up again.
RESTARTS=${RESTARTS:-20} # bpf.restarts does 200, and not under emulation
settle
chronyd_start -x
vm_bpf count >/tmp/before.out
note "before: $(cat /tmp/before.out)"

answers() {
	vm_follow status "$RUN" >/tmp/status.out 2>&1 && ! grep -q "no answer" /tmp/status.out
}
# restarts TIMES [OPTION...] - starts, waits for the probe, kills
restarts() {
	left=$1
	shift
	while [ "$left" -gt 0 ]; do
		daemon_start --probe "$PROBE" "$@"
		wait_until 120 answers || return 1
		kill -KILL "$DAEMON_PID"
		wait "$DAEMON_PID" 2>/dev/null
		left=$((left - 1))
	done
}
nothing_left() {
	vm_bpf count >/tmp/after.out
	cmp /tmp/before.out /tmp/after.out
}
only_the_pin() {
	[ "$(vm_bpf count)" = "programs=0 maps=1 links=0" ]
}
check "$RESTARTS restarts after kill -9" restarts "$RESTARTS"
note_file /tmp/status.out
check "no program, map or link stays behind" wait_until 120 nothing_left
note "after: $(cat /tmp/after.out)"

daemon_start --probe "$PROBE"
comes_to_valid "the daemon comes to valid intervals after them"
# replaced_under_a_reader NAME MOVE... - kills the stopped daemon after MOVE and starts another, while a reader looks on;
# chronyd hangs meanwhile, so that what the page says then stands for some time
replaced_under_a_reader() {
	watch_out=/tmp/$1.out
	shift
	vm_truth watch "$RUN" "$NTP_PORT" 600 >"$watch_out" 2>&1 &
	watch_pid=$!
	wait_until 120 grep -q watching "$watch_out"
	sleep 1
	kill -STOP "$DAEMON_PID"
	"$@"
	sleep 1
	kill -STOP "$CHRONYD_PID"
	kill -KILL "$DAEMON_PID"
	wait "$DAEMON_PID" 2>/dev/null
	daemon_start --probe "$PROBE"
	wait_until 120 answers
	sleep 2
	kill -CONT "$CHRONYD_PID"
	sleep 5
	kill -TERM "$watch_pid"
	wait "$watch_pid"
}
step_ahead() {
	date -s "@$(($(date +%s) + 100))"
}
run_fast() {
	adjtimex -t 11000 # a tenth; for Linux a call like any other that chronyd makes
}
no_gap() {
	[ "$(grep -c ' invalid=0 ' /tmp/plain.out)" = 2 ]
}
# Valid before, not valid meanwhile.
some_gap() {
	grep -q '^clock ' /tmp/stepped.out && ! grep -q '^clock .* invalid=0 ' /tmp/stepped.out &&
		grep -q '^counter .* invalid=0 ' /tmp/stepped.out
}
check "a reader over a restart is never wrong" replaced_under_a_reader plain true
note_file /tmp/plain.out
check "and always valid, since nothing moved" no_gap
case $PROBE in
fentry | tracepoint)
	# The kernel page marks the step; its daemon dies before it has told the file.
	check "a step between the daemon's last moment and the next one's first makes no read wrong" \
		replaced_under_a_reader stepped step_ahead
	note_file /tmp/stepped.out
	check "clock reads are not valid for some time, counter reads always" some_gap
	check "the daemon comes to valid intervals after that" wait_until 30 is_valid
	# What the page charges for it dies with the daemon: the next one measures how far the clock is off.
	check "a change of the clock's rate then makes no read wrong either" replaced_under_a_reader fast run_fast
	note_file /tmp/fast.out
	adjtimex -t 10000
	;;
esac
comes_to_valid "the daemon comes to valid intervals after that"
kill -KILL "$DAEMON_PID"
wait "$DAEMON_PID" 2>/dev/null
check "a reader of a killed daemon still has the counter's interval" sh -c "vm_truth once $RUN | grep -q '^counter valid=1'"

if clockbound --help | grep -q -- --pin; then
	mkdir -p /sys/fs/bpf/clockbound
	check "5 restarts with a pin" restarts 5 --pin /sys/fs/bpf/clockbound
	page_1=$(sed -n 's/.*page_id=\([0-9]*\).*/\1/p' /tmp/status.out)
	check "5 more restarts with a pin" restarts 5 --pin /sys/fs/bpf/clockbound
	page_2=$(sed -n 's/.*page_id=\([0-9]*\).*/\1/p' /tmp/status.out)
	case $PROBE in
	fentry | tracepoint)
		check "the pinned page is taken up again" [ "${page_1:-0}" != 0 -a "$page_1" = "$page_2" ]
		check "one map is held, by the pin" wait_until 120 only_the_pin
		;;
	esac
	note "pinned: $(vm_bpf count); page $page_1, then $page_2"
	rm -rf /sys/fs/bpf/clockbound
	check "without the pin nothing stays behind" wait_until 120 nothing_left
fi
