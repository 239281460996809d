#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A VMClock of paper: the daemon watches a file in the place of the device. The page is void before chronyd is asked;
# strict readers need no daemon for that; what the file says of itself may be wrong, vanish or never end, and the daemon
# goes on. Then the disruption by hand, and what can be injected.
. "$(dirname "$0")/../harness/e2e.sh"

VALID='status=SYNCHRONIZED valid=1'
MIGRATED='status=DISRUPTED valid=0 reasons=[A-Z_,]*MIGRATED'

# bytes OFFSET ESCAPES - pokes the VMClock
bytes() {
	printf "$2" | dd of="$WORLD/vmclock" bs=1 seek="$1" conv=notrunc status=none
}

# marker N - another host, or a restored image: as a hypervisor does it
marker() {
	bytes 12 '\003'
	bytes 16 "\\$(printf '%03o' "$1")"
	bytes 12 '\004'
}

make_vmclock() {
	head -c 4096 /dev/zero >"$WORLD/vmclock"
	bytes 0 'VCLK\000\020\000\000\001\000\377\000\002\000\000\000\007'
}

heals() {
	wait_until 60 "SYNCHRONIZED after $1" reads inline "$VALID"
	wait_until 60 "the strict reader too, after $1" reads page "$VALID"
	alive "$DAEMON_PID" "the daemon"
}

ctl() {
	"$CB_BIN/cbctl" --runtime-dir "$RUN" "$@"
}

# vm EXPRESSION - true of what cbctl says of VMClock
vm() {
	ctl status --json >"$WORLD/status.json" 2>/dev/null # its exit status tells of the bound
	jq -e ".vmclock | $1" "$WORLD/status.json" >/dev/null
}

# logged_before FIRST SECOND - the first of each in the daemon's log, in this order
logged_before() {
	local first second
	first=$(grep -n -- "$1" "$WORLD/daemon.log" | head -n 1 | cut -d: -f1)
	second=$(grep -n -- "$2" "$WORLD/daemon.log" | head -n 1 | cut -d: -f1)
	[ -n "$first" ] && [ -n "$second" ] && [ "$first" -lt "$second" ]
}

# held PATH PATTERN - what the reading loop, which keeps what it has opened, has seen last through PATH
held() {
	grep "^$1 " "$WORLD/loop.out" | tail -n 1 | grep -qE -- "$2"
}

command -v jq >/dev/null || skip "jq is not installed"
chronyd_needed
world_make
make_vmclock
server_start
follower_start
daemon_start --vmclock "$WORLD/vmclock" --allow-inject
wait_until 60 "a valid interval" reads inline "$VALID"
wait_until 60 "a valid interval of the strict reader" reads page "$VALID"

vm '.is_watched and .marker == 7 and .disruptions == 0 and .load_ns >= 0' || fail "what cbctl says of VMClock"
[ "$(od -A n -t u8 -j 56 -N 8 "$RUN/shm0" | tr -d ' ')" = 7 ] || fail "shm0 has another marker"
[ "$(od -A n -t u1 -j 72 -N 1 "$RUN/shm0" | tr -d ' ')" = 1 ] || fail "shm0 does not say that disruptions are watched for"

marker 8
wait_until 60 "MIGRATED" reads inline "$MIGRATED"
wait_until 60 "the reset of chronyd's sources" grep -q 'drop its measurements' "$WORLD/daemon.log"
logged_before 'status DISRUPTED' 'drop its measurements' || fail "chronyd was asked before the page was void"
heals "a migration"
vm '.disruptions == 1 and .marker == 8 and .recovery_ns > 0' || fail "what cbctl says of the disruption"
say "recovered after $(ctl status --json | jq .vmclock.recovery_ns) ns"

loop_start
kill -STOP "$DAEMON_PID"
marker 9
wait_until 60 "the strict reader, while the daemon is stopped" grep -q '^page status=DISRUPTED' "$WORLD/loop.out"
grep -q '^inline status=DISRUPTED' "$WORLD/loop.out" && fail "the lax reader saw it, and the daemon is stopped"
kill -CONT "$DAEMON_PID"
wait_until 60 "MIGRATED after the daemon was stopped" reads inline "$MIGRATED"
heals "a migration while the daemon was stopped"
loop_end
[ "$(total page invalid)" -gt "$(total inline invalid)" ] || fail "the strict reader saw no more than the lax one"

