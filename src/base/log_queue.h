// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// Lines on their way to journald or syslog, and those that wait for it. One per process; the caller
// holds the lock where there are threads.
#pragma once

#include <stdbool.h>

#include "base/log_fields.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET  "/dev/log"

#define LOG_QUEUE_MAX 1000 // lines
#define LOG_LOST      "log=late, lost=%zu, error=nobody took what was written"

struct log_places;

// Whether journald reads what is written to standard error ($JOURNAL_STREAM, see systemd.exec(5)),
// or, with a path, listens at that socket, which then leads to one below /run/systemd/journal.
bool log_queue_is_journal(const char *syslog);

// Sends line behind those that wait. journald first; where it is not there, to places->syslog, if
// that is not NULL. Where nothing waits, a receiver whose queue is full is given so many
// milliseconds; what is not taken waits. Of more than LOG_QUEUE_MAX the oldest stay, and those that
// were lost are told of by a line of their own. A child of fork(2) has none that wait.
void log_queue_add(const struct log_places *places, const struct log_line *line, int patience_ms);

// Sends those that wait, for at most so many milliseconds. True where none is left.
bool log_queue_flush(const struct log_places *places, int patience_ms);
