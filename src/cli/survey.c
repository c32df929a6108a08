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
#include "base/value.h"
#include "cli/survey_run.h"
#include "cli/verbs.h"
#include "mail/domain.h"

#define DEADLINE_MAX 3600  // s
#define PARALLEL     100   // a number of questions that a resolver of one's own bears
#define PARALLEL_MAX 10000 // 40 kB of memory each

enum letter {
	LETTER_FAMILY = 256,
	LETTER_NO_REACH,
	LETTER_DEADLINE,
	LETTER_PARALLEL,
	LETTER_JSON,
	LETTER_CSV,
	LETTER_ORDERED,
	LETTER_HELO,
};

static const struct option long_options[] = {
	{"file", required_argument, NULL, 'f'},
	{"family", required_argument, NULL, LETTER_FAMILY},
	{"no-reach", no_argument, NULL, LETTER_NO_REACH},
	{"deadline", required_argument, NULL, LETTER_DEADLINE},
	{"parallel", required_argument, NULL, LETTER_PARALLEL},
	{"json", no_argument, NULL, LETTER_JSON},
	{"csv", no_argument, NULL, LETTER_CSV},
	{"ordered", no_argument, NULL, LETTER_ORDERED},
	{"helo", required_argument, NULL, LETTER_HELO},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
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

// NULL, or what is wrong.
static const char *read_family(const char *text, struct survey_wish *wish)
{
	bool is_both = strcmp(text, "both") == 0;

	wish->v4 = is_both || strcmp(text, "4") == 0;
	wish->v6 = is_both || strcmp(text, "6") == 0;
	return wish->v4 || wish->v6 ? NULL : "4, 6 or both is wanted";
}

static const char *read_deadline(const char *text, struct survey_wish *wish)
{
	int64_t seconds = 0;
	const char *fault = value_duration(text, &seconds);

	if (fault == NULL && (seconds < 1 || seconds > DEADLINE_MAX))
		fault = "1 second to 1 hour is wanted";
	wish->deadline_ms = (int)(seconds * 1000);
	return fault;
}

static const char *read_parallel(const char *text, struct survey_wish *wish)
{
	int64_t number = 0;
	const char *fault = value_number(text, &number);

	if (fault == NULL && (number < 1 || number > PARALLEL_MAX))
		fault = "1 to 10000 is wanted";
	wish->parallel = (int)number;
	return fault;
}

static const char *read_helo(const char *text, struct survey_wish *wish)
{
	struct domain domain;

	wish->helo = text;
	return domain_parse(text, strlen(text), &domain);
}

static const char *read_option(int letter, const char *text, struct survey_wish *wish)
{
	switch (letter) {
	case 'f':
		wish->files[wish->n_files++] = text;
		return NULL;
	case LETTER_FAMILY:
		return read_family(text, wish);
	case LETTER_NO_REACH:
		wish->reach = false;
		return NULL;
	case LETTER_DEADLINE:
		return read_deadline(text, wish);
	case LETTER_PARALLEL:
		return read_parallel(text, wish);
	case LETTER_JSON:
	case LETTER_CSV:
		wish->form = letter == LETTER_JSON ? SURVEY_FORM_JSON : SURVEY_FORM_CSV;
		return NULL;
	case LETTER_ORDERED:
		wish->is_ordered = true;
		return NULL;
	default:
		return read_helo(text, wish);
	}
}

// Returns -1 to go on, or an exit status.
static int read_arguments(int argc, char **argv, struct survey_wish *wish)
{
	for (int c; (c = getopt_long(argc, argv, "f:h", long_options, NULL)) != -1;) {
		const char *fault = NULL;

		if (c == 'h' || c == '?') {
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? EX_OK : EX_USAGE;
		}
		fault = read_option(c, optarg, wish);
		if (fault != NULL) {
			fprintf(stderr, "postsix survey: %s: %s\n", optarg, fault);
			return EX_USAGE;
		}
	}
	wish->words = argv + optind;
	if (optind == argc && wish->n_files == 0 && isatty(STDIN_FILENO) == 1) {
		fputs(help, stderr);
		return EX_USAGE;
	}
	return -1;
}

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
	int status = read_arguments(argc, argv, &wish);

	if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0')
		strcpy(host, "localhost");
	if (status < 0)
		status = survey_run(&wish);
	free(wish.files);
	return status;
}
