# SPDX-License-Identifier: Apache-2.0
# qemu: -icount shift=0,sleep=off
# What system calls pay for an attached probe: off, on, off, on, off... Emulated time counts instructions here, so that
# the ratio is of instructions and not of the host's load.
measured() {
	clockbound-bench probe --probe "$PROBE" --rounds 3
}
check "clockbound-bench probe measures the rung" measured
cp /tmp/check.out /tmp/cost.out
note_file /tmp/cost.out
ratio=$(awk -v rung="$PROBE" '$1 == rung && $2 == "getppid" { print $6 }' /tmp/cost.out)
case $PROBE in
fentry) check "getppid costs the same within 3 %" awk -v r="$ratio" 'BEGIN { exit !(r >= 0.97 && r <= 1.03) }' ;;
*) check "getppid's cost with $PROBE is known" awk -v r="$ratio" 'BEGIN { exit !(r > 0.5) }' ;;
esac
