#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each installed header compiles alone, pedantically, as C11, as C++17, and the layouts for BPF; the headers
# below <clockbound/fast.h> refuse to be included alone; 32-bit processors are refused by name.   usage: headers.sh c|cxx|bpf
set -eu
root=${CLOCKBOUND_SOURCE_DIR:?set by ctest}
flags="-I$root/uapi -I$root/client/include -pedantic-errors -Wall -Wextra -Werror -fsyntax-only"
uapi="clockbound/types.h clockbound/page.h clockbound/kernel_page.h clockbound/events.h clockbound/shm.h
	clockbound/control.h clockbound/vmclock.h"
entries="clockbound.h clockbound/fast.h"
inner="clockbound/arith.h clockbound/counter.h clockbound/seq.h"
failed=0
tried=0

compile() { # compiler and flags, then the header
	header=$1
	shift
	printf '#include <%s>\n#include <%s>\n' "$header" "$header" | "$@" $flags -
}

expect_good() {
	if ! compile "$@"; then
		echo "FAILED: <$1> does not compile alone with: $2 $3"
		failed=1
	fi
}

expect_refusal() {
	if output=$(compile "$@" 2>&1); then
		echo "FAILED: <$1> can be included alone with: $2 $3"
		failed=1
	elif ! echo "$output" | grep -q 'include <clockbound/fast.h>'; then
		echo "FAILED: <$1> refuses, but does not say what to include: $output"
		failed=1
	fi
}

expect_first_error() { # what it says; the header, compiler and flags
	wanted=$1
	shift
	if output=$(compile "$@" -ffreestanding 2>&1); then
		echo "FAILED: <$1> compiles with: $2 $3"
		failed=1
	elif ! echo "$output" | grep 'error:' | head -n 1 | grep -q "$wanted"; then
		echo "FAILED: the first error of <$1> with $2 $3 does not say '$wanted': $output"
		failed=1
	fi
}

matrix() { # compiler, standard, language
	command -v "$1" >/dev/null || return 0
	tried=$((tried + 1))
	for header in $uapi $entries; do
		expect_good "$header" "$1" "$2" -x "$3"
	done
	for header in $inner; do
		expect_refusal "$header" "$1" "$2" -x "$3"
	done
}

case $1 in
c)
	for standard in c11 c17; do
		matrix gcc -std=$standard c
		matrix clang -std=$standard c
	done
	matrix aarch64-linux-gnu-gcc -std=c11 c
	if command -v clang >/dev/null; then
		expect_first_error '64-bit processor' clockbound/fast.h clang --target=i386-linux-gnu -std=c11 -x c
		expect_first_error '64-bit processor' clockbound/fast.h clang --target=armv7-linux-gnueabihf -std=c11 -x c
	fi
	;;
cxx)
	for standard in c++17 c++20; do
		matrix g++ -std=$standard c++
		matrix clang++ -std=$standard c++
	done
	;;
bpf)
	if command -v clang >/dev/null; then
		tried=1
		for header in $uapi; do
			expect_good "$header" clang -std=c11 -x c -target bpf -nostdinc -Wno-unused-macros
		done
	fi
	;;
esac
if [ "$tried" -eq 0 ]; then
	echo "skipped: no compiler for $1"
	exit 77
fi
exit $failed
