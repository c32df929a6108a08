// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix survey: what the DNS and the mail servers say of the mail of any list of domains over
// IPv6. This file reads the options; cli/survey_run.h does it.

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/options.h"
#include "base/value.h"
#include "cli/survey_run.h"
#include "cli/verbs.h"
#include "mail/domain.h"

#define DEADLINE_MAX 3600  // s
#define PARALLEL     100   // a number of questions that a resolver of one's own bears
#define PARALLEL_MAX 10000 // 40 kB of memory each

static const char *read_file(void *to, const char *text)
{
	struct survey_wish *wish = to;

	wish->files[wish->n_files++] = text;
	return NULL;
}

static const char *read_family(void *to, const char *text)
{
	struct survey_wish *wish = to;
	bool is_both = strcmp(text, "both") == 0;

	wish->v4 = is_both || strcmp(text, "4") == 0;
	wish->v6 = is_both || strcmp(text, "6") == 0;
	return wish->v4 || wish->v6 ? NULL : "4, 6 or both is wanted";
}

static const char *read_deadline(void *to, const char *text)
{
	struct survey_wish *wish = to;
	int64_t seconds = 0;
	const char *fault = value_duration(text, &seconds);

	if (fault == NULL && (seconds < 1 || seconds > DEADLINE_MAX))
		fault = "1 second to 1 hour is wanted";
	wish->deadline_ms = (int)(seconds * 1000);
	return fault;
}

static const char *read_parallel(void *to, const char *text)
{
	struct survey_wish *wish = to;
	int64_t number = 0;
	const char *fault = value_number(text, &number);

	if (fault == NULL && (number < 1 || number > PARALLEL_MAX))
		fault = "1 to 10000 is wanted";
	wish->parallel = (int)number;
	return fault;
}

static const char *read_helo(void *to, const char *text)
{
	struct survey_wish *wish = to;
	struct domain domain;

	wish->helo = text;
	return domain_parse(text, strlen(text), &domain);
}

static const char *set_no_reach(void *to, const char *text)
{
	(void)text;
	((struct survey_wish *)to)->reach = false;
	return NULL;
}

static const char *set_json(void *to, const char *text)
{
	(void)text;
	((struct survey_wish *)to)->form = SURVEY_FORM_JSON;
	return NULL;
}

static const char *set_csv(void *to, const char *text)
{
	(void)text;
	((struct survey_wish *)to)->form = SURVEY_FORM_CSV;
	return NULL;
}

static const struct options_row rows[] = {
	{"file", 'f', OPTIONS_READ, 0, read_file},
	{"family", '\0', OPTIONS_READ, 0, read_family},
	{"no-reach", '\0', OPTIONS_DO, 0, set_no_reach},
	{"deadline", '\0', OPTIONS_READ, 0, read_deadline},
	{"parallel", '\0', OPTIONS_READ, 0, read_parallel},
	{"json", '\0', OPTIONS_DO, 0, set_json},
	{"csv", '\0', OPTIONS_DO, 0, set_csv},
	{"ordered", '\0', OPTIONS_FLAG, offsetof(struct survey_wish, is_ordered), NULL},
	{"helo", '\0', OPTIONS_READ, 0, read_helo},
	{0},
};

static const char help[] =
	"usage: postsix survey [OPTION]… [DOMAIN]…\n\n"
	"What the DNS and the mail servers of each domain say of its mail over IPv6: MX\n"
	"hosts, their addresses, and whether these answer on port 25 (connect, banner,\n"
	"EHLO, QUIT). Without domains, a list of them is read from standard input.\n\n"
	"  -f, --file FILE        a list, one domain a line, # begins a comment\n"
	"      --family 4|6|both  the addresses to show and to knock at (6)\n"
	"      --no-reach         ask the DNS only\n"
	"      --deadline TIME    for each domain (10s)\n"
	"      --parallel N       domains at once (100)\n"
	"      --json             one object a line; the summary is on standard error\n"
	"      --csv              one line for each address; the summary likewise\n"
	"      --ordered          in the order of the list, not as they end\n"
	"      --helo NAME        our name in EHLO (this host's)\n"
	"  -h, --help             this text\n";

static const struct options options = {"postsix survey", help, rows, 0, -1};

int verb_survey(int argc, char **argv)
{
	char host[DOMAIN_MAX + 1] = "localhost";
	struct survey_wish wish = {
		.v6 = true,
		.reach = true,
		.deadline_ms = 10000,
		.parallel = PARALLEL,
		.helo = host,
		.files = mem_new((size_t)argc, sizeof(*wish.files)),
	};
	int status = options_read(&options, argc, argv, &wish);

	wish.words = argv + optind;
	if (status < 0 && optind == argc && wish.n_files == 0 && isatty(STDIN_FILENO) == 1)
		status = options_misused(&options);
	if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0')
		strcpy(host, "localhost");
	if (status < 0)
		status = survey_run(&wish);
	free(wish.files);
	return status;
}
