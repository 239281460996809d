# SPDX-License-Identifier: Apache-2.0
# The daemon as an ordinary user with CAP_BPF and CAP_PERFMON and nothing else: its programs are attached, it keeps no
# capability, and a step is an event all the same. With one of the two it says why not, and the timer serves.
user=nobody group=nogroup
mkdir -p -m 0750 /run/chrony "$RUN"
chown "$user:$group" /run/chrony "$RUN"
chronyd_start -x -u "$user"

# daemon_with CAPABILITIES - as that user, with these ambient capabilities; by its path, since busybox has a setpriv too
daemon_with() {
	: >/tmp/daemon.log
	/bin/setpriv --reuid="$user" --regid="$group" --clear-groups --inh-caps="$1" --ambient-caps="$1" -- \
		clockbound --runtime-dir "$RUN" --chrony-socket /run/chrony/chronyd.sock --force-counter \
		--probe "$PROBE" >>/tmp/daemon.log 2>&1 </dev/null &
	DAEMON_PID=$!
}

says() {
	grep -q "$1" /tmp/daemon.log
}

has_none() {
	grep -E '^Cap|^NoNew' "/proc/$DAEMON_PID/status"
	[ "$(grep -cE '^Cap(Inh|Prm|Eff|Amb):.0+$' "/proc/$DAEMON_PID/status")" -eq 4 ]
}

ends() {
	kill -TERM "$DAEMON_PID"
	wait "$DAEMON_PID"
}

tells_of_the_step() {
	cbctl --runtime-dir "$RUN" events | grep 'by date'
}

daemon_with -all,+bpf,+perfmon
if ! check "with CAP_BPF and CAP_PERFMON steps are noticed by $PROBE" wait_until 120 says "are noticed by $PROBE"; then
	give_up
fi
check "no capability is left" wait_until 60 has_none
check "the bound is valid" wait_until 180 cbctl --runtime-dir "$RUN" now
date -s "@$(($(date +%s) + 2))" >/dev/null
check "a step is an event, and who made it is known" wait_until 120 tells_of_the_step
note_file /tmp/daemon.log 20
check "the daemon ends when asked to" ends
for one in bpf perfmon; do
	daemon_with "-all,+$one"
	check "with CAP_$one alone the timer serves" wait_until 120 says "are noticed by timerfd"
	note "$(grep 'are noticed by' /tmp/daemon.log)"
	check "and no capability is left" wait_until 60 has_none
	ends
done
