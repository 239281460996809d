#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scripts/demo does what it says and leaves nothing behind: no process, no file; also when it is ended half way.
. "$(dirname "$0")/../harness/e2e.sh"

chronyd_needed
world_make
mkdir "$WORLD/tmp"
export TMPDIR=$WORLD/tmp

# left_behind - what of the demo is still there
left_behind() {
	find "$TMPDIR" -mindepth 1
	grep -laFf <(printf '%s\n' "$TMPDIR") /proc/[0-9]*/cmdline 2>/dev/null
}

nothing_left() {
	[ -z "$(left_behind)" ]
}

"$CB_ROOT/scripts/demo" --seconds 3 --bin-dir "$CB_BIN" >"$WORLD/demo.out" 2>"$WORLD/demo.log" ||
	fail "scripts/demo ended with status $?"
for heading in watch explain status; do
	awk -v want="$heading" '/^\$ cbctl/ { inside = $3 == want; next } inside && NF { lines++ } END { exit lines < 2 }' \
		"$WORLD/demo.out" || fail "cbctl $heading shows less than two lines"
done
grep -q SYNCHRONIZED "$WORLD/demo.out" || fail "nothing was SYNCHRONIZED"
nothing_left || fail "left behind: $(left_behind)"

"$CB_ROOT/scripts/demo" --seconds 60 --bin-dir "$CB_BIN" >"$WORLD/second.out" 2>"$WORLD/second.log" &
demo=$!
wait_until 60 "the second demo to watch" grep -qs 'cbctl watch' "$WORLD/second.out"
kill -TERM "$demo"
wait "$demo"
[ $? -eq 143 ] || fail "a terminated demo ended with another status than 143"
wait_until 60 "the terminated demo to clean up" nothing_left

for wrong in "--seconds" "--seconds 0" "--seconds ten" "--seconds 99999" "--no-such-option"; do
	# shellcheck disable=SC2086
	"$CB_ROOT/scripts/demo" $wrong >/dev/null 2>"$WORLD/demo.log" && fail "scripts/demo $wrong is accepted"
	[ -s "$WORLD/demo.log" ] || fail "scripts/demo $wrong is refused in silence"
done
exit 0
