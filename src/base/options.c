// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// getopt_long(3), and what each of its callers would write around it.
#include "base/options.h"

#include <assert.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"

#define FIRST 256 // behind all letters: what getopt_long(3) says of the first row

// The table as getopt_long(3) wants it: its rows and "--help"; the letters with their colons.
static void translate(const struct options_row *rows, struct option known[OPTIONS_MAX + 2],
		      char letters[2 * OPTIONS_MAX + 2])
{
	static const int has_argument[] = {[OPTIONS_FLAG] = no_argument,
					   [OPTIONS_TEXT] = required_argument,
					   [OPTIONS_READ] = required_argument,
					   [OPTIONS_MAYBE] = optional_argument,
					   [OPTIONS_DO] = no_argument};
	int n = 0;

	*letters++ = 'h';
	for (; rows[n].name != NULL; n++) {
		assert(n < OPTIONS_MAX);
		known[n] =
			(struct option){rows[n].name, has_argument[rows[n].kind], NULL, FIRST + n};
		if (rows[n].letter == '\0')
			continue;
		*letters++ = rows[n].letter;
		if (has_argument[rows[n].kind] == required_argument)
			*letters++ = ':';
	}
	known[n] = (struct option){"help", no_argument, NULL, 'h'};
	known[n + 1] = (struct option){0};
	*letters = '\0';
}

static const struct options_row *find_row(const struct options_row *rows, int said)
{
	if (said >= FIRST)
		return &rows[said - FIRST];
	while (rows->letter != said)
		rows++;
	return rows;
}

static const char *take(const struct options_row *row, const char *value, void *to)
{
	void *place = (char *)to + row->place;

	if (row->kind == OPTIONS_FLAG)
		*(bool *)place = true;
	else if (row->kind == OPTIONS_TEXT)
		*(const char **)place = value;
	else
		return row->read(to, value);
	return NULL;
}

int options_misused(const struct options *options)
{
	fputs(options->help, stderr);
	return EX_USAGE;
}

int options_read(const struct options *options, int argc, char **argv, void *to)
{
	struct option known[OPTIONS_MAX + 2];
	char letters[2 * OPTIONS_MAX + 2], shown[100];

	translate(options->rows, known, letters);
	for (int c; (c = getopt_long(argc, argv, letters, known, NULL)) != -1;) {
		const char *fault;

		if (c == '?')
			return options_misused(options);
		if (c == 'h')
			return fputs(options->help, stdout) < 0 ? EX_IOERR : EX_OK;
		fault = take(find_row(options->rows, c), optarg, to);
		if (fault != NULL) {
			fprintf(stderr, "%s: %s: %s\n", options->program,
				text_escape(shown, sizeof(shown), optarg, strlen(optarg)), fault);
			return EX_USAGE;
		}
	}
	if (argc - optind < options->least || (options->most >= 0 && argc - optind > options->most))
		return options_misused(options);
	return -1;
}
