#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The checks find what they are for: each planted fault makes its check fail, and the same tree without it passes.
. "$(dirname "$0")/lib.sh"
HERE=$(cd "${CLOCKBOUND_SOURCE_DIR:-$ROOT}/tests/check" && pwd)
TREE=$(mktemp -d) || exit 1
trap 'rm -rf -- "$TREE"' EXIT
checked=0

# plain - a small tree without a fault
plain() {
	rm -rf -- "${TREE:?}"/*
	mkdir -p "$TREE"/{uapi/clockbound,client/src,client/cbctl,client/include/clockbound,daemon/core,bench,bpf,docs}
	cp "$HERE/../../.clang-format" "$TREE/"
	printf '/* SPDX-License-Identifier: Apache-2.0 */\n#include <stdint.h>\n' >"$TREE/daemon/core/a.c"
	printf '/* SPDX-License-Identifier: Apache-2.0 */\n#include <stdio.h>\n' >"$TREE/client/src/b.c"
	printf '# Title\n\n```\nscripts/nothing-here\n```\n' >"$TREE/docs/A.md"
	touch "$TREE/README.md" "$TREE/CHANGELOG.md"
}

# expect passed|failed CHECK WHAT
expect() {
	local wanted=$1 check=$2 what=$3 got=passed output
	checked=$((checked + 1))
	output=$("$HERE/$check.sh" "$TREE" 2>&1) || got=failed
	[ "$got" = "$wanted" ] || fault "$check.sh $got on a tree with $what: $output"
}

# plant CHECK WHAT FILE LINE... - the plain tree and one fault more
plant() {
	local check=$1 what=$2 file=$3
	shift 3
	plain
	expect passed "$check" "no fault"
	printf '%s\n' "$@" >>"$TREE/$file"
	expect failed "$check" "$what"
}

plant layering "a core that does I/O" daemon/core/a.c '#include <stdio.h>'
plant layering "a library that includes the daemon" client/src/b.c '#include "daemon/core/core.h"'
plant layering "a uapi header that wants libc" uapi/clockbound/c.h '#include <stdlib.h>'
plant layering "a tool that looks into the library" client/cbctl/d.c '#include "client/src/open.h"'
plant layering "a barrier outside seq.h" client/src/b.c '__atomic_thread_fence(2);'
plant layering "an ordered load outside seq.h" client/cbctl/d.c 'int x = __atomic_load_n(p, __ATOMIC_ACQUIRE);'
plant layering "an ordered store outside seq.h" uapi/clockbound/c.h '__atomic_store_n(p, 1, __ATOMIC_RELEASE);'
plant layering "a lock outside seq.h" bench/f.c '__atomic_exchange_n(p, 1, __ATOMIC_ACQ_REL);'
plant layering "seq.h's own fence in the daemon" daemon/core/a.c 'CLOCKBOUND_PRIV_FENCE(2);'
plant layering "an eBPF program that orders by itself" bpf/g.bpf.c '__sync_fetch_and_add(p, 1);'
plant layering "a clock read outside daemon/clock" daemon/e.c 'int x = clock_gettime(0, 0);'
plant layering "a file in no layer" stray.c '/* nothing */'
plant spdx "a file without a licence" bench/f.c 'int f;'
plant size "a TODO without an issue" client/src/b.c '/* TO''DO: later */'
mapfile -t many < <(seq -f '/* %g */' 501)
plant size "a file of 503 lines" client/src/b.c "${many[@]}"
plain
expect failed readme "a README whose script is not there"
plain
printf '# Title\n' >"$TREE/docs/A.md"
mkdir -p "$TREE/scripts"
printf '#!/bin/sh\n' >"$TREE/scripts/deps"
chmod +x "$TREE/scripts/deps"
cp "$HERE/../../CMakePresets.json" "$TREE/"
printf '```\nscripts/deps build\ncmake --preset release\n```\n' >"$TREE/README.md"
expect passed readme "a README that builds what it has installed for"
printf '```\nscripts/deps build\ncmake --preset dev\n```\n' >"$TREE/README.md"
expect failed readme "a README that builds the tests and has not installed for them"
if command -v clang-format-14 >/dev/null; then
	plant format "a line out of format" client/src/b.c 'int   a ;'
fi
verdict "$checked expectations"
