#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cbctl.sh CBCTL FILES CASE - what cbctl says about made-up files, without daemon or chronyd. Each case is a function.
. "$(dirname "${BASH_SOURCE[0]}")/cbctl_lib.sh"

now_prints_an_interval_around_the_clock() {
	local before after
	make page
	before=$(date +%s%N)
	ends 0 now --json
	after=$(date +%s%N)
	json '.status == "SYNCHRONIZED" and .valid == true and .reasons == [] and (.source | IN("counter", "clock"))'
	[ "$(nanoseconds earliest_ns)" -lt "$after" ] || fail "earliest lies after now"
	[ "$(nanoseconds latest_ns)" -gt "$before" ] || fail "latest lies before now"
	[ "$(nanoseconds width_ns)" -eq $(($(nanoseconds latest_ns) - $(nanoseconds earliest_ns))) ] ||
		fail "the width is not latest - earliest"
	[ "$(nanoseconds width_ns)" -ge 1800000 ] || fail "narrower than published"
	ends 0 now
	says "valid: true time lies between"
	grep -qE '^earliest  [0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z  [0-9]{19} ns$' "$DIR/out" || fail "no RFC 3339 time"
}

now_without_lines_reads_the_clock() {
	make clock
	ends 0 now --json
	json '.source == "clock" and .valid and .width_ns >= 1800000'
}

now_that_is_not_valid_exits_with_one_and_the_reason() {
	make invalid
	ends 1 now --json
	json '.valid == false and .reasons == ["LOCAL_MODE"] and .status == "UNKNOWN"'
	ends 1 now
	says "NOT VALID"
	says "LOCAL_MODE: "
}

now_on_an_expired_page_has_no_ends() {
	make expired
	ends 1 now --json
	json '.valid == false and (.reasons | index("EXPIRED")) != null'
	json '.earliest_ns == null and .latest_ns == null and .width_ns == null'
	ends 1 now
	says "earliest  unbounded"
	says "EXPIRED: "
}

now_takes_the_page_then_shm0_then_shm() {
	make shm
	ends 0 now --json
	json '(.path | endswith("/shm")) and .source == "clock" and .valid and .status == "SYNCHRONIZED"'
	make shm0
	ends 0 now --json
	json '(.path | endswith("/shm0")) and .source == "clock" and .valid and .reasons == []'
	make page
	ends 0 now --json
	json '.path | endswith("/page")'
}

# is_read NAME - every verb that takes what is best takes this file, made anew, and finds it synchronised: nobody writes
# it any more, and a segment is that for 5 s
is_read() {
	local verb
	for verb in now status "waitsync --timeout-seconds 60" "watch --count 1"; do
		make "$1"
		# shellcheck disable=SC2086
		ends 0 $verb --json
		jq -e '.. | .path? | strings' "$DIR/out" | grep -q "/$1\"$" || fail "$verb does not read $1: $(cat "$DIR/out")"
	done
}

what_a_dead_daemon_left_does_not_hide_a_live_segment() {
	local kind
	make shm0
	for kind in expired retired; do
		make "$kind"
		is_read shm0
	done
	: >"$DIR/page"
	is_read shm0
	head -c 4096 /dev/zero >"$DIR/page"
	is_read shm0
	rm "$DIR/shm0"
	make expired shm
	is_read shm
	: >"$DIR/shm0"
	is_read shm
	make page
	is_read page
}

what_is_dead_is_shown_if_there_is_nothing_better() {
	make expired shm_unknown
	: >"$DIR/shm0"
	ends 1 now --json
	json '(.path | endswith("/page")) and (.reasons | index("EXPIRED")) != null'
	rm "$DIR/page"
	ends 1 now --json
	json '(.path | endswith("/shm")) and .status == "UNKNOWN"'
	rm "$DIR/shm"
	ends 3 now
	complains "shm0: empty"
	ends 1 waitsync --timeout-seconds 0.2 --interval 0.05
	complains "shm0: empty"
}

