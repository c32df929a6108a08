// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Domains to look at, out of arguments, files and standard input, in that order, one after the
// other as they are asked for: however many there are, one block of them is in memory.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/loop.h"
#include "mail/domain.h"

enum names_next {
	NAMES_ONE,
	NAMES_WAIT, // for whoever writes the list: on_ready is called when there is more
	NAMES_END,
};

struct names;

// Arguments and paths are borrowed; "-" among either is standard input. Files are opened when their
// turn comes. on_fault gets a line, without its end, for each name that is none and each file that
// cannot be read: "FILE:LINE: sentence".
struct names *names_new(struct loop *loop, void (*on_ready)(void *arg),
			void (*on_fault)(void *arg, const char *line), void *arg);
void names_add_word(struct names *names, const char *word);
void names_add_file(struct names *names, const char *path);

// The next domain. Blank lines and comments (from # on) are passed over, faults are told and passed
// over; a final dot is dropped. Domains are in ASCII, not address literals.
enum names_next names_next(struct names *names, struct domain *ret_domain);

// True while standard input or a file says nothing.
bool names_is_waiting(const struct names *names);

// The name given last is none: what on_fault gets for a line.
void names_refuse(struct names *names, const char *sentence);

// EX_OK, EX_DATAERR where a name was none, EX_NOINPUT where a file could not be read.
int names_status(const struct names *names);

// How much of all there is has been taken, in thousandths; -1 where nobody knows.
int names_share(const struct names *names);

struct names *names_free(struct names *names);
