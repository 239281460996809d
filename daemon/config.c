/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See config.h. One table names every option; the command line and the file go through the same function, so that
 * a value means the same in both.
 */
#include "daemon/config.h"

#include <ctype.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_file.h"
#include "daemon/config_phc.h"

#define PPB_PER_PPM		 1000u
#define MAX_DRIFT_PPM_DEFAULT	 50u
#define POLL_INTERVAL_DEFAULT_NS INT64_C(1000000000)
#define POLL_INTERVAL_MIN_NS	 INT64_C(100000000)
#define POLL_INTERVAL_MAX_NS	 INT64_C(16000000000)
#define MAX_HOLDOVER_DEFAULT_NS	 INT64_C(1000000000000)
#define MAX_HOLDOVER_MIN_NS	 INT64_C(1000000000)
#define MAX_HOLDOVER_MAX_NS	 INT64_C(86400000000000)

/* sun_path, less its NUL; and less the name of the control socket in the directory. */
#define SOCKET_PATH_MAX 107
#define RUNTIME_DIR_MAX (SOCKET_PATH_MAX - (int)sizeof("clockbound.sock"))

/* What an option takes. */
enum kind {
	KIND_FLAG,    /* bool; in the file true or false */
	KIND_OFF,     /* bool that the option clears */
	KIND_TEXT,    /* CBD_CONFIG_TEXT bytes */
	KIND_PATH,    /* CBD_CONFIG_PATH bytes, absolute or not, not empty */
	KIND_DRIFT,   /* ppm, or with the unit behind it */
	KIND_SECONDS, /* with a fraction; ns in int64_t */
	KIND_NS,      /* whole ns, in int64_t */
	KIND_NUMBER,  /* so too, of nothing */
	KIND_ACTION,  /* for the command line alone */
};

struct setting {
	const char *name;
	int letter; /* 0: none */
	enum kind kind;
	size_t offset;
	int64_t min_ns;
	int64_t max_ns;
};

#define FIELD(name) offsetof(struct cbd_config, name)

static const struct setting settings[] = {
	{"max-drift-rate", 'm', KIND_DRIFT, FIELD(max_drift_ppb), 0, 0},
	{"json-output", 'j', KIND_FLAG, FIELD(is_json), 0, 0},
	{"phc-ref-id", 'r', KIND_TEXT, FIELD(phc_ref_id), 0, 0},
	{"phc-interface", 'i', KIND_TEXT, FIELD(phc_interface), 0, 0},
	{"disable-clock-disruption-support", 'd', KIND_OFF, FIELD(has_disruption_support), 0, 0},
	{"clock-error-bound-source", 0, KIND_TEXT, FIELD(error_bound_source), 0, 0},
	{"runtime-dir", 0, KIND_PATH, FIELD(runtime_dir), 0, 0},
	{"chrony-socket", 0, KIND_PATH, FIELD(chrony_socket), 0, 0},
	{"vmclock", 0, KIND_PATH, FIELD(vmclock), 0, 0},
	{"phc-device", 0, KIND_PATH, FIELD(phc_device), 0, 0},
	{"phc-error-bound-ns", 0, KIND_NS, FIELD(phc_bound_ns), 1, INT64_C(1000000000)},
	{"ptp4l", 0, KIND_PATH, FIELD(ptp4l), 0, 0},
	{"ptp4l-domain", 0, KIND_NUMBER, FIELD(ptp4l_domain), 0, 127},
	{"ptp4l-transport-specific", 0, KIND_NUMBER, FIELD(ptp4l_transport), 0, 15},
	{"probe", 0, KIND_TEXT, FIELD(probe), 0, 0},
	{"pin", 0, KIND_PATH, FIELD(pin), 0, 0},
	{"poll-interval", 0, KIND_SECONDS, FIELD(poll_interval_ns), POLL_INTERVAL_MIN_NS,
	 POLL_INTERVAL_MAX_NS},
	{"max-holdover", 0, KIND_SECONDS, FIELD(max_holdover_ns), MAX_HOLDOVER_MIN_NS, MAX_HOLDOVER_MAX_NS},
	{"allow-local", 0, KIND_FLAG, FIELD(allow_local), 0, 0},
	{"allow-inject", 0, KIND_FLAG, FIELD(allow_inject), 0, 0},
	{"force-counter", 0, KIND_FLAG, FIELD(force_counter), 0, 0},
	{"verbose", 'v', KIND_FLAG, FIELD(is_verbose), 0, 0},
	{"config", 0, KIND_ACTION, FIELD(config_path), 0, 0},
	{"check-config", 0, KIND_ACTION, FIELD(is_check_only), 0, 0},
	{"help", 'h', KIND_ACTION, 0, 0, 0},
	{"version", 'V', KIND_ACTION, 0, 0, 0},
};

