# SPDX-License-Identifier: Apache-2.0
# The daemon loses its programs, or its hand on the kernel page, while it runs: the next rung serves, publication goes
# on, and a reader goes on reading. tests/bpf/lost.c, with the rung that only some machines let anybody attach.
settle
check "a rung that is lost gives way to the next" vm_lost "$PROBE"
note_file /tmp/check.out 30
