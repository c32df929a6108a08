// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// The one way to the operator's eye. The grammar is Postfix's: `program[pid]: TOKEN: key=value, …`.
//
// A line goes to syslog(3), facility mail, or, asked for by a program's --stderr, to standard error
// with a time stamp. Leaf code does not call this: who decides what a failure means logs it, once.
// Values that came from outside pass text_escape_log first (log_value does that).
#pragma once

#include <syslog.h> // LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG

#include "base/cleanup.h"

enum log_target {
	LOG_TO_SYSLOG,
	LOG_TO_STDERR,
};

// program is borrowed for the life of the process.
void log_open(const char *program, enum log_target target);

// A line about no message in particular: `program[pid]: text`.
void log_note(int level, const char *format, ...) printf_like(2, 3);

// A line about one: `program[pid]: TOKEN: text`. token names it: the request's or the probe's id;
// before there is one, the queue id.
void log_event(int level, const char *token, const char *format, ...) printf_like(3, 4);

// src escaped for use as a value, in one of a few rotating static buffers of 400 bytes: good for
// the arguments of one log call, no longer. NULL counts as "". Not for threads.
const char *log_value(const char *src);
