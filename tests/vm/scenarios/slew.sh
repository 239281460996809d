# SPDX-License-Identifier: Apache-2.0
# The kernel slews the clock by every rate that it knows, while readers loop on every core and the daemon is stopped
# now and then: no valid clock read, and no valid stamp, is apart from the counter reads around it.
synchronised
note_rung
forward vm_slew "$RUN" "$DAEMON_PID" "$CHRONYD_PID" "$PROBE"
cbctl --runtime-dir "$RUN" events >/tmp/events.out 2>&1
note "cbctl events:"
note_file /tmp/events.out 40
note "daemon:"
note_file /tmp/daemon.log 30
