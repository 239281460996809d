# SPDX-License-Identifier: Apache-2.0
# The clock is stepped in every way there is, while readers loop on every core: no valid clock read after the call has
# returned (rungs fentry and tracepoint), counter reads valid and right throughout, and events that name who and how much.
synchronised
note_rung
forward vm_steps "$RUN" "$NTP_PORT" "$PROBE"
names_programs() {
	cbctl --runtime-dir "$RUN" events --json >/tmp/events.json || return 1
	cat /tmp/events.json
	grep -q '"date"' /tmp/events.json && grep -q '"vm_steps"' /tmp/events.json
}
case $PROBE in
fentry | tracepoint) check "cbctl events --json names the programs" names_programs ;;
esac
cbctl --runtime-dir "$RUN" events >/tmp/events.out 2>&1
note "cbctl events:"
note_file /tmp/events.out 30
note "daemon:"
note_file /tmp/daemon.log 60