# A marker that never rests: nothing is valid, the log is not flooded, chronyd is not reset at each turn, but once a
# second at most.
restless() {
	local number=20
	until [ -e "$WORLD/rest" ]; do
		marker "$number"
		number=$((number < 200 ? number + 1 : 20))
		sleep 0.05
	done
}
logged() {
	grep -c -- "$1" "$WORLD/daemon.log"
}
moves=$(logged 'was moved or restored') resets=$(logged 'drop its measurements')
begun=$(now_ms)
restless &
LOOP_PID=$!
wait_until 60 "MIGRATED under a marker that never rests" reads inline "$MIGRATED"
sleep 3
reads inline "$MIGRATED" || fail "valid under a marker that never rests"
touch "$WORLD/rest"
wait "$LOOP_PID"
LOOP_PID=
heals "a marker that rests at last"
most=$((($(now_ms) - begun) / 1000 + 3))
[ $(($(logged 'was moved or restored') - moves)) -le "$most" ] || fail "the log is flooded"
[ $(($(logged 'drop its measurements') - resets)) -le "$most" ] || fail "chronyd is reset too often"

bytes 24 '\002'
wait_until 60 "the warning" vm '.disruption_soon and (.disruption_imminent | not)'
bytes 24 '\006'
wait_until 60 "the urgent warning" vm '.disruption_imminent and .warning == "imminent"'
reads inline "$VALID" || fail "a warning is not a disruption"
metric() {
	ctl metrics | grep -xF "$1" >/dev/null # all of it: cbctl is not to find the pipe closed
}
metric 'clockbound_vmclock_disruption_soon 1' || fail "no metric of the warning"
metric 'clockbound_vmclock_disruption_imminent 1' || fail "no metric of the urgent warning"
metric 'clockbound_valid 1' || fail "no metric of what is valid"
bytes 24 '\000'
wait_until 60 "the end of the warning" vm '.warning == null'
metric 'clockbound_vmclock_disruption_imminent 0' || fail "a metric of a warning that is over"
ctl events --json | jq -se 'map(select(.what == "warning").value) == [2, 6, 0]' >/dev/null ||
	fail "not the three events: $(ctl events)"
ctl events --json | jq -se 'map(select(.what == "migrated").value)[:2] == [8, 9]' >/dev/null ||
	fail "the migrations are no events: $(ctl events)"

bytes 12 '\005'
wait_until 60 "an update that never ends" reads inline "$MIGRATED"
wait_until 60 "what is wrong" vm '.reason != null'
sleep 2
reads inline "$MIGRATED" || fail "valid under a VMClock that cannot be read"
bytes 12 '\006'
heals "an update that ended at last"

truncate -s 0 "$WORLD/vmclock"
# shm0 cannot be opened now, by us no more than by upstream's client, so cbctl reads the page.
is_migrated() {
	ctl now --json >"$WORLD/now.json" 2>/dev/null
	jq -e '.valid == false and .status == "DISRUPTED" and (.reasons | index("MIGRATED"))' "$WORLD/now.json" >/dev/null
}
wait_until 60 "a file that was cut" is_migrated
alive "$DAEMON_PID" "the daemon"
make_vmclock
heals "a file that is whole again"

kill -USR1 "$DAEMON_PID"
wait_until 60 "FORCED" reads inline 'status=DISRUPTED valid=0 reasons=[A-Z_,]*FORCED'
sleep 3
reads inline 'status=DISRUPTED valid=0 reasons=[A-Z_,]*FORCED' || fail "a forced disruption ended by itself"
kill -USR2 "$DAEMON_PID"
heals "SIGUSR2"

