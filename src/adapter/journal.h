// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// An instance's log, line by line, from a place that was kept: systemd's journal, or a file that is
// followed over its rotation. Nothing that is still there is lost by a restart of ours: a file that
// was renamed to FILE.1 or FILE.0 meanwhile is read to its end first.
//
// All functions return 0, 1 or a negative errno and never wait.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "mail/maillog.h"

#define JOURNAL_PLACE_SIZE 600

struct journal;

// where: "journal", or a file's absolute path. place: what journal_place() said once; "" for the
// first time, which begins at the end of what is there. A file that is not there yet is waited for.
int journal_open(const char *where, const char *instance, const char *place,
		 struct journal **ret_journal) must_check;
struct journal *journal_free(struct journal *journal);

// The next line, read; of kind MAILLOG_NONE where it is about something else. 1, or 0 where there
// is none yet.
int journal_next(struct journal *journal, int64_t now, struct maillog *ret_log) must_check;

// Behind the line that was read last.
void journal_place(const struct journal *journal, char dst[JOURNAL_PLACE_SIZE]);
