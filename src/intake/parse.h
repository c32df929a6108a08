// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Has a message parsed by a process that may die of it.
#pragma once

#include "base/buf.h"
#include "intake/message.h"

#define PARSE_MEMORY_MAX  (64 * 1024 * 1024) // octets of address space; the resident has 16 MB
#define PARSE_CPU_MAX     2                  // seconds of processor
#define PARSE_TIME_MAX    10000              // ms of wall clock
#define PARSE_LINE_MAX    (256 * 1024)       // octets of the facts line
#define PARSE_OUTCOME_MAX 100

struct parse {
	bool is_done;                // the facts line was appended
	char why[PARSE_OUTCOME_MAX]; // else why not: "parser died: signal 11"
	long ms;                     // processor time it took
	long kb;                     // its peak resident memory
};

// Once, in the resident, before any fork: what the libraries set up on first use (types, tables,
// symbols, a hash seed) is then inherited instead of made anew for each message; and the filter
// that the parser runs in. 0, or a negative errno where there can be no such filter.
int parse_prepare(void) must_check;

// Appends the message's facts line (entry_write_facts) to out, or nothing. 0, or a negative errno
// where no process could be started or confined: then nothing is known of the message, and it
// should be tried again.
int parse_message(const struct message *message, struct buf *out,
		  struct parse *ret_parse) must_check;

// Whether what the parser said is one line that looks like a JSON object.
bool parse_is_line(const struct buf *said);

// The facts line of a message that nobody can read.
void parse_give_up(const char *why, struct buf *out);
