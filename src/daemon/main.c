// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsixd: takes what intake left in the spool, keeps it in the database, answers requests through
// the two instances and learns each probe's fate.
//
// SECURITY: reads from strangers only what intake's parser made of it (entries, read strictly),
// what Postfix tells of an envelope on the policy socket, its own Postfix's SMTP replies, and, for
// surveys, DNS answers and what mail servers say before MAIL. Holds the token secret, the signing
// keys and the database. Parses no MIME, runs no program, opens no port.

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "adapter/diagnose_file.h"
#include "base/log.h"
#include "base/options.h"
#include "daemon/daemon.h"
#include "daemon/letter.h"
#include "daemon/signing.h"

#define DESCRIPTORS 64 // fewer, and it would start, and then be short of them at every turn

struct arguments {
	const char *config;
	bool check, to_stderr, version;
};

#define AT(member) offsetof(struct arguments, member)

static const struct options_row rows[] = {
	{"config", 'c', OPTIONS_TEXT, AT(config), NULL},
	{"check", '\0', OPTIONS_FLAG, AT(check), NULL},
	{"stderr", '\0', OPTIONS_FLAG, AT(to_stderr), NULL},
	{"version", 'V', OPTIONS_FLAG, AT(version), NULL},
	{0},
};

static const char help[] =
	"usage: postsixd [-c FILE] [--check] [--stderr]\n\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"      --check        check configuration, texts, tables and keys; silent if good\n"
	"      --stderr       log to standard error, not to syslog\n"
	"  -h, --help         this text\n"
	"  -V, --version      the version\n\n"
	"See postsixd(8), postsix.conf(5).\n";

static const struct options options = {"postsixd", help, rows, 0, 0};

// What can be wrong before anything is opened that a running daemon has.
static bool check(const struct config *config, FILE *errors)
{
	bool ok = letter_check_templates(config, errors);
	struct signing *signing = signing_new(config, errors);
	struct diagnose_table *table =
		diagnose_file_read(config->diagnose_table, config->diagnose_local, errors);

	ok = ok && signing != NULL && table != NULL;
	signing_free(signing);
	diagnose_table_free(table);
	return ok;
}

static bool has_descriptors(FILE *errors)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return true;
	fprintf(errors, "%ju descriptors (LimitNOFILE=) are too few, %d are wanted\n",
		(uintmax_t)limit.rlim_cur, DESCRIPTORS);
	return false;
}

// Into the log, where whoever looks for errors finds them; and to standard error, for a person who
// called it, unless that is the log.
static void tell_faults(char *faults, bool to_stderr)
{
	bool is_log = to_stderr || log_is_stderr_journal();

	for (char *rest = faults, *line; (line = strtok_r(rest, "\n", &rest)) != NULL;) {
		log_note(LOG_ERR, "start=refused, error=%s", log_value(line));
		if (!is_log)
			fprintf(stderr, "%s\n", line);
	}
}

static int start(const char *path, FILE *errors, struct config **ret_config,
		 struct daemon **ret_daemon)
{
	int status = EX_CONFIG;

	if (!has_descriptors(errors))
		return status;
	*ret_config = config_read(path, errors);
	if (*ret_config == NULL || !check(*ret_config, errors))
		return status;
	*ret_daemon = daemon_new(*ret_config, errors, &status);
	return *ret_daemon == NULL ? status : EX_OK;
}

static int serve(const struct arguments *arguments)
{
	struct config *config = NULL;
	struct daemon *daemon = NULL;
	char *faults = NULL;
	size_t len = 0;
	FILE *errors = open_memstream(&faults, &len);
	int status;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); // until there is something to reload
	log_open("postsixd", arguments->to_stderr ? LOG_TO_STDERR : LOG_TO_SYSLOG);
	status = start(arguments->config, errors, &config, &daemon);
	fclose(errors);
	tell_faults(faults, arguments->to_stderr);
	free(faults);
	if (daemon != NULL)
		status = daemon_run(daemon);
	daemon_free(daemon);
	config_free(config);
	return status;
}

static int only_check(const char *path)
{
	struct config *config = config_read(path, stderr);
	bool ok = config != NULL && check(config, stderr);

	config_free(config);
	return ok ? EX_OK : EX_CONFIG;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.config = CONFIG_PATH_DEFAULT};
	int status = options_read(&options, argc, argv, &arguments);

	if (status == EX_USAGE && log_is_stderr_journal()) { // nobody called it by hand
		log_open("postsixd", LOG_TO_SYSLOG);
		log_note(LOG_ERR, "start=refused, error=wrong options");
	}
	if (status >= 0)
		return status;
	if (arguments.version)
		return puts("postsixd " POSTSIX_VERSION) < 0 ? EX_IOERR : EX_OK;
	return arguments.check ? only_check(arguments.config) : serve(&arguments);
}
