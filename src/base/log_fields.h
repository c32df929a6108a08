// SPDX-License-Identifier: ISC
// Copyright (c) 2026 The postsix authors

// A line of the log as its receivers want it: journald with fields, syslog as text.
#pragma once

#include <time.h>

#include "base/buf.h"

#define LOG_LINE_SIZE 2000

struct log_line {
	const char *program;
	int level;
	time_t time;
	size_t token; // length of the token that the text begins with, before ": "; 0: none
	char text[LOG_LINE_SIZE]; // one line, without control characters
};

// As https://systemd.io/JOURNAL_NATIVE_PROTOCOL/ says: MESSAGE, PRIORITY, and what syslog(3) would
// say in SYSLOG_ fields; POSTSIX_ID, the token, but for NOTOKEN, NOQUEUE and -; POSTSIX_EVENT, the
// line's first word, which is its first key where it begins with one; and for each key=value
// POSTSIX_KEY, in capitals, with an underscore for a hyphen. A comma and a blank end a value: in a
// stranger's word they are escaped.
void log_fields_journal(struct buf *out, const struct log_line *line);

// As syslog(3) would write it (RFC 3164), facility mail.
void log_fields_syslog(struct buf *out, const struct log_line *line);
