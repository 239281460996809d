#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may include whom. The layers are told in docs/ARCHITECTURE.md; this is their table, first match wins:
# a file's path (regular expression), and what its includes must match.
. "$(dirname "$0")/lib.sh"

UAPI='<clockbound/(types|shm|page|control|events|kernel_page|vmclock)\.h>'
PUBLIC='<clockbound\.h>|<clockbound/(types|shm|page|control|events|kernel_page|vmclock|fast)\.h>'
IN_TREE='<clockbound/(arith|seq|counter)\.h>'
LIBC='<[a-z0-9_]+\.h>|<(sys|linux|arpa|net|netinet)/[a-z0-9_]+\.h>'
PURE='<(assert|inttypes|limits|stdbool|stddef|stdint|string|time)\.h>'
BARE='<(stddef|stdint)\.h>|<(cstddef|cstdint)>'

rules() {
	cat <<END
^uapi/                  $UAPI|$BARE
^client/include/        $UAPI|$PUBLIC|$IN_TREE|$BARE|<time\.h>
^client/src/            $UAPI|$PUBLIC|$IN_TREE|$LIBC|"client/src/[a-z0-9_]+\.[hc]"
^client/cbctl/          $UAPI|$PUBLIC|$LIBC|"client/cbctl/[a-z0-9_]+\.h"
^bench/                 $UAPI|$PUBLIC|$LIBC|"bench/[a-z0-9_]+\.h"
^daemon/core/           $UAPI|$IN_TREE|$PURE|"daemon/core/[a-z0-9_]+\.h"
^daemon/probe/(loader\.c|bpf_page\.c|bpf_calls\.[ch]) $UAPI|<clockbound/seq\.h>|$LIBC|<bpf/(bpf|libbpf)\.h>|"(calls|page|update)\.skel\.h"|"bpf/(control|seen)\.h"|"daemon/([a-z]+/)?[a-z0-9_]+\.h"
^daemon/probe/bpf\.h   $UAPI|$LIBC|"bpf/control\.h"|"daemon/clock\.h"
^bpf/                   $UAPI|<linux/bpf\.h>|<bpf/bpf_(helpers|tracing|core_read)\.h>|"(bpf/)?[a-z_]+(\.bpf)?\.h"
^daemon/                $UAPI|$PUBLIC|$IN_TREE|$LIBC|"daemon/([a-z]+/)?[a-z0-9_]+\.h"
^tests/unit/client/     $UAPI|$PUBLIC|$IN_TREE|$LIBC|"client/(src|cbctl)/[a-z0-9_]+\.[hc]"|"tests/(unit|harness)/[a-z0-9_/]+\.h"
^tests/unit/core/       $UAPI|$PUBLIC|$IN_TREE|$LIBC|"daemon/core/[a-z0-9_]+\.[hc]"|"tests/(unit|harness)/[a-z0-9_/]+\.h"
^tests/unit/            $UAPI|$PUBLIC|$IN_TREE|$LIBC|"daemon/([a-z]+/)?[a-z0-9_]+\.[hc]"|"tests/(unit|harness)/[a-z0-9_/]+\.h"
^tests/(stress|fuzz|sim|replay)/ $UAPI|$PUBLIC|$IN_TREE|$LIBC|"(daemon|client)/([a-z]+/)?[a-z0-9_]+\.[hc]"|"tests/[a-z0-9_/]+\.h"
^tests/harness/         $UAPI|$PUBLIC|$IN_TREE|$LIBC|"daemon/([a-z]+/)?[a-z0-9_]+\.h"|"tests/harness/[a-z0-9_]+\.h"
^tests/bpf/             $UAPI|$PUBLIC|$LIBC|"daemon/([a-z]+/)?[a-z0-9_]+\.h"|"tests/(unit|harness|bpf)/[a-z0-9_/]+\.h"
^tests/abi/aarch64      $UAPI|$PUBLIC|$IN_TREE|$LIBC|"daemon/([a-z]+/)?[a-z0-9_]+\.h"|"tests/[a-z0-9_/]+\.h"
^tests/                 $UAPI|$PUBLIC|$BARE|$LIBC|"tests/[a-z0-9_/]+\.h"
END
}

# includes FILE - "line<TAB>what" of each #include; what is a macro is left out
includes() {
	sed -n '/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]/{=;s/^[[:space:]]*#[[:space:]]*include[[:space:]]*//;s/^\([<"][^>"]*[>"]\).*/\1/p;}' "$1" |
		paste - -
}

# resolve FILE WHAT - a quoted name without a path is told as the file it means: beside FILE, or the one so called
resolve() {
	local name=${2//\"/} dir found
	dir=$(dirname "$1")
	found=$dir/$name
	[ -e "$found" ] || found=$(find client daemon bench tests uapi -name "$name" 2>/dev/null | head -n 1)
	case $found in
	client/include/* | uapi/*) printf '<%s>\n' "$name" ;;
	*) printf '"%s"\n' "${found:-$name}" ;;
	esac
}

mapfile -t table < <(rules)
checked=0
while IFS= read -r file; do
	allowed=
	for rule in "${table[@]}"; do
		read -r where what <<<"$rule"
		if [[ $file =~ $where ]]; then
			allowed=$what
			break
		fi
	done
	if [ -z "$allowed" ]; then
		fault "$file: stands in no layer of tests/check/layering.sh"
		continue
	fi
	while IFS=$'\t' read -r line what; do
		checked=$((checked + 1))
		case $what in
		'<'* | */*) ;;
		*) what=$(resolve "$file" "$what") ;;
		esac
		[[ $what =~ ^($allowed)$ ]] || fault "$file:$line: includes $what, which its layer may not"
	done < <(includes "$file")
done < <(our_files .c .h .cc)

# What one file alone may do, in what is shipped.
only_in() {
	local pattern=$1 allowed=$2 where=$3 reason=$4 line
	while IFS= read -r line; do
		[[ ${line%%:*} =~ $allowed ]] || fault "$line: $reason"
	done < <(find $where -name '*.[ch]' -exec grep -nHE "$pattern" {} + 2>/dev/null)
}
ORDERED='__ATOMIC_(CONSUME|ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)|__atomic_(thread|signal)_fence|__sync_|stdatomic|memory_order'
only_in "$ORDERED|CLOCKBOUND_PRIV_(FENCE|LOAD_ORDER|STORE_ORDER)" \
	'^(client/include/clockbound/seq|bpf/page\.bpf)\.h$' 'uapi client daemon bench bpf' \
	'ordered accesses and fences stand in <clockbound/seq.h> alone, those of eBPF in bpf/page.bpf.h'
only_in '\<clock_gettime\(' '^daemon/(clock|log)' daemon 'daemon/clock alone reads clocks (and the log, for its stamps)'
only_in '\<(time|gettimeofday|nanosleep|localtime|localtime_r)\(' '^$' daemon/core 'the core is given times, it reads none'
only_in '#[[:space:]]*include "daemon/' '^$' 'client bench uapi' 'nothing shipped beside the daemon includes it'
verdict "$checked includes"
