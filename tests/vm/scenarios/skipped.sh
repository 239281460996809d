# SPDX-License-Identifier: Apache-2.0
# The kernel skips the tracepoints' programs beside a task that it preempted while that wrote a BPF map: the next poll
# makes good what they missed. tests/bpf/skipped.c, on a kernel that preempts.
# append: preempt=full
settle
# In here nothing is excused: this kernel preempts.
skipped_is_marked() {
	vm_skipped >/tmp/skipped.out 2>&1
	status=$?
	cat /tmp/skipped.out
	[ "$status" -eq 0 ] && ! grep -qi 'skipped.*[1-9] test' /tmp/skipped.out
}
check "what the kernel skipped is marked by the next poll" skipped_is_marked
note_file /tmp/check.out 30
