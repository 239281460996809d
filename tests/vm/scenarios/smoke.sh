# SPDX-License-Identifier: Apache-2.0
# The machine boots, chronyd and the daemon run in it, the counter is used, and no interval excludes the host's time.
note "$(uname -r), clocksource $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
synchronised
note_file /tmp/once.out
counter_is_used() {
	cbctl --runtime-dir "$RUN" status >/tmp/status.out 2>&1
	cat /tmp/status.out
	grep -q '^counter .*TSC' /tmp/status.out && grep -q 'counter valid=1 .*source=0 ' /tmp/once.out
}
check "the counter is what intervals come from" counter_is_used
check "no interval excludes the host's time over 5 s" vm_truth watch "$RUN" "$NTP_PORT" 5
note_file /tmp/check.out
check "cbctl now answers with status 0" cbctl --runtime-dir "$RUN" now
daemon_ends() {
	kill -TERM "$DAEMON_PID"
	wait "$DAEMON_PID"
}
check "the daemon ends when asked to" daemon_ends
