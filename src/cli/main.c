// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix: the sysadmin's command line. One verb, one function, one file each; this one only finds
// the verb.
//
// SECURITY: runs as whoever calls it, writes nothing but the new key of `dkim-key`. What strangers
// wrote is read by `explain`, in a process of its own that can reach nothing, and by `survey`: DNS
// answers and banners, under bounds.

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "cli/verbs.h"

struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct verb verbs[] = {
	{"check", verb_check, "prove the deployment, and say how to mend it"},
	{"config", verb_config,
	 "print the configuration in effect, and where each value came from"},
	{"dkim-key", verb_dkim_key, "make a key that signs mail, and print its DNS records"},
	{"dns", verb_dns, "print the DNS records to publish"},
	{"explain", verb_explain, "say of bounces from anywhere why mail came back"},
	{"setup", verb_setup, "make this host a postsix, step by step, or no longer one"},
	{"export", verb_export, "print answered requests for research, addresses hashed"},
	{"list", verb_list, "print a line for each request"},
	{"metrics", verb_metrics, "print counters and gauges for Prometheus"},
	{"show", verb_show, "tell the whole story of a request"},
	{"stats", verb_stats, "count messages, addresses, bounces, abilities, mail hosts"},
	{"status", verb_status, "say on one screen how the service is"},
	{"survey", verb_survey, "ask the DNS and mail servers whether domains take mail over IPv6"},
};

static void print_help(FILE *out)
{
	fputs("usage: postsix VERB [OPTION]… [ARGUMENT]…\n\n", out);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	fputs("\n  -h, --help     this text; after a verb: its own\n"
	      "  -V, --version  the version\n\n"
	      "See postsix(8).\n",
	      out);
}

// Who is started with its standard output closed would write what it says to whatever it opens
// first, such as a socket to the name server. So the three are there: closed to the other way, to
// fail as they should.
static void open_standard(void)
{
	static const int ways[] = {O_WRONLY, O_RDONLY, O_RDONLY};

	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", ways[fd]) != fd)
			_exit(EX_OSERR);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	open_standard();
	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		print_help(stdout);
		return EX_OK;
	}
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
		puts("postsix " POSTSIX_VERSION);
		return EX_OK;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	if (name[0] != '\0')
		fprintf(stderr, "postsix: no such verb: %s\n", name);
	print_help(stderr);
	return EX_USAGE;
}
