// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix setup: becomes the script that does it. What it does is commands that an administrator
// could type, so it is written in their language; only the help stands here, where every verb's is.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/verbs.h"

#ifndef POSTSIX_LIBEXECDIR
#define POSTSIX_LIBEXECDIR "/usr/libexec/postsix"
#endif

static const char help[] =
	"usage: postsix setup [OPTION]…\n\n"
	"Makes this host a postsix: configuration, keys, certificate, two Postfix\n"
	"instances, units. Asks on a terminal for what no option says. It is run again to\n"
	"change something, or to go on after a failure; what is done, it leaves alone.\n\n"
	"  --v6-domain D       the IPv6-only domain\n"
	"  --dual-domain D     its dual-stack twin\n"
	"  --token-domain D    this host's own, where others are MX of these two as well\n"
	"  --operator ADDRESS  elsewhere; gets the mail to postmaster and abuse\n"
	"  --dual-addresses A,A  this host's IPv4 and IPv6 address\n"
	"  --v6-address A      its other IPv6 address, or\n"
	"  --single-address    it has none: both instances share the one\n"
	"  --dual-hostname N   host names, with the addresses above (mx.DOMAIN)\n"
	"  --v6-hostname N\n"
	"  --language L        of the mails (en)\n"
	"  --title TEXT        name in their From (IPv6 e-mail checker)\n"
	"  --cert, --key FILE  for STARTTLS (a self-made one)\n"
	"  --site NAME         the section [site NAME] of the configuration (the first)\n"
	"  --yes               ask nothing\n"
	"  --dry-run           change nothing; show each step\n"
	"  --remove            undo; configuration, keys, database, queued mail stay\n"
	"  --purge             with --remove: these go, too\n"
	"  -h, --help          this text\n";

int verb_setup(int argc, char **argv)
{
	static const char script[] = POSTSIX_LIBEXECDIR "/setup";

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(help, stdout);
			return EX_OK;
		}
	}
	execv(script, argv);
	fprintf(stderr, "postsix setup: %s: %s\n", script, strerror(errno));
	return EX_OSFILE;
}