#define SETTINGS      (sizeof(settings) / sizeof(settings[0]))
#define LONG_ONLY     256 /* getopt_long() values of options without a letter begin here */
#define LETTERS	      ":m:jr:i:dvhV"
#define TAKES_NO_MORE 0

static bool takes_value(const struct setting *setting)
{
	return setting->kind == KIND_TEXT || setting->kind == KIND_PATH || setting->kind == KIND_DRIFT ||
	       setting->kind == KIND_SECONDS || setting->kind == KIND_NS || setting->kind == KIND_NUMBER ||
	       strcmp(setting->name, "config") == 0;
}

static void *field(struct cbd_config *config, const struct setting *setting)
{
	return (char *)config + setting->offset;
}

static bool set_flag(bool *flag, const char *value, bool meaning, char *error, size_t size)
{
	if (strcmp(value, "true") == 0 || strcmp(value, "yes") == 0) {
		*flag = meaning;
		return true;
	}
	if (strcmp(value, "false") == 0 || strcmp(value, "no") == 0) {
		*flag = !meaning;
		return true;
	}
	snprintf(error, size, "'%s' is neither true nor false", value);
	return false;
}

static bool set_text(char *text, size_t room, const char *value, char *error, size_t size)
{
	size_t length = strlen(value);

	if (length == 0) {
		snprintf(error, size, "the value is empty");
		return false;
	}
	if (value[0] == '"' || value[0] == '\'') {
		snprintf(error, size, "leave out the quotes of %.64s: they would be a part of it", value);
		return false;
	}
	if (length >= room) {
		snprintf(error, size, "the value is %zu bytes long, more than %zu", length, room - 1);
		return false;
	}
	memcpy(text, value, length + 1);
	return true;
}

/* A whole number of ppm; with "ppb" behind it, of ppb. Less than one whole: a faster drift is no clock. */
static bool set_drift(uint32_t *ppb, const char *value, char *error, size_t size)
{
	char *end = NULL;
	unsigned long long number = isdigit((unsigned char)value[0]) ? strtoull(value, &end, 10) : 0;
	unsigned long long unit = PPB_PER_PPM;

	if (end != NULL && strcmp(end, "ppb") == 0) {
		unit = 1;
	} else if (end == NULL || (*end != '\0' && strcmp(end, "ppm") != 0)) {
		number = 0;
	}
	if (number == 0 || number > 999999999 / unit) {
		snprintf(error, size,
			 "'%s' is not a whole number of ppm from 1 to 999999 (or, as 1ppb to 999999999ppb, "
			 "of ppb)",
			 value);
		return false;
	}
	*ppb = (uint32_t)(number * unit);
	return true;
}

/* Seconds with at most nine digits behind the point, exactly; false if they are not such a number. */
static bool parse_seconds(const char *value, int64_t *ns)
{
	int64_t scale = INT64_C(100000000);
	int64_t total = 0;
	const char *at;

	for (at = value; isdigit((unsigned char)*at) && total < MAX_HOLDOVER_MAX_NS; at++) {
		total = total * 10 + (*at - '0') * INT64_C(1000000000);
	}
	if (at == value) {
		return false;
	}
	if (*at == '.' && at[1] != '\0') {
		for (at++; isdigit((unsigned char)*at) && scale > 0; at++) {
			total += (*at - '0') * scale;
			scale /= 10;
		}
	}
	*ns = total;
	return *at == '\0';
}

static bool set_seconds(int64_t *ns, const struct setting *setting, const char *value, char *error,
			size_t size)
{
	int64_t parsed;

	if (!parse_seconds(value, &parsed) || parsed < setting->min_ns || parsed > setting->max_ns) {
		snprintf(error, size, "'%s' is not a number of seconds from %g to %g", value,
			 (double)setting->min_ns * 1e-9, (double)setting->max_ns * 1e-9);
		return false;
	}
	*ns = parsed;
	return true;
}

static bool set_number(int64_t *to, const struct setting *setting, const char *value, char *error,
		       size_t size)
{
	char *end = NULL;
	unsigned long long number = isdigit((unsigned char)value[0]) ? strtoull(value, &end, 10) : 0;

	if (end == NULL || *end != '\0' || number < (unsigned long long)setting->min_ns ||
	    number > (unsigned long long)setting->max_ns) {
		snprintf(error, size, "'%s' is not a whole number %sfrom %lld to %lld", value,
			 setting->kind == KIND_NS ? "of ns " : "", (long long)setting->min_ns,
			 (long long)setting->max_ns);
		return false;
	}
	*to = (int64_t)number;
	return true;
}

