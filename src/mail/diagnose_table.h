// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The table of mail/diagnose, read from text that sysadmins write: templates/diagnose.tab explains
// its columns. Rows count in the order in which they were read; a file of one's own is read first.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/finder.h"
#include "mail/diagnose.h"

#define DIAGNOSE_ROWS_MAX  4000
#define DIAGNOSE_LINE_MAX  1000
#define DIAGNOSE_PARTS_MAX 8 // phrases of one way to say it, apart by "..."
#define DIAGNOSE_ANY       (-1)

enum diagnose_voice {
	VOICE_ANY,
	VOICE_REPORTER, // the reporter's own words: no server's answer is the reason
	VOICE_REMOTE,   // a remote server's answer
};

// Phrases that must follow one another.
struct diagnose_words {
	int parts[DIAGNOSE_PARTS_MAX];
	size_t n_parts;
};

struct diagnose_row {
	enum class class;
	enum diagnose_voice voice;
	unsigned phases;                   // bits, 1 << PHASE_…; 0: any
	int code[3];                       // digits of the SMTP reply; or any
	int status_class, subject, detail; // of the status; or any
	char *provider;                    // domains, apart by commas; "" for any
	size_t n_words;                    // ways to say it; 0: any words
	struct diagnose_words *words;
	bool is_last; // behind "otherwise"
	char *name;   // "diagnose.tab:47"
};

struct diagnose_table {
	size_t n_rows, rows_room;
	struct diagnose_row *rows;
	struct finder *finder;
	int *own; // the numbers of diagnose.c's own phrases, in its order
};

// One without rows. diagnose_table_free() it; NULL is fine there.
struct diagnose_table *diagnose_table_new(void) __attribute__((returns_nonnull));
struct diagnose_table *diagnose_table_free(struct diagnose_table *table);

// Reads rows behind those that are there. name is what faults and rows call the text. NULL, or a
// sentence that says what is wrong in line *ret_line; the table is then of no more use. Any bytes.
const char *diagnose_table_read(struct diagnose_table *table, const char *name, const char *text,
				size_t len, unsigned *ret_line) __attribute__((warn_unused_result));

// Once, after the last text and before the first diagnose().
void diagnose_table_finish(struct diagnose_table *table);
