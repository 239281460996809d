#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cbctl_daemon.sh CBCTL FILES CASE - what cbctl tells of the daemon: status, events, metrics; from made-up answers. Each
# case is a function.
. "$(dirname "${BASH_SOURCE[0]}")/cbctl_lib.sh"

status_without_a_daemon_shows_the_page() {
	make page
	ends 0 status
	says "does not answer"
	says "sample: from the selected source"
	ends 0 status --json
	json '.daemon == null and .page.rule == "sample" and .page.is_guarantee and .page.publications == 42'
	json '.page.stale_in_ns > 5e11 and .page.void_in_ns > .page.stale_in_ns and .page.void_in_ns < 1.001e12'
	json '.page.age_ns >= 0 and .page.reference_id == "7F000001 (127.0.0.1)"'
	make shm0
	rm "$DIR/page"
	ends 0 status
	says "upstream"
}

status_says_that_the_fallback_is_no_guarantee() {
	make fallback
	ends 0 status
	says "NO GUARANTEE"
	says "FALLBACK: "
	ends 0 status --json
	json '.page.is_guarantee == false and .reasons == ["FALLBACK"] and (.explanations.FALLBACK | length) > 20'
}

# with_daemon KIND - a control socket that answers once
with_daemon() {
	local tries=0
	"$FILES" "$DIR" "$1" &
	until [ -S "$DIR/clockbound.sock" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || fail "no socket"
		sleep 0.05
	done
}

status_shows_what_the_daemon_says() {
	make page
	with_daemon serve
	ends 0 status --json
	json '.daemon.pid == 4711 and .daemon.polls == 88 and .daemon.poll_failures == 2 and .daemon.stratum == 3'
	json '.daemon.version == "9.8.7" and (.daemon.last_failure | length) == 127 and .daemon.uptime_ns == 9e10'
	json '.daemon.probe.rung == "poll" and .daemon.publications == 91'
	json '.daemon.probe.has_kernel_page == false and .daemon.probe.warning == null and .daemon.probe.last_event == 12'
	rm "$DIR/clockbound.sock"
	with_daemon serve
	ends 0 status
	says "pid 4711, version 9.8.7, up 90.000 s"
	says "stratum 3, leap status normal, 4 sources"
	says "88 answered, 2 failed"
	says "probe         poll: each poll's line test"
	says "not better    no BTF on this kernel"
	says "12 events since the daemon started"
	! grep -qF WARNING "$DIR/out" || fail "a warning where nothing costs anything"
}

status_warns_of_what_the_tracepoints_cost() {
	make page
	with_daemon serve_tracepoint
	ends 0 status
	says "probe         tracepoint: "
	says "WARNING       the tracepoints make every system call of this machine 26 to 84 ns slower"
	says "heartbeat 1000, 0 changes, 3 records lost"
	rm "$DIR/clockbound.sock"
	with_daemon serve_tracepoint
	ends 0 status --json
	json '.daemon.probe.rung == "tracepoint" and (.daemon.probe.warning | test("26 to 84 ns"))'
	json '.daemon.probe.has_kernel_page and .daemon.probe.dropped == 3 and .daemon.probe.heartbeat == 1000'
}

# exposition - DIR/out is Prometheus' text format: each family's help and type once and before its samples, which are
# together, and no sample twice
exposition() {
	awk '
	function bad(why) { print why ": " $0; exit_status = 1 }
	/^# HELP [a-z_]+ ./ { if ($3 in help) bad("help twice"); help[$3] = 1; family = $3; next }
	/^# TYPE [a-z_]+ (gauge|counter)$/ {
		if ($3 != family || ($3 in type)) bad("type out of place")
		if (($4 == "counter") != ($3 ~ /_total$/)) bad("a counter is named _total, and nothing else is")
		type[$3] = $4; next
	}
	/^[a-z_]+({[a-z_]+="[^"]*"})? -?[0-9.]+(e-?[0-9]+)?$/ {
		name = $1; sub(/{.*/, "", name)
		if (name != family || !(name in type)) bad("a sample out of place")
		if (seen[$1]++) bad("a sample twice")
		next
	}
	{ bad("no metric") }
	END { exit exit_status }' "$DIR/out" || fail "not Prometheus text: $(cat "$DIR/out")"
}

metrics_are_prometheus_text() {
	make page
	with_daemon serve_tracepoint
	ends 0 metrics
	exposition
	grep -qxF 'clockbound_up 1' "$DIR/out" && grep -qxF 'clockbound_daemon_up 1' "$DIR/out" || fail "not up"
	grep -qxF 'clockbound_valid 1' "$DIR/out" || fail "not valid"
	grep -qxF 'clockbound_status{status="SYNCHRONIZED"} 1' "$DIR/out" || fail "no status"
	grep -qxF 'clockbound_reason{reason="STEP"} 0' "$DIR/out" || fail "no reasons"
	[ "$(grep -c '^clockbound_reason{.*} 1$' "$DIR/out")" -eq 0 ] || fail "a reason that there is not"
	grep -qxF 'clockbound_bound_term_seconds{term="sample_error"} 0.0006' "$DIR/out" || fail "no terms"
	grep -qxF 'clockbound_polls_total 88' "$DIR/out" || fail "not the polls"
	grep -qxF 'clockbound_probe_rung{rung="tracepoint"} 1' "$DIR/out" || fail "not the rung"
	grep -qxF 'clockbound_probe_dropped_total 3' "$DIR/out" || fail "not what was lost"
	grep -qxF 'clockbound_daemon_info{version="9.8.7"} 1' "$DIR/out" || fail "not the version"
	rm "$DIR/clockbound.sock"
	ends 0 metrics --json
	json 'map(select(.name == "clockbound_half_width_seconds").samples[0].value)[0] | . >= 9e-4 and . < 1e-3'
	json 'map(select(.name == "clockbound_daemon_up").samples[0].value) == [0]'
	json 'all(.[]; (.help | length) > 0 and (.samples | length) > 0)'
}

metrics_of_what_is_not_there_or_not_valid_are_metrics_too() {
	ends 0 metrics
	exposition
	grep -qxF 'clockbound_up 0' "$DIR/out" || fail "up without a page"
	grep -qF clockbound_valid "$DIR/out" && fail "a word on what there is not"
	make invalid
	ends 0 metrics
	exposition
	grep -qxF 'clockbound_valid 0' "$DIR/out" || fail "valid"
	grep -qxF 'clockbound_reason{reason="LOCAL_MODE"} 1' "$DIR/out" || fail "no reason"
	make expired
	ends 0 metrics
	exposition
	grep -qF clockbound_half_width_seconds "$DIR/out" && fail "a width of what is unbounded"
	rm "$DIR/page"
	make shm0
	ends 0 metrics
	exposition
	grep -qxF 'clockbound_valid 1' "$DIR/out" || fail "not valid from upstream's segment"
}

events_tell_who_moved_the_clock_when_and_by_how_much() {
	make page
	with_daemon serve_events
	local server=$!
	ends 0 events
	[ "$(wc -l <"$DIR/out")" -eq 38 ] || fail "not 38 lines: $(cat "$DIR/out")"
	says "#3  step +1.500000001 s (+/- 40 ns)  by da?te (pid 321, uid 7)  clock_settime(2001-09-09T01:46:40.000000000Z) = 0"
	says "#38  rate +0.953674 -> -0.953674 ppm"
	says "adjtimex(FREQUENCY|TICK, -1.000000 ppm) = 5"
	says "#39  the machine woke up, step -9223372036.854775807 s"
	says "adjtimex(SETOFFSET|0x80000000, -0.000000001 s) = -14 (Bad address)"
	[ "$(grep -cE '^[0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z  #' "$DIR/out")" -eq 38 ] || fail "not a time in each line"
	ends 0 events --json
	[ "$(jq -s 'map(.number) == [range(3; 41)]' "$DIR/out")" = true ] || fail "not the numbers 3 to 40"
	jq -se '.[0] | .what == "step" and .step_ns == 1500000001 and .comm == "da?te" and .pid == 321 and .uid == 7' \
		"$DIR/out" >/dev/null || fail "not the step: $(head -n 1 "$DIR/out")"
	jq -se '.[35] | .what == "rate" and .modes == ["FREQUENCY", "TICK"] and .rate_after_ppm < -0.95 and .result == 5' \
		"$DIR/out" >/dev/null || fail "not the rate: $(sed -n 36p "$DIR/out")"
	jq -se '.[36] | .what == "resume" and .pid == null and .comm == null' "$DIR/out" >/dev/null || fail "not the resume"
	rm "$DIR/page"
	ends 0 events
	says "monotonic 1.000000003 s  #3  "
	kill "$server"
}

events_follow_until_they_are_interrupted() {
	local server
	with_daemon serve_events
	server=$!
	interrupted 38 events --follow --json
	[ "$(wc -l <"$DIR/out")" -eq 38 ] || fail "not each event once: $(wc -l <"$DIR/out")"
	kill "$server"
}

events_without_a_daemon_exit_with_three() {
	make page
	ends 3 events
	complains "clockbound.sock"
	ends 3 events --follow
	ends 2 now --follow
	complains "now does not take --follow"
}

status_with_a_daemon_and_no_page_is_not_trusted() {
	with_daemon serve
	ends 1 status
	says "no page"
	says "pid 4711"
}

status_survives_an_answer_that_is_none() {
	make page
	with_daemon serve_junk
	ends 0 status
	says "not one of ClockBound's daemon"
	rm "$DIR/clockbound.sock"
	with_daemon serve_refusal
	ends 0 status
	says "refused the request"
}

run_case "$3"
