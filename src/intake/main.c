// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix-intake --spool DIR --socket PATH [--children N] [--limit OCTETS] [--stderr]
//
// Resident; takes messages from postsix-pipe and puts an entry for each into the spool.
//
// SECURITY: it reads whole messages that strangers wrote, in children that do not look inside, and
// parses each in a process of its own that may die of it. It writes the spool and nothing else. It
// has no network, no key and no database, and runs as a user of its own (postsix-intake). The facts
// that leave it are strangers' words still.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "adapter/loop.h"
#include "base/log.h"
#include "base/value.h"
#include "intake/parse.h"
#include "intake/serve.h"

struct options {
	const char *spool;
	const char *socket;
	int64_t children;
	int64_t limit;
	enum log_target log;
};

static const char usage[] = "usage: postsix-intake --spool DIR --socket PATH [--children N]\n"
			    "                      [--limit OCTETS] [--stderr]\n"
			    "  --spool DIR      the spool, with its folders new and quarantine\n"
			    "  --socket PATH    listens there, unless systemd hands over a socket\n"
			    "  --children N     messages taken at once (default 8)\n"
			    "  --limit OCTETS   the largest message that is read (default 64M)\n"
			    "  --stderr         logs to standard error instead of syslog\n";

static bool option_set(struct options *options, int option)
{
	switch (option) {
	case 's':
		options->spool = optarg;
		return true;
	case 'S':
		options->socket = optarg;
		return true;
	case 'c':
		return value_number(optarg, &options->children) == NULL && options->children > 0;
	case 'l':
		return value_size(optarg, &options->limit) == NULL && options->limit > 0;
	case 'e':
		options->log = LOG_TO_STDERR;
		return true;
	default:
		return false;
	}
}

static bool options_read(struct options *options, int argc, char **argv)
{
	static const struct option known[] = {
		{"spool", required_argument, NULL, 's'},
		{"socket", required_argument, NULL, 'S'},
		{"children", required_argument, NULL, 'c'},
		{"limit", required_argument, NULL, 'l'},
		{"stderr", no_argument, NULL, 'e'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0)
		if (!option_set(options, option))
			return false;
	return optind == argc && options->spool != NULL;
}

// The socket that systemd made, else one of our own.
static int listening_fd(const struct options *options, bool *ret_is_own)
{
	int fd = loop_inherited_fd(0);

	*ret_is_own = fd < 0;
	if (fd < 0)
		fd = options->socket != NULL ? serve_listen(options->socket) : -ENOTSOCK;
	if (fd < 0)
		log_note(LOG_ERR, "cannot listen on %s: %s",
			 log_value(options->socket != NULL ? options->socket : "no --socket"),
			 strerror(-fd));
	return fd;
}

int main(int argc, char **argv)
{
	struct options options = {.children = 8, .limit = 64 * 1024 * 1024, .log = LOG_TO_SYSLOG};
	struct serve serve = {0};
	bool is_own;
	int error;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0 ? EX_IOERR : EX_OK;
	if (!options_read(&options, argc, argv)) {
		fputs(usage, stderr);
		return EX_CONFIG;
	}
	log_open("postsix-intake", options.log);
	error = spool_open(options.spool, &serve.spool);
	if (error != 0) {
		log_note(LOG_ERR, "cannot open the spool %s: %s", log_value(options.spool),
			 strerror(-error));
		return EX_CONFIG;
	}
	serve.listen_fd = listening_fd(&options, &is_own);
	if (serve.listen_fd < 0)
		return EX_CONFIG;
	serve.max_children = (size_t)options.children;
	serve.limit = (uint64_t)options.limit;
	error = parse_prepare();
	if (error != 0) {
		log_note(LOG_ERR, "cannot make the parser's filter: %s", strerror(-error));
		return EX_OSERR;
	}
	serve_run(&serve);
	if (is_own)
		unlink(options.socket);
	spool_free(serve.spool);
	return EX_OK;
}
