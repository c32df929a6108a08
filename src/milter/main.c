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
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "adapter/dns.h"
#include "adapter/loop.h"
#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "base/value.h"
#include "milter/session.h"
#include "milter/threads.h"

#define DEADLINE_MAX 60 // seconds; Postfix gives up after 300 (milter_content_timeout)

struct arguments {
	const char *socket;
	int64_t deadline;
	bool to_stderr;
};

static const char usage[] =
	"usage: postsix-milter --socket SOCKET [--deadline SECONDS] [--stderr]\n"
	"  --socket SOCKET     listens there: unix:PATH or inet6:PORT@HOST\n"
	"  --deadline SECONDS  for all that a message asks of the DNS (default 10)\n"
	"  --stderr            logs to standard error instead of syslog\n";

static const char *read_deadline(void *to, const char *value)
{
	struct arguments *arguments = to;
	const char *fault = value_duration(value, &arguments->deadline);

	return fault == NULL && (arguments->deadline < 1 || arguments->deadline > DEADLINE_MAX)
		       ? "1 to 60 seconds is wanted"
		       : fault;
}

#define AT(member) offsetof(struct arguments, member)

static const struct options_row rows[] = {
	{"socket", '\0', OPTIONS_TEXT, AT(socket), NULL},
	{"deadline", '\0', OPTIONS_READ, 0, read_deadline},
	{"stderr", '\0', OPTIONS_FLAG, AT(to_stderr), NULL},
	{0},
};

static const struct options options = {"postsix-milter", usage, rows, 0, 0};

// -1 to go on, or an exit status.
static int read_arguments(struct arguments *arguments, int argc, char **argv)
{
	int status = options_read(&options, argc, argv, arguments);

	if (status < 0 && arguments->socket == NULL)
		status = options_misused(&options);
	if (status == EX_USAGE && log_is_stderr_journal()) { // nobody called it by hand
		log_open("postsix-milter", LOG_TO_SYSLOG);
		log_note(LOG_ERR, "start=refused, error=wrong options");
	}
	return status == EX_USAGE ? EX_CONFIG : status; // which systemd does not start again
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
	struct arguments arguments = {.deadline = 10};
	struct verifier *verifier;
	struct milter_filter filter;
	struct milter milter;
	int status = read_arguments(&arguments, argc, argv);

	if (status >= 0)
		return status;
	log_open("postsix-milter", arguments.to_stderr ? LOG_TO_STDERR : LOG_TO_SYSLOG);
	signal(SIGHUP, SIG_IGN); // it has nothing to reload; see threads.c for when libmilter runs
	verifier = verifier_new();
	if (verifier == NULL || dns_init() != 0) {
		log_note(LOG_ERR, "cannot set up libopendkim or c-ares");
		return EX_SOFTWARE;
	}
	milter = (struct milter){.verifier = verifier, .deadline_ms = arguments.deadline * 1000};
	filter = session_filter(&milter);
	// Sessions may still be at work in their threads: nothing of theirs is taken away, and no
	// library's exit handler runs beneath them. Postfix sees them end, and puts their messages
	// off.
	status = serve(&filter, arguments.socket);
	log_flush(1000);
	_exit(status);
}
