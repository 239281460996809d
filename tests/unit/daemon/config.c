/* SPDX-License-Identifier: Apache-2.0 */
/* Options and the file: what is taken, what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/config.h"
#include "daemon/config_phc.h"

static struct cbd_config config;

/* Parses a command line given as one string, split at spaces. */
static enum cbd_config_result parse(const char *line)
{
	static char words[4096];
	static char program[] = "clockbound";
	char *argv[32] = {program};
	int argc = 1;
	char *word;
	char *rest;

	snprintf(words, sizeof(words), "%s", line);
	for (word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		argv[argc++] = word;
	}
	return cbd_config_parse(&config, argc, argv);
}

static void refused(const char *line, const char *expected)
{
	if (parse(line) != CBD_CONFIG_BAD || strstr(config.error, expected) == NULL) {
		fail_msg("'%s': expected a refusal with '%s', got '%s'", line, expected, config.error);
	}
	assert_null(strchr(config.error, '\n'));
}

static void the_defaults_are_those_of_the_help(void **state)
{
	static char help[8192];
	FILE *file = fmemopen(help, sizeof(help), "w");

	(void)state;
	cbd_config_help(file);
	fclose(file);
	assert_int_equal(parse(""), CBD_CONFIG_RUN);
	assert_int_equal(config.max_drift_ppb, 50000);
	assert_non_null(strstr(help, "(default 50)"));
	assert_int_equal(config.max_holdover_ns, INT64_C(1000000000000));
	assert_non_null(strstr(help, "answer; 1 to 86400 seconds (default 1000)"));
	assert_int_equal(config.poll_interval_ns, 1000000000);
	assert_non_null(strstr(help, "0.1 to 16 seconds (default 1)"));
	assert_string_equal(config.runtime_dir, "/run/clockbound");
	assert_non_null(strstr(help, "(default /run/clockbound"));
	assert_string_equal(config.chrony_socket, "/run/chrony/chronyd.sock");
	assert_non_null(strstr(help, "(default /run/chrony/chronyd.sock)"));
	assert_string_equal(config.error_bound_source, "chrony");
	assert_non_null(
		strstr(help, "Other sources (not in this version: a value that asks for one is refused):"));
	assert_non_null(strstr(help, "chrony (default chrony)"));
	assert_false(config.is_json || config.is_verbose || config.allow_local || config.force_counter ||
		     config.is_check_only);
}

static void no_line_of_the_help_is_wider_than_a_terminal(void **state)
{
	static char help[8192];
	FILE *file = fmemopen(help, sizeof(help), "w");
	char *rest = help;
	char *line;

	(void)state;
	cbd_config_help(file);
	fclose(file);
	while ((line = strtok_r(rest, "\n", &rest)) != NULL) {
		assert_true(strlen(line) <= 105);
	}
}

static void every_option_of_this_version_is_taken(void **state)
{
	(void)state;
	assert_int_equal(parse("-m 20 -j -d -v --runtime-dir /a --chrony-socket /b --poll-interval 0.25 "
			       "--max-holdover "
			       "60 --allow-local --force-counter --check-config --vmclock off --probe off "
			       "--clock-error-bound-source chrony"),
			 CBD_CONFIG_RUN);
	assert_int_equal(config.max_drift_ppb, 20000);
	assert_true(config.is_json && config.is_verbose && config.allow_local && config.force_counter);
	assert_true(config.is_check_only);
	assert_false(config.has_disruption_support);
	assert_string_equal(config.runtime_dir, "/a");
	assert_string_equal(config.chrony_socket, "/b");
	assert_int_equal(config.poll_interval_ns, 250000000);
	assert_int_equal(config.max_holdover_ns, INT64_C(60000000000));
	assert_int_equal(
		parse("--max-drift-rate=7 --json-output --verbose --disable-clock-disruption-support"),
		CBD_CONFIG_RUN);
	assert_int_equal(config.max_drift_ppb, 7000);
}

/* Upstream's unit is ppm: an upstream command line must not get a bound a thousand times too narrow. */
static void a_drift_rate_is_in_ppm_unless_it_says_otherwise(void **state)
{
	(void)state;
	assert_int_equal(parse("-m 1"), CBD_CONFIG_RUN);
	assert_int_equal(config.max_drift_ppb, 1000);
	assert_int_equal(parse("-m 50ppm"), CBD_CONFIG_RUN);
	assert_int_equal(config.max_drift_ppb, 50000);
	assert_int_equal(parse("-m 500ppb"), CBD_CONFIG_RUN);
	assert_int_equal(config.max_drift_ppb, 500);
	assert_int_equal(parse("-m 999999"), CBD_CONFIG_RUN);
	assert_int_equal(config.max_drift_ppb, 999999000);
	assert_int_equal(parse("-m 999999999ppb"), CBD_CONFIG_RUN);
	refused("-m 0", "--max-drift-rate: '0'");
	refused("-m 0ppb", "'0ppb'");
	refused("-m 1000000", "from 1 to 999999");
	refused("-m 1000000000ppb", "'1000000000ppb'");
	refused("-m -5", "'-5'");
	refused("-m +5", "'+5'");
	refused("-m 1.5", "'1.5'");
	refused("-m 5%", "'5%'");
	refused("-m 99999999999999999999999", "'99999999999999999999999'");
	refused("-m x", "whole number of ppm");
}

