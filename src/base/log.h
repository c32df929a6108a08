// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The one way to the operator's eye. The grammar is Postfix's: `program[pid]: TOKEN: key=value, …`.
// Each line stands in postsix-log(7), which a test holds against the calls of these functions.
//
// A line goes to syslog, facility mail, or, asked for by a program's --stderr, to standard error
// with a time stamp. Where journald is who listens there, it gets the line with its keys as fields
// (log_fields.h), and forwards it to whoever is syslog: each has it once. Nobody waits for a
// receiver for longer than 20 ms: what it does not take stays in memory, up to 1000 lines, and goes
// before the next line; how many did not fit a line says that.
//
// Leaf code does not call this: who decides what a failure means logs it, once. Values that came
// from outside pass text_escape_log first (log_value does that).
#pragma once

#include <stdbool.h>
#include <syslog.h> // LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG

#include "base/cleanup.h"

enum log_target {
	LOG_TO_SYSLOG,
	LOG_TO_STDERR,
};

// Where the receivers are. NULL for journal: journald is not among them.
struct log_places {
	const char *journal; // journald's socket of the native protocol
	const char *syslog;  // /dev/log
};

// program is borrowed for the life of the process. What waits at exit(3) is given a second.
void log_open(const char *program, enum log_target target);
// The same with sockets elsewhere, as for tests; they are borrowed too.
void log_open_at(const char *program, enum log_target target, const struct log_places *places);

// Whether journald reads standard error: a line of the log and one there would be the same twice.
bool log_is_stderr_journal(void);

// A line about no message in particular: `program[pid]: text`.
void log_note(int level, const char *format, ...) printf_like(2, 3);

// A line about one: `program[pid]: TOKEN: text`. token names it: the request's or the probe's id;
// before there is one, the queue id.
void log_event(int level, const char *token, const char *format, ...) printf_like(3, 4);

// Lines that wait are offered again, for at most so many milliseconds. Who ends by _exit(2) calls
// it before, who idles for long now and then. True where none is left.
bool log_flush(int patience_ms);

// src escaped for use as a value, in one of a few rotating static buffers of 400 bytes: good for
// the arguments of one log call, no longer. NULL counts as "". Not for threads.
const char *log_value(const char *src);
