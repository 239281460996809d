# SPDX-License-Identifier: Apache-2.0
# What scripts/demo and the end-to-end tests share: two private chronyds, a daemon, and their end. Sourced by
# bash, never run. Everything it starts lives in one temporary directory, listens on loopback only, runs chronyd
# with -x (which never touches the clock), and is ended by its own pid.
#
# world_make, then any of: server_start, follower_start, daemon_start; world_end stops what is still running.

# The repository's root, from this file's place.
CB_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# say WORDS... - one line for the person who runs the script
say() {
	printf '%s\n' "$*"
}

# die WORDS... - the line goes to stderr and the script ends with status 1
die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 1
}

# chronyd_path - prints the chronyd to use: CLOCKBOUND_CHRONYD, or the one that scripts/deps unpacked
chronyd_path() {
	local path=${CLOCKBOUND_CHRONYD:-$CB_ROOT/build/deps/chrony/usr/sbin/chronyd}
	[ -x "$path" ] || return 1
	printf '%s\n' "$path"
}

# free_udp_port - prints a UDP port above 1024 that nobody uses now. Starts at a place of its own for every
# process, and stays below the kernel's own choices (32768 and up), so that tests in parallel do not meet.
free_udp_port() {
	local port=$((20000 + BASHPID % 10000)) tries=0
	while grep -qi ":$(printf '%04X' "$port") " /proc/net/udp /proc/net/udp6 2>/dev/null; do
		port=$((20000 + (port - 20000 + 1) % 10000))
		tries=$((tries + 1))
		[ "$tries" -lt 10000 ] || die "no free UDP port between 20000 and 29999"
	done
	printf '%s\n' "$port"
}

# world_make [USER] - a temporary directory in $WORLD for USER (default: who runs this)
# chronyd refuses a socket directory that others may enter, so each has one of its own, mode 0700.
world_make() {
	WORLD_USER=${1:-$(id -un)}
	WORLD=$(mktemp -d "${TMPDIR:-/tmp}/clockbound.XXXXXX") || die "cannot make a temporary directory"
	chmod 0755 "$WORLD"
	mkdir -m 0700 "$WORLD/server" "$WORLD/follower"
	mkdir -m 0755 "$WORLD/run"
	if [ "$WORLD_USER" != "$(id -un)" ]; then
		chown "$WORLD_USER" "$WORLD/server" "$WORLD/follower" "$WORLD/run"
		chgrp "$(id -gn "$WORLD_USER")" "$WORLD/server" "$WORLD/follower" "$WORLD/run"
	fi
	RUN=$WORLD/run
	SOCKET=$WORLD/follower/chronyd.sock
	WORLD_OWNER=$BASHPID SERVER_PID= FOLLOWER_PID= DAEMON_PID=
	SERVER_PORT=$(free_udp_port)
}

# as_world_user COMMAND... - replaces this (sub)shell by the command, run as the world's user
as_world_user() {
	if [ "$WORLD_USER" = "$(id -un)" ]; then
		exec "$@"
	fi
	exec setpriv --reuid="$WORLD_USER" --regid="$(id -gn "$WORLD_USER")" --clear-groups -- "$@"
}

# chronyd_start NAME - starts the chronyd of $WORLD/NAME.conf; its pid is in $STARTED
# -x: never touch the clock. -U: need not be root. -d: stay in the foreground, log to stderr. -F 0: no system call
# filter, which would make the outcome depend on the kernel.
chronyd_start() {
	local chronyd
	chronyd=$(chronyd_path) || die "no chronyd: run scripts/deps demo, or set CLOCKBOUND_CHRONYD"
	(as_world_user "$chronyd" -d -x -U -F 0 -u "$WORLD_USER" -f "$WORLD/$1.conf") \
		>>"$WORLD/$1.log" 2>&1 </dev/null &
	STARTED=$!
}

# chronyd_config NAME LINE... - writes $WORLD/NAME.conf: the lines, and what keeps this chronyd to itself
chronyd_config() {
	local name=$1
	shift
	{
		printf '%s\n' "$@"
		printf 'cmdport 0\nbindcmdaddress %s/chronyd.sock\npidfile %s/chronyd.pid\n' \
			"$WORLD/$name" "$WORLD/$name"
	} >"$WORLD/$name.conf"
}

# server_start - the chronyd that serves this machine's own clock as stratum 1
server_start() {
	chronyd_config server "port $SERVER_PORT" "bindaddress 127.0.0.1" "allow 127.0.0.1" "local stratum 1"
	chronyd_start server
	SERVER_PID=$STARTED
}

# follower_start [LINE...] - the chronyd that the daemon asks; without lines it follows the server, fast
follower_start() {
	[ $# -gt 0 ] || set -- "server 127.0.0.1 port $SERVER_PORT iburst minpoll -4 maxpoll -2"
	chronyd_config follower "port 0" "$@"
	chronyd_start follower
	FOLLOWER_PID=$STARTED
}

# daemon_start [OPTION...] - clockbound on the follower, publishing into $RUN; needs $CB_BIN
daemon_start() {
	(as_world_user "$CB_BIN/clockbound" --runtime-dir "$RUN" --chrony-socket "$SOCKET" "$@") \
		>>"$WORLD/daemon.log" 2>&1 </dev/null &
	DAEMON_PID=$!
}

# stop_pid PID - asks it to end, waits up to 3 s, then insists
stop_pid() {
	local pid=$1 tries=0
	[ -n "$pid" ] || return 0
	kill -CONT "$pid" 2>/dev/null
	kill -TERM "$pid" 2>/dev/null
	while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 30 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return 0
}

# world_end - ends what this world started and removes its directory; in the shell that made it only: a child that
# is told to end between fork and exec still has its parent's traps
world_end() {
	[ -n "${WORLD:-}" ] && [ "$WORLD_OWNER" = "$BASHPID" ] || return 0
	stop_pid "${DAEMON_PID:-}"
	stop_pid "${FOLLOWER_PID:-}"
	stop_pid "${SERVER_PID:-}"
	rm -rf -- "$WORLD"
	WORLD=
}
