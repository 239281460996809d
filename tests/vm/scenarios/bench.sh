# SPDX-License-Identifier: Apache-2.0
# clockbound-bench invalidate: from a step to the publication that knows of it, and the reads that are valid meanwhile:
# none where the kernel marks. Emulated latencies are told, and mean nothing.
synchronised
note_rung
invalidates() {
	clockbound-bench invalidate --move-clock --steps 10 --runtime-dir "$RUN"
}
steps_are_told() {
	grep -q '^[0-9]* reads between return and publication: [0-9]* still valid, in [0-9]* of 10 steps$' /tmp/invalidate.out
}
check "clockbound-bench invalidate finds nothing wrong" invalidates
cp /tmp/check.out /tmp/invalidate.out
note_file /tmp/invalidate.out
check "it tells of ten steps" steps_are_told
case $PROBE in
fentry | tracepoint) check "no read is valid between return and publication" grep -q ': 0 still valid, in 0 of' /tmp/invalidate.out ;;
esac