what_needs_the_page_takes_a_dead_one() {
	make expired shm0
	ends 1 explain
	complains "no bound to explain"
	ends 1 wait
	says "EXPIRED"
}

an_unknown_segment_is_not_trusted() {
	make shm_unknown
	ends 1 now --json
	json '.valid == false and .status == "UNKNOWN"'
}

a_missing_directory_exits_with_three() {
	rmdir "$DIR"
	for verb in now status explain watch wait; do
		mkdir "$DIR"
		ends 3 "$verb"
		complains "holds no page, shm0 or shm"
		rm -r "$DIR"
	done
	DIR=$DIR/none
	"$CBCTL" --runtime-dir "$DIR" now 2>/dev/null
	[ $? -eq 3 ] || fail "now without the directory itself does not exit with 3"
	mkdir -p "$DIR"
}

without_a_page_json_output_is_an_object_that_says_why() {
	for verb in now status explain watch wait; do
		ends 3 "$verb" --json
		json '(keys == ["error"]) and (.error | contains("holds no page, shm0 or shm"))'
		[ ! -s "$DIR/err" ] || fail "$verb --json writes to stderr too: $(cat "$DIR/err")"
		rm "$DIR/out" "$DIR/err"
	done
	make shm0
	ends 3 explain --json
	json '.error | contains("explain needs the page")'
	ends 3 wait --json
	json '.error | contains("wait needs the page")'
	make expired
	ends 1 explain --json
	json '.error | contains("no bound to explain")'
}

a_page_with_a_wrong_magic_is_refused_not_passed_over() {
	make wrong_magic shm0
	ends 3 now
	complains "/page"
	ends 2 waitsync --timeout-seconds 5
	complains "/page"
	make expired
	echo "this is no segment" >"$DIR/shm0"
	make shm
	ends 0 now --json
	json '.path | endswith("/shm")'
}

options_may_stand_before_or_after_the_verb() {
	make page
	"$CBCTL" now --json --runtime-dir "$DIR" >"$DIR/out" || fail "options after the verb: status $?"
	json .valid
	"$CBCTL" --json --runtime-dir="$DIR" now >"$DIR/out" || fail "options before the verb: status $?"
	json .valid
}

a_short_option_is_named_by_itself() {
	ends 2 -xy now
	complains "unknown option -x"
	ends 2 -x now
	complains "unknown option -x"
	ends 2 now -j
	complains "unknown option -j"
}

a_directory_that_cannot_be_told_is_refused() {
	local got=0 name
	name=/tmp/$(printf '%0490d' 0)
	"$CBCTL" --runtime-dir "$name" now >"$DIR/out" 2>"$DIR/err" || got=$?
	[ "$got" -eq 2 ] || fail "a long directory: status $got"
	complains "--runtime-dir is longer than 480 bytes"
	got=0
	"$CBCTL" --json --runtime-dir "$name" status >"$DIR/out" || got=$?
	[ "$got" -eq 2 ] || fail "a long directory with --json: status $got"
	json '.error | contains("longer than 480 bytes")'
	got=0
	"$CBCTL" --runtime-dir $'/tmp/\xff' now --json >"$DIR/out" || got=$?
	[ "$got" -eq 2 ] || fail "a directory that is not UTF-8: status $got"
	json '.error | contains("not UTF-8")'
	got=0
	"$CBCTL" --runtime-dir $'/tmp/\xff' now >"$DIR/out" 2>"$DIR/err" || got=$?
	[ "$got" -eq 3 ] || fail "a directory that is not UTF-8, as text: status $got"
}

