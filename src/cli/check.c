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
	{"certificate", check_certificate, "renew it, then reload the instance"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row self_test = {"self-test", check_self_test,
				     "`postsix check` without --self-test finds most reasons"};

struct wish {
	const char *config;
	const char *only; // names with commas between them; NULL: all
	const char *skip;
	bool is_self_test;
};

enum letter {
	LETTER_JSON = 256,
	LETTER_ONLY,
	LETTER_SKIP,
	LETTER_SERVER,
	LETTER_STRICT,
	LETTER_SELF_TEST,
	LETTER_SELF_WAIT,
	LETTER_SETUP,
	LETTER_SPOOL_AGE,
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"json", no_argument, NULL, LETTER_JSON},
	{"only", required_argument, NULL, LETTER_ONLY},
	{"skip", required_argument, NULL, LETTER_SKIP},
	{"server", required_argument, NULL, LETTER_SERVER},
	{"strict", no_argument, NULL, LETTER_STRICT},
	{"self-test", optional_argument, NULL, LETTER_SELF_TEST},
	{"self-wait", required_argument, NULL, LETTER_SELF_WAIT},
	{"setup", required_argument, NULL, LETTER_SETUP},
	{"spool-age", required_argument, NULL, LETTER_SPOOL_AGE},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: postsix check [OPTION]… [SITE]\n\n"
	"Proves the deployment, the DNS of all sites or of one, and says how to mend what\n"
	"is wrong: a line for each thing that was looked at, then \"mend\" lines.\n\n"
	"  -c, --config FILE     instead of " CONFIG_PATH_DEFAULT "\n"
	"      --strict          the IPv6-only domain's name servers may have no A either\n"
	"      --server ADDRESS  the DNS server to ask, not resolv.conf(5)'s\n"
	"      --only CHECK,…    these alone; --skip CHECK,…: all but these: dns, port25,\n"
	"                        inject, units, settings, policy, milter, intake,\n"
	"                        spool, database, queue, disk, clock, certificate\n"
	"      --self-test[=FROM] sends itself a request by the operator, or FROM, who\n"
	"                        gets both answers, and waits for them to be sent\n"
	"      --self-wait TIME  for how long (2min)\n"
	"      --spool-age TIME  after which an entry is too old (10min)\n"
	"      --setup PROGRAM   postsix-setup (" SETUP ")\n"
	"      --json            one object\n"
	"  -h, --help            this text\n\n"
	"Exit status: 0 all good, 1 warnings, 2 failures; 64, 78: it could not begin.\n";

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

static int run(struct check *check, const struct wish *wish)
{
	for (size_t i = 0; i < ROWS; i++)
		if ((wish->only == NULL || is_listed(wish->only, rows[i].name)) &&
		    !is_listed(wish->skip, rows[i].name))
			run_row(check, &rows[i]);
	if (wish->is_self_test)
		run_row(check, &self_test);
	if (check->is_json)
		check_print_json(check);
	else
		printf("%zu ok, %zu warnings, %zu failures\n", check_count(check, CHECK_OK),
		       check_count(check, CHECK_WARN), check_count(check, CHECK_FAIL));
	if (fflush(stdout) != 0)
		return EX_IOERR;
	return check_count(check, CHECK_FAIL) > 0   ? STATUS_FAIL
	       : check_count(check, CHECK_WARN) > 0 ? STATUS_WARN
						    : STATUS_GOOD;
}

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

static const char *read_option(int letter, const char *text, struct check *check, struct wish *wish)
{
	struct addr addr;

	switch (letter) {
	case 'c':
		wish->config = text;
		return NULL;
	case LETTER_JSON:
		check->is_json = true;
		return NULL;
	case LETTER_ONLY:
		return read_names(text, &wish->only);
	case LETTER_SKIP:
		return read_names(text, &wish->skip);
	case LETTER_SERVER:
		check->server = text;
		return NULL;
	case LETTER_STRICT:
		check->is_strict = true;
		return NULL;
	case LETTER_SELF_TEST:
		wish->is_self_test = true;
		check->self_sender = text;
		return text == NULL ? NULL : addr_parse(text, strlen(text), &addr);
	case LETTER_SETUP:
		check->setup = text;
		return NULL;
	case LETTER_SELF_WAIT:
		return value_duration(text, &check->self_wait);
	default:
		return value_duration(text, &check->spool_age);
	}
}

// Returns -1 to go on, or an exit status.
static int read_arguments(int argc, char **argv, struct check *check, struct wish *wish)
{
	for (int c; (c = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1;) {
		const char *fault = NULL;

		if (c == 'h' || c == '?') {
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? EX_OK : EX_USAGE;
		}
		fault = read_option(c, optarg, check, wish);
		if (fault != NULL) {
			fprintf(stderr, "postsix check: %s: %s\n", optarg, fault);
			return EX_USAGE;
		}
	}
	if (optind + 1 < argc) {
		fputs(help, stderr);
		return EX_USAGE;
	}
	check->site = argv[optind];
	return -1;
}

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
	struct check check = {.setup = SETUP, .spool_age = 600, .self_wait = 120};
	struct wish wish = {.config = CONFIG_PATH_DEFAULT};
	struct config *config;
	int status = read_arguments(argc, argv, &check, &wish);

	if (status >= 0)
		return status;
	config = config_read(wish.config, stderr);
	check.unit_prefix = unit_prefix();
	if (config == NULL)
		return EX_CONFIG;
	signal(SIGPIPE, SIG_IGN); // a server that hangs up is a finding
	check.config = config;
	status = has_site(config, check.site) ? run(&check, &wish) : EX_USAGE;
	check_free_lines(&check);
	config_free(config);
	return status;
}
