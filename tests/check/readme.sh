#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# readme.sh TREE BIN-DIR - what README.md and docs/ tell to run or to read is there: files linked to, scripts,
# programs' verbs and options in fenced blocks. No placeholder is left.
# What is installed for a build suffices for the presets that are built with no more.
. "$(dirname "$0")/lib.sh"
BIN=${2:-${CLOCKBOUND_BUILD_DIR:-build/dev}/bin}
checked=0

# commands PAGE - the lines of fenced blocks that begin like a command
commands() {
	awk '/^```/ { inside = !inside; next } inside && /^(\$ )?(sudo )?(scripts\/|build\/|cbctl |clockbound)/ {
		sub(/^\$ /, ""); sub(/^sudo /, ""); sub(/ *#.*$/, ""); print }' "$1"
}

# check_program PAGE PROGRAM WORDS... - each long option and the verb are known to --help
check_program() {
	local page=$1 program=$2 help word verb=
	shift 2
	[ -x "$BIN/$program" ] || {
		fault "$page: $program is not in $BIN"
		return
	}
	help=$("$BIN/$program" --help 2>&1)
	for word in "$@"; do
		case $word in
		--*)
			word=${word%%=*}
			[ -z "$verb" ] || help+=$'\n'$("$BIN/$program" "$verb" --help 2>&1)
			grep -qF -- "$word" <<<"$help" || fault "$page: $program $verb knows no $word"
			;;
		[a-z]*)
			if [ -z "$verb" ] && [ "$program" != clockbound ]; then
				if grep -qE "^  $word( |\$)" <<<"$help"; then
					verb=$word
				fi
			fi
			;;
		esac
	done
}

# check_presets PAGE - `scripts/deps build` installs nothing of the tests', so a preset configured after it has none
check_presets() {
	local preset settings
	while read -r preset; do
		checked=$((checked + 1))
		settings=$(cmake --preset "$preset" -N 2>&1)
		grep -qx ' *CLOCKBOUND_BUILD_TESTS="OFF"' <<<"$settings" ||
			fault "$1: cmake --preset $preset builds the tests, for which scripts/deps build installs nothing"
	done < <(awk '/^```/ { is_build = 0 } /^scripts\/deps / { is_build = $2 == "build" }
		is_build && /^cmake --preset / && !/CLOCKBOUND_BUILD_TESTS=/ { print $3 }' "$1")
}

for page in README.md docs/*.md CHANGELOG.md; do
	[ -f "$page" ] || {
		fault "$page is not there"
		continue
	}
	while IFS= read -r link; do
		checked=$((checked + 1))
		[ -e "$(dirname "$page")/${link%%#*}" ] || [ -e "${link%%#*}" ] ||
			fault "$page: links to $link, which is not there"
	done < <(grep -oE '\]\([^)#][^)]*\)' "$page" | sed 's/^](//; s/)$//' | grep -vE '^(https?|mailto):')
	while read -r first rest; do
		checked=$((checked + 1))
		# shellcheck disable=SC2086
		case $first in
		scripts/*) [ -x "$first" ] || fault "$page: $first is not an executable file" ;;
		build/*/bin/* | cbctl | clockbound | clockbound-bench)
			check_program "$page" "$(basename "$first")" $rest
			;;
		esac
	done < <(commands "$page")
	check_presets "$page"
	while IFS= read -r line; do
		fault "$page:$line: a placeholder"
	done < <(grep -nE 'TBD|@@|FILL|PLACEHOLDER|X\.XX' "$page")
done
verdict "$checked links and commands"
