// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix check: proves a deployment, and says how to mend what is wrong with it. For people, for
// monitoring, and for whoever has just installed it. This file has the table and the options.

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/mem.h"
#include "base/options.h"
#include "base/text.h"
#include "base/value.h"
#include "cli/check.h"
#include "cli/unit.h"
#include "cli/verbs.h"

#define SETUP "/usr/libexec/postsix/postsix-setup"

// Nagios' statuses, below those of sysexits.h.
enum {
	STATUS_GOOD = 0,
	STATUS_WARN = 1,
	STATUS_FAIL = 2,
};

static const struct row {
	const char *name;
	void (*run)(struct check *check);
	const char *mend; // where a line that is not good has none of its own
} rows[] = {
	{"dns", check_dns, "`postsix dns` prints what to publish"},
	{"port25", check_port25, "postfix-dual and postfix-v6: is the instance started?"},
	{"inject", check_inject, "postfix-dual and postfix-v6: is the instance started?"},
	{"units", check_units, "run postsix setup again"},
	{"settings", check_settings, "run postsix-setup, then reload the instance"},
	{"policy", check_policy, "start postsixd; its log says why it ended"},
	{"milter", check_milter, "start postsix-milter; its log says why it ended"},
	{"intake", check_intake, "start postsix-intake; its log says why it ended"},
	{"spool", check_spool, "start postsixd; its log says why it leaves entries"},
	{"database", check_database, "see postsixd(8), and take the last backup"},
	{"queue", check_queue, "is the instance started? its log says what is deferred, and why"},
	{"disk", check_disk, "make room there"},
	{"clock", check_clock, "run a time service: timedatectl set-ntp true"},
	{"secret", check_secret, "run as root"},
	{"certificate", check_certificate, "renew it, then reload the instance"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row self_test = {"self-test", check_self_test,
				     "`postsix check` without --self-test finds most reasons"};

struct wish {
	struct check check;
	const char *config;
	const char *only; // names with commas between them; NULL: all
	const char *skip;
	bool is_self_test;
};

static bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; at != NULL; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

static void run_row(struct check *check, const struct row *row)
{
	size_t first = check->n_lines;

	check->current = row->name;
	row->run(check);
	for (size_t i = first; i < check->n_lines; i++) {
		struct check_line *line = &check->lines[i];

		if (line->level != CHECK_OK && line->n_mend == 0)
			line->mend[line->n_mend++] = mem_strdup(row->mend);
	}
	if (!check->is_json)
		check_print(check, first);
}

static int run(struct wish *wish)
{
	struct check *check = &wish->check;
	size_t n_warn, n_fail;

	for (size_t i = 0; i < ROWS; i++)
		if ((wish->only == NULL || is_listed(wish->only, rows[i].name)) &&
		    !is_listed(wish->skip, rows[i].name))
			run_row(check, &rows[i]);
	if (wish->is_self_test)
		run_row(check, &self_test);
	n_warn = check_count(check, CHECK_WARN);
	n_fail = check_count(check, CHECK_FAIL);
	if (check->is_json)
		check_print_json(check);
	else
		printf("%zu ok, %zu %s, %zu %s\n", check_count(check, CHECK_OK), n_warn,
		       text_plural(n_warn, "warning", "warnings"), n_fail,
		       text_plural(n_fail, "failure", "failures"));
	if (fflush(stdout) != 0)
		return EX_IOERR;
	return n_fail > 0 ? STATUS_FAIL : n_warn > 0 ? STATUS_WARN : STATUS_GOOD;
}

// ---- options
// ---------------------------------------------------------------------------------------

// NULL, or what is wrong: every name must be a check's.
static const char *read_names(const char *text, const char **ret_names)
{
	for (const char *at = text; *at != '\0'; at += at[strcspn(at, ",")] == ',') {
		size_t len = strcspn(at, ","), i = 0;

		while (i < ROWS &&
		       (strlen(rows[i].name) != len || strncmp(rows[i].name, at, len) != 0))
			i++;
		if (i == ROWS)
			return "there is no such check";
		at += len;
	}
	*ret_names = text;
	return NULL;
}

static const char *read_only(void *to, const char *text)
{
	// a script's variable that is empty is not to say that all is well
	return text[0] == '\0' ? "there is no such check"
			       : read_names(text, &((struct wish *)to)->only);
}

static const char *read_skip(void *to, const char *text)
{
	return read_names(text, &((struct wish *)to)->skip);
}

static const char *read_self_test(void *to, const char *text)
{
	struct wish *wish = to;
	struct addr addr;

	wish->is_self_test = true;
	wish->check.self_sender = text;
	return text == NULL ? NULL : addr_parse(text, strlen(text), &addr);
}

static const char *read_self_wait(void *to, const char *text)
{
	return value_duration(text, &((struct wish *)to)->check.self_wait);
}

static const char *read_spool_age(void *to, const char *text)
{
	return value_duration(text, &((struct wish *)to)->check.spool_age);
}

#define AT(member) offsetof(struct wish, member)

static const struct options_row option_rows[] = {
	{"config", 'c', OPTIONS_TEXT, AT(config), NULL},
	{"json", '\0', OPTIONS_FLAG, AT(check.is_json), NULL},
	{"only", '\0', OPTIONS_READ, 0, read_only},
	{"skip", '\0', OPTIONS_READ, 0, read_skip},
	{"server", '\0', OPTIONS_TEXT, AT(check.server), NULL},
	{"strict", '\0', OPTIONS_FLAG, AT(check.is_strict), NULL},
	{"self-test", '\0', OPTIONS_MAYBE, 0, read_self_test},
	{"self-wait", '\0', OPTIONS_READ, 0, read_self_wait},
	{"setup", '\0', OPTIONS_TEXT, AT(check.setup), NULL},
	{"spool-age", '\0', OPTIONS_READ, 0, read_spool_age},
	{0},
};

static const char help[] =
	"usage: postsix check [OPTION]… [SITE]\n\n"
	"Proves the deployment, the DNS of all sites or of one, and says how to mend what\n"
	"is wrong: a line for each thing that was looked at, then \"mend\" lines.\n\n"
	"  -c, --config FILE     instead of " CONFIG_PATH_DEFAULT "\n"
	"      --strict          the IPv6-only domain's name servers may have no A either\n"
	"      --server ADDRESS  the DNS server to ask, not resolv.conf(5)'s\n"
	"      --only CHECK,…    these alone; --skip CHECK,…: all but these: dns, port25,\n"
	"                        inject, units, settings, policy, milter, intake, spool,\n"
	"                        database, queue, disk, clock, secret, certificate\n"
	"      --self-test[=FROM] sends itself a request by the operator, or FROM, who\n"
	"                        gets both answers, and waits for them to be sent\n"
	"      --self-wait TIME  for how long (2min)\n"
	"      --spool-age TIME  after which an entry is too old (10min)\n"
	"      --setup PROGRAM   postsix-setup (" SETUP ")\n"
	"      --json            one object\n"
	"  -h, --help            this text\n\n"
	"Exit status: 0 all good, 1 warnings, 2 failures; 64, 78: it could not begin.\n";

static const struct options options = {"postsix check", help, option_rows, 0, 1};

// ---- the verb
// --------------------------------------------------------------------------------------

static bool has_site(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_sites; i++)
		if (name == NULL || strcmp(config->sites[i].name, name) == 0)
			return true;
	fprintf(stderr, "postsix check: %s has no [site %s]\n", config->path, name);
	return false;
}

int verb_check(int argc, char **argv)
{
	struct wish wish = {.config = CONFIG_PATH_DEFAULT,
			    .check = {.setup = SETUP, .spool_age = 600, .self_wait = 120}};
	struct config *config;
	int status = options_read(&options, argc, argv, &wish);

	if (status >= 0)
		return status;
	config = config_read(wish.config, stderr);
	if (config == NULL)
		return EX_CONFIG;
	signal(SIGPIPE, SIG_IGN); // a server that hangs up is a finding
	wish.check.site = argv[optind];
	wish.check.unit_prefix = unit_prefix();
	wish.check.config = config;
	status = has_site(config, wish.check.site) ? run(&wish) : EX_USAGE;
	check_free_lines(&wish.check);
	config_free(config);
	return status;
}
