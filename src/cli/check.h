// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// postsix check: a table of checks, each in a file with its kin, and what they found. A check says
// a line for each thing it looked at, and below a line that is not good, how to mend it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/config.h"
#include "base/cleanup.h"

#define CHECK_VERSION  1 // of the JSON
#define CHECK_MEND_MAX 3

enum check_level {
	CHECK_OK,
	CHECK_WARN,
	CHECK_FAIL,
	CHECK_LEVELS,
};

struct check_line {
	const char *check; // the row's name
	char *subject;     // what was looked at, "" for the whole
	enum check_level level;
	char *text; // printable
	char *mend[CHECK_MEND_MAX];
	size_t n_mend;
};

struct check {
	const struct config *config;
	const char *site;        // NULL: all
	const char *server;      // of the DNS; NULL: resolv.conf(5)'s
	const char *setup;       // postsix-setup(8)
	const char *unit_prefix; // of the instances' units
	const char *self_sender; // of the self-test; NULL: the operator
	int64_t spool_age;       // s: an entry that is older was forgotten
	int64_t self_wait;       // s: for the self-test
	bool is_strict;          // the name servers, too
	bool is_json;            // nothing is printed before the end
	const char *current;     // the row at work
	struct check_line *lines;
	size_t n_lines;
};

// One line. The text may hold what strangers wrote: it is escaped.
void check_say(struct check *check, enum check_level level, const char *subject, const char *format,
	       ...) printf_like(4, 5);

// How to mend what the last line says.
void check_mend(struct check *check, const char *format, ...) printf_like(2, 3);

// Prints the lines from the first one on, as a table.
void check_print(const struct check *check, size_t first);

// All lines in one object.
void check_print_json(const struct check *check);

// How many lines are of that level.
size_t check_count(const struct check *check, enum check_level level);

// Frees the lines, not check itself.
void check_free_lines(struct check *check);

// The checks.
void check_dns(struct check *check);
void check_port25(struct check *check);
void check_inject(struct check *check);
void check_units(struct check *check);
void check_settings(struct check *check);
void check_policy(struct check *check);
void check_milter(struct check *check);
void check_intake(struct check *check);
void check_spool(struct check *check);
void check_database(struct check *check);
void check_queue(struct check *check);
void check_disk(struct check *check);
void check_clock(struct check *check);
void check_secret(struct check *check);
void check_certificate(struct check *check);
void check_self_test(struct check *check);
