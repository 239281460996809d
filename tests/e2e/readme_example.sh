#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The first program in README.md compiles as it stands there, and prints what is said there.
. "$(dirname "$0")/../harness/e2e.sh"

command -v cc >/dev/null || skip "no cc"
synchronised
awk '/^```/ { if (inside) exit; inside = $0 == "```c"; next } inside' "$CB_ROOT/README.md" >"$WORLD/example.c"
grep -q 'int main' "$WORLD/example.c" || fail "README.md begins with no program"
cc -std=c11 -Wall -Wextra -pedantic-errors -Werror -O2 -I"$CB_ROOT/client/include" -I"$CB_ROOT/uapi" \
	"$WORLD/example.c" -L"$BUILD/lib" -lclockbound -Wl,-rpath,"$BUILD/lib" -o "$WORLD/example" 2>"$WORLD/cc.log" ||
	fail "it does not compile"
"$WORLD/example" "$RUN/page" >"$WORLD/example.out" 2>&1 || fail "it ended with status $?"
grep -qE '^A \[[0-9]+, [0-9]+\] ns, [0-9]+ wide$' "$WORLD/example.out" || fail "no interval: $(cat "$WORLD/example.out")"
grep -qE '^A (may be after|before) B$' "$WORLD/example.out" || fail "no order: $(cat "$WORLD/example.out")"
"$WORLD/example" "$RUN/nothing" && fail "it runs without a page"
exit 0
