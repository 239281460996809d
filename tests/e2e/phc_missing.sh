#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A daemon whose PTP hardware clock is not there: chronyd's samples serve, what is wrong is told in the log, by cbctl and
# on the page, and nothing ends.
. "$(dirname "$0")/../harness/e2e.sh"

synchronised
stop_pid "$DAEMON_PID"
PHC=/dev/ptp_is_not_there
daemon_start --phc-device "$PHC" --phc-error-bound-ns 1000
wait_until 60 "a valid interval, with a warning" reads inline 'status=SYNCHRONIZED valid=1 reasons=[A-Z_,]*PHC_FAILED'
"$CB_BIN/cbctl" --runtime-dir "$RUN" status >"$WORLD/status.out" || fail "cbctl status"
grep -q '^PHC .*failed, read as a source of its own' "$WORLD/status.out" || fail "cbctl does not tell of the PHC"
grep -q "^PHC not read .*$PHC" "$WORLD/status.out" || fail "cbctl does not say why"
"$CB_BIN/cbctl" --runtime-dir "$RUN" status --json >"$WORLD/json.out" || fail "cbctl status --json"
grep -q '"phc": *{' "$WORLD/json.out" || fail "the JSON does not tell of the PHC"
grep -q "no use of the PTP hardware clock: $PHC" "$WORLD/daemon.log" || fail "the log does not say why"
alive "$DAEMON_PID" "the daemon"

# ptp4l is not there either: asked, and not waited for.
stop_pid "$DAEMON_PID"
daemon_start --phc-device "$PHC" --ptp4l "$WORLD/no_ptp4l"
wait_until 60 "a valid interval without ptp4l" reads inline 'status=SYNCHRONIZED valid=1 reasons=[A-Z_,]*PHC_FAILED'
alive "$DAEMON_PID" "the daemon"
say "passed: PHC_FAILED is a warning, and told"