/* One setting from one text; @value is "true" for a flag on the command line. */
static bool set(struct cbd_config *config, const struct setting *setting, const char *value, char *error,
		size_t size)
{
	void *at = field(config, setting);

	switch (setting->kind) {
	case KIND_FLAG:
		return set_flag(at, value, true, error, size);
	case KIND_OFF:
		return set_flag(at, value, false, error, size);
	case KIND_TEXT:
		return set_text(at, CBD_CONFIG_TEXT, value, error, size);
	case KIND_PATH:
		return set_text(at, CBD_CONFIG_PATH, value, error, size);
	case KIND_DRIFT:
		return set_drift(at, value, error, size);
	case KIND_SECONDS:
		return set_seconds(at, setting, value, error, size);
	case KIND_NS:
	case KIND_NUMBER:
		return set_number(at, setting, value, error, size);
	case KIND_ACTION:
		break;
	}
	return false;
}

static void set_defaults(struct cbd_config *config)
{
	memset(config, 0, sizeof(*config));
	config->max_drift_ppb = MAX_DRIFT_PPM_DEFAULT * PPB_PER_PPM;
	config->poll_interval_ns = POLL_INTERVAL_DEFAULT_NS;
	config->max_holdover_ns = MAX_HOLDOVER_DEFAULT_NS;
	config->has_disruption_support = true;
	snprintf(config->runtime_dir, sizeof(config->runtime_dir), "/run/clockbound");
	snprintf(config->chrony_socket, sizeof(config->chrony_socket), "/run/chrony/chronyd.sock");
	snprintf(config->vmclock, sizeof(config->vmclock), "auto");
	snprintf(config->probe, sizeof(config->probe), "auto");
	snprintf(config->error_bound_source, sizeof(config->error_bound_source), "chrony");
}

/* cbd_config_take: one line of the file. */
static int take_line(void *context, const char *key, const char *value, char *error, size_t size)
{
	char why[256];
	size_t i;

	for (i = 0; i < SETTINGS; i++) {
		if (strcmp(settings[i].name, key) != 0) {
			continue;
		}
		if (settings[i].kind == KIND_ACTION) {
			snprintf(error, size, "%s belongs on the command line, not in the file", key);
			return 0;
		}
		if (!set(context, &settings[i], value, why, sizeof(why))) {
			snprintf(error, size, "%s: %s", key, why);
			return 0;
		}
		return 1;
	}
	snprintf(error, size, "unknown key '%s'; keys are the long options of clockbound --help", key);
	return 0;
}

static void make_long_options(struct option *options)
{
	size_t i;

	memset(options, 0, (SETTINGS + 1) * sizeof(*options));
	for (i = 0; i < SETTINGS; i++) {
		options[i].name = settings[i].name;
		options[i].has_arg = takes_value(&settings[i]) ? required_argument : no_argument;
		options[i].val = LONG_ONLY + (int)i;
	}
}

static const struct setting *setting_of(int value)
{
	size_t i;

	if (value >= LONG_ONLY) {
		return &settings[value - LONG_ONLY];
	}
	for (i = 0; i < SETTINGS; i++) {
		if (settings[i].letter == value) {
			return &settings[i];
		}
	}
	return NULL;
}

/* getopt_long() found an option that is none, or none that is so given. */
static void refuse_option(struct cbd_config *config, int found, char **argv)
{
	/* optopt is the value of a known option, or the unknown letter, or 0 for an unknown long option. */
	const struct setting *known = optopt != 0 ? setting_of(optopt) : NULL;
	const char *word = argv[optind - 1];

	if (found == ':' && known != NULL) {
		snprintf(config->error, sizeof(config->error), "--%s needs a value; see clockbound --help",
			 known->name);
	} else if (known != NULL) {
		snprintf(config->error, sizeof(config->error), "--%s takes no value, but was given one: '%s'",
			 known->name, word);
	} else if (optopt != 0) {
		snprintf(config->error, sizeof(config->error), "unknown option '-%c'; see clockbound --help",
			 optopt);
	} else {
		snprintf(config->error, sizeof(config->error),
			 "unknown or ambiguous option '%s'; see clockbound --help", word);
	}
}

