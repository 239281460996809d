#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every C file is as clang-format 14 would write it with the tree's own .clang-format.
. "$(dirname "$0")/lib.sh"
need clang-format-14

mapfile -t files < <(our_files .c .h)
[ "${#files[@]}" -gt 0 ] || fault "no C files in $ROOT"
while IFS= read -r line; do
	fault "$line"
done < <(clang-format-14 --style=file --dry-run --Werror "${files[@]}" 2>&1 | grep -F 'error:')
verdict "${#files[@]} files"
