#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No file above 500 lines: one that long wants two nouns to name it. And no TODO without the issue that will do it.
. "$(dirname "$0")/lib.sh"

LINES_MAX=500
# The inline reader is one header for its users, by contract: what they include is the whole of it.
EXEMPT='^client/include/clockbound/fast\.h$'

checked=0
while IFS= read -r file; do
	checked=$((checked + 1))
	lines=$(wc -l <"$file")
	if [ "$lines" -gt "$LINES_MAX" ] && ! [[ $file =~ $EXEMPT ]]; then
		fault "$file: $lines lines, more than $LINES_MAX: split it"
	fi
done < <(our_files .c .h .sh .cmake CMakeLists.txt scripts/test scripts/demo scripts/deps)
while IFS= read -r line; do
	fault "$line: a TODO names its issue, as TODO(#12)"
done < <(our_files .c .h .sh .cmake CMakeLists.txt | grep -v '^tests/check/' |
	xargs -d '\n' grep -nHE '\<(TODO|FIXME|XXX)\>' /dev/null | grep -vE '(TODO|FIXME)\(#[0-9]+\)')
verdict "$checked files"
