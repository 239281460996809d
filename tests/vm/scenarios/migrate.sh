# SPDX-License-Identifier: Apache-2.0
# The machine is saved to a file and goes on in another emulator ten seconds later, while readers loop: twice in a row,
# and once more while the daemon is stopped. No clock in here shows anything of it; VMClock's marker does.
# qemu: -device vmclock
# host: migrate
PAUSE=10

# migration NAME [stopped] - readers, the migration by the host, and what they saw
migration() {
	vm_migrate "$RUN" "$NTP_PORT" 300 $2 >/tmp/migrate.out 2>/tmp/migrate.err &
	migrate_pid=$!
	if ! wait_until 120 grep -q ready /tmp/migrate.err; then
		not_ok "harness: $1: the readers loop"
		note_file /tmp/migrate.out
		return 1
	fi
	[ -z "$2" ] || kill -STOP "$DAEMON_PID"
	sleep 1
	note "host: migrate $PAUSE"
	if [ -n "$2" ]; then
		# By the machine's own clock: what is left of it after the migration, and some more.
		sleep 5
		kill -CONT "$DAEMON_PID"
	fi
	wait "$migrate_pid"
	while IFS= read -r line; do
		case $line in
		"ok "*) ok "$1: ${line#ok }" ;;
		"not ok "*) not_ok "$1: ${line#not ok }" ;;
		*) note "$1: ${line#\# }" ;;
		esac
	done </tmp/migrate.out
}

if [ ! -e /dev/vmclock0 ]; then
	skip_one "VMClock" "this kernel has no driver for it"
else
	synchronised
	cbctl --runtime-dir "$RUN" status >/tmp/status.out 2>&1
	note_file /tmp/status.out 30
	check "the daemon watches the VMClock" grep -q 'vmclock0' /tmp/status.out
	migration "first migration"
	check "valid again after it" wait_until 180 is_valid
	migration "second migration"
	check "valid again after it" wait_until 180 is_valid
	migration "with the daemon stopped" stopped
	check "valid again after it" wait_until 180 is_valid
	cbctl --runtime-dir "$RUN" status >/tmp/status.out 2>&1
	note_file /tmp/status.out 30
	note_file /tmp/daemon.log 30
fi
