#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The library exports what the map lists, and the map lists what the headers declare: CLOCKBOUND_API, and the
# twins of the inline functions.   usage: exports.sh libclockbound.so
set -eu
root=${CLOCKBOUND_SOURCE_DIR:?set by ctest}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

nm -D --defined-only "$1" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exported"
nm -D --defined-only "$1" | awk '$2 != "T" && $2 != "A" { print $3 }' >"$work/not_functions"
awk '/^local:/ { exit } /^\t[a-z_]+;/ { gsub(/[\t;]/, ""); print }' "$root/client/clockbound.map" | sort >"$work/mapped"
for header in clockbound.h clockbound/fast.h; do
	# comments away, preprocessor lines away, one declaration a line
	sed -e 's@\\$@@' "$root/client/include/$header" | gcc -fpreprocessed -dD -E -P -x c - 2>/dev/null |
		grep -v '^ *#' | tr '\n' ' ' | tr ';{}' '\n\n\n' |
		sed -n 's/.*\(CLOCKBOUND_API\|CLOCKBOUND_FAST_LINKAGE\) [^(]*[ *]\(clockbound_[a-z_]*\)(.*/\2/p'
done | sort >"$work/declared"

failed=0
if ! diff -u "$work/mapped" "$work/exported"; then
	echo "FAILED: client/clockbound.map (-) and $1 (+) differ"
	failed=1
fi
if ! diff -u "$work/mapped" "$work/declared"; then
	echo "FAILED: client/clockbound.map (-) and the headers' declarations (+) differ"
	failed=1
fi
if grep -v '^__\(odr_\)\?asan' "$work/not_functions"; then
	echo "FAILED: the library exports what is no function"
	failed=1
fi
if [ "$(wc -l <"$work/declared")" -lt 20 ]; then
	echo "FAILED: found only $(wc -l <"$work/declared") declarations: this test no longer understands the headers"
	failed=1
fi
exit $failed
