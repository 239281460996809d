#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 10,000 reads through each path, against two real chronyds: every interval is valid and contains the true time.
# Under -x both chronyds show this machine's clock, so the truth is CLOCK_REALTIME, read before and after.
. "$(dirname "$0")/../harness/e2e.sh"

unprobed
"$READER" contain "$RUN" 10000 >"$WORLD/contain.out" || fail "an interval was not valid or did not contain the truth"
for path in inline clock page shm0 shm; do
	grep -q "^summary $path reads=10000 invalid=0 missed=0 " "$WORLD/contain.out" || fail "$path: $(tail -n 5 "$WORLD/contain.out")"
done
cat "$WORLD/contain.out"
