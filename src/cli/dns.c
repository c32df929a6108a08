// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix dns: what to publish, as lines of a zone file that can be pasted as they are: every name
// is absolute, and what is said beside them are comments.

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "adapter/config.h"
#include "adapter/prove.h"
#include "base/options.h"
#include "cli/verbs.h"
#include "cli/zone_text.h"

#define RECORD_MAX 8192

struct arguments {
	const char *path;
	bool is_bare;
};

static const struct options_row rows[] = {
	{"config", 'c', OPTIONS_TEXT, offsetof(struct arguments, path), NULL},
	{"zone", '\0', OPTIONS_FLAG, offsetof(struct arguments, is_bare), NULL},
	{0},
};

static const char help[] =
	"usage: postsix dns [-c FILE] [--zone] [SITE]\n\n"
	"Prints the DNS records to publish, of all sites or of one, as text of a zone\n"
	"file: mail hosts, their addresses, SPF, DKIM, DMARC, and the reverse names of\n"
	"the addresses that mail is sent from. Comments say what each is for.\n"
	"`postsix check` tells whether the world sees them.\n\n"
	"  -c, --config FILE  instead of " CONFIG_PATH_DEFAULT "\n"
	"      --zone         the records alone\n"
	"  -h, --help         this text\n";

static const struct options options = {"postsix dns", help, rows, 0, 1};

static const char head[] =
	"; The DNS records that postsix needs, with absolute names: paste each into the zone it\n"
	"; belongs to. Afterwards `postsix check` says whether the world sees them.\n";

static const struct {
	enum record_role role;
	const char *text;
} lessons[] = {
	{RECORD_NO_A,
	 "; Publish no A record for any mail host of this domain, nor a second MX that has one:\n"
	 "; mail that can take IPv4 proves nothing about IPv6. Best publish none for the domain\n"
	 "; itself either.\n"},
	{RECORD_NS_NO_A,
	 "; To go all the way, serve its zone from name servers that have AAAA records only. "
	 "Where\n"
	 "; their names are inside the zone, the registry needs glue: give it their IPv6\n"
	 "; addresses, and no IPv4 ones. Resolvers without IPv6 will then not find the domain at\n"
	 "; all, which is a result, too. `postsix check --strict` checks it.\n"},
	{RECORD_PTR,
	 "; Whoever assigned the address has this zone: ask them, where it is not delegated to\n"
	 "; you.\n"},
};

static const char *lesson(enum record_role role)
{
	for (size_t i = 0; i < sizeof(lessons) / sizeof(lessons[0]); i++)
		if (lessons[i].role == role)
			return lessons[i].text;
	return "";
}

static void print_record(const struct record *record)
{
	auto_buf struct buf line = buf_make(RECORD_MAX);

	zone_text_add(&line, record);
	if (line.len > 0)
		puts(buf_string(&line));
}

static const char common[] =
	"; Each of the hosts prints its own. The zone has an MX record of each beside those of "
	"the\n"
	"; others, and at a name one SPF record, with the addresses of all: two are an error. The\n"
	"; same DKIM key is published once; another one must have another selector.\n";

static void print_heading(const struct record *record, bool has_common)
{
	const char *whose = record->is_common ? ": what all its hosts publish together"
			    : has_common      ? ": of this host alone"
					      : "";

	printf("\n; ---- %s%s%s\n", record->site[0] == '\0' ? "what the sites share" : "site ",
	       record->site, whose);
	if (record->is_common)
		fputs(common, stdout);
}

static void print_records(const struct records *records, bool is_bare)
{
	const struct record *last = NULL;
	bool has_common = false;

	if (!is_bare)
		fputs(head, stdout);
	for (size_t i = 0; i < records->n; i++) {
		const struct record *record = &records->rows[i];
		bool is_new = last == NULL || strcmp(last->site, record->site) != 0 ||
			      last->is_common != record->is_common;

		has_common = has_common || record->is_common;
		if (!is_bare && is_new)
			print_heading(record, has_common);
		if (!is_bare && (is_new || last->role != record->role) && record->value[0] != '\0')
			printf("\n; %s: %s\n", record_role_name(record->role), record->why);
		if (!is_bare && (last == NULL || last->role != record->role))
			fputs(lesson(record->role), stdout);
		print_record(record);
		last = record;
	}
}

int verb_dns(int argc, char **argv)
{
	struct arguments arguments = {.path = CONFIG_PATH_DEFAULT};
	struct config *config;
	struct records *records = NULL;
	const int status = options_read(&options, argc, argv, &arguments);

	if (status >= 0)
		return status;
	config = config_read(arguments.path, stderr);
	if (config != NULL)
		records = prove_records(config, argv[optind], stderr);
	if (records != NULL)
		print_records(records, arguments.is_bare);
	config_free(config);
	if (records == NULL)
		return EX_CONFIG;
	records_free(records);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}
