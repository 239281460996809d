# SPDX-License-Identifier: Apache-2.0
# chronyd in the guest steps and slews after the host's clock: the daemon tells of every adjustment that chronyd makes
# (counted by strace), and no valid interval excludes the host's time by more than the network leaves open.
settle
date -s "@$(($(date +%s) + 2))" >/dev/null
CHRONY_LINES="makestep 0.1 3"
CHRONY_POLL="minpoll -1 maxpoll 0"
daemon_start --probe "$PROBE"
check "the daemon answers" wait_until 120 vm_follow status "$RUN"
vm_follow events "$RUN" >/tmp/events.out 2>&1 &
FOLLOW_PID=$!
CHRONYD_UNDER="strace -f -tt -e trace=adjtimex,clock_adjtime,clock_settime,settimeofday -o /tmp/strace.out"
chronyd_start
comes_to_valid "the daemon comes to valid intervals"
note_rung
forward vm_truth watch "$RUN" "$NTP_PORT" 10
[ "$status" -eq 0 ] && ok "no interval excludes the host's time" || not_ok "no interval excludes the host's time"

killall chronyd
wait "$CHRONYD_PID"

# made KIND - chronyd's own calls that changed something: steps, or another frequency or tick than before
made() {
	awk -v kind="$1" '
	/= -1 / { next }
	/ADJ_SETOFFSET/ { steps++ }
	/ADJ_FREQUENCY|ADJ_TICK/ {
		key = $0; sub(/.* freq=/, "", key); sub(/,.*/, "", key)
		tick = $0; sub(/.* tick=/, "", tick); sub(/[,}].*/, "", tick)
		if (key "/" tick != last) rates++
		last = key "/" tick
	}
	BEGIN { last = "0/10000" }
	END { print (kind == "steps" ? steps : rates) + 0 }' /tmp/strace.out
}
# told WHAT - events of this kind by chronyd; of the rate, those that set frequency or tick, for it resets slews too
told() {
	case $1 in
	2) grep -c "what=2 .*modes=0x\(2\|4000\|4002\) .*comm=chronyd " /tmp/events.out ;;
	*) grep -c "what=$1 .*comm=chronyd " /tmp/events.out ;;
	esac
}
as_many() {
	[ "$(made "$1")" -gt 0 ] && [ "$(made "$1")" -eq "$(told "$2")" ]
}
# calls_made, calls_told - those that ask for a step, a frequency or a tick; what came of it is not looked at
calls_made() {
	grep -v '= -1 ' /tmp/strace.out | grep -cE 'ADJ_(SETOFFSET|FREQUENCY|TICK)'
}
calls_told() {
	grep -c "what=[125] .*modes=0x\([0-9a-f]*[2367abef]\|[0-9a-f]*[13579bdf][0-9a-f][0-9a-f]\|[4-7c-f][0-9a-f]\{3\}\) .*comm=chronyd " \
		/tmp/events.out
}
each_call_is_told() {
	[ "$(calls_made)" -gt 0 ] && [ "$(calls_made)" -eq "$(calls_told)" ]
}
case $PROBE in
fentry)
	check "an event for each of chronyd's steps" wait_until 60 as_many steps 1
	check "an event for each of chronyd's changes of the rate" wait_until 60 as_many rates 2
	;;
tracepoint)
	# What a call did is the poll's to find out: the calls are told.
	check "an event for each of chronyd's calls" wait_until 60 each_call_is_told
	;;
esac
kill -TERM "$FOLLOW_PID"
wait "$FOLLOW_PID"
note "chronyd made $(made steps) steps and $(made rates) changes of the rate; told: $(told 1) and $(told 2);" \
	"$(calls_made) calls, $(calls_told) told"
[ "$(grep -c ^lost /tmp/events.out)" -eq 0 ] || not_ok "no event is forgotten before it is asked for"
grep -v "comm=chronyd " /tmp/events.out >/tmp/others.out && note_file /tmp/others.out 5
note "chronyd's calls, and the events:"
grep -E 'ADJ_(FREQUENCY|TICK|SETOFFSET)' /tmp/strace.out | sed 's/.*{\(modes=[^,]*\),.* \(freq=[^,]*\),.* \(tick=[^,]*\),.*/\1 \2 \3/' >/tmp/calls.out
note_file /tmp/calls.out 8
grep -E "what=[12] " /tmp/events.out >/tmp/moves.out
note_file /tmp/moves.out 8
