// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsixd: takes what intake left in the spool, keeps it in the database, answers requests through
// the two instances and learns each probe's fate.
//
// SECURITY: reads from strangers only what intake's parser made of it (entries, read strictly),
// what Postfix tells of an envelope on the policy socket, its own Postfix's SMTP replies, and, for
// surveys, DNS answers and what mail servers say before MAIL. Holds the token secret, the signing
// keys and the database. Parses no MIME, runs no program, opens no port.

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "adapter/diagnose_file.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/letter.h"
#include "daemon/signing.h"

struct arguments {
	const char *config;
	bool check;
	enum log_target target;
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
	{"stderr", no_argument, NULL, 'e'},       {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: postsixd [-c FILE] [--check] [--stderr]\n\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"      --check        check configuration, texts, tables and keys; silent if good\n"
	"      --stderr       log to standard error, not to syslog\n"
	"  -h, --help         this text\n"
	"  -V, --version      the version\n\n"
	"See postsixd(8), postsix.conf(5).\n";

// Returns -1 to go on, or an exit status.
static int read_arguments(int argc, char **argv, struct arguments *ret_arguments)
{
	struct arguments arguments = {.config = CONFIG_PATH_DEFAULT, .target = LOG_TO_SYSLOG};

	for (int c; (c = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1;) {
		if (c == 'c') {
			arguments.config = optarg;
		} else if (c == 'k') {
			arguments.check = true;
		} else if (c == 'e') {
			arguments.target = LOG_TO_STDERR;
		} else if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? help : "postsixd " POSTSIX_VERSION "\n", stdout);
			return EX_OK;
		} else {
			fputs(help, stderr);
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		fputs(help, stderr);
		return EX_USAGE;
	}
	*ret_arguments = arguments;
	return -1;
}

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
	struct arguments arguments;
	struct config *config;
	struct daemon *daemon;
	int status = read_arguments(argc, argv, &arguments);

	if (status >= 0)
		return status;
	config = config_read(arguments.config, stderr);
	if (config == NULL)
		return EX_CONFIG;
	status = EX_OK;
	if (!check(config)) {
		status = EX_CONFIG;
	} else if (!arguments.check) {
		signal(SIGPIPE, SIG_IGN);
		signal(SIGHUP, SIG_IGN); // until there is something to reload
		log_open("postsixd", arguments.target);
		daemon = daemon_new(config, stderr, &status);
		if (daemon != NULL)
			status = daemon_run(daemon);
		daemon_free(daemon);
	}
	config_free(config);
	return status;
}
