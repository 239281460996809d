/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's options, from the command line and from a file with the same names. Upstream's letters keep their
 * meaning. Nothing is guessed: what is unknown, out of range or of a later version is refused with what, where
 * and what to do. It opens nothing but the file, and starts nothing.
 */
#ifndef CBD_CONFIG_H
#define CBD_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CBD_CONFIG_PATH 256 /* bytes of a path, NUL included; sockets take 108 */
#define CBD_CONFIG_TEXT 64

struct cbd_config {
	uint32_t max_drift_ppb;
	int64_t poll_interval_ns;
	int64_t max_holdover_ns;
	bool is_json;
	bool is_verbose;
	bool allow_local;
	bool allow_inject;
	bool force_counter;
	bool is_check_only;
	bool has_disruption_support; /* VMClock may be watched, and signals force a disruption */
	char runtime_dir[CBD_CONFIG_PATH];
	char chrony_socket[CBD_CONFIG_PATH];
	char config_path[CBD_CONFIG_PATH]; /* "": no file */
	char phc_ref_id[CBD_CONFIG_TEXT];
	char phc_interface[CBD_CONFIG_TEXT];
	char phc_device[CBD_CONFIG_PATH]; /* or the name of an interface */
	char ptp4l[CBD_CONFIG_PATH];
	int64_t ptp4l_domain;	 /* domainNumber */
	int64_t ptp4l_transport; /* transportSpecific, or majorSdoId */
	int64_t phc_bound_ns;	 /* 0: from the driver, or ptp4l */
	char vmclock[CBD_CONFIG_PATH];
	char error_bound_source[CBD_CONFIG_TEXT];
	char probe[CBD_CONFIG_TEXT]; /* auto, fentry, tracepoint, timerfd or off */
	char pin[CBD_CONFIG_PATH];   /* directory on a bpffs; "": the kernel page is not pinned */
	char error[512];	     /* one line, why cbd_config_parse() returned CBD_CONFIG_BAD */
};

enum cbd_config_result {
	CBD_CONFIG_RUN,	    /* go on */
	CBD_CONFIG_HELP,    /* --help: print it and stop */
	CBD_CONFIG_VERSION, /* --version */
	CBD_CONFIG_BAD,	    /* config->error says why */
};

/*
 * cbd_config_parse - defaults, then the file that --config names, then the command line, which wins
 * @argv: reordered as getopt_long() does
 */
enum cbd_config_result cbd_config_parse(struct cbd_config *config, int argc, char **argv);

/* cbd_config_help - the text of --help */
void cbd_config_help(FILE *to);

#endif