# injects KIND PATTERN [SECONDS] - what is injected is on the page, which says so, and ends when told to; with SECONDS,
# which is longer than it takes to see it, by itself
injects() {
	ctl inject "$1" --seconds "${3:-600}" >/dev/null || fail "inject $1"
	wait_until 60 "what $1 makes of the page" reads inline "$2"
	[ -n "${3:-}" ] || ctl inject off >/dev/null || fail "inject off after $1"
	wait_until 60 "the end of inject $1" reads inline "$VALID reasons= "
}
injects unknown 'status=UNKNOWN valid=0 reasons=[A-Z_,]*INJECTED'
injects disrupted 'status=DISRUPTED valid=0 reasons=[A-Z_,]*INJECTED' 10
injects free-running 'status=FREE_RUNNING valid=1 reasons=[A-Z_,]*INJECTED'
injects synchronized 'status=SYNCHRONIZED valid=1 reasons=[A-Z_,]*INJECTED'
injects step 'status=FREE_RUNNING valid=1 reasons=[A-Z_,]*STEP[A-Z_,]*INJECTED'
injects expiry 'status=UNKNOWN valid=0 reasons=[A-Z_,]*EXPIRED[A-Z_,]*INJECTED'
injects stall 'status=FREE_RUNNING valid=1 reasons=[A-Z_,]*DAEMON_STALE[A-Z_,]*INJECTED'
injects torn 'status=FREE_RUNNING valid=1 reasons=[A-Z_,]*DAEMON_STALE[A-Z_,]*INJECTED'
ctl inject torn --seconds 600 >/dev/null
marker 9
wait_until 60 "a real migration while a torn write is injected" reads inline "$MIGRATED[A-Z_,]*INJECTED"
ctl inject off >/dev/null
heals "a migration while a torn write was injected"
ctl inject disrupted --seconds 600 >/dev/null
wait_until 60 "a long injection" reads inline 'reasons=[A-Z_,]*INJECTED'
ctl inject off >/dev/null || fail "inject off"
wait_until 60 "the end of inject off" reads inline "$VALID reasons= "
ctl inject nonsense >/dev/null 2>&1
[ $? -eq 2 ] || fail "a kind that is none"

stop_pid "$DAEMON_PID"
marker 11
daemon_start --vmclock "$WORLD/vmclock"
wait_until 60 "the page of before the migration is void" reads inline "$MIGRATED"
heals "a migration while no daemon ran"
ctl inject step >/dev/null 2>"$WORLD/inject.out" && fail "injected without --allow-inject"
grep -q -- '--allow-inject' "$WORLD/inject.out" || fail "the refusal does not name the option"

loop_start
stop_pid "$DAEMON_PID"
daemon_start --vmclock "$WORLD/vmclock" -d
wait_until 60 "valid without disruption support" reads inline "$VALID"
wait_until 60 "valid through a context from before, too" held page "$VALID"
loop_end
vm '.is_watched | not' || fail "--disable-clock-disruption-support watches"
[ "$(od -A n -t u1 -j 72 -N 1 "$RUN/shm0" | tr -d ' ')" = 0 ] || fail "shm0 says that disruptions are watched for"
kill -USR1 "$DAEMON_PID"
marker 12
sleep 1
# It may be between two sources just then, which is no disruption.
reads inline 'valid=1' || fail "a disruption in spite of --disable-clock-disruption-support"

# What this daemon did not watch its successor cannot vouch for.
loop_start
stop_pid "$DAEMON_PID"
marker 13
daemon_start --vmclock "$WORLD/vmclock"
wait_until 60 "lines from before VMClock was watched are void" vm '.is_watched and .disruptions == 1'
heals "a daemon that watches what its predecessor did not"

# Contexts that were opened while none was watched look at it all the same.
wait_until 60 "valid through a context from before" held page "$VALID"
wait_until 60 "valid through one on shm0" held shm0 "$VALID"
kill -STOP "$DAEMON_PID"
marker 14
wait_until 60 "a migration, seen without the daemon" held page 'status=DISRUPTED valid=0'
wait_until 60 "a migration, seen through shm0" held shm0 'status=UNKNOWN valid=0'
held inline "$VALID" || fail "the lax read has seen it too: this proves nothing"
kill -CONT "$DAEMON_PID"
heals "a migration that contexts saw"
loop_end

# A driver that is loaded late: the device is found without a restart, and what was measured before it is void.
stop_pid "$DAEMON_PID"
mv "$WORLD/vmclock" "$WORLD/absent"
told=$(grep -c 'no VMClock is watched' "$WORLD/daemon.log")
daemon_start --vmclock "$WORLD/vmclock"
wait_until 60 "valid without a VMClock" reads inline "$VALID"
sleep 5
reads inline "$VALID" || fail "not valid while a VMClock is looked for"
[ "$(grep -c 'no VMClock is watched' "$WORLD/daemon.log")" = $((told + 1)) ] || fail "told more than once that there is none"
mv "$WORLD/absent" "$WORLD/vmclock"
wait_until 60 "MIGRATED when a VMClock appears" reads inline "$MIGRATED"
vm '.is_watched and .disruptions == 2' || fail "what cbctl says of a VMClock that has appeared"
heals "a VMClock that has appeared"
marker 15
wait_until 60 "a migration that the late VMClock tells of" reads inline "$MIGRATED"
heals "that migration"
