// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The table of options behind adapter/config.h: one row each, from which files are read, values
// printed and the man page tested. Included by config.c and config_table.c alone.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/config.h"

enum option_type {
	OPTION_TEXT, // one line of UTF-8 without controls
	OPTION_PATH, // absolute
	OPTION_WORD, // letters, digits, dots, hyphens, underscores
	OPTION_NUMBER,
	OPTION_DURATION,
	OPTION_SIZE,
	OPTION_SWITCH, // yes or no
	OPTION_DOMAIN,
	OPTION_ADDRESS, // a mailbox
	OPTION_LISTEN,  // IP addresses separated by blanks
	OPTION_LOG,     // journal, none, or an absolute path
};

enum option_scope {
	SCOPE_CONFIG, // offset is into struct config
	SCOPE_SITE,   // into each struct config_site
};

struct option {
	const char *section;
	const char *name;
	enum option_type type;
	enum option_scope scope;
	size_t offset;
	int64_t min; // of numbers, durations and sizes
	int64_t max;
	const char *fallback; // the default as it would be written; NULL: must be given
	bool reloadable;
	const char *help;
};

#define OPTIONS_MAX 64

extern const struct option option_table[];
extern const size_t n_options;

// A configuration with what the reader remembers of it.
struct config_file {
	struct config config; // first, so that a pointer to one is a pointer to the other
	int lines[CONFIG_SITES_MAX + 1]
		 [OPTIONS_MAX]; // by site (the last row: no site) and option; 0: default
	char *printed;          // config_get's answer
};

// The row for an option, or NULL.
const struct option *option_find(const char *section, const char *name);

// Checks text against the row and stores it; NULL, or a sentence that says what is wrong.
const char *option_store(struct config *config, size_t site, const struct option *option,
			 const char *text) must_check;

// Frees what the row owns.
void option_clear(struct config *config, size_t site, const struct option *option);
