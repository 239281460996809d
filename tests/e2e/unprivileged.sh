#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The daemon needs no root: run as the user that chronyd runs as, without any capability, it gives valid intervals to
# everybody.
. "$(dirname "$0")/../harness/e2e.sh"

[ "$(id -u)" -ne 0 ] || command -v setpriv >/dev/null || skip "setpriv is not installed"
if [ "$(id -u)" -eq 0 ]; then
	# What nobody may not reach cannot be run as nobody.
	setpriv --reuid=nobody --regid="$(id -gn nobody)" --clear-groups -- test -x "$CB_BIN/clockbound" ||
		skip "nobody may not run $CB_BIN/clockbound: a directory above it is closed"
	synchronised nobody
	[ "$(stat -c %U "$RUN/page")" = nobody ] || fail "the page belongs to $(stat -c %U "$RUN/page")"
	grep -q '^CapEff:[[:space:]]*0*$' "/proc/$DAEMON_PID/status" || fail "the daemon has capabilities"
else
	synchronised
fi
"$CB_BIN/cbctl" --runtime-dir "$RUN" now || fail "cbctl now ended with status $?"
"$CB_BIN/cbctl" --runtime-dir "$RUN" status || fail "cbctl status ended with status $?"
