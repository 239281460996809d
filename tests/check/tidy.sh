#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tidy.sh TREE BUILD-DIR - clang-tidy 14 over what is shipped, with the tree's own .clang-tidy; every warning is a
# fault. Needs the build tree's compile_commands.json. One file at a time: version 14's va_list check goes wrong over
# several. What bpftool generates is not ours.
. "$(dirname "$0")/lib.sh"
need clang-tidy-14
BUILD=${2:-${CLOCKBOUND_BUILD_DIR:-build/dev}}
[ -f "$BUILD/compile_commands.json" ] || fault "$BUILD/compile_commands.json is not there: configure first"

mapfile -t files < <(our_files .c | grep -E '^(client|daemon|bench)/')
[ "${#files[@]}" -gt 0 ] || fault "no C files in client, daemon and bench"
while IFS= read -r line; do
	fault "$line"
done < <(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy-14 -p "$BUILD" --quiet 2>/dev/null |
	grep -E '(warning|error): ' | grep -v '\.skel\.h:' | LC_ALL=C sort -u)
verdict "${#files[@]} files"
