/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces that are none: each is refused with the file, the line and what is wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/replay/trace.h"

#define OF_SOURCE                                                                                            \
	",src0_state,src0_mode,src0_poll,src0_reachability,src0_since_sample_s,src0_latest_meas_s,"          \
	"src0_orig_latest_meas_s,src0_latest_meas_err_s"
#define REPORT "c0a87b01,2,0,1262304006,5,0.001,0,0,12,0,0.5,0.002,0.001,64,0"
#define SAMPLE ",0,0,6,255,3,0.001,0.001,0.002"
#define EVENTS "t_sim,kind,offset_before_ns,offset_after_ns,rate_before_ppm,rate_after_ppm\n"
#define TRACKING_HEADER                                                                                      \
	"t_sim,true_offset_ns,ref_id,stratum,leap_status,ref_time_s,ref_time_ns,current_correction,"         \
	"last_offset,rms_offset,freq_ppm,resid_freq_ppm,skew_ppm,root_delay,root_dispersion,"                \
	"last_update_interval,true_rate_ppm\n"
#define SOURCE_HEADER                                                                                        \
	"t_sim,true_offset_ns,raw_counter_ns,ref_id,stratum,leap_status,ref_time_s,ref_time_ns,"             \
	"current_correction,last_offset,rms_offset,freq_ppm,resid_freq_ppm,skew_ppm,root_delay,"             \
	"root_dispersion,last_update_interval,true_rate_ppm" OF_SOURCE "\n"

static char folder[] = "/tmp/cbd-replay-XXXXXX";
static char trace_path[64];
static char events_path[64];

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL) {
		return -1;
	}
	snprintf(trace_path, sizeof(trace_path), "%s/run.csv", folder);
	snprintf(events_path, sizeof(events_path), "%s/run.events.csv", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	(void)unlink(trace_path);
	(void)unlink(events_path);
	return rmdir(folder);
}

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void write_text(const char *path, const char *text)
{
	write_file(path, text, strlen(text));
}

/* The trace is refused, and the error has both of these in it. */
static void assert_refused(const char *where, const char *what)
{
	struct cbd_replay_error error = {{0}};
	struct cbd_trace trace;

	assert_false(cbd_trace_read(&trace, trace_path, &error));
	if (strstr(error.text, where) == NULL || strstr(error.text, what) == NULL) {
		fail_msg("\"%s\" does not say \"%s\" and \"%s\"", error.text, where, what);
	}
	assert_null(trace.row);
}

static void a_run_with_source_data_is_read(void **state)
{
	struct cbd_replay_error error = {{0}};
	struct cbd_trace trace;
	struct cbd_poll poll;

	(void)state;
	write_text(trace_path, SOURCE_HEADER "0.500002,1000.4,500006.6," REPORT SAMPLE "\r\n"
					     "1.500002,1000,1500018," REPORT ",,,,,,,,");
	if (!cbd_trace_read(&trace, trace_path, &error)) {
		fail_msg("%s", error.text);
	}
	assert_string_equal(trace.name, "run");
	assert_int_equal(trace.kind, CBD_TRACE_SOURCES);
	assert_int_equal(trace.rows, 2);
	assert_int_equal(trace.row[0].at.true_ns, 1262304000500002000);
	assert_int_equal(trace.row[0].at.clock_ns, 1262304000500003000);
	assert_int_equal(trace.row[1].at.counter - trace.row[0].at.counter, 1000011);
	cbd_trace_poll(&trace.row[0], true, &poll);
	assert_true(poll.has_source_data);
	assert_int_equal(poll.source[0].since_s, 3);
	assert_int_equal(poll.source[0].offset_ns, -1000000);
	cbd_trace_poll(&trace.row[0], false, &poll);
	assert_false(poll.has_source_data);
	assert_int_equal(trace.row[1].sources, 0);
	cbd_trace_free(&trace);
}

/* The oscillator runs at +12 ppm; chronyd takes 12 ppm off, then steps; neither touches the counter. */
static void the_counter_of_a_run_without_one_is_the_clock_without_chronyds_hand(void **state)
{
	struct cbd_replay_error error = {{0}};
	struct cbd_trace trace;

	(void)state;
	write_text(trace_path,
		   TRACKING_HEADER "1,12000," REPORT "\n2,12006," REPORT "\n3,512006," REPORT "\n");
	write_text(events_path, EVENTS "0,external,0,0,0,12\n1.000500,adjtimex,12006,12006,12,0\n"
				       "2.5,settime,12006,512006,0,0\n");
	if (!cbd_trace_read(&trace, trace_path, &error)) {
		fail_msg("%s", error.text);
	}
	assert_int_equal(trace.kind, CBD_TRACE_TRACKING);
	assert_int_equal(trace.events, 3);
	assert_int_equal(trace.event[1].counter - trace.row[0].at.counter, 500006);
	assert_in_range(trace.row[1].at.counter - trace.row[0].at.counter, 1000012000 - 1, 1000012000 + 1);
	assert_in_range(trace.row[2].at.counter - trace.row[1].at.counter, 1000012000 - 1, 1000012000 + 1);
	assert_int_equal(trace.event[2].clock_ns, 1262304002500512006);
	cbd_trace_free(&trace);
}

static void files_that_are_no_traces_are_refused(void **state)
{
	(void)state;
	(void)unlink(trace_path);
	assert_refused("run.csv: ", "No such file");
	write_text(trace_path, "");
	assert_refused("run.csv: ", "empty");
	write_text(trace_path, "scenario,seed\nlan,1\n");
	assert_refused("run.csv:1: ", "no column t_sim");
	write_text(trace_path, SOURCE_HEADER);
	assert_refused("run.csv:1: ", "no reports");
	write_text(trace_path, "t_sim,true_offset_ns,raw_counter_ns\n");
	assert_refused("run.csv:1: ", "no column ref_id");
}

