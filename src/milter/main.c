// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix-milter --socket SOCKET [--deadline SECONDS] [--stderr]
//
// Tells both instances who speaks: verifies signatures, confirms the client's reverse name, and
// leaves both in the header, where it deletes what strangers wrote in our name.
//
// SECURITY: it reads whole messages and DNS answers that strangers wrote, in threads of one
// process, with libopendkim and c-ares. It writes no file; it has no key, no database and no
// network but the DNS, and runs as a user of its own (postsix-milter). What it changes of a message
// are two fields at its top.
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "adapter/dns.h"
#include "adapter/loop.h"
#include "base/log.h"
#include "base/text.h"
#include "base/value.h"
#include "milter/session.h"
#include "milter/threads.h"

#define DEADLINE_MAX 60 // seconds; Postfix gives up after 300 (milter_content_timeout)

struct options {
	const char *socket;
	int64_t deadline;
	enum log_target log;
};

static const char usage[] =
	"usage: postsix-milter --socket SOCKET [--deadline SECONDS] [--stderr]\n"
	"  --socket SOCKET     listens there: unix:PATH or inet6:PORT@HOST\n"
	"  --deadline SECONDS  for all that a message asks of the DNS (default 10)\n"
	"  --stderr            logs to standard error instead of syslog\n";

static bool option_set(struct options *options, int option)
{
	switch (option) {
	case 's':
		options->socket = optarg;
		return true;
	case 'd':
		return value_duration(optarg, &options->deadline) == NULL &&
		       options->deadline > 0 && options->deadline <= DEADLINE_MAX;
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
		{"socket", required_argument, NULL, 's'},
		{"deadline", required_argument, NULL, 'd'},
		{"stderr", no_argument, NULL, 'e'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0)
		if (!option_set(options, option))
			return false;
	return optind == argc && options->socket != NULL;
}

// Serves until it is told to stop; an exit status.
static int serve(const struct milter_filter *filter, const char *socket)
{
	char shown[200];

	text_escape_log(shown, sizeof(shown), socket, strlen(socket));
	if (threads_prepare() != 0) {
		log_note(LOG_ERR, "no memory for threads");
		return EX_OSERR;
	}
	if (milter_open(filter, socket) != 0) {
		log_note(LOG_ERR, "cannot listen on %s", shown);
		return EX_CONFIG;
	}
	loop_notify("READY=1");
	log_note(LOG_INFO, "listening on %s", shown);
	if (milter_run() != 0) {
		log_note(LOG_ERR, "cannot serve %s", shown);
		return EX_OSERR;
	}
	return EX_OK;
}

int main(int argc, char **argv)
{
	struct options options = {.deadline = 10, .log = LOG_TO_SYSLOG};
	struct verifier *verifier;
	struct milter_filter filter;
	struct milter milter;
	int status;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0 ? EX_IOERR : EX_OK;
	if (!options_read(&options, argc, argv)) {
		fputs(usage, stderr);
		return EX_CONFIG;
	}
	log_open("postsix-milter", options.log);
	signal(SIGHUP, SIG_IGN); // it has nothing to reload; see threads.c for when libmilter runs
	verifier = verifier_new();
	if (verifier == NULL || dns_init() != 0) {
		log_note(LOG_ERR, "cannot set up libopendkim or c-ares");
		return EX_SOFTWARE;
	}
	milter = (struct milter){.verifier = verifier, .deadline_ms = options.deadline * 1000};
	filter = session_filter(&milter);
	// Sessions may still be at work in their threads: nothing of theirs is taken away, and no
	// library's exit handler runs beneath them. Postfix sees them end, and puts their messages
	// off.
	status = serve(&filter, options.socket);
	log_flush(1000);
	_exit(status);
}