wrong_usage_exits_with_two() {
	make page
	ends 2
	complains "a verb is missing"
	ends 2 when
	complains "unknown verb when"
	ends 2 now --fast
	complains "unknown option --fast"
	ends 2 now now
	complains "one argument too many: now"
	ends 2 now --count 3
	complains "now does not take --count"
	ends 2 watch --count 0
	complains "--count takes a number from 1 on, not 0"
	ends 2 watch --interval 0
	complains "--interval takes seconds from 0.01 to 86400, not 0"
	ends 2 waitsync --timeout-seconds -1
	complains "--timeout-seconds takes seconds"
	ends 2 waitsync --timeout-seconds 1x
	complains "not 1x"
	ends 2 waitsync --timeout-seconds
	complains "a value is missing after --timeout-seconds"
	"$CBCTL" --runtime-dir "" now 2>"$DIR/err"
	[ $? -eq 2 ] || fail "an empty --runtime-dir is no usage error"
}

help_and_version_are_there_for_all_and_for_each_verb() {
	ends 0 --help
	says "waitsync"
	for verb in now status explain events watch waitsync wait metrics inject; do
		ends 0 "$verb" --help
		says " $verb "
	done
	ends 0 --version
	grep -qE '^cbctl [0-9]+\.[0-9]+\.[0-9]+$' "$DIR/out" || fail "no version: $(cat "$DIR/out")"
}

