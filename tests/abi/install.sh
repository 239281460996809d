#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The installed package as a user meets it: a program through pkg-config, one through find_package, and programs
# written against upstream's 1.0 and 2.0 headers, run on segments.   usage: install.sh COMPILER SANITIZERS
set -eu
root=${CLOCKBOUND_SOURCE_DIR:?set by ctest}
build=${CLOCKBOUND_BUILD_DIR:?set by ctest}
compiler=$1
sanitize=${2:+-fsanitize=$2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for tool in cmake pkg-config "$compiler"; do
	if ! command -v "$tool" >/dev/null; then
		echo "skipped: no $tool"
		exit 77
	fi
done

fail() {
	echo "FAILED: $1"
	exit 1
}

cmake --install "$build" --prefix "$work/prefix" --component client >"$work/log" || {
	cat "$work/log"
	fail "cmake --install"
}
library=$(find "$work/prefix" -name 'libclockbound.so')
[ -n "$library" ] || fail "no libclockbound.so installed"
libdir=$(dirname "$library")
for page in clockbound_open clockbound_now clockbound_fast; do
	[ -f "$work/prefix/share/man/man3/$page.3" ] || fail "no man page $page(3)"
done

# Through pkg-config, as a stranger compiles: none of our flags
export PKG_CONFIG_PATH="$libdir/pkgconfig"
flags=$(pkg-config --cflags --libs clockbound)
case $flags in
*-Wconversion* | *-fsanitize* | *"$root"*) fail "the package leaks our flags: $flags" ;;
esac
for program in ten_lines upstream_1 upstream_2; do
	# shellcheck disable=SC2086 # flags are several words
	"$compiler" -std=c11 -Wall -Wextra -Werror $sanitize "$root/tests/abi/$program.c" $flags \
		-o "$work/$program" || fail "$program through pkg-config"
done

# Through find_package, shared and static
mkdir "$work/project"
cp "$root/tests/abi/ten_lines.c" "$work/project"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.23)
project(stranger C)
find_package(clockbound 0.1 REQUIRED)
add_executable(with_shared ten_lines.c)
target_link_libraries(with_shared PRIVATE clockbound::clockbound)
add_executable(with_static ten_lines.c)
target_link_libraries(with_static PRIVATE clockbound::static)
END
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$work/prefix" \
	-DCMAKE_C_COMPILER="$compiler" -DCMAKE_C_FLAGS="$sanitize" >"$work/log" 2>&1 &&
	cmake --build "$work/project/build" >>"$work/log" 2>&1 || {
	cat "$work/log"
	fail "find_package"
}

# Fixtures: segments as upstream's daemons write them, one golden and old, the others of just now
"$compiler" -std=gnu11 $sanitize -I"$root/uapi" "$root/tests/abi/segment.c" -o "$work/segment"
printf '\116\132\115\101\000\002\102\103\110\000\000\000\001\000\002\000\001\000\000\000\000\000\000\000\002\000\000\000\000\000\000\000\351\003\000\000\000\000\000\000\000\000\000\000\000\000\000\000\100\342\001\000\000\000\000\000\120\303\000\000\000\000\000\000\001\000\000\000\000\000\000\000' >"$work/golden"
export LD_LIBRARY_PATH="$libdir"
"$work/segment" 1 "$work/shm"
"$work/segment" 2 "$work/shm0"

expect() { # what it says, then the command
	wanted=$1
	shift
	said=$("$@" 2>&1) || true
	case $said in
	*"$wanted"*) ;;
	*) fail "'$*' says '$said', not '$wanted'" ;;
	esac
}

for program in "$work/ten_lines" "$work/project/build/with_shared" "$work/project/build/with_static"; do
	for segment in shm shm0; do
		expect "true time lies within" "$program" "$work/$segment"
	done
	expect "$work/nothing" "$program" "$work/nothing"
done
for segment in shm shm0; do
	expect "in order, Synchronized" "$work/upstream_1" "$work/$segment"
	expect "in order, Synchronized" "$work/upstream_2" "$work/$segment"
done
expect "in order, " "$work/upstream_1" "$work/golden"
expect "kind 1, errno 2" "$work/upstream_1" "$work/nothing"
expect "kind 1, errno 2" "$work/upstream_2" "$work/nothing"
head -c 20 "$work/golden" >"$work/short"
expect "kind 2, errno 0" "$work/upstream_2" "$work/short"
