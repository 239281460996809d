#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every file says its licence within its first three lines. Formats that know no comment, and prose, are let off.
. "$(dirname "$0")/lib.sh"

checked=0
while IFS= read -r file; do
	case $file in
	LICENSE | *.md | *.json | *.txt | .gitignore | .clang-format | .clang-tidy | *.symbols | *.abi | tests/data/* | tests/fuzz/seeds_*)
		[ "$(basename "$file")" = CMakeLists.txt ] || continue
		;;
	esac
	checked=$((checked + 1))
	case $file in
	bpf/*.[ch])
		# What runs in the kernel has a licence that the kernel's helpers ask for.
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2\.0-only OR BSD-2-Clause' ||
			fault "$file:1: no SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause in the first three lines"
		continue
		;;
	esac
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' ||
		fault "$file:1: no SPDX-License-Identifier: Apache-2.0 in the first three lines"
done < <(our_files)
verdict "$checked files"
