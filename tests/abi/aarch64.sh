#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The client library, the daemon's judgement and its writer, made for aarch64 and run there: by itself, or under
# qemu-aarch64. With the inline reads, with their exported twins, and with a reader that does not look twice at
# seq, which must be caught.
set -eu
root=${CLOCKBOUND_SOURCE_DIR:?set by ctest}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compiler=aarch64-linux-gnu-gcc
archiver=aarch64-linux-gnu-ar
emulator=qemu-aarch64
[ "$(uname -m)" != aarch64 ] || emulator=

for tool in $compiler $archiver $emulator; do
	if ! command -v "$tool" >/dev/null; then
		echo "SKIP: no $tool: run scripts/deps test"
		exit 77
	fi
done
# Headers alone make no program: the C library for that machine is a package of its own
if ! echo 'int main(void) { return 0; }' | $compiler -static -x c - -o "$work/probe" 2>/dev/null; then
	echo "SKIP: $compiler links nothing: run scripts/deps test"
	exit 77
fi

flags="-std=gnu17 -O2 -Wall -Wextra -Werror -DCLOCKBOUND_IN_TREE"
flags="$flags -I$root -I$root/uapi -I$root/client/include"
mkdir "$work/objects"
cd "$work/objects"
$compiler $flags -DCLOCKBOUND_LIBRARY_VERSION='"test"' -c "$root"/client/src/*.c
$archiver rc "$work/client.a" ./*.o
rm ./*.o
$compiler $flags -c "$root"/daemon/core/*.c "$root/daemon/clock.c" "$root/daemon/publish/mapping.c" \
	"$root/daemon/publish/page_words.c" "$root/daemon/publish/page_writer.c"
$archiver rc "$work/daemon.a" ./*.o

failed=0
run() { # form, what it is compiled with, what it is told
	$compiler $flags $2 -static -pthread "$root/tests/abi/aarch64.c" "$root/tests/abi/aarch64_torn.c" \
		"$work/daemon.a" "$work/client.a" -o "$work/$1"
	mkdir "$work/run_$1"
	echo arch_sys_counter >"$work/run_$1/clocksource"
	if ! $emulator "$work/$1" "$work/run_$1" $3; then
		echo "FAILED: the $1 form"
		failed=1
	fi
}
run inline "" ""
run twins -DTEST_THE_TWINS ""
run canary -DCLOCKBOUND_PRIV_MUTATE_NO_SECOND_CHECK torn
exit $failed
