# SPDX-License-Identifier: Apache-2.0
# The host's part of scenarios whose machine is migrated: saves it to a file, waits, and goes on with it in another
# emulator. A scenario with the line "# host: migrate" asks for that by the note "host: migrate SECONDS". Sourced by
# tests/vm/run; the emulators are told what to do over a pair of pipes.

# monitor_open - pipes for the next emulator; its options are in $MONITOR
monitor_open() {
	rm -f "$WORLD/monitor.in" "$WORLD/monitor.out"
	mkfifo "$WORLD/monitor.in" "$WORLD/monitor.out"
	MONITOR=(-monitor "pipe:$WORLD/monitor")
	# Read and write, so that neither end waits for the other.
	exec 7<>"$WORLD/monitor.in" 8<>"$WORLD/monitor.out"
}

# monitor SECONDS PATTERN COMMAND - tells the emulator and waits for a line that matches; status 1: none came
monitor() {
	local line end=$((SECONDS + $1))
	printf '%s\n' "$3" >&7
	while [ "$SECONDS" -lt "$end" ]; do
		IFS= read -r -t 1 line <&8 || continue
		line=${line%$'\r'}
		printf '%s\n' "$line" >>"$WORLD/monitor.log"
		[[ $line =~ $2 ]] && return 0
	done
	return 1
}

# migrate SECONDS - away for so long, and back
migrate() {
	local away=$1 tries=0
	printf 'stop\nmigrate -d file:%s\n' "$WORLD/machine" >&7
	until monitor 2 'Status: completed|Migration status: completed' 'info migrate'; do
		tries=$((tries + 1))
		[ "$tries" -lt 90 ] || return 1
	done
	printf 'quit\n' >&7
	wait "$QEMU_PID"
	exec 7<&- 8<&-
	sleep "$away"
	monitor_open
	emulator -incoming "file:$WORLD/machine"
	tries=0
	until monitor 2 'VM status: paused$' 'info status'; do
		tries=$((tries + 1))
		[ "$tries" -lt 90 ] || return 1
	done
	printf 'cont\n' >&7
}

# host_begin, host_follow - before the first emulator starts, and until the last one ends
host_begin() {
	monitor_open
}

host_follow() {
	local done=0 asked
	while kill -0 "$QEMU_PID" 2>/dev/null && [ "$SECONDS" -lt "$LIMIT_SECONDS" ]; do
		asked=$(grep -c '^# host: migrate' "$WORLD/tap" 2>/dev/null)
		if [ "${asked:-0}" -gt "$done" ]; then
			done=$asked
			migrate "$(sed -n 's/^# host: migrate //p' "$WORLD/tap" | tail -n 1)" || {
				say "vm: the migration failed"
				tail -n 20 "$WORLD/monitor.log"
				break
			}
		fi
		sleep 0.2
	done
	rm -f "$WORLD/machine"
}
