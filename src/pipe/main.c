// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix-pipe SOCKET name=value… < message
//
// What Postfix's pipe(8) runs, once per message. It exits 0 or 75, nothing else: 75 makes Postfix
// keep the mail and try again, any other status would bounce it.
//
// SECURITY: it runs as pipe(8)'s user. It reads nothing from strangers: it passes the descriptor of
// the message on unread, and arguments that Postfix made. It opens no file, writes none, and speaks
// to one unix socket.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "pipe/hand.h"

static const char usage[] = "usage: postsix-pipe SOCKET name=value... < message\n"
			    "Hands a message to postsix-intake. Run by Postfix's pipe(8).\n";

int main(int argc, char **argv)
{
	char status[HAND_STATUS_MAX + 1] = "4.3.5 usage: postsix-pipe SOCKET name=value...";
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(usage, stdout) < 0 ? EX_TEMPFAIL : EX_OK;
	sigaction(SIGPIPE, &ignore, NULL);
	if (argc > 2 && hand_over(argv[1], argv + 2, STDIN_FILENO, status))
		return EX_OK;
	puts(status); // pipe(8) logs it as the reason of the delay
	return EX_TEMPFAIL;
}
