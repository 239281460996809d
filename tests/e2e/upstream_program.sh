#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A program written against upstream's header runs unchanged on both segments and on our page.
. "$(dirname "$0")/../harness/e2e.sh"

synchronised
for file in shm shm0 page; do
	wait_until 60 "$file" test -s "$RUN/$file"
	"$BUILD/tests/e2e_upstream_program" "$RUN/$file" >"$WORLD/program.out" 2>&1 || fail "it fails on $file"
	grep -q '^first .*SYNCHRONIZED$' "$WORLD/program.out" || fail "no first interval on $file"
	grep -q '^second .*SYNCHRONIZED$' "$WORLD/program.out" || fail "no second interval on $file"
	grep -q '^order: first before second$' "$WORLD/program.out" ||
		fail "20 ms apart, and the order is not known on $file"
done
"$BUILD/tests/e2e_upstream_program" "$RUN/nothing" >"$WORLD/program.out" 2>&1 && fail "it opens what is not there"
grep -q 'No such file' "$WORLD/program.out" || fail "a missing segment is not told as ENOENT"
