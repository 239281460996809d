# SPDX-License-Identifier: Apache-2.0
# What the checks share. Each check takes the tree to look at as its first argument (default: this one), prints one
# line for each fault, and exits 0 if there was none; check.checks plants faults and wants them found.
set -u -o pipefail
ROOT=${1:-${CLOCKBOUND_SOURCE_DIR:-$(cd "$(dirname "$0")/../.." && pwd)}}
cd "$ROOT" || exit 1
FAULTS=0

# fault WORDS... - one fault, as file:line: what, where it is known
fault() {
	printf '%s\n' "$*"
	FAULTS=$((FAULTS + 1))
}

# skip WORDS... - ends the check as skipped, with the reason
skip() {
	printf 'SKIP: %s\n' "$*"
	exit 77
}

# need TOOL - skips without it
need() {
	command -v "$1" >/dev/null || skip "$1 is not installed; scripts/deps test installs it"
}

# our_files [SUFFIX...] - the tree's own files, without build trees and git's own; all, or those so ending
our_files() {
	local suffix
	find . \( -path ./build -o -path ./.git \) -prune -o -type f -print | sed 's|^\./||' | LC_ALL=C sort |
		if [ $# -eq 0 ]; then
			cat
		else
			grep -E "($(printf '%s|' "$@" | sed 's/\./\\./g; s/|$//'))\$"
		fi
}

# verdict WORDS... - says how many files or rules were looked at, and ends the check
verdict() {
	[ "$FAULTS" -eq 0 ] || {
		printf '%d faults\n' "$FAULTS"
		exit 1
	}
	printf 'ok: %s\n' "$*"
	exit 0
}
