#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# man.sh TREE BIN-DIR - every long option and every verb in --help stands in the program's man page, every long
# option of the man page stands in --help, and every man page is clean for mandoc.
. "$(dirname "$0")/lib.sh"
need mandoc
BIN=${2:-${CLOCKBOUND_BUILD_DIR:-build/dev}/bin}
checked=0

# options - the long options in what is read, one a line
options() {
	grep -oE -- '(^|[^[:alnum:]-])--[a-z][a-z0-9-]*' | grep -oE -- '--[a-z][a-z0-9-]*' | LC_ALL=C sort -u
}

# page_text PAGE - as a reader sees it, unbroken and without overstriking
page_text() {
	mandoc -T ascii -O width=500 "$1" | sed 's/.\x08//g'
}

# verbs - a help text's list of verbs: indented words, each with its line of explanation
verbs() {
	sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'
}

# has WORDS WORD - WORD is one of the lines in WORDS; no pipe, which an early match would break
has() {
	case $'\n'$1$'\n' in
	*$'\n'"$2"$'\n'*) return 0 ;;
	esac
	return 1
}

compare() {
	local program=$1 page=$2 help text word in_help in_page
	[ -x "$BIN/$program" ] || {
		fault "$BIN/$program is not there: build it first"
		return
	}
	[ -f "$page" ] || {
		fault "$program has no man page: $page is not there"
		return
	}
	help=$("$BIN/$program" --help) || fault "$program --help fails"
	text=$(page_text "$page")
	for word in $(verbs <<<"$help"); do
		checked=$((checked + 1))
		help+=$'\n'$("$BIN/$program" "$word" --help 2>/dev/null)
		[[ $text =~ (^|[^[:alpha:]])$word([^[:alpha:]]|$) ]] ||
			fault "$page: the verb $word of $program --help is missing"
	done
	in_help=$(options <<<"$help") in_page=$(options <<<"$text")
	for word in $in_help; do
		checked=$((checked + 1))
		has "$in_page" "$word" || fault "$page: $word of $program --help is missing"
	done
	for word in $in_page; do
		checked=$((checked + 1))
		has "$in_help" "$word" || fault "$page: tells of $word, $program --help does not"
	done
}

compare clockbound client/man/clockbound.8
compare cbctl client/man/cbctl.1
compare clockbound-bench client/man/clockbound-bench.1
while IFS= read -r page; do
	checked=$((checked + 1))
	while IFS= read -r line; do
		fault "$line"
	done < <(mandoc -T lint -W error "$page" 2>&1)
done < <(our_files .1 .3 .5 .8)
verdict "$checked words and pages"
