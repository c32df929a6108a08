// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What the verbs that ask the database have in common: the configuration, the database, which
// requests are meant, and how the answer is printed.
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "adapter/config.h"
#include "adapter/history.h"
#include "base/buf.h"

struct ask {
	const char *verb;
	const char *help;
	const char *config_path;
	const char *output;   // a file in place of standard output; NULL for none
	const char *key_file; // NULL for none
	bool json, csv, merge, has_limit;
	int64_t now;
	struct history_filter filter;
	struct config *config;
	char database[4200]; // its path
	struct history *history;
};

// The rows of a verb's table of long options; ask_arguments() knows what to do with each.
#define ASK_CONFIG                                                                                 \
	{                                                                                          \
		"config", required_argument, NULL, 'c'                                             \
	}
#define ASK_HELP                                                                                   \
	{"help", no_argument, NULL, 'h'},                                                          \
	{                                                                                          \
		NULL, 0, NULL, 0                                                                   \
	}
#define ASK_JSON                                                                                   \
	{                                                                                          \
		"json", no_argument, NULL, 'j'                                                     \
	}
#define ASK_CSV                                                                                    \
	{                                                                                          \
		"csv", no_argument, NULL, 'v'                                                      \
	}
#define ASK_SINCE                                                                                  \
	{                                                                                          \
		"since", required_argument, NULL, 's'                                              \
	}
#define ASK_UNTIL                                                                                  \
	{                                                                                          \
		"until", required_argument, NULL, 'u'                                              \
	}
#define ASK_SITE                                                                                   \
	{                                                                                          \
		"site", required_argument, NULL, 't'                                               \
	}
#define ASK_OUTCOME                                                                                \
	{                                                                                          \
		"outcome", required_argument, NULL, 'o'                                            \
	}
#define ASK_CLASS                                                                                  \
	{                                                                                          \
		"class", required_argument, NULL, 'l'                                              \
	}
#define ASK_DECISION                                                                               \
	{                                                                                          \
		"decision", required_argument, NULL, 'd'                                           \
	}
#define ASK_LIMIT                                                                                  \
	{                                                                                          \
		"limit", required_argument, NULL, 'n'                                              \
	}
#define ASK_MERGE                                                                                  \
	{                                                                                          \
		"merge", no_argument, NULL, 'm'                                                    \
	}
#define ASK_OUTPUT                                                                                 \
	{                                                                                          \
		"output", required_argument, NULL, 'f'                                             \
	}
#define ASK_KEY_FILE                                                                               \
	{                                                                                          \
		"key-file", required_argument, NULL, 'k'                                           \
	}

// Fills *ask from the arguments: -1 to go on, with optind at the first that is no option; or an
// exit status, after the help or a line on standard error.
int ask_arguments(struct ask *ask, const char *verb, const char *help, const struct option *options,
		  int argc, char **argv);

// Reads the configuration and opens the database: EX_OK, or an exit status after a line on standard
// error.
int ask_open(struct ask *ask);

// Frees what ask_open() opened.
void ask_close(struct ask *ask);

// The exit status for a negative errno of the history, after a line on standard error.
int ask_failed(const struct ask *ask, int64_t error);

// Writes what is in the buffer to standard output and empties it. False where that failed.
bool ask_write(struct buf *buf);

// EX_OK, or EX_IOERR after a line on standard error, where not all was written to standard output.
int ask_finish(const struct ask *ask);

// A stranger's text, escaped and cut to at most width octets, "-" for none; in one of eight static
// buffers.
const char *ask_clean(const char *text, size_t width);

// The same of what is kept escaped: its backslashes are not doubled.
const char *ask_escaped(const char *text, size_t width);

// The id of a request or message as the log names it, in one of four static buffers.
const char *ask_id(int64_t id);
