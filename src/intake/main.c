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
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "adapter/loop.h"
#include "base/log.h"
#include "base/options.h"
#include "base/value.h"
#include "intake/parse.h"
#include "intake/serve.h"

struct arguments {
	const char *spool;
	const char *socket;
	int64_t children;
	int64_t limit;
	bool to_stderr;
};

static const char usage[] = "usage: postsix-intake --spool DIR --socket PATH [--children N]\n"
			    "                      [--limit OCTETS] [--stderr]\n"
			    "  --spool DIR      the spool, with its folders new and quarantine\n"
			    "  --socket PATH    listens there, unless systemd hands over a socket\n"
			    "  --children N     messages taken at once (default 8)\n"
			    "  --limit OCTETS   the largest message that is read (default 64M)\n"
			    "  --stderr         logs to standard error instead of syslog\n";

static const char *read_children(void *to, const char *value)
{
	struct arguments *arguments = to;
	const char *fault = value_number(value, &arguments->children);

	return fault == NULL && arguments->children == 0 ? "at least 1 is wanted" : fault;
}

static const char *read_limit(void *to, const char *value)
{
	struct arguments *arguments = to;
	const char *fault = value_size(value, &arguments->limit);

	return fault == NULL && arguments->limit == 0 ? "at least 1 is wanted" : fault;
}

#define AT(member) offsetof(struct arguments, member)

static const struct options_row rows[] = {
	{"spool", '\0', OPTIONS_TEXT, AT(spool), NULL},
	{"socket", '\0', OPTIONS_TEXT, AT(socket), NULL},
	{"children", '\0', OPTIONS_READ, 0, read_children},
	{"limit", '\0', OPTIONS_READ, 0, read_limit},
	{"stderr", '\0', OPTIONS_FLAG, AT(to_stderr), NULL},
	{0},
};

static const struct options options = {"postsix-intake", usage, rows, 0, 0};

// -1 to go on, or an exit status.
static int read_arguments(struct arguments *arguments, int argc, char **argv)
{
	int status = options_read(&options, argc, argv, arguments);

	if (status < 0 && arguments->spool == NULL)
		status = options_misused(&options);
	if (status == EX_USAGE && log_is_stderr_journal()) { // nobody called it by hand
		log_open("postsix-intake", LOG_TO_SYSLOG);
		log_note(LOG_ERR, "start=refused, error=wrong options");
	}
	return status == EX_USAGE ? EX_CONFIG : status; // which systemd does not start again
}

// The socket that systemd made, else one of our own.
static int listening_fd(const struct arguments *arguments, bool *ret_is_own)
{
	int fd = loop_inherited_fd(0);

	*ret_is_own = fd < 0;
	if (fd < 0)
		fd = arguments->socket != NULL ? serve_listen(arguments->socket) : -ENOTSOCK;
	if (fd < 0)
		log_note(LOG_ERR, "cannot listen on %s: %s",
			 log_value(arguments->socket != NULL ? arguments->socket : "no --socket"),
			 strerror(-fd));
	return fd;
}

int main(int argc, char **argv)
{
	struct arguments arguments = {.children = 8, .limit = 64 * 1024 * 1024};
	struct serve serve = {0};
	bool is_own;
	int error = read_arguments(&arguments, argc, argv);

	if (error >= 0)
		return error;
	log_open("postsix-intake", arguments.to_stderr ? LOG_TO_STDERR : LOG_TO_SYSLOG);
	error = spool_open(arguments.spool, &serve.spool);
	if (error != 0) {
		log_note(LOG_ERR, "cannot open the spool %s: %s", log_value(arguments.spool),
			 strerror(-error));
		return EX_CONFIG;
	}
	serve.listen_fd = listening_fd(&arguments, &is_own);
	if (serve.listen_fd < 0)
		return EX_CONFIG;
	serve.max_children = (size_t)arguments.children;
	serve.limit = (uint64_t)arguments.limit;
	error = parse_prepare();
	if (error != 0) {
		log_note(LOG_ERR, "cannot make the parser's filter: %s", strerror(-error));
		return EX_OSERR;
	}
	serve_run(&serve);
	if (is_own)
		unlink(arguments.socket);
	spool_free(serve.spool);
	return EX_OK;
}