/* One option of the command line: RUN to go on. In the first pass only those that need no other are taken. */
static enum cbd_config_result take_option(struct cbd_config *config, const struct setting *setting,
					  const char *value, bool is_first_pass)
{
	char why[256];

	if (setting->kind == KIND_ACTION) {
		if (strcmp(setting->name, "help") == 0) {
			return CBD_CONFIG_HELP;
		}
		if (strcmp(setting->name, "version") == 0) {
			return CBD_CONFIG_VERSION;
		}
		if (strcmp(setting->name, "check-config") == 0) {
			config->is_check_only = true;
		} else if (!set_text(config->config_path, sizeof(config->config_path), value, why,
				     sizeof(why))) {
			snprintf(config->error, sizeof(config->error), "--config: %s", why);
			return CBD_CONFIG_BAD;
		}
		return CBD_CONFIG_RUN;
	}
	if (is_first_pass || set(config, setting, value != NULL ? value : "true", why, sizeof(why))) {
		return CBD_CONFIG_RUN;
	}
	snprintf(config->error, sizeof(config->error), "--%s: %s", setting->name, why);
	return CBD_CONFIG_BAD;
}

static enum cbd_config_result take_arguments(struct cbd_config *config, int argc, char **argv,
					     bool is_first_pass)
{
	struct option options[SETTINGS + 1];
	int found;

	make_long_options(options);
	optind = 0; /* glibc: start afresh */
	opterr = 0;
	while ((found = getopt_long(argc, argv, LETTERS, options, NULL)) != -1) {
		enum cbd_config_result result;

		if (found == '?' || found == ':') {
			refuse_option(config, found, argv);
			return CBD_CONFIG_BAD;
		}
		result = take_option(config, setting_of(found), optarg, is_first_pass);
		if (result != CBD_CONFIG_RUN) {
			return result;
		}
	}
	if (optind < argc) {
		snprintf(config->error, sizeof(config->error),
			 "unexpected argument '%s'; see clockbound --help", argv[optind]);
		return CBD_CONFIG_BAD;
	}
	return CBD_CONFIG_RUN;
}

/* Paths that can never be a socket's, or have one in them. Whether they exist is the start's to find. */
static void check_paths(struct cbd_config *config)
{
	char *error = config->error;
	const size_t size = sizeof(config->error);

	if (config->chrony_socket[0] != '/') {
		snprintf(error, size, "--chrony-socket '%s' is not an absolute path", config->chrony_socket);
	} else if (strlen(config->chrony_socket) > SOCKET_PATH_MAX) {
		snprintf(error, size,
			 "--chrony-socket '%s' is longer than %d bytes, so no socket can be there",
			 config->chrony_socket, SOCKET_PATH_MAX);
	} else if (strlen(config->runtime_dir) > RUNTIME_DIR_MAX) {
		snprintf(error, size,
			 "--runtime-dir '%s' is longer than %d bytes, so that no socket can be in it",
			 config->runtime_dir, RUNTIME_DIR_MAX);
	}
}

static bool is_probe(const char *name)
{
	static const char *const names[] = {"auto", "fentry", "tracepoint", "timerfd", "off"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			return true;
		}
	}
	return false;
}

/* A bound that ends before the next poll would be valid now and then only, with a chronyd that answers each. */
static void check_holdover(struct cbd_config *config)
{
	if (config->max_holdover_ns < config->poll_interval_ns) {
		snprintf(config->error, sizeof(config->error),
			 "--max-holdover %.14g is less than --poll-interval %.14g, so that the bound would "
			 "end before each poll: raise the one, or lower the other",
			 (double)config->max_holdover_ns * 1e-9, (double)config->poll_interval_ns * 1e-9);
	}
}

/* What cannot be judged one option at a time. */
static bool check_together(struct cbd_config *config)
{
	char *error = config->error;
	const size_t size = sizeof(config->error);

	if (!cbd_config_phc_check(config)) {
		return false;
	}
	if (!is_probe(config->probe)) {
		snprintf(error, size, "--probe '%s' is none of auto, fentry, tracepoint, timerfd and off",
			 config->probe);
	} else if (strcmp(config->error_bound_source, "chrony") != 0) {
		snprintf(error, size,
			 "--clock-error-bound-source '%s' is not supported by this version; use chrony",
			 config->error_bound_source);
	} else {
		check_paths(config);
	}
	if (error[0] == '\0') {
		check_holdover(config);
	}
	return error[0] == '\0';
}

enum cbd_config_result cbd_config_parse(struct cbd_config *config, int argc, char **argv)
{
	enum cbd_config_result result;

	set_defaults(config);
	result = take_arguments(config, argc, argv, true);
	if (result != CBD_CONFIG_RUN) {
		return result;
	}
	if (config->config_path[0] != '\0' &&
	    cbd_config_file_read(config->config_path, take_line, config, config->error,
				 sizeof(config->error)) != 0) {
		return CBD_CONFIG_BAD;
	}
	result = take_arguments(config, argc, argv, false);
	if (result == CBD_CONFIG_RUN && !check_together(config)) {
		result = CBD_CONFIG_BAD;
	}
	return result;
}