waitsync_returns_at_once_when_synchronised() {
	local file
	for file in page shm0 shm; do
		rm -f "$DIR"/*
		make "$file"
		ends 0 waitsync --timeout-seconds 5
		says "synchronised"
		ends 0 waitsync --json
		json '.synchronized == true'
	done
}

waitsync_that_times_out_exits_with_one() {
	ends 1 waitsync --timeout-seconds 0.2 --interval 0.05
	complains "holds no page"
	make invalid
	ends 1 waitsync --timeout-seconds 0.2
	complains "LOCAL_MODE"
	ends 1 waitsync --timeout-seconds 0 --json
	json '.synchronized == false and .valid == false'
}

waitsync_on_a_file_that_cannot_be_read_exits_with_two() {
	mkdir "$DIR/page"
	ends 2 waitsync --timeout-seconds 5
	complains "/page"
}

waitsync_notices_a_page_that_comes_later() {
	"$CBCTL" --runtime-dir "$DIR" waitsync --timeout-seconds 20 >"$DIR/out" 2>&1 &
	local waiter=$!
	sleep 0.3
	mkdir "$DIR/new"
	"$FILES" "$DIR/new" page
	mv "$DIR/new/page" "$DIR/page"
	wait "$waiter" || fail "waitsync ended with $?: $(cat "$DIR/out")"
}

wait_returns_when_the_moment_has_passed() {
	make page
	ends 0 wait --json
	json '.outcome == "past" and .waited_ns > 0'
	[ "$(nanoseconds earliest_ns)" -gt "$(nanoseconds target_ns)" ] || fail "earliest has not passed the target"
	ends 0 wait
	says "has certainly passed"
	ends 1 wait --timeout-seconds 0
	make invalid
	ends 1 wait
	says "LOCAL_MODE"
	rm "$DIR/page"
	make shm0
	ends 3 wait
	complains "wait needs the page"
}

watch_on_a_pipe_prints_lines() {
	make page
	ends 0 watch --count 2 --interval 0.01
	[ "$(wc -l <"$DIR/out")" -eq 2 ] || fail "not two lines: $(cat "$DIR/out")"
	[ "$(grep -cE '^[0-9-]{10}T[0-9:.]*Z \+/- [0-9.]+ [mu]s  SYNCHRONIZED  valid  (counter|clock)  -$' "$DIR/out")" -eq 2 ] ||
		fail "not the lines expected: $(cat "$DIR/out")"
	ends 0 watch --count 2 --interval 0.01 --json
	[ "$(jq -s 'map(select(.valid)) | length' "$DIR/out")" -eq 2 ] || fail "not two objects: $(cat "$DIR/out")"
	[ "$(wc -l <"$DIR/out")" -eq 2 ] || fail "not one object a line"
	make invalid
	ends 1 watch --count 1
	says "NOT-VALID"
	says "LOCAL_MODE"
}

# watch_until EXPRESSION - the watch in the background prints a line, after those before, of which it is true
watch_until() {
	local i
	for ((i = 0; i < 1000; i++)); do
		tail -n +$((SEEN + 1)) "$DIR/lines" | jq -se "map(select($1)) | length > 0" >/dev/null 2>&1 && {
			SEEN=$(wc -l <"$DIR/lines")
			return
		}
		sleep 0.02
	done
	fail "watch shows nothing of which it is true: $1: $(tail -n 2 "$DIR/lines")"
}

watch_goes_over_to_the_page_that_takes_the_place_of_another() {
	SEEN=0
	mkdir "$DIR/new"
	make page
	"$CBCTL" --runtime-dir "$DIR" watch --json --interval 0.02 >"$DIR/lines" &
	WATCH_PID=$!
	trap 'kill "$WATCH_PID"; rm -rf "$DIR"' EXIT
	watch_until '.valid and .reasons == []'
	# Given up by its daemon, and another is there: still valid, but nobody feeds it any more.
	make retire
	"$FILES" "$DIR/new" fallback
	mv "$DIR/new/page" "$DIR/page"
	watch_until '.valid and .reasons == ["FALLBACK"]'
	# Replaced without a word, by a file that is not valid.
	"$FILES" "$DIR/new" invalid
	mv "$DIR/new/page" "$DIR/page"
	watch_until '(.valid | not) and .reasons == ["LOCAL_MODE"]'
	# Retired where it lies, with something fed beside it.
	"$FILES" "$DIR/new" page
	mv "$DIR/new/page" "$DIR/page"
	watch_until '.valid and (.path | endswith("/page"))'
	make shm0 retire
	watch_until '.path | endswith("/shm0")'
}

watch_on_a_terminal_redraws_a_screen() {
	command -v script >/dev/null || {
		echo "skipped: script(1) is not installed"
		exit 77
	}
	make page
	script -qec "$CBCTL --runtime-dir $DIR watch --count 2 --interval 0.01" /dev/null >"$DIR/out" </dev/null ||
		fail "watch on a terminal ended with $?"
	[ "$(grep -cF $'\e[2J' "$DIR/out")" -eq 2 ] || fail "not two pictures: $(cat -v "$DIR/out")"
	says "half-width over the last"
	says $'\e[?25h'
}

watch_ends_cleanly_on_an_interrupt() {
	make page
	interrupted 2 watch --interval 0.05
}

explain_adds_up() {
	make "${1:-page}"
	ends 0 explain --json
	json '([.terms[].ns] | add) == .half_width_ns'
	json '([.terms[].percent] | add) | . > 99.99 and . < 100.01'
	json '.chrony_bound_ns == 120000 + 200000 + 500001 and .rule == "sample"'
	json '.terms[] | select(.name == "sample_error_ns") | .ns == 600000'
	json '.terms[] | select(.name == "earlier_ns") | .ns <= -119'
	ends 0 explain
	says "half-width = "
	[ "$(awk '$NF == "%" && /half-width now/ { sum = $(NF - 2) } $NF == "%" && !/half-width now/ { s += $(NF - 2) }
		END { print s - sum }' "$DIR/out")" = 0 ] || fail "the table does not add up: $(cat "$DIR/out")"
}

explain_adds_up_without_lines() {
	explain_adds_up clock
}

explain_of_what_has_no_terms_says_so() {
	make shm0
	ends 3 explain
	complains "explain needs the page"
	make expired
	ends 1 explain
	complains "no bound to explain"
}

output_that_cannot_be_written_is_an_error() {
	[ -w /dev/full ] || {
		echo "skipped: no /dev/full"
		exit 77
	}
	make page
	"$CBCTL" --runtime-dir "$DIR" now >/dev/full 2>"$DIR/err" && fail "now on a full device exits with 0"
	grep -qF "cannot write the output" "$DIR/err" || fail "no message: $(cat "$DIR/err")"
}

run_case "$3"