static void lines_of_the_wrong_form_are_refused(void **state)
{
	static char endless[8192];

	(void)state;
	write_text(trace_path, SOURCE_HEADER "0.5,0,5," REPORT "\n");
	assert_refused("run.csv:2: ", "18 fields, the header has 26");
	write_text(trace_path, SOURCE_HEADER "\n");
	assert_refused("run.csv:2: ", "1 fields");
	memset(endless, '1', sizeof(endless));
	write_file(trace_path, endless, sizeof(endless));
	assert_refused("run.csv:1: ", "too long");
	memset(endless, ',', 200);
	write_file(trace_path, endless, 200);
	assert_refused("run.csv:1: ", "more than");
	write_file(trace_path, "t_sim\0,", 7);
	assert_refused("run.csv:1: ", "NUL");
}

static void fields_that_are_no_numbers_are_refused(void **state)
{
	(void)state;
	write_text(trace_path, SOURCE_HEADER "0.5,0,5," REPORT SAMPLE "\nx,0,5," REPORT SAMPLE "\n");
	assert_refused("run.csv:3: column t_sim", "\"x\" is no number");
	write_text(trace_path, SOURCE_HEADER "0.5,nan,5," REPORT SAMPLE "\n");
	assert_refused("run.csv:2: column true_offset_ns", "no number");
	write_text(trace_path, SOURCE_HEADER "0.5,0x10,5," REPORT SAMPLE "\n");
	assert_refused("run.csv:2: column true_offset_ns", "no number");
	write_text(trace_path, SOURCE_HEADER "0.5,1e400,5," REPORT SAMPLE "\n");
	assert_refused("run.csv:2: column true_offset_ns", "not within");
	write_text(trace_path, SOURCE_HEADER "0.5,0,-5," REPORT SAMPLE "\n");
	assert_refused("run.csv:2: column raw_counter_ns", "not within");
	write_text(trace_path, SOURCE_HEADER "0.5,0,5,c0a8" REPORT SAMPLE "\n");
	assert_refused("run.csv:2: column ref_id", "eight hexadecimal digits");
	write_text(trace_path, SOURCE_HEADER "0.5,0,5," REPORT ",0,,6,255,3,0.001,0.001,0.002\n");
	assert_refused("run.csv:2: column src0_mode", "no number");
}

static void what_chronyd_cannot_have_said_is_refused(void **state)
{
	(void)state;
	write_text(trace_path, SOURCE_HEADER "0.5,0,5," REPORT ",9,0,6,255,3,0.001,0.001,0.002\n");
	assert_refused("run.csv:2: source 0", "state 9");
	write_text(trace_path, SOURCE_HEADER "0.5,0,5," REPORT ",0,0,6,255,3,0.001,0.001,-1\n");
	assert_refused("run.csv:2: source 0", "negative");
	write_text(trace_path, SOURCE_HEADER
		   "0.5,0,5,c0a87b01,2,7,1262304006,5,0.001,0,0,12,0,0.5,0.002,0.001,64,0" SAMPLE "\n");
	assert_refused("run.csv:2: ", "leap status 7");
}

static void times_and_counters_that_go_back_are_refused(void **state)
{
	(void)state;
	write_text(trace_path, SOURCE_HEADER "1.5,0,5," REPORT SAMPLE "\n1.5,0,6," REPORT SAMPLE "\n");
	assert_refused("run.csv:3: column t_sim", "not after");
	write_text(trace_path, SOURCE_HEADER "1.5,0,5," REPORT SAMPLE "\n2.5,0,5," REPORT SAMPLE "\n");
	assert_refused("run.csv:3: column raw_counter_ns", "not above");
}

static void a_run_without_counter_needs_its_events(void **state)
{
	(void)state;
	write_text(trace_path, TRACKING_HEADER "1,12000," REPORT "\n");
	(void)unlink(events_path);
	assert_refused("run.events.csv: ", "made from the events");
	write_text(events_path, "");
	assert_refused("run.events.csv: ", "empty");
	write_text(events_path, "t_sim,kind\n");
	assert_refused("run.events.csv:1: ", "no column offset_before_ns");
	write_text(events_path, EVENTS "1,sabotage,0,0,0,0\n");
	assert_refused("run.events.csv:2: ", "unknown kind \"sabotage\"");
	write_text(events_path, EVENTS "2,external,0,0,0,0\n1,external,0,0,0,0\n");
	assert_refused("run.events.csv:3: ", "before the one above");
	write_text(events_path, EVENTS "2,adjtimex,0,0,-1e6,0\n");
	assert_refused("run.events.csv:2: column rate_before_ppm", "not within");
}

/* The header of gzip, and then nothing that could be unpacked. */
static void compressed_files_that_end_too_early_are_refused(void **state)
{
	static const char cut[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\xcb";

	(void)state;
	write_file(trace_path, cut, sizeof(cut) - 1);
	assert_refused("run.csv", "cannot be read on");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_with_source_data_is_read),
		cmocka_unit_test(the_counter_of_a_run_without_one_is_the_clock_without_chronyds_hand),
		cmocka_unit_test(files_that_are_no_traces_are_refused),
		cmocka_unit_test(lines_of_the_wrong_form_are_refused),
		cmocka_unit_test(fields_that_are_no_numbers_are_refused),
		cmocka_unit_test(what_chronyd_cannot_have_said_is_refused),
		cmocka_unit_test(times_and_counters_that_go_back_are_refused),
		cmocka_unit_test(a_run_without_counter_needs_its_events),
		cmocka_unit_test(compressed_files_that_end_too_early_are_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