static void seconds_take_fractions_exactly_and_have_ends(void **state)
{
	(void)state;
	assert_int_equal(parse("--poll-interval 0.1"), CBD_CONFIG_RUN);
	assert_int_equal(config.poll_interval_ns, 100000000);
	assert_int_equal(parse("--poll-interval 16"), CBD_CONFIG_RUN);
	assert_int_equal(parse("--poll-interval 1.000000001"), CBD_CONFIG_RUN);
	assert_int_equal(config.poll_interval_ns, 1000000001);
	refused("--poll-interval 0.099999999", "from 0.1 to 16");
	refused("--poll-interval 16.000000001", "from 0.1 to 16");
	refused("--poll-interval 1.0000000001", "'1.0000000001'");
	refused("--poll-interval 1.", "'1.'");
	refused("--poll-interval .5", "'.5'");
	refused("--poll-interval 1e0", "'1e0'");
	refused("--poll-interval nan", "'nan'");
	refused("--poll-interval -1", "'-1'");
	refused("--max-holdover 0", "from 1 to 86400");
	refused("--max-holdover 86401", "from 1 to 86400");
	refused("--max-holdover 99999999999999999999999999", "from 1 to 86400");
	assert_int_equal(parse("--max-holdover 86400"), CBD_CONFIG_RUN);
}

static void a_holdover_outlasts_a_poll(void **state)
{
	(void)state;
	assert_int_equal(parse("--poll-interval 16 --max-holdover 16"), CBD_CONFIG_RUN);
	refused("--poll-interval 16 --max-holdover 15.999999999", "--max-holdover 15.999999999 is less than");
	refused("--poll-interval 16 --max-holdover 1", "--max-holdover 1 is less than --poll-interval 16");
	assert_int_equal(parse("--max-holdover 1"), CBD_CONFIG_RUN);
}

static void wrong_usage_is_named(void **state)
{
	(void)state;
	refused("--no-such-option", "unknown or ambiguous option '--no-such-option'");
	refused("-x", "unknown option '-x'");
	refused("--max-", "unknown or ambiguous option '--max-'");
	refused("--runtime-dir", "--runtime-dir needs a value");
	refused("-m", "--max-drift-rate needs a value");
	refused("--verbose=3", "--verbose takes no value");
	refused("--runtime-dir=", "--runtime-dir: the value is empty");
	refused("stray", "unexpected argument 'stray'");
}

static void half_a_phc_is_wrong(void **state)
{
	(void)state;
	refused("-r PHC0", "--phc-ref-id was given without --phc-interface");
	refused("-i eth0", "--phc-interface was given without --phc-ref-id");
	refused("-i eth0 --phc-device eth0", "--phc-interface was given without --phc-ref-id");
	refused("--phc-error-bound-ns 5", "--phc-error-bound-ns was given without a PHC");
	refused("--ptp4l /var/run/ptp4l", "--ptp4l was given without a PHC");
	refused("--phc-device eth0 --ptp4l /var/run/ptp4l --phc-error-bound-ns 5", "give one of them");
	refused("--phc-device eth0 --ptp4l-domain 1", "--ptp4l-domain was given without --ptp4l");
	refused("--phc-device eth0 --ptp4l-transport-specific 1",
		"--ptp4l-transport-specific was given without");
	refused("--phc-device eth0 --ptp4l /x --ptp4l-domain 128", "not a whole number from 0 to 127");
	refused("--phc-device eth0 --ptp4l /x --ptp4l-domain=-1", "not a whole number from 0 to 127");
	refused("--phc-device eth0 --ptp4l /x --ptp4l-transport-specific 16",
		"not a whole number from 0 to 15");
	refused("-r PHC0 -i /dev/ptp0", "a path goes to --phc-device");
	refused("-r PHC00 -i eth0", "'PHC00' is no reference id");
	refused("--phc-device=", "--phc-device: the value is empty");
	refused("--phc-device eth0 --phc-error-bound-ns 0", "not a whole number of ns from 1 to 1000000000");
	refused("--phc-device eth0 --phc-error-bound-ns -1", "not a whole number of ns");
	refused("--phc-device eth0 --phc-error-bound-ns 1000000001", "not a whole number of ns");
	refused("--phc-device eth0 --phc-error-bound-ns 5us", "not a whole number of ns");
}

