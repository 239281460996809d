#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The inline read as a program's compiler makes it at -O2 has no call, no locked instruction, no division, no
# system call, and one counter read. leaf_bad.c checks the checker.   usage: machine_code.sh COMPILER
set -eu
root=${CLOCKBOUND_SOURCE_DIR:?set by ctest}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $1 in
aarch64-clang) compiler="clang --target=aarch64-linux-gnu -ffreestanding" objdump=aarch64-linux-gnu-objdump ;;
aarch64-*) compiler=$1 objdump=aarch64-linux-gnu-objdump ;;
*) compiler=$1 objdump=objdump ;;
esac
for tool in "${compiler%% *}" "$objdump"; do
	if ! command -v "$tool" >/dev/null; then
		echo "skipped: no $tool"
		exit 77
	fi
done
# The machine of the objects, not of this computer: an x86 gcc makes no aarch64 code
if ! echo 'int x;' | $compiler -x c -c -o "$work/probe.o" - || ! "$objdump" -f "$work/probe.o" >/dev/null 2>&1; then
	echo "skipped: $compiler and $objdump do not fit together"
	exit 77
fi

# faults FILE: a line "function: fault" for each fault, "function: ok" where there is none
faults() {
	$compiler -std=c11 -O2 -I"$root/uapi" -I"$root/client/include" -c "$root/tests/abi/$1.c" -o "$work/$1.o"
	"$objdump" -d -r --no-show-raw-insn "$work/$1.o" | awk '
		function close_function() {
			if (name == "") return
			if (reads != wanted) fault(reads " counter reads, not " wanted)
			if (lines == 0) fault("no code")
			if (!is_bad) print name ": ok"
		}
		function fault(what) { print name ": " what; is_bad = 1 }
		/^[0-9a-f]+ <.*>:$/ {
			close_function()
			name = $2; gsub(/[<>:]/, "", name)
			if (name !~ /^leaf_/) { name = ""; next }
			wanted = substr(name, 6, 1); reads = 0; lines = 0; is_bad = 0
			next
		}
		# .LC...: a constant, which is data
		name != "" && /R_(X86_64_(PLT|PC)32|AARCH64_(CALL|JUMP)26)/ && $3 !~ /^\.LC/ { fault("leaves: " $3) }
		name == "" || !/^ *[0-9a-f]+:\t/ || /R_(X86_64|AARCH64)_/ { next }
		{
			sub(/^ *[0-9a-f]+:\t/, ""); sub(/[ \t]+(#|\/\/).*$/, ""); lines++
			op = $1
			if (op ~ /^(notrack|bnd|rep|repz)$/) op = $2
			if (op ~ /^(call|callq|lcall|bl|blr|blraa|br)$/) fault("call: " $0)
			if (op ~ /^(jmp|jmpq)$/ && $0 ~ /\*/) fault("indirect jump: " $0)
			if (op ~ /^(j[a-z]+|b|b\.[a-z]+|cbn?z|tbn?z)$/ && match($0, /<[^>+]*/) &&
			    substr($0, RSTART + 1, RLENGTH - 1) != name) fault("leaves: " $0)
			if (op ~ /^lock$/ || $0 ~ /(^|[ \t])lock[ \t]/) fault("locked: " $0)
			if (op ~ /^(xchg|cmpxchg)/ && $0 ~ /\(/) fault("locked: " $0)
			if (op ~ /^(ld|st)a?l?xp?r?[bh]?$/ && op ~ /x/) fault("exclusive: " $0)
			if (op ~ /^(cas|swp|ldadd|ldset|ldclr|ldeor|stadd|ldsmax|ldumax)/) fault("locked: " $0)
			if (op ~ /^(i?div[bwlq]?|[us]div|div[sp][sd]|fdiv)$/) fault("division: " $0)
			if (op ~ /^(syscall|sysenter|int|svc|hvc|smc)$/) fault("system call: " $0)
			if (op ~ /^rdtscp?$/ || ($0 ~ /mrs/ && $0 ~ /cntv/)) reads++
		}
		END { close_function() }'
}

failed=0
faults leaf_bad >"$work/bad"
for fault in call:call tail_call:leaves pointer_call: lock:'\(locked\|exclusive\|call\|leaves\)' \
	exchange:'\(locked\|exclusive\|call\|leaves\)' division:division signed_division:division \
	syscall:'system call' two_reads:'2 counter reads' no_read:'0 counter reads'; do
	if ! grep -q "^leaf_[01]_bad_${fault%%:*}: ${fault#*:}" "$work/bad" ||
		grep -q "^leaf_[01]_bad_${fault%%:*}: ok" "$work/bad"; then
		echo "FAILED: the checker does not see: $fault"
		failed=1
	fi
done
if ! grep -q '^leaf_1_good: ok$' "$work/bad"; then
	echo "FAILED: the checker sees a fault where there is none"
	failed=1
fi
[ $failed -eq 0 ] || cat "$work/bad"

faults leaf >"$work/good"
if grep -v ': ok$' "$work/good"; then
	echo "FAILED: the inline read as $1 compiles it"
	failed=1
fi
if [ "$(grep -c ': ok$' "$work/good")" -ne "$(grep -c '^[a-z].* leaf_[01]_[a-z_]*(.*;' "$root/tests/abi/leaf.c")" ]; then
	echo "FAILED: not every leaf was found:"
	cat "$work/good"
	failed=1
fi
exit $failed
