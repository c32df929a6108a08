// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// What the verbs that ask the database have in common: the configuration, the database, which
// requests are meant, and how the answer is printed.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "adapter/config.h"
#include "adapter/history.h"
#include "base/buf.h"
#include "base/options.h"

struct ask {
	const char *program; // "postsix list"
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

// The rows of a verb's table of options: {ASK_CONFIG}, …
#define ASK_TEXT(name, letter, member)                                                             \
	name, letter, OPTIONS_TEXT, offsetof(struct ask, member), NULL
#define ASK_FLAG(name, member) name, '\0', OPTIONS_FLAG, offsetof(struct ask, member), NULL
#define ASK_READ(name, read)   name, '\0', OPTIONS_READ, 0, read
#define ASK_CONFIG             ASK_TEXT("config", 'c', config_path)
#define ASK_OUTPUT             ASK_TEXT("output", '\0', output)
#define ASK_KEY_FILE           ASK_TEXT("key-file", '\0', key_file)
#define ASK_SITE               ASK_TEXT("site", '\0', filter.site)
#define ASK_DECISION           ASK_TEXT("decision", '\0', filter.decision)
#define ASK_JSON               ASK_FLAG("json", json)
#define ASK_CSV                ASK_FLAG("csv", csv)
#define ASK_MERGE              ASK_FLAG("merge", merge)
#define ASK_SINCE              ASK_READ("since", ask_read_since)
#define ASK_UNTIL              ASK_READ("until", ask_read_until)
#define ASK_OUTCOME            ASK_READ("outcome", ask_read_outcome)
#define ASK_CLASS              ASK_READ("class", ask_read_class)
#define ASK_LIMIT              ASK_READ("limit", ask_read_limit)

// Their readers, as base/options.h wants them.
const char *ask_read_since(void *to, const char *value);
const char *ask_read_until(void *to, const char *value);
const char *ask_read_outcome(void *to, const char *value);
const char *ask_read_class(void *to, const char *value);
const char *ask_read_limit(void *to, const char *value);

// Fills *ask from the arguments: -1 to go on, with optind at the first that is no option; or an
// exit status, after the help or a line on standard error.
int ask_arguments(struct ask *ask, const struct options *options, int argc, char **argv);

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