static void a_phc_is_followed_read_or_both(void **state)
{
	(void)state;
	assert_int_equal(parse("-r PHC0 -i eth0"), CBD_CONFIG_RUN);
	assert_int_equal(parse("-r PHC0 --phc-device /dev/ptp0 --ptp4l /var/run/ptp4l"), CBD_CONFIG_RUN);
	assert_string_equal(config.ptp4l, "/var/run/ptp4l");
	assert_int_equal(config.ptp4l_domain, 0);
	assert_int_equal(
		parse("--phc-device eth0 --ptp4l /x --ptp4l-domain 127 --ptp4l-transport-specific 1"),
		CBD_CONFIG_RUN);
	assert_int_equal(config.ptp4l_domain, 127);
	assert_int_equal(config.ptp4l_transport, 1);
	assert_int_equal(parse("-r PHC0 -i eth0 --phc-device eth0"), CBD_CONFIG_RUN);
	assert_int_equal(parse("--phc-device /dev/ptp0 --phc-error-bound-ns 1000000000"), CBD_CONFIG_RUN);
	assert_int_equal(config.phc_bound_ns, 1000000000);
	assert_string_equal(config.phc_device, "/dev/ptp0");
}

static void a_reference_id_is_what_chronyd_makes_of_a_name(void **state)
{
	(void)state;
	assert_int_equal(cbd_config_phc_reference("PHC0"), 0x50484330);
	assert_int_equal(cbd_config_phc_reference("GPS"), 0x47505300);
	assert_int_equal(cbd_config_phc_reference(""), 0);
	assert_int_equal(cbd_config_phc_reference("PH C"), 0);
	assert_int_equal(cbd_config_phc_reference("PHC0x"), 0);
}

static void what_later_versions_do_is_refused_now(void **state)
{
	(void)state;
	assert_int_equal(parse("--vmclock /dev/vmclock0 --allow-inject"), CBD_CONFIG_RUN);
	assert_true(config.allow_inject);
	assert_string_equal(config.vmclock, "/dev/vmclock0");
	refused("--probe kprobe", "--probe 'kprobe' is none of auto, fentry, tracepoint, timerfd and off");
	refused("--clock-error-bound-source vmclock",
		"'vmclock' is not supported by this version; use chrony");
	refused("--clock-error-bound-source auto", "'auto' is not supported by this version; use chrony");
	refused("--clock-error-bound-source off", "'off' is not supported by this version; use chrony");
	assert_int_equal(parse("--vmclock auto --probe auto"), CBD_CONFIG_RUN);
	assert_int_equal(parse("--probe fentry"), CBD_CONFIG_RUN);
	assert_int_equal(parse("--probe tracepoint --pin /sys/fs/bpf"), CBD_CONFIG_RUN);
	assert_int_equal(parse("--probe timerfd"), CBD_CONFIG_RUN);
}

/* `DIR/clockbound.sock` and chronyd's path must fit where sockets' names go: 107 bytes. */
static void paths_that_no_socket_can_have_are_refused_before_the_start(void **state)
{
	char line[300];

	(void)state;
	refused("--chrony-socket run/chronyd.sock",
		"--chrony-socket 'run/chronyd.sock' is not an absolute path");
	snprintf(line, sizeof(line), "--chrony-socket /%0106d", 0);
	assert_int_equal(parse(line), CBD_CONFIG_RUN);
	snprintf(line, sizeof(line), "--chrony-socket /%0107d", 0);
	refused(line, "longer than 107 bytes");
	snprintf(line, sizeof(line), "--runtime-dir /%090d", 0);
	assert_int_equal(parse(line), CBD_CONFIG_RUN);
	snprintf(line, sizeof(line), "--runtime-dir /%091d", 0);
	refused(line, "longer than 91 bytes");
}

static void help_and_version_win_over_what_follows(void **state)
{
	(void)state;
	assert_int_equal(parse("--help -m 0"), CBD_CONFIG_HELP);
	assert_int_equal(parse("-h"), CBD_CONFIG_HELP);
	assert_int_equal(parse("--version"), CBD_CONFIG_VERSION);
	assert_int_equal(parse("-V"), CBD_CONFIG_VERSION);
}

static char path[64];

/* Parses `--config FILE` for a file with this content, and then @more. */
static enum cbd_config_result parse_file(const char *content, size_t size, const char *more)
{
	char line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/tmp/clockbound-conf-XXXXXX");
	file = fdopen(mkstemp(path), "w");
	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, size, file), size);
	fclose(file);
	snprintf(line, sizeof(line), "--config %s %s", path, more);
	return parse(line);
}

