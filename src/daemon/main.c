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
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "adapter/diagnose_file.h"
#include "base/log.h"
#include "base/options.h"
#include "daemon/daemon.h"
#include "daemon/letter.h"
#include "daemon/signing.h"

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
static bool check(const struct config *config)
{
	bool ok = letter_check_templates(config, stderr);
	struct signing *signing = signing_new(config, stderr);
	struct diagnose_table *table =
		diagnose_file_read(config->diagnose_table, config->diagnose_local, stderr);

	ok = ok && signing != NULL && table != NULL;
	signing_free(signing);
	diagnose_table_free(table);
	return ok;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.config = CONFIG_PATH_DEFAULT};
	struct config *config;
	struct daemon *daemon;
	int status = options_read(&options, argc, argv, &arguments);

	if (status >= 0)
		return status;
	if (arguments.version)
		return puts("postsixd " POSTSIX_VERSION) < 0 ? EX_IOERR : EX_OK;
	config = config_read(arguments.config, stderr);
	if (config == NULL)
		return EX_CONFIG;
	status = EX_OK;
	if (!check(config)) {
		status = EX_CONFIG;
	} else if (!arguments.check) {
		signal(SIGPIPE, SIG_IGN);
		signal(SIGHUP, SIG_IGN); // until there is something to reload
		log_open("postsixd", arguments.to_stderr ? LOG_TO_STDERR : LOG_TO_SYSLOG);
		daemon = daemon_new(config, stderr, &status);
		if (daemon != NULL)
			status = daemon_run(daemon);
		daemon_free(daemon);
	}
	config_free(config);
	return status;
}
