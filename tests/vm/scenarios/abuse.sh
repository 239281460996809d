# SPDX-License-Identifier: Apache-2.0
# Whoever may not set the clock changes nothing by trying; whoever may, and does so as fast as he can, loses records into
# a counter, but no epoch.
synchronised
note_rung
forward vm_abuse refused "$RUN" 3000
case $PROBE in
fentry | tracepoint)
	check "the daemon has a kernel page" sh -c "vm_follow status $RUN | grep -q 'page_id=[1-9]'"
	;;
esac
forward vm_abuse flood "$RUN" 50000