static void file_refused(const char *content, size_t size, int line, const char *expected)
{
	char place[128];
	enum cbd_config_result result = parse_file(content, size, "");

	unlink(path);
	snprintf(place, sizeof(place), "%s:%d: ", path, line);
	if (result != CBD_CONFIG_BAD || strncmp(config.error, place, strlen(place)) != 0 ||
	    strstr(config.error, expected) == NULL) {
		fail_msg("expected '%s' ... '%s', got '%s'", place, expected, config.error);
	}
}

static void a_file_has_the_names_of_the_long_options(void **state)
{
	static const char content[] = "# a comment\n"
				      "max-drift-rate = 20 ; another\n"
				      "\n"
				      "   runtime-dir=/a\n"
				      "poll-interval = 0.5\n"
				      "allow-local = true\n"
				      "disable-clock-disruption-support = yes\n"
				      "json-output = no";

	(void)state;
	assert_int_equal(parse_file(content, strlen(content), ""), CBD_CONFIG_RUN);
	unlink(path);
	assert_int_equal(config.max_drift_ppb, 20000);
	assert_string_equal(config.runtime_dir, "/a");
	assert_int_equal(config.poll_interval_ns, 500000000);
	assert_true(config.allow_local);
	assert_false(config.has_disruption_support);
	assert_false(config.is_json);
}

static void the_command_line_wins_over_the_file(void **state)
{
	static const char content[] = "max-drift-rate = 20\nruntime-dir = /a\n";

	(void)state;
	assert_int_equal(parse_file(content, strlen(content), "-m 30"), CBD_CONFIG_RUN);
	unlink(path);
	assert_int_equal(config.max_drift_ppb, 30000);
	assert_string_equal(config.runtime_dir, "/a");
}

static void a_file_is_refused_with_its_line(void **state)
{
	char longest[600];

	(void)state;
	file_refused("\n# x\nbogus = 1\n", 15, 3, "unknown key 'bogus'");
	file_refused("max-drift-rate = 0\n", 19, 1, "max-drift-rate: '0'");
	file_refused("verbose = true\nverbose = perhaps\n", 33, 2, "neither true nor false");
	file_refused("verbose\n", 8, 1, "not 'key = value'");
	file_refused("verbose = true\n[daemon]\njson-output = true\n", 43, 2, "sections");
	file_refused("[daemon]\n", 9, 1, "sections");
	file_refused("verbose = true\n[foo] max-drift-rate = 3\n", 40, 2, "sections");
	file_refused("\n \t[foo\n", 8, 2, "sections");
	file_refused("\xef\xbb\xbf[x]\n", 7, 1, "sections");
	file_refused("\xef\xbb\xbf [x] verbose = true\n", 22, 1, "sections");
	file_refused("runtime-dir = /a\n  /b\n", 22, 2, "not 'key = value'");
	file_refused("help = true\n", 12, 1, "belongs on the command line");
	file_refused("config = /x\n", 12, 1, "belongs on the command line");
	file_refused("runtime-dir =\n", 14, 1, "empty");
	file_refused("ver\0bose = true\n", 16, 1, "NUL");
	file_refused("runtime-dir = \"/run/x\"\n", 23, 1, "runtime-dir: leave out the quotes of \"/run/x\"");
	file_refused("probe = 'timerfd'\n", 18, 1, "leave out the quotes of 'timerfd'");
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "runtime-dir = /", 15);
	file_refused(longest, sizeof(longest), 1, "too long");
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	(void)state;
	refused("--config /no/such/file", "/no/such/file: cannot read the configuration: No such file");
	refused("--config /", "/: cannot read the configuration: Is a directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_defaults_are_those_of_the_help),
		cmocka_unit_test(no_line_of_the_help_is_wider_than_a_terminal),
		cmocka_unit_test(every_option_of_this_version_is_taken),
		cmocka_unit_test(a_drift_rate_is_in_ppm_unless_it_says_otherwise),
		cmocka_unit_test(seconds_take_fractions_exactly_and_have_ends),
		cmocka_unit_test(a_holdover_outlasts_a_poll),
		cmocka_unit_test(wrong_usage_is_named),
		cmocka_unit_test(half_a_phc_is_wrong),
		cmocka_unit_test(a_phc_is_followed_read_or_both),
		cmocka_unit_test(a_reference_id_is_what_chronyd_makes_of_a_name),
		cmocka_unit_test(what_later_versions_do_is_refused_now),
		cmocka_unit_test(paths_that_no_socket_can_have_are_refused_before_the_start),
		cmocka_unit_test(help_and_version_win_over_what_follows),
		cmocka_unit_test(a_file_has_the_names_of_the_long_options),
		cmocka_unit_test(the_command_line_wins_over_the_file),
		cmocka_unit_test(a_file_is_refused_with_its_line),
		cmocka_unit_test(a_file_that_cannot_be_read_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
