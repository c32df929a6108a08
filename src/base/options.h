// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The options of a program or a verb: a table that says where each value goes. --help, -h, is
// everybody's.
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

#define OPTIONS_MAX 20 // rows of a table

enum options_kind {
	OPTIONS_FLAG,  // a bool, which becomes true
	OPTIONS_TEXT,  // a const char *
	OPTIONS_READ,  // whatever read() makes of the value
	OPTIONS_MAYBE, // likewise; there may be none, and read() is given NULL
	OPTIONS_DO,    // there is none, and read() is given NULL
};

struct options_row {
	const char *name; // without its dashes
	char letter;      // '\0': it has no short form
	enum options_kind kind;
	size_t place; // offset of a flag or text
	// NULL, or a sentence that says what is wrong. value lives as long as argv.
	const char *(*read)(void *to, const char *value);
};

struct options {
	const char *program; // "postsix list"
	const char *help;
	const struct options_row *rows; // up to one without a name
	int least, most;                // words that are no options; most < 0: any number
};

// Fills *to, which has the defaults. -1 to go on, with optind at the first word that is no option;
// or an exit status, after the help, or a line on standard error that says what is wrong.
int options_read(const struct options *options, int argc, char **argv, void *to) must_check;

// After a mistake that only the program sees: the help, and EX_USAGE.
int options_misused(const struct options *options) must_check;
