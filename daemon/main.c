/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's entry: options, privileges, then the loop. Exit status 0 stopped, 1 failed, 2 wrong usage. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/privileges.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

static int run(const struct cbd_config *config)
{
	static struct cbd_loop loop; /* never moved */
	int result;

	umask(022);
	cbd_privileges_limit(strcmp(config->probe, "off") != 0 && strcmp(config->probe, "timerfd") != 0);
	result = cbd_loop_open(&loop, config);
	if (result != 0) {
		return EXIT_FAILED;
	}
	cbd_privileges_drop(cbd_probe_map_fd(&loop.probe) >= 0);
	result = cbd_loop_run(&loop);
	cbd_loop_close(&loop);
	return result == 0 ? 0 : EXIT_FAILED;
}

/* Else the files that are opened next take the numbers of the standard streams, and the log is written into one. */
static bool has_standard_streams(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		/* The lowest number that is free, which is this one. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd) {
			return false;
		}
	}
	return true;
}

/* What was asked for has been written, or it has not been answered. */
static int finish(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout)) {
		return 0;
	}
	cbd_log(CBD_LOG_ERROR, "output_failed", "cannot write the output: %s", strerror(errno));
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	static struct cbd_config config;
	enum cbd_config_result result;

	if (!has_standard_streams()) {
		return EXIT_FAILED; /* nowhere to say so */
	}
	result = cbd_config_parse(&config, argc, argv);
	cbd_log_init(2, config.is_json, config.is_verbose);
	switch (result) {
	case CBD_CONFIG_HELP:
		cbd_config_help(stdout);
		return finish();
	case CBD_CONFIG_VERSION:
		puts("clockbound " CBD_VERSION);
		return finish();
	case CBD_CONFIG_BAD:
		cbd_log(CBD_LOG_ERROR, "usage", "%s", config.error);
		return EXIT_USAGE;
	case CBD_CONFIG_RUN:
		break;
	}
	if (config.is_check_only) {
		puts("clockbound: the configuration is valid");
		return finish();
	}
	return run(&config);
}
